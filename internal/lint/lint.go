package lint

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"beanflows.coffee/materia/internal/model"
	"beanflows.coffee/materia/internal/sqlfmt"
)

// The rules. The first three have SQLMesh's names.
const (
	NoSelectStar      = "noselectstar"
	NoMissingAudits   = "nomissingaudits"
	NoMissingUnitTest = "nomissingunittest"
	PortableFunctions = "portablefunctions"
	PortableSyntax    = "portablesyntax"
	PortableDivision  = "portabledivision"
	LiteralSubscripts = "literalsubscripts"
	UnusedIgnore      = "unusedignore"
)

// Rules lists every rule with what it asks for.
func Rules() [][2]string {
	return [][2]string{
		{NoSelectStar, "the outermost SELECT names its columns"},
		{NoMissingAudits, "a model has audits"},
		{NoMissingUnitTest, "a model that does not read files has a unit test"},
		{PortableFunctions, "foundation and serving call functions that DuckDB and Trino compute alike"},
		{PortableSyntax, "foundation and serving use keywords, operators and types that both read alike"},
		{PortableDivision, "a quotient has a DOUBLE in it: Trino divides integers without a rest and decimals to a scale"},
		{LiteralSubscripts, "a subscript is a literal: SQLMesh may read a computed one as one more"},
		{UnusedIgnore, "an ignored rule would have found something"},
	}
}

// portable are the schemas that keep to SQL of both engines.
var portable = []string{"foundation", "serving"}

// Finding is one place where a rule does not hold.
type Finding struct {
	Rule    string `json:"rule"`
	Model   string `json:"model"`
	File    string `json:"file"` // the project's root joined with the file's place in it
	Line    int    `json:"line"` // from 1
	Col     int    `json:"column"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`

	source string
	width  int
}

// String is "file:line:col: rule: message", the line with a caret, and the hint.
func (f Finding) String() string {
	return (&model.Error{File: f.File, Line: f.Line, Col: f.Col, Msg: f.Rule + ": " + f.Message, Hint: f.Hint, Source: f.source, Width: f.width}).Error()
}

// Project looks at every model of p, which was loaded from files. tested holds
// the names of models that a unit test names.
func Project(p *model.Project, tested map[string]bool) ([]Finding, error) {
	var all []Finding
	for _, name := range p.Order {
		m := p.Models[name]
		path := filepath.Join(p.Root, filepath.FromSlash(m.File))
		raw, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("lint: %w", err)
		}
		all = append(all, newReview(m, path, string(raw)).findings(tested[name])...)
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return all, nil
}

// review is one model under the rules.
type review struct {
	m       *model.Model
	path    string
	text    string
	lines   []int         // offset of each line's first byte
	header  []model.Token // significant
	query   []model.Token // significant
	roles   []sqlfmt.Role // of query
	ignored []ignore
	found   []Finding
}

// ignore is a wish to pass over a rule.
type ignore struct {
	rule string
	at   model.Token
	line int // 0: in the whole model
	used bool
}

func newReview(m *model.Model, path, text string) *review {
	r := &review{m: m, path: path, text: text, lines: []int{0}}
	for i := range len(text) {
		if text[i] == '\n' {
			r.lines = append(r.lines, i+1)
		}
	}
	depth, inQuery := 0, false
	for _, t := range model.Lex(text) {
		switch {
		case t.Kind == model.LineComment:
			r.noqa(t)
		case !t.Significant():
		case t.Is(";") && depth == 0:
			inQuery = true
		case inQuery:
			r.query = append(r.query, t)
		default:
			r.header = append(r.header, t)
			if t.Is("(") {
				depth++
			} else if t.Is(")") {
				depth--
			}
		}
	}
	r.roles = sqlfmt.Roles(r.query)
	r.headerIgnores()
	return r
}

func (r *review) findings(tested bool) []Finding {
	name := r.nameToken()
	if len(r.m.Audits) == 0 {
		r.report(NoMissingAudits, name, "audits (not_null(columns := (...)))", "model %s has no audit", r.m.Name)
	}
	if !tested && r.m.Kind != model.Seed && len(r.m.Readers) == 0 {
		r.report(NoMissingUnitTest, name, "materia create_test "+r.m.Name, "model %s has no unit test", r.m.Name)
	}
	r.stars()
	r.subscripts()
	if slices.Contains(portable, r.m.Schema) {
		r.functions()
		r.syntax()
		r.divisions()
	}
	for _, i := range r.ignored {
		switch {
		case !known(i.rule):
			r.report(UnusedIgnore, i.at, "rules: "+strings.Join(names(), ", "), "there is no rule %s", i.rule)
		case !i.used:
			r.report(UnusedIgnore, i.at, "", "%s finds nothing here", i.rule)
		}
	}
	return r.found
}

func known(rule string) bool { return slices.Contains(names(), rule) }

func names() []string {
	var all []string
	for _, rule := range Rules() {
		all = append(all, rule[0])
	}
	return all
}

// report adds a finding unless it is ignored.
func (r *review) report(rule string, at model.Token, hint, format string, args ...any) {
	line := sort.SearchInts(r.lines, at.Start+1)
	for i := range r.ignored {
		if g := &r.ignored[i]; g.rule == rule && (g.line == 0 || g.line == line) {
			g.used = true
			return
		}
	}
	start := r.lines[line-1]
	source, _, _ := strings.Cut(r.text[start:], "\n")
	first, _, _ := strings.Cut(at.Text, "\n")
	r.found = append(r.found, Finding{Rule: rule, Model: r.m.Name, File: r.path, Line: line,
		Col: utf8.RuneCountInString(r.text[start:at.Start]) + 1, Message: fmt.Sprintf(format, args...), Hint: hint,
		source: source, width: utf8.RuneCountInString(first)})
}

// noqa reads a comment "-- noqa: rule, rule (why)".
func (r *review) noqa(t model.Token) {
	text := strings.TrimSpace(strings.TrimPrefix(t.Text, "--"))
	list, ok := strings.CutPrefix(text, "noqa:")
	if !ok {
		return
	}
	list, _, _ = strings.Cut(list, "(")
	line := sort.SearchInts(r.lines, t.Start+1)
	for _, rule := range strings.FieldsFunc(list, func(c rune) bool { return c == ',' || c == ' ' }) {
		r.ignored = append(r.ignored, ignore{rule: strings.ToLower(rule), at: t, line: line})
	}
}

// headerIgnores reads ignored_rules (a, b), ['a', 'b'] or a.
func (r *review) headerIgnores() {
	for i, t := range r.header {
		if !t.Is("ignored_rules") || i == 0 || !(r.header[i-1].Is("(") || r.header[i-1].Is(",")) {
			continue
		}
		depth := 0
		for _, v := range r.header[i+1:] {
			switch {
			case v.Is("(") || v.Is("["):
				depth++
			case v.Is(")") || v.Is("]"):
				depth--
			case v.Is(","):
			default:
				r.ignored = append(r.ignored, ignore{rule: strings.ToLower(strings.Trim(v.Text, `'"`)), at: v})
			}
			if depth <= 0 {
				return
			}
		}
	}
}

// nameToken is the model's name in its header.
func (r *review) nameToken() model.Token {
	for i, t := range r.header {
		if t.Is("name") && i > 0 && (r.header[i-1].Is("(") || r.header[i-1].Is(",")) && i+3 < len(r.header) {
			n := r.header[i+1]
			n.Text = r.text[n.Start:r.header[i+3].End()]
			return n
		}
	}
	return model.Token{Text: r.m.Name}
}

// is compares an operator or a word at a place of the query, which may be none.
func (r *review) is(i int, texts ...string) bool {
	if i < 0 || i >= len(r.query) {
		return false
	}
	return slices.ContainsFunc(texts, r.query[i].Is)
}

// closing is the index of the bracket that closes the one at i.
func (r *review) closing(i int) int {
	depth := 0
	for j := i; j < len(r.query); j++ {
		switch {
		case r.is(j, "(", "[", "{"):
			depth++
		case r.is(j, ")", "]", "}"):
			if depth--; depth == 0 {
				return j
			}
		}
	}
	return len(r.query)
}

// opening is the index of the bracket that the one at i closes.
func (r *review) opening(i int) int {
	depth := 0
	for j := i; j >= 0; j-- {
		switch {
		case r.is(j, ")", "]", "}"):
			depth++
		case r.is(j, "(", "[", "{"):
			if depth--; depth == 0 {
				return j
			}
		}
	}
	return 0
}
