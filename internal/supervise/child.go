package supervise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"beanflows.coffee/materia/internal/state"
)

// Job is one run of a pipeline that a tick asks for.
type Job struct {
	Workflow, Pipeline string
	Slot               time.Time
	Timeout            time.Duration
	Started            func(process string) // to be called once the child lives
}

// Outcome is how a job ended.
type Outcome struct {
	Status  string // state.Success, Partial, Failed or Interrupted
	Message string // for a person: why it failed, or the last words of the child
	Locked  bool   // somebody else runs this pipeline right now
}

// Exit codes of `materia pipeline run` that are not plain failure.
const (
	exitPartial = 3
	exitLocked  = 11
)

// Children runs jobs as child processes.
type Children struct {
	Command func(pipeline string) *exec.Cmd // a new command; its process group and output are set here
	Output  io.Writer                       // what children print; nil: our stderr
	Grace   time.Duration                   // between TERM and KILL; 0: 20 s
}

const tailBytes = 4 << 10

// Run runs the job in a process group of its own and waits for its end. At the
// job's timeout, and when ctx ends, the group gets TERM and after the grace KILL.
func (c Children) Run(ctx context.Context, j Job) Outcome {
	// The kernel sends the child its death signal when the thread that started it
	// ends, so this goroutine keeps its thread until the child is gone.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	cmd := c.Command(j.Pipeline)
	out := &tail{to: c.Output}
	if out.to == nil {
		out.to = os.Stderr
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.WaitDelay = 2 * time.Second // a grandchild may hold the pipe open
	if err := cmd.Start(); err != nil {
		return Outcome{Status: state.Failed, Message: fmt.Sprintf("start %s: %v", strings.Join(cmd.Args, " "), err)}
	}
	j.Started(identify(cmd.Process.Pid))

	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	limit := time.NewTimer(j.Timeout)
	defer limit.Stop()
	var stopped string
	var err error
	select {
	case err = <-ended:
		killGroup(cmd.Process.Pid, syscall.SIGKILL) // what it left behind
		return c.outcome(err, out.text())
	case <-limit.C:
		stopped = fmt.Sprintf("took longer than its timeout of %s", j.Timeout)
	case <-ctx.Done():
		stopped = "the supervisor was told to stop"
	}
	grace := c.Grace
	if grace == 0 {
		grace = 20 * time.Second
	}
	killGroup(cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-ended:
		stopped += "; it ended on TERM"
	case <-time.After(grace):
		killGroup(cmd.Process.Pid, syscall.SIGKILL)
		<-ended
		stopped += "; it ignored TERM and was killed"
	}
	killGroup(cmd.Process.Pid, syscall.SIGKILL)
	if ctx.Err() != nil {
		return Outcome{Status: state.Interrupted, Message: stopped}
	}
	return Outcome{Status: state.Failed, Message: join(stopped, out.text())}
}

func (c Children) outcome(err error, said string) Outcome {
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		return Outcome{Status: state.Success, Message: lastLine(said)}
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return Outcome{Status: state.Failed, Message: join(err.Error(), said)}
	}
	switch exit.ExitCode() {
	case exitPartial:
		return Outcome{Status: state.Partial, Message: join("some parts failed", said)}
	case exitLocked:
		return Outcome{Status: state.Failed, Message: join("locked", said), Locked: true}
	}
	if words, ours := strings.CutPrefix(lastWords(said), "materia: "); ours && exit.ExitCode() == 1 {
		return Outcome{Status: state.Failed, Message: words} // its own reason, as it would say it to a person
	}
	return Outcome{Status: state.Failed, Message: join(exit.String(), said)} // "exit status 2" or "signal: killed"
}

func join(what, said string) string {
	if said = lastWords(said); said != "" {
		return what + ": " + said
	}
	return what
}

const lastLines = 6

// lastWords is what a child said at its end: its final error if it is one of
// ours, else its last lines.
func lastWords(said string) string {
	said = strings.TrimSpace(said)
	if at := strings.LastIndex("\n"+said, "\nmateria: "); at >= 0 {
		return said[at:]
	}
	lines := strings.Split(said, "\n")
	return strings.Join(lines[max(0, len(lines)-lastLines):], "\n")
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// killGroup signals a whole process group; that it is gone is fine.
func killGroup(pgid int, sig syscall.Signal) { _ = syscall.Kill(-pgid, sig) }

// tail passes on what a child prints and keeps the end of it.
type tail struct {
	to io.Writer
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.b = append(t.b, p...); len(t.b) > tailBytes {
		t.b = append(t.b[:0], t.b[len(t.b)-tailBytes:]...)
	}
	_, _ = t.to.Write(p) // a full journal must not kill the child with EPIPE
	return len(p), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(string(t.b), "?")
}
