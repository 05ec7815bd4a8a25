package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/model"
)

// trials is how often a station is killed at a random moment. The two sources
// share the trials of extraction.
func trials(station string) int {
	n := 20
	if os.Getenv("MATERIA_LONG") != "" {
		n = 200
	}
	if strings.HasPrefix(station, "extract_") {
		n /= 2
	}
	return n
}

// priceProject is what a trial takes a second with.
func priceProject(t testing.TB) string { return partProject(t, "serving.coffee_prices") }

// partProject is the part of transform/ that leads to these models, without its
// model tests. MATERIA_LONG takes the whole project.
func partProject(t testing.TB, wanted ...string) string {
	t.Helper()
	if os.Getenv("MATERIA_LONG") != "" {
		abs, err := filepath.Abs(wholeProject)
		if err != nil {
			t.Fatal(err)
		}
		return abs
	}
	return cutProject(t, wanted...)
}

const wholeProject = "../../transform"

// cutProject is the part that leads to these models, whatever the form.
func cutProject(t testing.TB, wanted ...string) string {
	t.Helper()
	whole := wholeProject
	p, err := model.Load(t.Context(), whole, model.LoadOptions{User: "test"})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(wanted); i++ {
		for _, d := range p.Models[wanted[i]].DependsOn {
			if !slices.Contains(wanted, d) {
				wanted = append(wanted, d)
			}
		}
	}
	part := t.TempDir()
	if err := os.CopyFS(part, os.DirFS(whole)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(part, "tests")); err != nil {
		t.Fatal(err)
	}
	for name, m := range p.Models {
		if !slices.Contains(wanted, name) {
			if err := os.Remove(filepath.Join(part, m.File)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return part
}

// stations are the processes of a road, in order.
var stations = [][]string{
	{"pipeline", "run", "extract_psd", "--since", "2025-11-01"},
	{"pipeline", "run", "extract_prices"},
	{"pipeline", "run", "transform"},
	{"pipeline", "run", "export_serving"},
}

// ending is what a road leads to: the bytes of landed files and the rows of all
// published tables but those that tell of runs and moments.
func (h *house) ending() map[string]string {
	h.t.Helper()
	ends := map[string]string{}
	for path, sum := range h.landingFiles() {
		ends["landing/"+path] = sum
	}
	list := h.query(`SELECT table_name FROM duckdb_tables() WHERE schema_name = 'serving' AND table_name NOT IN ('snapshot', 'pipeline_runs') ORDER BY 1`)
	var sums []string
	for _, row := range list {
		sums = append(sums, fmt.Sprintf("SELECT '%[1]s' AS name, count(*) || ' rows, ' || coalesce(sum(hash(t)::HUGEINT), 0) AS content FROM serving.%[1]s t", row["table_name"]))
	}
	for _, row := range h.query(strings.Join(sums, " UNION ALL ")) {
		ends[fmt.Sprint("serving/", row["name"])] = fmt.Sprint(row["content"])
	}
	return ends
}

// leftovers are files that only a dead process leaves. The lakehouse's WAL is
// none of them: it holds what was committed, and the next writer takes it in.
func (h *house) leftovers() []string {
	h.t.Helper()
	var all []string
	for _, pattern := range []string{"*.new", "*.new.wal", "analytics.duckdb.wal", "*.tmp/*", ".open/*", "landing/.tmp/*/*", "landing/.manifest/.open/*"} {
		found, err := filepath.Glob(h.path(pattern))
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

// TestKilledAtRandomMoments kills -9 a process of each station at random moments:
// the road walked on then ends as one that nobody disturbed.
func TestKilledAtRandomMoments(t *testing.T) {
	_, server := smallUpstream(t)
	whole := newHouse(t, "MATERIA_UPSTREAM="+server.URL)
	whole.project = priceProject(t)
	before := make([]*house, len(stations)) // the house as each station finds it
	took := make([]time.Duration, len(stations))
	for i, station := range stations {
		before[i] = whole.copyHouse(t)
		began := time.Now()
		whole.run(station...)
		took[i] = time.Since(began)
	}
	after := whole.ending()
	if len(after) < 6 {
		t.Fatalf("an undisturbed road ends with little: %v", after)
	}
	for i, station := range stations {
		t.Run(station[2], func(t *testing.T) {
			t.Parallel()
			died, all := 0, trials(station[2])
			for range all {
				h := before[i].copyHouse(t)
				moment := time.Duration(rand.Int64N(int64(took[i])))
				if h.killed(moment, station...) {
					died++
				}
				for _, s := range stations[i:] {
					h.run(s...)
				}
				if got := h.ending(); !maps.Equal(got, after) {
					t.Fatalf("killed after %s: ends with\n%v\nundisturbed with\n%v", moment, got, after)
				}
				if left := h.leftovers(); len(left) > 0 {
					t.Fatalf("killed after %s: left behind %v", moment, left)
				}
			}
			if died < all/4 {
				t.Errorf("only %d of %d were killed before they ended", died, all)
			}
			t.Logf("%d trials, %d died at work", all, died)
		})
	}
}

// killed starts a process, kills it after a while and says whether that was
// before its end.
func (h *house) killed(after time.Duration, args ...string) bool {
	h.t.Helper()
	c := h.command(args...)
	if err := c.Start(); err != nil {
		h.t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { c.Process.Kill() })
	defer timer.Stop()
	return c.Wait() != nil
}
