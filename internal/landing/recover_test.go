package landing

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// abandoned is a zone in which a process has died after two puts: the lock is
// free, the journal is open. It returns the entries and the journal's path.
func abandoned(t *testing.T) (root string, landed []Entry, journal string) {
	t.Helper()
	root = t.TempDir()
	_, b := begin(t, root, noon)
	for _, it := range scenario[:2] {
		landed = append(landed, putText(t, b, it))
	}
	if _, err := b.NewDraft(".json.gz"); err != nil { // a temporary of the dead
		t.Fatal(err)
	}
	b.journal.Close()
	b.zone.held["psd"].Unlock()
	return root, landed, b.zone.journalPath(b.run)
}

func recovered(t *testing.T, root string) (*Zone, Recovery) {
	t.Helper()
	z, err := Open(root, Options{Now: at(noon)})
	if err != nil {
		t.Fatal(err)
	}
	lock, err := z.Lock(t.Context(), "psd", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	r, err := z.Recover("psd")
	if err != nil {
		t.Fatal(err)
	}
	return z, r
}

func TestRecoverAdopts(t *testing.T) {
	root, landed, journal := abandoned(t)
	other := filepath.Join(root, draftDir, "prices", "draft") // a living process of another source
	os.MkdirAll(filepath.Dir(other), 0o755)
	os.WriteFile(other, nil, 0o644)

	z, r := recovered(t, root)
	run := strings.TrimSuffix(filepath.Base(journal), journalExt)
	want := Recovery{Runs: []string{run}, Adopted: landed, Swept: 1}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("recovery (-want +got):\n%s", diff)
	}
	verified(t, z, 2)
	if _, err := os.Lstat(other); err != nil {
		t.Errorf("another source's temporary was swept: %v", err)
	}
	if _, r := recovered(t, root); !cmp.Equal(r, Recovery{}) {
		t.Errorf("a second Recover found %+v", r)
	}
}

// TestFaultTornJournal: the journal cut at every byte. Whole lines count, half
// a line does not, and what it announced is then the next run's business.
func TestFaultTornJournal(t *testing.T) {
	root, landed, journal := abandoned(t)
	text, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	second := bytes.IndexByte(text, '\n') + 1
	manifest := filepath.Join(root, manifestDir, "2026", strings.TrimSuffix(filepath.Base(journal), journalExt)+manifestExt)
	for cut := 0; cut <= len(text); cut++ {
		if err := os.WriteFile(journal, text[:cut], 0o644); err != nil {
			t.Fatal(err)
		}
		_, r := recovered(t, root)
		want := 0
		if cut >= second {
			want = 1
		}
		if cut == len(text) {
			want = 2
		}
		if len(r.Adopted) != want || want > 0 && !cmp.Equal(r.Adopted, landed[:want]) || len(r.Quarantined) > 0 {
			t.Fatalf("cut at byte %d of %d: %+v, want %d files adopted", cut, len(text), r, want)
		}
		if _, err := os.Lstat(manifest); (err == nil) != (want > 0) {
			t.Fatalf("cut at byte %d: manifest: %v", cut, err)
		}
		os.Remove(manifest)
	}
}

// TestRecoverDamagedJournal: a bad line before a good one is not a crash's work.
// The good lines go on, the journal is kept for a person, the run is not stuck.
func TestRecoverDamagedJournal(t *testing.T) {
	root, landed, journal := abandoned(t)
	text, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	text[10] = 0xff
	if err := os.WriteFile(journal, text, 0o644); err != nil {
		t.Fatal(err)
	}
	z, r := recovered(t, root)
	if !cmp.Equal(r.Adopted, landed[1:]) || len(r.Quarantined) != 1 {
		t.Errorf("recovery %+v", r)
	}
	kept, err := os.ReadDir(filepath.Join(root, quarantineDir))
	if err != nil || len(kept) != 2 {
		t.Errorf("quarantine holds %v, %v; want the journal and a reason", kept, err)
	}
	if rest, err := z.Unlisted(); err != nil || !slices.Equal(rest, []string{landed[0].Path}) {
		t.Errorf("unlisted: %v %v", rest, err)
	}
}

// TestRecoverSetsWrongContentAside: a file that the dead run announced and that
// holds something else (a disk that lied) must not be read as data.
func TestRecoverSetsWrongContentAside(t *testing.T) {
	for name, content := range map[string]string{"torn": "\x1f\x8b\x08", "other": string(gzipped(t, "other")), "empty": ""} {
		t.Run(name, func(t *testing.T) {
			root, landed, _ := abandoned(t)
			wrong := filepath.Join(root, landed[1].Path)
			os.Remove(wrong)
			if err := os.WriteFile(wrong, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
			z, r := recovered(t, root)
			if !cmp.Equal(r.Adopted, landed[:1]) || !slices.Equal(r.Dropped, []string{landed[1].Path}) || len(r.Quarantined) != 1 {
				t.Errorf("recovery %+v", r)
			}
			verified(t, z, 1)
			if rest, _ := z.Unlisted(); len(rest) != 0 {
				t.Errorf("left as data: %v", rest)
			}
			kept, err := os.ReadFile(filepath.Join(root, quarantineDir, r.Quarantined[0]))
			if err != nil || string(kept) != content {
				t.Errorf("quarantine: %q %v", kept, err)
			}
			reason, err := os.ReadFile(filepath.Join(root, quarantineDir, r.Quarantined[0]+".reason.txt"))
			if err != nil || !strings.Contains(string(reason), landed[1].Path) {
				t.Errorf("reason: %q %v", reason, err)
			}
		})
	}
}

func TestRecoverDropsWhatNeverLanded(t *testing.T) {
	root, landed, _ := abandoned(t)
	for _, e := range landed {
		os.Remove(filepath.Join(root, e.Path))
	}
	z, r := recovered(t, root)
	if len(r.Adopted) != 0 || len(r.Dropped) != 2 || len(r.Quarantined) != 0 {
		t.Errorf("recovery %+v", r)
	}
	if files, _ := z.manifests(); len(files) != 0 {
		t.Errorf("a manifest for nothing: %v", files)
	}
}

func TestQuarantine(t *testing.T) {
	root := t.TempDir()
	z, b := begin(t, root, noon)
	for _, name := range []string{"psd_coffee.zip", "../../etc/passwd", "a\x00b\n", strings.Repeat("long", 100), "psd_coffee.zip"} {
		if err := z.Quarantine("psd", b.run, name, strings.NewReader("body of "+name), "truncated archive"); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
	}
	kept, err := os.ReadDir(filepath.Join(root, quarantineDir))
	if err != nil || len(kept) != 10 {
		t.Fatalf("%d files: %v %v", len(kept), kept, err)
	}
	for _, want := range []string{"psd_coffee.zip", ".._.._etc_passwd", "a_b_", "psd_coffee.zip.2"} {
		path := filepath.Join(root, quarantineDir, b.run+"-"+want)
		if text, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(text), "body of ") {
			t.Errorf("%s: %q %v", want, text, err)
		}
		if text, err := os.ReadFile(path + ".reason.txt"); err != nil || string(text) != "truncated archive\n" {
			t.Errorf("%s: reason %q %v", want, text, err)
		}
	}
	if err := z.Quarantine("prices", b.run, "x", strings.NewReader(""), ""); err == nil {
		t.Error("quarantined under another source's run")
	}
}
