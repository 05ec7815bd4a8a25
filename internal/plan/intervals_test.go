package plan

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func january(day int) time.Time { return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC) }

const dailySQL = `MODEL (name foundation.daily, kind INCREMENTAL_BY_TIME_RANGE (time_column day), start '2026-01-01');
SELECT day, code, CAST(sum(bags) AS BIGINT) AS bags
FROM staging.trades
WHERE day BETWEEN @start_date AND @end_date
GROUP BY day, code
`

// incrementalHouse has foundation.daily besides, on the 3rd of January.
func incrementalHouse(t *testing.T) *house {
	h := newHouse(t)
	h.write("models/foundation/daily.sql", dailySQL)
	h.now = january(3)
	return h
}

// evaluated are the intervals that the ledger of a model has batches of.
func (h *house) evaluated(model string) []string {
	h.t.Helper()
	return h.query(`SELECT strftime(b.from_at, '%d') || '-' || strftime(b.to_at, '%d') AS i FROM materia.ledger_batches AS b
		JOIN materia.ledgers AS l ON l.ledger = b.ledger WHERE l.model = '` + model + `'`)
}

func (h *house) daily(env string) []string {
	h.t.Helper()
	return h.query("SELECT strftime(day, '%d') AS d, bags FROM " + viewSchema(env, "foundation") + ".daily")
}

func TestElapsedIntervalsAreDue(t *testing.T) {
	h := incrementalHouse(t)
	p, _ := h.apply(Prod)
	if out := text(t, p); !strings.Contains(out, "foundation.daily: [evaluate 2026-01-01 to 2026-01-02] new model") {
		t.Error(out)
	}
	equal(t, "rows", h.daily(Prod), []string{`{"d":"01","bags":10}`, `{"d":"02","bags":5}`})
	h.land("trades/b.csv.gzip", "day,code,bags\n2026-01-03,BR,7\n2026-01-04,BR,8\n") // the 3rd is not over
	h.run(Prod)
	equal(t, "rows before the day is over", h.daily(Prod), []string{`{"d":"01","bags":10}`, `{"d":"02","bags":5}`})
	h.now = january(5).Add(-time.Second)
	p, _ = h.run(Prod)
	if len(p.Builds) != 1 || p.Builds[0].Reason != "elapsed: 2026-01-03" || p.Builds[0].Work != "evaluate 2026-01-03" {
		t.Errorf("builds: %+v", p.Builds)
	}
	equal(t, "rows", h.daily(Prod), []string{`{"d":"01","bags":10}`, `{"d":"02","bags":5}`, `{"d":"03","bags":7}`})
	equal(t, "evaluated", h.evaluated("foundation.daily"), []string{`{"i":"01-03"}`, `{"i":"03-04"}`})
	if p, _ := h.run(Prod); p.Changes() {
		t.Errorf("the same second again: %s", text(t, p))
	}
}

func TestLateFileTouchesItsIntervalsOnly(t *testing.T) {
	h := incrementalHouse(t)
	h.now = january(20)
	h.apply(Prod)
	h.land("trades/b.csv.gzip", "day,code,bags\n2026-01-02,CO,2\n2026-01-15,BR,3\n")
	p, _ := h.run(Prod)
	equal(t, "builds", builds(p), []string{"staging.trades", "foundation.daily", "foundation.trade", "serving.by_country", "serving.recent"})
	for _, b := range p.Builds {
		if b.Model == "foundation.daily" && (b.Work != "evaluate what new data touches" || b.Reason != "new data in staging.trades") {
			t.Errorf("build: %+v", b)
		}
	}
	equal(t, "evaluated", h.evaluated("foundation.daily"), []string{`{"i":"01-20"}`, `{"i":"02-03"}`, `{"i":"15-16"}`})
	equal(t, "rows", h.daily(Prod), []string{`{"d":"01","bags":10}`, `{"d":"02","bags":7}`, `{"d":"15","bags":3}`})
}

func TestParentWithoutALimitTouchesEverything(t *testing.T) {
	h := incrementalHouse(t)
	h.write("models/foundation/daily.sql", strings.Replace(strings.Replace(dailySQL, "code, CAST(sum", "max(c.title) AS code, CAST(sum", 1), "FROM staging.trades", "FROM staging.trades AS t JOIN staging.country AS c USING (code)", 1))
	h.edit("models/foundation/daily.sql", "SELECT day", "SELECT t.day")
	h.edit("models/foundation/daily.sql", "WHERE day", "WHERE t.day")
	h.edit("models/foundation/daily.sql", "GROUP BY day, code", "GROUP BY t.day, t.code")
	h.apply(Prod)
	h.write("seeds/country.csv", "code,title\nBR,Brasil\nCO,Colombia\n")
	h.apply(Prod)
	equal(t, "titles", h.query("SELECT code FROM foundation.daily"), []string{`{"code":"Brasil"}`, `{"code":"Colombia"}`})
	equal(t, "evaluated", h.evaluated("foundation.daily"), []string{`{"i":"01-03"}`, `{"i":"01-03"}`})
	h.land("trades/b.csv.gzip", "day,code,bags\n2026-01-02,CO,2\n")
	h.run(Prod) // the batch of the first plan is of no use to the last two
	equal(t, "evaluated", h.evaluated("foundation.daily"), []string{`{"i":"01-03"}`, `{"i":"02-03"}`})
}

func TestBatchSizeAndLookback(t *testing.T) {
	h := incrementalHouse(t)
	h.now = january(5)
	h.edit("models/foundation/daily.sql", "(time_column day)", "(time_column day, batch_size 3, lookback 2)")
	h.apply(Prod)
	equal(t, "evaluated", h.evaluated("foundation.daily"), []string{`{"i":"01-04"}`, `{"i":"04-05"}`})
	h.now = january(7)
	h.run(Prod) // 5 and 6, with 3 and 4 again
	equal(t, "evaluated", h.evaluated("foundation.daily"), []string{`{"i":"01-04"}`, `{"i":"03-06"}`, `{"i":"04-05"}`, `{"i":"06-07"}`})
	equal(t, "rows", h.daily(Prod), []string{`{"d":"01","bags":10}`, `{"d":"02","bags":5}`})
}

func TestPartOfTheTimeInDevelopment(t *testing.T) {
	h := incrementalHouse(t)
	h.now = january(10)
	h.apply(Prod)
	h.edit("models/foundation/daily.sql", "sum(bags)", "sum(bags) * 2")
	in := h.inputs()
	in.Start, in.End = january(2), january(4)
	compute := func(env string) (*Plan, error) {
		lake, err := OpenReadOnly(t.Context(), h.path, h.options())
		if err != nil {
			t.Fatal(err)
		}
		defer lake.Close()
		recorded, err := lake.Recorded(t.Context(), env)
		if err != nil {
			t.Fatal(err)
		}
		return Compute(h.load(recorded), in, recorded)
	}
	if _, err := compute(Prod); err == nil || !strings.Contains(err.Error(), "prod has no start or end") {
		t.Errorf("error: %v", err)
	}
	p, err := compute("dev")
	if err != nil {
		t.Fatal(err)
	}
	lake, err := Open(t.Context(), h.path, h.options())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Apply(t.Context(), lake, p, nil); err != nil {
		t.Fatal(err)
	}
	lake.Close()
	equal(t, "dev", h.daily("dev"), []string{`{"d":"02","bags":10}`})
	h.now = january(11)
	h.run("dev")
	equal(t, "evaluated", h.evaluated("foundation.daily"), []string{`{"i":"01-10"}`, `{"i":"02-04"}`, `{"i":"04-11"}`})
	h.apply(Prod) // takes over what dev has, and adds what lies before it
	equal(t, "prod", h.daily(Prod), []string{`{"d":"01","bags":20}`, `{"d":"02","bags":10}`})
}

func TestUniqueKeyKeepsTheLatestRow(t *testing.T) {
	h := newHouse(t)
	h.now = january(3)
	h.write("models/foundation/latest.sql", `MODEL (name foundation.latest, kind INCREMENTAL_BY_UNIQUE_KEY (unique_key code), start '2026-01-01');
SELECT code, max_by(bags, day) AS bags FROM staging.trades WHERE day BETWEEN @start_date AND @end_date GROUP BY code
`)
	h.apply(Prod)
	latest := func() []string { return h.query("SELECT code, bags FROM foundation.latest") }
	equal(t, "rows", latest(), []string{`{"code":"BR","bags":10}`, `{"code":"CO","bags":5}`})
	h.land("trades/b.csv.gzip", "day,code,bags\n2026-01-03,BR,7\n2026-01-03,VN,1\n")
	h.now = january(4)
	p, _ := h.run(Prod)
	if out := text(t, p); !strings.Contains(out, "foundation.latest: [evaluate 2026-01-03, what new data touches] elapsed: 2026-01-03; new data in staging.trades") {
		t.Error(out)
	}
	equal(t, "rows", latest(), []string{`{"code":"BR","bags":7}`, `{"code":"CO","bags":5}`, `{"code":"VN","bags":1}`})
	h.gone("trades/b.csv.gzip") // what was merged stays, as in SQLMesh
	h.run(Prod)
	equal(t, "rows", latest(), []string{`{"code":"BR","bags":7}`, `{"code":"CO","bags":5}`, `{"code":"VN","bags":1}`})
}

func TestOvertakenRowsAreCopiedAway(t *testing.T) {
	h := newHouse(t)
	h.now = january(3)
	var rows strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&rows, "2026-01-01,K%d,%d\n", i, i)
	}
	h.land("trades/big.csv.gzip", "day,code,bags\n"+rows.String())
	h.write("models/foundation/latest.sql", `MODEL (name foundation.latest, kind INCREMENTAL_BY_UNIQUE_KEY (unique_key code), start '2026-01-01');
SELECT code, max(bags) AS bags FROM staging.trades GROUP BY code
`)
	h.apply(Prod)
	for day := 4; day < 9; day++ {
		h.now = january(day)
		h.run(Prod)
	}
	kept := h.query(`SELECT sum(b.rows) AS n FROM materia.ledger_batches AS b JOIN materia.ledgers AS l ON l.ledger = b.ledger WHERE l.model = 'foundation.latest'`)
	shown := h.query("SELECT count(*) AS n FROM foundation.latest")
	equal(t, "shown", shown, []string{`{"n":2002}`})
	var n int
	if fmt.Sscanf(kept[0], `{"n":%d.0}`, &n); n == 0 || n > 5*2002 {
		t.Errorf("%s rows are kept for %s", kept[0], shown[0])
	}
}

func TestEmbeddedStandsInItsReaders(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	h.edit("models/foundation/trade.sql", "kind FULL", "kind EMBEDDED")
	h.edit("models/foundation/trade.sql", `,
  audits (
    not_null(columns := (day, bags)),
    accepted_range_non_blocking(column := bags, min_v := 0)
  )`, "")
	_, applied := h.apply(Prod)
	for _, b := range applied.Built {
		if b.Model == "foundation.trade" {
			t.Errorf("an embedded model was built: %+v", b)
		}
	}
	equal(t, "by_country", h.query("SELECT * FROM serving.by_country"), []string{`{"title":"Brazil","bags":10}`, `{"title":"Colombia","bags":5}`})
	equal(t, "recent", h.query("SELECT title FROM serving.recent"), []string{`{"title":"Colombia"}`})
	equal(t, "its view", h.query("SELECT view_name FROM duckdb_views() WHERE schema_name = 'foundation' AND view_name = 'trade'"), nil)
	h.land("trades/b.csv.gzip", fileB)
	p, _ := h.run(Prod)
	equal(t, "builds", builds(p), []string{"staging.trades", "serving.by_country", "serving.recent"})
	if p, _ := h.run(Prod); p.Changes() {
		t.Errorf("nothing is new: %s", text(t, p))
	}
}

// TestIncrementalEqualsFullWhateverHappens plays random histories, and compares
// with a house that was built in one go on the files and the day of the end.
func TestIncrementalEqualsFullWhateverHappens(t *testing.T) {
	histories := uint64(2)
	if os.Getenv("MATERIA_LONG") != "" {
		histories = 50
	}
	for seed := range histories {
		r := rand.New(rand.NewPCG(seed, 7))
		h := incrementalHouse(t)
		if seed%2 == 1 {
			h.edit("models/foundation/daily.sql", "(time_column day)", "(time_column day, batch_size 2, lookback 1)")
		}
		day := 3
		for range 8 {
			switch r.IntN(5) {
			case 0:
				day++
			case 1:
				os.Remove(filepath.Join(h.landing, fmt.Sprintf("trades/%d.csv.gzip", r.IntN(4)))) // if it is there
			default:
				h.land(fmt.Sprintf("trades/%d.csv.gzip", r.IntN(4)), fmt.Sprintf("day,code,bags\n2026-01-%02d,BR,%d\n2026-01-%02d,CO,%d\n", 1+r.IntN(9), r.IntN(100), 1+r.IntN(9), r.IntN(100)))
			}
			h.now = january(day)
			h.apply([]string{Prod, Prod, "dev"}[r.IntN(3)])
		}
		h.apply(Prod)
		fresh := h.clone()
		fresh.now, fresh.path = h.now, fresh.root+"/fresh.duckdb"
		fresh.apply(Prod)
		equal(t, fmt.Sprint("rows of history ", seed), h.daily(Prod), fresh.daily(Prod))
	}
}
