package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func newJournal(t *testing.T) *Journal {
	t.Helper()
	j, err := OpenJournal(filepath.Join(t.TempDir(), ".journal.sqlite"))
	must(t, err)
	t.Cleanup(func() { j.Close() })
	return j
}

// TestOneRunASlot: a slot that runs or ended well cannot be started again; a
// failed, crashed or interrupted one can, and the attempts are counted.
func TestOneRunASlot(t *testing.T) {
	j, ctx := newJournal(t), t.Context()
	r := WorkflowRun{Workflow: "psd", Pipeline: "extract_psd", Slot: noon, StartedAt: noon}
	attempts := 0
	for _, status := range []string{Failed, Crashed, Interrupted, Partial} {
		must(t, j.StartSlot(ctx, r, nil))
		if err := j.StartSlot(ctx, r, nil); err == nil {
			t.Fatal("a running slot was started")
		}
		left, err := j.Unfinished(ctx)
		must(t, err)
		attempts++
		if len(left) != 1 || left[0].Attempts != attempts {
			t.Errorf("before %s: %+v, want %d attempts", status, left, attempts)
		}
		if status == Interrupted {
			attempts-- // it costs none
		}
		r.Status, r.FinishedAt = status, noon.Add(time.Minute)
		must(t, j.FinishSlot(ctx, r))
		if err := j.FinishSlot(ctx, r); err == nil {
			t.Errorf("%s: finished twice", status)
		}
	}
	if err := j.StartSlot(ctx, r, []Gap{{Workflow: "psd", FirstSlot: noon, LastSlot: noon, Slots: 1, Reason: "x", NotedAt: noon}}); err == nil {
		t.Error("a slot that ended well was started again")
	}
	if gaps, err := j.Gaps(ctx, 0); err != nil || len(gaps) != 0 {
		t.Errorf("a refused start left gaps: %v %v", gaps, err)
	}
}

// TestDueFollowsTheOrderOfEnds: a station is due after ends that it has not
// seen, whatever the clock says of them.
func TestDueFollowsTheOrderOfEnds(t *testing.T) {
	j, ctx := newJournal(t), t.Context()
	end := func(workflow, status string, at time.Time, covers int64) {
		t.Helper()
		r := WorkflowRun{Workflow: workflow, Pipeline: workflow, Slot: at, StartedAt: at, Covers: covers}
		must(t, j.StartSlot(ctx, r, nil))
		r.Status, r.FinishedAt = status, at
		must(t, j.FinishSlot(ctx, r))
	}
	due := func(want bool) int64 {
		t.Helper()
		covers, due, err := j.Due(ctx, "transform", []string{"psd", "prices"}, false)
		must(t, err)
		if due != want {
			t.Errorf("due is %v, want %v (covers %d)", due, want, covers)
		}
		return covers
	}
	due(false)
	end("psd", Failed, noon, 0)
	due(false)
	end("prices", Success, noon, 0)
	covers := due(true)
	end("transform", Failed, noon.Add(time.Second), covers)
	due(true)
	if _, due, err := j.Due(ctx, "export", []string{"transform"}, true); err != nil || !due {
		t.Errorf("a failed end is none: %v %v", due, err)
	}
	end("psd", Partial, noon.AddDate(-3, 0, 0), 0) // the clock went back
	end("transform", Success, noon.Add(2*time.Second), covers)
	covers = due(true)
	end("transform", Success, noon.AddDate(-3, 0, 0), covers)
	due(false)
}

func TestForgetKeepsTheNewest(t *testing.T) {
	j, ctx := newJournal(t), t.Context()
	for i := range 10 {
		r := WorkflowRun{Workflow: "psd", Pipeline: "p", Slot: noon.AddDate(0, 0, i), StartedAt: noon.AddDate(0, 0, i), FinishedAt: noon.AddDate(0, 0, i), Status: Success}
		if i > 3 {
			r.Status = Failed
		}
		must(t, j.StartSlot(ctx, r, nil))
		must(t, j.FinishSlot(ctx, r))
	}
	must(t, j.Forget(ctx, noon.AddDate(1, 0, 0)))
	runs, err := j.WorkflowRuns(ctx, 0)
	must(t, err)
	if len(runs) != 2 || !runs[0].Slot.Equal(noon.AddDate(0, 0, 9)) || !runs[1].Slot.Equal(noon.AddDate(0, 0, 3)) {
		t.Errorf("kept %+v, want the newest and the newest good one", runs)
	}
	last, good, err := j.LastEnded(ctx, "psd")
	if err != nil || last.Status != Failed || good.Status != Success {
		t.Errorf("last %+v, good %+v, %v", last, good, err)
	}
}

func TestJournalDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".journal.sqlite")
	must(t, os.WriteFile(path, []byte(strings.Repeat("no database ", 100)), 0o600))
	if _, err := OpenJournal(path); !errors.Is(err, ErrCorrupt) {
		t.Errorf("damaged: %v", err)
	}
	path = filepath.Join(t.TempDir(), ".journal.sqlite")
	j, err := OpenJournal(path)
	must(t, err)
	_, err = j.db.Exec("PRAGMA user_version = 1000")
	must(t, err)
	must(t, j.Close())
	if _, err := OpenJournal(path); !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "runs once more") {
		t.Errorf("newer: %v", err)
	}
	if _, err := Open(filepath.Join(filepath.Dir(path), ".state.sqlite")); err != nil {
		t.Errorf("a state file beside it: %v", err)
	}
}

// TestSnapshotWhileWriting: the copy is whole and opens as a state file.
func TestSnapshotWhileWriting(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	must(t, s.AddFiles(ctx, []File{file(1, "psd", "r1")}))
	done := make(chan error)
	go func() {
		var err error
		for n := 2; n < 200 && err == nil; n++ {
			err = s.AddFiles(ctx, []File{file(n, "psd", "r1")})
		}
		done <- err
	}()
	to := filepath.Join(t.TempDir(), "copy.sqlite")
	must(t, s.Snapshot(ctx, to))
	must(t, <-done)
	if err := s.Snapshot(ctx, to); err == nil {
		t.Error("a copy was written over another")
	}
	files, err := open(t, to).Files(ctx)
	if err != nil || len(files) < 1 {
		t.Errorf("the copy has %d files, %v", len(files), err)
	}
}
