package supervise

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"beanflows.coffee/materia/internal/alert"
	"beanflows.coffee/materia/internal/state"
)

// stage runs a supervisor on a clock of its own for a while.
type stage struct {
	t         *testing.T
	workflows []Workflow
	journal   *state.Journal

	mu    sync.Mutex
	mono  time.Duration
	now   time.Time
	log   []string // "hh:mm workflow" of each start
	job   func(j Job, n int) Outcome
	jump  map[int]time.Duration // by how much the wall jumps in the n-th wait
	waits int
}

func newStage(t *testing.T, text string) *stage {
	t.Helper()
	workflows, err := Parse("w.toml", []byte(text), nil)
	must(t, err)
	return &stage{t: t, workflows: workflows, journal: openJournal(t), now: june}
}

// run supervises until that much time has passed and nothing is due.
func (s *stage) run(long time.Duration) {
	s.t.Helper()
	ctx, stop := context.WithCancel(s.t.Context())
	defer stop()
	end := s.mono + long
	clock := Clock{
		Now:     func() time.Time { s.mu.Lock(); defer s.mu.Unlock(); return s.now },
		Elapsed: func() time.Duration { s.mu.Lock(); defer s.mu.Unlock(); return s.mono },
		Pulse:   func() (<-chan time.Time, func()) { return nil, func() {} },
		Wait: func(_ context.Context, d time.Duration) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.mono, s.now = s.mono+d, s.now.Add(d+s.jump[s.waits])
			s.waits++
			if s.mono >= end {
				stop()
			}
		},
	}
	n := 0
	err := Run(ctx, Options{Workflows: s.workflows, Journal: s.journal, Alerts: &alert.Desk{Journal: s.journal, Now: clock.Now}, Clock: clock,
		MaxWait: time.Hour, RunJob: func(_ context.Context, j Job) Outcome {
			s.mu.Lock()
			defer s.mu.Unlock()
			n++
			s.log = append(s.log, s.now.Format("15:04 ")+j.Workflow)
			s.mono, s.now = s.mono+time.Minute, s.now.Add(time.Minute)
			if s.job == nil {
				return Outcome{Status: state.Success}
			}
			return s.job(j, n)
		}})
	must(s.t, err)
}

func (s *stage) started(want ...string) {
	s.t.Helper()
	if diff := cmp.Diff(want, s.log); diff != "" {
		s.t.Errorf("started (-want +got):\n%s", diff)
	}
	s.log = nil
}

func (s *stage) titles() (list []string) {
	s.t.Helper()
	messages, err := s.journal.Unsent(s.t.Context(), 0)
	must(s.t, err)
	for _, m := range messages {
		list = append(list, m.Title)
	}
	return list
}

const chain = `
[[workflow]]
name = "b"
schedule = "daily"
pipeline = "p"
depends_on = ["a"]
retries = 1
[[workflow]]
name = "a"
schedule = "daily"
pipeline = "p"
retries = 1
`

func TestTickGoesInWaves(t *testing.T) {
	s := newStage(t, chain)
	s.run(30 * time.Minute)
	s.started("12:00 a", "12:01 b", "12:02 transform", "12:03 export_serving")
	s.run(20 * time.Hour) // over midnight
	s.started("00:00 a", "00:01 b", "00:02 transform", "00:03 export_serving")
	if len(s.titles()) != 0 {
		t.Errorf("alerts: %q", s.titles())
	}
}

// TestFailureHoldsBack: what depends on a failed one waits, the rest goes on;
// after the back-off only the failed is repeated; when it failed for good, what
// waited is skipped with the reason, and one alert goes out.
func TestFailureHoldsBack(t *testing.T) {
	s := newStage(t, chain+"[[workflow]]\nname = \"c\"\nschedule = \"daily\"\npipeline = \"p\"\n")
	s.workflows = append(s.workflows[:0:0], s.workflows...)
	bad := true
	s.job = func(j Job, _ int) Outcome {
		if j.Workflow == "a" && bad {
			return Outcome{Status: state.Failed, Message: "HTTP 503"}
		}
		return Outcome{Status: state.Success}
	}
	s.run(3 * time.Hour)
	if len(s.log) > 1 && s.log[0] == "12:00 c" { // a and c start beside each other
		s.log[0], s.log[1] = "12:00 a", "12:01 c"
	}
	s.started("12:00 a", "12:01 c", "12:02 transform", "12:03 export_serving", "12:14 a", "12:15 export_serving")
	b, _, err := s.journal.LastSlot(t.Context(), "b", s.now)
	must(t, err)
	if b.Status != state.Skipped || b.Message != "a, which it depends on, failed" {
		t.Errorf("b: %+v", b)
	}
	if diff := cmp.Diff([]string{"a failed"}, s.titles()); diff != "" {
		t.Error(diff)
	}
	bad = false
	s.run(24 * time.Hour)
	joined := strings.Join(s.log, " ")
	if strings.Count(joined, " a ") != 1 && !strings.Contains(joined, "b") {
		t.Errorf("the next day: %s", joined)
	}
	if open, err := s.journal.Conditions(t.Context()); err != nil || len(open) != 0 {
		t.Errorf("open conditions: %v %v", open, err)
	}
}

// TestTransformIsRetried: a failed transform is tried after each back-off, the
// extraction is not repeated, and export waits for it.
func TestTransformIsRetried(t *testing.T) {
	s := newStage(t, "[[workflow]]\nname = \"a\"\nschedule = \"daily\"\npipeline = \"p\"\n")
	s.job = func(j Job, n int) Outcome {
		if j.Workflow == Transform && n < 4 {
			return Outcome{Status: state.Failed, Message: "audit"}
		}
		return Outcome{Status: state.Success}
	}
	s.run(2 * time.Hour)
	s.started("12:00 a", "12:01 transform", "12:12 transform", "12:23 transform", "12:24 export_serving") // nothing to publish before
	if diff := cmp.Diff([]string(nil), s.titles()); diff != "" {                                          // over before a sender took it
		t.Error(diff)
	}
}

// TestThreeWeeksDown: each workflow runs once, and one gap says why the rest of
// the slots was not run.
func TestThreeWeeksDown(t *testing.T) {
	s := newStage(t, "[[workflow]]\nname = \"a\"\nschedule = \"hourly\"\npipeline = \"p\"\n")
	s.run(10 * time.Minute)
	s.started("12:00 a", "12:01 transform", "12:02 export_serving")
	s.mono, s.now = s.mono+21*24*time.Hour, s.now.Add(21*24*time.Hour)
	s.run(10 * time.Minute)
	if len(s.log) != 3 {
		t.Errorf("started %q", s.log)
	}
	gaps, err := s.journal.Gaps(t.Context(), 0)
	must(t, err)
	// 13:00 of the first day to 12:00 of the last; 13:00 is run.
	if len(gaps) != 1 || gaps[0].Slots != 21*24 || gaps[0].Reason != "no supervisor was running" {
		t.Errorf("gaps %+v at %s", gaps, s.now)
	}
}

// TestClockJumps: a jump by ten years forward and back costs one notice and one
// run a workflow each way at most.
func TestClockJumps(t *testing.T) {
	s := newStage(t, "[[workflow]]\nname = \"a\"\nschedule = \"daily\"\npipeline = \"p\"\n")
	years := 3653 * 24 * time.Hour
	s.jump = map[int]time.Duration{1: years, 4: -years}
	s.run(10 * time.Hour)
	starts := strings.Count(strings.Join(s.log, " "), " a")
	if starts != 2 {
		t.Errorf("%d runs: %q", starts, s.log)
	}
	gaps, err := s.journal.Gaps(t.Context(), 0)
	must(t, err)
	if len(gaps) != 1 || gaps[0].Slots != 3652 || !strings.HasPrefix(gaps[0].Reason, "the clock jumped forward by 87672h") {
		t.Errorf("gaps %+v", gaps)
	}
	if got := s.titles(); len(got) != 2 || !strings.Contains(got[0], "forward") || !strings.Contains(got[1], "back") {
		t.Errorf("notices %q", got)
	}
	s.log, s.jump = nil, nil
	s.run(24 * time.Hour)
	if starts := strings.Count(strings.Join(s.log, " "), " a"); starts != 1 {
		t.Errorf("the day after: %q", s.log)
	}
}

// TestOverlapIsRecorded: slots that pass while a tick works are skipped with
// that reason, and the newest of them is run.
func TestOverlapIsRecorded(t *testing.T) {
	s := newStage(t, "[[workflow]]\nname = \"a\"\nschedule = \"hourly\"\npipeline = \"p\"\n")
	s.job = func(j Job, n int) Outcome {
		if n == 1 {
			s.mono, s.now = s.mono+150*time.Minute, s.now.Add(150*time.Minute)
		}
		return Outcome{Status: state.Success}
	}
	s.run(4 * time.Hour)
	gaps, err := s.journal.Gaps(t.Context(), 0)
	must(t, err)
	if len(gaps) != 1 || gaps[0].Slots != 1 || gaps[0].FirstSlot.Hour() != 13 || gaps[0].Reason != "overlap: the tick before was still running" {
		t.Errorf("gaps %+v", gaps)
	}
	if s.log[3] != "14:33 a" {
		t.Errorf("started %q", s.log)
	}
}

// TestInterruptedCostsNoAttempt: a run that was stopped with the supervisor is
// due at the next start, with all its attempts.
func TestInterruptedCostsNoAttempt(t *testing.T) {
	s := newStage(t, "[[workflow]]\nname = \"a\"\nschedule = \"daily\"\npipeline = \"p\"\nretries = 0\n")
	for i := range 3 {
		want := state.Interrupted
		if i == 2 {
			want = state.Success
		}
		ctx, stop := context.WithCancel(t.Context())
		clock := SystemClock()
		clock.Now = func() time.Time { return june }
		clock.Wait = func(context.Context, time.Duration) { stop() }
		must(t, Run(ctx, Options{Workflows: s.workflows, Journal: s.journal, Alerts: &alert.Desk{Journal: s.journal, Now: clock.Now}, Clock: clock,
			RunJob: func(context.Context, Job) Outcome {
				if want == state.Interrupted {
					stop()
				}
				return Outcome{Status: want}
			}}))
		stop()
		r, _, err := s.journal.LastSlot(t.Context(), "a", june)
		must(t, err)
		if r.Status != want || r.Attempts != 1 {
			t.Errorf("start %d: %+v", i, r)
		}
	}
}

// TestNoJournalNoRun: when the journal cannot be written, nothing is started
// and the supervisor ends.
func TestNoJournalNoRun(t *testing.T) {
	s := newStage(t, chain)
	must(t, s.journal.Close())
	clock := SystemClock()
	err := Run(t.Context(), Options{Workflows: s.workflows, Journal: s.journal, Alerts: &alert.Desk{Journal: s.journal, Now: clock.Now}, Clock: clock,
		RunJob: func(context.Context, Job) Outcome { t.Error("a job was run"); return Outcome{} }})
	if err == nil {
		t.Error("no error")
	}
}

// TestJournalIsChecked: a check of the journal that fails ends the supervisor,
// about an hour after the one before.
func TestJournalIsChecked(t *testing.T) {
	s := newStage(t, chain)
	damaged := errors.New("damaged")
	clock := SystemClock()
	elapsed, checks := time.Duration(0), 0
	clock.Now, clock.Elapsed = func() time.Time { return june.Add(elapsed) }, func() time.Duration { return elapsed }
	clock.Wait = func(_ context.Context, d time.Duration) { elapsed += d }
	err := Run(t.Context(), Options{Workflows: s.workflows, Journal: s.journal, Alerts: &alert.Desk{Journal: s.journal, Now: clock.Now}, Clock: clock,
		RunJob: func(context.Context, Job) Outcome { return Outcome{Status: state.Success} },
		CheckJournal: func(context.Context) error {
			if checks++; checks == 3 {
				return damaged
			}
			return nil
		}})
	if !errors.Is(err, damaged) || elapsed < 3*time.Hour || elapsed > 4*time.Hour {
		t.Errorf("ended after %s with %v", elapsed, err)
	}
}

// TestParallelIsBounded: independent workflows run beside each other, but no
// more than allowed.
func TestParallelIsBounded(t *testing.T) {
	var text strings.Builder
	for i := range 6 {
		fmt.Fprintf(&text, "[[workflow]]\nname = \"w%d\"\nschedule = \"daily\"\npipeline = \"p\"\n", i)
	}
	s := newStage(t, text.String())
	var mu sync.Mutex
	live, most := 0, 0
	together := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	clock := SystemClock()
	clock.Now = func() time.Time { return june }
	clock.Wait = func(context.Context, time.Duration) { stop() }
	must(t, Run(ctx, Options{Workflows: s.workflows, Journal: s.journal, Alerts: &alert.Desk{Journal: s.journal, Now: clock.Now}, Clock: clock,
		Parallel: 3, RunJob: func(_ context.Context, j Job) Outcome {
			mu.Lock()
			live++
			if most = max(most, live); live == 3 && most == 3 {
				select {
				case <-together:
				default:
					close(together)
				}
			}
			mu.Unlock()
			if j.Workflow != Transform && j.Workflow != Export {
				<-together // three at once, or this hangs
			}
			mu.Lock()
			live--
			mu.Unlock()
			return Outcome{Status: state.Success}
		}}))
	if most != 3 {
		t.Errorf("%d at once, want 3", most)
	}
}

// TestNewVersionEndsTheSupervisor: it is asked about once a minute, between
// ticks, and its yes ends the supervisor.
func TestNewVersionEndsTheSupervisor(t *testing.T) {
	s := newStage(t, chain)
	asked, working := 0, false
	clock := SystemClock()
	var elapsed time.Duration
	clock.Now = func() time.Time { return june.Add(elapsed) }
	clock.Elapsed = func() time.Duration { return elapsed }
	clock.Wait = func(_ context.Context, d time.Duration) { elapsed += d }
	err := Run(t.Context(), Options{Workflows: s.workflows, Journal: s.journal, Alerts: &alert.Desk{Journal: s.journal, Now: clock.Now}, Clock: clock,
		RunJob: func(context.Context, Job) Outcome {
			working = true
			defer func() { working = false }()
			return Outcome{Status: state.Success}
		},
		NewVersion: func(context.Context) bool {
			if working {
				t.Error("asked while a tick works")
			}
			asked++
			return asked == 4
		}})
	if !errors.Is(err, ErrRestart) || asked != 4 || elapsed < 3*time.Minute || elapsed > 5*time.Minute {
		t.Errorf("%v after %d questions in %s", err, asked, elapsed)
	}
	row, _, err := s.journal.Supervision(t.Context())
	if err != nil || row.StoppedAt.IsZero() {
		t.Errorf("%+v %v", row, err)
	}
}
