package sqlfmt

import (
	"strings"

	"beanflows.coffee/materia/internal/model"
)

// Role is what a word is where it stands.
type Role uint8

// The roles of tokens. Only words have one; the rest is None.
const (
	None     Role = iota
	Name          // a column, table, alias, function, or argument
	Keyword       // of the grammar
	TypeName      // in CAST(x AS T), x::T, or columns (...)
)

// frame is an open bracket while roles are given.
type frame struct {
	word   string // the word before it, lower case
	inType bool   // what stands in it is a type
}

// speaker walks significant tokens and gives roles.
type speaker struct {
	tokens   []model.Token
	roles    []Role
	stack    []frame
	operand  bool // an operand is expected: a soft keyword here is a name
	interval bool // an INTERVAL waits for its unit
}

// Roles says of each significant token of a query or expression whether it is
// a keyword there. DuckDB has no such list: it is told from the neighbours,
// which is why a formatted file is compared by its syntax tree as well.
func Roles(tokens []model.Token) []Role {
	s := &speaker{tokens: tokens, roles: make([]Role, len(tokens)), stack: []frame{{}}, operand: true}
	for i := range tokens {
		s.roles[i] = s.role(i)
	}
	return s.roles
}

func (s *speaker) at(i int) string {
	if i < 0 || i >= len(s.tokens) {
		return ""
	}
	t := s.tokens[i]
	if t.Kind == model.Ident || t.Kind == model.Op {
		return strings.ToLower(t.Text)
	}
	return ""
}

func (s *speaker) keyword(i int) bool { return i >= 0 && s.roles[i] == Keyword }

func (s *speaker) top() *frame { return &s.stack[len(s.stack)-1] }

func (s *speaker) role(i int) Role {
	t := s.tokens[i]
	if t.Kind != model.Ident {
		s.punctuation(i)
		return None
	}
	w, prev, next := s.at(i), s.at(i-1), s.at(i+1)
	if s.top().inType {
		return s.typeWord(w, prev)
	}
	if prev == "::" {
		s.operand = false
		return s.typeWord(w, prev)
	}
	role := s.word(i, w, prev, next)
	switch {
	case role == Name:
		s.operand = false
	case w == "interval":
		s.interval, s.operand = true, true
	default:
		s.operand = !operands[w]
	}
	return role
}

func (s *speaker) typeWord(w, prev string) Role {
	field := (prev == "(" || prev == ",") && (s.top().word == "struct" || s.top().word == "union" || s.top().word == "row")
	if typeNames[w] && !field {
		return TypeName
	}
	return Name
}

// word decides for an unquoted word outside of types.
func (s *speaker) word(i int, w, prev, next string) Role {
	switch {
	case prev == "." || next == "." || next == ":=" || next == "=>":
		return Name
	case prev == "as" && s.keyword(i-1):
		if w == "materialized" || w == "not" && next == "materialized" {
			return Keyword
		}
		return Name
	case w == "materialized" && prev == "not", w == "recursive" && prev == "with":
		return Keyword
	case reserved[w]:
		if w == "as" && (s.top().word == "cast" || s.top().word == "try_cast") {
			s.top().inType = true
		}
		return Keyword
	case joining[w] && next != "(":
		return Keyword
	case w == "by" && (prev == "group" || prev == "order" || prev == "partition" || prev == "union" || prev == "all"):
		return Keyword
	case (w == "like" || w == "ilike" || w == "glob") && !s.operand:
		return Keyword
	case callable[w] && next == "(":
		return Keyword
	case w == "grouping" && next == "sets", w == "sets" && prev == "grouping":
		return Keyword
	case s.frameWord(i, w, prev, next):
		return Keyword
	case s.interval && units[w] && !s.operand:
		s.interval = false
		return Keyword
	case w == "interval" && s.operand && (next == "(" || s.literal(i+1)):
		return Keyword
	case (w == "date" || w == "time" || w == "timestamp" || w == "timestamptz") && s.operand && s.stringAt(i+1):
		return Keyword
	case !s.operand && s.infixWord(i, w, prev, next):
		return Keyword
	}
	return Name
}

// frameWord knows words that stand where an operand is expected, by the keyword
// before them: those of a window's frame, AT TIME ZONE, IGNORE NULLS.
func (s *speaker) frameWord(i int, w, prev, next string) bool {
	switch w {
	case "partition":
		return next == "by"
	case "unbounded":
		return next == "preceding" || next == "following"
	case "current":
		return next == "row"
	case "row":
		return prev == "current" && s.keyword(i-1)
	case "between":
		return (prev == "rows" || prev == "range" || prev == "groups") && s.keyword(i-1)
	case "preceding", "following":
		return prev == "unbounded" && s.keyword(i-1)
	case "time":
		return prev == "at" && s.keyword(i-1)
	case "zone":
		return prev == "time" && s.keyword(i-1)
	case "nulls":
		return (prev == "ignore" || prev == "respect") && s.keyword(i-1)
	case "first", "last":
		return prev == "nulls" && s.keyword(i-1)
	case "rows", "range", "groups":
		return prev == "(" && s.top().word == "over"
	}
	return false
}

// infixWord knows the words that follow a complete operand.
func (s *speaker) infixWord(i int, w, prev, next string) bool {
	switch w {
	case "over", "filter":
		return prev == ")" || s.keyword(i-1)
	case "within":
		return next == "group"
	case "nulls":
		return next == "first" || next == "last"
	case "ignore", "respect":
		return next == "nulls"
	case "at":
		return next == "time"
	case "rows", "range", "groups":
		return next == "between" || next == "unbounded" || next == "current" || s.literal(i+1)
	case "exclude", "replace", "rename":
		return next == "(" || prev == "*"
	}
	return infix[w]
}

func (s *speaker) literal(i int) bool {
	return i < len(s.tokens) && (s.tokens[i].Kind == model.String || s.tokens[i].Kind == model.Number)
}

func (s *speaker) stringAt(i int) bool {
	return i < len(s.tokens) && s.tokens[i].Kind == model.String
}

// punctuation keeps the stack of brackets and what is expected next.
func (s *speaker) punctuation(i int) {
	t := s.tokens[i]
	if t.Kind != model.Op {
		s.operand = false
		return
	}
	switch t.Text {
	case "(", "[", "{":
		f := frame{inType: s.top().inType}
		if i > 0 && s.tokens[i-1].Kind == model.Ident {
			f.word = s.at(i - 1)
		}
		s.stack = append(s.stack, f)
		s.operand = true
	case ")", "]", "}":
		if len(s.stack) > 1 {
			s.stack = s.stack[:len(s.stack)-1]
		}
		s.operand = false
	case "*":
		s.operand = !s.operand // a star, or a product
	case ".":
		s.operand = true
	case ";":
		s.stack, s.operand = []frame{{}}, true
	default:
		s.operand = true
	}
}
