package landing

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	oldDay = "psd/day/2026-01-30.json.gz"
	newDay = "psd/day/2026-01-31.json.gz"
)

func retract(path string) Decision {
	return Decision{Source: "psd", Action: Retract, Path: path, By: "ada", Why: "wrong unit"}
}

// decide carries out decisions one after another, as a command does.
func decide(root string, o Options, decisions ...Decision) error {
	z, err := Open(root, o)
	if err != nil {
		return err
	}
	lock, err := z.Lock(context.Background(), "psd", 0)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if _, err := z.Recover("psd"); err != nil {
		return err
	}
	for _, d := range decisions {
		if _, err := z.Decide(d); err != nil {
			return err
		}
	}
	return nil
}

// visible are the landed files that a reader's glob meets.
func visible(t *testing.T, root string) []string {
	t.Helper()
	var list []string
	for p := range tree(t, root) {
		if strings.HasPrefix(p, "psd/") {
			list = append(list, p)
		}
	}
	slices.Sort(list)
	return list
}

func decidedZone(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	mustLand(t, root, before, false)
	if _, err := land(root, Options{Now: at(noon.Add(time.Minute))}, scenario, false); err != nil {
		t.Fatal(err)
	}
	return root
}

func sound(t *testing.T, root string) {
	t.Helper()
	z, err := Open(root, Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = z.Verify(t.Context(), func(e Entry, err error) {
		if n++; err != nil {
			t.Error(err)
		}
	})
	if err != nil || n != len(before)+len(scenario) {
		t.Errorf("verified %d files, %v", n, err)
	}
}

// A retracted file is out of every reader's sight, still verified, does not land
// again, and comes back as it was.
func TestRetractAndRestore(t *testing.T) {
	root := decidedZone(t)
	all := visible(t, root)
	if err := decide(root, Options{Now: at(noon)}, retract(newDay)); err != nil {
		t.Fatal(err)
	}
	if got := visible(t, root); len(got) != len(all)-1 || slices.Contains(got, newDay) {
		t.Errorf("readers see %q", got)
	}
	if err := decide(root, Options{Now: at(noon)}, retract(newDay)); err == nil || !strings.Contains(err.Error(), "retracted already") {
		t.Errorf("twice: %v", err)
	}
	sound(t, root)
	z, _ := Open(root, Options{})
	if aside, err := z.Aside(""); err != nil || !slices.Equal(aside, []string{newDay}) {
		t.Errorf("aside %q, %v", aside, err)
	}
	_, b := begin(t, root, noon.Add(time.Hour))
	d, err := b.NewDraft(".json.gz")
	if err != nil {
		t.Fatal(err)
	}
	d.Write([]byte(scenario[2].text))
	if _, err := b.Put(d, Entry{Path: newDay, Rows: 1, SHA256: shaOf(scenario[2].normalised), Origin: "replay"}); !errors.Is(err, ErrExists) {
		t.Errorf("retracted content landed again: %v", err)
	}
	b.Close()
	b.zone.held["psd"].Unlock()
	if got := visible(t, root); slices.Contains(got, newDay) {
		t.Error("retracted content came back by landing")
	}
	if err := decide(root, Options{Now: at(noon)}, Decision{Source: "psd", Action: Restore, Path: newDay, By: "ada", Why: "it was right"}); err != nil {
		t.Fatal(err)
	}
	if got := visible(t, root); !slices.Equal(got, all) {
		t.Errorf("after restore %q, want %q", got, all)
	}
	decisions, err := z.Decisions("psd")
	if err != nil || len(decisions) != 2 || decisions[0].Action != Retract || decisions[1].Action != Restore ||
		decisions[0].By != "ada" || decisions[0].Why != "wrong unit" || !decisions[1].At.After(decisions[0].At) {
		t.Errorf("decisions %+v, %v", decisions, err)
	}
}

// While a source is pinned nothing later is seen, and nothing is lost.
func TestPinAndUnpin(t *testing.T) {
	root := t.TempDir()
	mustLand(t, root, before, false)
	pinned := visible(t, root)
	land(root, Options{Now: at(noon.Add(time.Hour))}, scenario[:2], false)
	pin := Decision{Source: "psd", Action: Pin, Path: oldDay, By: "ada", Why: "the January file is under review"}
	if err := decide(root, Options{Now: at(noon.Add(2 * time.Hour))}, pin); err != nil {
		t.Fatal(err)
	}
	if got := visible(t, root); !slices.Equal(got, pinned) {
		t.Errorf("pinned: readers see %q, want %q", got, pinned)
	}
	if landed, err := land(root, Options{Now: at(noon.Add(3 * time.Hour))}, scenario, false); err != nil || len(landed) != 2 {
		t.Fatalf("landing under a pin: %+v, %v", landed, err)
	}
	if got := visible(t, root); !slices.Equal(got, pinned) {
		t.Errorf("landed under a pin: readers see %q, want %q", got, pinned)
	}
	sound(t, root)
	if err := decide(root, Options{}, pin); err == nil || !strings.Contains(err.Error(), "pinned to "+oldDay+" already") {
		t.Errorf("pinned twice: %v", err)
	}
	if err := decide(root, Options{Now: at(noon.Add(4 * time.Hour))}, retract("psd/day/2026-01-31.xls"),
		Decision{Source: "psd", Action: Unpin, By: "ada", Why: "reviewed"}); err != nil {
		t.Fatal(err)
	}
	if got := visible(t, root); len(got) != len(before)+len(scenario)-1 || slices.Contains(got, "psd/day/2026-01-31.xls") {
		t.Errorf("unpinned: readers see %q: all but the one retracted for itself", got)
	}
}

func TestDecisionsThatMakeNoSense(t *testing.T) {
	root := decidedZone(t)
	z, _ := Open(root, Options{Now: at(noon)})
	if _, err := z.Decide(retract(newDay)); err == nil || !strings.Contains(err.Error(), "lock is not held") {
		t.Errorf("without lock: %v", err)
	}
	for want, d := range map[string]Decision{
		"who decided":            {Source: "psd", Action: Retract, Path: newDay, Why: "x"},
		"say why":                {Source: "psd", Action: Retract, Path: newDay, By: "ada", Why: " "},
		"no manifest":            retract("psd/day/2026-02-30.json.gz"),
		"is not allowed":         retract("psd/day/a b.json.gz"),
		"begins with a dot":      retract("../x.json.gz"),
		"not set aside":          {Source: "psd", Action: Restore, Path: newDay, By: "ada", Why: "x"},
		"nothing is pinned":      {Source: "psd", Action: Unpin, By: "ada", Why: "x"},
		"the rule":               {Source: "psd", Action: Accept, By: "ada", Why: "x"},
		"64 hex digits":          {Source: "psd", Action: Release, SHA256: "abc", By: "ada", Why: "x"},
		`action "destroy" is un`: {Source: "psd", Action: "destroy", By: "ada", Why: "x"},
	} {
		if err := decide(root, Options{Now: at(noon)}, d); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", d, err, want)
		}
	}
	if list, err := z.Decisions("psd"); err != nil || len(list) != 0 {
		t.Errorf("recorded %+v, %v", list, err)
	}
}

// script is what the killed and failing processes below decide.
func script() []Decision {
	return []Decision{
		retract("psd/day/2026-01-31.xls"),
		{Source: "psd", Action: Pin, Path: oldDay, By: "ada", Why: "hold"},
		{Source: "psd", Action: Unpin, By: "ada", Why: "go on"},
	}
}

// finishScript decides what of the script is not recorded yet.
func finishScript(root string) error {
	z, err := Open(root, Options{})
	if err != nil {
		return err
	}
	done, err := z.Decisions("psd")
	if err != nil {
		return err
	}
	return decide(root, Options{Now: at(noon)}, script()[len(done):]...)
}

// TestFaultKilledAtEveryStepOfADecision: kill -9 before and after each operation of a
// retraction, a pin and its end. No file is lost or torn, and the next process
// ends where an undisturbed one does.
func TestFaultKilledAtEveryStepOfADecision(t *testing.T) {
	t.Parallel()
	want := decidedZone(t)
	var steps []string
	if err := decide(want, Options{Now: at(noon), OnStep: func(s string) error { steps = append(steps, s); return nil }}, script()...); err != nil {
		t.Fatal(err)
	}
	if len(steps) < 60 {
		t.Fatalf("%d steps only", len(steps))
	}
	for i, step := range steps {
		if sameAsNext(step) {
			continue
		}
		n := i + 1
		root := decidedZone(t)
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "LANDING_TEST_ROLE=decide", "LANDING_TEST_ROOT="+root, fmt.Sprintf("LANDING_TEST_STEP=%d", n))
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("step %d: %v\n%s", n, err, out)
		}
		sound(t, root)
		if err := finishScript(root); err != nil {
			t.Fatalf("after step %d: %v", n, err)
		}
		sameDecided(t, fmt.Sprintf("killed at step %d", n), root, want)
	}
}

// TestFaultDiskAtEveryStepOfADecision: the same with a disk that is full once.
func TestFaultDiskAtEveryStepOfADecision(t *testing.T) {
	t.Parallel()
	want := decidedZone(t)
	if err := decide(want, Options{Now: at(noon)}, script()...); err != nil {
		t.Fatal(err)
	}
	for n := 1; ; n++ {
		root := decidedZone(t)
		calls := 0
		err := decide(root, Options{Now: at(noon), OnStep: func(string) error {
			if calls++; calls == n {
				return syscall.ENOSPC
			}
			return nil
		}}, script()...)
		if calls < n {
			break
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("step %d: %v", n, err)
		}
		sound(t, root)
		if err := finishScript(root); err != nil {
			t.Fatalf("after step %d: %v", n, err)
		}
		sameDecided(t, fmt.Sprintf("failed at step %d", n), root, want)
	}
}

// sameDecided compares where every file lies; the decisions' own names are random.
func sameDecided(t *testing.T, when, root, want string) {
	t.Helper()
	places := func(root string) map[string]string {
		got := tree(t, root)
		for p := range got {
			if strings.HasPrefix(p, decisionDir+"/") {
				delete(got, p)
			}
		}
		return got
	}
	sameTree(t, when, places(root), places(want))
}

// A decision file that was changed by hand is an error that names it, not a
// decision that is passed over.
func TestDamagedDecision(t *testing.T) {
	root := decidedZone(t)
	if err := decide(root, Options{Now: at(noon)}, retract(newDay)); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(root, decisionDir, "psd", "*.json"))
	if len(files) != 1 {
		t.Fatal(files)
	}
	os.Chmod(files[0], 0o644)
	if err := os.WriteFile(files[0], []byte(`{"action":"retract"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	err := decide(root, Options{})
	if err == nil || !strings.Contains(err.Error(), filepath.Base(files[0])) {
		t.Errorf("%v", err)
	}
}

// A file that is set aside and whose name upstream's content takes again: lost
// files come back to where the decision says.
func TestLostWhileSetAside(t *testing.T) {
	root := decidedZone(t)
	if err := decide(root, Options{Now: at(noon)}, retract("psd/day/2026-01-31.xls")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(root, asideDir, "psd/day/2026-01-31.xls")); err != nil {
		t.Fatal(err)
	}
	_, b := begin(t, root, noon.Add(time.Hour))
	d, err := b.NewDraft(".xls")
	if err != nil {
		t.Fatal(err)
	}
	d.Write([]byte(scenario[3].text))
	if _, err := b.Put(d, Entry{Path: "psd/day/2026-01-31.xls", Rows: 1, Origin: "replay"}); !errors.Is(err, ErrExists) {
		t.Fatal(err)
	}
	b.Close()
	if _, aside, err := b.zone.File("psd/day/2026-01-31.xls"); err != nil || !aside {
		t.Errorf("aside %v, %v", aside, err)
	}
	if _, _, err := b.zone.File("psd/day/1999-01-31.xls"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that never was: %v", err)
	}
}
