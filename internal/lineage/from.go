package lineage

import (
	"fmt"
	"slices"
	"strings"
)

// shares says whether a column was joined by USING, so that * has it once.
func (r *relation) shares(name string) bool { return slices.Contains(r.using, name) }

// from adds the tables of a FROM clause to a scope.
func (r *resolver) from(n tree, with *ctes, s *scope) error {
	var rel *relation
	alias := text(n["alias"])
	switch kind := n["type"]; kind {
	case "EMPTY", nil:
		return nil
	case "JOIN":
		return r.join(n, with, s)
	case "BASE_TABLE":
		name, schema := text(n["table_name"]), text(n["schema_name"])
		if alias == "" {
			alias = name
		}
		if cte := with.find(name); cte != nil && schema == "" {
			rel = &relation{columns: slices.Clone(cte.columns), models: cte.models, open: cte.open}
			break
		}
		m := r.p.Models[schema+"."+name]
		if m == nil {
			return fmt.Errorf("unknown model %s.%s", schema, name)
		}
		rel = &relation{schema: schema, models: []string{m.Name}}
		for _, c := range m.Columns {
			low := strings.ToLower(c.Name)
			rel.columns = append(rel.columns, column{low, []Source{{m.Name, low}}})
		}
	case "SUBQUERY":
		var err error
		if rel, err = r.query(object(object(n["subquery"])["node"]), with, s); err != nil {
			return err
		}
	case "TABLE_FUNCTION":
		fn := object(n["function"])
		name := text(fn["function_name"])
		if alias == "" {
			alias = name
		}
		if strings.HasPrefix(name, "read_") || strings.HasSuffix(name, "_scan") || name == "glob" {
			rel = &relation{open: true}
			break
		}
		from, err := r.arguments(fn, with, s)
		if err != nil {
			return err
		}
		rel = &relation{columns: []column{{name, from}}, other: append([]Source{}, from...)}
	case "EXPRESSION_LIST":
		var err error
		if rel, err = r.values(n, with, s); err != nil {
			return err
		}
	default:
		return fmt.Errorf("cannot follow %v in FROM", kind)
	}
	rel.alias = alias
	rel.renamed(list(n["column_name_alias"]))
	s.relations = append(s.relations, rel)
	return nil
}

func (r *resolver) join(n tree, with *ctes, s *scope) error {
	if err := r.from(object(n["left"]), with, s); err != nil {
		return err
	}
	left := len(s.relations)
	if err := r.from(object(n["right"]), with, s); err != nil {
		return err
	}
	for _, rel := range s.relations[left:] {
		for _, u := range list(n["using_columns"]) {
			rel.using = append(rel.using, text(u))
		}
		if text(n["ref_type"]) == "natural" {
			for _, c := range rel.columns {
				rel.using = append(rel.using, c.name)
			}
		}
	}
	if kind := text(n["join_type"]); kind == "semi" || kind == "anti" {
		s.relations = s.relations[:left] // the right side offers no column
	}
	return nil
}

// values is VALUES (1, 'a'), (2, 'b').
func (r *resolver) values(n tree, with *ctes, s *scope) (*relation, error) {
	rel := &relation{}
	for _, row := range list(n["values"]) {
		for i, v := range list(row) {
			from, err := r.expression(object(v), with, s)
			if err != nil {
				return nil, err
			}
			if i == len(rel.columns) {
				rel.columns = append(rel.columns, column{name: fmt.Sprintf("col%d", i)})
			}
			rel.columns[i].from = append(rel.columns[i].from, from...)
		}
	}
	return rel, nil
}

func (r *resolver) arguments(fn tree, with *ctes, s *scope) ([]Source, error) {
	var all []Source
	for _, child := range list(fn["children"]) {
		from, err := r.expression(object(child), with, s)
		if err != nil {
			return nil, err
		}
		all = append(all, from...)
	}
	return all, nil
}
