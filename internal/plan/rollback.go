package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// KeptPlan is a plan that an environment can return to.
type KeptPlan struct {
	ID        string    `json:"plan_id"`
	Kind      string    `json:"kind"`
	Headline  string    `json:"headline"`
	CreatedAt time.Time `json:"created_at"`
	Current   bool      `json:"current"`
}

// Plans lists the plans of env whose tables stand, newest first.
func (l *Lakehouse) Plans(ctx context.Context, env string) (all []KeptPlan, err error) {
	if err := ValidateEnv(env); err != nil {
		return nil, err
	}
	err = l.each(ctx, func(scan func(...any) error) error {
		var p KeptPlan
		err := scan(&p.ID, &p.Kind, &p.Headline, &p.CreatedAt, &p.Current)
		p.CreatedAt = p.CreatedAt.UTC()
		all = append(all, p)
		return err
	}, `SELECT p.plan_id, p.kind, p.summary->>'$.headline', p.created_at, p.plan_id = e.plan_id
		FROM materia.plans AS p JOIN materia.environments AS e ON e.env = p.env
		WHERE p.env = ? AND p.plan_id IN (SELECT m.plan_id FROM materia.environment_models AS m WHERE m.env = p.env)
		AND NOT EXISTS (SELECT 1 FROM materia.environment_models AS m JOIN materia.definitions AS d ON d.hash = m.definition
			WHERE m.env = p.env AND m.plan_id = p.plan_id AND d.body->>'$.model.kind' <> 'EMBEDDED'
			AND m.version NOT IN (SELECT version FROM materia.snapshots))
		ORDER BY p.created_at DESC, p.rowid DESC`, env)
	return all, l.fail("list plans of", err)
}

// Rollback lets env show what an earlier plan showed; planID may be its first
// digits, and empty means the plan before the current one. Nothing is built:
// one transaction moves the views. ErrNoPlan if its tables do not stand.
func Rollback(ctx context.Context, lake *Lakehouse, env, planID string) (KeptPlan, error) {
	if lake.readOnly {
		return KeptPlan{}, lake.fail("roll back", errors.New("opened read-only"))
	}
	to, err := lake.earlier(ctx, env, planID)
	if err != nil {
		return KeptPlan{}, err
	}
	current, err := lake.current(ctx, env)
	if err != nil {
		return KeptPlan{}, lake.fail("roll back", err)
	}
	var now, then Recorded
	if err := errors.Join(lake.recordedModels(ctx, env, current, &now), lake.recordedModels(ctx, env, to.ID, &then)); err != nil {
		return KeptPlan{}, lake.fail("roll back", err)
	}
	p := &Plan{ID: to.ID, Env: env, BasePlanID: current}
	for _, m := range then.Models {
		p.targets = append(p.targets, &target{model: m.Model, version: m.Version})
	}
	for _, m := range now.Models {
		if !slices.ContainsFunc(then.Models, func(t RecordedModel) bool { return t.Model.Name == m.Model.Name }) {
			p.Removed = append(p.Removed, m.Model.Name)
		}
	}
	conn, err := lake.db.Conn(ctx)
	if err != nil {
		return KeptPlan{}, lake.fail("roll back", err)
	}
	defer conn.Close()
	a := newApplier(lake, conn, p, nil)
	// A crash before the commit leaves the current plan, after it the earlier one.
	err = a.inTx(ctx, "rollback commit", func() error {
		if err := a.moveViews(ctx); err != nil {
			return err
		}
		return a.pointTo(ctx, p)
	})
	return to, lake.fail("roll back", err)
}

// ErrNoPlan says that an environment has no such plan to return to.
var ErrNoPlan = errors.New("plan: no such plan to return to")

func (l *Lakehouse) earlier(ctx context.Context, env, planID string) (KeptPlan, error) {
	all, err := l.Plans(ctx, env)
	if err != nil {
		return KeptPlan{}, err
	}
	if len(all) == 0 {
		return KeptPlan{}, fmt.Errorf("%w %s", ErrNoEnvironment, env)
	}
	if planID == "" {
		var previous string
		err := l.db.QueryRowContext(ctx, "SELECT coalesce(previous_plan_id, '') FROM materia.environments WHERE env = ?", env).Scan(&previous)
		if err != nil {
			return KeptPlan{}, l.fail("roll back", err)
		}
		if planID = previous; planID == "" {
			return KeptPlan{}, fmt.Errorf("%w: %s has had one plan only", ErrNoPlan, env)
		}
	}
	var found []KeptPlan
	for _, p := range all {
		if len(planID) <= len(p.ID) && p.ID[:len(planID)] == planID {
			found = append(found, p)
		}
	}
	switch {
	case len(found) == 0:
		return KeptPlan{}, fmt.Errorf("%w: %s has no plan %s, or its tables are gone", ErrNoPlan, env, planID)
	case len(found) > 1:
		return KeptPlan{}, fmt.Errorf("%w: more than one plan of %s begins with %s", ErrNoPlan, env, planID)
	case found[0].Current:
		return KeptPlan{}, fmt.Errorf("%w: %s is what %s shows", ErrNoPlan, found[0].ID, env)
	}
	return found[0], nil
}
