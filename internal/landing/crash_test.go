package landing

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestMain lets the tests start this binary again as a process to kill.
func TestMain(m *testing.M) {
	switch root := os.Getenv("LANDING_TEST_ROOT"); os.Getenv("LANDING_TEST_ROLE") {
	case "crash", "decide":
		dieAt, err := strconv.Atoi(os.Getenv("LANDING_TEST_STEP"))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		n := 0
		dying := Options{Now: at(noon), OnStep: func(string) error {
			if n++; n == dieAt {
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
			return nil
		}}
		if os.Getenv("LANDING_TEST_ROLE") == "decide" {
			err = decide(root, dying, script()...)
		} else {
			_, err = land(root, dying, scenario, true)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	case "hold":
		holdLock(root)
	}
	onMemory()
	os.Exit(m.Run())
}

// onMemory puts the tests' folders where syncing costs nothing, if there is room.
// What a killed process leaves it leaves to a living kernel, and power cuts are played
// by the tests themselves, so a disk would only make them slow.
func onMemory() {
	const folder = "/dev/shm"
	var fs syscall.Statfs_t
	if os.Getenv("TMPDIR") == "" && syscall.Statfs(folder, &fs) == nil && int64(fs.Bavail)*fs.Bsize > 512<<20 {
		os.Setenv("TMPDIR", folder)
	}
}

// countSteps is how often an undisturbed scenario calls OnStep, with the names.
func countSteps(t *testing.T) []string {
	t.Helper()
	root := t.TempDir()
	mustLand(t, root, before, false)
	var steps []string
	_, err := land(root, Options{Now: at(noon), OnStep: func(s string) error { steps = append(steps, s); return nil }}, scenario, true)
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) < 100 {
		t.Fatalf("only %d steps: the scenario no longer covers the package", len(steps))
	}
	return steps
}

// die runs the scenario in a process that kills itself at the n-th step; false
// says that the run had no such step and ended well.
func die(t *testing.T, root string, n int) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LANDING_TEST_ROLE=crash", "LANDING_TEST_ROOT="+root, fmt.Sprintf("LANDING_TEST_STEP=%d", n))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err == nil {
		return false
	}
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("step %d: the process should have died by SIGKILL: %v\n%s", n, err, out)
	}
	return true
}

// TestFaultKilledAtEveryStep: kill -9 before and after each durable operation, then
// one ordinary run. The zone must look as if nothing had happened.
func TestFaultKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	for n, step := range countSteps(t) {
		if sameAsNext(step) {
			continue
		}
		t.Run(fmt.Sprintf("%03d %s", n+1, step), func(t *testing.T) {
			root := t.TempDir()
			mustLand(t, root, before, false)
			if !die(t, root, n+1) {
				t.Fatal("the process reached its end")
			}
			whole(t, root)
			mustLand(t, root, scenario, true)
			sameTree(t, "after the next run", tree(t, root), want)
		})
	}
}

// TestKilledAgainDuringRecovery: a process dies between a link and its sync, with
// files landed before, and the one that recovers dies at each of its steps too.
func TestKilledAgainDuringRecovery(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	first := 0
	for n, step := range countSteps(t) {
		if step == "put link done" {
			first = n + 1 // the last of them
		}
	}
	n, by := 1, 2
	if os.Getenv("MATERIA_LONG") != "" {
		by = 1
	}
	for ; ; n += by {
		root := t.TempDir()
		mustLand(t, root, before, false)
		if !die(t, root, first) {
			t.Fatalf("step %d was never reached", first)
		}
		if !die(t, root, n) {
			break // that run had no n-th step: it ended well
		}
		whole(t, root)
		mustLand(t, root, scenario, true)
		sameTree(t, fmt.Sprintf("killed at step %d, then at %d", first, n), tree(t, root), want)
	}
	if n < 40 {
		t.Errorf("recovery and the rest took %d steps only", n)
	}
}

// whole fails on a file outside the zone's own folders that a reader could not
// read to its end, at a moment when nothing has been recovered yet.
func whole(t *testing.T, root string) {
	t.Helper()
	content := map[string]bool{}
	for _, it := range append(before, scenario...) {
		content[it.text] = true
	}
	err := filepath.WalkDir(root, func(p string, f fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if f.IsDir() && strings.HasPrefix(f.Name(), ".") && p != root {
			return fs.SkipDir
		}
		if !f.IsDir() && !content[readFile(t, p)] {
			t.Errorf("partial file %s", p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	z, err := Open(root, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range z.Entries() {
		if err != nil {
			t.Errorf("a reader meets a half manifest: %v", err)
		}
	}
}

// TestFaultDiskAtEveryStep: the n-th operation fails with a full or broken disk,
// once or from then on. The run must say so and leave no partial file, and the
// next run must end as if nothing had happened.
func TestFaultDiskAtEveryStep(t *testing.T) {
	t.Parallel()
	want := undisturbed(t)
	steps := countSteps(t)
	long := os.Getenv("MATERIA_LONG") != ""
	for _, fault := range []syscall.Errno{syscall.ENOSPC, syscall.EIO} {
		for _, lasting := range []bool{false, true} {
			if usual := lasting == (fault == syscall.ENOSPC); !usual && !long {
				continue // a disk that is full for a moment, or broken for good
			}
			for n, step := range steps {
				when := fmt.Sprintf("%v at step %d (%s), lasting %v", fault, n+1, step, lasting)
				root := t.TempDir()
				mustLand(t, root, before, false)
				calls := 0
				_, err := land(root, Options{Now: at(noon), OnStep: func(string) error {
					if calls++; calls == n+1 || lasting && calls > n {
						return fault
					}
					return nil
				}}, scenario, true)
				if !errors.Is(err, fault) {
					t.Errorf("%s: the run returned %v", when, err)
				}
				whole(t, root)
				mustLand(t, root, scenario, true)
				sameTree(t, when, tree(t, root), want)
			}
		}
	}
}
