package modeltest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"beanflows.coffee/materia/internal/duck"
	"beanflows.coffee/materia/internal/model"
)

// warehouse is a project and the rows that its models have somewhere.
func warehouse(t *testing.T, rows string) (*model.Project, func(name string, o CreateOptions) (string, error)) {
	t.Helper()
	root := t.TempDir()
	for _, f := range txtar.Parse([]byte(models)).Files {
		path := filepath.Join(root, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p, err := model.Load(context.Background(), root, model.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	db, err := duck.Open("", duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Exec("CREATE SCHEMA staging; " + rows); err != nil {
		t.Fatal(err)
	}
	return p, func(name string, o CreateOptions) (string, error) {
		if o.Limit == 0 {
			o.Limit = 10
		}
		return Create(context.Background(), p, p.Models[name], db, func(input string) string { return input }, o)
	}
}

const awkward = `CREATE TABLE staging.a AS SELECT * FROM (VALUES
	(1, 'it''s: {a} # x', 12.30::DECIMAL(9,2), 0.1::DOUBLE, DATE '2020-02-29', TIMESTAMP '2020-01-01 10:00:00.5', [1, 2], {'k': 1}, true),
	(2, 'two
lines	and a tab', -0.01, 1e-300, DATE '0001-01-01', TIMESTAMP '1969-12-31 23:59:59', [], {'k': NULL}, false),
	(3, '2020-01-01', 0, 1e300, NULL, NULL, NULL, NULL, NULL),
	(4, '007', 1, 'inf'::DOUBLE, NULL, NULL, [NULL], NULL, NULL),
	(5, 'null', 1, -0.0, NULL, NULL, NULL, NULL, NULL),
	(6, ' Ω ☕ ', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	(7, '', NULL, NULL, NULL, NULL, NULL, NULL, NULL)
	) AS t(id, word, amount, share, day, "at", list, obj, flag)`

// Every awkward value comes through YAML as it was: the test that is written
// is found by a run and passes, and holds the rows in full.
func TestCreateRoundTrip(t *testing.T) {
	p, create := warehouse(t, awkward)
	text, err := create("foundation.same", CreateOptions{Comment: "made"})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(text, "# made\ntest_same:\n  model: foundation.same\n  inputs:\n    staging.a:\n") || strings.Count(text, "word: ") != 14 {
		t.Errorf("written:\n%s", text)
	}
	path := filepath.Join(p.Root, "tests", "test_same.yaml")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	report, err := Run(context.Background(), p, Options{})
	if err != nil || len(report.Results) != 1 || !report.Results[0].Passed {
		t.Fatalf("%v %+v\n%s", err, report, text)
	}
	// The test can fail: any other expected word is seen.
	changed := strings.Replace(text, "outputs:", "outputs: #", 1)
	at := strings.LastIndex(changed, "'007'")
	if err := os.WriteFile(path, []byte(changed[:at]+"7    "+changed[at+5:]), 0o644); err != nil {
		t.Fatal(err)
	}
	if report, err = Run(context.Background(), p, Options{}); err != nil || report.Failed() != 1 {
		t.Errorf("a number in the place of a text: %v %+v", err, report)
	}
	if tested, err := Tested(p.Root); err != nil || !tested["foundation.same"] || tested["staging.a"] {
		t.Errorf("tested: %v, %v", tested, err)
	}
}

// Rows of a second input are those that the first one's join with.
func TestCreateFollowsJoins(t *testing.T) {
	_, create := warehouse(t, `CREATE TABLE staging.a AS SELECT i + 90 AS id, 'w' AS word, NULL::DECIMAL(9,2) AS amount, NULL::DOUBLE AS share, NULL::DATE AS day,
		NULL::TIMESTAMP AS "at", NULL::INTEGER[] AS list, NULL::STRUCT(k INTEGER) AS obj, NULL::BOOLEAN AS flag FROM range(5) AS t(i);
		CREATE TABLE staging.b AS SELECT i::INTEGER AS id, 'o' || i AS other FROM range(200) AS t(i)`)
	text, err := create("foundation.ordered", CreateOptions{Limit: 2, Vars: map[string]string{"factor": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, "- {id: 90, other: 'o90'}\n        - {id: 91, other: 'o91'}") || !strings.Contains(text, "  vars:\n    factor: '1'\n") {
		t.Errorf("written:\n%s", text)
	}
	text, err = create("foundation.ordered", CreateOptions{Name: "test_x", Queries: map[string]string{"staging.b": "SELECT id, other FROM staging.b WHERE id = 182 -- twice 91"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := "test_x:\n  model: foundation.ordered\n"; !strings.HasPrefix(text, want) || !strings.HasSuffix(text, "  outputs:\n    query:\n      rows:\n        - {id: 182, other: 'o182'}\n") {
		t.Errorf("written:\n%s", text)
	}
}

func TestCreateRefuses(t *testing.T) {
	_, create := warehouse(t, awkward)
	for name, c := range map[string]struct {
		o    CreateOptions
		want string
	}{
		"staging.seeded":     {want: "a seed has no query"},
		"staging.files":      {want: "it reads files"},
		"foundation.same":    {CreateOptions{Queries: map[string]string{"staging.b": "SELECT 1"}}, "it does not read staging.b; it reads staging.a"},
		"foundation.ordered": {want: "rows of staging.b"}, // not in the database
		"foundation.clock":   {want: "fails itself"},      // the time of day is another one in the second run
	} {
		if text, err := create(name, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
}

func TestPartialBesideAQuery(t *testing.T) {
	const both = `
-- tests/test_x.yaml --
test_top: {model: foundation.same, inputs: {staging.a: {rows: [{id: 1, word: x}]}}, outputs: {partial: true, query: {query: SELECT 1 AS id}}}
test_beside: {model: foundation.same, inputs: {staging.a: {rows: [{id: 1, word: x}]}}, outputs: {query: {partial: true, query: SELECT 1 AS id}}}
`
	diffs, _ := run(t, both, "")
	if diffs["test_beside"] != "" {
		t.Errorf("beside the query: %s", diffs["test_beside"])
	}
	if !strings.Contains(diffs["test_top"], "SQLMesh does not apply outputs.partial to a query") {
		t.Errorf("above the query: %q", diffs["test_top"])
	}
}
