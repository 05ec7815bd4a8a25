package extract

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"

	"code.dny.dev/ssrf"
)

// ErrNotFound is what Session.Get's error wraps for HTTP 404. Whether that means
// "no release" or "moved" is the source's to judge.
var ErrNotFound = errors.New("HTTP 404 Not Found")

// errOrigin ends a run: every further request would meet it too.
var errOrigin = errors.New("another origin")

// Error says what went wrong with one URL of one source.
type Error struct {
	Source string
	URL    string // the upstream's own, also where a stand-in answered
	Err    error
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %s: %v", e.Source, e.URL, e.Err)
	if h := hint(e.Err); h != "" {
		text += " (" + h + ")"
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// statusError is an answer other than 200 and 304.
type statusError struct {
	status int
	says   string // the body's title or first words; may be empty
}

func (e *statusError) Error() string {
	text := fmt.Sprintf("HTTP %d %s", e.status, http.StatusText(e.status))
	if e.says != "" {
		text += fmt.Sprintf(": %q", e.says)
	}
	return text
}

func (e *statusError) Is(target error) bool {
	return target == ErrNotFound && e.status == http.StatusNotFound
}

// wrongKindError is an answer of another kind than asked for, such as an HTML
// page in place of a ZIP.
type wrongKindError struct{ got, want, says string }

func (e *wrongKindError) Error() string {
	return fmt.Sprintf("answered %s, not %s: %q", e.got, e.want, e.says)
}

// transferError is a failure of the network or the server: another try, or
// another day, may well succeed.
type transferError struct{ err error }

func (e *transferError) Error() string { return e.err.Error() }
func (e *transferError) Unwrap() error { return e.err }

// stopError ends a run: a disk or a state file that fails once fails again.
type stopError struct{ err error }

func (e *stopError) Error() string { return e.err.Error() }
func (e *stopError) Unwrap() error { return e.err }

// Stop marks the failure of a draft to take what the answer holds: the disk's,
// which ends the run.
func Stop(r *Response, err error) error { return &stopError{r.error(err)} }

// Fatal says that no other URL can do better: the time is over, the disk or the
// state fails, or the zone holds another origin's data.
func Fatal(err error) bool {
	var stop *stopError
	return errors.As(err, &stop) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// hint says what a person can do about an error; empty where the error says it.
func hint(err error) string {
	var status *statusError
	var kind *wrongKindError
	var transfer *transferError
	switch {
	case errors.As(err, &status) && status.status == http.StatusTooManyRequests:
		return "the publisher wants fewer requests: try again later"
	case errors.As(err, &status) && (status.status == http.StatusForbidden || status.status == http.StatusUnauthorized):
		return "the publisher refuses this client: open the URL in a browser and compare"
	case errors.As(err, &status) && status.status == http.StatusNotFound:
		return "moved or not published: look at the source's homepage"
	case errors.As(err, &status) && status.status >= 500:
		return "the publisher's server is in trouble: try again later"
	case errors.As(err, &kind):
		return "an error page or a moved file: open the URL in a browser; what landed before stays"
	case errors.Is(err, ssrf.ErrProhibitedIP), errors.Is(err, ssrf.ErrProhibitedPort):
		return "only public addresses are asked; a loopback stand-in needs MATERIA_UPSTREAM"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there: check MATERIA_UPSTREAM, the network, or try again later"
	case errors.As(err, &transfer):
		return "check the network, or try again later"
	}
	return ""
}
