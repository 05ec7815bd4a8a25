package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"
)

var (
	// ErrCorrupt says that the file is no SQLite database, or a damaged one, or
	// lacks a table. Quarantine it and Rebuild a new one.
	ErrCorrupt = errors.New("state file is corrupt")
	// ErrNewer says that a newer materia wrote the file.
	ErrNewer = errors.New("state file is newer than this program")
)

const (
	busyTimeout = 10 * time.Second
	timeLayout  = "2006-01-02T15:04:05.000Z" // RFC 3339, always UTC
)

// database is an open SQLite file with a schema of ours.
type database struct {
	path   string
	db     *sql.DB
	schema schema
}

// Store is an open state file. Its methods may be called from several
// goroutines and processes.
type Store struct {
	database
	fresh bool
}

// Open opens the file at path, makes it (mode 0600) where it is missing, checks
// it and brings its schema to the newest version. errors.Is tells ErrCorrupt and
// ErrNewer.
func Open(path string) (*Store, error) {
	d, err := openDatabase(path, indexSchema)
	if err != nil {
		return nil, err
	}
	s := &Store{database: d}
	if s.fresh, err = isFresh(context.Background(), s.db); err != nil {
		s.db.Close()
		return nil, s.fail("open "+path, err)
	}
	return s, nil
}

func openDatabase(path string, schema schema) (database, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return database{}, fmt.Errorf("state: open %s: %w", path, err)
	}
	if err := private(abs); err != nil {
		return database{}, fmt.Errorf("state: open %s: %w", path, err)
	}
	query := url.Values{
		"_busy_timeout": {fmt.Sprint(busyTimeout.Milliseconds())},
		"_txlock":       {"immediate"}, // a writer waits at its start, never fails in the middle
		"_synchronous":  {"FULL"},      // a committed row survives a power cut
	}
	dsn := url.URL{Scheme: "file", Path: abs, RawQuery: query.Encode()}
	db, err := sql.Open("sqlite3", dsn.String())
	if err != nil {
		return database{}, fmt.Errorf("state: open %s: %w", path, err)
	}
	// One connection: SQLite has one writer anyway, and goroutines queue here
	// instead of in its busy handler.
	db.SetMaxOpenConns(1)
	d := database{path: abs, db: db, schema: schema}
	if err := d.prepare(context.Background()); err != nil {
		db.Close()
		return database{}, d.fail("open "+path, err)
	}
	return d, nil
}

// private makes the file with mode 0600 or takes others' rights away; SQLite
// gives -wal and -shm the same mode. A crash here leaves an empty file, which is
// an empty database.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if n := info.Size(); n > 0 && n < 512 {
		// SQLite would take so short a file for an empty one and write over it.
		return fmt.Errorf("%w: %d bytes", ErrCorrupt, n)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return f.Chmod(0o600)
	}
	return nil
}

func (s *database) prepare(ctx context.Context) error {
	if err := s.writeAhead(ctx); err != nil {
		return err
	}
	var verdict string
	if err := s.db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: %s", ErrCorrupt, verdict)
	}
	if err := migrate(ctx, s.db, s.schema); err != nil {
		return err
	}
	for _, table := range s.schema.tables {
		var n int
		err := s.db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?", table).Scan(&n)
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("%w: table %s is missing", ErrCorrupt, table)
		}
	}
	return nil
}

// writeAhead switches to WAL. Two processes that do so on a new file at once get
// "locked" without the busy timeout being asked, so it waits here.
func (s *database) writeAhead(ctx context.Context) error {
	deadline := time.Now().Add(busyTimeout)
	for {
		var mode string
		err := s.db.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
		if err == nil && mode != "wal" {
			return fmt.Errorf("journal mode is %s, want wal: does the file system lack shared memory?", mode)
		}
		var se sqlite3.Error
		busy := errors.As(err, &se) && (se.Code == sqlite3.ErrBusy || se.Code == sqlite3.ErrLocked)
		if !busy || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// isFresh asks a database or a transaction.
func isFresh(ctx context.Context, db interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}) (fresh bool, err error) {
	err = db.QueryRowContext(ctx, "SELECT NOT EXISTS (SELECT 1 FROM files) AND NOT EXISTS (SELECT 1 FROM extraction_runs)").Scan(&fresh)
	return fresh, err
}

// Fresh says that the file held neither files nor runs when it was opened: it is
// new, or was lost and should be filled from the manifests.
func (s *Store) Fresh() bool { return s.fresh }

// Close checkpoints the write-ahead log and closes the file.
func (s *database) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("state: close %s: %w", s.path, err)
	}
	return nil
}

// Quarantine moves a damaged state file and what SQLite keeps beside it to
// {path}.corrupt-{YYYYMMDDTHHMMSSZ} (and a number where that is taken), and
// returns the new name. Close the Store first. The side files go first: a crash
// here then leaves the damaged file in place, without a log that belongs to it,
// to be found damaged again; never a log beside a new file.
func Quarantine(path string) (moved string, err error) {
	base := path + ".corrupt-" + time.Now().UTC().Format("20060102T150405Z")
	moved = base
	for n := 2; ; n++ {
		if _, err := os.Lstat(moved); errors.Is(err, fs.ErrNotExist) {
			break
		}
		moved = fmt.Sprintf("%s.%d", base, n)
	}
	for _, side := range []string{"-wal", "-shm", "-journal", ""} {
		err := os.Rename(path+side, moved+side)
		if err != nil && !(side != "" && errors.Is(err, fs.ErrNotExist)) {
			return "", fmt.Errorf("state: quarantine %s: %w", path, err)
		}
	}
	return moved, nil
}

// fail wraps an error with what was tried, and marks SQLite's words for damage
// as ErrCorrupt.
func (s *database) fail(what string, err error) error {
	if err == nil {
		return nil
	}
	var se sqlite3.Error
	if errors.As(err, &se) && (se.Code == sqlite3.ErrCorrupt || se.Code == sqlite3.ErrNotADB) {
		return fmt.Errorf("state: %s: %w: %w", what, ErrCorrupt, err)
	}
	return fmt.Errorf("state: %s: %w", what, err)
}

// inTx runs f in one transaction that either commits or leaves no trace.
func (s *database) inTx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// stamp is a time as the tables hold it; the zero time is NULL.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(timeLayout)
}

func stampPtr(t *time.Time) any {
	if t == nil {
		return nil
	}
	return stamp(*t)
}

// when reads a time back; NULL is the zero time.
func when(text sql.NullString) (time.Time, error) {
	if !text.Valid {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339, text.String)
}

// orNull stores an absent text as NULL.
func orNull(text string) any {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	return text
}

// atMost is a LIMIT: none for 0 and less.
func atMost(limit int) int {
	if limit <= 0 {
		return -1
	}
	return limit
}
