package plan

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/duck"
)

// TestMain lets the test binary stand in for another materia process.
func TestMain(m *testing.M) {
	if role := os.Getenv("PLAN_TEST_ROLE"); role != "" {
		if err := play(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func play(role string) error {
	path := os.Getenv("PLAN_TEST_PATH")
	switch role {
	case "thousand":
		return planThousandAlone(path)
	case "hold":
		l, err := Open(context.Background(), path, Options{})
		if err != nil {
			return err
		}
		fmt.Println("open")
		bufio.NewReader(os.Stdin).ReadString('\n')
		return l.Close()
	case "read":
		db, err := duck.Open(path, duck.Options{ReadOnly: true})
		if err != nil {
			return err
		}
		fmt.Println("open")
		bufio.NewReader(os.Stdin).ReadString('\n')
		return db.Close()
	case "pipeline":
		return pipelineToDeath()
	}
	return fmt.Errorf("no role %q", role)
}

// other starts a process that has the lakehouse open until stop is called.
func other(t *testing.T, role, path string) (pid int, stop func()) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "PLAN_TEST_ROLE="+role, "PLAN_TEST_PATH="+path)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "open\n" {
		t.Fatalf("the other process: %q %v", line, err)
	}
	return c.Process.Pid, sync.OnceFunc(func() { in.Close(); c.Wait() })
}

func TestSecondWriterIsToldWhoHasIt(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	pid, stop := other(t, "hold", h.path)
	defer stop()
	h.wait = 150 * time.Millisecond
	began := time.Now()
	_, err := Open(context.Background(), h.path, h.options())
	var locked *LockedError
	if !errors.As(err, &locked) || locked.Holder.PID != pid || !strings.Contains(err.Error(), fmt.Sprint(pid)) {
		t.Errorf("second writer, holder %d: %v", pid, err)
	}
	if waited := time.Since(began); waited < h.wait || waited > h.wait+5*time.Second {
		t.Errorf("waited %s of %s", waited, h.wait)
	}
	if _, err := OpenReadOnly(context.Background(), h.path, h.options()); !errors.As(err, &locked) || locked.Holder.PID != pid {
		t.Errorf("reader beside a writer: %v", err)
	}
	h.wait = 10 * time.Second
	time.AfterFunc(200*time.Millisecond, stop)
	l, err := Open(context.Background(), h.path, h.options())
	if err != nil {
		t.Fatalf("waiting for the other to end: %v", err)
	}
	l.Close()
}

func TestWriterWaitsForReaders(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	pid, stop := other(t, "read", h.path)
	defer stop()
	h.wait = 100 * time.Millisecond
	_, err := Open(context.Background(), h.path, h.options())
	var locked *LockedError
	if !errors.As(err, &locked) || !strings.Contains(err.Error(), fmt.Sprint(pid)) {
		t.Errorf("writer beside a reader, holder %d: %v", pid, err)
	}
	if l, err := OpenReadOnly(context.Background(), h.path, h.options()); err != nil {
		t.Errorf("two readers: %v", err)
	} else {
		l.Close()
	}
}

func TestCorruptFileIsNamedAndReplaced(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, path string)
	}{
		{"no database", func(t *testing.T, path string) { put(t, path, []byte("<html>502 Bad Gateway</html>")) }},
		{"zeros", func(t *testing.T, path string) { put(t, path, make([]byte, 40960)) }},
		{"cut in half", func(t *testing.T, path string) {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, info.Size()/2); err != nil {
				t.Fatal(err)
			}
		}},
		{"bytes turned", func(t *testing.T, path string) {
			body, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := 12288; i < len(body); i += 97 {
				body[i] ^= 0x5a
			}
			put(t, path, body)
		}},
		{"bytes of the log turned", func(t *testing.T, path string) {
			db, err := duck.Open(path, duck.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec("CREATE TABLE more AS SELECT * FROM range(1000)"); err != nil {
				t.Fatal(err)
			}
			body, err := os.ReadFile(path)
			log, err2 := os.ReadFile(path + ".wal")
			if err := errors.Join(err, err2, db.Close()); err != nil {
				t.Fatal(err)
			}
			for i := 40; i < len(log); i += 7 {
				log[i] ^= 0x55
			}
			put(t, path, body)
			put(t, path+".wal", log)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			h.apply(Prod)
			want := h.content(Prod)
			c.damage(t, h.path)
			_, _, err := h.tryApply(Prod)
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("error: %v", err)
			}
			if _, err := Open(context.Background(), h.path, h.options()); !errors.Is(err, ErrCorrupt) {
				t.Errorf("open: %v", err)
			}
			aside, err := Quarantine(context.Background(), h.path, h.options())
			if err != nil || aside != h.path+".corrupt-20260201T000000Z" {
				t.Fatalf("%s %v", aside, err)
			}
			if _, err := os.Stat(aside); err != nil {
				t.Error(err)
			}
			h.apply(Prod)
			if got := h.content(Prod); got != want {
				t.Errorf("after rebuilding:\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestOtherTroubleIsNoCorruption(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(context.Background(), dir, Options{}); err == nil || errors.Is(err, ErrCorrupt) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := Open(context.Background(), dir+"/materia.duckdb", Options{}); err == nil || !strings.Contains(err.Error(), "rename") {
		t.Errorf("a file named like a schema in it: %v", err)
	}
	h := newHouse(t)
	h.path = h.root + "/staging.duckdb"
	if _, _, err := h.tryApply(Prod); err == nil || !strings.Contains(err.Error(), "named like schema staging") {
		t.Errorf("a file named like a model's schema: %v", err)
	}
}

func TestNewerStateIsRefused(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	h.execute("UPDATE materia.meta SET version = 7") // a newer binary that this one can still read
	if p := h.plan(Prod); p.Changes() {
		t.Errorf("reading a newer state: %s", text(t, p))
	}
	h.execute("UPDATE materia.meta SET readable_by = 5")
	if _, err := h.tryPlan(Prod); err == nil || errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "needs a newer materia") {
		t.Errorf("a state that needs a newer binary: %v", err)
	}
}

func (h *house) execute(sql string) {
	h.t.Helper()
	db, err := duck.Open(h.path, duck.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(sql); err != nil {
		h.t.Fatal(err)
	}
}

func TestOpenMendsWhatOthersDid(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	want := h.content(Prod)
	tables := h.query("SELECT physical_schema || '.' || physical_table AS n FROM materia.snapshots WHERE model = 'foundation.rate'")
	h.execute("CREATE TABLE materia__foundation.stray AS SELECT 1 AS x")
	h.execute("DROP TABLE " + strings.TrimSuffix(strings.TrimPrefix(tables[0], `{"n":"`), `"}`))
	l, err := Open(context.Background(), h.path, h.options())
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if strings.Contains(strings.Join(h.physicals(), " "), "stray") {
		t.Errorf("a table without a snapshot stands: %v", h.physicals())
	}
	p, _ := h.apply(Prod)
	if len(p.Builds) != 1 || p.Builds[0].Reason != "its table is missing" {
		t.Errorf("builds: %+v", p.Builds)
	}
	if got := h.content(Prod); got != want {
		t.Errorf("after mending:\n%s", got)
	}
}

func TestErrorsOfALaterStatementArePlain(t *testing.T) {
	h := newHouse(t)
	h.edit("models/foundation/rate.sql", "SELECT day, rate", "SELECT day, CAST('x' || rate AS INTEGER) AS rate")
	lake, err := Open(context.Background(), h.path, h.options())
	if err != nil {
		t.Fatal(err)
	}
	defer lake.Close()
	recorded, err := lake.Recorded(context.Background(), Prod)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compute(h.load(recorded), h.inputs(), recorded)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Apply(context.Background(), lake, p, nil); err == nil {
		t.Fatal("the plan should fail")
	}
	if _, err := lake.db.Exec("SELECT nothing"); err == nil || strings.Contains(err.Error(), "{") {
		t.Errorf("error: %v", err)
	}
}
