package plan

import (
	"context"
	"errors"
)

// Run gives env the inputs that are new, with the code it was last planned
// with. Without news nothing is written, not even the lock file: the plan it
// returns says so. ErrNoEnvironment if env was never planned.
func Run(ctx context.Context, path string, o Options, env string, in Inputs, progress func(Event)) (*Plan, Applied, error) {
	p, err := dueNow(ctx, path, o, env, in)
	if err != nil {
		return nil, Applied{}, err
	}
	if !p.Changes() {
		return p, Applied{PlanID: p.BasePlanID}, nil
	}
	lake, err := Open(ctx, path, o)
	if err != nil {
		return nil, Applied{}, err
	}
	// Computed again under the lock: another process may have been faster.
	recorded, err := lake.Recorded(ctx, env)
	if err != nil {
		return nil, Applied{}, errors.Join(err, lake.Close())
	}
	if p, err = ComputeRun(in, recorded); err != nil {
		return nil, Applied{}, errors.Join(err, lake.Close())
	}
	applied, err := Apply(ctx, lake, p, progress)
	return p, applied, errors.Join(err, lake.Close())
}

func dueNow(ctx context.Context, path string, o Options, env string, in Inputs) (*Plan, error) {
	lake, err := OpenReadOnly(ctx, path, o)
	if err != nil {
		return nil, err
	}
	recorded, err := lake.Recorded(ctx, env)
	if err := errors.Join(err, lake.Close()); err != nil {
		return nil, err
	}
	return ComputeRun(in, recorded)
}
