package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/plan"
)

// What was shown is what is done, or nothing is: a plan that another process
// overtook between the showing and the answer is refused, and so is one that
// would build other tables than it showed, such as after a sweep.
func TestOvertakenPlanDoesNothing(t *testing.T) {
	_, server := smallUpstream(t)
	h := newHouse(t, "MATERIA_UPSTREAM="+server.URL)
	h.project = priceProject(t)
	h.run("pipeline", "run", "extract_prices")
	a := h.app()
	shown, err := a.propose(t.Context(), plan.Prod)
	if err != nil {
		t.Fatal(err)
	}
	h.run("pipeline", "run", "transform")
	before := h.stat("lakehouse.duckdb")
	if _, err := a.apply(t.Context(), shown); !errors.Is(err, plan.ErrStale) {
		t.Errorf("overtaken: %v", err)
	}
	if after := h.stat("lakehouse.duckdb"); !before.ModTime().Equal(after.ModTime()) {
		t.Error("the lakehouse was written")
	}

	reusing, err := a.propose(t.Context(), "dev_ann")
	if err != nil || len(reusing.Builds) > 0 || !reusing.Changes() {
		t.Fatalf("a new environment should build nothing: %d builds, %v", len(reusing.Builds), err)
	}
	other := *reusing.Plan
	other.Builds = []plan.Build{{Model: "serving.coffee_prices", Reason: "its table is missing"}} // as if it had been when it was shown
	if _, err := a.apply(t.Context(), proposal{&other, reusing.project, reusing.in}); !errors.Is(err, plan.ErrStale) {
		t.Errorf("a plan that would build other tables than shown: %v", err)
	}
	if _, err := a.apply(t.Context(), reusing); err != nil {
		t.Errorf("the plan as it was shown: %v", err)
	}
}

// On a terminal the line of what is being built is wiped; elsewhere there is none.
func TestProgressLines(t *testing.T) {
	for _, c := range []struct {
		terminal bool
		want     string
	}{
		{false, "[1/2] a.b: 1,234 rows, 2.0 s; audit not_null warning: 3 rows\n[2/2] a.c: view, 0.0 s\n"},
		{true, "[1/2] a.b building ...\r" + strings.Repeat(" ", 22) + "\r[1/2] a.b: 1,234 rows, 2.0 s; audit not_null warning: 3 rows\n" +
			"[2/2] a.c building ...\r" + strings.Repeat(" ", 22) + "\r[2/2] a.c: view, 0.0 s\n"},
	} {
		var out strings.Builder
		p := newProgress(&out, c.terminal, false)
		for _, e := range []plan.Event{
			{Step: "build", Model: "a.b", N: 1, Total: 2},
			{Step: "audit", Model: "a.b", Audit: "not_null", FailingRows: 3},
			{Step: "build", Model: "a.b", N: 1, Total: 2, Done: true, Rows: 1234, Seconds: 2},
			{Step: "build", Model: "a.c", N: 2, Total: 2},
			{Step: "build", Model: "a.c", N: 2, Total: 2, Done: true, Rows: -1},
		} {
			p.event(e)
		}
		p.end()
		if out.String() != c.want {
			t.Errorf("terminal %v: %q, want %q", c.terminal, out.String(), c.want)
		}
	}
	// Two models at once: an audit belongs to its own line, and what is still being
	// built shows again.
	var both strings.Builder
	q := newProgress(&both, true, false)
	for _, e := range []plan.Event{
		{Step: "build", Model: "a.b", N: 1, Total: 2},
		{Step: "audit", Model: "a.b", Audit: "not_null", FailingRows: 3},
		{Step: "build", Model: "a.c", N: 2, Total: 2},
		{Step: "build", Model: "a.c", N: 1, Total: 2, Done: true, Rows: -1},
		{Step: "build", Model: "a.b", N: 2, Total: 2, Done: true, Rows: 1},
	} {
		q.event(e)
	}
	q.end()
	wiped := "\r" + strings.Repeat(" ", 22) + "\r"
	want := "[1/2] a.b building ..." + wiped + "[2/2] a.c building ..." + wiped + "[1/2] a.c: view, 0.0 s\n" +
		"[1/2] a.b building ..." + wiped + "[2/2] a.b: 1 row, 0.0 s; audit not_null warning: 3 rows\n"
	if both.String() != want {
		t.Errorf("%q, want %q", both.String(), want)
	}
	var out strings.Builder
	p := newProgress(&out, true, false)
	p.event(plan.Event{Step: "build", Model: "a.slow", N: 1, Total: 1})
	p.mu.Lock()
	p.doing[0].since = p.doing[0].since.Add(-time.Minute)
	p.mu.Unlock()
	for told := false; !told; time.Sleep(50 * time.Millisecond) {
		p.mu.Lock()
		told = strings.Contains(out.String(), "a.slow building ... 6") // seconds: 60 and some
		p.mu.Unlock()
	}
	p.end()
}
