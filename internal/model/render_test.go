package model

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"beanflows.coffee/materia/internal/duck"
)

// The rendered query must return from physical tables what the query as
// written returns from tables of the logical names.
func TestRenderKeepsTheMeaning(t *testing.T) {
	queries := []string{
		`SELECT x.id, x.word FROM staging.x`,
		`SELECT staging.x.id, staging . x . word, "staging"."x".s.f FROM staging.x WHERE staging.x.id > 1`,
		`SELECT id FROM Staging.X AS x2 WHERE x2.id = 2`,
		`SELECT t.id FROM t: staging.x`,
		`FROM staging.x`,
		`FROM staging.x SELECT word WHERE x.id = (SELECT max(y.id) FROM staging.y)`,
		`SELECT x.id, y.id AS id2 FROM staging.x JOIN staging.y USING (id) ORDER BY ALL`,
		`SELECT x.id, staging.y.w FROM staging.x LEFT JOIN staging.y ON staging.x.id = staging.y.id`,
		`WITH x AS (SELECT id + 1 AS id FROM staging.x) SELECT x.id FROM x`,
		`WITH RECURSIVE r AS (SELECT min(id) AS n FROM staging.x UNION ALL SELECT n + 1 FROM r WHERE n < (SELECT max(id) FROM staging.x)) SELECT * FROM r`,
		`WITH a AS (WITH b AS (FROM staging.x) FROM b), b AS (FROM staging.y) SELECT a.word, b.w FROM a, b`,
		`SELECT * FROM staging.x PIVOT (sum(id) FOR word IN ('a', 'b'))`,
		`SELECT * FROM (SELECT id, id * 2 AS d FROM staging.x) UNPIVOT (v FOR n IN (id, d))`,
		`SELECT word FROM staging.x WHERE id IN (SELECT id FROM staging.y) UNION ALL BY NAME SELECT w AS word FROM staging.y`,
		`SELECT x.* EXCLUDE (s), (SELECT count(*) FROM staging.y WHERE staging.y.id <= staging.x.id) AS n FROM staging.x`,
		`SELECT a.id FROM staging.x AS a, staging.x AS b WHERE a.id < b.id`,
		`SELECT unnest(range(id)) AS r FROM staging.x, LATERAL (SELECT 1) AS l`,
		`SELECT id, row_number() OVER (PARTITION BY staging.x.word ORDER BY staging.x.id) AS n FROM staging.x QUALIFY n = 1`,
		`SELECT staging.f FROM (SELECT s AS staging FROM staging.x)`,
		`SELECT x.id FROM staging.x TABLESAMPLE 100%`,
		"SELECT /* staging.x */ id -- FROM staging.y\nFROM staging.x -- staging.y",
		`SELECT 'staging.x' AS "staging.x" FROM staging.x`,
		`VALUES ((SELECT max(id) FROM staging.x))`,
		`SELECT x FROM staging.x`,
	}
	ctx := context.Background()
	db, err := duck.Open("", duck.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const data = `x AS SELECT * FROM (VALUES (1, 'a', {'f': 1.5}), (2, 'b', {'f': 2.5}), (3, 'a', NULL)) v(id, word, s)`
	const more = `y AS SELECT * FROM (VALUES (2, 'w'), (3, 'v')) v(id, w)`
	for _, stmt := range []string{"CREATE SCHEMA staging", "CREATE SCHEMA materia__staging", "CREATE TABLE staging." + data, "CREATE TABLE staging." + more,
		"CREATE TABLE materia__staging.x__0123 " + strings.TrimPrefix(data, "x "), "CREATE TABLE materia__staging.y__4567 " + strings.TrimPrefix(more, "y ")} {
		if _, err := db.ExecContext(ctx, stmt); err != nil {
			t.Fatal(stmt, err)
		}
	}
	archive := "-- models/staging/x.sql --\nMODEL (name staging.x);\nSELECT 1 AS id, 'a' AS word, {'f': 1.5} AS s\n-- models/staging/y.sql --\nMODEL (name staging.y);\nSELECT 1 AS id, 'a' AS w\n"
	for i, q := range queries {
		archive += fmt.Sprintf("-- models/foundation/q%d.sql --\nMODEL (name foundation.q%d);\n%s\n", i, i, q)
	}
	p := mustLoad(t, archive)
	result := func(sql string) string {
		var n string
		if err := db.QueryRowContext(ctx, "SELECT coalesce(list(r ORDER BY r)::VARCHAR, '[]') FROM ("+sql+"\n) AS r").Scan(&n); err != nil {
			t.Errorf("%s\n%v", sql, err)
		}
		return n
	}
	for i, q := range queries {
		m := p.Models[fmt.Sprintf("foundation.q%d", i)]
		sql, err := m.Render(func(dep string) string {
			return map[string]string{"staging.x": `"materia__staging"."x__0123"`, "staging.y": `"materia__staging"."y__4567"`}[dep]
		}, nil)
		if err != nil {
			t.Error(err)
			continue
		}
		if len(m.DependsOn) == 0 {
			t.Errorf("no dependencies in %s", q)
		}
		if want, got := result(q), result(sql); want != got || want == "[]" {
			t.Errorf("%s\ngives %s\n%s\ngives %s", q, want, sql, got)
		}
	}
}

func TestDependencies(t *testing.T) {
	p := mustLoad(t, `
-- models/staging/a.sql --
MODEL (name staging.a);
SELECT 1 AS id
-- models/staging/b.sql --
MODEL (name staging.b);
SELECT 1 AS id
-- models/staging/c.sql --
MODEL (name staging.c, depends_on (staging.b));
WITH b AS (SELECT * FROM staging.a) SELECT * FROM b
-- models/foundation/z.sql --
MODEL (name foundation.z, kind VIEW);
SELECT * FROM staging.c WHERE id IN (SELECT id FROM staging.a) AND EXISTS (SELECT 1 FROM staging.c AS c2)
`)
	got := map[string][]string{}
	for name, m := range p.Models {
		got[name] = m.DependsOn
	}
	want := map[string][]string{"staging.a": nil, "staging.b": nil, "staging.c": {"staging.a", "staging.b"}, "foundation.z": {"staging.a", "staging.c"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"staging.a", "staging.b", "staging.c", "foundation.z"}, p.Order); diff != "" {
		t.Error(diff)
	}
}

// Readers get the list of files they are given, however the path was written,
// and read them.
func TestReaders(t *testing.T) {
	data := t.TempDir()
	for name, text := range map[string]string{"a/1.csv": "1\n", "a/2.csv": "2\n", "b/3.csv": "3\n", "a/x[1].csv": "4\n"} {
		path := filepath.Join(data, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := mustLoad(t, `
-- config.yaml --
variables: {landing_dir: "`+data+`"}
-- models/staging/n.sql --
MODEL (name staging.n, kind FULL);
SELECT n, parse_filename(filename) AS file FROM read_csv(
  @landing_dir || '/a/*.csv', -- the path
  columns = {'n': 'INTEGER'}, auto_detect = false, header = false, filename = true)
UNION ALL
SELECT n, 'b' FROM read_csv(concat(@landing_dir, '/b/', lower('3.CSV')), columns := {'n': 'INTEGER'}, auto_detect := false)
`)
	m := p.Models["staging.n"]
	if len(m.Readers) != 2 || m.Readers[0].Glob != data+"/a/*.csv" || m.Readers[1].Glob != data+"/b/3.csv" {
		t.Fatalf("readers %+v", m.Readers)
	}
	sql, err := m.Render(nil, func(glob string) []string {
		if strings.Contains(glob, "/b/") {
			return []string{glob}
		}
		return []string{data + "/a/2.csv", data + "/a/x[1].csv"} // frozen: 1.csv landed later
	})
	if err != nil {
		t.Fatal(err)
	}
	db, err := duck.Open("", duck.Options{ExternalAccess: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var got string
	if err := db.QueryRow("SELECT list(n || file ORDER BY n)::VARCHAR FROM (" + sql + ")").Scan(&got); err != nil {
		t.Fatalf("%s\n%v", sql, err)
	}
	if want := "[22.csv, 3b, 4x[1].csv]"; strings.ReplaceAll(got, "'", "") != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := m.Render(nil, func(string) []string { return nil }); err == nil {
		t.Error("rendered a reader without files")
	}
}

// A recorded model renders and audits as the loaded one does.
func TestModelSurvivesJSON(t *testing.T) {
	p := mustLoad(t, `
-- audits/big.sql --
AUDIT (name big, blocking false, defaults (most = 5));
SELECT * FROM @this_model WHERE id > @most + @floor
-- models/staging/a.sql --
MODEL (name staging.a);
SELECT 1 AS id
-- models/staging/b.sql --
MODEL (name staging.b, audits (big(most := 2)));
SELECT staging.a.id FROM staging.a
`)
	raw, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var again Project
	if err := json.Unmarshal(raw, &again); err != nil {
		t.Fatal(err)
	}
	table := func(string) string { return "s.t" }
	for _, p := range []*Project{p, &again} {
		m := p.Models["staging.b"]
		sql, err := m.Render(table, nil)
		if want := `SELECT id FROM s.t AS "a"`; err != nil || sql != strings.Replace(want, "SELECT id", "SELECT a.id", 1) {
			t.Errorf("rendered %q, %v", sql, err)
		}
		audit, err := m.AuditSQL(p, m.Audits[0], "s.b")
		if want := "SELECT * FROM s.b WHERE id > 2 + 10"; err != nil || audit != want {
			t.Errorf("audit %q, %v; want %q", audit, err, want)
		}
	}
}

// What a model was bound against decides whether it is bound again.
func TestBoundIsAskedOnlyForChanges(t *testing.T) {
	archive := func(literal, contract string) string {
		return `
-- models/staging/a.sql --
MODEL (name staging.a);
SELECT ` + literal + ` AS id
-- models/staging/b.sql --
MODEL (name staging.b` + contract + `);
SELECT id + 1 AS id FROM staging.a
-- models/staging/c.sql --
MODEL (name staging.c);
SELECT 'x' AS word
`
	}
	known := map[string]Binding{}
	load := func(archive string) (hits []string, err error) {
		p, err := Load(context.Background(), project(t, archive), LoadOptions{Bound: func(key string) (Binding, bool) {
			c, ok := known[key]
			if ok {
				hits = append(hits, c.Columns[0].Name+" "+c.Columns[0].Type)
			}
			return c, ok
		}})
		if err == nil {
			for _, m := range p.Models {
				known[m.BindKey] = Binding{m.Columns, m.Reads}
			}
		}
		slices.Sort(hits)
		return hits, err
	}
	steps := []struct {
		archive string
		hits    []string
		fails   bool
	}{
		{archive("1", ""), nil, false},
		{archive("1", ""), []string{"id INTEGER", "id INTEGER", "word VARCHAR"}, false},
		{archive("2", ""), []string{"id INTEGER", "word VARCHAR"}, false}, // b reads the same types
		{archive("2.5", ""), []string{"word VARCHAR"}, false},
		{archive("1", ", columns (id TEXT)"), []string{"id INTEGER", "word VARCHAR"}, true}, // a new contract is checked
	}
	for i, s := range steps {
		hits, err := load(s.archive)
		if diff := cmp.Diff(s.hits, hits); diff != "" || (err != nil) != s.fails {
			t.Errorf("step %d: %v %s", i, err, diff)
		}
	}
}
