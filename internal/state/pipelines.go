package state

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// PipelineRun is one run of a pipeline: extract, transform, export_serving, ...
type PipelineRun struct {
	ID, Pipeline string
	StartedAt    time.Time
	FinishedAt   time.Time // zero while it runs
	Status       string
	Message      string // what a person wants to know: the error, or what was built
}

// StartPipeline opens the row with status running.
func (s *Store) StartPipeline(ctx context.Context, p PipelineRun) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO pipeline_runs (run_id, pipeline, started_at, status, message) VALUES (?, ?, ?, ?, ?)`,
		p.ID, p.Pipeline, stamp(p.StartedAt), Running, p.Message)
	return s.fail("start pipeline run "+p.ID, err)
}

// FinishPipeline closes the row, and writes it whole where the state was rebuilt
// since and has forgotten it. A crash before it leaves it running; the next start
// of the same pipeline shows that it ended.
func (s *Store) FinishPipeline(ctx context.Context, p PipelineRun) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO pipeline_runs (run_id, pipeline, started_at, finished_at, status, message) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (run_id) DO UPDATE SET finished_at = excluded.finished_at, status = excluded.status, message = excluded.message`,
		p.ID, p.Pipeline, stamp(p.StartedAt), stamp(p.FinishedAt), p.Status, p.Message)
	return s.fail("finish pipeline run "+p.ID, err)
}

// PipelineRuns returns the newest first; limit 0 is all.
func (s *Store) PipelineRuns(ctx context.Context, limit int) ([]PipelineRun, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT run_id, pipeline, started_at, finished_at, status, message
		FROM pipeline_runs ORDER BY started_at DESC, rowid DESC LIMIT ?`, atMost(limit))
	if err != nil {
		return nil, s.fail("list pipeline runs", err)
	}
	defer rows.Close()
	var list []PipelineRun
	for rows.Next() {
		var p PipelineRun
		var started, finished sql.NullString
		if err := rows.Scan(&p.ID, &p.Pipeline, &started, &finished, &p.Status, &p.Message); err != nil {
			return nil, s.fail("list pipeline runs", err)
		}
		var errs [2]error
		p.StartedAt, errs[0] = when(started)
		p.FinishedAt, errs[1] = when(finished)
		if err := errors.Join(errs[:]...); err != nil {
			return nil, s.fail("list pipeline runs: "+p.ID, err)
		}
		list = append(list, p)
	}
	return list, s.fail("list pipeline runs", rows.Err())
}
