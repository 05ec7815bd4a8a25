package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"beanflows.coffee/materia/internal/upstream"
)

// TestMain makes this binary answer to the name materia, so that tests run real
// processes of the program; to overdue, a pipeline that passes its limit, and to fast-supervisor.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"materia": main, "overdue": overdue, "fast-supervisor": fastSupervisor})
}

// today is the day that the tests live in.
const today = "2026-02-01T12:00:00Z"

// smallUpstream serves sample data as small as the models bear, so that tests
// spend their time on the road and not on rows.
func smallUpstream(t testing.TB) (*upstream.Server, *httptest.Server) {
	t.Helper()
	day, err := time.Parse(time.RFC3339, today)
	if err != nil {
		t.Fatal(err)
	}
	s := upstream.New(upstream.Options{Today: day, Since: 2025, FirstArchive: day.AddDate(0, -3, 0), ExtraRows: 100})
	if err := s.AddFaults(fewRows); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		s.Close()
		server.Close()
	})
	return s, server
}

// fewRows cuts every PSD file to its first rows.
var fewRows = upstream.Fault{Path: "/apps.fas.usda.gov/", Kind: upstream.FewerRows, Rows: 1900}

// house is a folder with everything that a materia has.
type house struct {
	t       testing.TB
	dir     string
	project string
	env     []string // beside the paths
}

func newHouse(t testing.TB, env ...string) *house {
	t.Helper()
	project, err := filepath.Abs("../../transform")
	if err != nil {
		t.Fatal(err)
	}
	return &house{t: t, dir: t.TempDir(), project: project, env: env}
}

// copyHouse is another house with the same content; nobody may be at work in it.
func (h *house) copyHouse(t testing.TB) *house {
	t.Helper()
	twin := &house{t: t, dir: t.TempDir(), project: h.project, env: h.env}
	if err := os.CopyFS(twin.dir, os.DirFS(h.dir)); err != nil {
		t.Fatal(err)
	}
	return twin
}

func (h *house) path(name string) string { return filepath.Join(h.dir, name) }

// command is a materia process in this house.
func (h *house) command(args ...string) *exec.Cmd {
	c := exec.Command("materia", append([]string{"--project", h.project}, args...)...)
	c.Dir = h.dir
	c.Env = append(os.Environ(), "LANDING_DIR="+h.path("landing"), "DUCKDB_PATH="+h.path("lakehouse.duckdb"),
		"SERVING_DUCKDB_PATH="+h.path("analytics.duckdb"), "MATERIA_NOW="+today, "GORACE=exitcode=66")
	c.Env = append(c.Env, h.env...)
	return c
}

// result is how a process ended.
type result struct {
	stdout, stderr string
	code           int
}

func (r result) String() string {
	return fmt.Sprintf("exit code %d\n--- stdout\n%s--- stderr\n%s", r.code, r.stdout, r.stderr)
}

func (h *house) try(args ...string) result {
	h.t.Helper()
	return finish(h.t, h.command(args...))
}

func finish(t testing.TB, c *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
}

// run wants the exit code 0.
func (h *house) run(args ...string) result {
	h.t.Helper()
	return h.exits(0, args...)
}

func (h *house) exits(code int, args ...string) result {
	h.t.Helper()
	r := h.try(args...)
	if r.code != code {
		h.t.Fatalf("materia %s: want exit code %d, got %s", strings.Join(args, " "), code, r)
	}
	return r
}

// query is materia query --json, decoded with numbers as text.
func (h *house) query(sql string) []map[string]any {
	h.t.Helper()
	d := json.NewDecoder(strings.NewReader(h.run("query", "--json", sql).stdout))
	d.UseNumber()
	var rows []map[string]any
	if err := d.Decode(&rows); err != nil {
		h.t.Fatalf("%s: %v", sql, err)
	}
	return rows
}
