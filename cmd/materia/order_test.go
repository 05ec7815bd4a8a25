package main

import (
	"database/sql"
	"fmt"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/duck"
	"beanflows.coffee/materia/internal/model"
	"beanflows.coffee/materia/internal/upstream"
)

// TestAnyOrderPublishesTheSame: a figure depends on what was landed, never on the
// order in which rows are read or on how many threads add them up. Every table
// that reads landed files is shuffled, and all models are computed from it again.
func TestAnyOrderPublishesTheSame(t *testing.T) {
	t.Run("sample", func(t *testing.T) {
		day, err := time.Parse(time.RFC3339, today)
		must(t, err)
		sample := upstream.New(upstream.Options{Today: day, FirstArchive: day.AddDate(0, -3, 0)})
		if os.Getenv("MATERIA_LONG") == "" {
			must(t, sample.AddFaults(fewRows))
		}
		server := httptest.NewServer(sample)
		t.Cleanup(func() { sample.Close(); server.Close() })
		h := newHouse(t, "MATERIA_UPSTREAM="+server.URL)
		h.run("pipeline", "run", "extract_ice", "--since", "2025-10-01")
		h.run("pipeline", "run", "extract_cot", "--since", "2022-01-01") // 156 reports and more
		h.run("pipeline", "run", "extract_cot_legacy", "--since", "2022-01-01")
		for _, p := range []string{"extract_psd", "extract_prices", "extract_weather"} { // weather: 24 years make a normal
			h.run("pipeline", "run", p)
		}
		h.anyOrder()
	})
	t.Run("real", func(t *testing.T) {
		if os.Getenv("MATERIA_LONG") == "" {
			t.Skip("SKIPPED: real files are shuffled in the long form only (MATERIA_LONG=1)")
		}
		h := newHouse(t, "MATERIA_UPSTREAM="+replay(t))
		h.try("pipeline", "run", "extract", "--since", "2000-01-01") // some days are missing from the files
		h.anyOrder("serving.ice_aging_stocks", "serving.ice_month_end_stocks")
	})
}

// anyOrder wants what the house's transform makes of its landing zone from
// shuffled rows, too, in every value of every table. Some tables may be empty.
func (h *house) anyOrder(empty ...string) {
	t := h.t.(*testing.T)
	t.Helper()
	h.run("pipeline", "run", "transform")
	p, err := model.Load(t.Context(), h.project, model.LoadOptions{User: "test"})
	must(t, err)
	orders := []struct{ threads, seed int }{{8, 1}}
	if os.Getenv("MATERIA_LONG") != "" {
		orders = append(orders, struct{ threads, seed int }{1, 2}, struct{ threads, seed int }{3, 3})
	}
	for _, c := range orders {
		db, err := duck.Open("", duck.Options{Threads: c.threads, ExternalAccess: true, TempDir: t.TempDir()})
		must(t, err)
		execute := func(sql string) {
			t.Helper()
			if _, err := db.ExecContext(t.Context(), sql); err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
		}
		execute("SET preserve_insertion_order = false")
		execute("ATTACH " + duck.QuoteString(h.path("lakehouse.duckdb")) + " AS lake (READ_ONLY)")
		for _, name := range p.Order {
			m := p.Models[name]
			execute("CREATE SCHEMA IF NOT EXISTS " + m.Schema)
			query := "FROM lake." + name
			if m.Schema != "staging" || len(m.Readers) == 0 && len(m.DependsOn) > 0 {
				query, err = m.Render(func(dep string) string { return dep }, nil)
				must(t, err)
			}
			execute(fmt.Sprintf("CREATE TABLE %s AS SELECT x.* FROM (%s) AS x ORDER BY hash(x, %d)", name, query, c.seed))
			if m.Schema != "serving" {
				continue
			}
			var rows int
			must(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM lake."+name).Scan(&rows))
			if rows == 0 && !slices.Contains(empty, name) {
				t.Errorf("%s has no rows to compare", name)
			}
			if list := differing(t, db, m, columnNames(m, true), name, "lake."+name); len(list) > 0 {
				t.Errorf("%d threads, order %d: %s differs in %v of %d", c.threads, c.seed, name, list, rows)
			}
		}
		must(t, db.Close())
	}
}

// sameTables wants the published files of two houses to agree in every value of
// every model's table but for moments: when a row was landed is another matter.
func sameTables(t *testing.T, one, other *house) {
	t.Helper()
	p, err := model.Load(t.Context(), one.project, model.LoadOptions{User: "test"})
	must(t, err)
	db, err := duck.Open("", duck.Options{ExternalAccess: true})
	must(t, err)
	defer db.Close()
	for name, h := range map[string]*house{"one": one, "other": other} {
		_, err := db.ExecContext(t.Context(), "ATTACH "+duck.QuoteString(h.path("analytics.duckdb"))+" AS "+name+" (READ_ONLY)")
		must(t, err)
	}
	for _, name := range p.Order {
		if m := p.Models[name]; m.Schema == "serving" {
			if list := differing(t, db, m, columnNames(m, false), "one."+name, "other."+name); len(list) > 0 {
				t.Errorf("%s differs in %v", name, list)
			}
		}
	}
}

func columnNames(m *model.Model, moments bool) (list []string) {
	for _, c := range m.Columns {
		if moments || !strings.HasPrefix(c.Type, "TIMESTAMP") {
			list = append(list, duck.QuoteIdent(c.Name))
		}
	}
	return list
}

// differing names the columns of a model in which two tables differ, with the
// number of rows: each column is compared beside the grain.
func differing(t *testing.T, db *sql.DB, m *model.Model, columns []string, one, other string) (list []string) {
	t.Helper()
	count := func(columns []string) (n int) {
		t.Helper()
		text := strings.Join(columns, ", ")
		must(t, db.QueryRowContext(t.Context(), fmt.Sprintf(`SELECT count(*) FROM (SELECT sum(side) FROM
			(SELECT 1 AS side, %[1]s FROM %[2]s UNION ALL SELECT -1, %[1]s FROM %[3]s) GROUP BY %[1]s HAVING sum(side) <> 0)`, text, one, other)).Scan(&n))
		return n
	}
	if count(columns) == 0 {
		return nil
	}
	var grain []string
	for _, g := range m.Grain {
		grain = append(grain, duck.QuoteIdent(g))
	}
	for _, c := range columns {
		if slices.Contains(grain, c) {
			continue
		}
		if n := count(append(slices.Clone(grain), c)); n > 0 {
			list = append(list, fmt.Sprintf("%s (%d rows)", c, n))
		}
	}
	text := strings.Join(columns, ", ")
	var example string
	must(t, db.QueryRowContext(t.Context(), fmt.Sprintf(`SELECT CASE WHEN sum(side) > 0 THEN 'only in the first: ' ELSE 'only in the second: ' END || CAST(row(%[1]s) AS VARCHAR) FROM
		(SELECT 1 AS side, %[1]s FROM %[2]s UNION ALL SELECT -1, %[1]s FROM %[3]s) GROUP BY %[1]s HAVING sum(side) <> 0 ORDER BY ALL LIMIT 1`, text, one, other)).Scan(&example))
	return append(list, example)
}

// The comparison itself: it sees the last bit of a double, a row that is there
// twice, and one that is missing.
func TestDiffering(t *testing.T) {
	db, err := duck.Open("", duck.Options{Threads: 1})
	must(t, err)
	defer db.Close()
	m := &model.Model{Grain: []string{"k"}}
	columns := []string{`"k"`, `"v"`}
	_, err = db.ExecContext(t.Context(), "CREATE TABLE a AS SELECT i AS k, 0.1::DOUBLE + i AS v FROM range(9) r(i)")
	must(t, err)
	for _, c := range []struct{ query, want string }{
		{"SELECT * FROM a ORDER BY k DESC", ""},
		{"SELECT k, CASE WHEN k = 3 THEN v + 4.5e-16 ELSE v END AS v FROM a", "only in the first: (3, 3.1)"},
		{"SELECT * FROM a UNION ALL SELECT * FROM a WHERE k = 1", "only in the second: (1, 1.1)"},
		{"SELECT * FROM a WHERE k <> 5", "only in the first: (5, 5.1)"},
	} {
		_, err := db.ExecContext(t.Context(), "CREATE OR REPLACE TABLE b AS "+c.query)
		must(t, err)
		got := strings.Join(differing(t, db, m, columns, "a", "b"), " ")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.query, got, c.want)
		}
	}
}
