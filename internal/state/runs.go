package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Statuses of an extraction run.
const (
	Running   = "running"
	Success   = "success"
	Unchanged = "unchanged"
	Partial   = "partial"
	Failed    = "failed"
	Crashed   = "crashed"
)

// Run is a row of extraction_runs: one attempt to extract one source.
type Run struct {
	ID, Source   string
	StartedAt    time.Time
	FinishedAt   time.Time // zero while it runs
	Status       string
	Files        int   // landed
	Bytes        int64 // uncompressed
	Rows         int64
	ETag         string
	LastModified string
	ContentHash  string
	Warnings     int
	Error        string
	WarningTexts []string // what they say, for FinishRun; read them with WarningsOf
}

// maxWarnings bounds what is kept of one run's warnings; Warnings counts all.
const maxWarnings, maxWarningBytes = 100, 1 << 10

const runColumns = `run_id, source, started_at, finished_at, status, files, bytes, rows,
	coalesce(etag, ''), coalesce(last_modified, ''), coalesce(content_hash, ''), warnings, coalesce(error, '')`

// StartRun opens the run's row with status running, whatever r.Status says. It
// comes before the first request, so that a run that dies is seen to have been.
func (s *Store) StartRun(ctx context.Context, r Run) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO extraction_runs (run_id, source, started_at, status) VALUES (?, ?, ?, ?)`,
		r.ID, r.Source, stamp(r.StartedAt), Running)
	return s.fail("start run "+r.ID, err)
}

// FinishRun closes the run's row and indexes what it landed, in one
// transaction. The files are durable before; a crash here leaves the row
// running and the files without index, and the next run marks and adds them.
func (s *Store) FinishRun(ctx context.Context, r Run, files []File) error {
	return s.fail("finish run "+r.ID, s.inTx(ctx, func(tx *sql.Tx) error {
		if err := addFiles(ctx, tx, files); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `UPDATE extraction_runs SET finished_at = ?, status = ?, files = ?, bytes = ?, rows = ?,
				etag = ?, last_modified = ?, content_hash = ?, warnings = ?, error = ?
			WHERE run_id = ? AND source = ?`,
			stamp(r.FinishedAt), r.Status, r.Files, r.Bytes, r.Rows,
			orNull(r.ETag), orNull(r.LastModified), orNull(r.ContentHash), r.Warnings, orNull(r.Error), r.ID, r.Source)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return errors.Join(err, fmt.Errorf("%d rows: was it started?", n))
		}
		for n, text := range r.WarningTexts[:min(len(r.WarningTexts), maxWarnings)] {
			if len(text) > maxWarningBytes {
				text = strings.ToValidUTF8(text[:maxWarningBytes], "") + "..."
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO run_warnings (run_id, number, text) VALUES (?, ?, ?)
				ON CONFLICT (run_id, number) DO UPDATE SET text = excluded.text`, r.ID, n+1, text); err != nil {
				return err
			}
		}
		return nil
	}))
}

// WarningsOf are the texts of a run's first warnings, in order.
func (s *Store) WarningsOf(ctx context.Context, runID string) ([]string, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT text FROM run_warnings WHERE run_id = ? ORDER BY number`, runID)
	if err != nil {
		return nil, s.fail("warnings of "+runID, err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, s.fail("warnings of "+runID, err)
		}
		list = append(list, text)
	}
	return list, s.fail("warnings of "+runID, rows.Err())
}

// MarkCrashed ends the source's runs that still say running, and returns how
// many. Only who holds the source's lock may call it: then none of them lives.
func (s *Store) MarkCrashed(ctx context.Context, source string, now time.Time) (int, error) {
	res, err := s.db.ExecContext(ctx, `UPDATE extraction_runs SET status = ?, finished_at = ?,
		error = 'the process ended before the run did' WHERE source = ? AND status = ?`,
		Crashed, stamp(now), source, Running)
	if err != nil {
		return 0, s.fail("mark crashed runs of "+source, err)
	}
	n, err := res.RowsAffected()
	return int(n), s.fail("mark crashed runs of "+source, err)
}

// Runs returns the newest runs first; limit 0 is all.
func (s *Store) Runs(ctx context.Context, limit int) ([]Run, error) {
	return s.runs(ctx, "list runs", `ORDER BY started_at DESC, rowid DESC LIMIT ?`, atMost(limit))
}

// LastRun returns the source's newest run; ok is false where it has none.
func (s *Store) LastRun(ctx context.Context, source string) (r Run, ok bool, err error) {
	runs, err := s.runs(ctx, "last run of "+source, `WHERE source = ? ORDER BY started_at DESC, rowid DESC LIMIT 1`, source)
	if err != nil || len(runs) == 0 {
		return Run{}, false, err
	}
	return runs[0], true, nil
}

func (s *Store) runs(ctx context.Context, what, clause string, args ...any) ([]Run, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT `+runColumns+` FROM extraction_runs `+clause, args...)
	if err != nil {
		return nil, s.fail(what, err)
	}
	defer rows.Close()
	var list []Run
	for rows.Next() {
		var r Run
		var started, finished sql.NullString
		if err := rows.Scan(&r.ID, &r.Source, &started, &finished, &r.Status, &r.Files, &r.Bytes, &r.Rows,
			&r.ETag, &r.LastModified, &r.ContentHash, &r.Warnings, &r.Error); err != nil {
			return nil, s.fail(what, err)
		}
		var errs [2]error
		r.StartedAt, errs[0] = when(started)
		r.FinishedAt, errs[1] = when(finished)
		if err := errors.Join(errs[:]...); err != nil {
			return nil, s.fail(what+": run "+r.ID, err)
		}
		list = append(list, r)
	}
	return list, s.fail(what, rows.Err())
}
