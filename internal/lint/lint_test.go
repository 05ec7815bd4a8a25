package lint

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"beanflows.coffee/materia/internal/model"
	"beanflows.coffee/materia/internal/sqlfmt"
)

// look gives the findings of one query as "line:col rule".
func look(t *testing.T, schema, query string) []string {
	t.Helper()
	m := &model.Model{Name: schema + ".m", Schema: schema, Kind: model.Full, Audits: []model.AuditCall{{Name: "not_null"}}}
	return found(newReview(m, "m.sql", "MODEL (name "+schema+".m, kind FULL);\n"+query).findings(true))
}

func found(all []Finding) []string {
	var out []string
	for _, f := range all {
		out = append(out, fmt.Sprintf("%d:%d %s", f.Line, f.Col, f.Rule))
	}
	return out
}

func TestPortable(t *testing.T) {
	for _, c := range []struct{ query, want string }{
		{"SELECT a, COUNT(*) AS n FROM s.t AS t WHERE a > 1 GROUP BY a", ""},
		{"SELECT GREATEST(a, b) AS x FROM s.t", "2:8 portablefunctions"},
		{"SELECT concat(a, b) AS x, a || b AS y FROM s.t", "2:8 portablefunctions"},
		{"SELECT a::INT AS x FROM s.t", "2:9 portablesyntax"},
		{"SELECT LAG(a IGNORE NULLS) OVER (ORDER BY b) AS x FROM s.t", "2:14 portablesyntax"},
		{"SELECT a FROM s.t QUALIFY ROW_NUMBER() OVER (ORDER BY a) = 1", "2:19 portablesyntax"},
		{"SELECT a FROM s.t WHERE b ILIKE 'x'", "2:27 portablesyntax"},
		{"SELECT DISTINCT ON (a) a, b FROM s.t", "2:17 portablesyntax"},
		{"SELECT a, COUNT(*) AS n FROM s.t GROUP BY ALL", "2:43 portablesyntax"},
		{"SELECT a FROM s.t ASOF JOIN s.u ON t.b >= u.b", "2:19 portablesyntax"},
		{"SELECT [1, 2] AS l, {'a': 1} AS s FROM s.t", "2:8 portablesyntax, 2:21 portablesyntax"},
		{"SELECT b + INTERVAL '1' DAY AS c, b + INTERVAL 1 DAY AS d FROM s.t", "2:39 portablesyntax"},
		{"SELECT EXTRACT(YEAR FROM b) AS y, EXTRACT(DOW FROM b) AS w FROM s.t", "2:43 portablesyntax"},
		{"SELECT CAST(a AS DECIMAL) AS x, CAST(a AS DECIMAL(18, 4)) AS y, CAST(a AS HUGEINT) AS z FROM s.t", "2:18 portablesyntax, 2:75 portablesyntax"},
		{"SELECT AVG(a) AS x, AVG(CAST(a AS DOUBLE)) AS y FROM s.t", "2:8 portablefunctions, 2:21 portablefunctions"},
		{"SELECT SUM(CAST(a AS DOUBLE)) AS x, CAST(SUM(a) AS DOUBLE) / COUNT(a) AS y, STDDEV_SAMP(a) OVER (ORDER BY c) AS z FROM s.t", "2:8 portablefunctions, 2:77 portablefunctions"},
		{"SELECT date_diff('day', a, b) AS x, date_diff('month', a, b) AS y FROM s.t", "2:37 portablefunctions"},
		{"SELECT @IF(@low > 1, a, LEAST(a, b)) AS x FROM s.t", "2:25 portablefunctions"},
		// names that are functions or keywords elsewhere
		{"WITH year_range(a, b) AS (SELECT 1, 2) SELECT range, filter, r.a AS first FROM year_range AS r(a, b)", ""},
		{"SELECT SUM(a) FILTER (WHERE b > 0) OVER (PARTITION BY c ORDER BY d ROWS BETWEEN 5 PRECEDING AND CURRENT ROW) AS x FROM s.t", ""},
		{"SELECT CASE WHEN a IN (1, 2) THEN COALESCE(b, 0) ELSE NULLIF(c, 0) END AS x FROM s.t", ""},
		// quotients
		{"SELECT a / b AS x FROM s.t", "2:10 portabledivision"},
		{"SELECT 100 * CAST(a AS DOUBLE) / b AS x, a / NULLIF(CAST(b AS DOUBLE), 0) AS y FROM s.t", ""},
		{"SELECT CAST(c AS DOUBLE) + a / b AS x FROM s.t", "2:30 portabledivision"},
		{"SELECT (a + CAST(c AS DOUBLE)) / b AS x, a / (b + 1) AS y FROM s.t", "2:44 portabledivision"},
		{"SELECT SQRT(a) / b AS x, 1e0 * a / b AS y, a / CUME_DIST() OVER (ORDER BY c) AS z FROM s.t", ""},
		{"SELECT CASE WHEN CAST(a AS DOUBLE) > 1 THEN 2 END AS x, t.a / t.b AS y FROM s.t AS t", "2:61 portabledivision"},
		{"SELECT a / b / CAST(c AS DOUBLE) AS x FROM s.t", "2:10 portabledivision"},
		// strings and comments hold no SQL
		{"SELECT 'greatest(a) :: b / c' AS x -- a::b\nFROM s.t", ""},
	} {
		if got := strings.Join(look(t, "serving", c.query), ", "); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.query, got, c.want)
		}
		if got := look(t, "staging", c.query); len(got) > 0 {
			t.Errorf("staging may use DuckDB's own SQL: %s: %v", c.query, got)
		}
	}
}

func TestStarsAndSubscripts(t *testing.T) {
	for _, c := range []struct{ query, want string }{
		{"SELECT * FROM s.t", "2:8 noselectstar"},
		{"SELECT a, t.* FROM s.t AS t", "2:13 noselectstar"},
		{"SELECT DISTINCT * FROM s.t", "2:17 noselectstar"},
		{"SELECT a FROM s.t UNION ALL SELECT * FROM s.u", "2:36 noselectstar"},
		{"WITH x AS (SELECT * FROM s.t) SELECT a, COUNT(*) AS n, a * b AS p FROM x", ""},
		{"SELECT l[1] AS a, l[-1] AS b, s['k'] AS c, l[1:2] AS d, CAST(e AS VARCHAR[]) AS e, [f, g] AS f FROM s.t", ""},
		{"SELECT l[n] AS a, f(x)[n + 1] AS b FROM s.t", "2:10 literalsubscripts, 2:24 literalsubscripts"},
	} {
		if got := strings.Join(look(t, "staging", c.query), ", "); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.query, got, c.want)
		}
	}
}

func TestIgnoring(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"MODEL (name serving.m, ignored_rules (portablefunctions));\nSELECT GREATEST(a, 1) AS x, LEAST(a, 1) AS y FROM s.t", ""},
		{"MODEL (name serving.m, ignored_rules ['portablefunctions', 'noselectstar']);\nSELECT GREATEST(a, 1) AS x FROM s.t", "1:60 unusedignore"},
		{"MODEL (name serving.m);\nSELECT GREATEST(a, 1) AS x, -- noqa: portablefunctions (a is never NULL)\n  LEAST(a, 1) AS y FROM s.t", "3:3 portablefunctions"},
		{"MODEL (name serving.m);\nSELECT a AS x -- noqa: portablefunctions\nFROM s.t", "2:15 unusedignore"},
		{"MODEL (name serving.m);\nSELECT a AS x -- noqa: portablefunction\nFROM s.t", "2:15 unusedignore"},
		{"MODEL (name serving.m);\nSELECT 'a -- noqa: portablefunctions' AS x FROM s.t", ""},
	} {
		m := &model.Model{Name: "serving.m", Schema: "serving", Kind: model.Full, Audits: []model.AuditCall{{Name: "not_null"}}}
		if got := strings.Join(found(newReview(m, "m.sql", c.text).findings(true)), ", "); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// A project from its files: audits, tests, and what a person and a script see.
func TestProject(t *testing.T) {
	root := t.TempDir()
	for file, text := range map[string]string{
		"config.yaml":             "model_defaults:\n  dialect: duckdb\n",
		"models/serving/a.sql":    "-- One row.\nMODEL (\n  name serving.a,\n  kind FULL\n);\n\nSELECT\n  LEAST(1, 2) AS x\n",
		"models/serving/b.sql":    "MODEL (name serving.b, kind FULL, audits (not_null(columns := (x))));\nSELECT x FROM serving.a",
		"models/staging/raw.sql":  "MODEL (name staging.raw, kind FULL, ignored_rules (nomissingaudits));\nSELECT content AS x FROM read_text('" + filepath.ToSlash(root) + "/none/*')",
		"models/staging/seed.sql": "MODEL (name staging.seed, kind SEED (path '../../s.csv'), columns (x VARCHAR), audits (not_null(columns := (x))));",
		"s.csv":                   "x\nA\n",
	} {
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
	all, err := Project(p, map[string]bool{"serving.b": true})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(found(all), ", "), "3:8 nomissingaudits, 3:8 nomissingunittest, 8:3 portablefunctions"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	want := filepath.Join(root, "models/serving/a.sql") + ":8:3: portablefunctions: LEAST is not known to be the same in DuckDB and Trino\n" +
		"    8 |   LEAST(1, 2) AS x\n      |   ^^^^^\n      " + otherwise["least"]
	if got := all[2].String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	text, err := json.Marshal(all[2])
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"rule":"portablefunctions"`, `"model":"serving.a"`, `"line":8`, `"column":3`} {
		if !strings.Contains(string(text), part) {
			t.Errorf("%s lacks %s", text, part)
		}
	}
}

// The comment that ignores a rule stays in its line when the file is formatted.
func TestNoqaSurvivesFormat(t *testing.T) {
	text := "MODEL (name serving.m, kind FULL, audits (not_null(columns := (x))));\nselect greatest(a, 1) as x, -- noqa: portablefunctions (a is never NULL)\n b from s.t"
	path := filepath.Join(t.TempDir(), "m.sql")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlfmt.Run(context.Background(), []string{path}, false); err != nil {
		t.Fatal(err)
	}
	formatted, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := &model.Model{Name: "serving.m", Schema: "serving", Kind: model.Full, Audits: []model.AuditCall{{Name: "not_null"}}}
	if all := newReview(m, path, string(formatted)).findings(true); len(all) > 0 {
		t.Errorf("%v\n%s", found(all), formatted)
	}
}
