package plan

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/model"
)

// The victim: plans and applies prod in the house at PLAN_TEST_PATH, or with
// PLAN_TEST_VERB=run gives it what is new, and kills itself at the step of the
// name PLAN_TEST_KILL.
func pipelineToDeath() error {
	h := &house{root: os.Getenv("PLAN_TEST_PATH")}
	h.paths()
	o := h.options()
	fatal := os.Getenv("PLAN_TEST_KILL")
	o.OnStep = func(name string) error {
		fmt.Println(name)
		if fatal == name {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return nil
	}
	ctx := context.Background()
	if os.Getenv("PLAN_TEST_VERB") == "run" {
		in, err := landed(h.landing)
		if err != nil {
			return err
		}
		fmt.Println("open")
		_, _, err = Run(ctx, h.path, o, Prod, frozen(in), nil)
		return err
	}
	project, err := model.Load(ctx, h.project, model.LoadOptions{Getenv: func(string) string { return h.landing }})
	if err != nil {
		return err
	}
	in, err := landed(h.landing)
	if err != nil {
		return err
	}
	fmt.Println("open")
	lake, err := Open(ctx, h.path, o)
	if err != nil {
		return err
	}
	defer lake.Close()
	recorded, err := lake.Recorded(ctx, Prod)
	if err != nil {
		return err
	}
	p, err := Compute(project, in, recorded)
	if err != nil {
		return err
	}
	_, err = Apply(ctx, lake, p, nil)
	return err
}

// victim runs the other process and gives its steps, whose order among models
// that do not read each other may be another each time. Without a step to die at
// it is killed after the delay; a delay of 0 lets it end.
func victim(t *testing.T, verb, root, step string, after time.Duration) (steps []string, took time.Duration, survived bool) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "PLAN_TEST_ROLE=pipeline", "PLAN_TEST_VERB="+verb, "PLAN_TEST_PATH="+root, "PLAN_TEST_KILL="+step)
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var began time.Time
	for lines.Scan() {
		if lines.Text() == "open" {
			began = time.Now()
			if after > 0 {
				time.AfterFunc(after, func() { c.Process.Kill() })
			}
			continue
		}
		steps = append(steps, lines.Text())
	}
	err = c.Wait()
	if err != nil && stderr.Len() > 0 {
		t.Fatalf("the other process: %v\n%s", err, stderr.String())
	}
	return steps, time.Since(began), err == nil
}

// clone copies a house, which nobody has open.
func (h *house) clone() *house {
	h.t.Helper()
	twin := &house{t: h.t, root: h.t.TempDir(), wait: 10 * time.Second}
	if err := os.CopyFS(twin.root, os.DirFS(h.root)); err != nil {
		h.t.Fatal(err)
	}
	twin.paths()
	return twin
}

// changedHouse shows one version in prod and has everything that can change
// waiting for the next plan. Its tables are large enough to be caught half
// written.
func changedHouse(t *testing.T) *house {
	h := newHouse(t)
	var rows strings.Builder
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		fmt.Fprintf(&rows, "2026-01-%02d,%s,%d\n", 1+r.IntN(28), []string{"BR", "CO", "VN"}[r.IntN(3)], r.IntN(1_000_000))
	}
	h.land("trades/big.csv.gzip", "day,code,bags\n"+rows.String())
	h.write("models/foundation/daily.sql", dailySQL)
	h.write("models/foundation/latest.sql", `MODEL (name foundation.latest, kind INCREMENTAL_BY_UNIQUE_KEY (unique_key code), start '2026-01-01');
SELECT code, max_by(bags, day) AS bags FROM staging.trades WHERE day BETWEEN @start_date AND @end_date GROUP BY code
`)
	h.now = january(20)
	h.apply(Prod)
	h.now = time.Time{} // twelve days later
	h.land("trades/later.csv.gzip", "day,code,bags\n"+rows.String())
	h.edit("models/serving/by_country.sql", "sum(bags)", "sum(bags) * 2")
	h.edit("models/foundation/rate.sql", "kind FULL", "kind FULL, audits (not_null(columns := (day)))")
	h.write("models/serving/rates.sql", "MODEL (name serving.rates, kind FULL);\nSELECT rate FROM foundation.rate")
	h.remove("models/serving/recent.sql")
	return h
}

// survivesKill checks what a kill left: the file opens, prod is wholly old or
// wholly new, and doing it again leads where an undisturbed plan leads.
func survivesKill(t *testing.T, h *house, verb, moment, before, after string) {
	t.Helper()
	if _, err := os.Stat(h.path); err == nil {
		got, err := content(h.path, Prod)
		if err != nil {
			t.Fatalf("killed %s: the file does not open: %v", moment, err)
		}
		if got != before && got != after {
			t.Fatalf("killed %s: prod is neither old nor new:\n%.2000s", moment, got)
		}
	} else if before != "" {
		t.Fatalf("killed %s: %v", moment, err)
	}
	if verb == "run" {
		h.run(Prod)
	} else {
		h.apply(Prod)
	}
	if got := h.content(Prod); got != after {
		t.Fatalf("killed %s: after doing it again prod differs from an undisturbed plan:\n%.2000s", moment, got)
	}
	equal(t, "versions without a table, killed "+moment, h.query(`SELECT model FROM materia.snapshots WHERE (physical_schema, physical_table) NOT IN (
		SELECT (schema_name, table_name) FROM duckdb_tables() UNION ALL SELECT (schema_name, view_name) FROM duckdb_views())`), nil)
	if left, _ := filepath.Glob(h.path + ".new*"); len(left) > 0 {
		t.Errorf("killed %s: left behind %v", moment, left)
	}
}

// TestKillAtEveryStep kills at each kind of step, and with MATERIA_LONG at each
// step of every model.
func TestKillAtEveryStep(t *testing.T) {
	for _, c := range []struct {
		name, verb string
		house      func(*testing.T) *house
		least      int // steps that there must be
	}{{"first plan", "plan", newHouse, 25}, {"changes", "plan", changedHouse, 19}} {
		t.Run(c.name, func(t *testing.T) {
			base := c.house(t)
			before := ""
			if _, err := os.Stat(base.path); err == nil {
				before = base.content(Prod)
			}
			whole := base.clone()
			steps, _, _ := victim(t, c.verb, whole.root, "", 0)
			after := whole.content(Prod)
			if len(steps) < c.least || before == after {
				t.Fatalf("steps %v, content the same: %v", steps, before == after)
			}
			seen := map[string]bool{}
			for _, name := range steps {
				// "build staging.rates": another model takes the same steps.
				kind := strings.Fields(name)[0] + fmt.Sprint(len(strings.Fields(name)))
				if os.Getenv("MATERIA_LONG") == "" && seen[kind] {
					continue
				}
				seen[kind] = true
				h := base.clone()
				if seen, _, survived := victim(t, c.verb, h.root, name, 0); survived || seen[len(seen)-1] != name {
					t.Fatalf("should have died at %s: %v", name, seen)
				}
				survivesKill(t, h, c.verb, "at "+name, before, after)
			}
		})
	}
}

// TestKillAtRandomMoments kills a plan of everything that can change and a run
// of new files and elapsed intervals, in turn.
func TestKillAtRandomMoments(t *testing.T) {
	trials := 50
	if os.Getenv("MATERIA_LONG") != "" {
		trials = 500
	}
	base := changedHouse(t)
	before := base.content(Prod)
	type undisturbed struct {
		took  time.Duration
		after string
	}
	verbs := []string{"plan", "run"}
	whole := map[string]undisturbed{}
	for _, verb := range verbs {
		h := base.clone()
		_, took, _ := victim(t, verb, h.root, "", 0)
		whole[verb] = undisturbed{took, h.content(Prod)}
	}
	if whole["plan"].after == before || whole["run"].after == before {
		t.Fatal("nothing changes")
	}
	died := 0
	for i := range trials {
		verb := verbs[i%2]
		moment := time.Duration(rand.Int64N(int64(whole[verb].took)))
		h := base.clone()
		if _, _, survived := victim(t, verb, h.root, "", max(moment, 1)); !survived {
			died++
		}
		survivesKill(t, h, verb, verb+" after "+moment.String(), before, whole[verb].after)
	}
	if died < trials/4 {
		t.Errorf("only %d of %d were killed before they ended", died, trials)
	}
}
