package plan

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"beanflows.coffee/materia/internal/model"
)

// buildOne makes, checks and audits one version in one transaction, so that a
// version that is recorded stands, is whole, and passed. A crash anywhere
// before the commit leaves no trace of it.
func (a *applier) buildOne(ctx context.Context, t *target, versions map[string]string, total int) error {
	name := t.model.Name
	a.report(Event{Step: "build", Model: name, Kind: string(t.model.Kind), Total: total})
	if err := a.lake.step("build " + name); err != nil {
		return err
	}
	var outcomes []AuditFailure
	var failed *AuditError
	b := Built{Model: name, Version: t.version, Rows: -1}
	err := a.inTx(ctx, "built "+name, func() (err error) {
		began := time.Now()
		if err := a.materialise(ctx, t, versions); err != nil {
			return err
		}
		if err := a.checkContract(ctx, t); err != nil {
			return err
		}
		if t.model.Kind != model.View {
			if err := a.conn.QueryRowContext(ctx, "SELECT count(*) FROM "+physicalName(t.model.Schema, t.model.Table, t.version)).Scan(&b.Rows); err != nil {
				return err
			}
		}
		b.Seconds = time.Since(began).Seconds()
		if outcomes, err = a.runAudits(ctx, t, nil); err != nil {
			return err
		}
		blocking, warnings := verdict(outcomes)
		if len(blocking) > 0 {
			return &AuditError{blocking}
		}
		a.warn(warnings)
		if err := a.keepAudits(ctx, outcomes); err != nil {
			return err
		}
		return a.recordSnapshot(ctx, t, b)
	})
	if errors.As(err, &failed) {
		return a.keepFailures(ctx, outcomes, failed)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("build %s (%s): %w", name, t.model.File, err), a.plainErrors(ctx))
	}
	a.mu.Lock()
	a.applied.Built = append(a.applied.Built, b)
	a.mu.Unlock()
	a.report(Event{Step: "build", Model: name, Kind: string(t.model.Kind), Total: total, Done: true, Rows: b.Rows, Seconds: b.Seconds})
	return a.lake.step("committed " + name)
}

// materialise creates the table or view itself.
func (a *applier) materialise(ctx context.Context, t *target, versions map[string]string) error {
	m := t.model
	if m.Incremental() {
		return a.materialiseIntervals(ctx, t, versions)
	}
	if t.ledger != "" {
		return a.materialiseFiles(ctx, t)
	}
	rendered, err := a.render(m, versions, t.byGlob)
	if err != nil {
		return err
	}
	return a.execModel(ctx, m, rendered, fmt.Sprintf("CREATE %s %s AS\n", t.physicalKind(), physicalName(m.Schema, m.Table, t.version)), "")
}

// render gives a model's SQL over the versions of its parents and over files.
func (a *applier) render(m *model.Model, versions map[string]string, byGlob map[string][]InputFile) (*model.Rendered, error) {
	return a.renderInterval(m, model.Interval{}, versions, byGlob)
}

func (a *applier) renderInterval(m *model.Model, at model.Interval, versions map[string]string, byGlob map[string][]InputFile) (*model.Rendered, error) {
	var standIn error
	rendered, err := m.RenderInterval(at,
		func(dep string) string {
			schema, table, _ := strings.Cut(dep, ".")
			if versions[dep] == "" {
				return ""
			}
			if parent := a.plan.project.Models[dep]; parent.Kind == model.Embedded {
				inner, err := a.render(parent, versions, nil)
				if err != nil {
					standIn = errors.Join(standIn, err)
					return ""
				}
				return "(\n" + inner.SQL + "\n)"
			}
			return physicalName(schema, table, versions[dep])
		},
		func(glob string) []string {
			var paths []string
			for _, f := range byGlob[glob] {
				paths = append(paths, strings.TrimSuffix(a.plan.landingRoot, "/")+"/"+f.Path)
			}
			if len(paths) == 0 {
				path, err := a.standInFile(glob, m.Query)
				paths, standIn = []string{path}, errors.Join(standIn, err)
			}
			return paths
		})
	return rendered, errors.Join(standIn, err)
}

// execModel runs a model's SQL between two pieces of ours, and leads an error
// in it back to the model's file.
func (a *applier) execModel(ctx context.Context, m *model.Model, rendered *model.Rendered, before, after string) error {
	if err := a.exec(ctx, "SET errors_as_json = true"); err != nil {
		return err
	}
	err := a.exec(ctx, before+rendered.SQL+after)
	if err == nil {
		return a.plainErrors(ctx)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if isCorrupt(err, a.lake.path) {
		return err
	}
	return m.Explain(rendered, len(before), err)
}

// plainErrors ends DuckDB's JSON errors on the connection. It cannot be done in
// a transaction that failed.
func (a *applier) plainErrors(ctx context.Context) error {
	return a.exec(context.WithoutCancel(ctx), "SET errors_as_json = false")
}

// checkContract compares the columns that came out with those the header
// states. Load has compared the query's; this is about what the files hold.
func (a *applier) checkContract(ctx context.Context, t *target) error {
	if !t.model.Contract {
		return nil
	}
	got := map[string]string{}
	err := eachRow(ctx, a.conn, func(scan func(...any) error) error {
		var name, typ string
		err := scan(&name, &typ)
		got[strings.ToLower(name)] = typ
		return err
	}, "SELECT column_name, column_type FROM (DESCRIBE "+physicalName(t.model.Schema, t.model.Table, t.version)+")")
	if err != nil {
		return err
	}
	var wrong []string
	for _, c := range t.model.Columns {
		typ, there := got[strings.ToLower(c.Name)]
		delete(got, strings.ToLower(c.Name))
		switch {
		case !there:
			wrong = append(wrong, "no column "+c.Name)
		case typ != c.Type:
			wrong = append(wrong, fmt.Sprintf("column %s is %s, not %s", c.Name, typ, c.Type))
		}
	}
	for name := range got {
		wrong = append(wrong, "column "+name+" is not in the contract")
	}
	if len(wrong) > 0 {
		return fmt.Errorf("columns contract: %s", strings.Join(wrong, "; "))
	}
	return nil
}

func (a *applier) recordSnapshot(ctx context.Context, t *target, b Built) error {
	definition, err := a.keepDefinition(ctx, t)
	if err != nil {
		return err
	}
	m := t.model
	var rows any
	if b.Rows >= 0 {
		rows = b.Rows
	}
	if err := a.exec(ctx, "INSERT INTO materia.snapshots VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", t.version, m.Name, t.recordedKind(),
		physicalPrefix+m.Schema, m.Table+"__"+t.version[:physicalDigits], m.CodeHash, definition, rows, b.Seconds, a.lake.now()); err != nil {
		return err
	}
	if len(t.files) == 0 || t.ledger != "" {
		return nil // a ledger knows its files
	}
	files, err := json.Marshal(t.files)
	if err != nil {
		return err
	}
	return a.exec(ctx, `INSERT INTO materia.snapshot_inputs SELECT ?, f.path, f.sha256
		FROM (SELECT unnest(from_json(?, '[{"path":"VARCHAR","sha256":"VARCHAR"}]')) AS f)`, t.version, string(files))
}

// keepDefinition stores what Run needs of a model, once for equal ones.
func (a *applier) keepDefinition(ctx context.Context, t *target) (hash string, err error) {
	d := Definition{Model: t.model, Audits: map[string]*model.AuditDef{}}
	for _, call := range t.model.Audits {
		if def := a.plan.project.Audits[call.Name]; def != nil {
			d.Audits[call.Name] = def
		}
	}
	body, err := json.Marshal(d)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(body)
	hash = hex.EncodeToString(sum[:])
	return hash, a.exec(ctx, "INSERT INTO materia.definitions SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM materia.definitions WHERE hash = ?)",
		hash, string(body), hash)
}

// auditStanding asks audits that were added or changed since a version was
// built. A crash leaves their results to be asked for again.
func (a *applier) auditStanding(ctx context.Context, t *target) error {
	known, err := a.knownAudits(ctx, t.version)
	if err != nil {
		return err
	}
	outcomes, err := a.runAudits(ctx, t, known)
	if err != nil {
		return fmt.Errorf("audit %s (%s): %w", t.model.Name, t.model.File, err)
	}
	if len(outcomes) == 0 {
		return nil
	}
	blocking, warnings := verdict(outcomes)
	if len(blocking) > 0 {
		return a.keepFailures(ctx, outcomes, &AuditError{blocking})
	}
	a.warn(warnings)
	return a.inTx(ctx, "audited "+t.model.Name, func() error { return a.keepAudits(ctx, outcomes) })
}

func (a *account) warn(warnings []AuditFailure) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.applied.Warnings = append(a.applied.Warnings, warnings...)
}

func (a *account) standInFile(glob, query string) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.standIns.file(glob, query)
}

// keepFailures stores the rows of a failed audit, after what it looked at was
// rolled back, and gives the failure. They stay until the next plan succeeds.
func (a *applier) keepFailures(ctx context.Context, outcomes []AuditFailure, failed *AuditError) error {
	err := a.inTx(ctx, "keep failures", func() error { return a.keepAudits(ctx, outcomes) })
	if err != nil {
		return errors.Join(failed, err)
	}
	return failed
}

// standIns are files without rows, for readers that match nothing.
type standIns struct {
	dir  string
	made map[string]bool // paths: another builder may be reading one
}

// file gives a stand-in that the reader of glob can read. The folder is in the
// system's temporary one; a crash leaves it there.
func (s *standIns) file(glob, query string) (string, error) {
	base := filepath.Base(glob)
	ext := ""
	if i := strings.Index(base, "."); i >= 0 {
		ext = strings.NewReplacer("*", "", "?", "", "[", "", "]", "").Replace(base[i:])
	}
	if strings.Contains(strings.ToLower(ext), "parquet") {
		return "", fmt.Errorf("no file matches %s, and a Parquet reader takes its columns from one", glob)
	}
	if s.dir == "" {
		dir, err := os.MkdirTemp("", "materia-empty-")
		if err != nil {
			return "", err
		}
		s.dir, s.made = dir, map[string]bool{}
	}
	path := filepath.Join(s.dir, "empty"+ext)
	if s.made[path] {
		return path, nil
	}
	s.made[path] = true
	if !strings.HasSuffix(ext, ".gz") && !strings.HasSuffix(ext, ".gzip") && !strings.Contains(strings.ToLower(query), "gzip") {
		return path, os.WriteFile(path, nil, 0o600)
	}
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	return path, errors.Join(gzip.NewWriter(f).Close(), f.Close())
}

func (s *standIns) remove() {
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
}
