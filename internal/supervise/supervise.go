package supervise

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"beanflows.coffee/materia/internal/alert"
	"beanflows.coffee/materia/internal/state"
)

// Clock is what the supervisor knows of time.
type Clock struct {
	Now     func() time.Time                            // the wall, which may jump
	Elapsed func() time.Duration                        // monotonic
	Wait    func(ctx context.Context, d time.Duration)  // returns early when ctx ends
	Pulse   func() (beat <-chan time.Time, stop func()) // beats while children work
}

// SystemClock is production's.
func SystemClock() Clock {
	began := time.Now()
	return Clock{
		Now:     func() time.Time { return time.Now().Round(0).UTC() },
		Elapsed: func() time.Duration { return time.Since(began) },
		Wait: func(ctx context.Context, d time.Duration) {
			t := time.NewTimer(d)
			defer t.Stop()
			select {
			case <-ctx.Done():
			case <-t.C:
			}
		},
		Pulse: func() (<-chan time.Time, func()) {
			t := time.NewTicker(5 * time.Second)
			return t.C, t.Stop
		},
	}
}

// Options of a supervisor. Workflows, Journal, Alerts, Clock and RunJob are needed.
type Options struct {
	Workflows []Workflow
	Journal   *state.Journal
	Alerts    *alert.Desk
	Log       *slog.Logger // nil: silent
	Clock     Clock
	Version   string

	// RunJob runs one job to its end: Children.Run.
	RunJob func(ctx context.Context, j Job) Outcome

	// StationTimeout bounds transform and export; 0: 2 h.
	StationTimeout time.Duration
	// Backoff is the wait after a failed tick; 0: 10 min.
	Backoff time.Duration
	// MaxWait bounds one wait of the loop; 0: 30 s.
	MaxWait time.Duration
	// Keep is how long the journal remembers; 0: 400 days.
	Keep time.Duration
	// Parallel bounds the children of a wave; 0: 4.
	Parallel int
	// AskEvery is how long after an answer NewVersion is asked again; 0: 1 min.
	AskEvery time.Duration

	// NewVersion looks for a new release, about every minute and never while a
	// tick works; it may take as long as a build. True ends the supervisor with
	// ErrRestart. Nil: releases come by hand.
	NewVersion func(ctx context.Context) (restart bool)

	// Progressed is called each time the loop has advanced, and with what it does
	// now: the watchdog's food. Nil: nobody asks.
	Progressed func(doing string)
	// AfterTick is called after each tick, and about every minute between ticks:
	// housekeeping, which must be quick. Nil: none.
	AfterTick func(ctx context.Context)

	// CheckJournal is called about every hour between ticks; an error from it ends
	// the supervisor, as a journal that cannot be written does. Nil: no check.
	CheckJournal func(ctx context.Context) error

	// OnStep is called with the name of each step of a tick; an error from it
	// ends the supervisor there, as a kill would. Nil outside tests.
	OnStep func(step string) error
}

const (
	jumpTolerance = time.Minute
	noteEvery     = 15 * time.Second
	tendEvery     = time.Minute
)

// ErrRestart says that the supervisor ended so that a new release can start.
var ErrRestart = errors.New("supervise: a new version is there")

// Supervisor is a running supervisor. One goroutine uses it.
type Supervisor struct {
	o       Options
	log     *slog.Logger
	started time.Time // wall

	noted    time.Duration // when the journal last heard of progress
	lastDo   string
	tended   time.Duration
	swept    time.Duration
	checked  time.Duration
	asked    time.Duration // for a new version
	retryAt  time.Duration // no tick before it, while backing off
	backing  bool
	seenWall time.Time // both clocks at the last look
	seenMono time.Duration
	jumped   string // what the clock did since the last tick
}

// Run supervises until ctx ends, and then stops its children and returns nil.
// Another error means that the journal cannot be kept; without it nothing may
// be started, so the process had better end and be started again. The caller
// holds the lock (TakeLock).
func Run(ctx context.Context, o Options) error {
	s := &Supervisor{o: o, log: o.Log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.o.Backoff == 0 {
		s.o.Backoff = 10 * time.Minute
	}
	if s.o.MaxWait == 0 {
		s.o.MaxWait = 30 * time.Second
	}
	if s.o.StationTimeout == 0 {
		s.o.StationTimeout = 2 * time.Hour
	}
	if s.o.Keep == 0 {
		s.o.Keep = 400 * 24 * time.Hour
	}
	if s.o.Parallel == 0 {
		s.o.Parallel = 4
	}
	if s.o.AskEvery == 0 {
		s.o.AskEvery = time.Minute
	}
	if s.o.NewVersion != nil {
		s.o.MaxWait = min(s.o.MaxWait, s.o.AskEvery)
	}
	s.started = o.Clock.Now()
	s.seenWall, s.seenMono = s.started, o.Clock.Elapsed()
	s.noted = s.seenMono - noteEvery
	s.tended, s.swept, s.asked = s.seenMono-tendEvery, s.seenMono-24*time.Hour, s.seenMono-s.o.AskEvery
	s.checked = s.seenMono // it was checked when it was opened
	if err := s.settle(ctx); err != nil {
		return fmt.Errorf("supervise: %w", err)
	}
	err := s.loop(ctx)
	if ctx.Err() != nil {
		return s.note("stopped", s.o.Clock.Now())
	}
	if errors.Is(err, ErrRestart) {
		return errors.Join(s.note("making room for a new version", s.o.Clock.Now()), ErrRestart)
	}
	return fmt.Errorf("supervise: %w", err)
}

// settle brings the journal in order after a supervisor that was killed: its
// children are ended and their rows become crashed.
func (s *Supervisor) settle(ctx context.Context) error {
	left, err := s.o.Journal.Unfinished(ctx)
	if err != nil {
		return err
	}
	for _, r := range left {
		r.Message = "the supervisor ended before the run did"
		if endLeftover(ctx, r.Process, 10*time.Second) {
			r.Message += "; the run went on without it and was stopped"
		}
		r.Status, r.FinishedAt = state.Crashed, s.o.Clock.Now()
		s.log.Warn("run of a dead supervisor", "workflow", r.Workflow, "slot", r.Slot, "message", r.Message)
		if err := s.o.Journal.FinishSlot(ctx, r); err != nil {
			return err
		}
		if w, ok := s.workflow(r.Workflow); ok && r.Attempts > w.Retries {
			s.gaveUp(ctx, r)
		}
	}
	if workflow, slot, ok, err := s.o.Journal.FutureSlot(ctx, s.started.Add(jumpTolerance)); err != nil {
		return err
	} else if ok {
		s.o.Alerts.Notice(ctx, "clock", alert.Warning, "The clock went back while no supervisor ran",
			fmt.Sprintf("It is %s now, and %s was run for %s. Slots are counted by the clock as it is now.", stampText(s.started), workflow, stampText(slot)))
	}
	// A tick that failed just before goes on backing off.
	runs, err := s.o.Journal.WorkflowRuns(ctx, 1)
	if err != nil || len(runs) == 0 || runs[0].Status != state.Failed {
		return err
	}
	if ago := s.started.Sub(runs[0].FinishedAt); ago >= 0 && ago < s.o.Backoff {
		s.backing, s.retryAt = true, s.seenMono+s.o.Backoff-ago
	}
	return nil
}

func (s *Supervisor) loop(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := s.progress("waiting"); err != nil {
			return err
		}
		s.watchClock(ctx)
		if err := s.tend(ctx); err != nil {
			return err
		}
		if err := s.askForVersion(ctx); err != nil {
			return err
		}
		if s.backing && s.o.Clock.Elapsed() >= s.retryAt {
			s.backing = false
		}
		if !s.backing {
			worked, failed, err := s.tick(ctx)
			if err != nil || ctx.Err() != nil {
				return err
			}
			if failed {
				s.backing, s.retryAt = true, s.o.Clock.Elapsed()+s.o.Backoff
			}
			if worked {
				s.tended = s.o.Clock.Elapsed() - tendEvery
				continue // another slot may have come meanwhile
			}
		}
		if wait := s.untilNext(); wait > 0 {
			s.o.Clock.Wait(ctx, wait)
		}
	}
	return nil
}

// untilNext is how long nothing can be due, at most MaxWait.
func (s *Supervisor) untilNext() time.Duration {
	wait := s.o.MaxWait
	if s.backing {
		return min(wait, s.retryAt-s.o.Clock.Elapsed())
	}
	now := s.o.Clock.Now()
	for _, w := range s.o.Workflows {
		if next := w.schedule.Next(now); !next.IsZero() {
			wait = min(wait, next.Sub(now))
		}
	}
	return wait
}

// watchClock compares how far the wall and the monotonic clock went.
func (s *Supervisor) watchClock(ctx context.Context) {
	wall, mono := s.o.Clock.Now(), s.o.Clock.Elapsed()
	by := wall.Sub(s.seenWall) - (mono - s.seenMono)
	s.seenWall, s.seenMono = wall, mono
	if by.Abs() < jumpTolerance {
		return
	}
	how := "forward"
	if by < 0 {
		how = "back"
	}
	s.jumped = fmt.Sprintf("the clock jumped %s by %s", how, by.Abs().Round(time.Second))
	s.o.Alerts.Notice(ctx, "clock", alert.Warning, "The clock jumped "+how+" by "+by.Abs().Round(time.Second).String(),
		fmt.Sprintf("It is %s now. Each workflow runs at most once for the time that was jumped over. Look at timedatectl.", stampText(wall)))
}

// tend does what is due now and then between ticks.
func (s *Supervisor) tend(ctx context.Context) error {
	mono := s.o.Clock.Elapsed()
	if s.o.AfterTick != nil && mono-s.tended >= tendEvery {
		s.tended = mono
		s.o.AfterTick(ctx)
	}
	if s.o.CheckJournal != nil && mono-s.checked >= time.Hour {
		s.checked = mono
		if err := s.o.CheckJournal(ctx); err != nil {
			return err
		}
	}
	if mono-s.swept >= 24*time.Hour {
		s.swept = mono
		return s.o.Journal.Forget(ctx, s.o.Clock.Now().Add(-s.o.Keep))
	}
	return nil
}

// askForVersion lets NewVersion work while the loop goes on telling that it
// waits for it.
func (s *Supervisor) askForVersion(ctx context.Context) error {
	if s.o.NewVersion == nil || s.o.Clock.Elapsed()-s.asked < s.o.AskEvery {
		return nil
	}
	answer := make(chan bool, 1)
	go func() { answer <- s.o.NewVersion(ctx) }()
	beat, stop := s.o.Clock.Pulse()
	defer stop()
	for {
		select {
		case restart := <-answer:
			s.asked = s.o.Clock.Elapsed()
			if restart && ctx.Err() == nil {
				return ErrRestart
			}
			return nil
		case <-beat:
			if err := s.progress("looking for a new version"); err != nil {
				<-answer
				return err
			}
		}
	}
}

// progress tells that the loop advanced. The journal hears of it now and then,
// before the watchdog does: a disk that does not answer is no progress.
func (s *Supervisor) progress(doing string) error {
	if mono := s.o.Clock.Elapsed(); mono-s.noted >= noteEvery || doing != s.lastDo {
		s.noted, s.lastDo = mono, doing
		if err := s.note(doing, time.Time{}); err != nil {
			return err
		}
	}
	if s.o.Progressed != nil {
		s.o.Progressed(doing)
	}
	return nil
}

func (s *Supervisor) note(doing string, stopped time.Time) error {
	return s.o.Journal.Supervising(context.Background(), state.Supervision{PID: os.Getpid(), Version: s.o.Version,
		StartedAt: s.started, ProgressedAt: s.o.Clock.Now(), StoppedAt: stopped, Doing: doing})
}

func (s *Supervisor) workflow(name string) (Workflow, bool) {
	for _, w := range s.o.Workflows {
		if w.Name == name {
			return w, true
		}
	}
	return Workflow{}, false
}

func (s *Supervisor) step(name string) error {
	if s.o.OnStep == nil {
		return nil
	}
	return s.o.OnStep(name)
}

func stampText(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
