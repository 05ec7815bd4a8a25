package landing

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	manifestDir   = ".manifest"
	openDir       = ".manifest/.open"
	draftDir      = ".tmp"
	lockDir       = ".lock"
	quarantineDir = ".quarantine"
	originFile    = ".manifest/.origin"

	// A journal is no *.jsonl: globs over the manifests would else read the
	// half-written lines of a run that is still open.
	journalExt  = ".journal"
	manifestExt = ".jsonl"
)

// Options of a zone. The zero value is production's.
type Options struct {
	Now func() time.Time // nil: time.Now
	// OnStep hears every change to the file system: its name before it happens
	// and name+" done" afterwards. An error makes the operation fail there. Tests
	// crash and fail at every step with it; nil in production.
	OnStep func(step string) error
}

// Zone is a landing zone. Its methods may be called from several goroutines.
type Zone struct {
	root string
	disk *disk
	now  func() time.Time
	seq  atomic.Int64 // numbers temporaries of this process

	mu   sync.Mutex
	held map[string]*Lock // by source; also keeps a lock's file from being collected, and so closed
}

// Open returns the zone at root and makes the folder where it is missing. It
// takes no lock and repairs nothing.
func Open(root string, o Options) (*Zone, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("landing: open %s: %w", root, err)
	}
	z := &Zone{
		root: abs,
		disk: &disk{root: abs, onStep: o.OnStep, linked: map[string]bool{}},
		now:  o.Now,
		held: map[string]*Lock{},
	}
	if z.now == nil {
		z.now = time.Now
	}
	if err := z.makeRoot(); err != nil {
		return nil, fmt.Errorf("landing: open %s: %w", root, err)
	}
	return z, nil
}

// Root is the zone's folder as an absolute path.
func (z *Zone) Root() string { return z.root }

// Free is how many bytes the zone's file system has left for this process.
func (z *Zone) Free() (int64, error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(z.root, &fs); err != nil {
		return 0, fmt.Errorf("landing: free space of %s: %w", z.root, err)
	}
	return int64(fs.Bavail) * fs.Bsize, nil
}

// makeRoot makes the root and its missing parents, each synced into the folder
// above. A crash here leaves some of them, empty.
func (z *Zone) makeRoot() error {
	info, err := os.Stat(z.root)
	if err == nil && !info.IsDir() {
		return errors.New("not a folder")
	}
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	have := filepath.Dir(z.root)
	for {
		if _, err := os.Stat(have); err == nil || have == filepath.Dir(have) {
			break
		}
		have = filepath.Dir(have)
	}
	above := &disk{root: have, onStep: z.disk.onStep, trace: z.disk.trace, linked: map[string]bool{}}
	rel, err := filepath.Rel(have, z.root)
	if err != nil {
		return err
	}
	return above.folder("root", rel)
}

// path is the absolute path of a name relative to the root.
func (z *Zone) path(rel string) string { return filepath.Join(z.root, filepath.FromSlash(rel)) }

// draftPath makes the source's folder for temporaries and names a new one.
func (z *Zone) draftPath(source, run string) (string, error) {
	dir := draftDir + "/" + source
	if err := z.disk.folder("draft", dir); err != nil {
		return "", err
	}
	return z.path(fmt.Sprintf("%s/%s-%d", dir, run, z.seq.Add(1))), nil
}

func (z *Zone) holds(source string) bool {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.held[source] != nil
}

// NewRunID is {YYYYMMDDTHHMMSSZ}-{source}-{8 hex random}: it sorts by time and
// is unique among processes that start in the same second.
func NewRunID(source string, at time.Time) string {
	var b [4]byte
	rand.Read(b[:]) // never fails: it ends the process instead
	return fmt.Sprintf("%s-%s-%s", at.UTC().Format(stampLayout), source, hex.EncodeToString(b[:]))
}
