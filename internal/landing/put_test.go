package landing

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// begin opens a zone at root, locked, with a batch.
func begin(t *testing.T, root string, now time.Time) (*Zone, *Batch) {
	t.Helper()
	z, err := Open(root, Options{Now: at(now)})
	if err != nil {
		t.Fatal(err)
	}
	lock, err := z.Lock(t.Context(), "psd", 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lock.Unlock() })
	b, err := z.Begin("psd", NewRunID("psd", now))
	if err != nil {
		t.Fatal(err)
	}
	return z, b
}

func draft(t *testing.T, b *Batch, it item) *Draft {
	t.Helper()
	d, err := b.NewDraft(extOf(it.path))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(d, it.text); err != nil {
		t.Fatal(err)
	}
	return d
}

func tryPut(t *testing.T, b *Batch, it item) (Entry, error) {
	t.Helper()
	e := Entry{Path: it.path, Origin: "live"}
	if it.normalised != "" {
		e.SHA256 = shaOf(it.normalised)
	}
	return b.Put(draft(t, b, it), e)
}

func putText(t *testing.T, b *Batch, it item) Entry {
	t.Helper()
	e, err := tryPut(t, b, it)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func commit(t *testing.T, b *Batch) []Entry {
	t.Helper()
	landed, err := b.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return landed
}

const day = "prices/KC=F/2026-01-30.json.gz"

func TestPutFillsTheEntry(t *testing.T) {
	root := t.TempDir()
	z, b := begin(t, root, noon.Add(987*time.Millisecond))
	released := time.Date(2026, 1, 30, 18, 0, 0, 5, time.FixedZone("NY", -5*3600))
	d := draft(t, b, item{path: day, text: `{"close":1,"now":7}`})
	got, err := b.Put(d, Entry{Path: day, SHA256: shaOf(`{"close":1}`), Rows: 3, URL: "https://example.org/?a=1&b=2", Origin: "live",
		ReleasedAt: &released, Validators: Validators{ETag: `W/"1"`, LastModified: "Fri, 30 Jan 2026 23:00:00 GMT"}})
	if err != nil {
		t.Fatal(err)
	}
	utc := time.Date(2026, 1, 30, 23, 0, 0, 0, time.UTC)
	want := Entry{Path: day, Source: "psd", SHA256: shaOf(`{"close":1}`), RawSHA256: shaOf(`{"close":1,"now":7}`), Bytes: 19, Rows: 3,
		LandedAt: noon, ReleasedAt: &utc, URL: "https://example.org/?a=1&b=2", Origin: "live", Run: b.run,
		Validators: Validators{ETag: `W/"1"`, LastModified: "Fri, 30 Jan 2026 23:00:00 GMT"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	commit(t, b)
	line, err := os.ReadFile(filepath.Join(root, manifestDir, "2026", b.run+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	wantLine := `{"path":"` + day + `","source":"psd","sha256":"` + shaOf(`{"close":1}`) + `","raw_sha256":"` + shaOf(`{"close":1,"now":7}`) +
		`","bytes":19,"rows":3,"landed_at":"2026-02-01T12:00:00Z","released_at":"2026-01-30T23:00:00Z","url":"https://example.org/?a=1&b=2",` +
		`"validators":{"etag":"W/\"1\"","last_modified":"Fri, 30 Jan 2026 23:00:00 GMT"},"origin":"live","run":"` + b.run + `"}` + "\n"
	if string(line) != wantLine {
		t.Errorf("manifest:\n%s want:\n%s", line, wantLine)
	}
	for e, err := range z.Entries() {
		if err != nil || !cmp.Equal(e, want) {
			t.Errorf("read back: %v\n%s", err, cmp.Diff(want, e))
		}
	}
	if rest, err := z.Unlisted(); err != nil || len(rest) != 0 {
		t.Errorf("unlisted: %v %v", rest, err)
	}
}

func TestLandedFilesAreReadOnlyAndReproducible(t *testing.T) {
	var files [2][]byte
	for i := range files {
		root := t.TempDir()
		_, b := begin(t, root, noon.Add(time.Duration(i)*time.Hour))
		putText(t, b, item{path: day, text: strings.Repeat("same ", 1000)})
		commit(t, b)
		info, err := os.Stat(filepath.Join(root, day))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o222 != 0 {
			t.Errorf("mode %v: a landed file can be written", info.Mode())
		}
		if files[i], err = os.ReadFile(filepath.Join(root, day)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("the same content at another time made another file")
	}
}

// TestSameContentLandsOnce: within a batch, in a later run, as a revision, and
// where only volatile fields differ.
func TestSameContentLandsOnce(t *testing.T) {
	root := t.TempDir()
	_, b := begin(t, root, noon)
	plain := putText(t, b, item{path: day, text: "A 1", normalised: "A"})
	rev := putText(t, b, item{path: day, text: "B"})
	again := func(b *Batch, it item, want Entry) {
		t.Helper()
		got, err := tryPut(t, b, it)
		if !errors.Is(err, ErrExists) || !cmp.Equal(got, want) {
			t.Errorf("put %q again: %v\n%s", it.text, err, cmp.Diff(want, got))
		}
	}
	again(b, item{path: day, text: "A 2", normalised: "A"}, plain)
	again(b, item{path: day, text: "B"}, rev)
	if got := commit(t, b); len(got) != 2 {
		t.Errorf("%d entries, want 2", len(got))
	}
	b.zone.held["psd"].Unlock()

	z, b := begin(t, root, noon.Add(24*time.Hour))
	again(b, item{path: day, text: "A 3", normalised: "A"}, plain)
	again(b, item{path: day, text: "B"}, rev)
	if got := commit(t, b); len(got) != 0 {
		t.Errorf("a run that landed nothing returned %v", got)
	}
	if files, _ := z.manifests(); len(files) != 1 {
		t.Errorf("manifests %v, want one", files)
	}
	left, err := os.ReadDir(filepath.Join(root, draftDir, "psd"))
	if err != nil || len(left) != 0 {
		t.Errorf("drafts left: %v %v", left, err)
	}
}

// TestVersionsKeepTheirOrder: whatever the clock does, each version of a name
// is landed later than the one before, and ComparePaths tells the same order.
func TestVersionsKeepTheirOrder(t *testing.T) {
	root := t.TempDir()
	clocks := []time.Time{noon, noon, noon.AddDate(-3, 0, 0), noon.Add(time.Hour), noon.Add(time.Hour), noon}
	var landed []Entry
	for i, now := range clocks {
		_, b := begin(t, root, now)
		landed = append(landed, putText(t, b, item{path: day, text: strings.Repeat("v", i+1)}))
		commit(t, b)
		b.zone.held["psd"].Unlock()
	}
	if landed[0].Path != day {
		t.Errorf("the first is %s, want the plain name", landed[0].Path)
	}
	for i, e := range landed[1:] {
		before := landed[i]
		if !e.LandedAt.After(before.LandedAt) {
			t.Errorf("version %d landed at %v, not after %v", i+2, e.LandedAt, before.LandedAt)
		}
		want := "prices/KC=F/2026-01-30." + e.LandedAt.Format("20060102T150405Z") + "-" + e.SHA256[:12] + ".json.gz"
		if e.Path != want {
			t.Errorf("version %d is %s, want %s", i+2, e.Path, want)
		}
		if ComparePaths(before.Path, e.Path) >= 0 {
			t.Errorf("%s does not sort after %s", e.Path, before.Path)
		}
	}
}

func TestAnotherSystemsFileIsAdopted(t *testing.T) {
	root := t.TempDir()
	foreign := filepath.Join(root, day)
	if err := os.MkdirAll(filepath.Dir(foreign), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(foreign, gzipped(t, "theirs"), 0o644); err != nil {
		t.Fatal(err)
	}
	written := noon.AddDate(0, 0, -3)
	if err := os.Chtimes(foreign, written, written); err != nil {
		t.Fatal(err)
	}
	inode := func() uint64 { return statIno(t, foreign) }
	was := inode()
	z, b := begin(t, root, noon)
	if rest, err := z.Unlisted(); err != nil || !slices.Equal(rest, []string{day}) {
		t.Errorf("unlisted before: %v %v", rest, err)
	}
	e := putText(t, b, item{path: day, text: "theirs"})
	if e.Path != day || inode() != was || !e.LandedAt.Equal(written) {
		t.Errorf("adopted %+v; want the file as it is, landed when it was written", e)
	}
	rev := putText(t, b, item{path: day, text: "ours"})
	if _, stamp := PlainPath(rev.Path); stamp == "" {
		t.Errorf("other content went to %s", rev.Path)
	}
	commit(t, b)
	verified(t, z, 2)
}

func TestLostFileComesBack(t *testing.T) {
	root := t.TempDir()
	z, b := begin(t, root, noon)
	e := putText(t, b, item{path: day, text: "A"})
	commit(t, b)
	if err := os.Remove(filepath.Join(root, day)); err != nil {
		t.Fatal(err)
	}
	b, err := z.Begin("psd", NewRunID("psd", noon))
	if err != nil {
		t.Fatal(err)
	}
	got, err := tryPut(t, b, item{path: day, text: "A"})
	if !errors.Is(err, ErrExists) || !cmp.Equal(got, e) {
		t.Errorf("put: %v %+v", err, got)
	}
	commit(t, b)
	verified(t, z, 1)
}

func verified(t *testing.T, z *Zone, want int) {
	t.Helper()
	n := 0
	if err := z.Verify(t.Context(), func(e Entry, err error) {
		n++
		if err != nil {
			t.Errorf("verify: %v", err)
		}
	}); err != nil || n != want {
		t.Errorf("verified %d entries, want %d: %v", n, want, err)
	}
}

func TestPutRefuses(t *testing.T) {
	root := t.TempDir()
	_, b := begin(t, root, noon)
	putText(t, b, item{path: day, text: "A"})
	commit(t, b)
	b, err := b.zone.Begin("psd", NewRunID("psd", noon))
	if err != nil {
		t.Fatal(err)
	}
	good := Entry{Path: "psd/x.csv.gz", Origin: "live"}
	change := func(f func(*Entry)) Entry { e := good; f(&e); return e }
	for name, e := range map[string]Entry{
		"a path that climbs":   change(func(e *Entry) { e.Path = "psd/../../x.csv.gz" }),
		"an absolute path":     change(func(e *Entry) { e.Path = "/psd/x.csv.gz" }),
		"a hidden path":        change(func(e *Entry) { e.Path = ".manifest/x.csv.gz" }),
		"another extension":    change(func(e *Entry) { e.Path = "psd/x.csv" }),
		"a revision's name":    change(func(e *Entry) { e.Path = "psd/x.20260201T120000Z-0123456789ab.csv.gz" }),
		"a long name":          change(func(e *Entry) { e.Path = "psd/" + strings.Repeat("x", 201) + ".csv.gz" }),
		"no hash":              change(func(e *Entry) { e.SHA256 = "beef" }),
		"no origin":            change(func(e *Entry) { e.Origin = "" }),
		"a second origin":      change(func(e *Entry) { e.Origin = "sample" }),
		"negative rows":        change(func(e *Entry) { e.Rows = -1 }),
		"an unheard-of origin": change(func(e *Entry) { e.Origin = "rumour" }),
	} {
		d := draft(t, b, item{path: "psd/x.csv.gz", text: name})
		if got, err := b.Put(d, e); err == nil {
			t.Errorf("%s: landed as %s", name, got.Path)
		} else if !strings.HasPrefix(err.Error(), "landing: put "+e.Path+": ") {
			t.Errorf("%s: message %q does not say what failed on what", name, err)
		}
	}
	used := draft(t, b, item{path: "psd/y.csv.gz", text: "y"})
	if _, err := b.Put(used, Entry{Path: "psd/y.csv.gz", Origin: "live"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Put(used, Entry{Path: "psd/z.csv.gz", Origin: "live"}); err == nil {
		t.Error("one draft landed twice")
	}
	gone := draft(t, b, item{path: "psd/z.csv.gz", text: "z"})
	gone.Discard()
	if _, err := b.Put(gone, Entry{Path: "psd/z.csv.gz", Origin: "live"}); err == nil {
		t.Error("a discarded draft landed")
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(filepath.Join(root, draftDir, "psd")); len(left) != 0 {
		t.Errorf("Close left drafts: %v", left)
	}
	if _, err := b.NewDraft(".csv.gz"); err == nil {
		t.Error("a finished batch gave a draft")
	}
}

// TestChangedOnDisk: the temporary is read back before it gets a name.
func TestChangedOnDisk(t *testing.T) {
	_, b := begin(t, t.TempDir(), noon)
	d := draft(t, b, item{path: day, text: "what was written"})
	if err := d.Finish(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.path, gzipped(t, "what the disk kept"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Put(d, Entry{Path: day, Origin: "live"}); err == nil || !strings.Contains(err.Error(), "read back") {
		t.Errorf("put: %v", err)
	}
}

// TestConcurrentPuts: one batch, many goroutines, all their files in one manifest.
func TestConcurrentPuts(t *testing.T) {
	z, b := begin(t, t.TempDir(), noon)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			name := string(rune('a' + i))
			d, err := b.NewDraft(".csv.gz")
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(d, name)
			if _, err := b.Put(d, Entry{Path: "psd/" + name + ".csv.gz", Origin: "live"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(commit(t, b)); n != 16 {
		t.Errorf("%d entries", n)
	}
	verified(t, z, 16)
}

// TestDraftMemory: what a draft allocates does not grow with its size.
func TestDraftMemory(t *testing.T) {
	_, b := begin(t, t.TempDir(), noon)
	d, err := b.NewDraft(".csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	block := bytes.Repeat([]byte("0711100,Coffee,BR,2025,2026,01,125,70000\n"), 1600)
	var start, end runtime.MemStats
	runtime.ReadMemStats(&start)
	total := 0
	for total < 128<<20 {
		if _, err := d.Write(block); err != nil {
			t.Fatal(err)
		}
		total += len(block)
	}
	e, err := b.Put(d, Entry{Path: "psd/big.csv.gz", Origin: "live"})
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&end)
	if e.Bytes != int64(total) {
		t.Errorf("bytes %d, wrote %d", e.Bytes, total)
	}
	if grown := end.TotalAlloc - start.TotalAlloc; grown > 16<<20 {
		t.Errorf("128 MiB through a draft allocated %d MiB in all", grown>>20)
	}
}

func TestFaultDiskFull(t *testing.T) {
	root := smallDisk(t)
	_, b := begin(t, root, noon)
	putText(t, b, item{path: day, text: "small"})
	d, err := b.NewDraft(".bin")
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Write(make([]byte, 4<<20))
	if err == nil {
		_, err = b.Put(d, Entry{Path: "psd/big.bin", Origin: "live"})
	}
	if err == nil || !strings.Contains(err.Error(), "no space left on device") {
		t.Fatalf("4 MiB onto 1 MiB: %v", err)
	}
	d.Discard() // space is back
	if got := commit(t, b); len(got) != 1 || got[0].Path != day {
		t.Errorf("committed %v, want what landed before", got)
	}
	if _, err := os.Stat(filepath.Join(root, "psd/big.bin")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("partial file: %v", err)
	}
	verified(t, b.zone, 1)
}
