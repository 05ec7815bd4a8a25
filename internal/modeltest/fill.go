package modeltest

import (
	"context"
	"slices"
	"strings"

	"beanflows.coffee/materia/internal/duck"
	"beanflows.coffee/materia/internal/model"
)

// fill makes an input's table: the model's columns, or the types the test
// gives, and its rows. Columns a row leaves out are NULL.
func (r *runner) fill(ctx context.Context, table string, in input) error {
	columns := slices.Clone(r.p.Models[in.model].Columns)
	for name, typ := range in.columns {
		i := slices.IndexFunc(columns, func(c model.Column) bool { return strings.EqualFold(c.Name, name) })
		if i < 0 {
			columns = append(columns, model.Column{Name: name, Type: typ})
		} else {
			columns[i].Type = typ
		}
	}
	defs := make([]string, len(columns))
	for i, c := range columns {
		defs[i] = duck.QuoteIdent(c.Name) + " " + c.Type
	}
	if _, err := r.c.ExecContext(ctx, "CREATE TABLE "+table+" ("+strings.Join(defs, ", ")+")"); err != nil {
		return r.problem(ctx, in.line, "input "+in.model, err)
	}
	if in.query != "" {
		if _, err := r.c.ExecContext(ctx, "INSERT INTO "+table+" BY NAME ("+in.query+"\n)"); err != nil {
			return r.problem(ctx, in.line, "input "+in.model, err)
		}
		return nil
	}
	if len(in.rows) == 0 {
		return nil
	}
	rows := make([]string, len(in.rows))
	for i, row := range in.rows {
		text, err := rowSQL(in.model, columns, row)
		if err != nil {
			return err
		}
		rows[i] = text
	}
	if _, err := r.c.ExecContext(ctx, "INSERT INTO "+table+" VALUES "+strings.Join(rows, ", ")); err == nil {
		return nil
	}
	for i, row := range rows { // which one was it?
		if _, err := r.c.ExecContext(ctx, "INSERT INTO "+table+" VALUES "+row); err != nil {
			return r.problem(ctx, in.rows[i].line, "input "+in.model, err)
		}
	}
	return nil
}

func rowSQL(name string, columns []model.Column, row value) (string, error) {
	for i, k := range row.keys {
		if !slices.ContainsFunc(columns, func(c model.Column) bool { return strings.EqualFold(c.Name, k) }) {
			return "", bad(lineOr(row.items[i].line, row.line), "input %s has no column %s; it has %s", name, k, names(columns))
		}
	}
	cells := make([]string, len(columns))
	for i, c := range columns {
		cells[i] = "NULL"
		if v := row.get(strings.ToLower(c.Name)); v != nil && v.kind != null {
			cells[i] = "CAST(" + v.sql(c.Type) + " AS " + c.Type + ")"
		}
	}
	return "(" + strings.Join(cells, ", ") + ")", nil
}

func lineOr(line, other int) int {
	if line > 0 {
		return line
	}
	return other
}

func names(columns []model.Column) string {
	all := make([]string, len(columns))
	for i, c := range columns {
		all[i] = c.Name
	}
	return strings.Join(all, ", ")
}

// problem is a DuckDB error as the test's own, unless the run was cancelled.
func (r *runner) problem(ctx context.Context, line int, what string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if e, ok := duck.ParseError(err); ok {
		return bad(line, "%s: %s", what, e.Message)
	}
	return bad(line, "%s: %v", what, err)
}
