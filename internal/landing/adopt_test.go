package landing

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A file of another system gets a line as if it had landed at its own time, is
// left as it is, and counts as landed from then on.
func TestAdoptAFileWithoutManifest(t *testing.T) {
	root := t.TempDir()
	mustLand(t, root, before, false)
	theirs := filepath.Join(root, "psd/2020/06/cccccccccccc.csv.gzip")
	if err := os.MkdirAll(filepath.Dir(theirs), 0o755); err != nil {
		t.Fatal(err)
	}
	body := gzipped(t, "a,b\n1,2\n3,4") // no line break at the end
	if err := os.WriteFile(theirs, body, 0o644); err != nil {
		t.Fatal(err)
	}
	at2020 := time.Date(2020, 6, 12, 10, 0, 0, 0, time.UTC)
	os.Chtimes(theirs, at2020, at2020)
	z, b := begin(t, root, noon)
	if rest, err := z.Unlisted(); err != nil || len(rest) != 1 {
		t.Fatalf("unlisted %q, %v", rest, err)
	}
	const rel = "psd/2020/06/cccccccccccc.csv.gzip"
	for want, try := range map[string]struct{ rel, origin string }{
		"holds replay data":      {rel, "live"},
		"no such file":           {"psd/2020/06/dddddddddddd.csv.gzip", "replay"},
		"names it already":       {before[0].path, "replay"},
		"begins with a dot":      {".manifest/x.jsonl", "replay"},
		"absolute, or an empty ": {"/etc/passwd.csv", "replay"},
	} {
		if _, err := b.Adopt(try.rel, try.origin); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", try, err, want)
		}
	}
	e, err := b.Adopt(rel, "replay")
	if err != nil || e.Rows != 2 || e.Bytes != 11 || e.SHA256 != shaOf("a,b\n1,2\n3,4") || !e.LandedAt.Equal(at2020) || e.Source != "psd" {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := b.Commit(); err != nil {
		t.Fatal(err)
	}
	if rest, err := z.Unlisted(); err != nil || len(rest) != 0 {
		t.Errorf("unlisted %q, %v", rest, err)
	}
	if now, err := os.ReadFile(theirs); err != nil || string(now) != string(body) {
		t.Errorf("the file was changed: %v", err)
	}
	stats, err := z.Stat()
	if err != nil || len(stats) != 1 || stats[0].Files != 3 || stats[0].Missing != 0 || stats[0].DiskBytes == 0 || stats[0].YearBytes >= stats[0].DiskBytes || !stats[0].FirstLanded.Equal(at2020) {
		t.Errorf("%+v, %v", stats, err)
	}
}
