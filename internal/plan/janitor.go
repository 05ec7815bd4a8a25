package plan

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Janitor drops the named environments, and then every table and row that no
// environment and no kept plan names. prod is never dropped. It gives the
// number of tables and views that went. A crash leaves whole environments, and
// the rest to the next one.
func Janitor(ctx context.Context, lake *Lakehouse, drop []string) (int, error) {
	if lake.readOnly {
		return 0, lake.fail("tidy", errors.New("opened read-only"))
	}
	conn, err := lake.db.Conn(ctx)
	if err != nil {
		return 0, lake.fail("tidy", err)
	}
	defer conn.Close()
	a := newApplier(lake, conn, &Plan{}, nil)
	for _, env := range drop {
		if err := a.dropEnvironment(ctx, env); err != nil {
			return 0, err
		}
	}
	if err := a.sweep(ctx); err != nil {
		return 0, lake.fail("tidy", err)
	}
	return a.applied.Dropped, lake.fail("tidy", a.exec(ctx, "CHECKPOINT"))
}

func (a *applier) dropEnvironment(ctx context.Context, env string) error {
	if env == Prod {
		return errors.New("plan: prod is not dropped")
	}
	id, err := a.lake.current(ctx, env)
	if err != nil {
		return a.lake.fail("drop environment of", err)
	}
	if id == "" {
		return fmt.Errorf("%w %s", ErrNoEnvironment, env)
	}
	var r Recorded
	if err := a.lake.recordedModels(ctx, env, id, &r); err != nil {
		return a.lake.fail("drop environment of", err)
	}
	err = a.inTx(ctx, "drop environment commit", func() error {
		schemas := map[string]bool{}
		for _, m := range r.Models {
			schemas[viewSchema(env, m.Model.Schema)] = true
		}
		for schema := range schemas {
			if err := a.exec(ctx, "DROP SCHEMA IF EXISTS "+quote(schema)+" CASCADE"); err != nil {
				return err
			}
		}
		for _, table := range []string{"environments", "environment_models", "plans"} {
			if err := a.exec(ctx, "DELETE FROM materia."+table+" WHERE env = ?", env); err != nil {
				return err
			}
		}
		return nil
	})
	return a.lake.fail("drop environment of", err)
}

// Environments lists the environments that exist, by name.
func (l *Lakehouse) Environments(ctx context.Context) (all []string, err error) {
	err = l.each(ctx, func(scan func(...any) error) error {
		var env string
		err := scan(&env)
		all = append(all, env)
		return err
	}, "SELECT env FROM materia.environments ORDER BY env")
	return all, l.fail("list environments of", err)
}

// AuditEnvironment asks the audits of what env shows, again, and keeps their
// results and failing rows. Models whose names do not hold filter are left out.
func AuditEnvironment(ctx context.Context, lake *Lakehouse, env, filter string, progress func(Event)) (failed []AuditFailure, asked int, err error) {
	r, err := lake.Recorded(ctx, env)
	if err != nil {
		return nil, 0, err
	}
	if r.PlanID == "" {
		return nil, 0, fmt.Errorf("%w %s", ErrNoEnvironment, env)
	}
	conn, err := lake.db.Conn(ctx)
	if err != nil {
		return nil, 0, lake.fail("audit", err)
	}
	defer conn.Close()
	a := newApplier(lake, conn, &Plan{Env: env, project: recordedProject(r, r.LandingRoot)}, progress)
	for _, m := range r.Models {
		if !strings.Contains(m.Model.Name, filter) {
			continue
		}
		outcomes, err := a.runAudits(ctx, &target{model: a.plan.project.Models[m.Model.Name], version: m.Version}, nil)
		if err != nil {
			return failed, asked, lake.fail("audit "+m.Model.Name+" in", err)
		}
		asked += len(outcomes)
		if len(outcomes) > 0 {
			if err := a.inTx(ctx, "audited "+m.Model.Name, func() error { return a.keepAudits(ctx, outcomes) }); err != nil {
				return failed, asked, lake.fail("audit", err)
			}
		}
		for _, o := range outcomes {
			if o.FailingRows > 0 {
				failed = append(failed, o)
			}
		}
	}
	return failed, asked, nil
}
