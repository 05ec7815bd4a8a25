package modeltest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"beanflows.coffee/materia/internal/duck"
	"beanflows.coffee/materia/internal/model"
)

// Options selects tests.
type Options struct {
	Filter string // part of "file::name" or of the model's name, or a pattern with * for the whole; empty: all
}

// Result is one test. Diff is empty if it passed, and otherwise says why not,
// beginning with file:line.
type Result struct {
	Name, Model, File string
	Line              int
	Passed            bool
	Duration          time.Duration
	Diff              string
}

// Report is every test that ran, in order of files and of lines in them.
type Report struct{ Results []Result }

// Failed counts the tests that did not pass.
func (r Report) Failed() int {
	n := 0
	for _, x := range r.Results {
		if !x.Passed {
			n++
		}
	}
	return n
}

// runner is one database in which tests run one after another.
type runner struct {
	p     *model.Project
	db    *sql.DB
	c     *sql.Conn
	cells map[string]cell // wanted values that DuckDB has read, by type and text
}

// job is a test that is yet to run; its result is there already, without an outcome.
type job struct {
	at   int // in Report.Results
	node *value
}

// maxRunners bounds how many tests run at once. Each has a database of its own.
const maxRunners = 4

// Run runs the tests of p that o selects, several at a time. A test that fails,
// or that cannot be read, is a Result; the error is about the database or the disk.
func Run(ctx context.Context, p *model.Project, o Options) (Report, error) {
	var report Report
	files, err := testFiles(p.Root)
	if err != nil {
		return report, fmt.Errorf("modeltest: %w", err)
	}
	var jobs []job
	for _, file := range files {
		found, err := report.read(file, o)
		if err != nil {
			return report, fmt.Errorf("modeltest: %s: %w", file, err)
		}
		jobs = append(jobs, found...)
	}
	var next atomic.Int64
	errs := make([]error, min(runtime.NumCPU(), maxRunners, len(jobs)))
	var running sync.WaitGroup
	for i := range errs {
		running.Go(func() {
			if errs[i] = report.work(ctx, p, jobs, &next); errs[i] != nil {
				next.Store(int64(len(jobs))) // the others end with the test they have
			}
		})
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		return report, fmt.Errorf("modeltest: %w", err)
	}
	return report, nil
}

// work takes jobs until none is left. Each writes to a result of its own.
func (report *Report) work(ctx context.Context, p *model.Project, jobs []job, next *atomic.Int64) error {
	r, err := newRunner(ctx, p)
	if err != nil {
		return err
	}
	defer r.close()
	for n := int(next.Add(1)) - 1; n < len(jobs); n = int(next.Add(1)) - 1 {
		res := &report.Results[jobs[n].at]
		start := time.Now() // a duration, by the monotonic clock
		if res.Diff, err = r.judge(ctx, res, jobs[n]); err != nil {
			return fmt.Errorf("%s: %s: %w", res.File, res.Name, err)
		}
		res.Passed, res.Duration = res.Diff == "", time.Since(start)
	}
	return nil
}

// judge gives what differs, or what is wrong with the test itself.
func (r *runner) judge(ctx context.Context, res *Result, j job) (diff string, err error) {
	t, err := parseCase(r.p.Root, res.File, res.Name, j.node)
	if err == nil {
		diff, err = r.test(ctx, t, j.at)
	}
	var pr *problem
	if errors.As(err, &pr) {
		return fmt.Sprintf("%s:%d: %s: %s", res.File, max(pr.line, 1), res.Name, pr.msg), nil
	}
	return diff, err
}

// newRunner opens the database in memory that tests run in.
func newRunner(ctx context.Context, p *model.Project) (*runner, error) {
	// External access: a model that reads files is tested on fixtures.
	db, err := duck.Open("", duck.Options{Threads: 1, MemoryLimit: "1GB", ExternalAccess: true})
	if err != nil {
		return nil, err
	}
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	r := &runner{p, db, c, map[string]cell{}}
	if _, err := c.ExecContext(ctx, "SET errors_as_json = true"); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// close lets go of the database; with it goes all that is in it.
func (r *runner) close() {
	_ = r.c.Close()
	_ = r.db.Close()
}

// testFiles finds tests/**/test*.yaml.
func testFiles(root string) ([]string, error) {
	top := filepath.Join(root, "tests")
	var files []string
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if path == top && errors.Is(err, os.ErrNotExist) {
				return nil
			}
			return err
		}
		ext := filepath.Ext(path)
		if !d.IsDir() && strings.HasPrefix(d.Name(), "test") && (ext == ".yaml" || ext == ".yml") {
			files = append(files, path)
		}
		return nil
	})
	return files, err
}

// read adds a result for every test of a file that o selects, and gives the
// tests that are to run.
func (report *Report) read(file string, o Options) (jobs []job, err error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	tests, err := readYAML(raw)
	var se *syntaxError
	switch {
	case errors.As(err, &se):
		report.Results = append(report.Results, Result{Name: filepath.Base(file), File: file, Line: se.line, Diff: fmt.Sprintf("%s:%d: %s", file, se.line, se.msg)})
		return nil, nil
	case err != nil:
		return nil, err
	case tests.kind == null:
		return nil, nil
	case tests.kind != object:
		report.Results = append(report.Results, Result{Name: filepath.Base(file), File: file, Line: tests.line, Diff: fmt.Sprintf("%s:%d: a test file has one key a test", file, tests.line)})
		return nil, nil
	}
	for i, name := range tests.keys {
		modelName := ""
		if m := tests.items[i].get("model"); m != nil {
			modelName = strings.ToLower(m.text)
		}
		if o.selects(file, name, modelName) {
			jobs = append(jobs, job{len(report.Results), &tests.items[i]})
			report.Results = append(report.Results, Result{Name: name, Model: modelName, File: file, Line: tests.items[i].line})
		}
	}
	return jobs, nil
}

func (o Options) selects(file, name, modelName string) bool {
	full := filepath.ToSlash(file) + "::" + name
	if strings.Contains(o.Filter, "*") {
		for _, s := range []string{full, name, modelName} {
			if ok, err := path.Match(o.Filter, s); ok && err == nil {
				return true
			}
		}
		return false
	}
	return strings.Contains(full, o.Filter) || strings.Contains(modelName, o.Filter)
}

// test runs one test on tables of its own. The text is the difference, empty
// if there is none.
func (r *runner) test(ctx context.Context, t *testCase, n int) (diff string, err error) {
	m, rendered, query, err := r.prepare(ctx, t, fmt.Sprintf("test %d", n))
	if err != nil {
		return "", err
	}
	var parts []string
	outputs := t.ctes
	if t.query != nil {
		outputs = append(slices.Clone(outputs), *t.query)
	}
	for _, out := range outputs {
		text, err := r.output(ctx, t, m, rendered, query, out)
		if err != nil {
			return "", err
		}
		if text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "\n"), nil
}

// prepare fills the inputs' tables, whose names begin with prefix and which end
// with the database, and gives the query that reads them, as rendered and with
// the test's clock.
func (r *runner) prepare(ctx context.Context, t *testCase, prefix string) (m *model.Model, rendered *model.Rendered, query string, err error) {
	if m, err = r.check(ctx, t); err != nil {
		return nil, nil, "", err
	}
	table := func(name string) string { return duck.QuoteIdent(prefix + " " + name) }
	for _, in := range t.inputs {
		if err := r.fill(ctx, table(in.model), in); err != nil {
			return nil, nil, "", err
		}
	}
	files, err := r.landing(ctx, m)
	if err != nil {
		return nil, nil, "", err
	}
	for _, reader := range m.Readers {
		if len(files[reader.Glob]) == 0 {
			return nil, nil, "", bad(t.line, "no file matches the path that %s reads; set the variable that leads to fixtures in vars", t.model)
		}
	}
	rendered, err = m.RenderMapped(table, func(glob string) []string { return files[glob] })
	if err != nil {
		return nil, nil, "", bad(t.line, "%v", err)
	}
	query = rendered.SQL
	if t.now != "" {
		query = freeze(query, t.now)
	}
	return m, rendered, query, nil
}

// check finds the model and what the test lacks for it.
func (r *runner) check(ctx context.Context, t *testCase) (*model.Model, error) {
	m := r.p.Models[t.model]
	if m == nil {
		return nil, bad(t.line, "unknown model %s", t.model)
	}
	if m.Kind == model.Seed {
		return nil, bad(t.line, "model %s is a seed: it has no query to test", t.model)
	}
	given := map[string]bool{}
	for _, in := range t.inputs {
		if r.p.Models[in.model] == nil {
			return nil, bad(in.line, "input %s is no model of the project", in.model)
		}
		given[in.model] = true
	}
	var missing []string
	for _, d := range m.DependsOn {
		if !given[d] {
			missing = append(missing, d)
		}
	}
	if len(missing) > 0 {
		return nil, bad(t.line, "inputs lack %s, which %s reads", strings.Join(missing, ", "), t.model)
	}
	if len(t.vars) == 0 {
		return m, nil
	}
	changed, err := r.p.Override(ctx, r.db, m, t.vars)
	if err != nil {
		return nil, bad(t.line, "with the test's vars: %v", err)
	}
	return changed, nil
}

// landing lists the files that the model's readers match: fixtures, if the
// test sets the variable that leads there.
func (r *runner) landing(ctx context.Context, m *model.Model) (map[string][]string, error) {
	files := map[string][]string{}
	for _, reader := range m.Readers {
		rows, err := r.c.QueryContext(ctx, "SELECT file FROM glob(?) ORDER BY file", reader.Glob)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		files[reader.Glob] = nil
		for rows.Next() {
			var f string
			if err := rows.Scan(&f); err != nil {
				return nil, err
			}
			files[reader.Glob] = append(files[reader.Glob], f)
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	return files, nil
}
