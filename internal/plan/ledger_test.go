package plan

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	fileB = "day,code,bags\n2026-01-03,BR,7\n"
	fileC = "day,code,bags\n2026-01-04,CO,1\n"
)

func (h *house) gone(name string) {
	h.t.Helper()
	if err := os.Remove(filepath.Join(h.landing, name)); err != nil {
		h.t.Fatal(err)
	}
}

// batches are the ledger's of staging.trades: number and files of each.
func (h *house) batches() []string {
	h.t.Helper()
	return h.query(`SELECT f.batch AS b, string_agg(f.path, ' ' ORDER BY f.path) AS files FROM materia.ledger_files AS f
		JOIN materia.ledgers AS l ON l.ledger = f.ledger WHERE l.model = 'staging.trades' GROUP BY f.batch`)
}

func (h *house) bags(env string) []string {
	h.t.Helper()
	return h.query("SELECT bags FROM " + viewSchema(env, "staging") + ".trades")
}

func TestOneNewFileIsAllThatIsRead(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	h.land("trades/b.csv.gzip", fileB)
	in := h.inputs()
	h.gone("trades/a.csv.gzip") // frozen in the list, and not to be opened again
	p, _, err := Run(context.Background(), h.path, h.options(), Prod, frozen(in), nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.Builds[0].Work != "read 1 new file" {
		t.Errorf("work %q", p.Builds[0].Work)
	}
	equal(t, "rows", h.bags(Prod), []string{`{"bags":10}`, `{"bags":5}`, `{"bags":7}`})
	equal(t, "batches", h.batches(), []string{`{"b":1,"files":"trades/a.csv.gzip"}`, `{"b":2,"files":"trades/b.csv.gzip"}`})
	lake, err := OpenReadOnly(context.Background(), h.path, h.options())
	if err != nil {
		t.Fatal(err)
	}
	defer lake.Close()
	_, models, err := lake.Environment(context.Background(), Prod)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range models {
		if m.Model.Name == "staging.trades" && (m.Rows != 3 || len(m.Files) != 2 || m.Files[1].Path != "trades/b.csv.gzip") {
			t.Errorf("%d rows of %v", m.Rows, m.Files)
		}
	}
}

func TestEnvironmentsShareBatchesAndShowTheirOwnFiles(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	h.apply("dev")
	h.land("trades/b.csv.gzip", fileB)
	h.run(Prod)
	equal(t, "dev before its run", h.bags("dev"), []string{`{"bags":10}`, `{"bags":5}`})
	h.land("trades/c.csv.gzip", fileC)
	in := h.inputs()
	h.gone("trades/b.csv.gzip") // prod has read it
	if _, _, err := Run(context.Background(), h.path, h.options(), "dev", frozen(in), nil); err != nil {
		t.Fatal(err)
	}
	equal(t, "dev", h.bags("dev"), []string{`{"bags":10}`, `{"bags":1}`, `{"bags":5}`, `{"bags":7}`})
	equal(t, "prod", h.bags(Prod), []string{`{"bags":10}`, `{"bags":5}`, `{"bags":7}`})
	h.land("trades/b.csv.gzip", fileB)
	h.gone("trades/c.csv.gzip") // an environment whose files are not the first ones of the ledger
	h.land("trades/d.csv.gzip", "day,code,bags\n2026-01-05,BR,2\n")
	h.run(Prod)
	equal(t, "prod", h.bags(Prod), []string{`{"bags":10}`, `{"bags":2}`, `{"bags":5}`, `{"bags":7}`})
	equal(t, "dev", h.bags("dev"), []string{`{"bags":10}`, `{"bags":1}`, `{"bags":5}`, `{"bags":7}`})
	if got := h.batches(); len(got) != 4 {
		t.Errorf("batches: %v", got)
	}
}

func TestFilesThatAreReplacedOrGone(t *testing.T) {
	h := newHouse(t)
	h.land("trades/b.csv.gzip", fileB)
	h.apply(Prod)
	h.land("trades/b.csv.gzip", fileC) // other content under the same name
	p, _ := h.run(Prod)
	if len(p.NewData) != 1 || p.NewData[0] != (NewData{"staging.trades", 1, 0, 2}) {
		t.Errorf("new data: %+v", p.NewData)
	}
	equal(t, "replaced", h.bags(Prod), []string{`{"bags":10}`, `{"bags":1}`, `{"bags":5}`})
	h.gone("trades/b.csv.gzip")
	h.run(Prod)
	equal(t, "gone", h.bags(Prod), []string{`{"bags":10}`, `{"bags":5}`})
	h.land("trades/b.csv.gzip", fileB)
	h.run(Prod)
	equal(t, "back", h.bags(Prod), []string{`{"bags":10}`, `{"bags":5}`, `{"bags":7}`})
	// Rows that no version shows are gone from the table too, but for the last batch.
	h.land("trades/e.csv.gzip", fileC)
	h.run(Prod)
	h.land("trades/f.csv.gzip", fileC)
	h.run(Prod)
	equal(t, "rows kept for no version", h.query(`SELECT batch FROM materia.ledger_batches AS b
		WHERE NOT EXISTS (SELECT 1 FROM materia.snapshot_batches AS s WHERE s.ledger = b.ledger AND b.batch BETWEEN s.first_batch AND s.last_batch)`), nil)
}

func TestChangedReaderBeginsALedgerOfItsOwn(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	h.edit("models/staging/trades.sql", "SELECT day, code, bags", "SELECT day, code, bags * 2 AS bags")
	h.apply(Prod)
	equal(t, "rows", h.bags(Prod), []string{`{"bags":10}`, `{"bags":20}`})
	h.edit("models/staging/trades.sql", "bags * 2", "bags * 3")
	h.apply(Prod)
	h.edit("models/serving/by_country.sql", "sum(bags)", "sum(bags) + 0")
	h.apply(Prod)
	if n := len(h.query("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'materia_rows' AND table_name LIKE '%trades%'")); n != 1 {
		t.Errorf("%d ledgers of staging.trades stand", n)
	}
}

func TestFailedAuditLeavesTheLedgerAsItWas(t *testing.T) {
	h := newHouse(t)
	h.edit("models/staging/trades.sql", "kind FULL", "kind FULL, audits (not_null(columns := (bags)))")
	h.apply(Prod)
	h.land("trades/b.csv.gzip", "day,code,bags\n2026-01-03,BR,\n")
	if _, _, err := Run(context.Background(), h.path, h.options(), Prod, frozen(h.inputs()), nil); err == nil || !strings.Contains(err.Error(), "not_null") {
		t.Fatalf("error: %v", err)
	}
	equal(t, "batches", h.batches(), []string{`{"b":1,"files":"trades/a.csv.gzip"}`})
	h.land("trades/b.csv.gzip", fileB)
	h.run(Prod)
	equal(t, "rows", h.bags(Prod), []string{`{"bags":10}`, `{"bags":5}`, `{"bags":7}`})
}

func TestMendALedgerThatLostItsTable(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	want := h.content(Prod)
	table := strings.TrimSuffix(strings.TrimPrefix(h.query("SELECT physical_table AS n FROM materia.ledgers WHERE model = 'staging.trades'")[0], `{"n":"`), `"}`)
	h.execute("DROP TABLE materia_rows." + table)
	h.open()
	h.apply(Prod)
	if got := h.content(Prod); got != want {
		t.Errorf("after mending:\n%s", got)
	}
}

// open opens the lakehouse for writing, which mends it.
func (h *house) open() {
	h.t.Helper()
	l, err := Open(context.Background(), h.path, h.options())
	if err != nil {
		h.t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		h.t.Fatal(err)
	}
}
