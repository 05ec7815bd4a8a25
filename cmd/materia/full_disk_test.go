package main

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/upstream"
)

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
	for _, words := range []string{"materia: psd: " + psdURL, "no space left on device"} {
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
	// To the last byte: a lock can be taken, so that a status can be asked for.
	fill(t, filler, 0)
	z, err := landing.Open(zone, landing.Options{})
	must(t, err)
	lock, err := z.Lock(t.Context(), "journal", time.Minute)
	must(t, err)
	must(t, lock.Unlock())
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
func fill(t *testing.T, path string, leave int64) {
	t.Helper()
	var disk syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &disk); err != nil {
		t.Error(err)
		return
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Error(err)
		return
	}
	if more := int64(disk.Bavail)*disk.Bsize - leave; more > 0 {
		if err := syscall.Fallocate(int(f.Fd()), 0, info.Size(), more); err != nil {
			t.Error(err)
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
		if err := syscall.Unmount(path, syscall.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) { // the test did
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

// TestFullDiskOfOneSource: one source's own space is full. It fails as itself, the
// other source goes all the way.
func TestFullDiskOfOneSource(t *testing.T) {
	s, server := smallUpstream(t)
	if err := s.SetFaults(upstream.Fault{Path: "/apps.fas.usda.gov/", Kind: upstream.FewerRows, Rows: 60_000}); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, "MATERIA_UPSTREAM="+server.URL)
	h.project = partProject(t, "serving.coffee_prices", "serving.commodity_metrics")
	space := h.path("landing/.tmp/psd")
	mountSmall(t, space, "64k")
	h.oneSourceFails("no space left on device")
	if err := syscall.Unmount(space, 0); err != nil { // nobody holds a file in it
		t.Fatal(err)
	}
	if err := s.SetFaults(fewRows); err != nil {
		t.Fatal(err)
	}
	h.run("pipeline", "run", "all", "--since", "2025-12-01")
	h.hasBoth()
	h.run("landing", "verify")
}

// TestFullDiskUnderEverything fills the one disk that holds landing, lakehouse and
// published file, before each station and with ever more left, so that each breaks
// at another write. It says so and ends; what was published stays; with room again
// the road ends as one that nobody disturbed.
func TestFullDiskUnderEverything(t *testing.T) {
	s, server := smallUpstream(t)
	undisturbed := newHouse(t, "MATERIA_UPSTREAM="+server.URL)
	undisturbed.project = priceProject(t)
	h := newHouse(t, "MATERIA_UPSTREAM="+server.URL)
	h.project = undisturbed.project
	mountSmall(t, h.dir, "600m")
	road := [][]string{{"pipeline", "run", "extract_prices"}, {"pipeline", "run", "transform"}, {"pipeline", "run", "export_serving"}}
	for _, house := range []*house{undisturbed, h} {
		for _, station := range road {
			house.run(station...)
		}
	}
	published := func() string { return hashTree(t, h.dir)["analytics.duckdb"] }
	before := published()
	if err := s.SetFaults(upstream.Fault{Path: "/query", Kind: upstream.Revise}); err != nil {
		t.Fatal(err)
	}
	for _, station := range road {
		undisturbed.run(station...)
	}

	filler := h.path(".filler")
	for _, station := range road {
		failed := 0
		for _, leave := range []int64{0, 64 << 10, 256 << 10, 1 << 20, 4 << 20} {
			fill(t, filler, leave)
			r := h.try(station...)
			if r.code != 0 {
				failed++
				text := strings.ToLower(r.stderr)
				if r.code != exitFailed || !strings.Contains(text, "no space left") && !strings.Contains(text, "make room") {
					t.Errorf("%v with %d bytes left: want exit code 1 and the reason, got %s", station, leave, r)
				}
				if published() != before {
					t.Errorf("%v with %d bytes left changed what is published", station, leave)
				}
			}
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
			if r.code == 0 {
				break // it fits
			}
		}
		if failed == 0 {
			t.Errorf("%v: the full disk was not met", station)
		}
		h.run(station...)
	}
	if left := h.leftovers(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if got, want := h.ending(), undisturbed.ending(); !maps.Equal(got, want) {
		t.Errorf("with room again it ends as %v, want %v", got, want)
	}
	h.run("landing", "verify")
}
