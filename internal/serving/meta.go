package serving

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Meta is the one row of serving.snapshot: what this file is.
type Meta struct {
	SnapshotID     string    // hash of everything that decides the content
	Origin         string    // live, sample or replay; empty where nothing has landed
	ExportedAt     time.Time // UTC
	PlanID         string    // plan of prod that the tables come from
	MateriaVersion string
}

// Run is a row of serving.pipeline_runs: one run of a source or of a later
// station of the pipeline.
type Run struct {
	RunID, Pipeline, Source string
	StartedAt               time.Time
	FinishedAt              time.Time // zero while running
	Status                  string    // running, success, unchanged, partial, failed, crashed
	Files, Bytes, Rows      int64     // bytes uncompressed
	Warnings                int64
	Error                   string
}

// Freshness is a row of serving.data_freshness: one source as of the export.
type Freshness struct {
	Source, Title, Licence, Homepage, Cadence, Origin string
	LastChecked                                       time.Time // date
	LastStatus, LastError                             string
	LastLandedAt                                      time.Time
	ReleasedAt                                        time.Time // as evidenced by upstream
	AsOf                                              time.Time // newest date in the content
	Files, Bytes                                      int64
	ExpectedNext                                      time.Time // date
	NewestFile, NewestSHA256, NewestURL               string
}

// Quality is a row of serving.data_quality: an audit's newest result.
type Quality struct {
	Model, Audit string
	Blocking     bool
	FailingRows  int64
	CheckedAt    time.Time
}

// Lineage is a row of serving.lineage: a model and one that it reads.
type Lineage struct {
	Model, Kind, DependsOn, Description string
}

// Workflow is a row of serving.workflows: what the supervisor runs and how it
// last ended.
type Workflow struct {
	Workflow, Schedule, Status, Message string
	FinishedAt, SucceededAt             time.Time // zero where it never did
}

// Alert is a row of serving.alerts: something that was wrong at the export.
type Alert struct {
	Key, Severity, Title, Body string
	Since                      time.Time
}

const metaTables = `
CREATE TABLE dst.serving.snapshot (snapshot_id VARCHAR NOT NULL, origin VARCHAR, exported_at TIMESTAMP NOT NULL,
  plan_id VARCHAR, materia_version VARCHAR);
CREATE TABLE dst.serving.pipeline_runs (run_id VARCHAR NOT NULL, pipeline VARCHAR, source VARCHAR, started_at TIMESTAMP,
  finished_at TIMESTAMP, status VARCHAR, files BIGINT, bytes BIGINT, rows BIGINT, warnings BIGINT, error VARCHAR);
CREATE TABLE dst.serving.data_freshness (source VARCHAR NOT NULL, title VARCHAR, licence VARCHAR, homepage VARCHAR,
  cadence VARCHAR, origin VARCHAR, last_checked DATE, last_status VARCHAR, last_error VARCHAR, last_landed_at TIMESTAMP,
  released_at TIMESTAMP, as_of DATE, files BIGINT, bytes BIGINT, expected_next DATE, newest_file VARCHAR,
  newest_sha256 VARCHAR, newest_url VARCHAR);
CREATE TABLE dst.serving.data_quality (model VARCHAR NOT NULL, audit VARCHAR NOT NULL, blocking BOOLEAN, failing_rows BIGINT,
  checked_at TIMESTAMP);
CREATE TABLE dst.serving.workflows (workflow VARCHAR NOT NULL, schedule VARCHAR, status VARCHAR, message VARCHAR, finished_at TIMESTAMP,
  succeeded_at TIMESTAMP);
CREATE TABLE dst.serving.alerts (key VARCHAR NOT NULL, severity VARCHAR, title VARCHAR, body VARCHAR, since TIMESTAMP);
CREATE TABLE dst.serving.lineage (model VARCHAR NOT NULL, kind VARCHAR, depends_on VARCHAR, description VARCHAR);
`

// MetaTables are the tables that export writes itself; no model may take their
// names.
var MetaTables = [...]string{"snapshot", "pipeline_runs", "data_freshness", "data_quality", "workflows", "alerts", "lineage"}

func writeMeta(ctx context.Context, c *sql.Conn, in Input) error {
	if _, err := c.ExecContext(ctx, metaTables); err != nil {
		return err
	}
	insert := func(table string, values ...any) error {
		marks := "?"
		for range values[1:] {
			marks += ", ?"
		}
		_, err := c.ExecContext(ctx, "INSERT INTO dst.serving."+table+" VALUES ("+marks+")", values...)
		return err
	}
	m := in.Meta
	if err := insert("snapshot", m.SnapshotID, m.Origin, m.ExportedAt.UTC(), m.PlanID, m.MateriaVersion); err != nil {
		return err
	}
	for _, r := range in.Runs {
		if err := insert("pipeline_runs", r.RunID, r.Pipeline, r.Source, stamp(r.StartedAt), stamp(r.FinishedAt), r.Status,
			r.Files, r.Bytes, r.Rows, r.Warnings, r.Error); err != nil {
			return err
		}
	}
	for _, f := range in.Freshness {
		if err := insert("data_freshness", f.Source, f.Title, f.Licence, f.Homepage, f.Cadence, f.Origin, stamp(f.LastChecked),
			f.LastStatus, f.LastError, stamp(f.LastLandedAt), stamp(f.ReleasedAt), stamp(f.AsOf), f.Files, f.Bytes,
			stamp(f.ExpectedNext), f.NewestFile, f.NewestSHA256, f.NewestURL); err != nil {
			return err
		}
	}
	for _, q := range in.Quality {
		if err := insert("data_quality", q.Model, q.Audit, q.Blocking, q.FailingRows, stamp(q.CheckedAt)); err != nil {
			return err
		}
	}
	for _, w := range in.Workflows {
		if err := insert("workflows", w.Workflow, w.Schedule, w.Status, w.Message, stamp(w.FinishedAt), stamp(w.SucceededAt)); err != nil {
			return err
		}
	}
	for _, a := range in.Alerts {
		if err := insert("alerts", a.Key, a.Severity, a.Title, a.Body, stamp(a.Since)); err != nil {
			return err
		}
	}
	for _, l := range in.Lineage {
		if err := insert("lineage", l.Model, l.Kind, l.DependsOn, l.Description); err != nil {
			return err
		}
	}
	return nil
}

// stamp is a time for the database: UTC, and NULL for the zero time.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC()
}

func readMeta(ctx context.Context, db *sql.DB) (Meta, error) {
	var m Meta
	var origin, plan, version sql.NullString
	err := db.QueryRowContext(ctx, "SELECT snapshot_id, origin, exported_at, plan_id, materia_version FROM serving.snapshot").
		Scan(&m.SnapshotID, &origin, &m.ExportedAt, &plan, &version)
	if err != nil {
		return Meta{}, fmt.Errorf("read serving.snapshot: %w", err)
	}
	m.Origin, m.PlanID, m.MateriaVersion = origin.String, plan.String, version.String
	return m, nil
}
