package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"beanflows.coffee/materia/internal/upstream"
)

const psdURL = "https://apps.fas.usda.gov/psdonline/downloads/"

// TestOneBadSourceDoesNotStopTheOther: whatever an upstream answers, the run says
// source, URL and reason, leaves nothing half-written, and the other source is
// extracted, transformed and published. Once upstream is well, so is everything.
func TestOneBadSourceDoesNotStopTheOther(t *testing.T) {
	psd := "/apps.fas.usda.gov/"
	project := partProject(t, "serving.coffee_prices", "serving.commodity_metrics")
	for _, c := range []struct {
		name   string
		fault  upstream.Fault
		reason string
	}{
		{"html with status 200", upstream.Fault{Path: psd, Kind: upstream.HTML200}, "not a ZIP"},
		{"truncated zip", upstream.Fault{Path: psd, Kind: upstream.Short, Bytes: 3000}, "zip"},
		{"transfer cut off", upstream.Fault{Path: psd, Kind: upstream.Truncate, Bytes: 3000}, "unexpected EOF"},
		{"changed header", upstream.Fault{Path: psd, Kind: upstream.RenameColumn}, "Value"},
		{"server error", upstream.Fault{Path: psd, Kind: upstream.Status, Status: 503}, "HTTP 503"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, server := smallUpstream(t)
			if err := s.SetFaults(c.fault); err != nil {
				t.Fatal(err)
			}
			h := newHouse(t, "MATERIA_UPSTREAM="+server.URL)
			h.project = project
			h.oneSourceFails(c.reason)
			if err := s.SetFaults(fewRows); err != nil {
				t.Fatal(err)
			}
			h.run("pipeline", "run", "all", "--since", "2025-12-01")
			h.hasBoth()
		})
	}
}

// oneSourceFails wants PSD to fail for the reason and prices to go all the way.
func (h *house) oneSourceFails(reason string) {
	h.t.Helper()
	r := h.exits(exitSourcesFailed, "pipeline", "run", "all", "--since", "2025-12-01")
	for _, words := range []string{"psd: " + psdURL, reason} {
		if !strings.Contains(r.stderr, words) {
			h.t.Errorf("the error does not say %q: %s", words, r)
		}
	}
	for path := range h.landingFiles() {
		if strings.HasPrefix(path, "psd/") {
			h.t.Errorf("%s landed", path)
		}
	}
	if left := h.leftovers(); len(left) > 0 {
		h.t.Errorf("left behind: %v", left)
	}
	if rows := h.query("SELECT 1 FROM serving.coffee_prices"); len(rows) < 30 {
		h.t.Errorf("%d prices were published", len(rows))
	}
	if rows := h.query("SELECT last_error FROM serving.data_freshness WHERE source = 'psd' AND last_status = 'failed'"); len(rows) != 1 {
		h.t.Errorf("the status page does not know of the failure: %v", rows)
	}
}

// hasBoth wants figures of both sources published.
func (h *house) hasBoth() {
	h.t.Helper()
	for _, table := range []string{"coffee_prices", "commodity_metrics"} {
		if rows := h.query("SELECT 1 FROM serving." + table + " LIMIT 30"); len(rows) < 30 {
			h.t.Errorf("%d rows of %s were published", len(rows), table)
		}
	}
}

// A publisher whose connections break before an answer.
func TestUnreachableSource(t *testing.T) {
	s, _ := smallUpstream(t)
	var up atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !up.Load() && strings.HasPrefix(r.URL.Path, "/apps.fas.usda.gov/") {
			panic(http.ErrAbortHandler)
		}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	h := newHouse(t, "MATERIA_UPSTREAM="+server.URL)
	h.project = partProject(t, "serving.coffee_prices", "serving.commodity_metrics")
	h.oneSourceFails("EOF")
	up.Store(true)
	h.run("pipeline", "run", "all", "--since", "2025-12-01")
	h.hasBoth()

	// Nobody there at all: nothing to go on with, and what was published stays.
	h.env = append(h.env, "MATERIA_UPSTREAM=http://127.0.0.1:1")
	r := h.exits(exitFailed, "pipeline", "run", "extract")
	for _, words := range []string{"psd: " + psdURL, "prices: https://query", "connection refused", "check MATERIA_UPSTREAM"} {
		if !strings.Contains(r.stderr, words) {
			t.Errorf("the error does not say %q: %s", words, r)
		}
	}
	h.hasBoth()
}

// A disk that fills up, for real, between the request and the landing. What does
// not fit does not land, and nothing of it stays.
func TestFullDisk(t *testing.T) {
	s, _ := smallUpstream(t)
	if err := s.SetFaults(upstream.Fault{Path: "/apps.fas.usda.gov/", Kind: upstream.FewerRows, Rows: 60_000}); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t)
	zone := h.path("landing")
	mountSmall(t, zone, "300m")
	filler := filepath.Join(zone, ".filler")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fill(t, filler, 96<<10)
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	h.env = append(h.env, "MATERIA_UPSTREAM="+server.URL)
	r := h.exits(exitFailed, "pipeline", "run", "extract_psd")
	for _, words := range []string{"psd: " + psdURL, "no space left on device"} {
		if !strings.Contains(r.stderr, words) {
			t.Errorf("the error does not say %q: %s", words, r)
		}
	}
	if left := h.leftovers(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if files := h.landingFiles(); len(files) > 0 {
		t.Errorf("landed: %v", files)
	}
	// Full before it begins: nothing is asked at all.
	r = h.exits(exitFailed, "pipeline", "run", "extract_psd")
	if !strings.Contains(r.stderr, "make room") {
		t.Errorf("no hint: %s", r)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	whole := httptest.NewServer(s)
	t.Cleanup(whole.Close)
	h.env = append(h.env, "MATERIA_UPSTREAM="+whole.URL)
	h.run("pipeline", "run", "extract_psd")
	h.run("landing", "verify")
	if files := h.landingFiles(); len(files) == 0 {
		t.Error("nothing landed once there was room")
	}
}

// fill leaves only so many bytes free around path.
func fill(t *testing.T, path string, leave uint64) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &disk); err != nil {
		t.Error(err)
		return
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	block := make([]byte, 64<<10)
	for free := disk.Bavail * uint64(disk.Bsize); free > leave+uint64(len(block)); free -= uint64(len(block)) {
		if _, err := f.Write(block); err != nil {
			t.Error(err)
			return
		}
	}
}

// mountSmall mounts a file system of that size at path, where this machine lets
// a test do so.
func mountSmall(t *testing.T, path, size string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, "size="+size); err != nil {
		loudSkip(t, "a small file system cannot be mounted here to fill it up: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// A full disk under the published file: the export fails and the old file stays.
func TestFullDiskUnderTheExport(t *testing.T) {
	_, server := smallUpstream(t)
	h := newHouse(t, "MATERIA_UPSTREAM="+server.URL)
	h.project = priceProject(t)
	h.run("pipeline", "run", "extract_prices")
	h.run("pipeline", "run", "transform")
	public := h.path("public")
	mountSmall(t, public, "128k")
	published := filepath.Join(public, "analytics.duckdb")
	h.env = append(h.env, "SERVING_DUCKDB_PATH="+published)
	r := h.exits(exitFailed, "pipeline", "run", "export_serving")
	if !strings.Contains(r.stderr, published) || !strings.Contains(strings.ToLower(r.stderr), "no space left") {
		t.Errorf("the error does not say where and why: %s", r)
	}
	if left, _ := filepath.Glob(published + ".new*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := os.Stat(published); err == nil {
		t.Error("something was published")
	}
	if err := syscall.Mount("tmpfs", public, "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
		t.Fatal(err)
	}
	h.run("pipeline", "run", "export_serving")
	if rows := h.query("SELECT 1 FROM serving.coffee_prices"); len(rows) < 100 {
		t.Errorf("%d prices were published", len(rows))
	}
}
