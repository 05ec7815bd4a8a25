package model

import (
	"strings"
	"testing"
)

// The results are those that SQLMesh's documentation and docstrings give, but
// for parentheses.
func TestMacros(t *testing.T) {
	for query, want := range map[string]string{
		"SELECT @EACH([a, b], x -> x + 1) FROM t":                                     "SELECT a + 1, b + 1 FROM t",
		"SELECT @EACH([a, b], x -> SUM(x) AS sum_@x) FROM t":                          "SELECT SUM(a) AS sum_a, SUM(b) AS sum_b FROM t",
		"SELECT @EACH((a, b), x -> x AS @{x}_new) FROM t":                             "SELECT a AS a_new, b AS b_new FROM t",
		"SELECT @EACH(a, b, x -> t.x)":                                                "SELECT t.x, t.x", // a column of t, not the parameter
		"SELECT @EACH(['x', 'y'], v -> CASE WHEN k = v THEN 1 END AS is_@{v}) FROM t": "SELECT CASE WHEN k = 'x' THEN 1 END AS is_x, CASE WHEN k = 'y' THEN 1 END AS is_y FROM t",
		"SELECT @EACH([1, 2], x -> @IF(x = 1, a, b))":                                 "SELECT a, b",
		"SELECT @IF('a' = 1, a, b)":                                                   "SELECT b",
		"SELECT 1 @IF(FALSE, WHERE a > 1)":                                            "SELECT 1 ",
		"SELECT @IF(@floor >= 10 AND NOT @word IN ('no', 'never'), 1, 2)":             "SELECT 1",
		"SELECT @IF(@VAR('gone', NULL) IS NULL, 1, 2)":                                "SELECT 1",
		"SELECT 1 WHERE @AND(a = 1, NULL, @IF(FALSE, b), c OR d)":                     "SELECT 1 WHERE ((a = 1) AND (c OR d))",
		"SELECT 1 WHERE @OR(NULL)":                                                    "SELECT 1 WHERE TRUE",
		"SELECT 1 WHERE @OR(@EACH([a, b], x -> x > 0))":                               "SELECT 1 WHERE ((a > 0) OR (b > 0))",
		"SELECT @GENERATE_SURROGATE_KEY(a, b.c) AS k":                                 "SELECT MD5(CONCAT(COALESCE(CAST(a AS TEXT), '_sqlmesh_surrogate_key_null_'), '|', COALESCE(CAST(b.c AS TEXT), '_sqlmesh_surrogate_key_null_'))) AS k",
		"SELECT @generate_surrogate_key(a, hash_function := 'SHA256')":                "SELECT SHA256(CONCAT(COALESCE(CAST(a AS TEXT), '_sqlmesh_surrogate_key_null_')))",
		"@DEF(n, 3); @DEF(m, @n + 1); SELECT @m, @EACH([1, @n], x -> x)":              "SELECT 3 + 1, 1, 3",
		"@DEF(list, [a, b]); SELECT @EACH(@list, x -> upper(x) AS x)":                 "SELECT upper(a) AS a, upper(b) AS b",
		"SELECT @VAR('gone', @IF(TRUE, @floor, 0))":                                   "SELECT 10",
		"SELECT @{word}_total, @{WORD}":                                               "SELECT yes_total, yes",
	} {
		f := newFile("m.sql", "m.sql", "MODEL (name a.b, kind VIEW);\n"+query)
		errs := &ErrorList{}
		p := parseModel(f, Config{}, errs)
		p.expand(map[string]string{"floor": "10", "word": "'yes'"}, errs)
		if err := errs.asError(); err != nil || p.m.Query != want {
			t.Errorf("%s\ngives %s\nnot   %s\n%v", query, p.m.Query, want, err)
		}
		checkMap(t, f, p.expanded)
	}
}

// checkMap makes sure that the pieces of the way back cover the text.
func checkMap(t *testing.T, f *file, x *expanded) {
	t.Helper()
	at := 0
	for i, p := range x.origin.pieces {
		end := len(x.text)
		if i+1 < len(x.origin.pieces) {
			end = x.origin.pieces[i+1].at
		}
		if p.at != at || p.from.Start < 0 || p.from.End > len(f.text) || p.copied && f.text[p.from.Start:p.from.End] != x.text[p.at:end] {
			t.Errorf("piece %d %+v of %q", i, p, x.text)
		}
		at = end
	}
}

func TestMacrosThatCannotBe(t *testing.T) {
	for query, want := range map[string]string{
		"SELECT @EACH([a])":              "2:8: @EACH takes items and a function of one parameter",
		"SELECT @EACH([a], (x, y) -> x)": "2:8: @EACH takes items and a function of one parameter",
		"SELECT @EACH(@nothing, x -> x)": "2:14: unknown variable @nothing",
		"SELECT @IF(a = 1, 2)":           "2:12: the condition of @IF is not known before the query runs",
		"SELECT @IF(1)":                  "2:8: @IF takes a condition and one or two values",
		"SELECT @IF(@nothing = 1, 2)":    "2:12: unknown variable @nothing",
		"SELECT @DEF(a, 1)":              "2:8: @DEF stands before the query",
		"@DEF(a); SELECT 1":              "2:1: @DEF takes a name and a value",
		"@DEF(f, x -> x + 1); SELECT 1":  "2:1: functions by @DEF are not supported",
		"SELECT @GENERATE_SURROGATE_KEY(a, hash_function := 'CRC')": "2:8: hash_function CRC is not supported",
		"SELECT @SAFE_DIV(a, b)":                                    "2:8: macro @SAFE_DIV is not supported",
		"SELECT @STAR(a.b)":                                         "2:8: macro @STAR is not supported",
		"SELECT @my_own(1)":                                         "2:8: macro @my_own is not supported",
		"SELECT @execution_ds":                                      "2:8: @execution_ds would go stale",
		"SELECT @EACH([1, 2], x -> @EACH([1, 2], y -> @EACH([1, 2], z -> @{z}x)))": "2:65: @{z} is 1, which is no part of a name",
	} {
		got := loadErrors(t, "-- models/m.sql --\nMODEL (name s.m, kind FULL);\n"+query+"\n")
		if len(got) == 0 || !strings.Contains(got[0], want) {
			t.Errorf("%s: %q, not %q", query, got, want)
		}
	}
}

// A column that DuckDB does not know is found inside of a macro's argument.
func TestPositionsSurviveMacros(t *testing.T) {
	got := loadErrors(t, `
-- models/p.sql --
MODEL (name s.p, kind FULL);
SELECT 1 AS alpha
-- models/m.sql --
MODEL (name s.m, kind FULL);
SELECT @EACH([alpha, alpa], x -> x + 1 AS @{x}_next), @IF(1 = 1, alpa + 1, 0) AS z
FROM s.p
WHERE @AND(alpha > 0, NULL)
`)
	if len(got) != 1 || !strings.HasPrefix(got[0], "models/m.sql:2:22: Referenced column \"alpa\" not found") {
		t.Errorf("%q", got)
	}
}

func TestConstant(t *testing.T) {
	for text, want := range map[string]string{"1 = 1.0": "yes", "'a' < 'b' AND 2 > 1": "yes", "NULL = NULL": "no", "NOT (1 = 2 OR 3 IN (1, 2))": "yes", "1 NOT IN (1, NULL)": "no",
		"TRUE": "yes", "-1 < 0": "yes", "NULL IS NULL": "yes", "0": "no", "a = 1": "?", "1 +": "?", "1 = 1 1": "?", "f(1)": "?", "": "?", "TRUE = 1": "?", "1 IN (": "?",
		"FALSE OR NULL": "no", "NULL AND FALSE": "no", "'x' IS NOT NULL": "yes", strings.Repeat("(", 500): "?", strings.Repeat("NOT ", 500): "?"} {
		yes, ok := constant(text)
		got := map[bool]string{true: "yes", false: "no"}[yes]
		if !ok {
			got = "?"
		}
		if got != want {
			t.Errorf("%s: %s, not %s", text, got, want)
		}
	}
}

// FuzzMacros: whatever macros are nested in each other, the way back covers the
// text and leads into the file.
func FuzzMacros(f *testing.F) {
	for _, s := range []string{"SELECT @EACH([a, b], x -> x + 1)", "@DEF(a, 1); SELECT @a", "SELECT @IF(@a = 1, @AND(x, NULL), @{a}_b)", "@GENERATE_SURROGATE_KEY(a, hash_function := 'MD5')",
		"@VAR('x', @VAR('y', 1))", "SELECT @EACH(@l, x -> @EACH(@l, y -> @EACH(@l, z -> @x@y@z)))", "@{", "@IF(", "@EACH((,), ->)", "$1 {{ x }} @@ \"@a\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := newFile("m.sql", "m.sql", "MODEL (name a.b);"+text)
		p := parseModel(file, Config{}, &ErrorList{})
		if p == nil || p.query.End == 0 {
			return
		}
		errs := &ErrorList{}
		p.expand(map[string]string{"a": "1", "l": "[a, 'b', c]", "word": "'yes'"}, errs)
		checkMap(t, file, p.expanded)
		for _, u := range p.expanded.uses {
			if u.to.Start < 0 || u.to.End > len(p.expanded.text) || u.from.End > len(file.text) {
				t.Errorf("use %+v lies outside of %q", u, p.expanded.text)
			}
		}
	})
}
