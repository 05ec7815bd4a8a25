package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/alert"
	"beanflows.coffee/materia/internal/state"
)

// TestMain lets the test binary be a supervisor of its own process, to be
// killed for real.
func TestMain(m *testing.M) {
	if dir := os.Getenv("MATERIA_TEST_SUPERVISOR"); dir != "" {
		os.Exit(beSupervisor(dir))
	}
	os.Exit(m.Run())
}

const yearly = `
[[workflow]]
name = "a"
schedule = "0 0 1 1 *"
pipeline = "extract_a"
[[workflow]]
name = "b"
schedule = "0 0 1 1 *"
pipeline = "extract_b"
[[workflow]]
name = "c"
schedule = "0 0 1 1 *"
pipeline = "extract_c"
depends_on = ["a", "b"]
`

var june = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// beSupervisor runs until nothing is due, or until it kills itself at the step
// that MATERIA_TEST_KILL_AT numbers.
func beSupervisor(dir string) int {
	lock, err := TakeLock(filepath.Join(dir, "lock"), june)
	var locked *LockedError
	if errors.As(err, &locked) {
		fmt.Fprintln(os.Stderr, err)
		return 11
	}
	j, jerr := state.OpenJournal(filepath.Join(dir, ".journal.sqlite"))
	workflows, werr := Parse("yearly.toml", []byte(yearly), nil)
	if err := errors.Join(err, jerr, werr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer lock.Release()
	defer j.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	clock := SystemClock()
	clock.Now = func() time.Time { return june.Add(clock.Elapsed()) }
	if os.Getenv("MATERIA_TEST_STAY") == "" {
		clock.Wait = func(context.Context, time.Duration) { stop() } // nothing is due any more
	}
	killAt, n := -1, make(chan int, 1)
	if text := os.Getenv("MATERIA_TEST_KILL_AT"); text != "" {
		killAt, _ = strconv.Atoi(text)
	}
	n <- 0
	children := Children{Command: func(pipeline string) *exec.Cmd {
		return exec.Command("sh", "-c", `echo "$0 start" >>"$1"; sleep 0.1; echo "$0 end" >>"$1"`, pipeline, filepath.Join(dir, "log"))
	}}
	err = Run(ctx, Options{Workflows: workflows, Journal: j, Alerts: &alert.Desk{Journal: j, Now: clock.Now}, Clock: clock,
		Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), RunJob: children.Run, OnStep: func(string) error {
			at := <-n
			if at == killAt {
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
			n <- at + 1
			return nil
		}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("steps", <-n)
	return 0
}

func supervisor(dir string, env ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), append([]string{"MATERIA_TEST_SUPERVISOR=" + dir}, env...)...)
	return cmd
}

// TestKilledAtEveryStep kills a real supervisor with SIGKILL at each step of a
// tick of five jobs. The next one ends what is left, and repeats only a job
// whose end the journal had not heard of.
func TestKilledAtEveryStep(t *testing.T) {
	out, err := supervisor(t.TempDir()).Output()
	must(t, err)
	steps, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(string(out), "steps ")))
	must(t, err)
	if steps != 5*4 {
		t.Fatalf("%d steps, want 4 for each of 5 jobs", steps)
	}
	for at := range steps {
		t.Run(strconv.Itoa(at), func(t *testing.T) {
			t.Parallel()
			killedAt(t, at)
		})
	}
}

func killedAt(t *testing.T, at int) {
	dir := t.TempDir()
	var exit *exec.ExitError
	killed := supervisor(dir, "MATERIA_TEST_KILL_AT="+strconv.Itoa(at))
	if err := killed.Run(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("step %d: %v, want killed", at, err)
	}
	before := statuses(t, dir)
	if text, err := supervisor(dir).CombinedOutput(); err != nil {
		t.Fatalf("step %d: the next one: %v\n%s", at, err, text)
	}
	after := statuses(t, dir)
	for _, pipeline := range []string{"a", "b", "c", Transform, Export} {
		if after[pipeline] != state.Success {
			t.Errorf("step %d: %s is %q", at, pipeline, after[pipeline])
		}
		name := pipeline
		if len(name) == 1 {
			name = "extract_" + name
		}
		starts, ends := counted(t, dir, name)
		wantMost := 1
		if before[pipeline] == state.Running {
			wantMost = 2
		}
		if ends < 1 || starts > wantMost {
			t.Errorf("step %d: %s started %d times and ended %d times; it was %q at the kill", at, name, starts, ends, before[pipeline])
		}
	}
}

func statuses(t *testing.T, dir string) map[string]string {
	t.Helper()
	j, err := state.OpenJournal(filepath.Join(dir, ".journal.sqlite"))
	must(t, err)
	defer j.Close()
	runs, err := j.WorkflowRuns(t.Context(), 0)
	must(t, err)
	got := map[string]string{}
	for _, r := range runs { // a station has a row a try
		if got[r.Workflow] != state.Success {
			got[r.Workflow] = r.Status
		}
	}
	return got
}

func counted(t *testing.T, dir, name string) (starts, ends int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "log"))
	must(t, err)
	return strings.Count(string(text), name+" start\n"), strings.Count(string(text), name+" end\n")
}

// TestSecondSupervisor: while one works, a second exits 11 and names the first;
// after the first was killed, one may start.
func TestSecondSupervisor(t *testing.T) {
	dir := t.TempDir()
	first := supervisor(dir, "MATERIA_TEST_STAY=1")
	must(t, first.Start())
	defer func() { first.Process.Kill(); first.Wait() }()
	lock := filepath.Join(dir, "lock")
	waitFor(t, "the first to hold the lock", func() bool {
		pid, _, running := Running(lock)
		return running && pid == first.Process.Pid
	})
	second := supervisor(dir)
	text, err := second.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 11 {
		t.Fatalf("the second: %v, want exit 11\n%s", err, text)
	}
	if want := fmt.Sprintf("pid %d", first.Process.Pid); !strings.Contains(string(text), want) {
		t.Errorf("the second says %q, want %q", text, want)
	}
	must(t, first.Process.Kill())
	first.Wait()
	if _, _, running := Running(lock); running {
		t.Error("the lock outlived its process")
	}
	if text, err := supervisor(dir).CombinedOutput(); err != nil {
		t.Errorf("after the kill: %v\n%s", err, text)
	}
	var h holder
	b, err := os.ReadFile(lock)
	must(t, err)
	must(t, json.Unmarshal(b, &h))
	if h.PID == 0 || h.PID == first.Process.Pid {
		t.Errorf("the lock names %d", h.PID)
	}
}

// TestLeftoverChild: a child that went on after its supervisor was killed is
// ended before its slot is run again.
func TestLeftoverChild(t *testing.T) {
	child := exec.Command("sh", "-c", "trap '' TERM; sleep 300 & wait; sleep 300")
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	must(t, child.Start())
	pid := child.Process.Pid
	go child.Wait()
	process := identify(pid)
	if f := strings.Fields(process); len(f) != 3 {
		t.Fatalf("identity %q", process)
	}
	fields := strings.Fields(process)
	if endLeftover(t.Context(), fields[0]+" 1 "+fields[2], time.Second) {
		t.Fatal("a process with that number and another start was taken for it")
	}
	if endLeftover(t.Context(), fields[0]+" "+fields[1]+" another-boot", time.Second) {
		t.Fatal("a process of another boot was taken for it")
	}
	if !endLeftover(t.Context(), process, 300*time.Millisecond) {
		t.Fatal("the child was not found")
	}
	waitFor(t, "the group to be gone", func() bool { return !hasLiving(pid) })
	if endLeftover(t.Context(), process, time.Second) {
		t.Error("a process that is gone was found")
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for until := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("waited a minute for %s", what)
		}
	}
}
