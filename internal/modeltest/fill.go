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
	if len(in.rows) > 0 && in.query == "" {
		if text, ok := tableSQL(in, columns); ok {
			if _, err := r.c.ExecContext(ctx, "CREATE TABLE "+table+" AS "+text); err == nil {
				return nil
			}
		} // once more, row by row, to say which one it is
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

// tableSQL is all rows as one query that casts only what rows mention: making
// and filling a table is most of the time of a test. ok is false where a row
// has a column that there is not.
func tableSQL(in input, columns []model.Column) (text string, ok bool) {
	given := map[string]bool{}
	for _, row := range in.rows {
		for _, k := range row.keys {
			given[k] = true
		}
	}
	var used []model.Column
	list := make([]string, len(columns))
	for i, c := range columns {
		if name := strings.ToLower(c.Name); given[name] {
			used = append(used, c)
			list[i] = duck.QuoteIdent(c.Name)
			delete(given, name)
		} else {
			list[i] = "CAST(NULL AS " + c.Type + ") AS " + duck.QuoteIdent(c.Name)
		}
	}
	if len(given) > 0 || len(used) == 0 {
		return "", false
	}
	names, rows := make([]string, len(used)), make([]string, len(in.rows))
	for i, c := range used {
		names[i] = duck.QuoteIdent(c.Name)
	}
	for j, row := range in.rows {
		cells := make([]string, len(used))
		for i, c := range used {
			v := row.get(strings.ToLower(c.Name))
			if v == nil {
				v = &value{kind: null}
			}
			cells[i] = "CAST(" + v.sql(c.Type) + " AS " + c.Type + ")"
		}
		rows[j] = "(" + strings.Join(cells, ", ") + ")"
	}
	return "SELECT " + strings.Join(list, ", ") + " FROM (VALUES " + strings.Join(rows, ", ") + ") AS v(" + strings.Join(names, ", ") + ")", true
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
