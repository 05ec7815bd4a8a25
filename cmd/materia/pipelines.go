package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"beanflows.coffee/materia/internal/extract"
)

// pipeline is one thing that can be run by name and by a schedule.
type pipeline struct {
	name, does string
	limit      time.Duration // for the whole of it; see withLimit
	run        func(ctx context.Context, w extract.Window) error
}

const (
	transformLimit = 2 * time.Hour
	exportLimit    = 30 * time.Minute
	// stopGrace is how long a pipeline may take to stop once its limit is over.
	stopGrace = 30 * time.Second
)

// pipelines lists all of them: one a source, and the stations they lead to.
func (a *app) pipelines() []pipeline {
	var each []pipeline
	var longest time.Duration
	for _, src := range sources() {
		longest = max(longest, src.TimeLimit)
		each = append(each, pipeline{src.Pipeline, "extract " + src.Title, src.TimeLimit,
			func(ctx context.Context, w extract.Window) error { return a.extract(ctx, w, src) }})
	}
	list := []pipeline{{"extract", "all sources, side by side", longest,
		func(ctx context.Context, w extract.Window) error { return a.extract(ctx, w, sources()...) }}}
	list = append(list, each...)
	return append(list,
		pipeline{"transform", "plan prod --auto-apply, then run prod", transformLimit,
			func(ctx context.Context, _ extract.Window) error { return a.transform(ctx) }},
		pipeline{"export_serving", "publish serving.* of prod", exportLimit,
			func(ctx context.Context, _ extract.Window) error { return a.export(ctx) }},
		pipeline{"all", "extract, transform, export_serving", longest + transformLimit + exportLimit, a.all})
}

// all runs the three stations. A source that fails does not stop the others,
// and what a failed transformation leaves is still published: the old tables,
// and on the status page the failure.
func (a *app) all(ctx context.Context, w extract.Window) error {
	extracted := a.extract(ctx, w, sources()...)
	var failed *sourcesError
	if extracted != nil && (!errors.As(extracted, &failed) || !failed.some && isLocked(extracted)) {
		return extracted
	}
	limited, cancel := context.WithTimeoutCause(ctx, transformLimit, limitError{"transform", transformLimit})
	transformed := a.transform(limited)
	cancel()
	if ctx.Err() != nil || isLocked(transformed) {
		return errors.Join(extracted, transformed)
	}
	limited, cancel = context.WithTimeoutCause(ctx, exportLimit, limitError{"export_serving", exportLimit})
	exported := a.export(limited)
	cancel()
	if transformed != nil {
		return errors.Join(transformed, exported) // the greater failure decides how the process ends
	}
	return errors.Join(extracted, exported)
}

// limitError says that a pipeline was stopped by its own time limit.
type limitError struct {
	pipeline string
	limit    time.Duration
}

func (e limitError) Error() string {
	return fmt.Sprintf("%s: stopped after its time limit of %s", e.pipeline, e.limit)
}

// withLimit runs f under the pipeline's limit: first the context ends, as at a
// TERM; a process that has not stopped after the grace kills itself. What that
// leaves is what any kill leaves, and the next run mends it.
func (a *app) withLimit(ctx context.Context, p pipeline, grace time.Duration, f func(context.Context) error) error {
	limited, cancel := context.WithTimeoutCause(ctx, p.limit, limitError{p.name, p.limit})
	defer cancel()
	stuck := time.AfterFunc(p.limit+grace, func() {
		a.log.Error(fmt.Sprintf("%s did not stop %s after its time limit of %s: killing this process", p.name, grace, p.limit))
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			os.Exit(exitFailed)
		}
	})
	defer stuck.Stop()
	err := f(limited)
	if cause := context.Cause(limited); err != nil && cause != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}
