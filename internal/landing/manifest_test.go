package landing

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestEntriesComeInOrderOfRuns: by run name across years and sources, while a
// run of another source is open and strange files lie about.
func TestEntriesComeInOrderOfRuns(t *testing.T) {
	root := t.TempDir()
	var want []string
	for _, run := range []struct{ source, id, path string }{
		{"prices", "20251231T235959Z-prices-00000002", "prices/a.csv.gz"},
		{"psd", "20260101T000000Z-psd-00000001", "psd/b.csv.gz"},
		{"prices", "20270101T000000Z-prices-00000000", "prices/c.csv.gz"},
	} {
		z, err := Open(root, Options{Now: at(noon)})
		if err != nil {
			t.Fatal(err)
		}
		lock, err := z.Lock(t.Context(), run.source, 0)
		if err != nil {
			t.Fatal(err)
		}
		b, err := z.Begin(run.source, run.id)
		if err != nil {
			t.Fatal(err)
		}
		putText(t, b, item{path: run.path, text: run.id})
		commit(t, b)
		lock.Unlock()
		want = append(want, run.path)
	}
	z, b := begin(t, root, noon)
	putText(t, b, item{path: "psd/open.csv.gz", text: "open"})
	for _, stray := range []string{"note.txt", "2026/.hidden.jsonl", "2026/note.txt"} {
		if err := os.WriteFile(filepath.Join(root, manifestDir, stray), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for e, err := range z.Entries() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Path)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	// What the SQL models read must never be the open journal.
	if open, _ := filepath.Glob(filepath.Join(root, manifestDir, ".open", "*-psd-*.jsonl")); len(open) != 0 {
		t.Errorf("an open run answers to the manifests' glob: %v", open)
	}
}

// TestDamagedManifestLine: each damage is an error with file, line and hint,
// and the lines after it are still read.
func TestDamagedManifestLine(t *testing.T) {
	root := t.TempDir()
	z, b := begin(t, root, noon)
	for _, it := range scenario[:3] {
		putText(t, b, it)
	}
	commit(t, b)
	rel := manifestDir + "/2026/" + b.run + manifestExt
	text, err := os.ReadFile(filepath.Join(root, rel))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	for name, c := range map[string]struct {
		text string
		line string
		good int
	}{
		"half a line":     {string(text[:len(text)-20]), "line 3", 2},
		"no last newline": {string(text[:len(text)-1]), "line 3", 2},
		"not JSON":        {lines[0] + "garbage\n" + lines[2], "line 2", 2},
		"a climbing path": {lines[0] + strings.Replace(lines[1], `"psd/`, `"../`, 1) + lines[2], "line 2", 2},
		"an empty line":   {lines[0] + "\n" + lines[1], "line 2", 2},
		"another run":     {lines[0] + strings.Replace(lines[1], b.run, NewRunID("psd", noon), 1), "line 2", 1},
		"an empty file":   {"", "line 1", 0},
	} {
		os.Remove(filepath.Join(root, rel))
		if err := os.WriteFile(filepath.Join(root, rel), []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		good, bad := 0, []error{}
		for _, err := range z.Entries() {
			if err != nil {
				bad = append(bad, err)
			} else {
				good++
			}
		}
		if good != c.good || len(bad) != 1 {
			t.Errorf("%s: %d good lines, want %d; errors %v", name, good, c.good, bad)
			continue
		}
		for _, want := range []string{rel, c.line + ":", "materia landing verify"} {
			if !strings.Contains(bad[0].Error(), want) {
				t.Errorf("%s: %q does not name %q", name, bad[0], want)
			}
		}
		// Nothing new lands beside a manifest that cannot be read.
		next, err := z.Begin("psd", NewRunID("psd", noon.Add(time.Hour)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tryPut(t, next, item{path: "psd/new.csv.gz", text: name}); err == nil {
			t.Errorf("%s: put succeeded", name)
		}
		if err := next.Close(); err != nil {
			t.Errorf("%s: close: %v", name, err)
		}
	}
}

func TestFaultDamageOnDisk(t *testing.T) {
	root := t.TempDir()
	z, b := begin(t, root, noon)
	var paths []string
	for _, it := range scenario {
		paths = append(paths, putText(t, b, it).Path)
	}
	commit(t, b)
	verified(t, z, 4)

	replace := func(rel string, content []byte) {
		t.Helper()
		path := filepath.Join(root, rel)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if content == nil {
			return
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(filepath.Join(root, paths[0]))
	if err != nil {
		t.Fatal(err)
	}
	replace(paths[0], whole[:len(whole)-6]) // the gzip's last bytes
	replace(paths[1], nil)
	replace(paths[2], gzipped(t, "other"))
	replace(paths[3], []byte("not compresseD"))
	want := map[string]string{paths[0]: "unexpected EOF", paths[1]: "no such file", paths[2]: "content hash", paths[3]: "content hash"}
	err = z.Verify(t.Context(), func(e Entry, err error) {
		if err == nil || !strings.Contains(err.Error(), want[e.Path]) {
			t.Errorf("%s: %v, want %q", e.Path, err, want[e.Path])
		}
		if e.Path == paths[1] && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v is not fs.ErrNotExist", e.Path, err)
		}
		delete(want, e.Path)
	})
	if err != nil || len(want) != 0 {
		t.Errorf("verify: %v, not found: %v", err, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := z.Verify(ctx, func(Entry, error) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestRecompressedFileStillVerifies(t *testing.T) {
	root := t.TempDir()
	z, b := begin(t, root, noon)
	e := putText(t, b, scenario[0])
	commit(t, b)
	path := filepath.Join(root, e.Path)
	os.Remove(path)
	if err := os.WriteFile(path, gzipped(t, scenario[0].text), 0o644); err != nil {
		t.Fatal(err)
	}
	verified(t, z, 1)
}
