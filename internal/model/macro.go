package model

import (
	"maps"
	"strings"
)

// expanded is a text with its macros replaced, and the way back.
type expanded struct {
	text   string
	origin sourceMap
	uses   []macroUse
}

// macroUse is one variable in a query.
type macroUse struct {
	name string
	from Span // in the file
	to   Span // in the expanded text
}

// scope is what macros may mean in a text.
type scope struct {
	vars  map[string]string // lower-case name to SQL text
	words map[string]string // what is known but not here, with the reason
}

// SQLMesh's macros that are not variables, so that they are refused for what
// they are and not as unknown variables.
var knownMacros = strings.Fields(`each reduce filter if and or def eval with select from join where group_by having order_by limit
	star generate_surrogate_key safe_add safe_sub safe_div union haversine_distance pivot date_spine deduplicate resolve_template
	column_exists apply print_locals print_macros blueprint_var gateway`)

// expand replaces the macros in a range of the file. What cannot be replaced
// is reported and left as it is.
func expand(f *file, at Span, sc scope, errs *ErrorList) *expanded {
	x := &expanded{}
	var out strings.Builder
	tokens := Lex(f.text[at.Start:at.End])
	copyFrom := at.Start
	flush := func(to int) {
		if to > copyFrom {
			x.origin.pieces = append(x.origin.pieces, piece{out.Len(), Span{copyFrom, to}, true})
			out.WriteString(f.text[copyFrom:to])
		}
	}
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		here := Span{at.Start + t.Start, at.Start + t.End()}
		switch t.Kind {
		case Macro:
			name, sql, n, ok := sc.resolve(f, at.Start, tokens[i:], errs)
			if !ok {
				continue
			}
			from := Span{here.Start, at.Start + tokens[i+n-1].End()}
			flush(here.Start)
			x.origin.pieces = append(x.origin.pieces, piece{out.Len(), from, false})
			to := Span{out.Len(), out.Len() + len(sql)}
			out.WriteString(sql)
			x.uses = append(x.uses, macroUse{name, from, to})
			copyFrom = from.End
			i += n - 1
		case Param:
			errs.add(f, here, "@name stands for a variable of config.yaml", "parameter %s has no value here", t.Text)
		case QuotedIdent:
			if strings.Contains(t.Text, "@") {
				errs.add(f, here, "", "macros inside a quoted identifier are not supported")
			}
		case Op:
			if strings.HasPrefix(t.Text, "@") && t.Text != "@>" {
				errs.add(f, here, "write @name or @VAR('name', default); abs(x) for the absolute value", "@ without a variable's name is not supported")
			}
			if t.Text == "{" && i+1 < len(tokens) && tokens[i+1].Text == "{" || t.Text == "{" && i+1 < len(tokens) && tokens[i+1].Text == "%" {
				errs.add(f, here, jinja, "Jinja is not supported")
			}
		}
	}
	flush(at.End)
	x.text = out.String()
	return x
}

// resolve reads the macro at tokens[0] and says how many tokens it takes.
func (sc scope) resolve(f *file, base int, tokens []Token, errs *ErrorList) (name, sql string, n int, ok bool) {
	name = strings.ToLower(tokens[0].Text[1:])
	here := Span{base + tokens[0].Start, base + tokens[0].End()}
	call := len(tokens) > 1 && tokens[1].Is("(")
	if call && name == "var" {
		return sc.varCall(f, base, tokens, errs)
	}
	if !call {
		if sql, ok := sc.vars[name]; ok {
			return name, sql, 1, true
		}
	}
	switch why := sc.words[name]; {
	case why != "":
		errs.add(f, here, "", "%s %s", tokens[0].Text, why)
	case timeMacro(name):
		errs.add(f, here, "take dates from the data, or make the model INCREMENTAL_BY_TIME_RANGE", "%s would go stale: a FULL model or a view is built when code or inputs change, not by the clock", tokens[0].Text)
	case contains(knownMacros, name) || call:
		errs.add(f, here, "only variables of config.yaml, by @name or @VAR('name', default)", "macro %s is not supported", tokens[0].Text)
	default:
		errs.add(f, here, didYouMean(name, sc.names()), "unknown variable %s", tokens[0].Text)
	}
	return "", "", 1, false
}

// varCall reads @VAR('name') and @VAR('name', default).
func (sc scope) varCall(f *file, base int, tokens []Token, errs *ErrorList) (name, sql string, n int, ok bool) {
	here := Span{base + tokens[0].Start, base + tokens[0].End()}
	depth, end := 0, -1
	for i, t := range tokens[1:] {
		if t.Is("(") {
			depth++
		} else if t.Is(")") {
			if depth--; depth == 0 {
				end = i + 1
				break
			}
		}
	}
	if end < 0 {
		errs.add(f, here, "", "@VAR( is never closed")
		return "", "", 1, false
	}
	args := splitTop(significant(tokens[2:end]))
	if len(args) > 2 || len(args[0]) != 1 || args[0][0].Kind != String || len(args) == 2 && len(args[1]) == 0 {
		errs.add(f, here, "@VAR('name', default)", "@VAR takes a name in quotes and a default")
		return "", "", 1, false
	}
	name, _ = args[0][0].str()
	name = strings.ToLower(name)
	if sql, ok := sc.vars[name]; ok {
		return name, sql, end + 1, true
	}
	if len(args) == 1 {
		errs.add(f, Span{base + args[0][0].Start, base + args[0][0].End()}, didYouMean(name, sc.names()), "variable %s is not set and @VAR has no default", name)
		return "", "", 1, false
	}
	for _, t := range args[1] {
		if t.Kind == Macro {
			errs.add(f, Span{base + t.Start, base + t.End()}, "", "a macro inside the default of @VAR is not supported")
			return "", "", 1, false
		}
	}
	from := Span{base + args[1][0].Start, base + args[1][len(args[1])-1].End()}
	return name, plainText(f, from), end + 1, true
}

func (sc scope) names() []string {
	all := make([]string, 0, len(sc.vars))
	for name := range sc.vars {
		all = append(all, name)
	}
	return all
}

// expand puts variables, and in an incremental model the times of the epoch,
// into the query. Variables come first: a test gives times of its own.
func (p *parsedModel) expand(variables map[string]string, errs *ErrorList) {
	vars := variables
	if p.kind == IncrementalByTimeRange || p.kind == IncrementalByUniqueKey {
		vars = TimeVariables(epoch())
		maps.Copy(vars, variables)
	}
	p.expanded = expand(p.f, p.query, scope{vars: vars, words: map[string]string{"this_model": "stands in audits only"}}, errs)
	p.m.Query, p.m.TimeMacros = p.expanded.text, nil
	for _, u := range p.expanded.uses {
		if _, set := variables[u.name]; timeMacro(u.name) && !set {
			p.m.TimeMacros = append(p.m.TimeMacros, TimeMacro{u.name, u.to})
		}
	}
}
