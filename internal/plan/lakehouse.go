package plan

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"beanflows.coffee/materia/internal/duck"
)

// Options is how a lakehouse is opened.
type Options struct {
	Threads     int           // 0: one a core
	MemoryLimit string        // as DuckDB spells it; empty: duck's default
	TempDir     string        // folder in which a spill folder of our own is made; empty: beside the file
	KeepPlans   int           // newest plans of each environment to which Rollback can return; its current and previous one always
	LockWait    time.Duration // how long to wait for another process
	Log         *slog.Logger  // nil: silent
	Now         func() time.Time

	// OnStep is called with the name of each durable step before it is taken;
	// an error from it ends the work there. Nil outside tests.
	OnStep func(step string) error
}

// Lakehouse is an open lakehouse. It is not for concurrent use.
type Lakehouse struct {
	path     string
	o        Options
	db       *sql.DB
	lock     *flock.Flock // nil when read-only
	readOnly bool
	stepping sync.Mutex // builders call OnStep one at a time
}

// Open opens the lakehouse at path for writing, creating it if needed, and
// mends what a killed process left. A process that holds it longer than
// o.LockWait gives a *LockedError; a damaged file gives ErrCorrupt.
func Open(ctx context.Context, path string, o Options) (*Lakehouse, error) {
	o = o.withDefaults()
	if err := checkFileName(path); err != nil {
		return nil, err
	}
	began := time.Now()
	lock, err := takeLock(ctx, path, o.LockWait, o.Now)
	if err != nil {
		return nil, err
	}
	l := &Lakehouse{path: path, o: o, lock: lock}
	if err := l.open(ctx, o.LockWait-time.Since(began)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Lakehouse) open(ctx context.Context, wait time.Duration) error {
	if isAbsent(l.path) {
		if err := l.create(ctx); err != nil {
			return l.fail("create", err)
		}
	}
	db, err := openDuck(ctx, l.path, l.duckOptions(false), wait)
	if err != nil {
		return l.fail("open", err)
	}
	l.db = db
	// Nobody else has the file, so spilled blocks in the folder are of the dead.
	if err := os.RemoveAll(l.spill()); err != nil {
		return l.fail("open", err)
	}
	if err := migrate(ctx, db); err != nil {
		return l.fail("open", err)
	}
	return l.mend(ctx)
}

// create makes the file under another name, so that path is absent or whole.
// A crash before the rename leaves path+".new", which the next create replaces.
func (l *Lakehouse) create(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(l.path), 0o755); err != nil {
		return err
	}
	fresh := l.path + ".new"
	for _, name := range append(walFiles(fresh), fresh) {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := l.step("create"); err != nil {
		return err
	}
	db, err := duck.Open(fresh, l.duckOptions(false))
	if err != nil {
		return err
	}
	err = migrate(ctx, db)
	if err == nil {
		_, err = db.ExecContext(ctx, "CHECKPOINT")
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := syncPath(fresh); err != nil {
		return err
	}
	if err := l.step("create rename"); err != nil {
		return err
	}
	// A WAL without its database belongs to a file that was taken away: put it
	// aside, or DuckDB would take it for the new file's.
	if err := setAside(walFiles(l.path), ".orphan"); err != nil {
		return err
	}
	if err := os.Rename(fresh, l.path); err != nil {
		return err
	}
	return syncPath(filepath.Dir(l.path))
}

// OpenReadOnly opens the lakehouse for Recorded, Environment and the like, and
// changes nothing. A file that does not exist yet reads as an empty one.
func OpenReadOnly(ctx context.Context, path string, o Options) (*Lakehouse, error) {
	l := &Lakehouse{path: path, o: o.withDefaults(), readOnly: true}
	if !isAbsent(path) {
		db, err := openDuck(ctx, path, l.duckOptions(true), l.o.LockWait)
		if err != nil {
			return nil, l.fail("open", err)
		}
		version, err := stateOf(ctx, db)
		if err != nil {
			return nil, errors.Join(l.fail("open", err), db.Close())
		}
		if version >= stateVersion {
			l.db = db
			return l, nil
		}
		if err := db.Close(); err != nil {
			return nil, l.fail("open", err)
		}
		if version > 0 {
			return l.migrated(ctx)
		}
	}
	// Nothing of ours is in there: an empty state in memory answers alike.
	db, err := duck.Open("", duck.Options{Threads: 1, MemoryLimit: l.o.MemoryLimit})
	if err != nil {
		return nil, l.fail("open", err)
	}
	l.db = db
	if err := migrate(ctx, db); err != nil {
		return nil, errors.Join(l.fail("open", err), db.Close())
	}
	return l, nil
}

// migrated opens a file with an older state once for writing.
func (l *Lakehouse) migrated(ctx context.Context) (*Lakehouse, error) {
	w, err := Open(ctx, l.path, l.o)
	if err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return OpenReadOnly(ctx, l.path, l.o)
}

// Close lets go of the file and then of the lock.
func (l *Lakehouse) Close() error {
	var errs []error
	if l.db != nil {
		errs = append(errs, l.db.Close())
		l.db = nil
	}
	if l.lock != nil {
		errs = append(errs, l.lock.Close())
		l.lock = nil
	}
	return errors.Join(errs...)
}

func openDuck(ctx context.Context, path string, o duck.Options, wait time.Duration) (*sql.DB, error) {
	deadline := time.Now().Add(wait)
	for {
		db, err := duck.Open(path, o)
		holder, locked := duck.IsLocked(err)
		if !locked {
			return db, err
		}
		if time.Now().After(deadline) {
			return nil, &LockedError{Path: path, Holder: readHolder(path), Detail: holder, Waited: max(wait, 0)}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockRetry):
		}
	}
}

func (l *Lakehouse) duckOptions(readOnly bool) duck.Options {
	return duck.Options{ReadOnly: readOnly, Threads: l.o.Threads, MemoryLimit: l.o.MemoryLimit, TempDir: l.spill(), ExternalAccess: !readOnly}
}

func (l *Lakehouse) spill() string {
	if l.o.TempDir == "" {
		return l.path + ".tmp"
	}
	return filepath.Join(l.o.TempDir, filepath.Base(l.path)+".tmp")
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func (l *Lakehouse) now() time.Time { return l.o.Now().UTC().Truncate(time.Microsecond) }

// maxBuilders bounds how many models are built at once: they share the memory
// limit, and each statement has DuckDB's threads already.
const maxBuilders = 4

// builders is how many models are built at once: what one leaves idle, reading
// a compressed file or writing a commit, another uses.
func (l *Lakehouse) builders() int {
	threads := l.o.Threads
	if threads <= 0 {
		threads = runtime.NumCPU()
	}
	return min(threads, maxBuilders)
}

func (l *Lakehouse) step(name string) error {
	if l.o.OnStep == nil {
		return nil
	}
	l.stepping.Lock()
	defer l.stepping.Unlock()
	return l.o.OnStep(name)
}

// fail wraps an error once, and marks damage as ErrCorrupt.
func (l *Lakehouse) fail(op string, err error) error {
	var locked *LockedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &locked):
		return err
	case isCorrupt(err, l.path):
		return fmt.Errorf("plan: %s %s: %w: %w", op, l.path, ErrCorrupt, err)
	}
	return fmt.Errorf("plan: %s %s: %w", op, l.path, err)
}
