package extract

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/state"
)

// maxErrorBytes bounds the text of a run's row; the log has all of it.
const maxErrorBytes = 8 << 10

// leastFree is what a disk must have before a run begins: a few answers, with room
// for their spool, their draft and what the transformation writes beside.
const leastFree = 256 << 20

// Run extracts one source once. The error is nil for the statuses success and
// unchanged, and for partial where the source came to its end; Result.Failed
// then says what failed. A lock that another process holds is a
// *landing.LockedError, and no run.
func Run(ctx context.Context, d Deps, src Source, w Window) (res Result, err error) {
	res = Result{Source: src.Name, Status: state.Failed}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	lock, err := d.Zone.Lock(ctx, src.Name, d.LockWait)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	started := d.Now().UTC()
	crashed, err := d.State.MarkCrashed(ctx, src.Name, started)
	if err != nil {
		return res, err
	}
	res.RunID = landing.NewRunID(src.Name, started)
	// A crash from here on leaves the row running; the next run calls it crashed.
	if err := d.State.StartRun(ctx, state.Run{ID: res.RunID, Source: src.Name, StartedAt: started}); err != nil {
		return res, err
	}
	s := &Session{Log: d.Log.With("source", src.Name), source: src, deps: d, result: &res, window: w}
	defer func() { err = s.finish(context.WithoutCancel(ctx), err) }()
	if err = s.begin(ctx, crashed > 0); err == nil {
		err = s.work(ctx, w) // fills res, so it must not stand beside it in a return
	}
	return res, err
}

// begin brings the zone in order after a dead run and opens this run's batch.
func (s *Session) begin(ctx context.Context, crashed bool) error {
	z := s.deps.Zone
	least := cmp.Or(s.deps.FreeBytes, leastFree)
	if free, err := z.Free(); err != nil {
		return err
	} else if free < least {
		return fmt.Errorf("%s: %s has %d MB free, fewer than the %d MB that a run needs; make room, nothing was asked",
			s.source.Name, z.Root(), free>>20, least>>20)
	}
	found, err := z.Recover(s.source.Name)
	if err != nil {
		return err
	}
	if len(found.Adopted) > 0 || found.Swept > 0 || len(found.Quarantined) > 0 {
		s.Log.Info("mended what an earlier run left", "adopted", len(found.Adopted), "swept", found.Swept, "quarantined", len(found.Quarantined))
	}
	if crashed || len(found.Runs) > 0 {
		if err := reindex(ctx, s.deps, s.source.Name); err != nil {
			return err
		}
	}
	if s.origin, err = z.Origin(); err != nil {
		return err
	}
	if s.batch, err = z.Begin(s.source.Name, s.result.RunID); err != nil {
		return err
	}
	return nil
}

// work lets the source extract and turns what it landed into a manifest. What
// landed before a failure stays landed.
func (s *Session) work(ctx context.Context, w Window) error {
	failed := s.source.Extract(ctx, s, w)
	if s.deps.kept != nil && errors.Is(failed, errNotAsked) {
		failed = nil // the other URLs of a source that is judged again
	}
	entries, err := s.batch.Commit()
	s.result.Landed = entries
	// After a failed Commit this tries once more, and discards drafts. What is
	// still in the journal then is adopted by the next run.
	return errors.Join(failed, err, s.batch.Close())
}

// finish closes the run's row, however the run ended, and remembers validators
// only after that: upstream must not answer "not modified" for content that the
// index does not know. A crash before the last step costs transfers.
func (s *Session) finish(ctx context.Context, failed error) error {
	res := s.result
	why := runError(res.Failed, failed)
	some := len(res.Landed)+res.Unchanged > 0
	switch {
	case (failed != nil || len(res.Failed) > 0) && some:
		res.Status = state.Partial
	case failed != nil:
		res.Status = state.Failed
	case len(res.Failed) > 0:
		res.Status = state.Failed
		failed = fmt.Errorf("%s: %s", res.Source, strings.Join(res.Failed, "\n"+res.Source+": "))
	case len(res.Landed) > 0:
		res.Status = state.Success
	default:
		res.Status = state.Unchanged
	}
	row := state.Run{ID: res.RunID, Source: res.Source, FinishedAt: s.deps.Now().UTC(), Status: res.Status,
		Files: len(res.Landed), ETag: s.last.ETag, LastModified: s.last.LastModified, ContentHash: s.lastSHA,
		Warnings: len(res.Warnings), WarningTexts: res.Warnings, Error: why}
	files := make([]state.File, 0, len(res.Landed))
	for _, e := range res.Landed {
		row.Bytes, row.Rows = row.Bytes+e.Bytes, row.Rows+e.Rows
		files = append(files, file(e))
	}
	if err := s.deps.State.FinishRun(ctx, row, files); err != nil {
		return errors.Join(failed, err)
	}
	return errors.Join(failed, s.remember(ctx))
}

// runError is what the row says: each part that failed, then what ended the run.
func runError(parts []string, ended error) string {
	if ended != nil {
		parts = append(slices.Clone(parts), ended.Error())
	}
	text := strings.Join(parts, "\n")
	if len(text) > maxErrorBytes {
		text = strings.ToValidUTF8(text[:maxErrorBytes], "") + fmt.Sprintf("\n... (%d bytes in all)", len(text))
	}
	return text
}

// file is a manifest's line as the index keeps it.
func file(e landing.Entry) state.File {
	return state.File{Path: e.Path, Source: e.Source, SHA256: e.SHA256, URL: e.URL,
		ETag: e.Validators.ETag, LastModified: e.Validators.LastModified, Origin: e.Origin, RunID: e.Run,
		Bytes: e.Bytes, Rows: e.Rows, LandedAt: e.LandedAt, ReleasedAt: e.ReleasedAt}
}

func entry(f state.File) landing.Entry {
	return landing.Entry{Path: f.Path, Source: f.Source, SHA256: f.SHA256, URL: f.URL,
		Validators: landing.Validators{ETag: f.ETag, LastModified: f.LastModified}, Origin: f.Origin, Run: f.RunID,
		Bytes: f.Bytes, Rows: f.Rows, LandedAt: f.LandedAt, ReleasedAt: f.ReleasedAt}
}
