package model

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every error of a project stands in the list once, at the place a person has
// to change. Line and column are counted by hand in the texts below.
func TestErrorPositions(t *testing.T) {
	const good = "-- models/staging/a.sql --\nMODEL (name staging.a, kind FULL);\nSELECT 1 AS id, 'x' AS word, DATE '2020-01-01' AS day\n"
	tests := []struct {
		name, archive string
		want          []string
	}{
		{"unknown column", good + `
-- models/foundation/b.sql --
MODEL (name foundation.b, kind FULL);
SELECT
  id,
  wort
FROM staging.a
`, []string{`models/foundation/b.sql:4:3: Referenced column "wort" not found in FROM clause!`}},
		{"unknown column after a variable of another length, tabs and umlauts", good + `
-- models/foundation/b.sql --
MODEL (name foundation.b, kind FULL);
SELECT 'größe' AS g, @floor + @VAR('none', 1234567890) AS f,	wort
FROM staging.a -- @floor
`, []string{`models/foundation/b.sql:2:62: Referenced column "wort" not found in FROM clause!`}},
		{"the error lies in the variable", good + `
-- config.yaml --
model_defaults: {dialect: duckdb}
variables: {word: "text"}
-- models/foundation/b.sql --
MODEL (name foundation.b, kind FULL);
SELECT id, year(@word) AS y FROM staging.a
`, []string{`models/foundation/b.sql:2:12: Could not choose a best candidate function for the function call "year(STRING_LITERAL)". In order to select one, please add explicit type casts.`}},
		{"unknown models, with and without a schema", good + `
-- models/foundation/b.sql --
MODEL (name foundation.b, kind FULL);
WITH a AS (SELECT 1 AS id)
SELECT * FROM a JOIN staging.aa USING (id) JOIN other USING (id)
`, []string{
			`models/foundation/b.sql:3:22: unknown model staging.aa`,
			`models/foundation/b.sql:3:49: unknown table other`}},
		{"a CTE is visible only after it and inside its own query", `
-- models/staging/b.sql --
MODEL (name staging.b, kind FULL);
WITH x AS (SELECT * FROM y), y AS (WITH z AS (SELECT 1 AS i) SELECT * FROM z)
SELECT * FROM y, z
`, []string{
			`models/staging/b.sql:2:26: unknown table y`,
			`models/staging/b.sql:3:18: unknown table z`}},
		{"half-written models", good + `
-- models/staging/open.sql --
MODEL (name staging.open, kind FULL;
SELECT 1
-- models/staging/queryless.sql --
MODEL (name staging.queryless, kind FULL);
-- models/staging/quote.sql --
MODEL (name staging.quote, kind FULL);
SELECT 'abc
-- models/staging/nothing.sql --

-- models/staging/reader.sql --
MODEL (name staging.reader);
SELECT * FROM staging.open, staging.queryless, staging.quote, staging.nothing
`, []string{
			`models/staging/nothing.sql:1:1: the file is empty`,
			`models/staging/open.sql:1:7: MODEL ( is never closed`,
			`models/staging/queryless.sql:1:1: model staging.queryless has no query`,
			`models/staging/quote.sql:2:8: unclosed string`}},
		{"two of one name", good + `
-- models/staging/z.sql --
MODEL (
  name Staging.A,
  kind FULL
);
SELECT 1 AS id
`, []string{`models/staging/z.sql:2:8: model staging.a is defined in models/staging/a.sql already`}},
		{"kinds and keys", `
-- models/staging/a.sql --
MODEL (name staging.a, kind FUL, ownr me);
SELECT 1 AS id
-- models/staging/b.sql --
MODEL (name staging.b, kind INCREMENTAL_BY_PARTITION, cron 'often', start 'yesterday');
SELECT 1 AS id
-- models/staging/c.sql --
MODEL (name c, kind FULL, dialect bigquery, kind VIEW);
SELECT 1 AS id
`, []string{
			`models/staging/a.sql:1:29: unknown kind FUL`,
			`models/staging/a.sql:1:34: unknown key ownr`,
			`models/staging/b.sql:1:29: kind INCREMENTAL_BY_PARTITION is not supported`,
			`models/staging/b.sql:1:60: cron often is not a schedule`,
			`models/staging/b.sql:1:75: start yesterday is not a date`,
			`models/staging/c.sql:1:13: name is schema.table`,
			`models/staging/c.sql:1:35: dialect bigquery is not supported, only duckdb`,
			`models/staging/c.sql:1:45: key kind stands twice`}},
		{"macros", `
-- models/staging/a.sql --
MODEL (name staging.a);
SELECT @REDUCE([a, b], x -> x), @start_ds AS s, @flor AS f, @{x} AS g,
  @VAR('nothing') AS h, $1 AS p, @this_model AS t, @VAR('nothing', 1 + @floor) AS v
`, []string{
			`models/staging/a.sql:2:8: macro @REDUCE is not supported`,
			`models/staging/a.sql:2:33: @start_ds would go stale: a FULL model or a view is built when code or inputs change, not by the clock`,
			`models/staging/a.sql:2:49: unknown variable @flor`,
			`models/staging/a.sql:2:61: @ without a variable's name is not supported`,
			`models/staging/a.sql:3:8: variable nothing is not set and @VAR has no default`,
			`models/staging/a.sql:3:25: parameter $1 has no value here`,
			`models/staging/a.sql:3:34: @this_model stands in audits only`}},
		{"contract", `
-- models/staging/a.sql --
MODEL (name staging.a, columns (
  id BIGINT,
  wrd TEXT,
  day DATE,
  x NOTYPE
));
SELECT 1 AS id, 'x' AS word, DATE '2020-01-01' AS day
-- models/staging/b.sql --
MODEL (name staging.b, columns (
  id BIGINT,
  wrd TEXT,
  day DATE
));
SELECT 1 AS id, 'x' AS word, DATE '2020-01-01' AS day
-- models/staging/c.sql --
MODEL (name staging.c, columns (word TEXT, id INT));
SELECT 1 AS id, 'x' AS word
`, []string{
			`models/staging/a.sql:5:5: NOTYPE is not a type of DuckDB`,
			`models/staging/b.sql:1:24: the query returns column word, which columns does not declare`,
			`models/staging/b.sql:2:6: column id is declared BIGINT, the query returns INTEGER`,
			`models/staging/b.sql:3:3: column wrd is declared, but the query does not return it`,
			`models/staging/c.sql:1:33: column word is declared as number 1, the query returns it as number 2`}},
		{"a broken parent is reported once, not in its children", `
-- models/staging/a.sql --
MODEL (name staging.a);
SELECT nothing AS id
-- models/staging/b.sql --
MODEL (name staging.b);
SELECT id, more FROM staging.a
-- models/staging/c.sql --
MODEL (name staging.c, columns (id INTEGER));
SELECT nothing AS id
-- models/staging/d.sql --
MODEL (name staging.d);
SELECT more FROM staging.c
`, []string{
			`models/staging/a.sql:2:8: Referenced column "nothing" was not found because the FROM clause is missing`,
			`models/staging/c.sql:2:8: Referenced column "nothing" was not found because the FROM clause is missing`,
			`models/staging/d.sql:2:8: Referenced column "more" not found in FROM clause!`}},
		{"circles", `
-- models/staging/a.sql --
MODEL (name staging.a);
SELECT * FROM staging.b
-- models/staging/b.sql --
MODEL (name staging.b);
SELECT * FROM staging.c
-- models/staging/c.sql --
MODEL (name staging.c);
SELECT * FROM staging.a
-- models/staging/d.sql --
MODEL (name staging.d);
SELECT * FROM staging.a, staging.d
`, []string{
			`models/staging/a.sql:2:15: models read each other in a circle: staging.a -> staging.b -> staging.c -> staging.a`,
			`models/staging/d.sql:2:26: model staging.d reads itself`}},
		{"syntax", `
-- models/staging/a.sql --
MODEL (name staging.a);
SELECT 1 AS id
FROM FROM x
-- models/staging/b.sql --
MODEL (name staging.b);
SELECT 1 +
-- models/staging/c.sql --
MODEL (name staging.c);
CREATE TABLE x AS SELECT 1
-- models/staging/d.sql --
MODEL (name staging.d);
SELECT 1 AS a; SELECT 2 AS b
-- models/staging/e.sql --
MODEL (name staging.e);
SELECT 1) AS a
-- models/staging/f.sql --
SELECT 1 AS a
-- models/staging/g.sql --
MODEL (name staging.g);
SELECT 1 AS a, 2 AS A
`, []string{
			`models/staging/a.sql:3:6: syntax error at or near "FROM"`,
			`models/staging/b.sql:2:10: syntax error at end of input`,
			`models/staging/c.sql:2:1: not a SELECT statement`,
			`models/staging/d.sql:2:16: model staging.d has more than one statement`,
			`models/staging/e.sql:2:9: ) closes nothing`,
			`models/staging/f.sql:1:1: expected MODEL (...)`,
			`models/staging/g.sql:2:1: the query returns two columns named A`}},
		{"readers", `
-- models/foundation/a.sql --
MODEL (name foundation.a);
SELECT * FROM read_text(@landing_dir || '/*.txt')
-- models/staging/b.sql --
MODEL (name staging.b);
SELECT * FROM read_csv('x.csv', columns = {'a': 'INT'})
-- models/staging/c.sql --
MODEL (name staging.c);
SELECT * FROM read_json('x.json')
-- models/staging/d.sql --
MODEL (name staging.d);
SELECT a FROM (SELECT 'x' AS a) AS t, read_text(t.a)
-- models/staging/e.sql --
MODEL (name staging.e);
SELECT * FROM 'x.csv'
-- models/staging/f.sql --
MODEL (name staging.f);
SELECT * FROM duckdb_tables()
-- models/staging/g.sql --
MODEL (name staging.g);
SELECT * FROM read_csv('x.csv', columns = {'a': 'INT'}, auto_detect = false, colour = 'red')
`, []string{
			`models/foundation/a.sql:2:15: model foundation.a reads files, only models in schema staging may`,
			`models/staging/b.sql:2:15: read_csv must not guess how the data is written`,
			`models/staging/c.sql:2:15: read_json needs columns, so that the result's shape does not depend on the data`,
			`models/staging/d.sql:2:49: the path is not a constant: Referenced table "t" not found!`,
			`models/staging/e.sql:2:15: a file cannot be read by its name alone`,
			`models/staging/f.sql:2:15: table function duckdb_tables is not supported`,
			`models/staging/g.sql:2:15: Invalid named parameter "colour" for function read_csv`}},
		{"audits", good + `
-- audits/own.sql --
AUDIT (name own, defaults (floor = 1));
SELECT * FROM @this_model WHERE id < @floor AND wort = @missing
-- audits/two.sql --
AUDIT (name two);
SELECT * FROM @this_model JOIN staging.a USING (id);
AUDIT (name own);
SELECT * FROM @this_model
-- models/staging/b.sql --
MODEL (name staging.b, audits (
  not_nul(columns := (id)),
  not_null(columns := (ids)),
  accepted_values(column := id),
  forall(criteria := (idd > 0)),
  own, own(missing := 2), two,
  number_of_rows(10)
));
SELECT 1 AS id
`, []string{
			`audits/own.sql:2:49: audit own of staging.b: Referenced column "wort" not found in FROM clause!`,
			`audits/own.sql:2:56: unknown variable @missing`,
			`audits/two.sql:2:32: audit two reads another table, staging.a`,
			`audits/two.sql:3:13: audit own is defined in audits/own.sql already`,
			`models/staging/b.sql:2:3: unknown audit not_nul`,
			`models/staging/b.sql:3:3: audit not_null names column ids, which the query does not return`,
			`models/staging/b.sql:4:3: audit accepted_values needs the argument is_in`,
			`models/staging/b.sql:5:3: audit forall: Referenced column "idd" not found in FROM clause!`,
			`models/staging/b.sql:7:18: an audit's arguments are named`}},
		{"configuration", good + `
-- config.yaml --
model_defaults:
  dialect: postgres
  table_format: iceberg
gateways: {local: {connection: {type: duckdb}}}
linter: {enabled: true}
ignore_patterns: [x]
variables:
  list: [1]
`, []string{
			`config.yaml:2:12: dialect postgres is not supported, only duckdb`,
			`config.yaml:3:3: unknown or unsupported key model_defaults.table_format`,
			`config.yaml:6:1: unknown or unsupported configuration key ignore_patterns`,
			`config.yaml:8:3: variable list: only a string, a number, a boolean or null`}},
		{"configuration that does not parse, and a model beside it", `
-- config.yaml --
model_defaults:
  dialect: [duckdb
variables: x
-- models/staging/a.sql --
MODEL (name staging.a, kind FUL);
SELECT 1 AS id
`, []string{
			`config.yaml:3:1: not YAML: ',' or ']' must be specified`,
			`models/staging/a.sql:1:29: unknown kind FUL`}},
		{"templates", good + `
-- config.yaml --
# a comment
default_target_environment: dev_{{ user() }}
variables:
  a: "{{ env_var('NOTHING') }}"
  b: {{ var('x') }}
{% if true %}
`, []string{
			`config.yaml:4:7: environment variable NOTHING is not set and env_var has no default`,
			`config.yaml:5:6: {{ var('x') }} is not supported, only env_var('X', 'default') and user()`,
			`config.yaml:6:1: Jinja statements are not supported`}},
		{"seeds", `
-- seeds/codes.csv --
code,name
0711100,coffee
0430000,cotton
-- seeds/wide.csv --
a,b
1,2
3
-- models/staging/codes.sql --
MODEL (name staging.codes, kind SEED (path '../../seeds/codes.csv', csv_settings (keep_default_na = false)), columns (code TEXT, nme TEXT));
-- models/staging/gone.sql --
MODEL (name staging.gone, kind SEED (path '$root/seeds/gone.csv'), columns (a INT));
-- models/staging/wide.sql --
MODEL (name staging.wide, kind SEED (path '$root/seeds/wide.csv', csv_settings (encoding = 'x')), columns (a INT)); SELECT 1
`, []string{
			`models/staging/codes.sql:1:130: the seed ../../seeds/codes.csv has no column nme`,
			`models/staging/gone.sql:1:43: cannot read the seed $root/seeds/gone.csv: no such file or directory`,
			`models/staging/wide.sql:1:81: csv setting encoding is not supported`,
			`models/staging/wide.sql:1:117: a SEED model has no query`,
			`seeds/codes.csv:2:1: column code holds text that SQLMesh would change: 0711100 is read as 711100`,
			`seeds/wide.csv:3:1: 1 values, the header has 2`}},
		{"python and jinja", good + `
-- models/x.py --
import sqlmesh
-- models/staging/j.sql --
MODEL (name staging.j);
JINJA_QUERY_BEGIN; SELECT 1; JINJA_END;
`, []string{
			`models/staging/j.sql:2:1: Jinja is not supported`,
			`models/x.py: Python models and macros are not supported`}},
		{"relations that renaming would break", good + `
-- models/staging/b.sql --
MODEL (name staging.b);
SELECT staging.a AS row FROM staging.a
-- models/staging/c.sql --
MODEL (name staging.c);
TABLE staging.a
-- models/staging/d.sql --
MODEL (name staging.d);
SELECT 1 AS x FROM db.staging.a
-- models/staging/e.sql --
MODEL (name staging.e);
SUMMARIZE staging.a
-- models/staging/f.sql --
MODEL (name staging.f, enabled false);
SELECT nothing
-- models/staging/g.sql --
MODEL (name staging.g, depends_on (staging.f));
SELECT 1 AS x
`, []string{
			`models/staging/b.sql:2:8: a whole row by its qualified name is not supported`,
			`models/staging/c.sql:2:1: TABLE staging.a is not supported`,
			`models/staging/d.sql:2:20: db.staging.a names a database; models are schema.table`,
			`models/staging/e.sql:2:1: DESCRIBE, SHOW and SUMMARIZE are not supported in a model`,
			`models/staging/g.sql:1:36: unknown model staging.f`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, loadErrors(t, tt.archive)); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
}

// An error shows the line, marks the place, and names the nearest candidates.
func TestErrorText(t *testing.T) {
	root := project(t, `
-- models/staging/stg_price.sql --
MODEL (name staging.stg_price);
SELECT 1 AS id
-- models/serving/b.sql --
MODEL (name serving.b);
SELECT *
FROM	staging.stg_prcie
`)
	_, err := Load(context.Background(), root, LoadOptions{})
	want := strings.Join([]string{
		filepath.Join(root, "models/serving/b.sql") + ":3:6: unknown model staging.stg_prcie",
		"    3 | FROM\tstaging.stg_prcie",
		"      |     \t^^^^^^^^^^^^^^^^^",
		"      did you mean staging.stg_price?",
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

// Loading writes nothing into the project, whether it succeeds or not.
func TestLoadWritesNothing(t *testing.T) {
	root := project(t, "-- models/staging/a.sql --\nMODEL (name staging.a);\nSELECT nothing\n-- models/staging/b.sql --\nMODEL (name staging.b);\nSELECT * FROM read_text('x')\n")
	list := func() (all []string) {
		err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			all = append(all, path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	before := list()
	if _, err := Load(context.Background(), root, LoadOptions{}); err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(before, list()); diff != "" {
		t.Error(diff)
	}
}

func TestLoadCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	root := project(t, "-- models/staging/a.sql --\nMODEL (name staging.a);\nSELECT 1 AS x\n")
	_, err := Load(ctx, root, LoadOptions{})
	var list *ErrorList
	if err == nil || errors.As(err, &list) {
		t.Errorf("a cancelled load gave %v", err)
	}
	if _, err := Load(context.Background(), filepath.Join(root, "none"), LoadOptions{}); err == nil {
		t.Error("a missing directory loaded")
	}
}
