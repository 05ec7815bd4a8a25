package modeltest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"beanflows.coffee/materia/internal/model"
)

const models = `
-- config.yaml --
model_defaults: {dialect: duckdb}
variables: {landing_dir: nowhere, factor: 2}
-- models/staging/a.sql --
MODEL (name staging.a, kind FULL);
SELECT 1 AS id, 'x' AS word, 1.5::DECIMAL(9,2) AS amount, 0.5::DOUBLE AS share, DATE '2020-01-01' AS day,
  TIMESTAMP '2020-01-01' AS at, [1] AS list, {'k': 1} AS obj, true AS flag
-- models/staging/b.sql --
MODEL (name staging.b, kind FULL);
SELECT 1 AS id, 'x' AS other
-- models/staging/files.sql --
MODEL (name staging.files, kind FULL);
SELECT n FROM read_csv(@landing_dir || '/*.csv', columns = {'n': 'INTEGER'}, auto_detect = false, header = false)
-- models/foundation/same.sql --
MODEL (name foundation.same, kind FULL);
SELECT * FROM staging.a
-- models/foundation/ordered.sql --
MODEL (name foundation.ordered, kind VIEW);
WITH doubled AS (
  SELECT id * @factor AS id, word FROM staging.a
), joined AS NOT MATERIALIZED (
  SELECT id, other FROM doubled JOIN staging.b USING (id) ORDER BY other
)
SELECT id, other FROM joined ORDER BY id DESC
-- models/foundation/clock.sql --
MODEL (name foundation.clock, kind FULL);
SELECT id, current_date AS today, now()::TIMESTAMP AS at, day < today() AS past FROM staging.a
-- models/staging/seeded.sql --
MODEL (name staging.seeded, kind SEED (path '$root/seeds/s.csv'), columns (a TEXT));
-- seeds/s.csv --
a
x
`

// run runs tests/test_x.yaml against the models and gives the diffs by name,
// with the directory cut off.
func run(t *testing.T, archive, filter string) (map[string]string, Report) {
	t.Helper()
	root := t.TempDir()
	for _, f := range txtar.Parse([]byte(models + archive)).Files {
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
	report, err := Run(context.Background(), p, Options{Filter: filter})
	if err != nil {
		t.Fatal(err)
	}
	diffs := map[string]string{}
	for _, r := range report.Results {
		if r.Passed != (r.Diff == "") {
			t.Errorf("%s: passed %v with the diff %q", r.Name, r.Passed, r.Diff)
		}
		diffs[r.Name] = strings.ReplaceAll(r.Diff, root+string(filepath.Separator), "")
	}
	return diffs, report
}

func TestPassing(t *testing.T) {
	diffs, report := run(t, `
-- tests/fixtures/rows.csv --
id,word
7,seven
-- tests/fixtures/rows.yaml --
- {id: 8, word: eight}
-- tests/test_x.yaml --
test_types:
  model: foundation.same
  description: every type, written in several ways
  inputs:
    staging.a:
      rows:
      - {id: 1, word: '0711', amount: 1.50, share: 0.3333333333, day: 2024-02-29, at: 2024-02-29 10:00:00, list: [1, 2], obj: {k: 3}, flag: yes}
      - {ID: 0711100, word: 12, amount: '2.5', share: 1e3, day: '2024-03-01', at: '2024-03-01', flag: true}
      - id: 3
  outputs:
    query:
      rows:
      - {id: 3}
      - {id: 711100, word: '12', amount: 2.5, share: 1000.0000000001, day: '2024-03-01', at: 2024-03-01, flag: true}
      - {id: 1.0, word: '0711', amount: 1.5, share: 0.33333333329, day: 2024-02-29, at: '2024-02-29T10:00:00', list: [1, 2], obj: {k: 3}, flag: true}
test_no_rows:
  model: foundation.same
  inputs: {staging.a: []}
  outputs: {query: []}
test_partial:
  model: foundation.same
  inputs:
    staging.a: [{id: 1, word: x, amount: 5}]
  outputs:
    partial: true
    query: [{amount: 5, ID: 1}]
test_partial_of_the_query:
  model: foundation.same
  inputs:
    staging.a: [{id: 1, word: x}]
  outputs:
    query: {partial: true, rows: [{word: x}]}
test_order_and_ctes:
  model: foundation.ordered
  inputs:
    staging.a: [{id: 1, word: x}, {id: 2, word: y}]
    staging.b: [{id: 2, other: b}, {id: 4, other: a}]
  outputs:
    ctes:
      doubled: [{id: 4, word: y}, {id: 2, word: x}]
      joined:
        rows: [{id: 4, other: a}, {id: 2, other: b}]
    query: [{id: 4, other: a}, {id: 2, other: b}]
test_variables:
  model: foundation.ordered
  vars: {factor: 3, start: 2024-01-01, end: 2024-02-01}
  inputs:
    staging.a: [{id: 1}]
    staging.b: [{id: 3, other: c}]
  outputs:
    query: [{id: 3, other: c}]
test_clock:
  model: foundation.clock
  vars: {execution_time: '2024-02-29 12:30:00'}
  inputs:
    staging.a: [{id: 1, day: 2024-02-28}, {id: 2, day: 2024-02-29}]
  outputs:
    query:
    - {id: 1, today: 2024-02-29, at: 2024-02-29 12:30:00, past: true}
    - {id: 2, today: 2024-02-29, at: 2024-02-29 12:30:00, past: false}
test_queries:
  model: foundation.same
  inputs:
    staging.a:
      query: SELECT 1 AS id, 'x' AS word UNION ALL SELECT 2, NULL;
  outputs:
    query: {query: "SELECT 2 AS id, NULL AS word UNION ALL SELECT 1, 'x'"}
test_csv:
  model: foundation.same
  inputs:
    staging.a:
      format: csv
      csv_settings: {sep: ;}
      rows: |
        id;word;amount
        1;x;NA
        2;;2.5
  outputs:
    query:
      format: csv
      rows: |
        id,word,amount
        2,,2.50
        1,x,
test_paths:
  model: foundation.same
  inputs:
    staging.a: {format: csv, path: tests/fixtures/rows.csv}
  outputs:
    query: {rows: [{id: 7, word: seven}]}
test_yaml_path:
  model: foundation.same
  inputs:
    staging.a: {path: fixtures/rows.yaml}
  outputs:
    query: [{id: 8, word: eight}]
test_types_of_the_test:
  model: foundation.same
  inputs:
    staging.a:
      columns: {id: BIGINT, word: INTEGER}
      rows: [{id: 10000000000, word: 1}]
  outputs:
    query: [{id: 10000000000, word: 1}]
test_aliases:
  model: foundation.same
  inputs:
    staging.a:
    - &one {id: 1, word: x}
    - <<: *one
      word: y
  outputs:
    query: [*one, {id: 1, word: y}]
`, "")
	for name, diff := range diffs {
		if diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	if len(report.Results) != 13 || report.Results[0].Name != "test_types" || report.Results[0].Line != 2 {
		t.Errorf("%d results, first %+v", len(report.Results), report.Results[0])
	}
}

// A model that reads files is tested on fixtures, by the variable that leads to them.
func TestFixturesOfFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "1.csv"), []byte("1\n2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	diffs, _ := run(t, `
-- tests/test_x.yaml --
test_files:
  model: staging.files
  vars: {landing_dir: `+dir+`}
  outputs:
    query: [{n: 2}, {n: 1}]
`, "")
	if diffs["test_files"] != "" {
		t.Error(diffs["test_files"])
	}
}

func TestFailing(t *testing.T) {
	diffs, report := run(t, `
-- tests/test_x.yaml --
test_values:
  model: foundation.same
  inputs:
    staging.a:
    - {id: 1, word: x, amount: 1.50, share: 0.333333, day: 2024-01-01, flag: true}
    - {id: 2, word: '7'}
    - {id: 3}
  outputs:
    query:
    - {id: 1, word: x, amount: 1.51, share: 0.3333331, day: 2024-01-02, flag: false}
    - {id: 2, word: 7}
    - {id: 4, word: gone}
test_count:
  model: foundation.same
  inputs:
    staging.a: [{id: 1, word: a}, {id: 1, word: a}]
  outputs:
    partial: true
    query: [{id: 1, word: a}]
test_rounding:
  model: foundation.same
  inputs:
    staging.a: [{id: 2}]
  outputs: {partial: true, query: [{id: 1.6}]}
test_order:
  model: foundation.ordered
  inputs:
    staging.a: [{id: 1, word: x}, {id: 2, word: y}]
    staging.b: [{id: 2, other: b}, {id: 4, other: a}]
  outputs:
    query: [{id: 2, other: b}, {id: 4, other: a}]
test_cte:
  model: foundation.ordered
  inputs:
    staging.a: [{id: 1, word: x}]
    staging.b: []
  outputs:
    ctes:
      doubled: [{id: 3, word: x}]
`, "")
	want := map[string]string{
		"test_values": `tests/test_x.yaml:2: test_values: foundation.same: expected 3 rows, got 3 rows, 0 equal
  tests/test_x.yaml:10: row 1 (id=1, word=x) differs:
    amount: expected 1.51, got 1.50 (DECIMAL(9,2))
    share: expected 0.3333331, got 0.333333 (DOUBLE)
    day: expected "2024-01-02", got "2024-01-01" (DATE)
    flag: expected FALSE, got true (BOOLEAN)
  tests/test_x.yaml:11: row 2 (id=2) differs:
    word: expected 7, got "7" (VARCHAR)
  tests/test_x.yaml:12: row 3 differs:
    id: expected 4, got 3 (INTEGER)
    word: expected "gone", got NULL (VARCHAR)`,
		"test_count": `tests/test_x.yaml:14: test_count: foundation.same: expected 1 row, got 2 rows, 1 equal
  unexpected row 2: id=1, word="a"`,
		"test_rounding": `tests/test_x.yaml:21: test_rounding: foundation.same: expected 1 row, got 1 row, 0 equal
  tests/test_x.yaml:24: missing row: id=1.6
  unexpected row 1: id=2`,
		"test_order": `tests/test_x.yaml:26: test_order: foundation.ordered: expected 2 rows, got 2 rows, 0 equal
  tests/test_x.yaml:31: row 1 differs:
    id: expected 2, got 4 (INTEGER)
    other: expected "b", got "a" (VARCHAR)
  tests/test_x.yaml:31: row 2 differs:
    id: expected 4, got 2 (INTEGER)
    other: expected "a", got "b" (VARCHAR)`,
		"test_cte": `tests/test_x.yaml:33: test_cte: foundation.ordered, CTE doubled: expected 1 row, got 1 row, 0 equal
  tests/test_x.yaml:39: row 1 (word=x) differs:
    id: expected 3, got 2 (INTEGER)`,
	}
	if diff := cmp.Diff(want, diffs); diff != "" {
		t.Errorf("diffs (-want +got):\n%s", diff)
	}
	if report.Failed() != 5 {
		t.Errorf("%d failed", report.Failed())
	}
}

// What is wrong with a test is said at its line, and the others run.
func TestBroken(t *testing.T) {
	diffs, _ := run(t, `
-- tests/test_a.yaml --
test_one: [
-- tests/sub/test_b.yaml --
test_unknown_input_column:
  model: foundation.same
  inputs:
    staging.a:
    - id: 1
      wrd: x
  outputs: {query: []}
test_unknown_output_column:
  model: foundation.same
  inputs: {staging.a: []}
  outputs:
    query:
    - {id: 1}
    - {idd: 1}
test_missing_input:
  model: foundation.ordered
  inputs: {staging.b: []}
  outputs: {query: []}
test_no_inputs:
  model: foundation.ordered
  outputs: {query: []}
test_unknown_model:
  model: foundation.none
  outputs: {query: []}
test_unknown_input:
  model: foundation.same
  inputs: {staging.a: [], staging.none: []}
  outputs: {query: []}
test_seed:
  model: staging.seeded
  outputs: {query: []}
test_bad_value:
  model: foundation.same
  inputs:
    staging.a:
    - {id: 1}
    - {id: many}
  outputs: {query: []}
test_bad_expectation:
  model: foundation.same
  inputs: {staging.a: [{id: 1}]}
  outputs:
    query:
    - {id: 1, day: someday}
test_no_outputs:
  model: foundation.same
test_no_model: {outputs: {query: []}}
test_unknown_cte:
  model: foundation.ordered
  inputs: {staging.a: [], staging.b: []}
  outputs: {ctes: {nothing: []}}
test_unknown_key:
  model: foundation.same
  input: {}
  outputs: {query: []}
test_fails_at_run_time:
  model: foundation.same
  inputs:
    staging.a: {query: "SELECT error('told so') AS id"}
  outputs: {query: []}
test_no_files:
  model: staging.files
  outputs: {query: []}
test_passes:
  model: foundation.same
  inputs: {staging.a: []}
  outputs: {query: []}
-- tests/test_c.yaml --
-- tests/other.yaml --
not: [a test
`, "")
	want := map[string]string{
		"test_a.yaml":                `tests/test_a.yaml:1: not YAML: sequence end token ']' not found`,
		"test_unknown_input_column":  `tests/sub/test_b.yaml:6: test_unknown_input_column: input staging.a has no column wrd; it has id, word, amount, share, day, at, list, obj, flag`,
		"test_unknown_output_column": `tests/sub/test_b.yaml:14: test_unknown_output_column: foundation.same returns no column idd; it returns id, word, amount, share, day, at, list, obj, flag`,
		"test_missing_input":         `tests/sub/test_b.yaml:16: test_missing_input: inputs lack staging.a, which foundation.ordered reads`,
		"test_no_inputs":             `tests/sub/test_b.yaml:20: test_no_inputs: inputs lack staging.a, staging.b, which foundation.ordered reads`,
		"test_unknown_model":         `tests/sub/test_b.yaml:23: test_unknown_model: unknown model foundation.none`,
		"test_unknown_input":         `tests/sub/test_b.yaml:27: test_unknown_input: input staging.none is no model of the project`,
		"test_seed":                  `tests/sub/test_b.yaml:30: test_seed: model staging.seeded is a seed: it has no query to test`,
		"test_bad_value":             `tests/sub/test_b.yaml:37: test_bad_value: input staging.a: Could not convert string 'many' to INT32`,
		"test_bad_expectation":       `tests/sub/test_b.yaml:44: test_bad_expectation: column day: 'someday' is no DATE: invalid date field format: "someday", expected format is (YYYY-MM-DD)`,
		"test_no_outputs":            `tests/sub/test_b.yaml:46: test_no_outputs: outputs is missing`,
		"test_no_model":              `tests/sub/test_b.yaml:47: test_no_model: model is missing`,
		"test_unknown_cte":           `tests/sub/test_b.yaml:51: test_unknown_cte: foundation.ordered has no CTE nothing`,
		"test_unknown_key":           `tests/sub/test_b.yaml:54: test_unknown_key: unknown key input; known are model, description, inputs, outputs, vars`,
		"test_fails_at_run_time":     `tests/sub/test_b.yaml:59: test_fails_at_run_time: input staging.a: told so`,
		"test_no_files":              `tests/sub/test_b.yaml:62: test_no_files: no file matches the path that staging.files reads; set the variable that leads to fixtures in vars`,
		"test_passes":                ``,
	}
	if diff := cmp.Diff(want, diffs); diff != "" {
		t.Errorf("diffs (-want +got):\n%s", diff)
	}
}

func TestFilter(t *testing.T) {
	archive := `
-- tests/test_x.yaml --
test_a: {model: foundation.same, inputs: {staging.a: []}, outputs: {query: []}}
test_b: {model: foundation.clock, inputs: {staging.a: []}, outputs: {query: []}}
-- tests/test_y.yaml --
test_c: {model: foundation.same, inputs: {staging.a: []}, outputs: {query: []}}
`
	for filter, want := range map[string]string{"": "abc", "foundation.same": "ac", "test_x": "ab", "test_x.yaml::test_b": "b", "*clock": "b", "test_?": "", "test_[bc]*": "bc", "none": ""} {
		_, report := run(t, archive, filter)
		got := ""
		for _, r := range report.Results {
			got += strings.TrimPrefix(r.Name, "test_")
		}
		if got != want {
			t.Errorf("filter %q ran %q, want %q", filter, got, want)
		}
	}
}
