package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
// wrong secret got nowhere.
func TestRestoreDrill(t *testing.T) {
	_, server := smallUpstream(t)
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
	must(t, os.RemoveAll(old.path("landing/prices")))
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
