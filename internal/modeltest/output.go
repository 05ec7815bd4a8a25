package modeltest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/duck"
	"beanflows.coffee/materia/internal/model"
)

// grid is a result: every value as DuckDB prints it, nil for NULL.
type grid struct {
	columns []model.Column
	rows    [][]*string
}

// output runs the query, or one of its CTEs, and compares. The text is the
// difference, empty if there is none.
func (r *runner) output(ctx context.Context, t *testCase, m *model.Model, rendered *model.Rendered, query string, out output) (string, error) {
	what, ordered := t.model, endsInOrderBy(query)
	text := query
	if out.cte != "" {
		what += ", CTE " + out.cte
		prefix, body, ok := cteQuery(query, out.cte)
		if !ok {
			return "", bad(out.line, "%s has no CTE %s", t.model, out.cte)
		}
		text, ordered = prefix, endsInOrderBy(body)
	}
	known := m.Columns
	if out.cte != "" || len(t.vars) > 0 || t.types { // other variables or inputs may give other types
		known = nil
	}
	actual, err := r.read(ctx, text, known)
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if text == rendered.SQL {
			err = m.Explain(rendered, prefixOf(known), err)
		}
		return "", bad(out.line, "%s: %s", what, message(err))
	}
	if out.query != "" {
		if out.rows, err = r.expectedRows(ctx, out); err != nil {
			return "", err
		}
	}
	want, err := r.expect(ctx, what, actual, out)
	if err != nil {
		return "", err
	}
	return difference(t, what, want, actual, ordered), nil
}

func message(err error) string {
	if e, ok := duck.ParseError(err); ok {
		return e.Message
	}
	return err.Error()
}

const readPrefix = "CREATE OR REPLACE TEMP TABLE materia_actual AS "

// textPrefix has every column of a query as DuckDB prints it.
const textPrefix = "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (\n"

func prefixOf(known []model.Column) int {
	if known == nil {
		return len(readPrefix)
	}
	return len(textPrefix)
}

// read runs a query and returns its rows as text, in order. Columns that are
// known already spare two more queries.
func (r *runner) read(ctx context.Context, query string, known []model.Column) (grid, error) {
	g := grid{columns: known}
	if known != nil {
		err := r.rows(ctx, &g, textPrefix+query+"\n)")
		return g, err
	}
	if _, err := r.c.ExecContext(ctx, readPrefix+query); err != nil {
		return g, err
	}
	rows, err := r.c.QueryContext(ctx, "DESCRIBE materia_actual")
	if err != nil {
		return g, err
	}
	var null, key, def, extra any
	casts := []string{}
	for rows.Next() {
		var c model.Column
		if err := rows.Scan(&c.Name, &c.Type, &null, &key, &def, &extra); err != nil {
			rows.Close()
			return g, err
		}
		g.columns = append(g.columns, c)
		casts = append(casts, "CAST("+duck.QuoteIdent(c.Name)+" AS VARCHAR)")
	}
	if rows.Close(); rows.Err() != nil {
		return g, rows.Err()
	}
	err = r.rows(ctx, &g, "SELECT "+strings.Join(casts, ", ")+" FROM materia_actual ORDER BY rowid")
	return g, err
}

func (r *runner) rows(ctx context.Context, g *grid, query string) error {
	rows, err := r.c.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		row := make([]*string, len(g.columns))
		into := make([]any, len(row))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		g.rows = append(g.rows, row)
	}
	return rows.Err()
}

// expectedRows runs an output's own query.
func (r *runner) expectedRows(ctx context.Context, out output) ([]value, error) {
	g, err := r.read(ctx, out.query, nil)
	if err != nil {
		return nil, r.problem(ctx, out.line, "outputs", err)
	}
	rows := make([]value, len(g.rows))
	for i, row := range g.rows {
		rows[i] = value{kind: object, line: out.line}
		for j, cell := range row {
			v := value{kind: null}
			switch {
			case cell != nil && isNumeric(g.columns[j].Type):
				v = value{kind: number, text: *cell}
			case cell != nil && g.columns[j].Type == "BOOLEAN":
				v = value{kind: boolean, text: strings.ToUpper(*cell)}
			case cell != nil:
				v = value{kind: text, text: *cell}
			}
			rows[i].keys, rows[i].items = append(rows[i].keys, strings.ToLower(g.columns[j].Name)), append(rows[i].items, v)
		}
	}
	return rows, nil
}

// expected is the rows a test wants, cell by cell beside the columns compared.
type expected struct {
	columns []int // of the actual result
	rows    [][]cell
	lines   []int
}

// cell is one wanted value. shown is also what text is compared with.
type cell struct {
	kind  kind
	shown string
}

// expect lines the test's rows up with the result's columns.
func (r *runner) expect(ctx context.Context, what string, actual grid, out output) (expected, error) {
	var e expected
	mentioned := map[string]bool{}
	for _, row := range out.rows {
		for i, k := range row.keys {
			if !slices.ContainsFunc(actual.columns, func(c model.Column) bool { return strings.EqualFold(c.Name, k) }) {
				return e, bad(lineOr(row.items[i].line, row.line), "%s returns no column %s; it returns %s", what, k, names(actual.columns))
			}
			mentioned[k] = true
		}
	}
	for i, c := range actual.columns {
		if !out.partial || mentioned[strings.ToLower(c.Name)] || len(mentioned) == 0 {
			e.columns = append(e.columns, i)
		}
	}
	for _, row := range out.rows {
		cells := make([]cell, len(e.columns))
		for j, i := range e.columns {
			cells[j] = cell{null, "NULL"}
			if v := row.get(strings.ToLower(actual.columns[i].Name)); v != nil && v.kind != null {
				c, err := r.cell(ctx, *v, actual.columns[i].Type)
				if err != nil {
					return e, bad(lineOr(v.line, row.line), "column %s: %v", actual.columns[i].Name, err)
				}
				cells[j] = c
			}
		}
		e.rows = append(e.rows, cells)
		e.lines = append(e.lines, row.line)
	}
	return e, nil
}

// cell brings a wanted value into the form DuckDB prints for the type. Numbers
// and booleans stay what they are: a cast would round a wrong expectation.
func (r *runner) cell(ctx context.Context, v value, typ string) (cell, error) {
	switch {
	case v.kind == text && (typ == "VARCHAR" || isNumeric(typ)), v.kind == number, v.kind == boolean:
		return cell{v.kind, strings.Trim(strings.TrimSuffix(v.text, "::DOUBLE"), "'")}, nil
	}
	key := typ + "\x00" + v.sql(typ)
	if known, ok := r.cells[key]; ok {
		return known, nil
	}
	if typ == "DATE" && v.kind == text {
		if d, err := time.Parse(time.DateOnly, v.text); err == nil && d.Year() > 0 {
			return cell{text, v.text}, nil
		}
	}
	var s *string
	if err := r.c.QueryRowContext(ctx, "SELECT CAST(CAST("+v.sql(typ)+" AS "+typ+") AS VARCHAR)").Scan(&s); err != nil {
		if ctx.Err() != nil {
			return cell{}, ctx.Err()
		}
		return cell{}, fmt.Errorf("%s is no %s: %s", v.sql(typ), typ, message(err))
	}
	got := cell{null, "NULL"}
	if s != nil {
		got = cell{text, *s}
	}
	r.cells[key] = got
	return got, nil
}
