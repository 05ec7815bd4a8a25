package plan

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"beanflows.coffee/materia/internal/model"
)

// maxKeptRows bounds the failing rows kept of one audit, maxShownRows those in
// an error's text.
const (
	maxKeptRows  = 100
	maxShownRows = 5
)

// AuditFailure is an audit that found rows.
type AuditFailure struct {
	Model       string
	File        string // of the model, relative to the project
	Line        int    // of the audit in it; 0 where the file is not at hand
	Audit       string // as called
	Blocking    bool
	FailingRows int64
	Rows        []string // as JSON objects, at most maxKeptRows

	version, key string
}

func (f AuditFailure) String() string {
	var b strings.Builder
	place := f.File
	if f.Line > 0 {
		place = fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	fmt.Fprintf(&b, "%s: audit %s of %s: %s", place, f.Audit, f.Model, count(int(f.FailingRows), "failing row"))
	for i, row := range f.Rows {
		if i == maxShownRows {
			break
		}
		b.WriteString("\n    " + row)
	}
	if more := f.FailingRows - int64(min(len(f.Rows), maxShownRows)); more > 0 {
		fmt.Fprintf(&b, "\n    and %d more", more)
	}
	return b.String()
}

// AuditError says which blocking audits stopped a plan. The environment is as
// it was; the failing rows are kept in materia.audit_failures.
type AuditError struct{ Failures []AuditFailure }

func (e *AuditError) Error() string {
	parts := []string{"plan: blocking audits failed, the environment stays as it was"}
	for _, f := range e.Failures {
		parts = append(parts, "  "+f.String())
	}
	return strings.Join(parts, "\n")
}

// auditKey names an audit by what it asks, so that a changed one is another.
func auditKey(m *model.Model, defs map[string]*model.AuditDef, call model.AuditCall) (string, error) {
	text, err := m.AuditSQL(&model.Project{Audits: defs}, call, "this_model")
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:physicalDigits], nil
}

// runAudits asks the audits of a built version that have no result yet, on the
// connection that may see it uncommitted.
func (a *applier) runAudits(ctx context.Context, t *target, known map[string]int64) ([]AuditFailure, error) {
	var all []AuditFailure
	for i, call := range t.model.Audits {
		key, err := auditKey(t.model, a.plan.project.Audits, call)
		if err != nil {
			return nil, err
		}
		f := AuditFailure{Model: t.model.Name, File: t.model.File, Audit: auditLabel(call), Blocking: call.Blocking, version: t.version, key: key}
		if n, done := known[key]; done && (n == 0 || !call.Blocking) {
			continue
		}
		text, err := t.model.AuditSQL(a.plan.project, call, physicalName(t.model.Schema, t.model.Table, t.version))
		if err != nil {
			return nil, err
		}
		if err := a.conn.QueryRowContext(ctx, "SELECT count(*) FROM (\n"+text+"\n)").Scan(&f.FailingRows); err != nil {
			return nil, fmt.Errorf("audit %s: %w", f.Audit, err)
		}
		if f.FailingRows > 0 {
			f.Line = auditLine(a.plan.project.Root, t.model.File, t.model.Audits, i)
			if f.Rows, err = a.failingRows(ctx, text); err != nil {
				return nil, fmt.Errorf("audit %s: %w", f.Audit, err)
			}
		}
		a.report(Event{Step: "audit", Model: t.model.Name, Audit: f.Audit, Blocking: f.Blocking, FailingRows: f.FailingRows})
		all = append(all, f)
	}
	return all, nil
}

func (a *applier) failingRows(ctx context.Context, text string) ([]string, error) {
	var rows []string
	err := eachRow(ctx, a.conn, func(scan func(...any) error) error {
		var row string
		err := scan(&row)
		rows = append(rows, row)
		return err
	}, fmt.Sprintf("SELECT to_json(failing)::VARCHAR FROM (\n%s\n) AS failing LIMIT %d", text, maxKeptRows))
	return rows, err
}

// keepAudits writes results and failing rows, in the caller's transaction.
func (a *applier) keepAudits(ctx context.Context, outcomes []AuditFailure) error {
	now := a.lake.now()
	for _, f := range outcomes {
		for _, table := range []string{"audit_results", "audit_failures"} {
			if err := a.exec(ctx, "DELETE FROM materia."+table+" WHERE version = ? AND audit_key = ?", f.version, f.key); err != nil {
				return err
			}
		}
		if err := a.exec(ctx, "INSERT INTO materia.audit_results VALUES (?, ?, ?, ?, ?, ?, ?)",
			f.version, f.key, f.Model, f.Audit, f.Blocking, f.FailingRows, now); err != nil {
			return err
		}
		for n, row := range f.Rows {
			if err := a.exec(ctx, "INSERT INTO materia.audit_failures VALUES (?, ?, ?, ?, ?, ?)", f.version, f.key, f.Model, f.Audit, n, row); err != nil {
				return err
			}
		}
	}
	return nil
}

// verdict splits failures into those that stop the plan and warnings.
func verdict(outcomes []AuditFailure) (blocking, warnings []AuditFailure) {
	for _, o := range outcomes {
		switch {
		case o.FailingRows == 0:
		case o.Blocking:
			blocking = append(blocking, o)
		default:
			warnings = append(warnings, o)
		}
	}
	return blocking, warnings
}

// knownAudits are the failing rows by key of a version's recorded results.
func (a *applier) knownAudits(ctx context.Context, version string) (map[string]int64, error) {
	known := map[string]int64{}
	err := eachRow(ctx, a.conn, func(scan func(...any) error) error {
		var key string
		var n int64
		err := scan(&key, &n)
		known[key] = n
		return err
	}, "SELECT audit_key, failing_rows FROM materia.audit_results WHERE version = ?", version)
	return known, err
}

// auditLine finds the line of the i-th audit in the model's header, 0 if the
// file cannot be read: a recorded model is run without it.
func auditLine(root, file string, calls []model.AuditCall, i int) int {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil || root == "" {
		return 0
	}
	nth := 0 // how many calls of the same name stand before it
	for _, c := range calls[:i] {
		if c.Name == calls[i].Name {
			nth++
		}
	}
	inAudits := false
	for _, t := range model.Lex(string(text)) {
		if t.Is(";") {
			break // the header ends
		}
		inAudits = inAudits || t.Is("audits")
		name := strings.ToLower(strings.TrimSuffix(strings.ToLower(t.Text), "_non_blocking"))
		if inAudits && t.Kind == model.Ident && (name == calls[i].Name || strings.EqualFold(t.Text, calls[i].Name)) {
			if nth == 0 {
				return 1 + strings.Count(string(text[:t.Start]), "\n")
			}
			nth--
		}
	}
	return 0
}

func (a *applier) exec(ctx context.Context, query string, args ...any) error {
	_, err := a.conn.ExecContext(ctx, query, args...)
	return err
}

// inTx runs f between BEGIN and COMMIT on the plan's connection and rolls back
// on any error. beforeCommit names the step at which all is done but the commit.
func (a *applier) inTx(ctx context.Context, beforeCommit string, f func() error) (err error) {
	if err := a.exec(ctx, "BEGIN"); err != nil {
		return err
	}
	defer func() {
		if err != nil { // the context may be what ended it: roll back without it
			a.exec(context.WithoutCancel(ctx), "ROLLBACK") // an error here is the first one again
		}
	}()
	if err := f(); err != nil {
		return err
	}
	if err := a.lake.step(beforeCommit); err != nil {
		return err
	}
	return a.exec(ctx, "COMMIT")
}

var _ queryer = (*sql.Conn)(nil)
