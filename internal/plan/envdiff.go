package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"beanflows.coffee/materia/internal/model"
)

// Difference is a model that two environments do not show alike.
type Difference struct {
	Model     string `json:"model"`
	Kind      string `json:"kind"` // "only in a", "only in b", "code", "data", "metadata"
	Diff      string `json:"diff,omitempty"`
	RowsA     int64  `json:"rows_a"` // -1 where there are none to count
	RowsB     int64  `json:"rows_b"`
	OnlyRowsA int64  `json:"only_rows_a"` // rows that the other one has not, -1 where columns differ
	OnlyRowsB int64  `json:"only_rows_b"`
}

// Diff compares what two environments show, model by model, in the order of a
// and then of b. Equal versions are equal content and are not looked at.
func (l *Lakehouse) Diff(ctx context.Context, a, b string) ([]Difference, error) {
	var sides [2]map[string]RecordedModel
	var order []string
	for i, env := range []string{a, b} {
		r, err := l.Recorded(ctx, env)
		if err != nil {
			return nil, err
		}
		if r.PlanID == "" {
			return nil, fmt.Errorf("%w %s", ErrNoEnvironment, env)
		}
		sides[i] = map[string]RecordedModel{}
		for _, m := range r.Models {
			sides[i][m.Model.Name] = m
			if !slices.Contains(order, m.Model.Name) {
				order = append(order, m.Model.Name)
			}
		}
	}
	var all []Difference
	for _, name := range order {
		x, inA := sides[0][name]
		y, inB := sides[1][name]
		d := Difference{Model: name, RowsA: -1, RowsB: -1, OnlyRowsA: -1, OnlyRowsB: -1}
		switch {
		case !inB:
			d.Kind = "only in a"
		case !inA:
			d.Kind = "only in b"
		case x.Version == y.Version && x.MetaHash == y.MetaHash:
			continue
		case x.CodeHash != y.CodeHash:
			d.Kind, d.Diff = "code", unifiedDiff(x.Model, y.Model)
		case x.Version == y.Version:
			d.Kind, d.Diff = "metadata", unifiedDiff(x.Model, y.Model)
		default:
			d.Kind = "data"
		}
		if err := l.countRows(ctx, &d, a, b, x, y); err != nil {
			return nil, l.fail("compare environments of", fmt.Errorf("%s: %w", name, err))
		}
		all = append(all, d)
	}
	return all, nil
}

func (l *Lakehouse) countRows(ctx context.Context, d *Difference, a, b string, x, y RecordedModel) error {
	view := func(env string, m RecordedModel) string {
		if m.Model == nil || m.Model.Kind == model.Embedded {
			return ""
		}
		return quote(viewSchema(env, m.Model.Schema)) + "." + quote(m.Model.Table)
	}
	inA, inB := view(a, x), view(b, y)
	count := func(into *int64, query string) error { return l.db.QueryRowContext(ctx, query).Scan(into) }
	if inA != "" {
		if err := count(&d.RowsA, "SELECT count(*) FROM "+inA); err != nil {
			return err
		}
	}
	if inB != "" {
		if err := count(&d.RowsB, "SELECT count(*) FROM "+inB); err != nil {
			return err
		}
	}
	if inA == "" || inB == "" || !slices.EqualFunc(x.Model.Columns, y.Model.Columns, func(p, q model.Column) bool { return strings.EqualFold(p.Name, q.Name) && p.Type == q.Type }) {
		return nil
	}
	if err := count(&d.OnlyRowsA, fmt.Sprintf("SELECT count(*) FROM (SELECT * FROM %s EXCEPT ALL SELECT * FROM %s)", inA, inB)); err != nil {
		return err
	}
	return count(&d.OnlyRowsB, fmt.Sprintf("SELECT count(*) FROM (SELECT * FROM %s EXCEPT ALL SELECT * FROM %s)", inB, inA))
}
