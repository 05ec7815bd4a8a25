package plan

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"beanflows.coffee/materia/internal/model"
)

// Event is what Apply reports as it goes.
type Event struct {
	Step        string // build, audit, promote, sweep
	Model       string
	Kind        string
	N, Total    int // of a build: the N-th to begin, or to be done, of how many
	Done        bool
	Rows        int64 // built; -1 for a view
	Seconds     float64
	Audit       string
	Blocking    bool
	FailingRows int64
}

// Applied is what Apply did.
type Applied struct {
	PlanID   string
	Built    []Built
	Warnings []AuditFailure // non-blocking audits that found rows
	Dropped  int            // tables and views that nothing shows any more
	Seconds  float64
}

// Built is one version that was made.
type Built struct {
	Model, Version string
	Rows           int64 // -1 for a view
	Seconds        float64
}

// applier is one Apply on one connection. Those that build at the same time
// share the account.
type applier struct {
	lake *Lakehouse
	conn *sql.Conn
	plan *Plan
	*account
}

// account is what the builders of one Apply tell of and share.
type account struct {
	mu       sync.Mutex // guards all of it, and lets one report at a time
	progress func(Event)
	standIns standIns
	applied  Applied
	building int // builds begun
	done     int // and ended
}

func newApplier(lake *Lakehouse, conn *sql.Conn, p *Plan, progress func(Event)) *applier {
	return &applier{lake: lake, conn: conn, plan: p, account: &account{progress: progress}}
}

// Apply takes the environment of p to where p leads. Versions are built and
// audited first, each in a transaction of its own; then one transaction moves
// all views. A crash or an error before that leaves the environment as it was,
// and what was built is used by the next Apply.
//
// It fails with ErrStale if the environment has another plan than p was
// computed against, and with an *AuditError if a blocking audit found rows.
func Apply(ctx context.Context, lake *Lakehouse, p *Plan, progress func(Event)) (Applied, error) {
	if lake.readOnly {
		return Applied{}, lake.fail("apply plan to", errors.New("opened read-only"))
	}
	if !p.Changes() {
		return Applied{PlanID: p.BasePlanID}, nil
	}
	began := time.Now()
	conn, err := lake.db.Conn(ctx)
	if err != nil {
		return Applied{}, lake.fail("apply plan to", err)
	}
	defer conn.Close()
	a := newApplier(lake, conn, p, progress)
	a.applied.PlanID = p.ID
	defer a.standIns.remove()
	err = a.run(ctx)
	a.applied.Seconds = time.Since(began).Seconds()
	if err != nil {
		var failed *AuditError
		if errors.As(err, &failed) {
			return a.applied, err
		}
		return a.applied, lake.fail("apply plan to", err)
	}
	return a.applied, nil
}

func (a *applier) run(ctx context.Context) error {
	if err := a.check(ctx); err != nil {
		return err
	}
	if err := a.build(ctx); err != nil {
		var failed *AuditError
		if errors.As(err, &failed) { // or a plan that fails every day fills the disk with what it built
			return errors.Join(err, a.sweep(ctx))
		}
		return err
	}
	if err := a.promote(ctx); err != nil {
		return err
	}
	// From here on the environment is the new one: what is left is tidying,
	// and a crash leaves it to the next Apply.
	if err := a.sweep(ctx); err != nil {
		return err
	}
	if err := a.lake.step("checkpoint"); err != nil {
		return err
	}
	// A crash leaves the log beside the file, which the next open replays.
	return a.exec(ctx, "CHECKPOINT")
}

// check refuses, before any write, a plan that does not fit the file.
func (a *applier) check(ctx context.Context) error {
	current, err := a.lake.current(ctx, a.plan.Env)
	if err != nil {
		return err
	}
	if current != a.plan.BasePlanID {
		return ErrStale
	}
	file := filepath.Base(a.lake.path)
	catalog := strings.TrimSuffix(file, filepath.Ext(file))
	for _, t := range a.plan.targets {
		if schema := viewSchema(a.plan.Env, t.model.Schema); strings.EqualFold(catalog, schema) {
			return fmt.Errorf("the file is named like schema %s: DuckDB cannot tell them apart; rename the file, for example to lakehouse.duckdb", schema)
		}
	}
	return nil
}

// promote moves the environment in one transaction: views, its models, its
// plan. A crash before the commit leaves the old environment, after it the new.
func (a *applier) promote(ctx context.Context) error {
	a.report(Event{Step: "promote"})
	if err := a.lake.step("promote"); err != nil {
		return err
	}
	err := a.inTx(ctx, "promote commit", func() error {
		if err := a.moveViews(ctx); err != nil {
			return err
		}
		return a.recordPlan(ctx)
	})
	if err != nil {
		return fmt.Errorf("promote %s: %w", a.plan.Env, err)
	}
	a.report(Event{Step: "promote", Done: true})
	return a.lake.step("promoted")
}

func (a *applier) moveViews(ctx context.Context) error {
	schemas := map[string]bool{}
	for _, t := range a.plan.targets {
		schema := quote(viewSchema(a.plan.Env, t.model.Schema))
		if !schemas[schema] {
			schemas[schema] = true
			if err := a.exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+schema); err != nil {
				return err
			}
		}
		if t.model.Kind == model.Embedded { // perhaps another kind before
			if err := a.exec(ctx, fmt.Sprintf("DROP VIEW IF EXISTS %s.%s", schema, quote(t.model.Table))); err != nil {
				return err
			}
			continue
		}
		if err := a.exec(ctx, fmt.Sprintf("CREATE OR REPLACE VIEW %s.%s AS SELECT * FROM %s", schema, quote(t.model.Table),
			physicalName(t.model.Schema, t.model.Table, t.version))); err != nil {
			return err
		}
	}
	if a.plan.BasePlanID == "" {
		return nil // a new environment has no views to take away
	}
	for _, name := range a.plan.Removed {
		schema, table, _ := strings.Cut(name, ".")
		if err := a.exec(ctx, fmt.Sprintf("DROP VIEW IF EXISTS %s.%s", quote(viewSchema(a.plan.Env, schema)), quote(table))); err != nil {
			return err
		}
	}
	return nil
}

func (a *applier) recordPlan(ctx context.Context) error {
	p, now := a.plan, a.lake.now()
	summary, err := json.Marshal(p)
	if err != nil {
		return err
	}
	// After a rollback the same plan may come again.
	for _, table := range []string{"environment_models", "plans"} {
		if err := a.exec(ctx, "DELETE FROM materia."+table+" WHERE env = ? AND plan_id = ?", p.Env, p.ID); err != nil {
			return err
		}
	}
	for i, t := range p.targets {
		definition, err := a.keepDefinition(ctx, t)
		if err != nil {
			return err
		}
		if err := a.exec(ctx, "INSERT INTO materia.environment_models VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			p.Env, p.ID, i, t.model.Name, t.version, t.model.CodeHash, t.model.MetaHash, definition); err != nil {
			return err
		}
	}
	if err := a.exec(ctx, "INSERT INTO materia.plans VALUES (?, ?, ?, nullif(?, ''), ?, ?, ?)",
		p.ID, p.Env, p.Kind, p.BasePlanID, p.landingRoot, now, string(summary)); err != nil {
		return err
	}
	return a.pointTo(ctx, p)
}

// pointTo makes the plan the environment's current one.
func (a *applier) pointTo(ctx context.Context, p *Plan) error {
	if err := a.exec(ctx, "DELETE FROM materia.environments WHERE env = ?", p.Env); err != nil {
		return err
	}
	return a.exec(ctx, "INSERT INTO materia.environments VALUES (?, ?, nullif(?, ''), ?)", p.Env, p.ID, p.BasePlanID, a.lake.now())
}

// report tells of an event, one at a time. A build's number is how many were
// begun with it, or done.
func (a *applier) report(e Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case e.Step == "build" && e.Done:
		a.done++
		e.N = a.done
	case e.Step == "build":
		a.building++
		e.N = a.building
	}
	if a.progress != nil {
		a.progress(e)
	}
}
