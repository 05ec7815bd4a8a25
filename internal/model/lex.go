package model

import (
	"strings"
	"unicode/utf8"
)

// TokenKind is what a token is; see the constants.
type TokenKind uint8

// Kinds of tokens. The texts of all tokens of a file, joined, are the file:
// nothing is dropped and nothing is interpreted.
const (
	Space        TokenKind = iota // blanks and line ends
	LineComment                   // -- to the end of the line, without it
	BlockComment                  // /* nested */
	Ident                         // unquoted identifier or keyword
	QuotedIdent                   // "with "" inside"
	String                        // 'with '' inside', E'\n', x'00', $tag$dollar$tag$
	Number                        // 1, 1.5e-3, 0xff, 1_000
	Macro                         // @name
	Param                         // $1, $name
	Op                            // operators and punctuation, longest first
	Broken                        // an unclosed string, identifier or comment, up to the end of the file
)

// Token is a piece of SQL text. Start is its byte offset.
type Token struct {
	Kind  TokenKind
	Start int
	Text  string
}

// End is the offset just after the token.
func (t Token) End() int { return t.Start + len(t.Text) }

// Span is the token's range.
func (t Token) Span() Span { return Span{t.Start, t.End()} }

// Significant is false for blanks and comments.
func (t Token) Significant() bool {
	return t.Kind != Space && t.Kind != LineComment && t.Kind != BlockComment
}

// Is compares an operator or, without case, an unquoted word.
func (t Token) Is(text string) bool {
	switch t.Kind {
	case Op:
		return t.Text == text
	case Ident:
		return strings.EqualFold(t.Text, text)
	}
	return false
}

// Lex cuts text into tokens. It never fails: what is not closed becomes a
// Broken token.
func Lex(text string) []Token {
	l := lexer{text: text, tokens: make([]Token, 0, len(text)/4+1)}
	for l.at < len(text) {
		start := l.at
		kind := l.next()
		l.tokens = append(l.tokens, Token{kind, start, text[start:l.at]})
	}
	return l.tokens
}

type lexer struct {
	text   string
	at     int
	tokens []Token
}

// peek is the byte n ahead, 0 after the end.
func (l *lexer) peek(n int) byte {
	if l.at+n < len(l.text) {
		return l.text[l.at+n]
	}
	return 0
}

func (l *lexer) next() TokenKind {
	c := l.peek(0)
	switch {
	case isSpace(c):
		l.while(isSpace)
		return Space
	case c == '-' && l.peek(1) == '-':
		l.while(func(c byte) bool { return c != '\n' })
		return LineComment
	case c == '/' && l.peek(1) == '*':
		return l.blockComment()
	case c == '\'':
		return l.quoted('\'', false, String)
	case (c == 'e' || c == 'E') && l.peek(1) == '\'':
		l.at++
		return l.quoted('\'', true, String)
	case (c == 'x' || c == 'X' || c == 'b' || c == 'B') && l.peek(1) == '\'':
		l.at++
		return l.quoted('\'', false, String)
	case c == '"':
		return l.quoted('"', false, QuotedIdent)
	case c == '$':
		return l.dollar()
	case c == '@' && isIdentStart(l.peek(1)):
		l.at++
		l.while(isIdentPart)
		return Macro
	case isDigit(c) || c == '.' && isDigit(l.peek(1)) && !l.afterName():
		l.number()
		return Number
	case isIdentStart(c):
		l.while(isIdentPart)
		return Ident
	}
	l.operator()
	return Op
}

// afterName says that a dot here qualifies a name (t.1 is no number there).
func (l *lexer) afterName() bool {
	if len(l.tokens) == 0 {
		return false
	}
	last := l.tokens[len(l.tokens)-1]
	return last.Kind == Ident || last.Kind == QuotedIdent || last.Is(")") || last.Is("]")
}

func (l *lexer) while(in func(byte) bool) {
	for l.at < len(l.text) && in(l.text[l.at]) {
		l.at++
	}
}

func (l *lexer) blockComment() TokenKind {
	depth := 0
	for l.at < len(l.text) {
		switch {
		case l.peek(0) == '/' && l.peek(1) == '*':
			depth++
			l.at += 2
		case l.peek(0) == '*' && l.peek(1) == '/':
			depth--
			l.at += 2
			if depth == 0 {
				return BlockComment
			}
		default:
			l.at++
		}
	}
	return Broken
}

func (l *lexer) quoted(quote byte, escapes bool, kind TokenKind) TokenKind {
	l.at++
	for l.at < len(l.text) {
		c := l.peek(0)
		switch {
		case escapes && c == '\\' && l.at+1 < len(l.text):
			l.at += 2
		case c == quote && l.peek(1) == quote:
			l.at += 2
		case c == quote:
			l.at++
			return kind
		default:
			l.at++
		}
	}
	return Broken
}

// dollar reads $tag$ ... $tag$, $1, $name or a lone $.
func (l *lexer) dollar() TokenKind {
	start := l.at
	l.at++
	if isDigit(l.peek(0)) {
		l.while(isDigit)
		return Param
	}
	if isIdentStart(l.peek(0)) {
		l.while(func(c byte) bool { return isIdentPart(c) && c != '$' })
	}
	if l.peek(0) != '$' {
		if l.at-start > 1 {
			return Param
		}
		return Op
	}
	l.at++
	tag := l.text[start:l.at]
	end := strings.Index(l.text[l.at:], tag)
	if end < 0 {
		l.at = len(l.text)
		return Broken
	}
	l.at += end + len(tag)
	return String
}

func (l *lexer) number() {
	if l.peek(0) == '0' && (l.peek(1) == 'x' || l.peek(1) == 'X' || l.peek(1) == 'b' || l.peek(1) == 'B') {
		l.at += 2
		l.while(isIdentPart)
		return
	}
	digits := func(c byte) bool { return isDigit(c) || c == '_' }
	l.while(digits)
	if l.peek(0) == '.' && l.peek(1) != '.' {
		l.at++
		l.while(digits)
	}
	if c := l.peek(0); c == 'e' || c == 'E' {
		sign := 1
		if l.peek(1) == '+' || l.peek(1) == '-' {
			sign = 2
		}
		if isDigit(l.peek(sign)) {
			l.at += sign
			l.while(digits)
		}
	}
}

// operators of more than one byte that matter as one token, longest first.
// DuckDB joins any run of operator characters; a run that is not listed comes
// out as single tokens, which is as lossless.
var operators = []string{"->>", "<=>", "!~~*", "!~~", "~~*", "!~*", "~~", "!~", "~*", "::", ":=", "||", "->", "=>", "<=", ">=", "<>", "!=", "==", "<<", ">>", "&&", "//", "**", "@>", "<@", "^@"}

func (l *lexer) operator() {
	for _, o := range operators {
		if strings.HasPrefix(l.text[l.at:], o) {
			l.at += len(o)
			return
		}
	}
	_, n := utf8.DecodeRuneInString(l.text[l.at:])
	l.at += n
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'
}
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isIdentStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= utf8.RuneSelf
}
func isIdentPart(c byte) bool { return isIdentStart(c) || isDigit(c) || c == '$' }

// significant drops blanks and comments.
func significant(tokens []Token) []Token {
	kept := make([]Token, 0, len(tokens)/2+1)
	for _, t := range tokens {
		if t.Significant() {
			kept = append(kept, t)
		}
	}
	return kept
}

// name is the identifier a token spells: folded if unquoted, as written (with
// doubled quotes undone) if quoted. ok is false for every other token.
func (t Token) name() (s string, ok bool) {
	switch t.Kind {
	case Ident:
		return strings.ToLower(t.Text), true
	case QuotedIdent:
		return strings.ReplaceAll(t.Text[1:len(t.Text)-1], `""`, `"`), true
	}
	return "", false
}

// str is the value of a plain '...' string.
func (t Token) str() (s string, ok bool) {
	if t.Kind != String || t.Text[0] != '\'' {
		return "", false
	}
	return strings.ReplaceAll(t.Text[1:len(t.Text)-1], "''", "'"), true
}
