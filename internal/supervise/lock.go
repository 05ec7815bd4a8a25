package supervise

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// LockedError says that another supervisor works on the same landing zone. PID
// is 0 if it had not yet written who it is.
type LockedError struct {
	Path  string
	PID   int
	Since time.Time
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("supervise: lock %s: another supervisor holds it", e.Path)
	}
	return fmt.Sprintf("supervise: lock %s: the supervisor with pid %d holds it since %s (materia supervisor status shows it)",
		e.Path, e.PID, e.Since.UTC().Format(time.RFC3339))
}

type holder struct {
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
}

// Lock is the right to be the supervisor. The kernel drops it with the process.
type Lock struct{ file *flock.Flock }

// TakeLock takes the lock at path or returns a *LockedError. The file stays when
// the lock is let go: removing it would let two processes lock two files.
func TakeLock(path string, now time.Time) (*Lock, error) {
	file := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o644))
	got, err := file.TryLock()
	if err != nil {
		return nil, fmt.Errorf("supervise: lock %s: %w", path, err)
	}
	if !got {
		h := readHolder(path)
		return nil, &LockedError{Path: path, PID: h.PID, Since: h.Since}
	}
	text, err := json.Marshal(holder{PID: os.Getpid(), Since: now.UTC().Truncate(time.Second)})
	if err == nil {
		// A crash here leaves half a text in a file that nobody holds.
		err = os.WriteFile(path, append(text, '\n'), 0o644)
	}
	if err != nil {
		file.Unlock()
		return nil, fmt.Errorf("supervise: lock %s: %w", path, err)
	}
	return &Lock{file: file}, nil
}

// Release lets go.
func (l *Lock) Release() error {
	if err := l.file.Unlock(); err != nil {
		return fmt.Errorf("supervise: unlock: %w", err)
	}
	return nil
}

// Running says whether a supervisor holds the lock at path, and which.
func Running(path string) (pid int, since time.Time, running bool) {
	if _, err := os.Stat(path); err != nil {
		return 0, time.Time{}, false
	}
	file := flock.New(path, flock.SetFlag(os.O_RDONLY))
	defer file.Close()
	// A shared lock: two who look at once do not take each other for a supervisor.
	if got, err := file.TryRLock(); err != nil || got {
		return 0, time.Time{}, false
	}
	h := readHolder(path)
	return h.PID, h.Since, true
}

// readHolder waits a little for a holder that is just writing who it is.
func readHolder(path string) (h holder) {
	for range 10 {
		if text, err := os.ReadFile(path); err == nil && json.Unmarshal(text, &h) == nil {
			return h
		}
		time.Sleep(20 * time.Millisecond)
	}
	return holder{}
}
