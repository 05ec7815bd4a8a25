package supervise

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/alert"
	"beanflows.coffee/materia/internal/state"
)

// dueSlot is a slot that a tick has to answer.
type dueSlot struct {
	workflow Workflow
	slot     time.Time
	last     state.WorkflowRun // the workflow's run before, or this slot's own failed one
	had      bool              // there was one
	gaps     []state.Gap
}

// tick runs what is due. failed says that something is to be tried again after
// the back-off. The error is the journal's or OnStep's.
func (s *Supervisor) tick(ctx context.Context) (worked, failed bool, err error) {
	now := s.o.Clock.Now()
	due, err := s.due(ctx, now)
	if err != nil {
		return false, false, err
	}
	bad := map[string]bool{} // failed in this tick, and so held back what depends on it
	for _, wave := range waves(due) {
		ready, err := s.ready(ctx, wave, bad)
		if err != nil {
			return worked, failed, err
		}
		worked = worked || len(wave) > 0
		ended, err := s.runWave(ctx, ready)
		for _, r := range ended {
			bad[r.Workflow] = bad[r.Workflow] || r.Status == state.Failed
		}
		if err != nil || ctx.Err() != nil {
			return worked, failed, err
		}
	}
	s.jumped = ""
	stations, stationFailed, err := s.stations(ctx)
	for _, b := range bad {
		failed = failed || b
	}
	return worked || stations, failed || stationFailed, err
}

// due asks the journal for each workflow's newest slot that has come and was
// neither run nor given up.
func (s *Supervisor) due(ctx context.Context, now time.Time) (list []dueSlot, err error) {
	for _, w := range s.o.Workflows {
		slot := w.schedule.Latest(now)
		if slot.IsZero() {
			continue
		}
		last, had, err := s.o.Journal.LastSlot(ctx, w.Name, now)
		if err != nil {
			return nil, err
		}
		d := dueSlot{workflow: w, slot: slot, last: last, had: had}
		switch {
		case !had:
		case last.Slot.Before(slot):
			if n, first, to := w.schedule.Between(last.Slot, slot); n > 0 {
				d.gaps = []state.Gap{{Workflow: w.Name, FirstSlot: first, LastSlot: to, Slots: n, Reason: s.whyMissed(first, last), NotedAt: now}}
			}
		case last.Slot.Equal(slot) && again(w, last):
		default:
			continue
		}
		list = append(list, d)
	}
	return list, nil
}

// again says whether a slot that was tried is to be tried once more.
func again(w Workflow, r state.WorkflowRun) bool {
	switch r.Status {
	case state.Interrupted:
		return true
	case state.Failed, state.Crashed:
		return r.Attempts <= w.Retries
	}
	return false
}

// whyMissed explains slots from first on that came after the run last.
func (s *Supervisor) whyMissed(first time.Time, last state.WorkflowRun) string {
	switch {
	case s.jumped != "":
		return s.jumped
	case first.Before(s.started):
		return "no supervisor was running"
	case last.Status == state.Failed:
		return "waiting after a failed tick"
	}
	return "overlap: the tick before was still running"
}

// waves orders what is due along depends_on: each wave needs only those before.
func waves(due []dueSlot) (list [][]dueSlot) {
	pending := map[string]bool{}
	for _, d := range due {
		pending[d.workflow.Name] = true
	}
	for len(due) > 0 {
		var wave, rest []dueSlot
		for _, d := range due {
			if slices.ContainsFunc(d.workflow.DependsOn, func(n string) bool { return pending[n] }) {
				rest = append(rest, d)
			} else {
				wave = append(wave, d)
			}
		}
		for _, d := range wave {
			delete(pending, d.workflow.Name)
		}
		list, due = append(list, wave), rest
	}
	return list
}

// ready returns those of a wave that may run. One whose dependency failed in
// this tick stays due; one whose dependency has failed for good since it last
// ran is skipped, once: the next slot works on what there is.
func (s *Supervisor) ready(ctx context.Context, wave []dueSlot, bad map[string]bool) (list []dueSlot, err error) {
	for _, d := range wave {
		var broken string
		for _, name := range d.workflow.DependsOn {
			if bad[name] {
				broken = name
				break
			}
			last, _, err := s.o.Journal.LastEnded(ctx, name)
			if err != nil {
				return nil, err
			}
			givenUp := last.Status == state.Failed || last.Status == state.Crashed || last.Status == state.Skipped
			if givenUp && last.FinishedAt.After(d.last.StartedAt) {
				broken = name
			}
		}
		if broken == "" {
			list = append(list, d)
			continue
		}
		w, _ := s.workflow(broken)
		last, _, err := s.o.Journal.LastEnded(ctx, broken)
		if err != nil {
			return nil, err
		}
		if again(w, last) {
			bad[d.workflow.Name] = true // so that what depends on this one waits too
			s.log.Warn("held back", "workflow", d.workflow.Name, "slot", d.slot, "failed", broken)
			continue
		}
		bad[d.workflow.Name] = false
		r := state.WorkflowRun{Workflow: d.workflow.Name, Pipeline: d.workflow.Pipeline, Slot: d.slot, StartedAt: s.o.Clock.Now(),
			Status: state.Skipped, Message: broken + ", which it depends on, failed"}
		if err := s.o.Journal.SkipSlot(ctx, r, d.gaps); err != nil {
			return nil, err
		}
		s.log.Warn("skipped", "workflow", r.Workflow, "slot", r.Slot, "message", r.Message)
	}
	return list, nil
}

// runWave runs jobs beside each other and returns how each ended.
func (s *Supervisor) runWave(ctx context.Context, wave []dueSlot) (ended []state.WorkflowRun, err error) {
	type result struct {
		run state.WorkflowRun
		err error
	}
	results := make(chan result)
	slots := make(chan struct{}, s.o.Parallel)
	names := make([]string, 0, len(wave))
	for _, d := range wave {
		names = append(names, d.workflow.Name)
		go func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			r := state.WorkflowRun{Workflow: d.workflow.Name, Pipeline: d.workflow.Pipeline, Slot: d.slot, Attempts: 1}
			if d.had && d.last.Slot.Equal(d.slot) {
				r.Attempts = d.last.Attempts + 1
				if d.last.Status == state.Interrupted {
					r.Attempts--
				}
			}
			r, err := s.run(ctx, r, d.workflow.Timeout, d.gaps)
			results <- result{r, err}
		}()
	}
	beat, stop := s.o.Clock.Pulse()
	defer stop()
	for doing := "running " + strings.Join(names, ", "); len(ended) < len(wave); {
		select {
		case r := <-results:
			ended = append(ended, r.run)
			err = errors.Join(err, r.err)
		case <-beat:
			err = errors.Join(err, s.progress(doing))
		}
	}
	return ended, err
}

// run does one job between its two lines in the journal.
func (s *Supervisor) run(ctx context.Context, r state.WorkflowRun, timeout time.Duration, gaps []state.Gap) (state.WorkflowRun, error) {
	if ctx.Err() != nil {
		r.Status = state.Interrupted
		return r, nil // not begun: still due
	}
	if err := s.step("start " + r.Workflow); err != nil {
		return r, err
	}
	r.StartedAt = s.o.Clock.Now()
	if err := s.o.Journal.StartSlot(ctx, r, gaps); err != nil {
		return r, err
	}
	// A kill from here to FinishSlot leaves the row running; settle ends the child
	// and calls it crashed, and the slot is run once more.
	if err := s.step("run " + r.Workflow); err != nil {
		return r, err
	}
	s.log.Info("run", "workflow", r.Workflow, "pipeline", r.Pipeline, "slot", r.Slot, "attempt", r.Attempts)
	out := s.o.RunJob(ctx, Job{Workflow: r.Workflow, Pipeline: r.Pipeline, Slot: r.Slot, Timeout: timeout, Started: func(process string) {
		if err := s.o.Journal.SetProcess(context.WithoutCancel(ctx), r.Workflow, r.Slot, process); err != nil {
			s.log.Error("note the child", "err", err) // only a kill right now would need it
		}
	}})
	if err := s.step("finish " + r.Workflow); err != nil {
		return r, err
	}
	r.Status, r.Message, r.FinishedAt = out.Status, out.Message, s.o.Clock.Now()
	if err := s.o.Journal.FinishSlot(context.WithoutCancel(ctx), r); err != nil {
		return r, err
	}
	if err := s.step("finished " + r.Workflow); err != nil {
		return r, err
	}
	s.tell(context.WithoutCancel(ctx), r, out.Locked)
	return r, nil
}

// tell logs how a run ended and opens and closes its alerts.
func (s *Supervisor) tell(ctx context.Context, r state.WorkflowRun, locked bool) {
	took := r.FinishedAt.Sub(r.StartedAt).Round(time.Millisecond)
	switch r.Status {
	case state.Success:
		s.log.Info("done", "workflow", r.Workflow, "slot", r.Slot, "took", took)
		s.o.Alerts.Resolve(ctx, "failed/"+r.Workflow, r.Workflow+" works again.")
		s.o.Alerts.Resolve(ctx, "partial/"+r.Workflow, r.Workflow+" is complete again.")
	case state.Partial:
		s.log.Warn("done in part", "workflow", r.Workflow, "slot", r.Slot, "took", took, "message", r.Message)
		s.o.Alerts.Resolve(ctx, "failed/"+r.Workflow, r.Workflow+" works again, in part.")
		s.o.Alerts.Raise(ctx, "partial/"+r.Workflow, alert.Warning, r.Workflow+" ended in part", r.Message)
	case state.Interrupted:
		s.log.Info("interrupted", "workflow", r.Workflow, "slot", r.Slot, "took", took)
	default:
		s.log.Error("failed", "workflow", r.Workflow, "slot", r.Slot, "attempt", r.Attempts, "took", took, "message", r.Message)
		w, ok := s.workflow(r.Workflow)
		if ok && r.Attempts <= w.Retries || !ok && locked {
			return // it is tried again, and then it may be well
		}
		s.gaveUp(ctx, r)
	}
}

func (s *Supervisor) gaveUp(ctx context.Context, r state.WorkflowRun) {
	next := "It is tried again after every back-off."
	if w, ok := s.workflow(r.Workflow); ok {
		next = fmt.Sprintf("It was tried %s for %s. Next: %s.", times(r.Attempts), stampText(r.Slot), stampText(w.schedule.Next(s.o.Clock.Now())))
	}
	s.o.Alerts.Raise(ctx, "failed/"+r.Workflow, alert.Error, r.Workflow+" failed", r.Message+"\n"+next)
}

// stations runs transform if a workflow has ended well since it last did, and
// then export if anything has ended at all: the published file also says what
// failed. What the journal knows decides, so a kill between the two repeats
// neither.
func (s *Supervisor) stations(ctx context.Context) (worked, failed bool, err error) {
	names := make([]string, 0, len(s.o.Workflows)+1)
	for _, w := range s.o.Workflows {
		names = append(names, w.Name)
	}
	covers, due, err := s.o.Journal.Due(ctx, Transform, names, false)
	if err != nil || ctx.Err() != nil {
		return false, false, err
	}
	if due {
		r, err := s.runStation(ctx, Transform, covers)
		if err != nil || ctx.Err() != nil {
			return true, false, err
		}
		worked, failed = true, r.Status == state.Failed
	}
	_, published, err := s.o.Journal.LastEnded(ctx, Transform)
	if err != nil || published.Status == "" {
		return worked, failed, err // there is nothing yet that could be exported
	}
	covers, due, err = s.o.Journal.Due(ctx, Export, append(names, Transform), true)
	if err != nil || ctx.Err() != nil || !due {
		return worked, failed, err
	}
	r, err := s.runStation(ctx, Export, covers)
	return true, failed || r.Status == state.Failed, err
}

// runStation runs transform or export under a slot of its own: this moment.
func (s *Supervisor) runStation(ctx context.Context, name string, covers int64) (state.WorkflowRun, error) {
	last, had, err := s.o.Journal.NewestSlot(ctx, name)
	if err != nil {
		return state.WorkflowRun{}, err
	}
	slot := s.o.Clock.Now().Truncate(time.Millisecond)
	if had && !slot.After(last) {
		slot = last.Add(time.Millisecond) // the clock went back
	}
	type result struct {
		run state.WorkflowRun
		err error
	}
	done := make(chan result, 1)
	go func() {
		r, err := s.run(ctx, state.WorkflowRun{Workflow: name, Pipeline: name, Slot: slot, Attempts: 1, Covers: covers}, s.o.StationTimeout, nil)
		done <- result{r, err}
	}()
	beat, stop := s.o.Clock.Pulse()
	defer stop()
	for {
		select {
		case x := <-done:
			return x.run, x.err
		case <-beat:
			if err := s.progress("running " + name); err != nil {
				x := <-done
				return x.run, errors.Join(x.err, err)
			}
		}
	}
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
