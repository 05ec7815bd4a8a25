package plan

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFirstPlanBuildsEverything(t *testing.T) {
	h := newHouse(t)
	p, applied := h.apply(Prod)
	if p.Headline != "`prod` environment will be initialized" {
		t.Errorf("headline %q", p.Headline)
	}
	if len(p.Added) != 7 || len(applied.Built) != 7 {
		t.Errorf("added %v, built %v", p.Added, applied.Built)
	}
	equal(t, "by_country", h.query("SELECT * FROM serving.by_country"), []string{`{"title":"Brazil","bags":10}`, `{"title":"Colombia","bags":5}`})
	equal(t, "recent", h.query("SELECT * FROM serving.recent"), []string{`{"day":"2026-01-02","title":"Colombia","bags":5}`})
	if !strings.Contains(text(t, p), "staging.country: [load seed] new model") {
		t.Error(text(t, p))
	}
	for _, b := range applied.Built {
		if b.Model == "staging.trades" && b.Rows != 2 || b.Model == "serving.recent" && b.Rows != -1 {
			t.Errorf("rows of %s: %d", b.Model, b.Rows)
		}
	}
	if _, err := os.Stat(h.path + ".wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a log stayed behind after the checkpoint: %v", err)
	}
}

func TestNoChangesTouchesNothing(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	before, size := h.stamp()
	entries := h.dir()
	h.edit("models/foundation/rate.sql", "SELECT day, rate", "-- a remark\nSELECT\n  day, rate /* more */")
	p, applied := h.apply(Prod)
	if p.Changes() || len(p.Builds) != 0 || len(applied.Built) != 0 {
		t.Errorf("a comment is a change: %s", text(t, p))
	}
	r, _ := h.run(Prod)
	if r.Changes() || !strings.HasPrefix(r.Headline, "No new data for the `prod` environment") {
		t.Errorf("run with nothing new: %s", text(t, r))
	}
	if after, n := h.stamp(); !after.Equal(before) || n != size {
		t.Errorf("the file was written: %v %d, was %v %d", after, n, before, size)
	}
	equal(t, "files beside the lakehouse", h.dir(), entries)
}

func (h *house) dir() []string {
	found, err := filepath.Glob(h.path + "*")
	if err != nil {
		h.t.Fatal(err)
	}
	return found
}

func TestChangedColumnIsBreaking(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	h.edit("models/staging/rates.sql", "SELECT day, rate", "SELECT day, CAST(rate * 2 AS DECIMAL(10,4)) AS rate")
	p, _ := h.apply(Prod)
	if len(p.DirectlyModified) != 1 || p.DirectlyModified[0].Model != "staging.rates" || p.DirectlyModified[0].Category != Breaking {
		t.Errorf("directly modified: %+v", p.DirectlyModified)
	}
	if d := p.DirectlyModified[0].Diff; !strings.Contains(d, "-SELECT day, rate FROM") || !strings.Contains(d, "+SELECT day, CAST(rate * 2") {
		t.Errorf("diff:\n%s", d)
	}
	if len(p.IndirectlyModified) != 1 || p.IndirectlyModified[0].Model != "foundation.rate" || p.IndirectlyModified[0].Category != IndirectBreaking {
		t.Errorf("indirectly modified: %+v", p.IndirectlyModified)
	}
	equal(t, "builds", builds(p), []string{"staging.rates", "foundation.rate"})
	equal(t, "rate", h.query("SELECT rate FROM foundation.rate"), []string{`{"rate":10.2468}`})
	out := text(t, p)
	for _, want := range []string{"Differences from the `prod` environment:", "├── Directly Modified:\n│   └── staging.rates", "Directly Modified: staging.rates (Breaking)\n└── Indirectly Modified Children:\n    └── foundation.rate (Indirect Breaking)"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestAppendedColumnIsNonBreaking(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	h.edit("models/staging/rates.sql", "SELECT day, rate FROM", "SELECT day, rate, round(rate, 1) AS rounded FROM")
	p, _ := h.apply(Prod)
	if len(p.DirectlyModified) != 1 || p.DirectlyModified[0].Category != NonBreaking {
		t.Errorf("directly modified: %+v", p.DirectlyModified)
	}
	if len(p.IndirectlyModified) != 1 || p.IndirectlyModified[0].Category != IndirectNonBreaking {
		t.Errorf("indirectly modified: %+v", p.IndirectlyModified)
	}
}

func TestDevReusesProdAndPromotionRecomputesNothing(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	prod := h.content(Prod)
	p, applied := h.apply("dev_ann")
	if p.Headline != "New environment `dev_ann` will be created from `prod`" || len(applied.Built) != 0 {
		t.Errorf("%q built %v", p.Headline, applied.Built)
	}
	equal(t, "dev view", h.query("SELECT bags FROM serving__dev_ann.by_country"), []string{`{"bags":10}`, `{"bags":5}`})

	h.edit("models/serving/by_country.sql", "sum(bags)", "sum(bags) * 100")
	p, applied = h.apply("dev_ann")
	equal(t, "builds in dev", builds(p), []string{"serving.by_country"})
	if got := h.content(Prod); got != prod {
		t.Errorf("prod changed with dev:\n%s", got)
	}
	equal(t, "dev view", h.query("SELECT bags FROM serving__dev_ann.by_country"), []string{`{"bags":1000}`, `{"bags":500}`})

	p, applied = h.apply(Prod)
	if len(applied.Built) != 0 || len(p.Reused) != 1 || p.Reused[0].Model != "serving.by_country" {
		t.Errorf("promotion built %v, reused %v", applied.Built, p.Reused)
	}
	equal(t, "prod view", h.query("SELECT bags FROM serving.by_country"), []string{`{"bags":1000}`, `{"bags":500}`})
}

func TestRemovedModel(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	h.remove("models/foundation/rate.sql")
	p, _ := h.apply(Prod)
	equal(t, "removed", p.Removed, []string{"foundation.rate"})
	equal(t, "views of the removed model", h.query("SELECT view_name FROM duckdb_views() WHERE schema_name = 'foundation' AND view_name = 'rate'"), nil)
	if !strings.Contains(strings.Join(h.physicals(), " "), "rate__") {
		t.Error("the previous plan's table is gone already")
	}
	h.edit("models/serving/by_country.sql", "sum(bags)", "sum(bags) + 0") // one plan later nothing names it
	h.apply(Prod)
	if strings.Contains(strings.Join(h.physicals(), " "), "materia__foundation.rate__") {
		t.Errorf("not swept: %v", h.physicals())
	}
}

func TestSweepKeepsWhatAnyEnvironmentShows(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	h.apply("dev")
	dev := h.content("dev")
	for _, factor := range []string{"2", "3", "4"} {
		h.write("models/foundation/rate.sql", "MODEL (name foundation.rate, kind FULL);\nSELECT day, CAST(rate * "+factor+" AS DECIMAL(10,4)) AS rate FROM staging.rates")
		h.apply(Prod)
	}
	if got := h.content("dev"); got != dev {
		t.Errorf("dev lost its tables:\n%s", got)
	}
	// of foundation.rate: dev's version, prod's current and its previous one
	if n := strings.Count(strings.Join(h.physicals(), " "), "materia__foundation.rate__"); n != 3 {
		t.Errorf("%d versions of foundation.rate stand: %v", n, h.physicals())
	}
	equal(t, "definitions that nothing names", h.query("SELECT hash FROM materia.definitions WHERE hash NOT IN (SELECT definition FROM materia.environment_models UNION SELECT definition FROM materia.snapshots)"), nil)
}

func TestSeedChange(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	h.write("seeds/country.csv", "code,title\nBR,Brasil\nCO,Colombia\n")
	p, _ := h.apply(Prod)
	equal(t, "builds", builds(p), []string{"staging.country", "foundation.trade", "serving.by_country", "serving.recent"})
	equal(t, "titles", h.query("SELECT title FROM serving.by_country"), []string{`{"title":"Brasil"}`, `{"title":"Colombia"}`})
}

func TestNewFileRebuildsItsDependentsOnly(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	h.land("trades/b.csv.gzip", "day,code,bags\n2026-01-03,BR,7\n")
	h.land("trades/deeper/c.csv.gzip", "day,code,bags\n2026-01-03,BR,1000\n") // * stays in its segment
	p, applied := h.run(Prod)
	equal(t, "builds", builds(p), []string{"staging.trades", "foundation.trade", "serving.by_country", "serving.recent"})
	if len(applied.Built) != 4 || len(p.NewData) != 1 || p.NewData[0] != (NewData{"staging.trades", 1, 0, 2}) {
		t.Errorf("built %v, new data %+v", applied.Built, p.NewData)
	}
	if p.Builds[0].Reason != "1 new file" || p.Builds[1].Reason != "new data in staging.trades" || p.Builds[2].Reason != "new data in foundation.trade" {
		t.Errorf("reasons: %+v", p.Builds)
	}
	equal(t, "bags", h.query("SELECT * FROM serving.by_country"), []string{`{"title":"Brazil","bags":17}`, `{"title":"Colombia","bags":5}`})
	if q := h.plan(Prod); q.Changes() {
		t.Errorf("a plan after the run finds changes: %s", text(t, q))
	}
}

func TestRunNeverAppliesChangedCode(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	h.edit("models/serving/by_country.sql", "sum(bags)", "sum(bags) * 100")
	h.remove("models/foundation/rate.sql")
	h.land("trades/b.csv.gzip", "day,code,bags\n2026-01-03,BR,7\n")
	h.run(Prod)
	equal(t, "bags", h.query("SELECT bags FROM serving.by_country"), []string{`{"bags":17}`, `{"bags":5}`})
	equal(t, "rate", h.query("SELECT count(*) AS n FROM foundation.rate"), []string{`{"n":1}`})
	p := h.plan(Prod)
	equal(t, "the code is still to be planned", builds(p), []string{"serving.by_country"})
	if _, _, err := Run(context.Background(), h.path, h.options(), "nobody", frozen(h.inputs()), nil); !errors.Is(err, ErrNoEnvironment) {
		t.Errorf("run of an environment that was never planned: %v", err)
	}
}

func TestRunFollowsAMovedLandingZone(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	moved := filepath.Join(h.root, "elsewhere", "landing")
	if err := os.MkdirAll(filepath.Dir(moved), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(h.landing, moved); err != nil {
		t.Fatal(err)
	}
	h.landing = moved
	if p, _ := h.run(Prod); p.Changes() {
		t.Errorf("moving the landing zone is news: %s", text(t, p))
	}
	if p := h.plan(Prod); p.Changes() {
		t.Errorf("moving the landing zone is a change: %s", text(t, p))
	}
	h.land("rates/b.csv", "day,rate\n2026-01-02,1.5\n")
	p, _ := h.run(Prod)
	equal(t, "builds", builds(p), []string{"staging.rates", "foundation.rate"})
	equal(t, "rates", h.query("SELECT rate FROM foundation.rate"), []string{`{"rate":1.5}`, `{"rate":5.1234}`})
}

func TestEmptyReaders(t *testing.T) {
	h := newHouse(t)
	if err := os.RemoveAll(filepath.Join(h.landing, "rates")); err != nil {
		t.Fatal(err)
	}
	h.apply(Prod)
	equal(t, "rows of a reader without files", h.query("SELECT count(*) AS n FROM foundation.rate"), []string{`{"n":0}`})
	h.land("rates/a.csv", "day,rate\n2026-01-01,5.1234\n")
	h.run(Prod)
	equal(t, "rows after the first file", h.query("SELECT count(*) AS n FROM foundation.rate"), []string{`{"n":1}`})

	if err := os.RemoveAll(filepath.Join(h.landing, "trades")); err != nil {
		t.Fatal(err)
	}
	if _, err := h.tryPlan(Prod); err == nil || !strings.Contains(err.Error(), "landing files are gone") {
		t.Errorf("a source that vanished: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(h.landing, "rates")); err != nil {
		t.Fatal(err)
	}
	if _, err := h.tryPlan(Prod); !errors.Is(err, ErrNoLanding) {
		t.Errorf("an empty landing zone: %v", err)
	}
}

func TestEmptyGzipReader(t *testing.T) {
	h := newHouse(t)
	if err := os.RemoveAll(filepath.Join(h.landing, "trades")); err != nil {
		t.Fatal(err)
	}
	h.apply(Prod)
	equal(t, "rows", h.query("SELECT count(*) AS n FROM serving.by_country"), []string{`{"n":0}`})
}

func TestStalePlanIsRefused(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	h.edit("models/foundation/rate.sql", "SELECT day, rate", "SELECT day, rate, 1 AS one")
	old := h.plan(Prod)
	h.land("rates/b.csv", "day,rate\n2026-01-02,1.5\n")
	h.run(Prod)
	lake, err := Open(context.Background(), h.path, h.options())
	if err != nil {
		t.Fatal(err)
	}
	defer lake.Close()
	if _, err := Apply(context.Background(), lake, old, nil); !errors.Is(err, ErrStale) {
		t.Errorf("applying a plan that was overtaken: %v", err)
	}
}

func TestBuildErrorNamesFileAndLine(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	before := h.content(Prod)
	h.edit("models/foundation/rate.sql", "SELECT day, rate FROM staging.rates", "SELECT day,\n  CAST('x' || rate AS INTEGER) AS rate\nFROM staging.rates")
	_, _, err := h.tryApply(Prod)
	if err == nil || !strings.Contains(err.Error(), "foundation/rate.sql") || !strings.Contains(err.Error(), "Could not convert string 'x5.1234' to INT32") {
		t.Errorf("error: %v", err)
	}
	if strings.Contains(err.Error(), "exception_type") {
		t.Errorf("DuckDB's JSON shows: %v", err)
	}
	if got := h.content(Prod); got != before {
		t.Errorf("prod changed:\n%s", got)
	}
}

func TestEnvironmentForTheExporter(t *testing.T) {
	h := newHouse(t)
	p, _ := h.apply(Prod)
	lake, err := OpenReadOnly(context.Background(), h.path, h.options())
	if err != nil {
		t.Fatal(err)
	}
	defer lake.Close()
	id, models, err := lake.Environment(context.Background(), Prod)
	if err != nil || id != p.ID || len(models) != 7 {
		t.Fatalf("%s, %d models, %v", id, len(models), err)
	}
	byName := map[string]EnvModel{}
	for _, m := range models {
		byName[m.Model.Name] = m
	}
	m := byName["foundation.trade"]
	equal(t, "parents", m.Model.DependsOn, []string{"staging.country", "staging.trades"})
	if m.Rows != 2 || m.View != `"foundation"."trade"` || !strings.HasPrefix(m.Physical, `"materia__foundation"."trade__`) {
		t.Errorf("%d rows, %s, %s", m.Rows, m.View, m.Physical)
	}
	if f := byName["staging.trades"].Files; len(f) != 1 || f[0].Path != "trades/a.csv.gzip" || len(f[0].SHA256) != 64 {
		t.Errorf("files of the reader: %v", f)
	}
	if id, models, err := lake.Environment(context.Background(), "none"); id != "" || models != nil || err != nil {
		t.Errorf("an environment that is none: %q %v %v", id, models, err)
	}
}
