package main

import (
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/duck"
	"beanflows.coffee/materia/internal/model"
	"beanflows.coffee/materia/internal/plan"
	"beanflows.coffee/materia/internal/upstream"
)

// app is the program in this process, at work in the house.
func (h *house) app() *app {
	h.t.Helper()
	env := map[string]string{"LANDING_DIR": h.path("landing"), "DUCKDB_PATH": h.path("lakehouse.duckdb"),
		"SERVING_DUCKDB_PATH": h.path("analytics.duckdb"), "MATERIA_NOW": today}
	a := &app{stdout: io.Discard, stderr: io.Discard, getenv: func(name string) string { return env[name] }, quiet: true, logFormat: "plain"}
	a.projectDir = h.project
	if err := a.configure(); err != nil {
		h.t.Fatal(err)
	}
	return a
}

// landedHouse has the samples of every source, half a year of releases.
func landedHouse(b *testing.B) *house {
	b.Helper()
	day, err := time.Parse(time.RFC3339, today)
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(upstream.New(upstream.Options{Today: day, FirstArchive: day.AddDate(0, -6, 0)}))
	b.Cleanup(server.Close)
	h := newHouse(b, "MATERIA_UPSTREAM="+server.URL)
	h.run("pipeline", "run", "extract", "--since", "2020-01-01")
	return h
}

// BenchmarkFullPlan builds prod of transform/ from nothing, and sets it against
// the same SQL run by DuckDB alone: the same tables and audits in the same order,
// as many threads, a checkpoint at the end. "x-duckdb" is their ratio; the
// project is read, bound and compared on our side only.
func BenchmarkFullPlan(b *testing.B) {
	h := landedHouse(b)
	a := h.app()
	var ours, alone time.Duration
	for i := 0; b.Loop(); i++ {
		a.lakehouse = h.path(fmt.Sprintf("ours%d.duckdb", i))
		began := time.Now()
		p, err := a.propose(b.Context(), plan.Prod)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := a.apply(b.Context(), p); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(began)

		path := h.path(fmt.Sprintf("alone%d.duckdb", i))
		statements := baseline(b, p)
		began = time.Now()
		runAlone(b, path, statements)
		alone += time.Since(began)
		for _, used := range []string{a.lakehouse, path} {
			if err := os.Remove(used); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(ours)/float64(alone), "x-duckdb")
	b.ReportMetric(ours.Seconds()/float64(b.N), "s/plan")
}

func runAlone(b *testing.B, path string, statements []string) {
	b.Helper()
	db, err := duck.Open(path, duck.Options{ExternalAccess: true})
	if err != nil {
		b.Fatal(err)
	}
	for _, s := range append(statements, "CHECKPOINT") {
		if _, err := db.ExecContext(b.Context(), s); err != nil {
			b.Fatalf("%s\n%v", s, err)
		}
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
}

// baseline is the SQL that a person would run to make the same tables and to ask
// the same audits.
func baseline(b *testing.B, p proposal) []string {
	b.Helper()
	table := func(name string) string { return duck.QuoteIdent(strings.ReplaceAll(name, ".", "__")) }
	var statements []string
	for _, name := range p.project.Order {
		m := p.project.Models[name]
		statements = append(statements, fmt.Sprintf("CREATE %s %s AS %s", map[bool]string{true: "VIEW", false: "TABLE"}[m.Kind == model.View],
			table(name), baselineQuery(b, p, m, table)))
		for _, call := range m.Audits {
			audit, err := m.AuditSQL(p.project, call, table(name))
			if err != nil {
				b.Fatal(err)
			}
			statements = append(statements, "SELECT count(*) FROM ("+audit+") q")
		}
	}
	return statements
}

func baselineQuery(b *testing.B, p proposal, m *model.Model, table func(string) string) string {
	b.Helper()
	var columns, casts, nothing []string
	for _, c := range m.Columns {
		name := duck.QuoteIdent(c.Name)
		columns = append(columns, duck.QuoteString(c.Name)+": 'VARCHAR'")
		casts = append(casts, fmt.Sprintf("CAST(%s AS %s) AS %s", name, c.Type, name))
		nothing = append(nothing, fmt.Sprintf("CAST(NULL AS %s) AS %s", c.Type, name))
	}
	if m.Kind == model.Seed {
		return fmt.Sprintf("SELECT %s FROM read_csv(%s, header = true, auto_detect = false, columns = {%s})",
			strings.Join(casts, ", "), duck.QuoteString(m.SeedPath), strings.Join(columns, ", "))
	}
	empty := false
	text, err := m.Render(table, func(glob string) []string {
		files, err := filepath.Glob(glob)
		if err != nil {
			b.Fatal(err)
		}
		if len(files) == 0 {
			empty = true
			files = []string{"nothing"}
		}
		return files
	})
	if err != nil {
		b.Fatal(err)
	}
	if empty { // the sample upstream has none of these
		return "SELECT " + strings.Join(nothing, ", ") + " WHERE false"
	}
	return text
}

// BenchmarkNothingToDo is a whole process of `plan prod` and of `run prod` that
// finds nothing to do, against a process of `version`, which starts DuckDB too.
func BenchmarkNothingToDo(b *testing.B) {
	h := landedHouse(b)
	h.run("pipeline", "run", "transform")
	var planned, ran, started time.Duration
	for b.Loop() {
		for _, c := range []struct {
			took *time.Duration
			args []string
		}{{&planned, []string{"plan", "prod"}}, {&ran, []string{"run", "prod"}}, {&started, []string{"version"}}} {
			began := time.Now()
			h.run(c.args...)
			*c.took += time.Since(began)
		}
	}
	b.ReportMetric(float64(planned)/float64(started), "plan-x-start")
	b.ReportMetric(float64(ran)/float64(started), "run-x-start")
	b.ReportMetric(1000*planned.Seconds()/float64(b.N), "ms/plan")
	b.ReportMetric(1000*ran.Seconds()/float64(b.N), "ms/run")
}
