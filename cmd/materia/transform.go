package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/model"
	"beanflows.coffee/materia/internal/modeltest"
	"beanflows.coffee/materia/internal/plan"
	"beanflows.coffee/materia/internal/state"
)

// keptPlans is how many plans of an environment can be rolled back to. They
// share every table that did not change between them.
const keptPlans = 7

// replans is how often a plan that another process overtook is made again.
const replans = 3

// transform brings prod to the project's code and then to the newest data.
func (a *app) transform(ctx context.Context) error {
	return a.recorded(ctx, "transform", func() (string, string, error) {
		empty := emptied(a.lakehouse, a.lakehouse+".wal")
		p, applied, err := a.planAndApply(ctx, plan.Prod)
		if errors.Is(err, plan.ErrCorrupt) {
			if merr := a.mendLakehouse(ctx); merr != nil {
				return state.Failed, "", errors.Join(err, merr)
			}
			p, applied, err = a.planAndApply(ctx, plan.Prod)
		}
		if err != nil {
			return state.Failed, "", err
		}
		if empty {
			a.tellDamage(ctx, "the lakehouse", "", "built again from the landing zone")
		}
		message, status := a.tellApplied(p, applied)
		if p.Changes() { // what landed meanwhile
			if p, applied, err = a.runEnvironment(ctx, plan.Prod); err != nil {
				return state.Failed, "", err
			}
			if p.Changes() {
				message, status = a.tellApplied(p, applied)
			}
		}
		return status, message, nil
	})
}

// tellApplied prints what a plan did and says it for the run's row.
func (a *app) tellApplied(p *plan.Plan, applied plan.Applied) (message, status string) {
	if !p.Changes() {
		message, status = "unchanged: "+p.Headline+"; nothing rebuilt", state.Unchanged
	} else {
		message = fmt.Sprintf("built %s, reused %d, in %.1f s; `%s` shows plan %s",
			plural(len(applied.Built), "model"), len(p.Reused), applied.Seconds, p.Env, applied.PlanID)
		status = state.Success
	}
	fmt.Fprintf(a.stdout, "transform: %s\n", message)
	for _, w := range applied.Warnings {
		fmt.Fprintf(a.stdout, "transform: warning: %s\n", w)
	}
	return message, status
}

// planAndApply plans env and applies what it shows, asking nobody. Where another
// process was faster it plans again, and shows that.
func (a *app) planAndApply(ctx context.Context, env string) (*plan.Plan, plan.Applied, error) {
	for try := 1; ; try++ {
		p, err := a.propose(ctx, env)
		if err != nil {
			return nil, plan.Applied{}, err
		}
		if !p.Changes() {
			return p.Plan, plan.Applied{PlanID: p.BasePlanID}, nil
		}
		if err := a.testChanges(ctx, p); err != nil {
			return nil, plan.Applied{}, err
		}
		if err := p.WriteText(a.stderr); err != nil {
			return nil, plan.Applied{}, err
		}
		applied, err := a.apply(ctx, p)
		if errors.Is(err, plan.ErrStale) && try < replans {
			a.log.Info("another plan came first; planning again")
			continue
		}
		return p.Plan, applied, err
	}
}

// proposal is a plan with what it was computed from.
type proposal struct {
	*plan.Plan
	project *model.Project
	in      plan.Inputs
}

// propose compares the project and the landing zone with env. It holds the
// lakehouse only while it reads.
func (a *app) propose(ctx context.Context, env string, limits ...model.Interval) (proposal, error) {
	recorded, err := a.recordedEnvironment(ctx, env)
	if err != nil {
		return proposal{}, err
	}
	p := proposal{}
	if p.project, err = a.loadProject(ctx, recorded.Bound); err != nil {
		return proposal{}, err
	}
	if p.in, err = a.inputs(); err != nil {
		return proposal{}, err
	}
	for _, at := range limits {
		p.in.Start, p.in.End = at.Start, at.End
	}
	p.Plan, err = plan.Compute(p.project, p.in, recorded)
	return p, err
}

func (a *app) recordedEnvironment(ctx context.Context, env string) (plan.Recorded, error) {
	lake, err := plan.OpenReadOnly(ctx, a.lakehouse, a.lakeOptions())
	if err != nil {
		return plan.Recorded{}, err
	}
	recorded, err := lake.Recorded(ctx, env)
	return recorded, errors.Join(err, lake.Close())
}

// apply does what p shows, or nothing: under the lock the plan is computed again
// from the same project and files, and if it differs the answer is ErrStale.
func (a *app) apply(ctx context.Context, p proposal) (plan.Applied, error) {
	lake, err := plan.Open(ctx, a.lakehouse, a.lakeOptions())
	if err != nil {
		return plan.Applied{}, err
	}
	applied, err := a.applyShown(ctx, lake, p)
	return applied, errors.Join(err, lake.Close())
}

func (a *app) applyShown(ctx context.Context, lake *plan.Lakehouse, p proposal) (plan.Applied, error) {
	recorded, err := lake.Recorded(ctx, p.Env)
	if err != nil {
		return plan.Applied{}, err
	}
	again, err := plan.Compute(p.project, p.in, recorded)
	if err != nil {
		return plan.Applied{}, err
	}
	if !sameWork(p.Plan, again) {
		return plan.Applied{}, plan.ErrStale
	}
	show := newProgress(a.stderr, a.terminal, a.quiet)
	defer show.end()
	return plan.Apply(ctx, lake, again, show.event)
}

// sameWork says that two plans start, build, reuse and end alike.
func sameWork(x, y *plan.Plan) bool {
	return x.ID == y.ID && slices.Equal(x.Builds, y.Builds) && slices.Equal(x.Reused, y.Reused)
}

// runEnvironment gives env the data that is new, with its recorded code.
func (a *app) runEnvironment(ctx context.Context, env string) (*plan.Plan, plan.Applied, error) {
	a.collectLess()
	show := newProgress(a.stderr, a.terminal, a.quiet)
	defer show.end()
	return plan.Run(ctx, a.lakehouse, a.lakeOptions(), env, a.inputs, show.event)
}

// testChanges runs the project's unit tests before code is applied that env does
// not have, and says what lint would. New data alone needs neither.
func (a *app) testChanges(ctx context.Context, p proposal) error {
	if len(p.Added)+len(p.Removed)+len(p.DirectlyModified)+len(p.MetadataUpdated) == 0 {
		return nil
	}
	report, err := modeltest.Run(ctx, p.project, modeltest.Options{})
	if err != nil {
		return err
	}
	if err := a.tellTests(report); err != nil {
		return err
	}
	return a.warnFindings(p.project)
}

// tellTests prints failed tests, and returns an error if there are any.
func (a *app) tellTests(report modeltest.Report) error {
	for _, r := range report.Results {
		if !r.Passed {
			fmt.Fprintln(a.stderr, r.Diff)
		}
	}
	if n := report.Failed(); n > 0 {
		return fmt.Errorf("%s of %d failed", plural(n, "model test"), len(report.Results))
	}
	a.log.Info(fmt.Sprintf("%s passed", plural(len(report.Results), "model test")))
	return nil
}

// zone opens the landing zone without its state: plans trust the manifests.
func (a *app) zone() (*landing.Zone, error) {
	return landing.Open(a.landingDir, landing.Options{Now: a.now})
}

// collectLess lets the heap grow to five times what lives, some 50 MB, before it
// is collected: a verb that looks at the project is over in a tenth of a second,
// of which collecting took a fifth.
func (a *app) collectLess() {
	if a.getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// loadProject reads the SQL project. bound may be nil.
func (a *app) loadProject(ctx context.Context, bound func(string) (model.Binding, bool)) (*model.Project, error) {
	a.collectLess()
	root, err := filepath.Abs(a.landingDir)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(a.projectDir, "config.yaml")); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no SQL project at %s: run materia where the repository is, or name the folder with --project", a.projectDir)
	}
	return model.Load(ctx, a.projectDir, model.LoadOptions{User: userName(), Bound: bound, Getenv: func(name string) string {
		if name == "LANDING_DIR" { // absolute, and whatever --project is
			return root
		}
		return a.getenv(name)
	}})
}

// inputs freezes the list of files that a plan may read: those that manifests
// name and no operator set aside, and the manifests.
func (a *app) inputs() (plan.Inputs, error) {
	root, err := filepath.Abs(a.landingDir)
	if err != nil {
		return plan.Inputs{}, err
	}
	in := plan.Inputs{Root: root}
	if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
		return in, nil // and no folder is made: the path may be mistyped
	}
	zone, err := a.zone()
	if err != nil {
		return plan.Inputs{}, err
	}
	aside, err := zone.Aside("")
	if err != nil {
		return plan.Inputs{}, err
	}
	taken := map[string]bool{} // listed before, or set aside
	for _, path := range aside {
		taken[path] = true
	}
	for m, err := range zone.Manifests() {
		if err != nil {
			return plan.Inputs{}, err
		}
		in.Files = append(in.Files, plan.InputFile{Path: root + "/" + m.Path, SHA256: m.SHA256})
		for _, e := range m.Entries {
			if !taken[e.Path] {
				taken[e.Path] = true
				in.Files = append(in.Files, plan.InputFile{Path: root + "/" + e.Path, SHA256: e.SHA256})
			}
		}
	}
	return in, nil
}

func (a *app) lakeOptions() plan.Options {
	return plan.Options{LockWait: a.lockWait, KeepPlans: keptPlans, Log: a.log, Now: a.now}
}

// recorded writes a row of pipeline_runs around f, which says how it ended and
// what a person wants to know of it.
func (a *app) recorded(ctx context.Context, name string, f func() (status, message string, err error)) (err error) {
	_, st, err := a.openLanding(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	row := state.PipelineRun{ID: landing.NewRunID(name, a.now()), Pipeline: name, StartedAt: a.now().UTC()}
	if err := st.StartPipeline(ctx, row); err != nil {
		return err
	}
	began := time.Now()
	status, message, err := f()
	row.Status, row.Message = status, message
	if err != nil {
		row.Status, row.Message = state.Failed, err.Error()
	}
	row.FinishedAt = row.StartedAt.Add(time.Since(began)) // MATERIA_NOW stands still, work takes time
	return errors.Join(err, st.FinishPipeline(context.WithoutCancel(ctx), row))
}

var notInNames = regexp.MustCompile(`[^a-z0-9_]+`)

// userName is the user as part of an environment's name.
func userName() string {
	name := ""
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	name = strings.Trim(notInNames.ReplaceAllString(strings.ToLower(name), "_"), "_")
	if name == "" {
		return "user"
	}
	return name
}
