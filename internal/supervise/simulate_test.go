package supervise

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/alert"
	"beanflows.coffee/materia/internal/state"
)

const simulated = `
[[workflow]]
name = "prices"
schedule = "0 */8 * * *"
pipeline = "extract_prices"
retries = 1
[[workflow]]
name = "psd"
schedule = "daily"
pipeline = "extract_psd"
[[workflow]]
name = "cot"
schedule = "30 20 * * 5"
pipeline = "extract_cot"
depends_on = ["prices"]
[[workflow]]
name = "ice"
schedule = "15 */6 * * 1-5"
pipeline = "extract_ice"
[[workflow]]
name = "weather"
schedule = "monthly"
pipeline = "extract_weather"
depends_on = ["psd", "cot"]
retries = 0
[[workflow]]
name = "leap"
schedule = "0 12 29 2 *"
pipeline = "extract_psd"
`

// world is a machine with a clock that is not to be trusted, on which
// supervisors are started and killed.
type world struct {
	t     *testing.T
	coins *rand.Rand

	mu       sync.Mutex
	mono     time.Duration
	wall     time.Time
	end      time.Duration
	lastFail time.Duration // when a job last failed
	killIn   int           // steps until the supervisor is killed
	ctx      context.CancelFunc

	done     map[string]bool // "workflow slot" that ended well and whose end was written down
	ran      map[string]bool // "workflow slot" of every start
	pending  map[string]bool // ended well, not yet written down
	repeated []string
	idle     [][2]time.Time // wall times during which a supervisor waited for the next slot
	jobs     int
	kills    int
	jumps    int
}

var errKilled = errors.New("killed")

func (w *world) pass(d time.Duration) { w.mono, w.wall = w.mono+d, w.wall.Add(d) }

func (w *world) clock() Clock {
	return Clock{
		Now:     func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.wall },
		Elapsed: func() time.Duration { w.mu.Lock(); defer w.mu.Unlock(); return w.mono },
		Wait:    w.wait,
		Pulse:   func() (<-chan time.Time, func()) { return nil, func() {} },
	}
}

func (w *world) wait(_ context.Context, d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	from, quiet := w.wall, w.mono-w.lastFail > 11*time.Minute
	w.pass(d)
	if quiet {
		w.idle = append(w.idle, [2]time.Time{from, w.wall})
	}
	switch n := w.coins.IntN(4_000); {
	case n < 4: // an hour, as by a wrong zone
		w.wall = w.wall.Add(time.Duration(w.coins.IntN(3)-1) * time.Hour)
		w.jumps++
	case n == 4:
		w.wall = w.wall.Add(time.Duration(w.coins.IntN(90*24)) * time.Hour)
		w.jumps++
	case n == 5:
		w.wall = w.wall.Add(-time.Duration(w.coins.IntN(10*24)) * time.Hour)
		w.jumps++
	}
	if w.mono >= w.end {
		w.ctx()
	}
}

// step may kill the supervisor at any step of a tick.
func (w *world) step(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.killIn--; w.killIn == 0 {
		w.kills++
		return errKilled
	}
	return nil
}

func (w *world) runJob(_ context.Context, j Job) Outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.jobs++
	key := j.Workflow + " " + j.Slot.Format(time.RFC3339Nano)
	if w.done[key] {
		w.repeated = append(w.repeated, key)
	}
	w.ran[key] = true
	j.Started("")
	took := time.Duration(w.coins.IntN(120)) * time.Second
	if w.coins.IntN(300) == 0 {
		took = time.Duration(w.coins.IntN(5*3600)) * time.Second // a slow upstream: slots pass meanwhile
	}
	w.pass(took)
	switch n := w.coins.IntN(100); {
	case n < 4:
		w.lastFail = w.mono
		return Outcome{Status: state.Failed, Message: "upstream is down"}
	case n < 6:
		w.pending[key] = true
		return Outcome{Status: state.Partial, Message: "a month is missing"}
	}
	w.pending[key] = true
	return Outcome{Status: state.Success}
}

// TestSimulatedYears runs years of schedules through the real loop and the real
// journal, with kills at every kind of step, outages of minutes to weeks, a
// clock that jumps, and jobs that fail or take hours. No slot that ended well
// is run again; each slot that came while a supervisor waited for it was run;
// and every other slot has a row that says why not.
func TestSimulatedYears(t *testing.T) {
	years := 1
	if os.Getenv("MATERIA_LONG") != "" {
		years = 10
	}
	text := simulated
	if years > 1 {
		text = strings.Replace(text, "0 */8 * * *", "hourly", 1)
	}
	workflows, err := Parse("workflows.toml", []byte(text), nil)
	must(t, err)
	start := time.Date(2026, 2, 27, 7, 3, 0, 0, time.UTC)
	w := &world{t: t, coins: rand.New(rand.NewPCG(20260227, 1)), wall: start, lastFail: -time.Hour,
		end: time.Duration(years) * 365 * 24 * time.Hour, done: map[string]bool{}, ran: map[string]bool{}, pending: map[string]bool{}}
	j := openJournal(t)
	latest := start
	for w.mono < w.end {
		ctx, cancel := context.WithCancel(t.Context())
		w.ctx, w.killIn = cancel, 1+w.coins.IntN(3000)
		err := Run(ctx, Options{Workflows: workflows, Journal: j, Alerts: &alert.Desk{Journal: j, Now: w.clock().Now}, Clock: w.clock(),
			RunJob: w.runJob, OnStep: w.step, MaxWait: 24 * time.Hour, Keep: 100 * 365 * 24 * time.Hour})
		cancel()
		if err != nil && !errors.Is(err, errKilled) {
			t.Fatalf("after %s at %s: %v", w.mono, w.wall, err)
		}
		w.writtenDown(j)
		if w.wall.After(latest) {
			latest = w.wall
		}
		if w.coins.IntN(2) == 0 {
			w.pass(time.Duration(w.coins.IntN(600)) * time.Second)
		} else {
			w.pass(time.Duration(w.coins.IntN(21*24)) * time.Hour)
		}
	}
	t.Logf("%d years: %d jobs, %d kills, %d clock jumps", years, w.jobs, w.kills, w.jumps)
	if w.kills < 5*years || w.jumps < 1 || w.jobs < 1500*years {
		t.Errorf("too little happened")
	}
	if len(w.repeated) > 0 {
		t.Errorf("%d slots ended well and were run again, first %s", len(w.repeated), w.repeated[0])
	}
	w.explain(j, workflows, start, latest)
}

// writtenDown moves what ended well to done where the journal knows of it: a
// kill just before the journal's line allows the work to be done once more.
func (w *world) writtenDown(j *state.Journal) {
	for key := range w.pending {
		var name, slot string
		fmt.Sscan(key, &name, &slot)
		at, err := time.Parse(time.RFC3339Nano, slot)
		must(w.t, err)
		r, ok, err := j.LastSlot(w.t.Context(), name, at)
		must(w.t, err)
		if ok && r.Slot.Equal(at) && (r.Status == state.Success || r.Status == state.Partial) {
			w.done[key] = true
		}
	}
	clear(w.pending)
}

// explain holds every slot of the schedules to the journal.
func (w *world) explain(j *state.Journal, workflows []Workflow, from, to time.Time) {
	runs, err := j.WorkflowRuns(w.t.Context(), 0)
	must(w.t, err)
	row := map[string]string{}
	for _, r := range runs {
		row[r.Workflow+" "+r.Slot.Format(time.RFC3339Nano)] = r.Status
		if r.Status == state.Running {
			w.t.Errorf("%s %s still says running", r.Workflow, r.Slot)
		}
	}
	gaps, err := j.Gaps(w.t.Context(), 0)
	must(w.t, err)
	gone := map[string][]state.Gap{}
	for _, g := range gaps {
		gone[g.Workflow] = append(gone[g.Workflow], g)
		if g.Reason == "" || g.Slots < 1 || g.LastSlot.Before(g.FirstSlot) {
			w.t.Errorf("gap %+v", g)
		}
	}
	slots, missed, late := 0, 0, 0
	for _, f := range workflows {
		for slot := f.schedule.Next(from); !slot.IsZero() && slot.Before(to); slot = f.schedule.Next(slot) {
			slots++
			key := f.Name + " " + slot.Format(time.RFC3339Nano)
			if _, ok := row[key]; ok {
				continue
			}
			explained := false
			for _, g := range gone[f.Name] {
				explained = explained || !slot.Before(g.FirstSlot) && !slot.After(g.LastSlot)
			}
			if !explained && slot.Before(to.Add(-22*24*time.Hour)) {
				missed++
				w.t.Errorf("%s is neither run nor explained", key)
			}
			for _, i := range w.idle {
				if slot.After(i[0]) && slot.Before(i[1]) {
					late++
					w.t.Errorf("%s came while the supervisor waited from %s to %s, and was not run", key, i[0], i[1])
				}
			}
			if missed+late > 10 {
				w.t.FailNow()
			}
		}
	}
	w.t.Logf("%d slots: %d with a row, %d gaps", slots, len(row), len(gaps))
}

func openJournal(t *testing.T) *state.Journal {
	t.Helper()
	dir := t.TempDir()
	if m, err := os.MkdirTemp("/dev/shm", "materia-"); err == nil { // thousands of syncs, where they cost nothing
		dir = m
		t.Cleanup(func() { os.RemoveAll(m) })
	}
	j, err := state.OpenJournal(filepath.Join(dir, ".journal.sqlite"))
	must(t, err)
	t.Cleanup(func() { j.Close() })
	return j
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
