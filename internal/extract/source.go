package extract

import (
	"context"
	"log/slog"
	"time"

	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/state"
)

// Source is one upstream. Everything that differs between sources is here.
type Source struct {
	Name     string // psd; names the lock, the run ids and the rows
	Pipeline string // extract_psd
	Title    string
	Licence  string
	Homepage string
	Cadence  string
	// TimeLimit is how long a whole run may take.
	TimeLimit time.Duration
	// Expect says when the release after the given one is due, so that a page
	// can call it late.
	Expect func(lastRelease time.Time) time.Time
	// Extract asks and lands. An error it returns ends the run; a part that
	// failed while others may go on is told to s.Fail.
	Extract func(ctx context.Context, s *Session, w Window) error
	// Derive makes anew what lies beside a landed original, such as the figures of a
	// workbook; none for a file that is no original. nil: the source keeps none.
	Derive func(original landing.Entry, body []byte) ([]Derived, error)
	// SameRequest says that two URLs ask for the same, such as where one holds the
	// moment of asking. nil: they must be equal.
	SameRequest func(a, b string) bool
}

// Derived is a file made from an original.
type Derived struct {
	Path string // the plain one
	Rows int64
	Body []byte // uncompressed
}

// Window is the span of days to ask for, both inclusive; the time of day does
// not count. A zero Since is the source's own default window, a zero Until today.
type Window struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}

// Deps is what a run works with.
type Deps struct {
	Zone     *landing.Zone
	State    *state.Store
	Client   *Client
	Now      func() time.Time // dates and stamps; durations use the monotonic clock
	Log      *slog.Logger
	LockWait time.Duration // for another holder of the source's lock
	// FreeBytes that the disk must have before a run begins; 0: 256 MiB.
	FreeBytes int64

	kept *kept // what ReleaseRefused runs on in place of upstream
}

// Result is the outcome of a run.
type Result struct {
	Source    string
	RunID     string          // empty where the lock was not free
	Status    string          // state.Success, Unchanged, Partial or Failed
	Landed    []landing.Entry // in order of landing
	Unchanged int             // answers whose content had landed before
	Absent    []string        // what upstream does not have; no failure
	Failed    []string        // "name: reason" of each part that failed
	Warnings  []string
}
