package plan

import (
	"strings"
	"testing"

	"beanflows.coffee/materia/internal/duck"
)

// TestStateOfVersion1 opens a lakehouse as the binary before ledgers left it:
// it is migrated, keeps what it shows, and goes on.
func TestStateOfVersion1(t *testing.T) {
	h := newHouse(t)
	h.edit("models/staging/trades.sql", "SELECT day", "SELECT DISTINCT day") // tables of their own, as they all were
	h.edit("models/staging/rates.sql", "SELECT day", "SELECT DISTINCT day")
	h.apply(Prod)
	want := h.content(Prod)
	db, err := duck.Open(h.path, duck.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"DROP TABLE materia.ledgers", "DROP TABLE materia.ledger_batches", "DROP TABLE materia.ledger_files", "DROP TABLE materia.snapshot_batches",
		"UPDATE materia.meta SET version = 1"} {
		if _, err := db.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if p := h.plan(Prod); p.Changes() { // reading migrates
		t.Errorf("changes: %s", text(t, p))
	}
	if got := h.content(Prod); got != want {
		t.Errorf("after migrating:\n%s", got)
	}
	equal(t, "state", h.query("SELECT version, readable_by FROM materia.meta"), []string{`{"version":2,"readable_by":1}`})
	h.edit("models/staging/trades.sql", "SELECT DISTINCT day", "SELECT day")
	h.apply(Prod)
	if got := h.content(Prod); got != want {
		t.Errorf("from a ledger:\n%s", got)
	}
}

// The binary of state version 1 takes every snapshot of kind VIEW for a view
// and every other for a table, and looks at schemas materia__* only.
func TestOlderBinariesFindWhatTheyExpect(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	equal(t, "snapshots that are not what their kind says", h.query(`SELECT s.model FROM materia.snapshots AS s WHERE
		if(s.kind = 'VIEW', (s.physical_schema, s.physical_table) NOT IN (SELECT (schema_name, view_name) FROM duckdb_views()),
		(s.physical_schema, s.physical_table) NOT IN (SELECT (schema_name, table_name) FROM duckdb_tables()))`), nil)
	for _, name := range h.query("SELECT DISTINCT schema_name AS n FROM duckdb_tables() WHERE table_name LIKE 'staging\\_\\_%' ESCAPE '\\'") {
		if strings.Contains(name, physicalPrefix) {
			t.Errorf("an older binary would drop ledgers in %s", name)
		}
	}
}
