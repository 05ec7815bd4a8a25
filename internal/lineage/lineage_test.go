package lineage

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"beanflows.coffee/materia/internal/model"
)

// project loads models given as queries by name, over two seeds.
func project(t *testing.T, queries map[string]string) *model.Project {
	t.Helper()
	root := t.TempDir()
	files := map[string]string{
		"config.yaml":         "model_defaults:\n  dialect: duckdb\n",
		"a.csv":               "k,v,d\nx,1,2020-01-01\n",
		"models/s/seed_a.sql": "MODEL (name s.a, kind SEED (path '../../a.csv'), columns (k VARCHAR, v INTEGER, d DATE));",
		"models/s/seed_b.sql": "MODEL (name s.b, kind SEED (path '../../a.csv'), columns (k VARCHAR, v INTEGER, d DATE));",
	}
	for name, q := range queries {
		schema, table, _ := strings.Cut(name, ".")
		files["models/"+schema+"/"+table+".sql"] = "MODEL (name " + name + ", kind FULL);\n" + q
	}
	for file, text := range files {
		path := filepath.Join(root, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p, err := model.Load(context.Background(), root, model.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func shown(columns map[string][]Source) string {
	var all []string
	for _, c := range slices.Sorted(maps.Keys(columns)) {
		var from []string
		for _, s := range columns[c] {
			from = append(from, s.Model+"."+s.Column)
		}
		all = append(all, c+": "+strings.Join(from, " "))
	}
	return strings.Join(all, "; ")
}

func TestColumns(t *testing.T) {
	for _, c := range []struct{ query, want string }{
		{"SELECT k, v + 1 AS w, 7 AS c FROM s.a", "c: ; k: s.a.k; w: s.a.v"},
		{"SELECT a.k, b.v FROM s.a AS a JOIN s.b AS b ON b.k = a.k", "k: s.a.k; v: s.b.v"},
		{"SELECT s.a.k AS k FROM s.a", "k: s.a.k"},
		{"SELECT * FROM s.a", "d: s.a.d; k: s.a.k; v: s.a.v"},
		{"SELECT x.* EXCLUDE (d) REPLACE (x.v * y.v AS v) FROM s.a AS x CROSS JOIN s.b AS y", "k: s.a.k; v: s.a.v s.b.v"},
		{"SELECT * FROM s.a JOIN (SELECT k, v AS w FROM s.b) AS b USING (k)", "d: s.a.d; k: s.a.k; v: s.a.v; w: s.b.v"},
		{"SELECT k FROM s.a JOIN s.b USING (k)", "k: s.a.k s.b.k"},
		{"WITH x AS (SELECT k AS q, MAX(v) AS m FROM s.a GROUP BY k), y(r) AS (SELECT m FROM x) SELECT r, (SELECT MIN(q) FROM x) AS q FROM y", "q: s.a.k; r: s.a.v"},
		{"WITH a AS (SELECT v AS k FROM s.b) SELECT k FROM a", "k: s.b.v"},
		{"SELECT k, v FROM s.a UNION ALL SELECT d::VARCHAR, v FROM s.b", "k: s.a.k s.b.d; v: s.a.v s.b.v"},
		{"SELECT k, v FROM s.a UNION ALL BY NAME SELECT v, k FROM s.b", "k: s.a.k s.b.k; v: s.a.v s.b.v"},
		{"SELECT SUM(v) OVER (PARTITION BY k ORDER BY d) AS s, ROW_NUMBER() OVER (ORDER BY d) AS n FROM s.a", "n: s.a.d; s: s.a.d s.a.k s.a.v"},
		{"SELECT COUNT(*) AS n, COUNT(k) AS m, COUNT(*) FILTER (WHERE v > 1) AS f FROM s.a WHERE d > DATE '2020-01-01'", "f: s.a.* s.a.v; m: s.a.k; n: s.a.*"},
		{"SELECT v AS x, x + 1 AS y FROM s.a", "x: s.a.v; y: s.a.v"},
		{"SELECT CASE WHEN k = 'x' THEN v END AS c, EXISTS (SELECT 1 FROM s.b WHERE b.k = a.k) AS e FROM s.a AS a", "c: s.a.k s.a.v; e: s.b.*"},
		{"SELECT (SELECT MAX(b.v) FROM s.b AS b WHERE b.k = a.k) AS m, v IN (SELECT v FROM s.b) AS i FROM s.a AS a", "i: s.a.v s.b.v; m: s.b.v"},
		{"SELECT l.w FROM s.a AS a, LATERAL (SELECT a.v + 1 AS w) AS l", "w: s.a.v"},
		{"SELECT list_transform([v], x -> x + v) AS l, list_transform([k], k -> 1) AS m FROM s.a", "l: s.a.v; m: s.a.k"},
		{"SELECT t.x FROM s.a AS a, UNNEST([a.v, 1]) AS t(x)", "x: s.a.v"},
		{"SELECT t.n, t.c FROM (VALUES (1, 'a')) AS t(n, c)", "c: ; n: "},
		{"WITH RECURSIVE r AS (SELECT v AS n, k FROM s.a UNION ALL SELECT n + 1, k FROM r WHERE n < 5) SELECT n, k FROM r", "k: s.a.k; n: s.a.v"},
		{"SELECT {'k': k, 'v': v} AS s FROM s.a", "s: s.a.k s.a.v"},
		{"SELECT k FROM s.a AS a SEMI JOIN s.b AS b ON b.k = a.k", "k: s.a.k"},
		{"SELECT x.k FROM (s.a AS x JOIN s.b AS y ON y.k = x.k)", "k: s.a.k"},
	} {
		p := project(t, map[string]string{"q.m": c.query})
		got, err := Columns(context.Background(), p, []string{"q.m"})
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		if s := shown(got["q.m"]); s != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.query, s, c.want)
		}
	}
}

func TestTraceAndTree(t *testing.T) {
	p := project(t, map[string]string{
		"staging.raw":   "SELECT filename AS path, content AS text FROM read_text('/nowhere/*.txt')",
		"staging.clean": "SELECT path, LENGTH(text) AS n, 'fixed' AS f FROM staging.raw",
		"serving.end":   "SELECT c.path, c.n * a.v AS x, c.n + c.n AS y, c.f, COUNT(*) OVER () AS rows FROM staging.clean AS c CROSS JOIN s.a AS a",
	})
	for _, c := range []struct {
		at   Source
		want string
	}{
		{Source{"serving.end", "X"}, `serving.end.x
├─ s.a.v (seed)
└─ staging.clean.n
   └─ staging.raw.text
      └─ content in its files
`},
		{Source{"serving.end", "f"}, "serving.end.f\n└─ staging.clean.f (a constant)\n"},
		{Source{"serving.end", "rows"}, `serving.end.rows
├─ the rows of s.a
└─ the rows of staging.clean
   └─ the rows of staging.raw
      └─ the rows of its files
`},
		{Source{"serving.end", ""}, `serving.end (FULL)
├─ s.a (SEED)
└─ staging.clean (FULL)
   └─ staging.raw (FULL)
`},
	} {
		steps, err := Trace(context.Background(), p, c.at)
		if err != nil {
			t.Errorf("%v: %v", c.at, err)
			continue
		}
		var b strings.Builder
		if err := WriteTree(&b, steps); err != nil || b.String() != c.want {
			t.Errorf("%v: %v\n%s\nwant\n%s", c.at, err, b.String(), c.want)
		}
	}
	for _, at := range []Source{{"serving.none", ""}, {"serving.end", "none"}} {
		if _, err := Trace(context.Background(), p, at); err == nil || !strings.Contains(err.Error(), "none") {
			t.Errorf("%v: %v", at, err)
		}
	}
}

// Every column of the repository's own project can be followed, and every
// source that is named is a column of a parent or of files.
func TestTransform(t *testing.T) {
	p, err := model.Load(context.Background(), "../../transform", model.LoadOptions{User: "test"})
	if err != nil {
		t.Fatal(err)
	}
	all, err := Columns(context.Background(), p, p.Order)
	if err != nil {
		t.Fatal(err)
	}
	for name, columns := range all {
		m := p.Models[name]
		for _, c := range m.Columns {
			from, ok := columns[strings.ToLower(c.Name)]
			if !ok && m.Kind != model.Seed {
				t.Errorf("%s.%s is not followed", name, c.Name)
			}
			for _, s := range from {
				switch {
				case s.Model == "" && len(m.Readers) > 0, s.Column == Rows:
				case s.Model == "" || !slices.Contains(m.DependsOn, s.Model) || !hasColumn(p.Models[s.Model], s.Column):
					t.Errorf("%s.%s comes from %v, which is no column of a parent", name, c.Name, s)
				}
			}
		}
	}
}
