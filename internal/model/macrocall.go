package model

import "strings"

// varCall is @VAR('name') and @VAR('name', default).
func (e *expander) varCall(c call, sc scope) *expanded {
	if len(c.args) == 0 || len(c.args) > 2 || len(c.args[0]) != 1 || c.args[0][0].Kind != String || len(c.args) == 2 && len(c.args[1]) == 0 {
		e.errs.add(e.f, Span{c.at.Start, c.at.Start + len(c.name)}, "@VAR('name', default)", "@VAR takes a name in quotes and a default")
		return nil
	}
	name, _ := c.args[0][0].str()
	name = strings.ToLower(name)
	if text, ok := sc.value(name); ok {
		return e.variable(name, text, c.at)
	}
	if len(c.args) == 1 {
		names := make([]string, 0, len(sc.vars))
		for n := range sc.vars {
			names = append(names, n)
		}
		e.errs.add(e.f, spanOf(c.args[0]), didYouMean(name, names), "variable %s is not set and @VAR has no default", name)
		return nil
	}
	x := e.arg(c.args[1], sc)
	x.uses = append(x.uses, macroUse{name, len(x.uses) > 0, c.at, Span{0, len(x.text)}})
	return x
}

// ifCall is @IF(condition, then) and @IF(condition, then, else). The condition
// is known before the query runs.
func (e *expander) ifCall(c call, sc scope) *expanded {
	if len(c.args) < 2 || len(c.args) > 3 || len(c.args[0]) == 0 {
		e.errs.add(e.f, Span{c.at.Start, c.at.Start + len(c.name)}, "@IF(condition, then, else)", "@IF takes a condition and one or two values")
		return nil
	}
	before := len(e.errs.Errors)
	condition := e.arg(c.args[0], sc)
	if len(e.errs.Errors) > before {
		return nil
	}
	for _, u := range condition.uses {
		if timeMacro(u.name) {
			e.errs.add(e.f, u.from, "compare it in the query", "@%s differs from interval to interval, and @IF is decided once", u.name)
			return nil
		}
	}
	yes, ok := constant(condition.text)
	if !ok {
		e.errs.add(e.f, spanOf(c.args[0]), "compare variables and literals, with AND, OR, NOT, IN, IS NULL and parentheses", "the condition of @IF is not known before the query runs")
		return nil
	}
	x := &expanded{uses: condition.uses}
	for i := range x.uses {
		x.uses[i].to = Span{} // they leave no text
		x.uses[i].call = true
	}
	switch {
	case yes:
		x.add(e.arg(c.args[1], sc))
	case len(c.args) == 3:
		x.add(e.arg(c.args[2], sc))
	}
	return x
}

// eachCall is @EACH(items, x -> body): the bodies, joined by commas.
func (e *expander) eachCall(c call, sc scope) *expanded {
	x := &expanded{}
	bodies, ok := e.each(c, sc)
	if !ok {
		return nil
	}
	for i, body := range bodies {
		if i > 0 {
			x.made(", ", c.at)
		}
		x.add(body)
	}
	return x
}

func (e *expander) each(c call, sc scope) (bodies []*expanded, ok bool) {
	var body []Token
	param := ""
	if n := len(c.args); n > 1 {
		body = significant(c.args[n-1])
		if len(body) > 2 && body[1].Is("->") {
			param, _ = body[0].name()
			at := 0 // of the arrow among all tokens
			for !c.args[n-1][at].Is("->") {
				at++
			}
			body = c.args[n-1][at+1:]
			for len(body) > 0 && !body[0].Significant() {
				body = body[1:]
			}
		}
	}
	if param == "" || len(body) == 0 {
		e.errs.add(e.f, Span{c.at.Start, c.at.Start + len(c.name)}, "@EACH([a, b], x -> x + 1)", "@EACH takes items and a function of one parameter")
		return nil, false
	}
	items := c.args[:len(c.args)-1]
	if len(items) == 1 {
		inner := items[0]
		if len(inner) == 1 && inner[0].Kind == Macro { // a list that a variable or @DEF holds
			return e.eachOf(inner[0], body, param, sc)
		}
		if list, wrapped := unwrap(inner); wrapped {
			items = splitTop(list)
		}
	}
	for _, item := range items {
		if len(significant(item)) == 0 {
			continue
		}
		item = trim(item)
		bodies = append(bodies, e.body(body, param, e.arg(item, sc), sc))
	}
	return bodies, true
}

func trim(tokens []Token) []Token {
	for len(tokens) > 0 && !tokens[0].Significant() {
		tokens = tokens[1:]
	}
	for len(tokens) > 0 && !tokens[len(tokens)-1].Significant() {
		tokens = tokens[:len(tokens)-1]
	}
	return tokens
}

// eachOf goes through the list that a variable holds.
func (e *expander) eachOf(t Token, body []Token, param string, sc scope) (bodies []*expanded, ok bool) {
	value, known := sc.value(strings.ToLower(t.Text[1:]))
	if !known {
		e.unknown(t, strings.ToLower(t.Text[1:]), false, sc)
		return nil, false
	}
	for _, item := range listItems(value) {
		x := &expanded{}
		x.made(item, t.Span())
		bodies = append(bodies, e.body(body, param, x, sc))
	}
	return bodies, true
}

func (e *expander) body(body []Token, param string, item *expanded, sc scope) *expanded {
	inner := scope{vars: sc.vars, words: sc.words, local: map[string]*expanded{}, param: param}
	for name, x := range sc.local {
		inner.local[name] = x
	}
	inner.local[param] = item
	return e.arg(body, inner)
}

func (e *expander) andCall(c call, sc scope) *expanded { return e.joined(c, sc, " AND ") }
func (e *expander) orCall(c call, sc scope) *expanded  { return e.joined(c, sc, " OR ") }

// joined puts conditions together and leaves out those that are NULL or that
// an @IF without an else left empty. None is TRUE, as in SQLMesh.
func (e *expander) joined(c call, sc scope, word string) *expanded {
	var parts []*expanded
	for _, arg := range c.args {
		if len(arg) > 1 && arg[0].Kind == Macro && strings.EqualFold(arg[0].Text, "@each") {
			if inner, n, ok := e.call(arg); ok && n == len(arg) {
				bodies, ok := e.each(inner, sc)
				if !ok {
					return nil
				}
				parts = append(parts, bodies...)
				continue
			}
		}
		parts = append(parts, e.arg(arg, sc))
	}
	x := &expanded{}
	for _, p := range parts {
		if text := strings.TrimSpace(plain(p.text)); text == "" || strings.EqualFold(text, "NULL") {
			continue
		}
		if x.text != "" {
			x.made(word, c.at)
		}
		x.made("(", c.at)
		x.add(p)
		x.made(")", c.at)
	}
	if x.text == "" {
		x.made("TRUE", c.at)
	} else {
		whole := &expanded{}
		whole.made("(", c.at)
		whole.add(x)
		whole.made(")", c.at)
		x = whole
	}
	return x
}

// keyCall is @GENERATE_SURROGATE_KEY(a, b, hash_function := 'SHA256'): the
// same text, byte for byte, of which SQLMesh takes the hash.
func (e *expander) keyCall(c call, sc scope) *expanded {
	function, args := "MD5", c.args
	if n := len(args); n > 0 {
		if last := significant(args[n-1]); argName(last) == "hash_function" {
			text, _ := last[2].str()
			function, args = strings.ToUpper(text), args[:n-1]
		}
	}
	if function != "MD5" && function != "SHA256" {
		e.errs.add(e.f, Span{c.at.Start, c.at.Start + len(c.name)}, "'MD5' or 'SHA256'", "hash_function %s is not supported", function)
		return nil
	}
	if len(args) == 0 {
		e.errs.add(e.f, Span{c.at.Start, c.at.Start + len(c.name)}, "@GENERATE_SURROGATE_KEY(a, b)", "@GENERATE_SURROGATE_KEY takes columns")
		return nil
	}
	x := &expanded{}
	x.made(function+"(CONCAT(", c.at)
	for i, arg := range args {
		if i > 0 {
			x.made(", '|', ", c.at)
		}
		x.made("COALESCE(CAST(", c.at)
		x.add(e.arg(arg, sc))
		x.made(" AS TEXT), '_sqlmesh_surrogate_key_null_')", c.at)
	}
	x.made("))", c.at)
	return x
}

// define reads @DEF(name, value), which stands between header and query.
func (e *expander) define(tokens []Token, sc scope) {
	c, n, ok := e.call(tokens)
	if !ok {
		return
	}
	name := ""
	if n == len(tokens) && len(c.args) == 2 && len(c.args[0]) == 1 {
		name, _ = c.args[0][0].name()
	}
	switch {
	case name == "" || len(c.args[1]) == 0:
		e.errs.add(e.f, c.at, "@DEF(name, value);", "@DEF takes a name and a value")
	case len(significant(c.args[1])) > 1 && significant(c.args[1])[1].Is("->"):
		e.errs.add(e.f, c.at, "write the expression where it is needed", "functions by @DEF are not supported")
	default:
		sc.local[name] = e.arg(c.args[1], sc)
	}
}
