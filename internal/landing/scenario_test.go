package landing

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// noon is the time of every test zone: fixed, so that stamps can be compared.
var noon = time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

type item struct {
	path, text string
	normalised string // content without its volatile fields, where that differs
}

// before lies in the zone when the scenario begins; scenario is what the run
// under test lands: a new folder chain, a revision, a file with volatile fields,
// and one that is not compressed.
var (
	before   = []item{{path: "psd/2025/12/aaaaaaaaaaaa.csv.gzip", text: "first\n"}, {path: "psd/day/2026-01-30.json.gz", text: `{"close":1}`}}
	scenario = []item{
		{path: "psd/2026/01/bbbbbbbbbbbb.csv.gzip", text: "commodity,value\n" + strings.Repeat("0711100,1\n", 5000)},
		{path: "psd/day/2026-01-30.json.gz", text: `{"close":2}`},
		{path: "psd/day/2026-01-31.json.gz", text: `{"close":3,"now":17}`, normalised: `{"close":3}`},
		{path: "psd/day/2026-01-31.xls", text: "not compressed"},
	}
)

// land is a whole run as extract makes it: lock, recover, skip what is known,
// put the rest, commit, and quarantine something refused.
func land(root string, o Options, items []item, refuse bool) (landed []Entry, err error) {
	z, err := Open(root, o)
	if err != nil {
		return nil, err
	}
	lock, err := z.Lock(context.Background(), "psd", 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	return landLocked(z, items, refuse)
}

func landLocked(z *Zone, items []item, refuse bool) (landed []Entry, err error) {
	if _, err := z.Recover("psd"); err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for e, err := range z.Entries() {
		if err != nil {
			return nil, err
		}
		known[e.SHA256] = true
	}
	run := NewRunID("psd", z.now())
	b, err := z.Begin("psd", run)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	for _, it := range items {
		e := Entry{Path: it.path, Rows: 1, URL: "https://example.org/a?b=1&c=2", Origin: "replay", Validators: Validators{ETag: `"x"`}}
		if it.normalised != "" {
			e.SHA256 = shaOf(it.normalised)
		}
		if known[shaOf(it.text)] || known[e.SHA256] {
			continue
		}
		d, err := b.NewDraft(extOf(it.path))
		if err != nil {
			return nil, err
		}
		if _, err := io.WriteString(d, it.text); err != nil {
			return nil, err
		}
		if _, err := b.Put(d, e); err != nil {
			return nil, err
		}
	}
	if refuse {
		if err := z.Quarantine("psd", run, "../evil name.zip", strings.NewReader("PK"), "unsafe name"); err != nil {
			return nil, err
		}
	}
	return b.Commit()
}

func extOf(p string) string { _, ext := splitExt(p); return ext }

func mustLand(t *testing.T, root string, items []item, refuse bool) []Entry {
	t.Helper()
	landed, err := land(root, Options{Now: at(noon)}, items, refuse)
	if err != nil {
		t.Fatalf("land: %v", err)
	}
	return landed
}

// tree is what a zone holds, apart from run ids: landed files by path with their
// uncompressed content, manifest lines, and refused content.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(root, func(p string, f fs.DirEntry, err error) error {
		if err != nil || f.IsDir() {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(p, root+"/"))
		switch {
		case strings.HasPrefix(rel, lockDir+"/"):
		case strings.HasPrefix(rel, manifestDir+"/2"), rel == originFile:
		case strings.HasPrefix(rel, quarantineDir+"/"):
			// A refused file is refused again by the next run; once a name is enough.
			got[quarantineDir+"/"+f.Name()[len(NewRunID("psd", noon)):]] = readFile(t, p)
		default: // landed files, and anything that should not be there
			got[rel] = readFile(t, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	z, err := Open(root, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range z.Entries() {
		if err != nil {
			t.Fatalf("manifest: %v", err)
		}
		e.Run = ""
		key := "line of " + e.Path
		if _, twice := got[key]; twice {
			t.Errorf("%s is in two manifests", e.Path)
		}
		got[key] = fmt.Sprintf("%+v", e)
	}
	return got
}

// readFile decompresses with the standard library, not the package under test's.
func readFile(t *testing.T, p string) string {
	t.Helper()
	text, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	if !compressed(p) {
		return string(text)
	}
	r, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("torn file %s: %v", p, err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("torn file %s: %v", p, err)
	}
	return string(plain)
}

// undisturbed is the tree that every crash and failure must end in.
func undisturbed(t *testing.T) map[string]string {
	t.Helper()
	root := t.TempDir()
	mustLand(t, root, before, false)
	mustLand(t, root, scenario, true)
	want := tree(t, root)
	// before (2 files), scenario (4), a manifest line each, refused file and reason
	if len(want) != 2*6+2 {
		t.Fatalf("undisturbed tree has %d parts: %v", len(want), slices.Sorted(maps.Keys(want)))
	}
	return want
}

func sameTree(t *testing.T, when string, got, want map[string]string) {
	t.Helper()
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s: %s: got %.80q, want %.80q", when, k, got[k], v)
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			t.Errorf("%s: left behind: %s", when, k)
		}
	}
}

func shaOf(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
