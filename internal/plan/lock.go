package plan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Holder names the process that has a lakehouse open for writing.
type Holder struct {
	PID     int       `json:"pid"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

func (h Holder) String() string {
	if h.PID == 0 {
		return "another process"
	}
	return fmt.Sprintf("process %d (%s), since %s", h.PID, h.Command, h.Since.UTC().Format(time.RFC3339))
}

// LockedError says that another process has the lakehouse, and who it is.
type LockedError struct {
	Path   string
	Holder Holder
	Detail string // what DuckDB said of the holder, where it is not one of ours
	Waited time.Duration
}

func (e *LockedError) Error() string {
	who := e.Holder.String()
	if e.Detail != "" {
		who = e.Detail
	}
	return fmt.Sprintf("plan: lakehouse %s is in use by %s; waited %s", e.Path, who, e.Waited.Round(time.Millisecond))
}

const lockRetry = 50 * time.Millisecond

// takeLock waits at most wait for the writer's lock of the lakehouse at path.
// The lock is the kernel's and goes with its process; the file that carries it
// stays, since removing it would let two processes lock two different files.
func takeLock(ctx context.Context, path string, wait time.Duration, now func() time.Time) (*flock.Flock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("plan: lock %s: %w", path, err)
	}
	lock := flock.New(path+".lock", flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o644))
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	got, err := lock.TryLock()
	if err == nil && !got {
		got, err = lock.TryLockContext(waiting, lockRetry)
	}
	switch {
	case ctx.Err() != nil:
		return nil, errors.Join(fmt.Errorf("plan: lock %s: %w", path, ctx.Err()), lock.Close())
	case errors.Is(err, context.DeadlineExceeded) || err == nil && !got:
		return nil, errors.Join(&LockedError{Path: path, Holder: readHolder(path), Waited: wait}, lock.Close())
	case err != nil:
		return nil, fmt.Errorf("plan: lock %s: %w", path, err)
	}
	// A crash between here and the next open leaves the name of a process that
	// is gone; nobody reads it unless the lock is held again.
	if err := writeHolder(path, now()); err != nil {
		return nil, errors.Join(fmt.Errorf("plan: lock %s: %w", path, err), lock.Close())
	}
	return lock, nil
}

func writeHolder(path string, now time.Time) error {
	line, err := json.Marshal(Holder{PID: os.Getpid(), Command: strings.Join(os.Args, " "), Since: now.UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	return os.WriteFile(path+".lock", append(line, '\n'), 0o644)
}

func readHolder(path string) Holder {
	var h Holder
	line, err := os.ReadFile(path + ".lock")
	if err != nil || json.Unmarshal(line, &h) != nil {
		return Holder{} // being written right now: the lock itself is what counts
	}
	return h
}
