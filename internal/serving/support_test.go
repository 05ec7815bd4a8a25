package serving

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/duck"
)

// TestMain lets the test binary stand in for an exporting process that dies.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SERVING_TEST_EXPORT"); dir != "" {
		if err := exportToDeath(dir, os.Getenv("SERVING_TEST_KILL")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// bench is a folder with a lakehouse and what is published from it. Every
// generation n of it holds n in both its tables, so that a torn read shows.
type bench struct {
	t    testing.TB
	dir  string
	path string
}

func newBench(t testing.TB) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{t: t, dir: dir, path: filepath.Join(dir, "analytics.duckdb")}
	b.generation(1)
	return b
}

// rows is how many rows each of the two tables has.
const rows = 500

// generation writes the lakehouse's tables anew.
func (b *bench) generation(n int) {
	b.t.Helper()
	if err := writeLake(b.lake(), n); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) lake() string { return filepath.Join(b.dir, "lakehouse.duckdb") }

func writeLake(path string, n int) error {
	db, err := duck.Open(path, duck.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	for _, table := range []string{"left", "right"} {
		q := fmt.Sprintf(`CREATE OR REPLACE TABLE "%s_table" AS SELECT %d AS generation, i AS id, 'x' || i AS words FROM range(%d) r(i)`, table, n, rows)
		if _, err := db.Exec(q); err != nil {
			return err
		}
	}
	_, err = db.Exec("CHECKPOINT")
	return err
}

func input(dir string, n int) Input {
	version := fmt.Sprintf("v%d", n)
	return Input{
		Lakehouse: filepath.Join(dir, "lakehouse.duckdb"), Path: filepath.Join(dir, "analytics.duckdb"), Threads: 1,
		Tables: []Table{{Name: "lefts", Source: `"left_table"`, Version: version}, {Name: "rights", Source: `"right_table"`, Version: version}},
		Meta:   Meta{Origin: "sample", ExportedAt: time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC), PlanID: version, MateriaVersion: "test"},
		Runs:   []Run{{RunID: "a", Pipeline: "extract_psd", Source: "psd", StartedAt: time.Date(2026, 2, 1, 11, 0, 0, 0, time.UTC), Status: "success", Files: 1}},
		Freshness: []Freshness{{Source: "psd", Title: "PSD", LastStatus: "success", Files: 1,
			LastChecked: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}},
		Quality: []Quality{{Model: "serving.lefts", Audit: "not_null", Blocking: true}},
		Lineage: []Lineage{{Model: "serving.lefts", Kind: "FULL", DependsOn: "foundation.x"}},
	}
}

func (b *bench) export(n int) Result {
	b.t.Helper()
	r, err := Export(b.t.Context(), input(b.dir, n))
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *bench) reader() *Reader {
	b.t.Helper()
	r, err := OpenReader(b.path, ReaderOptions{Threads: 1})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(r.Close)
	return r
}

func (b *bench) acquire(r *Reader) *Snapshot {
	b.t.Helper()
	s, err := r.Acquire(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// generationOf reads both tables of a snapshot; they must agree, row by row.
func generationOf(s *Snapshot) (int, error) {
	var lowest, highest, all int
	err := s.DB.QueryRow(`SELECT min(g), max(g), count(*) FROM (SELECT generation AS g FROM serving.lefts UNION ALL SELECT generation FROM serving.rights)`).
		Scan(&lowest, &highest, &all)
	switch {
	case err != nil:
		return 0, err
	case lowest != highest || all != 2*rows:
		return 0, fmt.Errorf("torn: generations %d to %d in %d rows", lowest, highest, all)
	case s.PlanID != fmt.Sprintf("v%d", lowest):
		return 0, fmt.Errorf("stale: plan %s with rows of generation %d", s.PlanID, lowest)
	}
	return lowest, nil
}

// links lists the names under which readers hold files open.
func (b *bench) links() []string {
	b.t.Helper()
	found, err := filepath.Glob(filepath.Join(b.dir, linkDir, "*"))
	if err != nil {
		b.t.Fatal(err)
	}
	return found
}

// temporaries lists what an export leaves only when it dies.
func (b *bench) temporaries() []string {
	b.t.Helper()
	found, err := filepath.Glob(b.path + ".new*")
	if err != nil {
		b.t.Fatal(err)
	}
	return found
}

// openFiles counts this process's descriptors.
func openFiles(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("SKIPPED: descriptors cannot be counted here: %v", err)
	}
	return len(list)
}

// exportToDeath publishes generation 2 and kills itself at the named step.
func exportToDeath(dir, fatal string) error {
	if err := writeLake(filepath.Join(dir, "lakehouse.duckdb"), 2); err != nil {
		return err
	}
	in := input(dir, 2)
	in.OnStep = func(step string) error {
		fmt.Println(step)
		if step == fatal {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return nil
	}
	r, err := OpenReader(in.Path, ReaderOptions{}) // dies with a link of its own
	if err != nil {
		return err
	}
	if _, err := r.Acquire(context.Background()); err != nil {
		return err
	}
	_, err = Export(context.Background(), in)
	return err
}

// exporter runs the other process.
func exporter(dir, kill string) (steps string, died bool, err error) {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "SERVING_TEST_EXPORT="+dir, "SERVING_TEST_KILL="+kill)
	out, err := c.Output()
	if c.ProcessState == nil {
		return "", false, err
	}
	status, _ := c.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() && status.Signal() == syscall.SIGKILL {
		return string(out), true, nil
	}
	return string(out), false, err
}
