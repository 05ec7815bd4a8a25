package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/state"
)

// extract runs the sources side by side: they ask different hosts, and one that
// fails or waits must not hold up another. The error is a *sourcesError where
// some of them failed.
func (a *app) extract(ctx context.Context, w extract.Window, list ...extract.Source) (err error) {
	zone, st, err := a.openLanding(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	if a.upstream != "" {
		a.log.Info("asking " + a.upstream + " in place of the publishers (MATERIA_UPSTREAM)")
	}
	deps := extract.Deps{
		Zone: zone, State: st, Now: a.now, Log: a.log, LockWait: a.lockWait,
		Client: extract.NewClient(extract.ClientOptions{Upstream: a.upstream, Now: a.now, Log: a.log}),
	}
	results, errs := make([]extract.Result, len(list)), make([]error, len(list))
	var done sync.WaitGroup
	for i, src := range list {
		done.Go(func() {
			limited, cancel := context.WithTimeoutCause(ctx, src.TimeLimit, limitError{src.Pipeline, src.TimeLimit})
			defer cancel()
			results[i], errs[i] = extract.Run(limited, deps, src, w)
			if cause := context.Cause(limited); errs[i] != nil && cause != nil {
				errs[i] = fmt.Errorf("%w: %w", cause, errs[i])
			}
		})
	}
	done.Wait()
	failed := &sourcesError{}
	for i, res := range results {
		a.tellResult(res)
		if err := sourceFailure(res, errs[i]); err != nil {
			failed.failures = append(failed.failures, err)
		}
		failed.some = failed.some || res.Status == state.Success || res.Status == state.Unchanged || res.Status == state.Partial
	}
	switch {
	case ctx.Err() != nil:
		return errors.Join(context.Cause(ctx), errors.Join(failed.failures...))
	case len(failed.failures) > 0:
		return failed
	}
	return nil
}

// sourceFailure is the error of a run that did not succeed as a whole.
func sourceFailure(res extract.Result, err error) error {
	if err != nil {
		if !strings.HasPrefix(err.Error(), res.Source+":") {
			err = fmt.Errorf("%s: %w", res.Source, err)
		}
		return err
	}
	if len(res.Failed) > 0 {
		return fmt.Errorf("%s: %s", res.Source, strings.Join(res.Failed, "\n"+res.Source+": "))
	}
	return nil
}

// tellResult prints what a run did, a line for each thing worth knowing.
func (a *app) tellResult(res extract.Result) {
	var rows, bytes int64
	for _, e := range res.Landed {
		rows, bytes = rows+e.Rows, bytes+e.Bytes
	}
	status := res.Status
	switch {
	case res.RunID == "":
		status = "not run"
	case res.Status == state.Unchanged:
		status = "unchanged: nothing new upstream, nothing landed"
	case len(res.Landed) > 0:
		status += fmt.Sprintf(": landed %s, %s rows, %s", plural(len(res.Landed), "file"), grouped(rows), size(bytes))
	}
	fmt.Fprintf(a.stdout, "%s: %s\n", res.Source, status)
	for _, w := range res.Warnings {
		fmt.Fprintf(a.stdout, "%s: warning: %s\n", res.Source, w)
	}
	if n := len(res.Absent); n > 0 && a.brief {
		fmt.Fprintf(a.stdout, "%s: upstream does not have %s of the window\n", res.Source, plural(n, "part"))
	} else if n > 0 {
		fmt.Fprintf(a.stdout, "%s: upstream does not have %s\n", res.Source, strings.Join(res.Absent, ", "))
	}
}

// stateMending is how long another process may take to open, begin or mend the
// state or the journal.
const stateMending = time.Minute

// openLanding opens the landing zone and its state. A state file that is lost or
// corrupt is built again from the manifests.
func (a *app) openLanding(ctx context.Context) (*landing.Zone, *state.Store, error) {
	zone, err := landing.Open(a.landingDir, landing.Options{Now: a.now})
	if err != nil {
		return nil, nil, err
	}
	st, err := a.openState(ctx, zone)
	return zone, st, err
}

func (a *app) openState(ctx context.Context, zone *landing.Zone) (*state.Store, error) {
	// Sources run side by side. One of them begins or mends it, and no other run is
	// in the middle of opening it then: SQLite has odd errors for a file that moves
	// away. (A doctor only looks, and waits for nobody.)
	lock, err := zone.Lock(ctx, "state", max(a.lockWait, stateMending))
	if err != nil {
		return nil, err
	}
	defer lock.Unlock()
	path := statePath(zone)
	damaged, moved := emptied(path, path+"-wal"), ""
	st, err := state.Open(path)
	if errors.Is(err, state.ErrCorrupt) {
		damaged = true
		if moved, err = state.Quarantine(path); err == nil {
			st, err = state.Open(path)
		}
	}
	if st, err = a.filledState(ctx, zone, st, err); err == nil && damaged {
		a.tellDamage(ctx, "the state file", moved, "built again from the manifests")
	}
	return st, err
}

// filledState fills a state that knows nothing yet from the manifests.
func (a *app) filledState(ctx context.Context, zone *landing.Zone, st *state.Store, err error) (*state.Store, error) {
	if err != nil {
		return nil, err
	}
	if !st.Fresh() {
		return st, nil
	}
	files, err := manifested(zone)
	if err == nil && len(files) > 0 {
		err = st.Fill(ctx, files)
	}
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return st, nil
}

func statePath(zone *landing.Zone) string { return zone.Root() + "/.state.sqlite" }

// manifested are the landed files that the manifests name, as the state indexes them.
func manifested(zone *landing.Zone) ([]state.File, error) {
	entries, err := landed(zone)
	if err != nil {
		return nil, err
	}
	files := make([]state.File, 0, len(entries))
	for _, e := range entries {
		files = append(files, state.File{Path: e.Path, Source: e.Source, SHA256: e.SHA256, URL: e.URL,
			ETag: e.Validators.ETag, LastModified: e.Validators.LastModified, Origin: e.Origin, RunID: e.Run,
			Bytes: e.Bytes, Rows: e.Rows, LandedAt: e.LandedAt, ReleasedAt: e.ReleasedAt})
	}
	return files, nil
}

// landed lists what the manifests name, once a path, in order of landing.
func landed(zone *landing.Zone) ([]landing.Entry, error) {
	var all []landing.Entry
	seen := map[string]bool{}
	for e, err := range zone.Entries() {
		if err != nil {
			return nil, err
		}
		if !seen[e.Path] {
			seen[e.Path] = true
			all = append(all, e)
		}
	}
	slices.SortStableFunc(all, func(x, y landing.Entry) int { return x.LandedAt.Compare(y.LandedAt) })
	return all, nil
}
