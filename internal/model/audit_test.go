package model

import (
	"fmt"
	"testing"

	"beanflows.coffee/materia/internal/duck"
)

// Each audit selects the failing rows of a table whose bad rows are known.
func TestAuditSQL(t *testing.T) {
	const data = `CREATE SCHEMA s; CREATE TABLE s.t AS SELECT * FROM (VALUES
		(1, 'a', 10), (2, 'b', NULL), (2, '', 30), (NULL, 'd', -5), (NULL, 'e', 30)) v(id, word, qty)`
	db, err := duck.Open("", duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(data); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		call string
		want int // failing rows
	}{
		{"not_null(columns := (id, qty))", 3},
		{"not_null(columns := id, condition := word <> 'e')", 1},
		{"not_null(columns := word)", 0},
		{"unique_values(columns := (id))", 2},   // the second 2 and the second NULL
		{"unique_values(columns := (word))", 0}, //
		{"unique_combination_of_columns(columns := (id, word))", 0},
		{"unique_combination_of_columns(columns := (id))", 2}, // groups, not rows: SQLMesh counts so
		{"unique_combination_of_columns(columns := (id), condition := id IS NOT NULL)", 1},
		{"accepted_values(column := word, is_in := ('a', 'b', 'd', 'e'))", 1},
		{"accepted_values(column := word, is_in := ('a'), condition := id = 2)", 2},
		{"not_accepted_values(column := word, is_in := ('a', ''))", 2},
		{"accepted_range(column := qty, min_v := 0)", 1},
		{"accepted_range(column := qty, min_v := -5, max_v := 30)", 0},
		{"accepted_range(column := qty, min_v := -5, max_v := 30, inclusive := false)", 3},
		{"number_of_rows(threshold := 4)", 0},
		{"number_of_rows(threshold := 5)", 1}, // more than 5 are wanted
		{"number_of_rows(threshold := 1, condition := word = 'a')", 1},
		{"forall(criteria := (qty > 0, length(word) = 1))", 2}, // -5 and ''; NULL > 0 is unknown and passes
		{"forall(criteria := (qty > 0), condition := id IS NOT NULL)", 0},
		{"not_empty_string(column := word)", 1},
		{"at_least_one(column := qty)", 0},
		{"at_least_one(column := qty, condition := word = 'b')", 1},
		{"not_constant(column := qty)", 0},
		{"not_constant(column := qty, condition := qty = 30)", 1},
		{"positive(column := qty)", 1},
		{"positive(column := qty, floor := 20)", 2},
		{"positive(column := qty, floor := @floor + 11)", 2},
	}
	archive := "-- audits/positive.sql --\nAUDIT (\n  name positive, -- a comment\n  defaults (floor = 0)\n);\nSELECT * FROM @this_model WHERE @column < @floor AND @VAR('floor') = @floor;\n"
	for i, tt := range tests {
		archive += fmt.Sprintf("-- models/staging/m%d.sql --\nMODEL (name staging.m%d, audits (%s));\nSELECT 1 AS id, 'a' AS word, 10 AS qty\n", i, i, tt.call)
	}
	p := mustLoad(t, archive)
	for i, tt := range tests {
		m := p.Models[fmt.Sprintf("staging.m%d", i)]
		sql, err := m.AuditSQL(p, m.Audits[0], `"s"."t"`)
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if err := db.QueryRow("SELECT count(*) FROM (" + sql + ")").Scan(&n); err != nil {
			t.Errorf("%s: %s: %v", tt.call, sql, err)
		} else if n != tt.want {
			t.Errorf("%s: %d failing rows, want %d\n%s", tt.call, n, tt.want, sql)
		}
	}
	if _, err := p.Models["staging.m0"].AuditSQL(p, AuditCall{Name: "none"}, "t"); err == nil {
		t.Error("an unknown audit has SQL")
	}
}

func TestAuditBlocking(t *testing.T) {
	p := mustLoad(t, `
-- audits/a.sql --
AUDIT (name hard);
SELECT * FROM @this_model;
AUDIT (name soft, blocking false);
SELECT * FROM @this_model
-- models/staging/m.sql --
MODEL (name staging.m, audits [
  not_null(columns := id), not_null_non_blocking(columns = (id)), not_null(columns := (id), blocking := false),
  hard, soft, soft(blocking := true), hard(blocking := FALSE)
]);
SELECT 1 AS id
`)
	want := []bool{true, false, false, true, false, true, false}
	m := p.Models["staging.m"]
	if len(m.Audits) != len(want) {
		t.Fatalf("%d audits", len(m.Audits))
	}
	for i, a := range m.Audits {
		if a.Blocking != want[i] {
			t.Errorf("audit %d, %s: blocking %v", i, a.Name, a.Blocking)
		}
	}
	if m.Audits[1].Name != "not_null" {
		t.Errorf("not_null_non_blocking is called %s", m.Audits[1].Name)
	}
}
