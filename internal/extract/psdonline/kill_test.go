package psdonline

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/extract/extracttest"
	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/state"
)

// TestMain lets the trials start this binary again as a process to kill.
func TestMain(m *testing.M) {
	if root := os.Getenv("PSD_TEST_ROOT"); root != "" {
		if err := extractAlone(root, os.Getenv("PSD_TEST_UPSTREAM")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// Syncing costs nothing there, and a killed process leaves all to a living kernel.
	var fs syscall.Statfs_t
	if os.Getenv("TMPDIR") == "" && syscall.Statfs("/dev/shm", &fs) == nil && int64(fs.Bavail)*fs.Bsize > 512<<20 {
		os.Setenv("TMPDIR", "/dev/shm")
	}
	os.Exit(m.Run())
}

func killWindow() extract.Window {
	return extract.Window{Since: day(2022, 8, 1), Until: day(2022, 12, 31)}
}

// extractAlone is what a process of its own does: open all, run, close.
func extractAlone(root, upstream string) error {
	now := func() time.Time { return extracttest.Today() }
	zone, err := landing.Open(root, landing.Options{Now: now})
	if err != nil {
		return err
	}
	st, err := state.Open(filepath.Join(root, ".state.sqlite"))
	if err != nil {
		return err
	}
	defer st.Close()
	client := extract.NewClient(extract.ClientOptions{Upstream: upstream, Now: now})
	_, err = extract.Run(context.Background(), extract.Deps{Zone: zone, State: st, Client: client, Now: now}, Source(), killWindow())
	return err
}

// tally is what the trials came to; it is kept in a file, so that a long row of
// trials can be stopped and taken up again.
type tally struct {
	Trials, Killed          int // the rest had ended before the signal came
	Adopted                 int // trials after which the next run found files to adopt or sweep
	Lost, Doubled, Torn     int
	StillRunning, WrongRows int // rows of runs that nobody runs, and indexes that differ from the zone
}

func (t tally) String() string {
	return fmt.Sprintf("trials %d, killed in the middle %d, of them with work left open %d: lost %d, doubled %d, torn %d, rows left running %d, wrong indexes %d",
		t.Trials, t.Killed, t.Adopted, t.Lost, t.Doubled, t.Torn, t.StillRunning, t.WrongRows)
}

// TestFaultKilledAtRandomMoments kills whole extractions with SIGKILL at random
// moments, looks at what a reader then sees, and lets the next run end. 100
// trials; 1,000 with MATERIA_LONG; MATERIA_TRIALS says another number and
// MATERIA_TRIALS_FILE where to note and take up the count.
func TestFaultKilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	want := 100
	if os.Getenv("MATERIA_LONG") != "" {
		want = 1000
	}
	if n, err := strconv.Atoi(os.Getenv("MATERIA_TRIALS")); err == nil {
		want = n
	}
	file := os.Getenv("MATERIA_TRIALS_FILE")
	var done tally
	if text, err := os.ReadFile(file); err == nil {
		if err := json.Unmarshal(text, &done); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	upstream := httptest.NewServer(killUpstream(t))
	defer upstream.Close()
	whole := map[string]string{}
	began := time.Now()
	root := t.TempDir()
	if out, err := child(root, upstream.URL).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	length := time.Since(began) // of an undisturbed process; where to kill, no limit
	for _, p := range visibleFiles(t, root) {
		whole[p] = wholeText(filepath.Join(root, p))
	}
	if len(whole) != 5 {
		t.Fatalf("undisturbed: %d files, want 4 archives and the current one: %q", len(whole), whole)
	}
	dice := rand.New(rand.NewPCG(uint64(done.Trials), 7))
	for done.Trials < want {
		killed := done.Killed
		trial(t, &done, upstream.URL, time.Duration(dice.Float64()*float64(length)), whole)
		if killed < done.Killed {
			length += length / 30
		} else {
			length -= length / 10 // so that a machine of any speed is killed in the middle, about three times in four
		}
		if done.Trials++; file != "" && (done.Trials%50 == 0 || done.Trials == want) {
			text, _ := json.MarshalIndent(done, "", "  ")
			if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(os.Stderr, done)
		}
	}
	t.Log(done)
	if done.Lost+done.Doubled+done.Torn+done.StillRunning+done.WrongRows > 0 {
		t.Error("not all is as an undisturbed run leaves it")
	}
	if done.Killed < done.Trials/4 {
		t.Errorf("only %d of %d trials were killed in the middle", done.Killed, done.Trials)
	}
}

func child(root, upstream string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PSD_TEST_ROOT="+root, "PSD_TEST_UPSTREAM="+upstream)
	return cmd
}

// trial is one death and what came after it.
func trial(t *testing.T, done *tally, upstream string, after time.Duration, whole map[string]string) {
	t.Helper()
	root, err := os.MkdirTemp("", "trial-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(root)
	cmd := child(root, upstream)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	cmd.Process.Kill()
	err = cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL:
		done.Killed++
	default:
		t.Fatalf("the process ended by itself: %v", err)
	}
	for _, p := range visibleFiles(t, root) {
		if wholeText(filepath.Join(root, p)) != whole[p] {
			done.Torn++
			t.Errorf("killed after %v: a reader sees a torn %s", after, p)
		}
	}
	open, _ := filepath.Glob(filepath.Join(root, ".manifest", ".open", "*"))
	left, _ := filepath.Glob(filepath.Join(root, ".tmp", "psd", "*"))
	if len(open)+len(left) > 0 {
		done.Adopted++
	}
	if err := extractAlone(root, upstream); err != nil {
		t.Fatalf("killed after %v: the next run: %v", after, err)
	}
	compare(t, done, root, after, whole)
}

// compare holds a zone and its state against an undisturbed run's.
func compare(t *testing.T, done *tally, root string, after time.Duration, whole map[string]string) {
	t.Helper()
	seen := visibleFiles(t, root)
	for p, text := range whole {
		switch {
		case !slices.Contains(seen, p):
			done.Lost++
			t.Errorf("killed after %v: %s is lost", after, p)
		case wholeText(filepath.Join(root, p)) != text:
			done.Torn++
			t.Errorf("killed after %v: %s is torn", after, p)
		}
	}
	if len(seen) > len(whole) {
		done.Doubled++
		t.Errorf("killed after %v: files %q", after, seen)
	}
	zone, err := landing.Open(root, landing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]int{}
	for e, err := range zone.Entries() {
		if err != nil {
			t.Fatalf("killed after %v: %v", after, err)
		}
		lines[e.Path]++
	}
	for p := range whole {
		if lines[p] == 0 {
			done.Lost++
			t.Errorf("killed after %v: no manifest names %s", after, p)
		} else if lines[p] > 1 {
			done.Doubled++
			t.Errorf("killed after %v: %d manifest lines for %s", after, lines[p], p)
		}
	}
	st, err := state.Open(filepath.Join(root, ".state.sqlite"))
	if err != nil {
		t.Fatalf("killed after %v: state: %v", after, err)
	}
	defer st.Close()
	files, err := st.FilesOf(t.Context(), "psd")
	if err != nil || len(files) != len(whole) {
		done.WrongRows++
		t.Errorf("killed after %v: the index has %d files, %v", after, len(files), err)
	}
	runs, err := st.Runs(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		if r.Status == state.Running {
			done.StillRunning++
			t.Errorf("killed after %v: run %s still runs", after, r.ID)
		}
	}
}

// visibleFiles are the landed files that a reader's glob meets.
func visibleFiles(t *testing.T, root string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(root, "psd", "*", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		list[i], _ = filepath.Rel(root, list[i])
	}
	return list
}

// wholeText is the text of a landed file, or what is wrong with it.
func wholeText(path string) string {
	text, err := gunzipFile(path)
	if err != nil {
		return "torn: " + err.Error()
	}
	return text
}

// killUpstream has four archives, one of which a month lacks, and a current file.
func killUpstream(t *testing.T) http.Handler {
	t.Helper()
	at := func(month time.Month) time.Time { return time.Date(2022, month, 20, 15, 0, 0, 0, time.UTC) }
	answers := map[string]http.HandlerFunc{coffeeFile: file(extracttest.Zip(t, "psd_coffee.csv", header+rows(3000)), at(12).AddDate(0, 6, 0))}
	for n, month := range []time.Month{8, 9, 11, 12} {
		answers["archives/"+at(month).Format(monthPath)+"/"+coffeeFile] = file(extracttest.Zip(t, "psd_coffee.csv", header+rows(2000+n)), at(month))
	}
	return serve(answers)
}

func gunzipFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	_, err = io.Copy(&b, z)
	return b.String(), err
}
