package model

import (
	"sort"
	"strings"
)

// found is what a query's syntax tree mentions. Offsets are into the query.
type found struct {
	tables    []tableRef
	functions []functionRef
	columns   []columnRef // with two or more parts
	shows     bool        // DESCRIBE, SUMMARIZE
}

type tableRef struct {
	catalog, schema, table, alias string
	at                            int
}

type functionRef struct {
	schema, name, alias string
	at                  int
}

type columnRef struct {
	parts []string
	at    int
}

// ctes is a chain of WITH clauses in scope.
type ctes struct {
	names map[string]bool
	outer *ctes
}

func (c *ctes) has(name string) bool {
	for ; c != nil; c = c.outer {
		if c.names[name] {
			return true
		}
	}
	return false
}

func with(outer *ctes, names ...string) *ctes {
	c := &ctes{names: map[string]bool{}, outer: outer}
	for _, n := range names {
		c.names[strings.ToLower(n)] = true
	}
	return c
}

// mentions walks the tree. A name without a schema that a WITH clause in scope
// defines is no table; a CTE sees those before it, and itself only where it is
// recursive.
func mentions(tree *node) found {
	var f found
	f.walk(tree, nil)
	return f
}

func (f *found) walk(n *node, in *ctes) {
	for i := range n.items {
		f.walk(&n.items[i], in)
	}
	if n.kind != '{' {
		return
	}
	if map1 := n.get("cte_map").get("map"); len(map1.items) > 0 {
		inner := with(in)
		for i := range map1.items {
			entry := &map1.items[i]
			f.walk(entry.get("value"), inner)
			inner = with(inner, entry.get("key").text)
		}
		in = inner
	}
	switch n.get("type").text {
	case "RECURSIVE_CTE_NODE":
		in = with(in, n.get("cte_name").text)
	case "BASE_TABLE":
		t := tableRef{n.get("catalog_name").text, n.get("schema_name").text, n.get("table_name").text, n.get("alias").text, n.location()}
		if t.catalog != "" || t.schema != "" || !in.has(strings.ToLower(t.table)) {
			f.tables = append(f.tables, t)
		} else {
			f.tables = append(f.tables, tableRef{table: t.table, alias: orElse(t.alias, t.table), at: -2}) // a CTE: only its alias counts
		}
	case "TABLE_FUNCTION":
		fn := n.get("function")
		f.functions = append(f.functions, functionRef{fn.get("schema").text, strings.ToLower(fn.get("function_name").text), n.get("alias").text, fn.location()})
	case "COLUMN_REF":
		if names := n.get("column_names").items; len(names) > 1 {
			c := columnRef{at: n.location()}
			for i := range names {
				c.parts = append(c.parts, strings.ToLower(names[i].text))
			}
			f.columns = append(f.columns, c)
		}
	case "SHOW_REF":
		f.shows = true
	}
	for i := range n.fields {
		if n.fields[i].key != "cte_map" {
			f.walk(&n.fields[i].value, in)
		}
	}
}

func orElse(s, other string) string {
	if s != "" {
		return s
	}
	return other
}

// tokenAt is the index of the significant token that begins at an offset, -1
// if none does.
func tokenAt(tokens []Token, at int) int {
	i := sort.Search(len(tokens), func(i int) bool { return tokens[i].Start >= at })
	if i < len(tokens) && tokens[i].Start == at {
		return i
	}
	return -1
}
