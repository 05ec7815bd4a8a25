package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"beanflows.coffee/materia/internal/upstream"
)

// heldUpstream serves small samples but keeps PSD's answer back until release is
// called; asked says that a process waits for it.
func heldUpstream(t *testing.T) (url string, asked <-chan struct{}, release func()) {
	t.Helper()
	s, _ := smallUpstream(t)
	waiting, held := make(chan struct{}, 100), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/apps.fas.usda.gov/") {
			waiting <- struct{}{}
			select {
			case <-held:
			case <-r.Context().Done():
			}
		}
		s.ServeHTTP(w, r)
	}))
	let := false
	release = func() {
		if !let {
			let = true
			close(held)
		}
	}
	t.Cleanup(func() {
		release()
		server.Close()
	})
	return server.URL, waiting, release
}

// start runs a process beside the test; wait gives how it ended.
func (h *house) start(args ...string) (c *exec.Cmd, wait func() result) {
	h.t.Helper()
	c = h.command(args...)
	var stdout, stderr strings.Builder
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Start(); err != nil {
		h.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		c.Wait()
		close(ended)
	}()
	h.t.Cleanup(func() {
		c.Process.Kill()
		<-ended
	})
	return c, func() result {
		<-ended
		return result{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
	}
}

// A second process that wants the same source is told who has it; interrupting
// the first ends it with 130, and the next one finds everything in order.
func TestLockedAndInterruptedExtraction(t *testing.T) {
	url, asked, release := heldUpstream(t)
	h := newHouse(t, "MATERIA_UPSTREAM="+url)
	first, wait := h.start("pipeline", "run", "extract", "--since", "2026-01-01")
	<-asked
	r := h.exits(exitLocked, "pipeline", "run", "extract_psd", "--lock-wait", "100ms")
	if !strings.Contains(r.stderr, "held by pid "+strconv.Itoa(first.Process.Pid)) {
		t.Errorf("the holder is not named: %s", r)
	}
	if err := first.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if r := wait(); r.code != exitInterrupted || !strings.Contains(r.stderr, "interrupted") {
		t.Errorf("interrupted: %s", r)
	}
	if left := h.leftovers(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	release()
	h.run("pipeline", "run", "extract", "--since", "2026-01-01")
	h.run("landing", "verify")
	if n := len(h.landingFiles()); n < 2 {
		t.Errorf("%d files landed", n)
	}
}

// Two plans, and two exports: the second is told who is at work. The lock's own
// file is held from here, so that no moment has to be hit.
func TestLockedLakehouseAndExport(t *testing.T) {
	_, server := smallUpstream(t)
	h := newHouse(t, "MATERIA_UPSTREAM="+server.URL)
	h.project = priceProject(t)
	h.run("pipeline", "run", "extract_prices")
	unlock := holdLock(t, h.path("lakehouse.duckdb.lock"))
	r := h.exits(exitLocked, "pipeline", "run", "transform", "--lock-wait", "100ms")
	if !strings.Contains(r.stderr, "process 4242 (a test)") {
		t.Errorf("the holder is not named: %s", r)
	}
	unlock()
	h.run("pipeline", "run", "transform")
	unlock = holdLock(t, h.path("analytics.duckdb.lock"))
	r = h.exits(exitLocked, "pipeline", "run", "export_serving", "--lock-wait", "100ms")
	if !strings.Contains(r.stderr, "process 4242 (a test)") {
		t.Errorf("the holder is not named: %s", r)
	}
	unlock()
	h.run("pipeline", "run", "export_serving")
}

func holdLock(t *testing.T, path string) (unlock func()) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(`{"pid": 4242, "command": "a test", "since": "2026-02-01T11:00:00Z"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	return func() { f.Close() }
}

// The demo ends at a live dashboard that says SAMPLE, and Ctrl-C stops it.
func TestDemo(t *testing.T) {
	h := newHouse(t)
	c := h.command("demo", "--addr", "127.0.0.1:0", "--years", "0")
	c.Env = append(c.Env, "LANDING_DIR=", "DUCKDB_PATH=", "SERVING_DUCKDB_PATH=") // its own, under data/demo
	c.Stderr = io.Discard
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	url := ""
	lines := bufio.NewScanner(out)
	for url == "" && lines.Scan() {
		_, url, _ = strings.Cut(lines.Text(), "analytics.duckdb on ")
	}
	if url == "" {
		t.Fatal("the demo did not come to its dashboard")
	}
	for _, page := range []string{"/", "/price", "/supply", "/methodology", "/status"} {
		if text := get(t, url+page); !strings.Contains(text, "SAMPLE") {
			t.Errorf("%s does not say SAMPLE:\n%.500s", page, text)
		}
	}
	get(t, url+"/healthz")
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("Ctrl-C: %v", err)
	}
	if _, err := os.Stat(h.path("data/demo/landing/psd")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(h.path("landing")); err == nil {
		t.Error("the demo touched the real landing zone")
	}
	if left, _ := filepath.Glob(h.path("data/demo/.open/*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	// Again, to its end: it finds everything there and says what it has.
	c = h.command("demo", "--once", "--years", "0")
	c.Env = append(c.Env, "LANDING_DIR=", "DUCKDB_PATH=", "SERVING_DUCKDB_PATH=")
	r := finish(t, c)
	for _, words := range []string{"psd: unchanged", "nothing rebuilt", "coffee_prices", "psd_revisions"} {
		if !strings.Contains(r.stdout, words) {
			t.Errorf("demo --once does not say %q: %s", words, r)
		}
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: HTTP %d, %v", url, resp.StatusCode, err)
	}
	return string(body)
}

// A landing zone of one origin refuses another, and says what to do.
func TestSampleAndReplayDoNotMix(t *testing.T) {
	s, server := smallUpstream(t)
	h := newHouse(t, "MATERIA_UPSTREAM="+server.URL)
	h.run("pipeline", "run", "extract_prices")
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ServeHTTP(hideOrigin{w}, r)
	}))
	t.Cleanup(other.Close)
	h.env = append(h.env, "MATERIA_UPSTREAM="+other.URL)
	r := h.exits(exitFailed, "pipeline", "run", "extract")
	if !strings.Contains(r.stderr, "use another LANDING_DIR") {
		t.Errorf("no hint: %s", r)
	}
	if got := fmt.Sprint(h.run("landing", "list").stdout); strings.Contains(got, "psd/") {
		t.Errorf("landed beside sample data: %s", got)
	}
}

// hideOrigin takes the header away that the sample upstream marks itself with.
type hideOrigin struct{ http.ResponseWriter }

func (h hideOrigin) WriteHeader(status int) {
	h.Header().Del(upstream.OriginHeader)
	h.ResponseWriter.WriteHeader(status)
}
