package lineage

import (
	"slices"
	"strings"
)

// column is one that a table in FROM offers, or a query returns.
type column struct {
	name string // lower case; empty for an expression without a name
	from []Source
}

// relation is a table in FROM, or the result of a query.
type relation struct {
	alias   string // lower case
	schema  string // of a model that stands without an alias
	columns []column
	models  []string // whose rows it holds
	open    bool     // of a file: it has any column that is asked for
	other   []Source // of a table function: what a column without a known name comes from
	using   []string // columns joined by USING
}

// column finds a column by its lower-case name.
func (r *relation) column(name string) ([]Source, bool) {
	for _, c := range r.columns {
		if c.name == name {
			return c.from, true
		}
	}
	if r.other != nil {
		return r.other, true
	}
	if r.open {
		return []Source{{Column: name}}, true
	}
	return nil, false
}

// every is all that is known of a relation, as t.* in an expression reads it.
func (r *relation) every() []Source {
	all := slices.Clone(r.other)
	for _, c := range r.columns {
		all = append(all, c.from...)
	}
	if r.open {
		all = append(all, Source{Column: Rows})
	}
	return all
}

// renamed gives columns other names, as AS t(a, b) does.
func (r *relation) renamed(names []any) {
	for i, n := range names {
		if s, ok := n.(string); ok && i < len(r.columns) {
			r.columns[i].name = strings.ToLower(s)
		} else if ok {
			r.columns = append(r.columns, column{name: strings.ToLower(s)})
		}
	}
}

// scope is what names may mean in a query: the tables of its FROM, the columns
// it named already, and the query around it.
type scope struct {
	relations []*relation
	aliases   map[string][]Source
	lambda    []string // parameters of the lambdas around
	outer     *scope
}

// find resolves a dotted, lower-case name. A name without a table may stand in
// several, joined by USING.
func (s *scope) find(parts []string) ([]Source, bool) {
	if s == nil {
		return nil, false
	}
	if slices.Contains(s.lambda, parts[0]) {
		return nil, true
	}
	if len(parts) > 1 {
		for _, r := range s.relations {
			rest := parts[1:]
			if r.schema != "" && len(parts) > 2 && r.schema == parts[0] && r.alias == parts[1] {
				rest = parts[2:]
			} else if r.alias != parts[0] {
				continue
			}
			if from, ok := r.column(rest[0]); ok {
				return from, true
			}
		}
	}
	var all []Source
	found := false
	for _, closed := range []bool{true, false} { // a file has any name: asked last
		for _, r := range s.relations {
			if from, ok := r.column(parts[0]); ok && r.open != closed {
				all, found = append(all, from...), true
			}
		}
		if found {
			return all, true
		}
	}
	if from, ok := s.aliases[parts[0]]; ok {
		return from, true
	}
	return s.outer.find(parts)
}
