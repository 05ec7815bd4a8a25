package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// overdue is a pipeline with a limit of 50 ms that stops when it is told to, or,
// with the argument deaf, never.
func overdue() {
	a := &app{log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	p := pipeline{name: "overdue", limit: 50 * time.Millisecond}
	err := a.withLimit(context.Background(), p, 100*time.Millisecond, func(ctx context.Context) error {
		if len(os.Args) > 1 && os.Args[1] == "deaf" {
			select {}
		}
		<-ctx.Done()
		return ctx.Err()
	})
	if errors.As(err, new(limitError)) {
		os.Stderr.WriteString(err.Error())
	}
	os.Exit(exitCode(err))
}

// A pipeline that passes its limit is told to stop, and killed where it does not.
func TestTimeLimit(t *testing.T) {
	r := finish(t, exec.Command("overdue"))
	if r.code != exitFailed || !strings.Contains(r.stderr, "overdue: stopped after its time limit of 50ms") {
		t.Errorf("told to stop: %s", r)
	}
	c := exec.Command("overdue", "deaf")
	r = finish(t, c)
	status, _ := c.ProcessState.Sys().(syscall.WaitStatus)
	if !status.Signaled() || status.Signal() != syscall.SIGKILL || !strings.Contains(r.stderr, "killing this process") {
		t.Errorf("deaf: %v, %s", status, r)
	}
}

// Every pipeline has a limit, and a name of its own.
func TestEveryPipelineHasALimit(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range (&app{}).pipelines() {
		if p.limit <= 0 || p.does == "" || seen[p.name] {
			t.Errorf("%+v", p.name)
		}
		seen[p.name] = true
	}
	for _, src := range sources() {
		if !seen[src.Pipeline] || !strings.HasPrefix(src.Pipeline, "extract_") {
			t.Errorf("source %s: pipeline %q", src.Name, src.Pipeline)
		}
	}
	for _, name := range demoRecent {
		if pipelineOf(name) == "" {
			t.Errorf("the demo names a source %s that there is not", name)
		}
	}
}
