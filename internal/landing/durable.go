package landing

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// disk is every operation by which this package changes the file system. Each
// is a named step: Options.OnStep hears the name before the operation and
// name+" done" after it, and may fail or end the process there.
type disk struct {
	root   string
	onStep func(step string) error
	trace  func(step, path string) // tests only: hears of operations that succeeded

	mu     sync.Mutex
	linked map[string]bool // folders whose own name is known to be synced into their parent
}

func (d *disk) step(name, path string, operation func() error) error {
	if d.onStep != nil {
		if err := d.onStep(name); err != nil {
			return &fs.PathError{Op: name, Path: path, Err: err}
		}
	}
	if err := operation(); err != nil {
		return err
	}
	if d.trace != nil {
		d.trace(name, path)
	}
	if d.onStep != nil {
		if err := d.onStep(name + " done"); err != nil {
			return &fs.PathError{Op: name, Path: path, Err: err}
		}
	}
	return nil
}

// folder makes root/rel and syncs each new name into its parent. The first use
// of a folder in this process syncs its parents even if it exists: a killed
// process may have made it and not lived to sync it.
//
// A crash here leaves empty folders. They mean nothing and the next run uses
// them. After a power cut they may be gone again; then nothing in them was
// promised yet, because every promise is made after this returns.
func (d *disk) folder(name, rel string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := d.root
	for _, part := range splitParts(rel) {
		parent := at
		at = filepath.Join(at, part)
		if d.linked[at] {
			continue
		}
		err := d.step(name+" mkdir", at, func() error {
			if err := os.Mkdir(at, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := d.syncDir(name+" sync parent", parent); err != nil {
			return err
		}
		d.linked[at] = true
	}
	return nil
}

// create opens a new temporary or journal for writing.
//
// A crash here leaves an empty file: under .tmp it is swept, an empty journal is
// dropped by Recover. Neither is ever read as data.
func (d *disk) create(name, path string, mode os.FileMode) (f *os.File, err error) {
	err = d.step(name, path, func() error {
		f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
		return err
	})
	if err != nil && f != nil {
		f.Close()
		os.Remove(path)
	}
	return f, err
}

// write appends to a temporary or to the journal.
//
// A crash here leaves a part of the bytes: of a temporary, which is swept; or of
// the journal's last line, which has no newline and which Recover ignores,
// rightly, since the file it announces is linked only after the line is synced.
func (d *disk) write(name string, f *os.File, p []byte) (n int, err error) {
	err = d.step(name, f.Name(), func() error {
		n, err = f.Write(p)
		return err
	})
	return n, err
}

// sync makes a file's bytes survive a power cut.
//
// A crash here leaves the file as after write: nothing points to it yet.
func (d *disk) sync(name string, f *os.File) error {
	return d.step(name, f.Name(), f.Sync)
}

// link gives a finished, synced temporary its final name. It fails with
// fs.ErrExist instead of overwriting.
//
// A crash before it leaves a temporary and, for a landed file, a journal line
// whose file is missing: Recover drops both. A crash after it leaves a whole
// file that the journal names and Recover adopts, plus a second name under .tmp
// that is swept. A power cut may take the new name back until syncDir.
func (d *disk) link(name, from, to string) error {
	return d.step(name, to, func() error { return os.Link(from, to) })
}

// syncDir makes the names in a folder survive a power cut.
//
// A crash before it leaves a name that Recover finds, re-hashes and syncs; a
// power cut before it may leave no name, and Recover drops the journal's line.
func (d *disk) syncDir(name, dir string) error {
	return d.step(name, dir, func() error {
		f, err := os.Open(dir)
		if err != nil {
			return err
		}
		defer f.Close()
		return f.Sync()
	})
}

// remove unlinks a temporary, or a journal whose manifest is durable. A missing
// file is fine.
//
// A crash or power cut here leaves (or brings back) a temporary, which is swept,
// or a journal beside its finished manifest, which Recover removes.
func (d *disk) remove(name, path string) error {
	return d.step(name, path, func() error {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

// publish is how every immutable file appears: temporary (closed and synced) to
// final name, the name synced, the temporary removed.
func (d *disk) publish(name, temporary, final string) error {
	if err := d.link(name+" link", temporary, final); err != nil {
		return err
	}
	if err := d.syncDir(name+" sync dir", filepath.Dir(final)); err != nil {
		return err
	}
	return d.remove(name+" remove draft", temporary)
}

func splitParts(rel string) []string {
	rel = filepath.Clean(filepath.FromSlash(rel))
	if rel == "." {
		return nil
	}
	var parts []string
	for dir := rel; dir != "."; dir = filepath.Dir(dir) {
		parts = append([]string{filepath.Base(dir)}, parts...)
	}
	return parts
}
