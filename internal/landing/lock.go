package landing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

const lockPoll = 50 * time.Millisecond

// Holder is who holds a source's lock.
type Holder struct {
	PID     int       `json:"pid"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

// LockedError says that another process holds the source's lock. Holder is zero
// if it died, had not yet written who it is, or found no room to.
type LockedError struct {
	Source string
	Holder Holder
}

func (e *LockedError) Error() string {
	if e.Holder.PID == 0 {
		return fmt.Sprintf("landing: lock %s: held by another process", e.Source)
	}
	return fmt.Sprintf("landing: lock %s: held by pid %d (%s) since %s",
		e.Source, e.Holder.PID, e.Holder.Command, e.Holder.Since.UTC().Format(time.RFC3339))
}

// Lock is the right to write one source's files, held until Unlock or the
// process's end: the kernel drops it with the process, however that ends.
type Lock struct {
	zone   *Zone
	source string
	file   *flock.Flock
}

// Lock takes the source's lock, waiting at most wait for another holder to let
// go. It returns a *LockedError then, and ctx's error if that ends first.
func (z *Zone) Lock(ctx context.Context, source string, wait time.Duration) (*Lock, error) {
	if !sourceName.MatchString(source) {
		return nil, fmt.Errorf("landing: lock %q: want a source's name, a-z 0-9 and _", source)
	}
	if err := z.disk.folder("lock", lockDir); err != nil {
		return nil, fmt.Errorf("landing: lock %s: %w", source, err)
	}
	path := z.path(lockDir + "/" + source)
	file := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o644))
	deadline := time.Now().Add(wait) // monotonic, whatever Options.Now says
	for {
		ok, err := file.TryLock()
		if err != nil {
			return nil, fmt.Errorf("landing: lock %s: %w", source, err)
		}
		if ok {
			break
		}
		if !time.Now().Add(lockPoll).Before(deadline) {
			return nil, &LockedError{Source: source, Holder: readHolder(ctx, path)}
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("landing: lock %s: %w", source, ctx.Err())
		case <-time.After(lockPoll):
		}
	}
	// A full disk has no room for a name: the lock holds without, and a status can
	// be asked for all the same.
	if err := z.sign(path); err != nil && !errors.Is(err, syscall.ENOSPC) {
		file.Unlock()
		return nil, fmt.Errorf("landing: lock %s: %w", source, err)
	}
	l := &Lock{zone: z, source: source, file: file}
	z.mu.Lock()
	z.held[source] = l
	z.mu.Unlock()
	return l, nil
}

// sign writes the holder into the lock file. A crash here leaves half a text in
// a file that nobody holds any more; the next holder writes over it.
func (z *Zone) sign(path string) error {
	command := strings.Join(os.Args, " ")
	if len(command) > 300 {
		command = command[:300]
	}
	text, err := json.Marshal(Holder{PID: os.Getpid(), Command: strings.ToValidUTF8(command, "?"), Since: z.now().UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// readHolder reads who holds a lock, with a little patience for a holder that
// is just writing it.
func readHolder(ctx context.Context, path string) (h Holder) {
	for try := 0; try < 10 && ctx.Err() == nil; try++ {
		if text, err := os.ReadFile(path); err == nil && json.Unmarshal(text, &h) == nil {
			return h
		}
		time.Sleep(20 * time.Millisecond)
	}
	return Holder{}
}

// Unlock lets go. Further calls do nothing.
func (l *Lock) Unlock() error {
	l.zone.mu.Lock()
	defer l.zone.mu.Unlock()
	if l.file == nil {
		return nil
	}
	delete(l.zone.held, l.source)
	os.Truncate(l.file.Path(), 0) // so that nobody reads an old holder; harmless if it fails
	err := l.file.Unlock()
	l.file = nil
	if err != nil {
		return fmt.Errorf("landing: unlock %s: %w", l.source, err)
	}
	return nil
}
