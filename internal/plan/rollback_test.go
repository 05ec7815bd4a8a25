package plan

import (
	"errors"
	"strings"
	"testing"
)

// with opens the lakehouse for writing and keeps more plans than usual.
func (h *house) with(keep int, f func(*Lakehouse)) {
	h.t.Helper()
	o := h.options()
	o.KeepPlans = keep
	lake, err := Open(h.t.Context(), h.path, o)
	if err != nil {
		h.t.Fatal(err)
	}
	f(lake)
	if err := lake.Close(); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) applyKeeping(keep int, env string) string {
	h.t.Helper()
	p := h.plan(env)
	h.with(keep, func(lake *Lakehouse) {
		if _, err := Apply(h.t.Context(), lake, p, nil); err != nil {
			h.t.Fatal(err)
		}
	})
	return p.ID
}

func TestRollbackToAnyKeptPlan(t *testing.T) {
	h := newHouse(t)
	ids, shown := []string{}, []string{}
	for _, step := range []func(){
		func() {},
		func() { h.land("trades/b.csv.gzip", fileB) },
		func() { h.remove("models/serving/recent.sql") },
		func() { h.edit("models/serving/by_country.sql", "sum(bags)", "sum(bags) * 10") },
	} {
		step()
		ids = append(ids, h.applyKeeping(10, Prod))
		shown = append(shown, h.content(Prod))
	}
	for _, i := range []int{0, 2, 1, 3} {
		h.with(10, func(lake *Lakehouse) {
			to, err := Rollback(t.Context(), lake, Prod, ids[i][:6])
			if err != nil || to.ID != ids[i] {
				t.Fatalf("to %d: %+v, %v", i, to, err)
			}
		})
		if got := h.content(Prod); got != shown[i] {
			t.Errorf("after going to plan %d:\n%s\nit showed\n%s", i, got, shown[i])
		}
	}
	h.with(10, func(lake *Lakehouse) {
		to, err := Rollback(t.Context(), lake, Prod, "") // to where it was before
		if err != nil || to.ID != ids[1] {
			t.Errorf("back: %+v, %v", to, err)
		}
		plans, err := lake.Plans(t.Context(), Prod)
		if err != nil || len(plans) != 4 || plans[0].ID != ids[3] || !plans[2].Current {
			t.Errorf("plans: %+v, %v", plans, err)
		}
		for id, want := range map[string]string{"zzz": "no plan zzz", ids[1]: "is what prod shows"} {
			if _, err := Rollback(t.Context(), lake, Prod, id); !errors.Is(err, ErrNoPlan) || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v", id, err)
			}
		}
		if _, err := Rollback(t.Context(), lake, "nobody", ""); !errors.Is(err, ErrNoEnvironment) {
			t.Errorf("error: %v", err)
		}
	})
	p, _ := h.apply(Prod) // and forward by the project's files
	if len(p.Builds) > 0 {
		t.Errorf("builds what stands: %v", builds(p))
	}
	if got := h.content(Prod); got != shown[3] {
		t.Errorf("after planning again:\n%s", got)
	}
}

func TestRunAfterRollbackRunsThatPlansCode(t *testing.T) {
	h := newHouse(t)
	first := h.applyKeeping(5, Prod)
	h.edit("models/serving/by_country.sql", "sum(bags)", "sum(bags) * 10")
	h.applyKeeping(5, Prod)
	h.with(5, func(lake *Lakehouse) {
		if _, err := Rollback(t.Context(), lake, Prod, first); err != nil {
			t.Fatal(err)
		}
	})
	h.land("trades/b.csv.gzip", fileB)
	h.run(Prod)
	equal(t, "bags", h.query("SELECT bags FROM serving.by_country"), []string{`{"bags":17}`, `{"bags":5}`})
}

func TestJanitorKeepsWhatIsNamed(t *testing.T) {
	h := newHouse(t)
	h.applyKeeping(5, Prod)
	h.applyKeeping(5, "dev")
	for _, factor := range []string{"2", "3", "4"} {
		h.write("models/foundation/rate.sql", "MODEL (name foundation.rate, kind FULL);\nSELECT day, CAST(rate * "+factor+" AS DECIMAL(10,4)) AS rate FROM staging.rates")
		h.applyKeeping(5, Prod)
	}
	versions := func() int {
		return strings.Count(strings.Join(h.physicals(), " "), "materia__foundation.rate__")
	}
	if n := versions(); n != 4 {
		t.Errorf("%d versions are kept", n)
	}
	prod, dev := h.content(Prod), h.content("dev")
	h.with(0, func(lake *Lakehouse) {
		if n, err := Janitor(t.Context(), lake, nil); err != nil || n != 1 {
			t.Errorf("dropped %d, %v", n, err)
		}
		if _, err := Janitor(t.Context(), lake, []string{Prod}); err == nil {
			t.Error("prod can be dropped")
		}
	})
	if h.content(Prod) != prod || h.content("dev") != dev {
		t.Error("an environment changed")
	}
	h.with(0, func(lake *Lakehouse) {
		if n, err := Janitor(t.Context(), lake, []string{"dev"}); err != nil || n != 1 {
			t.Errorf("dropped %d, %v", n, err)
		}
		if envs, err := lake.Environments(t.Context()); err != nil || len(envs) != 1 {
			t.Errorf("environments: %v, %v", envs, err)
		}
	})
	if n := versions(); n != 2 {
		t.Errorf("%d versions stand", n)
	}
	equal(t, "schemas of dev", h.query("SELECT schema_name FROM duckdb_schemas() WHERE schema_name LIKE '%\\_\\_dev' ESCAPE '\\'"), nil)
}

func TestDiffOfEnvironments(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	h.edit("models/serving/by_country.sql", "sum(bags)", "sum(bags) * 10")
	h.write("models/serving/more.sql", "MODEL (name serving.more, kind FULL);\nSELECT 1 AS one")
	h.land("trades/b.csv.gzip", fileB)
	h.apply("dev")
	lake, err := OpenReadOnly(t.Context(), h.path, h.options())
	if err != nil {
		t.Fatal(err)
	}
	defer lake.Close()
	found, err := lake.Diff(t.Context(), Prod, "dev")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range found {
		got = append(got, d.Model+" "+d.Kind)
		if d.Model == "staging.trades" && (d.RowsA != 2 || d.RowsB != 3 || d.OnlyRowsA != 0 || d.OnlyRowsB != 1) {
			t.Errorf("rows: %+v", d)
		}
		if d.Model == "serving.by_country" && !strings.Contains(d.Diff, "+SELECT title, CAST(sum(bags) * 10") {
			t.Errorf("diff: %s", d.Diff)
		}
	}
	equal(t, "differences", got, []string{"staging.trades data", "foundation.trade data", "serving.by_country code", "serving.recent data", "serving.more only in b"})
}

func TestAuditEnvironmentAgain(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	physical := strings.Split(h.query("SELECT physical_schema || '.' || physical_table AS n FROM materia.snapshots WHERE model = 'foundation.trade'")[0], `"`)[3]
	h.execute("UPDATE " + physical + " SET bags = NULL WHERE code = 'BR'") // somebody else's doing
	h.with(0, func(lake *Lakehouse) {
		failed, asked, err := AuditEnvironment(t.Context(), lake, Prod, "foundation", nil)
		if err != nil || asked != 2 || len(failed) != 1 || failed[0].FailingRows != 1 || !strings.Contains(failed[0].Rows[0], `"code":"BR"`) {
			t.Errorf("failed %+v of %d, %v", failed, asked, err)
		}
	})
	equal(t, "kept rows", h.query("SELECT count(*) AS n FROM materia.audit_failures"), []string{`{"n":1}`})
}
