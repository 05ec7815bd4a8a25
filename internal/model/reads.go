package model

import (
	"slices"
	"strings"
)

// wholes finds the models that a query reads whole, or may: all their columns
// by *, by NATURAL JOIN or PIVOT, or a row as one value. Of every other model
// the query reads only columns that it mentions.
func wholes(tree *node) map[string]bool {
	w := map[string]bool{}
	aliases := map[string][]string{} // of models
	names := map[string]bool{}       // that stand alone where a column may stand
	var walk func(n *node)
	walk = func(n *node) {
		for i := range n.items {
			walk(&n.items[i])
		}
		if n.kind != '{' {
			return
		}
		switch n.get("type").text {
		case "SELECT_NODE":
			tables := modelsIn(n.get("from_table"), false)
			star := false
			for i := range n.fields {
				star = star || n.fields[i].key != "from_table" && n.fields[i].key != "cte_map" && hasStar(&n.fields[i].value)
			}
			for _, t := range tables {
				aliases[t.alias] = append(aliases[t.alias], t.model)
				w[t.model] = w[t.model] || star || t.whole
			}
		case "COLUMN_REF":
			if parts := n.get("column_names").items; len(parts) == 1 {
				names[strings.ToLower(parts[0].text)] = true
			}
		}
		for i := range n.fields {
			walk(&n.fields[i].value)
		}
	}
	walk(tree)
	for alias, models := range aliases {
		for _, m := range models {
			w[m] = w[m] || names[alias]
		}
	}
	return w
}

type modelTable struct {
	model, alias string
	whole        bool
}

// modelsIn are the models directly in a FROM, subqueries left to their own.
func modelsIn(n *node, whole bool) []modelTable {
	switch n.get("type").text {
	case "BASE_TABLE":
		schema := n.get("schema_name").text
		if schema == "" {
			return nil
		}
		model := strings.ToLower(schema + "." + n.get("table_name").text)
		return []modelTable{{model, strings.ToLower(orElse(n.get("alias").text, n.get("table_name").text)), whole || len(n.get("column_name_alias").items) > 0}}
	case "JOIN":
		whole = whole || !contains([]string{"CROSS", "REGULAR", "ASOF"}, n.get("ref_type").text)
		return append(modelsIn(n.get("left"), whole), modelsIn(n.get("right"), whole)...)
	case "PIVOT":
		return modelsIn(n.get("source"), true)
	}
	return nil
}

// hasStar looks for * and COLUMNS(...) in a SELECT's own expressions.
func hasStar(n *node) bool {
	if n.kind == '{' && (n.get("class").text == "STAR" || n.get("type").text == "STAR") {
		return true
	}
	if n.kind == '{' && strings.HasSuffix(n.get("type").text, "_NODE") {
		return false
	}
	return slices.ContainsFunc(n.items, func(x node) bool { return hasStar(&x) }) ||
		slices.ContainsFunc(n.fields, func(f field) bool { return hasStar(&f.value) })
}

// mentioned are the identifiers in a text, in lower case.
func mentioned(tokens []Token) map[string]bool {
	all := map[string]bool{}
	for _, t := range tokens {
		if name, ok := t.name(); ok {
			all[strings.ToLower(name)] = true
		}
	}
	return all
}

// reads lists the columns that the query mentions of each model it does not
// read whole, where those are fewer than there are.
func (b *binder) reads(p *parsedModel) map[string][]string {
	all := map[string][]string{}
	words := mentioned(Lex(p.m.Query))
	for _, r := range p.m.Refs {
		parent := b.l.byName[r.Model]
		if p.wholes[r.Model] || all[r.Model] != nil || parent == nil {
			continue
		}
		columns := []string{}
		for _, c := range parent.m.Columns {
			if low := strings.ToLower(c.Name); words[low] {
				columns = append(columns, low)
			}
		}
		if len(columns) < len(parent.m.Columns) && len(columns) > 0 {
			all[r.Model] = columns
		}
	}
	return all
}

// Part is the query without the columns of its result that are not asked for:
// equal texts give equal values of those columns, row for row. tokens are what
// is left. ok is false where the query cannot be cut, or nothing is cut off.
func (m *Model) Part(columns []string) (text string, ok bool, words map[string]bool) {
	if m.Kind != Full && m.Kind != View && m.Kind != Embedded {
		return "", false, nil
	}
	tokens, list, ok := m.projections()
	if !ok {
		return "", false, nil
	}
	grouped := slices.ContainsFunc(tokens[list[len(list)-1].end:], func(t Token) bool { return t.Is("GROUP") })
	kept := slices.Clone(tokens[:list[0].start])
	bare := bareNames(tokens, list[0].start)
	cut := false
	for i, p := range list {
		name := strings.ToLower(m.Columns[i].Name)
		if !slices.Contains(columns, name) && prunable(tokens[p.start:p.end], grouped) && !usedOutside(bare[name], p) {
			cut = true
			continue
		}
		kept = append(kept, tokens[p.start:p.end]...)
		kept = append(kept, Token{Kind: Op, Text: "," + m.Columns[i].Name + " " + m.Columns[i].Type})
	}
	kept = append(kept, tokens[list[len(list)-1].end:]...)
	return string(m.Kind) + "\x00" + canonical(kept), cut, mentioned(kept)
}

type tokenRange struct{ start, end int }

// projections cuts the outer SELECT list, which must be the only one outside
// of parentheses and independent of the order and the number of its columns.
func (m *Model) projections() (tokens []Token, list []tokenRange, ok bool) {
	tokens = m.placeTokens()
	depth, start, end, bad := 0, -1, -1, false
	for i, t := range tokens {
		switch {
		case t.Is("(") || t.Is("[") || t.Is("{"):
			depth++
		case t.Is(")") || t.Is("]") || t.Is("}"):
			depth--
		case depth > 0:
		case t.Is("SELECT"):
			bad = bad || start >= 0
			start = i + 1
		case t.Is("FROM") && end < 0 && start >= 0 && !(i > 0 && tokens[i-1].Is("DISTINCT")):
			end = i
		case t.Is("UNION") || t.Is("INTERSECT") || t.Is("EXCEPT") || t.Is("PIVOT") || t.Is("UNPIVOT") || t.Is("UNNEST") || t.Is("ALL") || t.Is("SAMPLE"):
			bad = true
		case t.Is("DISTINCT") && i == start:
			bad = true
		case t.Kind == Number && end >= 0 && (tokens[i-1].Is("BY") || tokens[i-1].Is(",")): // a position: GROUP BY 1, 2
			bad = true
		}
	}
	if bad || start < 0 || end <= start {
		return nil, nil, false
	}
	at := start
	for i, part := range splitTop(tokens[start:end]) {
		if len(part) == 0 || slices.ContainsFunc(part, func(t Token) bool { return t.Is("COLUMNS") }) || part[len(part)-1].Is("*") || part[0].Is("*") {
			return nil, nil, false
		}
		if i > 0 {
			at++ // the comma
		}
		list = append(list, tokenRange{at, at + len(part)})
		at += len(part)
	}
	return tokens, list, len(list) == len(m.Columns)
}

// placeTokens are the query's tokens with names for what changes by place and
// time: paths of readers, which are versioned by content, and intervals.
func (m *Model) placeTokens() []Token {
	names := map[int]string{}
	ends := map[int]int{}
	for _, r := range m.Readers {
		names[r.Span.Start], ends[r.Span.Start] = "@reader", r.Span.End
	}
	for _, t := range m.TimeMacros {
		names[t.Span.Start], ends[t.Span.Start] = "@"+t.Name, t.Span.End
	}
	var all []Token
	skip := 0
	for _, t := range significant(Lex(m.Query)) {
		if name := names[t.Start]; name != "" {
			all = append(all, Token{Macro, t.Start, name})
			skip = ends[t.Start]
			continue
		}
		if t.Start >= skip {
			all = append(all, t)
		}
	}
	return all
}

// notCalls are words that a parenthesis may follow without being called.
var notCalls = strings.Fields(`cast try_cast extract in and or not when then else case is between like ilike similar to over partition by order
	decimal numeric varchar char timestamp time interval struct map list as on filter within group exists any some using from select where distinct`)

// prunable says whether a column's expression cannot change which rows there
// are: without GROUP BY it holds no aggregate, and nowhere unnest.
func prunable(tokens []Token, grouped bool) bool {
	for i, t := range tokens {
		name, word := t.name()
		name = strings.ToLower(name)
		if !word || i+1 == len(tokens) || !tokens[i+1].Is("(") {
			continue
		}
		if name == "unnest" || name == "generate_subscripts" || name == "random" {
			return false
		}
		if !grouped && !contains(scalarFunctions, name) && !contains(notCalls, name) && !overWindow(tokens[i+1:]) {
			return false
		}
	}
	return true
}

// overWindow says whether OVER follows the parentheses at the beginning.
func overWindow(tokens []Token) bool {
	depth := 0
	for i, t := range tokens {
		switch {
		case t.Is("("):
			depth++
		case t.Is(")"):
			if depth--; depth == 0 {
				return i+1 < len(tokens) && tokens[i+1].Is("OVER")
			}
		}
	}
	return false
}

// bareNames are the places of identifiers that no dot precedes, from a token on:
// each could mean the column that is named so.
func bareNames(tokens []Token, from int) map[string][]int {
	places := map[string][]int{}
	for i := from; i < len(tokens); i++ {
		if name, ok := tokens[i].name(); ok && !tokens[i-1].Is(".") {
			name = strings.ToLower(name)
			places[name] = append(places[name], i)
		}
	}
	return places
}

func usedOutside(places []int, in tokenRange) bool {
	return slices.ContainsFunc(places, func(i int) bool { return i < in.start || i >= in.end })
}
