package landing

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOrderOfOperations is the order that durability rests on, to be read: a
// file is synced before its journal line, the line before the file's name, the
// name before the manifest, the manifest before the journal goes.
func TestOrderOfOperations(t *testing.T) {
	root := t.TempDir()
	z, err := Open(root, Options{Now: at(noon)})
	if err != nil {
		t.Fatal(err)
	}
	run := "20260201T120000Z-psd-00c0ffee"
	var got []string
	z.disk.trace = func(step, path string) {
		path = strings.TrimPrefix(strings.TrimPrefix(path, root), string(filepath.Separator))
		path = strings.ReplaceAll(path, run, "RUN")
		if path == "" {
			path = "ROOT"
		}
		got = append(got, step+": "+path)
	}
	lock, err := z.Lock(t.Context(), "psd", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	b, err := z.Begin("psd", run)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{`{"close":1}`, `{"close":2}`} {
		putText(t, b, item{path: "psd/day/2026-01-30.json.gz", text: text})
	}
	if _, err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"lock mkdir: .lock",
		"lock sync parent: ROOT",

		"draft mkdir: .tmp",
		"draft sync parent: ROOT",
		"draft mkdir: .tmp/psd",
		"draft sync parent: .tmp",
		"draft create: .tmp/psd/RUN-1",
		"draft write: .tmp/psd/RUN-1",
		"draft sync: .tmp/psd/RUN-1", // the bytes are durable, under no name that counts
		"put mkdir: psd",
		"put sync parent: ROOT",
		"put mkdir: psd/day",
		"put sync parent: psd",
		"journal mkdir: .manifest",
		"journal sync parent: ROOT",
		"journal mkdir: .manifest/.open",
		"journal sync parent: .manifest",
		"journal create: .manifest/.open/RUN.journal",
		"journal sync dir: .manifest/.open",
		"journal write: .manifest/.open/RUN.journal",
		"journal sync: .manifest/.open/RUN.journal", // whoever finds the file now knows whose it is
		"put link: psd/day/2026-01-30.json.gz",      // readers see it, whole
		"put sync dir: psd/day",
		"put remove draft: .tmp/psd/RUN-1",

		"draft create: .tmp/psd/RUN-2", // the second file: other content, same name
		"draft write: .tmp/psd/RUN-2",
		"draft sync: .tmp/psd/RUN-2",
		"journal write: .manifest/.open/RUN.journal",
		"journal sync: .manifest/.open/RUN.journal",
		"put link: psd/day/2026-01-30.20260201T120001Z-" + shaOf(`{"close":2}`)[:12] + ".json.gz",
		"put sync dir: psd/day",
		"put remove draft: .tmp/psd/RUN-2",

		"manifest mkdir: .manifest/2026",
		"manifest sync parent: .manifest",
		"manifest create: .tmp/psd/RUN-3",
		"manifest write: .tmp/psd/RUN-3",
		"manifest sync: .tmp/psd/RUN-3",
		"manifest link: .manifest/2026/RUN.jsonl", // the run is done
		"manifest sync dir: .manifest/2026",
		"manifest remove draft: .tmp/psd/RUN-3",

		"origin create: .tmp/psd/RUN-4", // for later runs, which need not look at the manifests
		"origin write: .tmp/psd/RUN-4",
		"origin sync: .tmp/psd/RUN-4",
		"origin link: .manifest/.origin",
		"origin sync dir: .manifest",
		"origin remove draft: .tmp/psd/RUN-4",

		"journal remove: .manifest/.open/RUN.journal",
		"journal sync removal: .manifest/.open",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order of operations (-want +got):\n%s", diff)
	}
}

// TestCommitAfterFailedSync: the manifest has its name, but syncing that failed.
// Close tries again, and the journal goes only after the sync succeeded.
func TestCommitAfterFailedSync(t *testing.T) {
	failures := 1
	z, err := Open(t.TempDir(), Options{Now: at(noon), OnStep: func(step string) error {
		if step == "manifest sync dir" && failures > 0 {
			failures--
			return syscall.EIO
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	lock, err := z.Lock(t.Context(), "psd", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	b, err := z.Begin("psd", NewRunID("psd", noon))
	if err != nil {
		t.Fatal(err)
	}
	putText(t, b, scenario[0])
	if _, err := b.Commit(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("commit: %v", err)
	}
	var got []string
	z.disk.trace = func(step, _ string) { got = append(got, step) }
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	want := []string{"manifest sync dir", "origin create", "origin write", "origin sync", "origin link", "origin sync dir",
		"origin remove draft", "journal remove", "journal sync removal"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("second try (-want +got):\n%s", diff)
	}
	verified(t, z, 1)
}
