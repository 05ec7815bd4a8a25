package serving

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"beanflows.coffee/materia/internal/duck"
)

// ReaderOptions bounds what a reader's database may use.
type ReaderOptions struct {
	Threads     int    // 0: DuckDB's own choice
	MemoryLimit string // "512MB" when empty
	Log         *slog.Logger

	// Own makes the reader check each file whole and read a copy of its own, so
	// that damage to the published one reaches nobody. For a process that serves
	// for days; a single question reads the file itself.
	Own bool
}

// Reader hands out the newest published serving file. It is safe for
// concurrent use.
type Reader struct {
	path string
	opts ReaderOptions

	mu      sync.Mutex
	current *generation
	refused identity // the newest file that could not be opened: not tried twice
}

// generation is one published file, opened under a name of its own, a hard link
// or a copy: DuckDB's driver caches instances by path, so reopening a rotated
// path would answer from the old file without an error.
type generation struct {
	id    string
	file  identity // of the published file
	link  string
	db    *sql.DB
	meta  Meta
	users int  // guarded by Reader.mu; the Reader itself counts as one while current
	gone  bool // closed and unlinked
}

// identity tells one file from another that took its name.
type identity struct {
	dev, ino uint64
	size     int64
	mtime    int64
}

// Snapshot is a serving file held open for one reader. DB is read-only, without
// access to other files and with its configuration locked.
type Snapshot struct {
	ID string // snapshot_id of the file: changes with its content
	DB *sql.DB
	Meta

	r    *Reader
	g    *generation
	once sync.Once
}

// OpenReader prepares to read the serving file at path and clears links that
// dead processes left behind. A file that is not there yet is no error.
func OpenReader(path string, o ReaderOptions) (*Reader, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MemoryLimit == "" {
		o.MemoryLimit = "512MB"
	}
	if err := sweepLinks(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("serving: clear old links: %w", err)
	}
	return &Reader{path: path, opts: o}, nil
}

// Acquire returns the newest published snapshot; the caller must Release it.
// It fails with ErrNoData where nothing was ever published. When a newer file
// cannot be opened the last good snapshot is returned and the reason logged.
func (r *Reader) Acquire(ctx context.Context) (*Snapshot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, err := identify(r.path)
	if err == nil && (r.current == nil || r.current.file != now && r.refused != now) {
		var next *generation
		if next, err = r.open(ctx); err == nil {
			r.opts.Log.Info("serving file opened", "path", r.path, "snapshot", next.id)
			r.drop(r.current)
			r.current = next
		} else if ctx.Err() == nil {
			r.refused = now
		}
	}
	if r.current == nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, ErrNoData
		}
		return nil, fmt.Errorf("serving: open %s: %w", r.path, err)
	}
	if err != nil {
		r.opts.Log.Warn("newer serving file not readable, staying with the last good one", "path", r.path, "snapshot", r.current.id, "error", err)
	}
	r.current.users++
	return &Snapshot{ID: r.current.id, DB: r.current.db, Meta: r.current.meta, r: r, g: r.current}, nil
}

// Release gives the snapshot back. More than one call does nothing.
func (s *Snapshot) Release() {
	s.once.Do(func() {
		s.r.mu.Lock()
		defer s.r.mu.Unlock()
		s.r.drop(s.g)
	})
}

// Close lets go of the current file. Snapshots still held stay valid.
func (r *Reader) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(r.current)
	r.current = nil
}

// drop counts one user less and closes the file with the last one.
func (r *Reader) drop(g *generation) {
	if g == nil || g.gone {
		return
	}
	if g.users--; g.users > 0 {
		return
	}
	g.gone = true
	if err := g.db.Close(); err != nil {
		r.opts.Log.Warn("close serving file", "link", g.link, "error", err)
	}
	if err := os.Remove(g.link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.opts.Log.Warn("remove link of serving file", "link", g.link, "error", err)
	}
}

func (r *Reader) open(ctx context.Context) (*generation, error) {
	g := &generation{users: 1}
	err := r.claim(g)
	if err == nil {
		if g.db, err = duck.Open(g.link, duck.Options{ReadOnly: true, Threads: r.opts.Threads, MemoryLimit: r.opts.MemoryLimit}); err == nil {
			if g.meta, err = readMeta(ctx, g.db); err != nil {
				g.db.Close()
			}
		}
	}
	if err != nil {
		if g.link != "" {
			os.Remove(g.link)
		}
		return nil, err
	}
	g.id = g.meta.SnapshotID
	return g, nil
}

// claim gives the published file a name of the generation's own: a copy that it
// checks, or a link.
func (r *Reader) claim(g *generation) (err error) {
	if g.link, err = freeName(r.path); err == nil && r.opts.Own {
		g.file, err = copyTo(r.path, g.link)
		if !errors.Is(err, syscall.ENOSPC) {
			return err
		}
		r.opts.Log.Warn("no space for a copy of the serving file: reading the file itself", "path", r.path)
		err = nil
	}
	if err == nil {
		err = os.Link(r.path, g.link)
	}
	if !r.opts.Own && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)) {
		g.link, err = pointer(r.path)
	}
	if err != nil {
		return err
	}
	g.file, err = identify(g.link) // the path may already be another file
	return err
}

func identify(path string) (identity, error) {
	info, err := os.Stat(path)
	if err != nil {
		return identity{}, err
	}
	return identityOf(info)
}

func identityOf(info os.FileInfo) (identity, error) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}, fmt.Errorf("stat %s: no inode on this system", info.Name())
	}
	return identity{dev: uint64(st.Dev), ino: st.Ino, size: info.Size(), mtime: info.ModTime().UnixNano()}, nil
}

const linkDir = ".open"

// freeName is a name that nobody opened before: .open/a-<pid>-<random>.duckdb
// beside the file. A crash leaves what has that name to the next OpenReader.
func freeName(path string) (string, error) {
	dir := filepath.Join(filepath.Dir(path), linkDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	var salt [8]byte
	rand.Read(salt[:])
	return filepath.Join(dir, fmt.Sprintf("a-%d-%s.duckdb", os.Getpid(), hex.EncodeToString(salt[:]))), nil
}

// pointer is a name for a reader that may neither link the file nor write beside
// it: a symbolic link among temporary files. What it points to may be rotated
// before it is opened, which is as well for the single question that it serves.
func pointer(path string) (string, error) {
	whole, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	var salt [8]byte
	rand.Read(salt[:])
	link := filepath.Join(os.TempDir(), fmt.Sprintf("materia-%d-%s.duckdb", os.Getpid(), hex.EncodeToString(salt[:])))
	return link, os.Symlink(whole, link)
}

// sweepLinks removes the links of processes that are gone. Those of living ones
// stay: another reader may hold them.
func sweepLinks(dir string) error {
	found, err := os.ReadDir(filepath.Join(dir, linkDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range found {
		part := strings.Split(f.Name(), "-")
		if len(part) != 3 || part[0] != "a" {
			continue
		}
		pid, err := strconv.Atoi(part[1])
		if err != nil || (pid != os.Getpid() && syscall.Kill(pid, 0) != syscall.ESRCH) {
			continue
		}
		if pid == os.Getpid() {
			continue // a link of another Reader in this process
		}
		err = os.Remove(filepath.Join(dir, linkDir, f.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EROFS) { // its owner will
			return err
		}
	}
	return nil
}
