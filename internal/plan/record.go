package plan

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"beanflows.coffee/materia/internal/model"
)

// Recorded reads what Compute compares with: the environment's models, or
// those of prod for an environment that does not exist yet.
func (l *Lakehouse) Recorded(ctx context.Context, env string) (Recorded, error) {
	r := Recorded{Env: env, Now: l.now(), Built: map[string]bool{}}
	if err := ValidateEnv(env); err != nil {
		return r, err
	}
	err := l.each(ctx, func(scan func(...any) error) error {
		var version string
		err := scan(&version)
		r.Built[version] = true
		return err
	}, "SELECT version FROM materia.snapshots")
	if err != nil {
		return r, l.fail("read state of", err)
	}
	if r.PlanID, err = l.current(ctx, env); err != nil {
		return r, l.fail("read state of", err)
	}
	of, planID := env, r.PlanID
	if planID == "" && env != Prod {
		if planID, err = l.current(ctx, Prod); err != nil {
			return r, l.fail("read state of", err)
		}
		if planID != "" {
			of, r.BasedOn = Prod, Prod
		}
	}
	if planID == "" {
		return r, nil
	}
	if err := l.recordedModels(ctx, of, planID, &r); err != nil {
		return r, l.fail("read state of", err)
	}
	return r, nil
}

func (l *Lakehouse) current(ctx context.Context, env string) (string, error) {
	var id string
	err := l.db.QueryRowContext(ctx, "SELECT plan_id FROM materia.environments WHERE env = ?", env).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

func (l *Lakehouse) recordedModels(ctx context.Context, env, planID string, r *Recorded) error {
	err := l.db.QueryRowContext(ctx, "SELECT landing_root FROM materia.plans WHERE env = ? AND plan_id = ?", env, planID).Scan(&r.LandingRoot)
	if err != nil {
		return fmt.Errorf("plan %s of %s: %w", planID, env, err)
	}
	files := map[string]string{}
	err = l.each(ctx, func(scan func(...any) error) error {
		var version, text string
		err := scan(&version, &text)
		files[version] = text
		return err
	}, `SELECT version, string_agg(path || chr(9) || sha256, chr(10)) FROM (
			SELECT version, path, sha256 FROM materia.snapshot_inputs UNION ALL
			SELECT b.version, f.path, f.sha256 FROM materia.snapshot_batches AS b
			JOIN materia.ledger_files AS f ON f.ledger = b.ledger AND f.batch BETWEEN b.first_batch AND b.last_batch)
		WHERE version IN (SELECT version FROM materia.environment_models WHERE env = ? AND plan_id = ?) GROUP BY version`, env, planID)
	if err != nil {
		return err
	}
	ranges := map[string]span{}
	err = l.each(ctx, func(scan func(...any) error) error {
		var version string
		var s span
		err := scan(&version, &s.Start, &s.End)
		ranges[version] = span{s.Start.UTC(), s.End.UTC()}
		return err
	}, "SELECT version, min(from_at), max(to_at) FROM materia.snapshot_batches WHERE from_at IS NOT NULL GROUP BY version")
	if err != nil {
		return err
	}
	return l.each(ctx, func(scan func(...any) error) error {
		var m RecordedModel
		var body string
		if err := scan(&m.Version, &m.CodeHash, &m.MetaHash, &body); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(body), &m.Definition); err != nil {
			return fmt.Errorf("definition of version %s: %w", m.Version, err)
		}
		m.filesText = files[m.Version]
		m.From, m.To = ranges[m.Version].Start, ranges[m.Version].End
		r.Models = append(r.Models, m)
		return nil
	}, `SELECT m.version, m.code_hash, m.meta_hash, d.body FROM materia.environment_models AS m
		JOIN materia.definitions AS d ON d.hash = m.definition
		WHERE m.env = ? AND m.plan_id = ? ORDER BY m.position`, env, planID)
}

// each runs a query and hands every row's Scan to row.
func (l *Lakehouse) each(ctx context.Context, row func(scan func(...any) error) error, query string, args ...any) error {
	return eachRow(ctx, l.db, row, query, args...)
}

func eachRow(ctx context.Context, q queryer, row func(scan func(...any) error) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// EnvModel is one model as an environment shows it.
type EnvModel struct {
	Definition
	Version   string
	View      string // quoted name of the environment's view
	Physical  string // quoted name of the table, or of the view of a VIEW model
	Rows      int64  // -1 for a VIEW
	Files     []InputFile
	CreatedAt time.Time // when this version was built, UTC
}

// Environment lists what env shows, in topological order, with the plan that
// made it; no models and no plan if it does not exist. Lineage is in
// Model.DependsOn and Files.
func (l *Lakehouse) Environment(ctx context.Context, env string) (planID string, models []EnvModel, err error) {
	r, err := l.Recorded(ctx, env)
	if err != nil || r.PlanID == "" {
		return "", nil, err
	}
	type snapshot struct {
		rows    sql.NullInt64
		created time.Time
	}
	snapshots := map[string]snapshot{}
	err = l.each(ctx, func(scan func(...any) error) error {
		var version string
		var s snapshot
		err := scan(&version, &s.rows, &s.created)
		snapshots[version] = s
		return err
	}, "SELECT version, rows, created_at FROM materia.snapshots")
	if err != nil {
		return "", nil, l.fail("read state of", err)
	}
	for _, m := range r.Models {
		if m.Model.Kind == model.Embedded {
			continue // it shows nothing of its own
		}
		s, ok := snapshots[m.Version]
		if !ok {
			return "", nil, l.fail("read state of", fmt.Errorf("%s: the table of version %s is missing; plan again", m.Model.Name, m.Version[:physicalDigits]))
		}
		e := EnvModel{Definition: m.Definition, Version: m.Version, Files: m.inputs(), Rows: -1, CreatedAt: s.created.UTC(),
			View:     quote(viewSchema(env, m.Model.Schema)) + "." + quote(m.Model.Table),
			Physical: physicalName(m.Model.Schema, m.Model.Table, m.Version)}
		if s.rows.Valid {
			e.Rows = s.rows.Int64
		}
		models = append(models, e)
	}
	return r.PlanID, models, nil
}

// AuditResult is the newest result of an audit that an environment's model
// asks for.
type AuditResult struct {
	Model       string
	File        string // of the model, relative to the project
	Audit       string // as called
	Blocking    bool
	FailingRows int64
	Rows        []string // failing rows as JSON objects, at most maxKeptRows
	CheckedAt   time.Time
}

// Audits lists the results of env's audits on the versions it shows.
func (l *Lakehouse) Audits(ctx context.Context, env string) ([]AuditResult, error) {
	r, err := l.Recorded(ctx, env)
	if err != nil || r.PlanID == "" {
		return nil, err
	}
	var all []AuditResult
	for _, m := range r.Models {
		for _, call := range m.Model.Audits {
			key, err := auditKey(m.Model, m.Audits, call)
			if err != nil {
				return nil, l.fail("read audits of", err)
			}
			a := AuditResult{Model: m.Model.Name, File: m.Model.File, Audit: auditLabel(call), Blocking: call.Blocking}
			err = l.db.QueryRowContext(ctx, "SELECT failing_rows, checked_at FROM materia.audit_results WHERE version = ? AND audit_key = ?", m.Version, key).
				Scan(&a.FailingRows, &a.CheckedAt)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err == nil && a.FailingRows > 0 {
				err = l.each(ctx, func(scan func(...any) error) error {
					var row string
					err := scan(&row)
					a.Rows = append(a.Rows, row)
					return err
				}, "SELECT failing_row::VARCHAR FROM materia.audit_failures WHERE version = ? AND audit_key = ? ORDER BY position", m.Version, key)
			}
			if err != nil {
				return nil, l.fail("read audits of", err)
			}
			a.CheckedAt = a.CheckedAt.UTC()
			all = append(all, a)
		}
	}
	return all, nil
}
