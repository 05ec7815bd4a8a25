package extract

import (
	"context"
	"errors"

	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/state"
)

// Mend brings a source's part of the zone and its index in order without asking
// upstream: dead runs are marked, orphans adopted, temporaries swept, decisions
// carried out. Every run begins with it.
func Mend(ctx context.Context, d Deps, source string) (found landing.Recovery, err error) {
	lock, err := d.Zone.Lock(ctx, source, d.LockWait)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if _, err := d.State.MarkCrashed(ctx, source, d.Now().UTC()); err != nil {
		return found, err
	}
	if found, err = d.Zone.Recover(source); err != nil {
		return found, err
	}
	return found, reindex(ctx, d, source)
}

// Adopt makes files that lie in the zone and that no manifest names the source's
// own, in a run of their own. origin says where they come from.
func Adopt(ctx context.Context, d Deps, source, origin string, paths []string) (landed []landing.Entry, err error) {
	lock, err := d.Zone.Lock(ctx, source, d.LockWait)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if _, err := d.Zone.Recover(source); err != nil {
		return nil, err
	}
	started := d.Now().UTC()
	run := state.Run{ID: landing.NewRunID(source, started), Source: source, StartedAt: started, Status: state.Success}
	batch, err := d.Zone.Begin(source, run.ID)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, batch.Close()) }()
	var failed error
	for _, p := range paths {
		if _, failed = batch.Adopt(p, origin); failed != nil {
			break // those before it are adopted
		}
	}
	if landed, err = batch.Commit(); err != nil || len(landed) == 0 {
		return landed, errors.Join(failed, err)
	}
	return landed, errors.Join(failed, recordRun(ctx, d, run, landed))
}

// reindex tells the index of every file of this source that a manifest names: a
// run may have died between its manifest and its row. Files that are known stay.
func reindex(ctx context.Context, d Deps, source string) error {
	var files []state.File
	for e, err := range d.Zone.Entries() {
		if err != nil {
			return err
		}
		if e.Source == source {
			files = append(files, file(e))
		}
	}
	return d.State.AddFiles(ctx, files)
}
