package model

import (
	"maps"
	"slices"
	"strings"
)

// expanded is a text with its macros replaced, and the way back.
type expanded struct {
	text   string
	origin sourceMap
	uses   []macroUse
}

// macroUse is one macro in a query.
type macroUse struct {
	name string
	call bool // a macro with arguments, not a variable
	from Span // in the file
	to   Span // in the expanded text
}

// add appends another text, with its way back.
func (x *expanded) add(other *expanded) {
	at := len(x.text)
	for _, p := range other.origin.pieces {
		p.at += at
		x.origin.pieces = append(x.origin.pieces, p)
	}
	for _, u := range other.uses {
		u.to = Span{u.to.Start + at, u.to.End + at}
		x.uses = append(x.uses, u)
	}
	x.text += other.text
}

// made appends a text that a macro produced.
func (x *expanded) made(text string, from Span) {
	if text != "" {
		x.origin.pieces = append(x.origin.pieces, piece{len(x.text), from, false})
		x.text += text
	}
}

// copied appends a range of the file.
func (x *expanded) copied(f *file, from Span) {
	if from.End > from.Start {
		x.origin.pieces = append(x.origin.pieces, piece{len(x.text), from, true})
		x.text += f.text[from.Start:from.End]
	}
}

// scope is what macros may mean in a text.
type scope struct {
	vars  map[string]string    // lower-case name to SQL text
	words map[string]string    // what is known but not here, with the reason
	local map[string]*expanded // what @DEF defined and, in the body of a lambda, its parameter
	param string               // the parameter, which stands in the body without @ too
}

// SQLMesh's macros that are not variables, so that they are refused for what
// they are and not as unknown variables.
var knownMacros = strings.Fields(`reduce filter eval with select from join where group_by having order_by limit sql
	star safe_add safe_sub safe_div union haversine_distance pivot date_spine deduplicate resolve_template
	column_exists apply print_locals print_macros blueprint_var gateway`)

// supportedMacros are those with arguments.
const supportedMacros = "@name, @VAR('name', default), @IF, @EACH, @AND, @OR, @GENERATE_SURROGATE_KEY, and @DEF before the query"

// maxExpanded bounds what macros within macros can blow a text up to.
const maxExpanded = 4 << 20

// expander is one text being expanded.
type expander struct {
	f    *file
	errs *ErrorList
	size int // bytes made so far
}

// expand replaces the macros in a range of the file. What cannot be replaced
// is reported and left as it is.
func expand(f *file, at Span, sc scope, errs *ErrorList) *expanded {
	e := &expander{f: f, errs: errs}
	tokens := Lex(f.text[at.Start:at.End])
	for i := range tokens {
		tokens[i].Start += at.Start
	}
	return e.tokens(tokens, at, sc)
}

// tokens expands tokens that cover the range.
func (e *expander) tokens(tokens []Token, at Span, sc scope) *expanded {
	x := &expanded{}
	from := at.Start
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		n, put := 0, (*expanded)(nil)
		switch t.Kind {
		case Macro:
			n, put = e.macro(tokens[i:], sc)
		case Ident:
			if name, _ := t.name(); sc.param != "" && name == sc.param && (i == 0 || !tokens[i-1].Is(".")) {
				n, put = 1, sc.local[name]
			}
		case Op:
			if n, put = e.braced(tokens[i:], sc); n == 0 {
				e.refuseOp(tokens[i:])
			}
		case Param:
			e.errs.add(e.f, t.Span(), "@name stands for a variable of config.yaml", "parameter %s has no value here", t.Text)
		case QuotedIdent:
			if strings.Contains(t.Text, "@") {
				e.errs.add(e.f, t.Span(), "", "macros inside a quoted identifier are not supported")
			}
		}
		if put == nil {
			i += max(n-1, 0) // refused: left as it is
			continue
		}
		if e.size += len(put.text); e.size > maxExpanded {
			e.errs.add(e.f, t.Span(), "", "macros make more than %d bytes of this", maxExpanded)
			return x
		}
		x.copied(e.f, Span{from, t.Start})
		x.add(put)
		i += n - 1
		from = tokens[i].End()
	}
	x.copied(e.f, Span{from, at.End})
	return x
}

// refuseOp reports what looks like a macro or Jinja and is not supported.
func (e *expander) refuseOp(tokens []Token) {
	t := tokens[0]
	if strings.HasPrefix(t.Text, "@") && t.Text != "@>" {
		e.errs.add(e.f, t.Span(), "write @name or @VAR('name', default); abs(x) for the absolute value", "@ without a variable's name is not supported")
	}
	if t.Text == "{" && len(tokens) > 1 && (tokens[1].Text == "{" || tokens[1].Text == "%") {
		e.errs.add(e.f, t.Span(), jinja, "Jinja is not supported")
	}
}

// braced reads @{name}, a value as part of an identifier: @{side}_total.
func (e *expander) braced(tokens []Token, sc scope) (int, *expanded) {
	if len(tokens) < 4 || tokens[0].Text != "@" || tokens[1].Text != "{" || tokens[2].Kind != Ident || tokens[3].Text != "}" {
		return 0, nil
	}
	name, _ := tokens[2].name()
	value, known := sc.value(name)
	if !known {
		return 0, nil
	}
	from := Span{tokens[0].Start, tokens[3].End()}
	text := strings.Trim(value, `'"`)
	if !plainName(strings.ToLower(text)) {
		e.errs.add(e.f, from, "", "@{%s} is %s, which is no part of a name", name, value)
		return 4, nil
	}
	return 4, e.variable(name, text, from)
}

// value is what a name stands for.
func (sc scope) value(name string) (string, bool) {
	if x := sc.local[name]; x != nil {
		return x.text, true
	}
	text, ok := sc.vars[name]
	return text, ok
}

func (e *expander) variable(name, text string, from Span) *expanded {
	x := &expanded{}
	x.made(text, from)
	x.uses = []macroUse{{name, false, from, Span{0, len(text)}}}
	return x
}

// macro reads the macro at tokens[0] and says how many tokens it takes.
func (e *expander) macro(tokens []Token, sc scope) (int, *expanded) {
	t := tokens[0]
	name := strings.ToLower(t.Text[1:])
	if len(tokens) == 1 || !tokens[1].Is("(") {
		if x := sc.local[name]; x != nil {
			return 1, x
		}
		if text, ok := sc.vars[name]; ok {
			return 1, e.variable(name, text, t.Span())
		}
		e.unknown(t, name, false, sc)
		return 1, nil
	}
	calls := map[string]func(call, scope) *expanded{"var": e.varCall, "if": e.ifCall, "each": e.eachCall, "and": e.andCall, "or": e.orCall,
		"generate_surrogate_key": e.keyCall}
	read := calls[name]
	if read == nil {
		e.unknown(t, name, true, sc)
		return 1, nil
	}
	c, n, ok := e.call(tokens)
	if !ok {
		return 1, nil
	}
	x := read(c, sc)
	if x != nil && name != "var" {
		x.uses = append(x.uses, macroUse{name, true, c.at, Span{0, len(x.text)}})
	}
	return n, x
}

func (e *expander) unknown(t Token, name string, call bool, sc scope) {
	names := slices.Concat(slices.Collect(maps.Keys(sc.vars)), slices.Collect(maps.Keys(sc.local)))
	switch why := sc.words[name]; {
	case why != "":
		e.errs.add(e.f, t.Span(), "", "%s %s", t.Text, why)
	case name == "def":
		e.errs.add(e.f, t.Span(), "between the header and the query: @DEF(name, value);", "@DEF stands before the query")
	case timeMacro(name):
		e.errs.add(e.f, t.Span(), "take dates from the data, or make the model INCREMENTAL_BY_TIME_RANGE", "%s would go stale: a FULL model or a view is built when code or inputs change, not by the clock", t.Text)
	case contains(knownMacros, name) || call:
		e.errs.add(e.f, t.Span(), "supported are "+supportedMacros, "macro %s is not supported", t.Text)
	default:
		e.errs.add(e.f, t.Span(), didYouMean(name, names), "unknown variable %s", t.Text)
	}
}

// call is a macro with its arguments; blanks and comments stand in them.
type call struct {
	name string
	at   Span // all of it
	args [][]Token
}

func (e *expander) call(tokens []Token) (c call, n int, ok bool) {
	depth, end := 0, -1
	for i, t := range tokens[1:] {
		if t.Is("(") || t.Is("[") || t.Is("{") {
			depth++
		} else if t.Is(")") || t.Is("]") || t.Is("}") {
			if depth--; depth == 0 {
				end = i + 1
				break
			}
		}
	}
	if end < 0 {
		e.errs.add(e.f, tokens[0].Span(), "", "%s( is never closed", tokens[0].Text)
		return c, 0, false
	}
	c = call{name: tokens[0].Text, at: Span{tokens[0].Start, tokens[end].End()}}
	for _, part := range splitTop(tokens[2:end]) {
		for len(part) > 0 && !part[0].Significant() {
			part = part[1:]
		}
		for len(part) > 0 && !part[len(part)-1].Significant() {
			part = part[:len(part)-1]
		}
		c.args = append(c.args, part)
	}
	if len(c.args) == 1 && len(c.args[0]) == 0 {
		c.args = nil
	}
	return c, end + 1, true
}

func spanOf(tokens []Token) Span { return Span{tokens[0].Start, tokens[len(tokens)-1].End()} }

func (e *expander) arg(tokens []Token, sc scope) *expanded {
	if len(tokens) == 0 {
		return &expanded{}
	}
	return e.tokens(tokens, spanOf(tokens), sc)
}

// expand puts variables, what @DEF defines and, in an incremental model, the
// times of the epoch into the query. Variables come first: a test gives times
// of its own.
func (p *parsedModel) expand(variables map[string]string, errs *ErrorList) {
	sc := scope{vars: variables, words: map[string]string{"this_model": "stands in audits only"}, local: map[string]*expanded{}}
	if p.kind == IncrementalByTimeRange || p.kind == IncrementalByUniqueKey {
		sc.vars = TimeVariables(epoch())
		maps.Copy(sc.vars, variables)
	}
	e := &expander{f: p.f, errs: errs}
	for _, def := range p.defs {
		e.define(def, sc)
	}
	p.expanded = expand(p.f, p.query, sc, errs)
	p.m.Query, p.m.TimeMacros = p.expanded.text, nil
	for _, u := range p.expanded.uses {
		if _, set := variables[u.name]; !u.call && timeMacro(u.name) && !set && sc.local[u.name] == nil {
			p.m.TimeMacros = append(p.m.TimeMacros, TimeMacro{u.name, u.to})
		}
	}
}
