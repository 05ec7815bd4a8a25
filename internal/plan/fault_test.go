package plan

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestFailureAtEveryStep makes each durable step fail in turn, in one process:
// prod stays whole, and the next plan on the same file leads where an
// undisturbed one does.
func TestFailureAtEveryStep(t *testing.T) {
	base := changedHouse(t)
	before := base.content(Prod)
	whole := base.clone()
	whole.apply(Prod)
	after := whole.content(Prod)
	for fatal := 1; ; fatal++ {
		h := base.clone()
		step, broken, where := 0, errors.New("input/output error"), ""
		o := h.options()
		o.OnStep = func(name string) error {
			step++
			if step == fatal {
				where = name
				return broken
			}
			return nil
		}
		applyOnce := func() error {
			p := h.plan(Prod)
			lake, err := Open(context.Background(), h.path, o)
			if err != nil {
				return err
			}
			_, err = Apply(context.Background(), lake, p, nil)
			return errors.Join(err, lake.Close())
		}
		err := applyOnce()
		if where == "" { // past the last step
			if err != nil || fatal < 19 {
				t.Fatalf("only %d steps: %v", fatal-1, err)
			}
			return
		}
		if !errors.Is(err, broken) {
			t.Fatalf("failing at %s: %v", where, err)
		}
		if got := h.content(Prod); got != before && got != after {
			t.Fatalf("failing at %s: prod is neither old nor new:\n%.2000s", where, got)
		}
		if err := applyOnce(); err != nil {
			t.Fatalf("again after failing at %s: %v", where, err)
		}
		if got := h.content(Prod); got != after {
			t.Fatalf("again after failing at %s: prod differs:\n%.2000s", where, got)
		}
	}
}

func TestCancelledPlanLeavesTheEnvironment(t *testing.T) {
	h := changedHouse(t)
	before := h.content(Prod)
	p := h.plan(Prod)
	lake, err := Open(context.Background(), h.path, h.options())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	_, err = Apply(ctx, lake, p, func(e Event) {
		if e.Model == "foundation.trade" && e.Step == "audit" {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrCorrupt) {
		t.Errorf("error: %v", err)
	}
	if _, err := Apply(context.Background(), lake, p, nil); err != nil { // the lakehouse is still usable
		t.Errorf("once more: %v", err)
	}
	if err := lake.Close(); err != nil {
		t.Fatal(err)
	}
	if got := h.content(Prod); got == before || h.plan(Prod).Changes() {
		t.Errorf("the second time did not get there:\n%s", got)
	}
}

// TestPlanThatFailsEveryDayDoesNotGrow keeps what the newest failed plan built,
// for its repetition, and nothing of those before.
func TestPlanThatFailsEveryDayDoesNotGrow(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	before := h.content(Prod)
	h.land("trades/bad.csv.gzip", "day,code,bags\n2026-01-03,BR,\n")
	for day := range 4 {
		h.land(fmt.Sprintf("trades/day%d.csv.gzip", day), "day,code,bags\n2026-01-04,BR,1\n")
		_, _, err := Run(context.Background(), h.path, h.options(), Prod, frozen(h.inputs()), nil)
		var failed *AuditError
		if !errors.As(err, &failed) {
			t.Fatalf("day %d: %v", day, err)
		}
	}
	if n := strings.Count(strings.Join(h.physicals(), " "), "staging.trades__"); n != 2 {
		t.Errorf("%d versions of staging.trades stand", n)
	}
	equal(t, "kept failing rows", h.query("SELECT count(*) AS n FROM materia.audit_failures"), []string{`{"n":1}`})
	if got := h.content(Prod); got != before {
		t.Errorf("prod changed:\n%s", got)
	}
}
