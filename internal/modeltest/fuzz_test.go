package modeltest

import "testing"

// FuzzReadYAML: any text is values or an error, within bounds.
func FuzzReadYAML(f *testing.F) {
	for _, s := range []string{"a: [1, {b: ~}]", "&a [*a]", "a: &x {b: *x}", "<<: {a: 1}\nb: !!str 2", "a: |\n  x\n---\nb", "? [a]\n: b", "a: 0x", "\t- -", "test: {model: a.b, inputs: {a.c: [{x: 1}]}, outputs: {ctes: {y: []}}}", "- !!binary", "a:\n  - b\n c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := readYAML([]byte(s))
		if err != nil {
			return
		}
		_ = v.sql("MAP(a, b)")
		for i, name := range v.keys {
			_, _ = parseCase(t.TempDir(), "test.yaml", name, &v.items[i])
		}
	})
}

// FuzzQuery: cutting a query to a CTE and freezing the clock never fail, and
// text that names no clock stays as it is.
func FuzzQuery(f *testing.F) {
	f.Add("WITH a AS (SELECT 1), b(x) AS MATERIALIZED (SELECT 2) SELECT * FROM b ORDER BY 1", "b")
	f.Add("WITH RECURSIVE a AS", "a")
	f.Add("SELECT now( ), current_date, t.now, 'now()'", "x")
	f.Fuzz(func(t *testing.T, sql, name string) {
		cteQuery(sql, name)
		endsInOrderBy(sql)
		freeze(sql, "2024-01-01")
	})
}
