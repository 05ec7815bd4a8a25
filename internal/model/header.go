package model

import (
	"strings"
)

// prop is one "key value" of a MODEL, AUDIT or kind header.
type prop struct {
	key   string
	at    Span // of the key
	value []Token
}

// span is the range of the value, or of the key if there is none.
func (p prop) span() Span {
	if len(p.value) == 0 {
		return p.at
	}
	return Span{p.value[0].Start, p.value[len(p.value)-1].End()}
}

// statement is a header or a query: its significant tokens, without the ";".
type statement struct {
	tokens []Token
	at     Span // from its first to its last token, comments before it included
}

// split cuts a file into statements at the semicolons outside parentheses.
// Text that is not closed, and parentheses that are not, are reported, and ok
// is false: nothing after them can be understood.
func split(f *file, errs *ErrorList) (all []statement, ok bool) {
	var open []Token
	current := statement{at: Span{-1, -1}}
	for _, t := range Lex(f.text) {
		if t.Kind == Broken {
			what := map[byte]string{'"': "quoted identifier", '/': "comment"}[t.Text[0]]
			if what == "" {
				what = "string"
			}
			first, _, _ := strings.Cut(t.Text, "\n")
			errs.add(f, Span{t.Start, t.Start + len(first)}, "", "unclosed %s", what)
			return nil, false
		}
		if !t.Significant() {
			if t.Kind != Space && current.at.Start < 0 {
				current.at = t.Span()
			}
			continue
		}
		switch {
		case t.Is("(") || t.Is("[") || t.Is("{"):
			open = append(open, t)
		case t.Is(")") || t.Is("]") || t.Is("}"):
			if len(open) == 0 || closing[open[len(open)-1].Text] != t.Text {
				errs.add(f, t.Span(), "", "%s closes nothing", t.Text)
				return nil, false
			}
			open = open[:len(open)-1]
		case t.Is(";"):
			if len(open) > 0 {
				unclosed(f, open[len(open)-1], current, errs)
				return nil, false
			}
			all = append(all, current)
			current = statement{at: Span{-1, -1}}
			continue
		}
		if current.at.Start < 0 {
			current.at.Start = t.Start
		}
		current.at.End = t.End()
		current.tokens = append(current.tokens, t)
	}
	if len(open) > 0 {
		unclosed(f, open[0], current, errs)
		return nil, false
	}
	if len(current.tokens) > 0 {
		all = append(all, current)
	}
	kept := all[:0]
	for _, s := range all {
		if len(s.tokens) > 0 {
			kept = append(kept, s)
		}
	}
	return kept, true
}

var closing = map[string]string{"(": ")", "[": "]", "{": "}"}

func unclosed(f *file, open Token, in statement, errs *ErrorList) {
	what := open.Text
	if len(in.tokens) > 1 && in.tokens[1] == open {
		what = strings.ToUpper(in.tokens[0].Text) + " " + open.Text
	}
	errs.add(f, open.Span(), "", "%s is never closed", what)
}

// headerProps cuts what stands between the parentheses of MODEL (...) at its
// top-level commas. A trailing comma is allowed, as in SQLMesh.
func headerProps(f *file, inner []Token, known []string, errs *ErrorList) []prop {
	var all []prop
	seen := map[string]bool{}
	for _, part := range splitTop(inner) {
		if len(part) == 0 {
			continue
		}
		key, ok := part[0].name()
		if part[0].Kind == Macro {
			errs.add(f, part[0].Span(), "", "macro %s cannot stand in a header", part[0].Text)
			continue
		}
		if !ok {
			errs.add(f, part[0].Span(), "write key value, key value, ...", "expected a key, found %s", part[0].Text)
			continue
		}
		key = strings.ToLower(key)
		p := prop{key: key, at: part[0].Span(), value: part[1:]}
		switch {
		case !contains(known, key):
			errs.add(f, p.at, didYouMean(key, known), "unknown key %s", key)
		case seen[key]:
			errs.add(f, p.at, "", "key %s stands twice", key)
		case len(p.value) == 0:
			errs.add(f, p.at, "", "key %s has no value", key)
		default:
			all = append(all, p)
		}
		seen[key] = true
	}
	return all
}

// splitTop cuts tokens at the commas outside all brackets.
func splitTop(tokens []Token) [][]Token {
	var parts [][]Token
	depth, start := 0, 0
	for i, t := range tokens {
		switch {
		case t.Is("(") || t.Is("[") || t.Is("{"):
			depth++
		case t.Is(")") || t.Is("]") || t.Is("}"):
			depth--
		case t.Is(",") && depth == 0:
			parts = append(parts, tokens[start:i])
			start = i + 1
		}
	}
	return append(parts, tokens[start:])
}

// unwrap takes the brackets off a list: (a, b) and [a, b] give a, b.
func unwrap(tokens []Token) ([]Token, bool) {
	n := len(tokens)
	if n < 2 || !(tokens[0].Is("(") || tokens[0].Is("[")) || !tokens[n-1].Is(closing[tokens[0].Text]) {
		return tokens, false
	}
	depth := 0
	for i, t := range tokens {
		switch {
		case t.Is("(") || t.Is("["):
			depth++
		case t.Is(")") || t.Is("]"):
			depth--
			if depth == 0 && i < n-1 {
				return tokens, false // (a), (b)
			}
		}
	}
	return tokens[1 : n-1], true
}

// text is the value of a property that is one word, string or literal, such as
// a name, a date or a number.
func (p prop) text(f *file, errs *ErrorList) string {
	if len(p.value) == 1 {
		t := p.value[0]
		if s, ok := t.str(); ok {
			return s
		}
		switch t.Kind {
		case Ident, Number:
			return t.Text
		case QuotedIdent:
			s, _ := t.name()
			return s
		case Macro:
			errs.add(f, t.Span(), "write it in quotes: '"+t.Text+"'", "macro %s cannot stand in a header", t.Text)
			return ""
		}
	}
	errs.add(f, p.span(), "", "%s takes one value", p.key)
	return ""
}

// boolean reads true or false.
func (p prop) boolean(f *file, errs *ErrorList) bool {
	s := strings.ToLower(p.text(f, errs))
	if s != "true" && s != "false" && s != "" {
		errs.add(f, p.span(), "", "%s is true or false", p.key)
	}
	return s == "true"
}

// words reads a, (a, b) or [a, 'b'].
func (p prop) words(f *file, errs *ErrorList) []string {
	inner, _ := unwrap(p.value)
	var all []string
	for _, part := range splitTop(inner) {
		if len(part) == 0 {
			continue
		}
		if len(part) == 1 {
			if s, ok := part[0].str(); ok {
				all = append(all, s)
				continue
			}
			if s, ok := part[0].name(); ok {
				all = append(all, s)
				continue
			}
		}
		errs.add(f, Span{part[0].Start, part[len(part)-1].End()}, "", "%s takes names", p.key)
	}
	return all
}

// qualified reads schema.table, lower case.
func qualified(f *file, tokens []Token, what string, errs *ErrorList) (string, bool) {
	at := Span{tokens[0].Start, tokens[len(tokens)-1].End()}
	var parts []string
	for i, t := range tokens {
		if i%2 == 1 {
			if !t.Is(".") {
				errs.add(f, t.Span(), "", "%s is schema.table, found %s", what, t.Text)
				return "", false
			}
			continue
		}
		s, ok := t.name()
		if !ok {
			errs.add(f, t.Span(), "", "%s is schema.table, found %s", what, t.Text)
			return "", false
		}
		parts = append(parts, strings.ToLower(s))
	}
	if len(parts) != 2 || len(tokens) != 3 {
		errs.add(f, at, "", "%s is schema.table", what)
		return "", false
	}
	for _, s := range parts {
		if !plainName(s) {
			errs.add(f, at, "letters, digits and _ only, not beginning with a digit", "%s %s.%s cannot be used as a physical name", what, parts[0], parts[1])
			return "", false
		}
	}
	return parts[0] + "." + parts[1], true
}

func plainName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c == '_' || isDigit(c) && i > 0) {
			return false
		}
	}
	return s != ""
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
