package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"beanflows.coffee/materia/internal/upstream"
	"beanflows.coffee/materia/internal/upstream/s3bucket"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestRestoreDrill: a house is backed up and burns down; another, empty one is
// restored from the bucket: files, state, lakehouse and published file, equal by
// content. Before that, a loss in the old house left the bucket as it was, and a
// wrong secret got nowhere. What landed after the last backup is lost with the old
// house, and the next extraction brings it back.
func TestRestoreDrill(t *testing.T) {
	var day atomic.Pointer[time.Time]
	set := func(days int) string {
		at, err := time.Parse(time.RFC3339, today)
		must(t, err)
		at = at.AddDate(0, 0, days)
		day.Store(&at)
		return "MATERIA_NOW=" + at.Format(time.RFC3339)
	}
	set(0)
	sample := upstream.New(upstream.Options{Now: func() time.Time { return *day.Load() }, Since: 2025})
	server := httptest.NewServer(sample)
	t.Cleanup(func() { sample.Close(); server.Close() })
	bucket := s3bucket.New("drill", "KEY", "secret")
	s3 := httptest.NewServer(bucket)
	t.Cleanup(s3.Close)
	keys := []string{"BACKUP_S3_ENDPOINT=" + s3.URL, "BACKUP_S3_BUCKET=drill", "BACKUP_S3_ACCESS_KEY_ID=KEY", "BACKUP_S3_SECRET_ACCESS_KEY=secret"}
	old := newHouse(t, append(keys, "MATERIA_UPSTREAM="+server.URL)...)
	old.project = priceProject(t)
	for _, p := range []string{"extract_prices", "transform", "export_serving"} {
		old.run("pipeline", "run", p)
	}
	old.run("backup", "run")
	want := old.ending()

	wrong := old.command("backup", "verify", "--all")
	wrong.Env = append(wrong.Env, "BACKUP_S3_SECRET_ACCESS_KEY=other")
	if r := finish(t, wrong); r.code != 1 || strings.Contains(r.String(), "KEY=other") {
		t.Errorf("a wrong secret: %s", r)
	}
	old.run("backup", "verify", "--all")
	before := bucket.Names()
	must(t, os.Rename(old.path("landing/prices"), old.path("kept")))
	if r := old.exits(1, "backup", "run"); !strings.Contains(r.stderr, "lost here") {
		t.Errorf("a loss: %s", r)
	}
	for _, name := range before {
		if _, ok := bucket.Objects[name]; !ok {
			t.Errorf("the loss took %s out of the bucket", name)
		}
	}
	if st := old.try("supervisor", "status", "--workflows", shippedWorkflows(t)); !strings.Contains(st.stdout, "backup found damage") {
		t.Errorf("no alert of the loss: %s", st)
	}

	// Two days later, with prices again: extracted, not backed up, and then it burns.
	must(t, os.CopyFS(old.path("landing/prices"), os.DirFS(old.path("kept"))))
	later := []string{set(2), "MATERIA_UPSTREAM=" + server.URL}
	lost := old.copyHouse(t)
	lost.env = append(slices.Clone(keys), later...)
	for _, p := range []string{"extract_prices", "transform", "export_serving"} {
		lost.run("pipeline", "run", p)
	}

	empty := newHouse(t, keys...)
	empty.project = old.project
	began := time.Now()
	r := empty.run("backup", "restore")
	t.Logf("restored in %.1f s\n%s", time.Since(began).Seconds(), r.stdout)
	if diff := cmp.Diff(want, empty.ending()); diff != "" {
		t.Errorf("the restored house (-old +restored):\n%s", diff)
	}
	empty.run("landing", "verify")
	if r := empty.run("pipeline", "run", "transform"); !strings.Contains(r.stdout, "unchanged") {
		t.Errorf("after the restore there was something to build: %s", r)
	}
	empty.env = append(empty.env, later...)
	if r := empty.run("pipeline", "run", "extract_prices"); !strings.Contains(r.stdout, "landed 1 file") {
		t.Errorf("the lost day was not extracted again: %s", r)
	}
	empty.run("pipeline", "run", "transform")
	empty.run("pipeline", "run", "export_serving")
	sameTables(t, lost, empty)
}

func shippedWorkflows(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../infra/supervisor/workflows.toml")
	must(t, err)
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	return path
}
