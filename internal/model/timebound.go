package model

import "strings"

// timeBound finds, for each model a query reads, the one column that limits
// its rows to the interval everywhere it is read: a condition of the SELECT
// that reads it, joined by AND, from a start macro up to an end macro. A row
// outside of the interval then never gets into the result, so a change there
// cannot change it. A model without such a column is not in the answer.
func (p *parsedModel) timeBound(tree *node) map[string]string {
	if p.m.Unit.length() < Day.length() {
		return nil // start_ds lies before the start of an hour
	}
	b := timeBounds{p: p, column: map[string]string{}}
	b.walk(tree)
	for model, column := range b.column {
		if column == "" {
			delete(b.column, model)
		}
	}
	return b.column
}

type timeBounds struct {
	p      *parsedModel
	column map[string]string // empty: somewhere the model is read without a limit, or by another column
}

func (b *timeBounds) walk(n *node) {
	for i := range n.items {
		b.walk(&n.items[i])
	}
	if n.kind != '{' {
		return
	}
	if n.get("type").text == "SELECT_NODE" {
		b.selects(n)
	}
	for i := range n.fields {
		b.walk(&n.fields[i].value)
	}
}

// selects looks at one SELECT: its tables and its conditions.
func (b *timeBounds) selects(n *node) {
	tables, ok := fromTables(n.get("from_table"))
	limited := map[string]string{} // alias to column
	if ok {
		conditions := conjuncts(n.get("where_clause"), nil)
		low, high := map[string]bool{}, map[string]bool{}
		for _, c := range conditions {
			b.condition(c, low, high)
		}
		for column := range low {
			if !high[column] {
				continue
			}
			alias, name, qualified := strings.Cut(column, ".")
			if !qualified && len(tables) == 1 {
				limited[tables[0].alias] = column
			} else if qualified {
				limited[alias] = name
			}
		}
	}
	for _, t := range tables {
		if t.model == "" {
			continue
		}
		column := limited[t.alias]
		if before, seen := b.column[t.model]; seen && before != column {
			column = ""
		}
		b.column[t.model] = column
	}
}

type fromTable struct{ model, alias string }

// fromTables are all tables of a FROM, models or not. ok is false for a form
// of join in which a row that a condition drops may still have had a say.
func fromTables(n *node) (tables []fromTable, ok bool) {
	switch n.get("type").text {
	case "BASE_TABLE":
		t := fromTable{alias: strings.ToLower(orElse(n.get("alias").text, n.get("table_name").text))}
		if schema := n.get("schema_name").text; schema != "" {
			t.model = strings.ToLower(schema + "." + n.get("table_name").text)
		}
		return []fromTable{t}, absent(n.get("sample"))
	case "JOIN":
		left, ok1 := fromTables(n.get("left"))
		right, ok2 := fromTables(n.get("right"))
		return append(left, right...), ok1 && ok2 && contains([]string{"CROSS", "REGULAR"}, n.get("ref_type").text)
	case "EMPTY":
		return nil, true
	}
	return []fromTable{{alias: strings.ToLower(n.get("alias").text)}}, true // a subquery or a function: its own SELECTs are looked at
}

func conjuncts(n *node, all []*node) []*node {
	if n.get("type").text == "CONJUNCTION_AND" {
		children := n.get("children").items
		for i := range children {
			all = conjuncts(&children[i], all)
		}
		return all
	}
	if n.kind == '{' {
		all = append(all, n)
	}
	return all
}

// condition notes which columns a condition limits from below and from above.
func (b *timeBounds) condition(n *node, low, high map[string]bool) {
	switch n.get("type").text {
	case "COMPARE_BETWEEN":
		column := columnName(n.get("input"))
		if column != "" && b.is(n.get("lower"), "start") && b.is(n.get("upper"), "end") {
			low[column], high[column] = true, true
		}
	case "COMPARE_GREATERTHANOREQUALTO", "COMPARE_GREATERTHAN":
		b.side(n.get("left"), n.get("right"), low, high)
	case "COMPARE_LESSTHANOREQUALTO", "COMPARE_LESSTHAN":
		b.side(n.get("right"), n.get("left"), low, high)
	}
}

// side reads large > small.
func (b *timeBounds) side(large, small *node, low, high map[string]bool) {
	if column := columnName(large); column != "" && b.is(small, "start") {
		low[column] = true
	}
	if column := columnName(small); column != "" && b.is(large, "end") {
		high[column] = true
	}
}

func columnName(n *node) string {
	names := n.get("column_names").items
	if n.get("type").text != "COLUMN_REF" || len(names) == 0 || len(names) > 2 {
		return ""
	}
	parts := make([]string, len(names))
	for i := range names {
		parts[i] = strings.ToLower(names[i].text)
	}
	return strings.Join(parts, ".")
}

// is says whether an expression is nothing but a time macro, perhaps cast.
func (b *timeBounds) is(n *node, prefix string) bool {
	for n.get("class").text == "CAST" && !b.within(n.location(), prefix) {
		n = n.get("child")
	}
	return contains([]string{"CONSTANT", "CAST"}, n.get("class").text) && b.within(n.location(), prefix)
}

func (b *timeBounds) within(at int, prefix string) bool {
	for _, t := range b.p.m.TimeMacros {
		if at >= t.Span.Start && at < t.Span.End && strings.HasPrefix(t.Name, prefix+"_") {
			return true
		}
	}
	return false
}
