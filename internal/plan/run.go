package plan

import (
	"context"
	"errors"
)

// Run gives env the inputs that are new, with the code it was last planned
// with. Without news nothing is written, not even the lock file: the plan it
// returns says so. ErrNoEnvironment if env was never planned. list gives the
// inputs; it is called at once, while the lakehouse is being opened.
func Run(ctx context.Context, path string, o Options, env string, list func() (Inputs, error), progress func(Event)) (*Plan, Applied, error) {
	p, in, err := dueNow(ctx, path, o, env, list)
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

func dueNow(ctx context.Context, path string, o Options, env string, list func() (Inputs, error)) (*Plan, Inputs, error) {
	type listed struct {
		in  Inputs
		err error
	}
	inputs := make(chan listed, 1)
	go func() {
		in, err := list()
		inputs <- listed{in, err}
	}()
	recorded, err := recordedNow(ctx, path, o, env)
	l := <-inputs
	if err := errors.Join(l.err, err); err != nil {
		return nil, Inputs{}, err
	}
	p, err := ComputeRun(l.in, recorded)
	return p, l.in, err
}

func recordedNow(ctx context.Context, path string, o Options, env string) (Recorded, error) {
	lake, err := OpenReadOnly(ctx, path, o)
	if err != nil {
		return Recorded{}, err
	}
	recorded, err := lake.Recorded(ctx, env)
	return recorded, errors.Join(err, lake.Close())
}
