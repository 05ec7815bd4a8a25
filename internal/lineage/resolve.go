package lineage

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"beanflows.coffee/materia/internal/model"
)

// tree is an object of DuckDB's syntax tree.
type tree = map[string]any

type resolver struct{ p *model.Project }

// ctes is a chain of WITH clauses.
type ctes struct {
	name  string
	rel   *relation
	outer *ctes
}

func (c *ctes) find(name string) *relation {
	for ; c != nil; c = c.outer {
		if c.name == name {
			return c.rel
		}
	}
	return nil
}

func object(v any) tree { t, _ := v.(tree); return t }
func list(v any) []any  { l, _ := v.([]any); return l }
func text(v any) string { s, _ := v.(string); return strings.ToLower(s) }

func (r *resolver) statement(text string) (*relation, error) {
	var t tree
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return nil, fmt.Errorf("syntax tree: %w", err)
	}
	statements := list(t["statements"])
	if len(statements) != 1 {
		return nil, errors.New("not one statement")
	}
	return r.query(object(object(statements[0])["node"]), nil, nil)
}

// query gives what a query returns.
func (r *resolver) query(n tree, with *ctes, outer *scope) (*relation, error) {
	for _, e := range list(object(n["cte_map"])["map"]) {
		entry := object(e)
		value := object(entry["value"])
		rel, err := r.query(object(object(value["query"])["node"]), with, outer)
		if err != nil {
			return nil, err
		}
		rel.renamed(list(value["aliases"]))
		with = &ctes{text(entry["key"]), rel, with}
	}
	switch kind := n["type"]; kind {
	case "SELECT_NODE":
		return r.selection(n, with, outer)
	case "SET_OPERATION_NODE":
		return r.union(n, with, outer)
	case "RECURSIVE_CTE_NODE":
		first, err := r.query(object(n["left"]), with, outer)
		if err != nil {
			return nil, err
		}
		first.renamed(list(n["aliases"]))
		again, err := r.query(object(n["right"]), &ctes{text(n["cte_name"]), first, with}, outer)
		if err != nil {
			return nil, err
		}
		return merged([]*relation{first, again}, false), nil
	default:
		return nil, fmt.Errorf("cannot follow a query of kind %v", kind)
	}
}

func (r *resolver) union(n tree, with *ctes, outer *scope) (*relation, error) {
	sides := []any{n["left"], n["right"]}
	if children := list(n["children"]); len(children) > 0 {
		sides = children
	}
	var all []*relation
	for _, side := range sides {
		rel, err := r.query(object(side), with, outer)
		if err != nil {
			return nil, err
		}
		all = append(all, rel)
	}
	return merged(all, strings.Contains(text(n["setop_type"]), "name")), nil
}

// merged puts the results of a UNION into one, by place or by name.
func merged(all []*relation, byName bool) *relation {
	out := &relation{columns: slices.Clone(all[0].columns), models: slices.Clone(all[0].models), open: all[0].open}
	for _, other := range all[1:] {
		out.models, out.open = append(out.models, other.models...), out.open || other.open
		for i, c := range other.columns {
			at := i
			if byName {
				at = slices.IndexFunc(out.columns, func(o column) bool { return o.name == c.name })
			}
			if at < 0 || at >= len(out.columns) {
				out.columns = append(out.columns, c)
				continue
			}
			out.columns[at].from = append(slices.Clone(out.columns[at].from), c.from...)
		}
	}
	return out
}

func (r *resolver) selection(n tree, with *ctes, outer *scope) (*relation, error) {
	s := &scope{aliases: map[string][]Source{}, outer: outer}
	if err := r.from(object(n["from_table"]), with, s); err != nil {
		return nil, err
	}
	out := &relation{}
	for _, rel := range s.relations {
		out.models = append(out.models, rel.models...)
	}
	for _, item := range list(n["select_list"]) {
		e := object(item)
		if e["type"] == "STAR" && e["columns"] != true {
			if err := r.star(e, with, s, out); err != nil {
				return nil, err
			}
			continue
		}
		from, err := r.expression(e, with, s)
		if err != nil {
			return nil, err
		}
		name := text(e["alias"])
		if parts := list(e["column_names"]); name == "" && len(parts) > 0 {
			name = text(parts[len(parts)-1])
		}
		out.columns = append(out.columns, column{name, from})
		if name != "" {
			s.aliases[name] = from
		}
	}
	return out, nil
}

// star adds the columns of * or t.* to a result.
func (r *resolver) star(e tree, with *ctes, s *scope, out *relation) error {
	leave := map[string]bool{}
	for _, x := range list(e["exclude_list"]) {
		leave[text(x)] = true
	}
	replaced := map[string][]Source{}
	for _, x := range list(e["replace_list"]) {
		from, err := r.expression(object(object(x)["value"]), with, s)
		if err != nil {
			return err
		}
		replaced[text(object(x)["key"])] = from
	}
	of := text(e["relation_name"])
	seen := map[string]bool{}
	for _, rel := range s.relations {
		if of != "" && rel.alias != of {
			continue
		}
		out.open = out.open || rel.open
		for _, c := range rel.columns {
			shared := of == "" && seen[c.name] && rel.shares(c.name)
			if leave[c.name] || shared {
				continue
			}
			seen[c.name] = true
			if from, ok := replaced[c.name]; ok {
				c.from = from
			}
			out.columns = append(out.columns, c)
		}
	}
	return nil
}
