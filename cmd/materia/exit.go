package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/plan"
	"beanflows.coffee/materia/internal/serving"
	"beanflows.coffee/materia/internal/supervise"
)

// Exit codes; scripts and units rely on them.
const (
	exitDone          = 0
	exitFailed        = 1
	exitUsage         = 2
	exitSourcesFailed = 3
	exitPending       = 10
	exitLocked        = 11
	exitInterrupted   = 130
)

// exitCode says how the process ends for what run returned.
func exitCode(err error) int {
	var (
		use         *usageError
		failed      *sourcesError
		interrupted *interruptedError
	)
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &interrupted):
		return exitInterrupted
	case errors.As(err, &use):
		return exitUsage
	case errors.Is(err, errPending):
		return exitPending
	case errors.As(err, &failed) && failed.some:
		return exitSourcesFailed
	case isLocked(err):
		return exitLocked
	}
	return exitFailed
}

// isLocked says that another process holds what was needed.
func isLocked(err error) bool {
	return errors.As(err, new(*landing.LockedError)) || errors.As(err, new(*plan.LockedError)) || errors.As(err, new(*serving.LockedError)) ||
		errors.As(err, new(*supervise.LockedError))
}

// errPending is the answer of plan --detailed-exitcode where there is work.
var errPending = errors.New("changes are pending")

// usageError is a command line or an environment that cannot be followed.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(err error) error { return &usageError{err} }

// interruptedError is the signal that ended the work. It counts as a cancelled
// context for whoever asks.
type interruptedError struct{ signal os.Signal }

func (e *interruptedError) Error() string {
	return fmt.Sprintf("interrupted (%s); what landed or was built so far is kept", e.signal)
}

func (e *interruptedError) Is(target error) bool { return target == context.Canceled }

// sourcesError says which sources failed.
type sourcesError struct {
	failures []error
	some     bool // others landed, or parts of the failed ones
}

func (e *sourcesError) Error() string {
	var lines []string
	for _, f := range e.failures {
		lines = append(lines, f.Error())
	}
	return strings.Join(lines, "\n")
}

func (e *sourcesError) Unwrap() []error { return e.failures }
