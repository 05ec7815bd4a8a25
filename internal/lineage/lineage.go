package lineage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"beanflows.coffee/materia/internal/duck"
	"beanflows.coffee/materia/internal/model"
)

// Rows in the place of a column's name stands for the rows of a model: a count
// comes from them and from no column.
const Rows = "*"

// Source is a column that another one is computed from. Model is empty for a
// column of the files that the model itself reads.
type Source struct {
	Model  string `json:"model,omitempty"`
	Column string `json:"column"`
}

// Columns gives the direct sources of every column of the models named, by
// model and lower-case column. A seed's columns have none.
func Columns(ctx context.Context, p *model.Project, names []string) (map[string]map[string][]Source, error) {
	db, err := duck.Open("", duck.Options{Threads: 1, MemoryLimit: "512MB"})
	if err != nil {
		return nil, fmt.Errorf("lineage: %w", err)
	}
	defer db.Close()
	var queries, of []string
	all := map[string]map[string][]Source{}
	for _, name := range names {
		m := p.Models[name]
		if m == nil {
			return nil, fmt.Errorf("lineage: unknown model %s", name)
		}
		all[name] = map[string][]Source{}
		if m.Query != "" && m.Kind != model.Seed {
			queries, of = append(queries, m.Query), append(of, name)
		}
	}
	trees, err := duck.SerializeSQL(ctx, db, queries)
	if err != nil {
		return nil, fmt.Errorf("lineage: %w", err)
	}
	for i, name := range of {
		if trees[i].Err != nil {
			return nil, fmt.Errorf("lineage: %s: %w", name, trees[i].Err)
		}
		if all[name], err = columnsOf(p, p.Models[name], trees[i].JSON); err != nil {
			return nil, fmt.Errorf("lineage: %s (%s): %w", name, p.Models[name].File, err)
		}
	}
	return all, nil
}

// columnsOf matches what the query returns with the model's columns, which
// DuckDB named.
func columnsOf(p *model.Project, m *model.Model, tree string) (map[string][]Source, error) {
	r := &resolver{p: p}
	out, err := r.statement(tree)
	if err != nil {
		return nil, err
	}
	if !out.open && len(out.columns) != len(m.Columns) {
		return nil, fmt.Errorf("found %d columns, the model has %d", len(out.columns), len(m.Columns))
	}
	sources := map[string][]Source{}
	for i, c := range m.Columns {
		var found []Source
		if out.open {
			found, _ = out.column(strings.ToLower(c.Name))
		} else {
			found = out.columns[i].from
		}
		sources[strings.ToLower(c.Name)] = unique(found)
	}
	return sources, nil
}

func unique(all []Source) []Source {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b Source) int { return cmp.Or(cmp.Compare(a.Model, b.Model), cmp.Compare(a.Column, b.Column)) })
	return slices.Compact(all)
}
