package serving

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

const lockRetry = 50 * time.Millisecond

// Holder names the process that is exporting.
type Holder struct {
	PID     int       `json:"pid"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

// LockedError says that another process has a file that an export needs.
type LockedError struct {
	Path   string
	Holder Holder // zero where nobody knows
	Detail string // what DuckDB said of the holder, where it is not one of ours
}

func (e *LockedError) Error() string {
	who := "another process"
	switch {
	case e.Detail != "":
		who = e.Detail
	case e.Holder.PID != 0:
		who = fmt.Sprintf("process %d (%s), since %s", e.Holder.PID, e.Holder.Command, e.Holder.Since.UTC().Format(time.RFC3339))
	}
	return fmt.Sprintf("serving: %s is in use by %s", e.Path, who)
}

// lockExport lets one process at a time build beside path, waiting at most wait.
// The lock is the kernel's and goes with its process; its file stays.
func lockExport(ctx context.Context, path string, wait time.Duration) (*flock.Flock, error) {
	lock := flock.New(path+".lock", flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o644))
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	got, err := lock.TryLock()
	if err == nil && !got {
		got, err = lock.TryLockContext(waiting, lockRetry)
	}
	switch {
	case ctx.Err() != nil:
		return nil, errors.Join(ctx.Err(), lock.Close())
	case errors.Is(err, context.DeadlineExceeded) || err == nil && !got:
		return nil, errors.Join(&LockedError{Path: path, Holder: readHolder(path)}, lock.Close())
	case err != nil:
		return nil, err
	}
	line, err := json.Marshal(Holder{PID: os.Getpid(), Command: strings.Join(os.Args, " "), Since: time.Now().UTC().Truncate(time.Second)})
	if err == nil {
		err = os.WriteFile(path+".lock", append(line, '\n'), 0o644)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

func readHolder(path string) Holder {
	var h Holder
	line, err := os.ReadFile(path + ".lock")
	if err != nil || json.Unmarshal(line, &h) != nil {
		return Holder{} // being written right now: the lock itself is what counts
	}
	return h
}
