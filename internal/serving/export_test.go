package serving

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func TestExportPublishesOnceForOneContent(t *testing.T) {
	b := newBench(t)
	r := b.export(1)
	if !r.Replaced || r.Bytes == 0 || r.Tables[0].Rows != rows {
		t.Errorf("first export: %+v", r)
	}
	before, err := os.Stat(b.path)
	if err != nil {
		t.Fatal(err)
	}
	in := input(b.dir, 1)
	in.Meta.ExportedAt = in.Meta.ExportedAt.Add(time.Hour)
	in.Runs = append(in.Runs, Run{RunID: "b", Status: "unchanged"}, Run{RunID: "c", Status: "running"})
	in.Quality[0].CheckedAt = in.Meta.ExportedAt
	again, err := Export(t.Context(), in)
	if err != nil || again.Replaced || again.SnapshotID != r.SnapshotID {
		t.Errorf("looking again made news: %+v, %v", again, err)
	}
	if after, err := os.Stat(b.path); err != nil || !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Errorf("the file was replaced: %v", err)
	}
	for name, change := range map[string]func(*Input){
		"a table's version": func(in *Input) { in.Tables[0].Version = "other" },
		"a failed run":      func(in *Input) { in.Runs = append(in.Runs, Run{RunID: "d", Status: "failed", Error: "why"}) },
		"freshness":         func(in *Input) { in.Freshness[0].LastStatus = "failed" },
		"a failing audit":   func(in *Input) { in.Quality[0].FailingRows = 1 },
		"the origin":        func(in *Input) { in.Meta.Origin = "live" },
	} {
		in := input(b.dir, 1)
		change(&in)
		if snapshotID(in) == r.SnapshotID {
			t.Errorf("%s makes no other snapshot", name)
		}
	}
}

func TestExportRefuses(t *testing.T) {
	b := newBench(t)
	in := input(b.dir, 1)
	in.Tables = nil
	if _, err := Export(t.Context(), in); err == nil || !strings.Contains(err.Error(), "plan prod") {
		t.Errorf("nothing to export: %v", err)
	}
	in = input(b.dir, 1)
	in.Tables[0].Name = "pipeline_runs"
	if _, err := Export(t.Context(), in); err == nil || !strings.Contains(err.Error(), "rename the model") {
		t.Errorf("a table of our own name: %v", err)
	}
	in = input(b.dir, 1)
	in.Tables[1].Source = "nowhere"
	if _, err := Export(t.Context(), in); err == nil || !strings.Contains(err.Error(), "table rights") {
		t.Errorf("a table that is not there: %v", err)
	}
	if left := b.temporaries(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := os.Stat(b.path); err == nil {
		t.Error("something was published")
	}
}

// An export that fails at a step leaves the old file and nothing else.
func TestExportFailsAtEveryStep(t *testing.T) {
	b := newBench(t)
	b.export(1)
	r := b.reader()
	var steps []string
	in := input(b.dir, 1)
	in.Meta.Origin = "live"
	in.OnStep = func(step string) error { steps = append(steps, step); return nil }
	if _, err := Export(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	b.export(1)
	if len(steps) != 4 {
		t.Fatalf("steps %v", steps)
	}
	b.generation(2)
	broken := errors.New("disk on fire")
	for _, fatal := range steps[:3] { // after the rename the new file is published
		in := input(b.dir, 2)
		in.OnStep = func(step string) error {
			if step == fatal {
				return broken
			}
			return nil
		}
		if _, err := Export(t.Context(), in); !errors.Is(err, broken) {
			t.Errorf("%s: %v", fatal, err)
		}
		if left := b.temporaries(); len(left) > 0 {
			t.Errorf("%s: left behind %v", fatal, left)
		}
		s := b.acquire(r)
		if n, err := generationOf(s); n != 1 || err != nil {
			t.Errorf("%s: generation %d, %v", fatal, n, err)
		}
		s.Release()
	}
	b.export(2)
	s := b.acquire(r)
	defer s.Release()
	if n, err := generationOf(s); n != 2 || err != nil {
		t.Errorf("in the end: generation %d, %v", n, err)
	}
}

// A process that is killed at a step of its export leaves the old file or the
// new one, whole, and the next export leaves nothing of it.
func TestExportKilledAtEveryStep(t *testing.T) {
	for _, step := range []string{"export.build", "export.sync", "export.rename", "export.syncdir"} {
		b := newBench(t)
		b.export(1)
		steps, died, err := exporter(b.dir, step)
		if err != nil || !died || !strings.HasSuffix(strings.TrimSpace(steps), step) {
			t.Fatalf("%s: died %v after %q, %v", step, died, steps, err)
		}
		want := 1
		if step == "export.syncdir" {
			want = 2
		}
		if len(b.links()) != 1 {
			t.Errorf("%s: the dead reader's link: %v", step, b.links())
		}
		r := b.reader() // sweeps it
		if left := b.links(); len(left) > 0 {
			t.Errorf("%s: links of the dead: %v", step, left)
		}
		s := b.acquire(r)
		if n, err := generationOf(s); n != want || err != nil {
			t.Errorf("%s: generation %d, %v", step, n, err)
		}
		s.Release()
		b.export(2)
		if left := b.temporaries(); len(left) > 0 {
			t.Errorf("%s: left behind %v", step, left)
		}
		s = b.acquire(r)
		if n, err := generationOf(s); n != 2 || err != nil {
			t.Errorf("%s: afterwards generation %d, %v", step, n, err)
		}
		s.Release()
	}
}

func TestSecondExportIsToldWhoExports(t *testing.T) {
	b := newBench(t)
	in := input(b.dir, 1)
	in.OnStep = func(step string) error {
		if step != "export.build" {
			return nil
		}
		other := input(b.dir, 1)
		other.LockWait = 10 * time.Millisecond
		_, err := Export(context.Background(), other)
		var locked *LockedError
		if !errors.As(err, &locked) || locked.Holder.PID != os.Getpid() || locked.Path != b.path {
			t.Errorf("the second export: %v", err)
		}
		return nil
	}
	if r, err := Export(t.Context(), in); err != nil || !r.Replaced {
		t.Errorf("the first export: %+v, %v", r, err)
	}
}
