package model

import (
	"reflect"
	"testing"
)

func TestReads(t *testing.T) {
	all := []string(nil)
	for query, want := range map[string][]string{
		"SELECT a FROM staging.p":                                                         {"a"},
		"SELECT x.a, x.B FROM staging.p AS x WHERE c > 1":                                 all,
		"WITH w AS (SELECT a, b FROM staging.p) SELECT * FROM w":                          {"a", "b"},
		"SELECT count(*) AS n, max(a) AS m FROM staging.p":                                {"a"},
		"SELECT q.z FROM staging.q AS q JOIN staging.p USING (a)":                         {"a"},
		`SELECT "a" FROM staging.p ORDER BY "b"`:                                          {"a", "b"},
		"SELECT * FROM staging.p":                                                         all,
		"SELECT p.* EXCLUDE (b) FROM staging.p":                                           all,
		"SELECT COLUMNS('a|b') FROM staging.p":                                            all,
		"SELECT count(p) AS n FROM staging.p":                                             all, // the row as a value
		"SELECT to_json(x) AS j FROM staging.p AS x":                                      all,
		"SELECT a, z FROM staging.p NATURAL JOIN staging.q":                               all,
		"SELECT q.z FROM staging.q AS q JOIN (SELECT * FROM staging.p) AS y ON y.a = q.a": all,
		"SELECT i FROM staging.p AS x(i, j, k)":                                           all,
	} {
		p := mustLoad(t, `
-- models/p.sql --
MODEL (name staging.p);
SELECT 1 AS a, 2 AS b, 3 AS c
-- models/q.sql --
MODEL (name staging.q);
SELECT 1 AS a, 2 AS z
-- models/m.sql --
MODEL (name foundation.m, kind FULL);
`+query+"\n")
		if got := p.Models["foundation.m"].Reads["staging.p"]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s reads %v, not %v", query, got, want)
		}
	}
}

func TestPart(t *testing.T) {
	for _, c := range []struct {
		query string
		ask   []string
		cut   bool // something can be left out
	}{
		{"SELECT x.a, x.b AS c FROM staging.p AS x", []string{"a"}, true},
		{"WITH w AS (SELECT a, b AS c FROM staging.p) SELECT w.a, w.c FROM w", []string{"a"}, true},
		{"SELECT x.a, max(x.b) AS c FROM staging.p AS x GROUP BY x.a", []string{"a"}, true},
		{"SELECT x.a, row_number() OVER (ORDER BY x.b) AS c FROM staging.p AS x", []string{"a"}, true},
		{"SELECT x.a, x.b AS c FROM staging.p AS x", []string{"a", "c"}, false},
		{"SELECT min(x.a) AS a, max(x.b) AS c FROM staging.p AS x", []string{"a"}, false}, // one row because of both
		{"SELECT x.a, unnest([1, x.b]) AS c FROM staging.p AS x", []string{"a"}, false},
		{"SELECT DISTINCT x.a, x.b AS c FROM staging.p AS x", []string{"a"}, false},
		{"SELECT x.a, x.b AS c FROM staging.p AS x UNION ALL SELECT 1, 2", []string{"a"}, false},
		{"SELECT x.a, x.b AS c FROM staging.p AS x GROUP BY ALL", []string{"a"}, false},
		{"SELECT x.a, x.b AS c FROM staging.p AS x GROUP BY 1, 2", []string{"a"}, false},
		{"SELECT x.a, x.b AS c FROM staging.p AS x ORDER BY x.a, 2 LIMIT 1", []string{"a"}, false},
		{"SELECT x.a, x.b AS c FROM staging.p AS x QUALIFY c > 1 AND count(*) OVER () > 0", []string{"a"}, false}, // the name is used
		{"SELECT x.b AS c, c + 1 AS a FROM staging.p AS x", []string{"a"}, false},
	} {
		p := mustLoad(t, "-- models/p.sql --\nMODEL (name staging.p);\nSELECT 1 AS a, 2 AS b\n-- models/m.sql --\nMODEL (name foundation.m, kind FULL);\n"+c.query+"\n")
		text, cut, _ := p.Models["foundation.m"].Part(c.ask)
		if cut != c.cut {
			t.Errorf("%s: cut %v: %q", c.query, cut, text)
		}
	}
}
