package supervise

import (
	"bytes"
	"context"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/state"
)

// runScript runs a shell script as a job.
func runScript(ctx context.Context, script string, timeout, grace time.Duration) (Outcome, string, int) {
	var out bytes.Buffer
	var pid int
	c := Children{Command: func(string) *exec.Cmd { return exec.Command("bash", "-c", script) }, Output: &out, Grace: grace}
	o := c.Run(ctx, Job{Pipeline: "x", Timeout: timeout, Started: func(p string) { pid, _ = strconv.Atoi(strings.Fields(p)[0]) }})
	return o, out.String(), pid
}

func TestChildOutcomes(t *testing.T) {
	for script, want := range map[string]Outcome{
		"echo all well":                                     {Status: state.Success, Message: "all well"},
		"echo psd: 2 months >&2; exit 3":                    {Status: state.Partial, Message: "some parts failed: psd: 2 months"},
		"echo held by pid 7; exit 11":                       {Status: state.Failed, Message: "locked: held by pid 7", Locked: true},
		"echo no route; exit 1":                             {Status: state.Failed, Message: "exit status 1: no route"},
		"echo try 1; echo 'materia: psd: HTTP 503'; exit 1": {Status: state.Failed, Message: "psd: HTTP 503"},
		"seq 1 9; exit 1":                                   {Status: state.Failed, Message: "exit status 1: 4\n5\n6\n7\n8\n9"},
		"kill -9 $$":                                        {Status: state.Failed, Message: "signal: killed"},
		"exec /nowhere/at/all 2>/dev/null":                  {Status: state.Failed, Message: "exit status 127"},
	} {
		got, _, _ := runScript(t.Context(), script, time.Minute, time.Second)
		if got != want {
			t.Errorf("%s: %+v, want %+v", script, got, want)
		}
	}
	c := Children{Command: func(string) *exec.Cmd { return exec.Command("/nowhere/materia") }}
	if got := c.Run(t.Context(), Job{Timeout: time.Minute}); got.Status != state.Failed || !strings.Contains(got.Message, "/nowhere/materia") {
		t.Errorf("a missing program: %+v", got)
	}
}

// TestChildTimeout: at the limit the whole group gets TERM, and KILL when it
// does not care; no grandchild stays.
func TestChildTimeout(t *testing.T) {
	for name, c := range map[string]struct{ script, says string }{
		"ends on TERM": {"echo ready; sleep 300", "ended on TERM"},
		"ignores TERM": {"trap '' TERM; echo ready; sleep 300 & sleep 300; sleep 300", "was killed"},
	} {
		limit := 200 * time.Millisecond
		got, said, pid := runScript(t.Context(), c.script, limit, 500*time.Millisecond)
		for said == "" && limit < time.Minute { // a loaded machine did not even start it
			limit *= 2
			got, said, pid = runScript(t.Context(), c.script, limit, 500*time.Millisecond)
		}
		if got.Status != state.Failed || !strings.Contains(got.Message, "timeout of "+limit.String()) || !strings.Contains(got.Message, c.says) {
			t.Errorf("%s: %+v", name, got)
		}
		waitFor(t, "the group to be gone", func() bool { return syscall.Kill(-pid, 0) != nil || !hasLiving(pid) })
	}
}

// TestChildInterrupted: when the supervisor stops, the child gets TERM and the
// run counts as interrupted.
func TestChildInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	got, _, _ := runScript(ctx, "sleep 300", time.Hour, 10*time.Second)
	if got.Status != state.Interrupted {
		t.Errorf("%+v", got)
	}
}

// TestChildOutput: everything a child prints is passed on, and the end of it is
// kept; a grandchild that holds the pipe does not hold up the tick.
func TestChildOutput(t *testing.T) {
	got, out, _ := runScript(t.Context(), "seq 1 20000; echo the reason >&2; sleep 60 & exit 1", time.Minute, time.Second)
	if !strings.Contains(out, "\n19999\n20000\nthe reason\n") || !strings.HasPrefix(out, "1\n2\n") {
		t.Errorf("passed on %d bytes", len(out))
	}
	if len(got.Message) > tailBytes+100 || !strings.HasSuffix(got.Message, "the reason") {
		t.Errorf("message of %d bytes ends %q", len(got.Message), got.Message[max(0, len(got.Message)-30):])
	}
}
