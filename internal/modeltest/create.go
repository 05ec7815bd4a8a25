package modeltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"beanflows.coffee/materia/internal/duck"
	"beanflows.coffee/materia/internal/model"
)

// CreateOptions says what rows a test is made of.
type CreateOptions struct {
	Name    string            // of the test; empty: test_<table>
	Comment string            // stands above the test, a line
	Limit   int               // rows of each input without a query of its own
	Queries map[string]string // SELECT by input's name, run where the rows are
	Vars    map[string]string // start, end, execution_time and variables, as the test is to have them
}

// Create writes a unit test of m in SQLMesh's YAML: rows of its inputs, read
// from db, and the rows the model makes of them. table gives the SQL text of an
// input's table in db, empty if it has none. Inputs share values where columns
// of one name are alike, so that joins find each other. The test was run once
// and passes.
func Create(ctx context.Context, p *model.Project, m *model.Model, db *sql.DB, table func(input string) string, o CreateOptions) (string, error) {
	fail := func(err error) (string, error) {
		return "", fmt.Errorf("modeltest: create a test of %s: %w", m.Name, err)
	}
	switch {
	case m.Kind == model.Seed:
		return fail(errors.New("a seed has no query to test"))
	case len(m.Readers) > 0:
		return fail(errors.New("it reads files; write a test whose vars lead to fixtures"))
	}
	for name := range o.Queries {
		if !slices.Contains(m.DependsOn, name) {
			return fail(fmt.Errorf("it does not read %s; it reads %s", name, strings.Join(m.DependsOn, ", ")))
		}
	}
	if o.Name == "" {
		o.Name = "test_" + m.Table
	}
	var y yamlWriter
	if o.Comment != "" {
		y.line(0, "# "+o.Comment)
	}
	y.line(0, o.Name+":")
	y.line(1, "model: "+m.Name)
	if err := y.inputs(ctx, p, m, db, table, o); err != nil {
		return fail(err)
	}
	for i, k := range sortedKeys(o.Vars) {
		if i == 0 {
			y.line(1, "vars:")
		}
		y.line(2, k+": "+quoteYAML(o.Vars[k]))
	}
	r, err := newRunner(ctx, p)
	if err != nil {
		return fail(err)
	}
	defer r.close()
	out, err := r.outcome(ctx, o.Name, y.String())
	if err != nil {
		return fail(err)
	}
	y.line(1, "outputs:")
	y.line(2, "query:")
	y.rows(3, out.columns, out.rows)
	return y.String(), r.passes(ctx, o.Name, y.String())
}

// inputs reads rows of every model that m reads.
func (y *yamlWriter) inputs(ctx context.Context, p *model.Project, m *model.Model, db *sql.DB, table func(string) string, o CreateOptions) error {
	var first string // the table that the query begins with: the others follow its rows
	var firstColumns []model.Column
	if len(m.Refs) > 0 {
		first, firstColumns = table(m.Refs[0].Model), p.Models[m.Refs[0].Model].Columns
	}
	for i, name := range m.DependsOn {
		query := o.Queries[name]
		if query == "" {
			from := table(name)
			if from == "" {
				return fmt.Errorf("there are no rows of %s; give a query for it", name)
			}
			query = "SELECT * FROM " + from + " ORDER BY ALL"
			if from != first && first != "" && o.Queries[m.Refs[0].Model] == "" {
				query = following(from, p.Models[name].Columns, first, firstColumns, o.Limit)
			}
			query += fmt.Sprintf(" LIMIT %d", o.Limit)
		}
		g, err := readRowsOf(ctx, db, query)
		if err != nil {
			return fmt.Errorf("rows of %s: %w", name, err)
		}
		if i == 0 {
			y.line(1, "inputs:")
		}
		y.line(2, name+":")
		y.rows(3, g.columns, g.rows)
	}
	return nil
}

// following reads those rows of a table first that share most values with the
// rows that are read of another one.
func following(from string, columns []model.Column, first string, firstColumns []model.Column, limit int) string {
	var shared []string
	for _, c := range columns {
		if slices.ContainsFunc(firstColumns, func(f model.Column) bool { return strings.EqualFold(f.Name, c.Name) && f.Type == c.Type }) {
			name := duck.QuoteIdent(c.Name)
			shared = append(shared, "CASE WHEN "+name+" IN (SELECT "+name+" FROM materia_first) THEN 1 ELSE 0 END")
		}
	}
	order := "ORDER BY ALL"
	if len(shared) > 0 {
		order = "ORDER BY " + strings.Join(shared, " + ") + " DESC"
		for _, c := range columns {
			order += ", " + duck.QuoteIdent(c.Name)
		}
	}
	return fmt.Sprintf("WITH materia_first AS (SELECT * FROM %s ORDER BY ALL LIMIT %d) SELECT * FROM %s %s", first, limit, from, order)
}

// queryer is a database or one connection of it.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// readRowsOf runs a query and gives its rows as text; lists and structures as
// JSON, which is YAML as well.
func readRowsOf(ctx context.Context, db queryer, query string) (grid, error) {
	var g grid
	described, err := db.QueryContext(ctx, "DESCRIBE "+query)
	if err != nil {
		return g, err
	}
	var null, key, def, extra any
	casts := []string{}
	for described.Next() {
		var c model.Column
		if err := described.Scan(&c.Name, &c.Type, &null, &key, &def, &extra); err != nil {
			return g, errors.Join(err, described.Close())
		}
		g.columns = append(g.columns, c)
		casts = append(casts, textOf(c))
	}
	if err := errors.Join(described.Close(), described.Err()); err != nil {
		return g, err
	}
	rows, err := db.QueryContext(ctx, "SELECT "+strings.Join(casts, ", ")+" FROM ("+query+"\n)")
	if err != nil {
		return g, err
	}
	defer rows.Close()
	for rows.Next() {
		row := make([]*string, len(g.columns))
		into := make([]any, len(row))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return g, err
		}
		g.rows = append(g.rows, row)
	}
	return g, rows.Err()
}

func textOf(c model.Column) string {
	if isNested(c.Type) {
		return "CAST(to_json(" + duck.QuoteIdent(c.Name) + ") AS VARCHAR)"
	}
	return "CAST(" + duck.QuoteIdent(c.Name) + " AS VARCHAR)"
}

func isNested(typ string) bool {
	return strings.HasSuffix(typ, "]") || strings.HasPrefix(typ, "STRUCT") || strings.HasPrefix(typ, "MAP")
}

// outcome runs the model on a test that has inputs only.
func (r *runner) outcome(ctx context.Context, name, text string) (grid, error) {
	t, err := parseText(r.p.Root, name, text+"  outputs:\n    query:\n      rows: []\n")
	if err != nil {
		return grid{}, err
	}
	_, _, query, err := r.prepare(ctx, t, "made")
	if err != nil {
		return grid{}, err
	}
	if !endsInOrderBy(query) {
		query = "SELECT * FROM (" + query + "\n) ORDER BY ALL"
	}
	g, err := readRowsOf(ctx, r.c, query)
	if err != nil {
		err = errors.New(message(err))
	}
	return g, err
}

// passes runs the finished test.
func (r *runner) passes(ctx context.Context, name, text string) error {
	t, err := parseText(r.p.Root, name, text)
	if err != nil {
		return err
	}
	diff, err := r.test(ctx, t, 1)
	if err == nil && diff != "" {
		err = fmt.Errorf("modeltest: the test made for %s fails itself: the model's rows are not the same each time, or cannot be written in YAML:\n%s", t.model, diff)
	}
	return err
}

func parseText(root, name, text string) (*testCase, error) {
	v, err := readYAML([]byte(text))
	if err != nil {
		return nil, err
	}
	return parseCase(root, "", name, v.get(name))
}
