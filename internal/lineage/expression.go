package lineage

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// expression collects the sources of a value.
func (r *resolver) expression(e tree, with *ctes, s *scope) ([]Source, error) {
	switch e["type"] {
	case "COLUMN_REF":
		return s.reference(e)
	case "STAR":
		return s.everything(text(e["relation_name"])), nil
	case "SUBQUERY":
		return r.subquery(e, with, s)
	case "LAMBDA":
		inner := *s
		inner.lambda = append(slices.Clone(s.lambda), columnNames(e["lhs"])...)
		return r.expression(object(e["expr"]), with, &inner)
	case "FUNCTION":
		if text(e["function_name"]) == "count_star" {
			return r.rows(e, with, s)
		}
	case "WINDOW_AGGREGATE":
		if len(list(e["children"])) == 0 {
			return r.rows(e, with, s)
		}
	}
	return r.parts(e, with, s)
}

// rows is a count of rows: of those that a filter or a window choose.
func (r *resolver) rows(e tree, with *ctes, s *scope) ([]Source, error) {
	all, err := r.parts(e, with, s)
	for _, rel := range s.relations {
		for _, m := range rel.models {
			all = append(all, Source{m, Rows})
		}
		if rel.open {
			all = append(all, Source{Column: Rows})
		}
	}
	return all, err
}

// parts walks everything in a node, in a fixed order.
func (r *resolver) parts(v any, with *ctes, s *scope) ([]Source, error) {
	var all []Source
	add := func(child any) error {
		from, err := r.part(child, with, s)
		all = append(all, from...)
		return err
	}
	switch v := v.(type) {
	case tree:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if err := add(v[key]); err != nil {
				return nil, err
			}
		}
	case []any:
		for _, child := range v {
			if err := add(child); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

func (r *resolver) part(v any, with *ctes, s *scope) ([]Source, error) {
	if t, ok := v.(tree); ok && t["class"] != nil {
		return r.expression(t, with, s)
	}
	return r.parts(v, with, s)
}

// subquery gives the sources of the value of (SELECT ...), of EXISTS and of IN.
func (r *resolver) subquery(e tree, with *ctes, s *scope) ([]Source, error) {
	rel, err := r.query(object(object(e["subquery"])["node"]), with, s)
	if err != nil {
		return nil, err
	}
	all := rel.every()
	if child := object(e["child"]); child != nil {
		from, err := r.expression(child, with, s)
		if err != nil {
			return nil, err
		}
		all = append(all, from...)
	}
	if len(all) == 0 { // EXISTS (SELECT 1 FROM ...)
		for _, m := range rel.models {
			all = append(all, Source{m, Rows})
		}
	}
	return all, nil
}

// reference places a column's name.
func (s *scope) reference(e tree) ([]Source, error) {
	parts := columnNames(e)
	from, ok := s.find(parts)
	if !ok {
		return nil, fmt.Errorf("cannot place column %s", strings.Join(parts, "."))
	}
	return from, nil
}

// everything is * or t.* inside an expression.
func (s *scope) everything(of string) []Source {
	var all []Source
	for _, rel := range s.relations {
		if of == "" || rel.alias == of {
			all = append(all, rel.every()...)
		}
	}
	return all
}

// columnNames are the parts of a column reference, or the parameters of a
// lambda, in lower case.
func columnNames(v any) []string {
	var names []string
	e := object(v)
	for _, n := range list(e["column_names"]) {
		names = append(names, text(n))
	}
	for _, child := range list(e["children"]) { // (x, i) -> ...
		names = append(names, columnNames(child)...)
	}
	return names
}
