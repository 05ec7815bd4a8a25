package serving

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/duck"
)

// Table is one table to publish.
type Table struct {
	Name    string // in schema serving
	Source  string // qualified name in the lakehouse, quoted where needed
	Version string // version of its content: equal versions are equal rows
	Rows    int64  // filled by Export
}

// Input is everything that an export publishes. All of it but ExportedAt and
// the times of runs decides the snapshot's identity.
type Input struct {
	Lakehouse string // path of the lakehouse file; read only
	Path      string // path of analytics.duckdb
	Tables    []Table
	Meta      Meta // SnapshotID is filled by Export
	Runs      []Run
	Freshness []Freshness
	Quality   []Quality
	Lineage   []Lineage
	Workflows []Workflow
	Alerts    []Alert

	Threads     int
	MemoryLimit string
	LockWait    time.Duration // for another export, and for a writer of the lakehouse

	// OnStep is called with the name of each durable step before it is taken;
	// an error from it ends the export there. Nil outside tests.
	OnStep func(step string) error
}

// Result says what an export did.
type Result struct {
	SnapshotID string
	Replaced   bool   // false: the published file holds this very content already
	Damaged    string // where the file that was published before went, if it was damaged
	Tables     []Table
	Bytes      int64 // size of the published file
	Seconds    float64
}

// Export publishes in.Tables and the tables about the pipeline as one new file,
// or leaves the published one alone when nothing in it would change. A reader
// sees the whole old file or the whole new one.
func Export(ctx context.Context, in Input) (Result, error) {
	began := time.Now()
	if len(in.Tables) == 0 {
		return Result{}, errors.New("serving: nothing to export: prod has no model in schema serving; run `materia plan prod` first")
	}
	for _, t := range in.Tables {
		if slices.Contains(MetaTables[:], t.Name) {
			return Result{}, fmt.Errorf("serving: model serving.%s has the name of a table that export writes itself; rename the model", t.Name)
		}
	}
	in.Meta.SnapshotID = snapshotID(in)
	result := Result{SnapshotID: in.Meta.SnapshotID, Tables: in.Tables}
	before, damaged := published(ctx, in.Path)
	if before == in.Meta.SnapshotID {
		return result, nil
	}
	if err := publish(ctx, in, damaged, &result); err != nil {
		return Result{}, fmt.Errorf("serving: export %s: %w", in.Path, err)
	}
	result.Replaced = true
	result.Seconds = time.Since(began).Seconds()
	return result, nil
}

// snapshotID hashes what decides the content. A run that changed nothing is
// left out, so that looking for news does not make news; the day of the last
// look is in Freshness.
func snapshotID(in Input) string {
	type run struct{ ID, Status, Error string }
	content := struct {
		Tables    []Table
		Meta      Meta
		Runs      []run
		Freshness []Freshness
		Quality   []Quality
		Lineage   []Lineage
		Workflows []Workflow
		Alerts    []Alert
	}{Meta: in.Meta, Freshness: in.Freshness, Lineage: in.Lineage, Alerts: in.Alerts}
	content.Meta.ExportedAt, content.Meta.SnapshotID = time.Time{}, ""
	for _, t := range in.Tables {
		content.Tables = append(content.Tables, Table{Name: t.Name, Version: t.Version})
	}
	for _, r := range in.Runs {
		if r.Status != "unchanged" && r.Status != "running" {
			content.Runs = append(content.Runs, run{r.RunID, r.Status, r.Error})
		}
	}
	for _, q := range in.Quality {
		q.CheckedAt = time.Time{}
		content.Quality = append(content.Quality, q)
	}
	for _, w := range in.Workflows { // as good as a day ago is news, as good as a minute ago is none
		w.FinishedAt, w.SucceededAt = time.Time{}, w.SucceededAt.Truncate(24*time.Hour)
		content.Workflows = append(content.Workflows, w)
	}
	text, err := json.Marshal(content)
	if err != nil {
		panic("serving: snapshot identity: " + err.Error()) // plain strings and numbers always marshal
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// published reads the identity of the file at path. It is "" where there is none,
// where its hash was never written down, and where it is damaged: then a new one
// is built.
func published(ctx context.Context, path string) (id string, damaged bool) {
	sum, err := hashFile(path)
	if err != nil {
		return "", false // not there, or a disk that the export itself will meet
	}
	ok, listed, err := known(path, sum)
	if err != nil || listed && !ok {
		return "", err == nil
	}
	r, err := OpenReader(path, ReaderOptions{Threads: 1})
	if err != nil {
		return "", false
	}
	defer r.Close()
	s, err := r.Acquire(ctx)
	if err != nil {
		return "", ctx.Err() == nil
	}
	defer s.Release()
	if !listed {
		return "", false
	}
	return s.ID, false
}

func publish(ctx context.Context, in Input, damaged bool, result *Result) error {
	step := in.OnStep
	if step == nil {
		step = func(string) error { return nil }
	}
	dir := filepath.Dir(in.Path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	lock, err := lockExport(ctx, in.Path, in.LockWait)
	if err != nil {
		return err
	}
	defer lock.Close()
	tmp := in.Path + ".new"
	// A crash until the rename leaves at most this file and its WAL; the next
	// export removes both here. Nobody reads them.
	if err := removeAll(tmp, tmp+".wal"); err != nil {
		return err
	}
	done := false
	defer func() {
		if !done {
			_ = removeAll(tmp, tmp+".wal")
		}
	}()
	if err := step("export.build"); err != nil {
		return err
	}
	if err := build(ctx, in, tmp, result.Tables); err != nil {
		return err
	}
	if err := step("export.sync"); err != nil {
		return err
	}
	info, err := syncFile(tmp)
	if err != nil {
		return err
	}
	result.Bytes = info.Size()
	if _, err := os.Stat(tmp + ".wal"); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("a write-ahead log is left beside %s; the file is not whole", tmp)
	}
	sum, err := hashFile(tmp)
	if err != nil {
		return err
	}
	if err := addSum(in.Path, sum); err != nil {
		return err
	}
	if damaged {
		// A crash after this line leaves the damaged file under both names, and the
		// next export gives it a third.
		if result.Damaged, err = setAside(in.Path, in.Meta.ExportedAt.UTC().Format("20060102T150405Z")); err != nil {
			return err
		}
	}
	if err := step("export.rename"); err != nil {
		return err
	}
	// A crash before this line leaves the old file published, after it the new.
	if err := os.Rename(tmp, in.Path); err != nil {
		return err
	}
	done = true
	if err := step("export.syncdir"); err != nil {
		return err
	}
	// A power cut before this line may show the old name again: old, but whole.
	return syncDir(dir)
}

// build fills a new database at path, verifies it against the lakehouse and
// closes it checkpointed.
func build(ctx context.Context, in Input, path string, tables []Table) error {
	db, err := duck.Open("", duck.Options{ExternalAccess: true, Threads: in.Threads, MemoryLimit: in.MemoryLimit})
	if err != nil {
		return err
	}
	defer db.Close()
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := attachLake(ctx, c, in); err != nil {
		return err
	}
	for _, q := range []string{
		"ATTACH " + literal(path) + " AS dst",
		"CREATE SCHEMA dst.serving",
		"USE lake",
	} {
		if _, err := c.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	for i := range tables {
		t := &tables[i]
		target := "dst.serving." + ident(t.Name)
		if _, err := c.ExecContext(ctx, "CREATE TABLE "+target+" AS SELECT * FROM "+t.Source); err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
		if t.Rows, err = verify(ctx, c, t.Source, target); err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	if err := writeMeta(ctx, c, in); err != nil {
		return err
	}
	for _, q := range []string{"CHECKPOINT dst", "USE memory", "DETACH dst", "DETACH lake"} {
		if _, err := c.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// attachLake opens the lakehouse for reading. A plan that writes it is waited for.
func attachLake(ctx context.Context, c *sql.Conn, in Input) error {
	deadline := time.Now().Add(in.LockWait)
	for {
		_, err := c.ExecContext(ctx, "ATTACH "+literal(in.Lakehouse)+" AS lake (READ_ONLY)")
		holder, locked := duck.IsLocked(err)
		if !locked {
			return err
		}
		if time.Now().After(deadline) {
			return &LockedError{Path: in.Lakehouse, Detail: holder}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockRetry):
		}
	}
}

// verify compares row count and an order-free checksum of all columns.
func verify(ctx context.Context, c *sql.Conn, source, target string) (rows int64, err error) {
	const q = "SELECT count(*), CAST(coalesce(sum(CAST(hash(t) AS HUGEINT)), 0) AS VARCHAR) FROM %s AS t"
	var there, here int64
	var thereSum, hereSum string
	if err := c.QueryRowContext(ctx, fmt.Sprintf(q, source)).Scan(&there, &thereSum); err != nil {
		return 0, err
	}
	if err := c.QueryRowContext(ctx, fmt.Sprintf(q, target)).Scan(&here, &hereSum); err != nil {
		return 0, err
	}
	if there != here || thereSum != hereSum {
		return 0, fmt.Errorf("the copy differs from the lakehouse: %d rows (%s) there, %d rows (%s) here", there, thereSum, here, hereSum)
	}
	return here, nil
}

func syncFile(path string) (os.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return nil, err
	}
	return f.Stat()
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func removeAll(paths ...string) error {
	for _, p := range paths {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func ident(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
