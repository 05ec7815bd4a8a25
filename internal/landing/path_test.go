package landing

import (
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCheckPath(t *testing.T) {
	for _, good := range []string{
		"psd/2026/06/0123456789ab.csv.gzip", "prices/KC=F/2025-12-09.json.gz", "prices/^GSPC/2025-12-09.json.gz",
		"prices/KC=F/2025-12-09.20260201T000000Z-0123456789ab.json.gz", "ice_stocks/2026-01-30.xls", "weather/br-sul_de_minas/2026/2026-01-01.json.gz",
	} {
		if err := CheckPath(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "/", ".", "..", "a.gz", "/etc/passwd.gz", "../a.gz", "psd/../a.gz", "psd/..", "psd/./a.gz", "psd//a.gz", "psd/a.gz/",
		".manifest/a.gz", "psd/.hidden.gz", "psd/.gz", "psd/a", "psd/a.", "psd\\a.gz", "psd/a b.gz", "psd/a\x00.gz", "psd/a\n.gz",
		"psd/*.gz", "psd/[a].gz", "psd/{a,b}.gz", "psd/a?.gz", "psd/ä.gz", "psd/a'.gz", "psd/\u202ea.gz", "c:/a.gz",
		"psd/" + strings.Repeat("a", 300) + ".gz", strings.Repeat("psd/", 300) + "a.gz",
	} {
		if CheckPath(bad) == nil {
			t.Errorf("%.80q was accepted", bad)
		}
	}
}

func TestComparePaths(t *testing.T) {
	inOrder := []string{
		"a/2025-12-08.json.gz",
		"a/2025-12-09.json.gz", // plain first, though its bytes sort behind its revisions
		"a/2025-12-09.20260101T000000Z-ffffffffffff.json.gz",
		"a/2025-12-09.20260102T000000Z-000000000000.json.gz",
		"a/2025-12-10.json.gz",
		"b/2025-12-01.json.gz",
	}
	for i, a := range inOrder {
		for j, b := range inOrder {
			if got := ComparePaths(a, b); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("ComparePaths(%s, %s) = %d", a, b, got)
			}
		}
	}
}

func FuzzCheckPath(f *testing.F) {
	for _, seed := range []string{"psd/2026/06/0123456789ab.csv.gzip", "../a.gz", "psd/.a.gz", "/a/b.gz", "a/b.20260201T000000Z-0123456789ab.gz", "a//b.gz", "a/b..gz", "a/b.\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if CheckPath(p) != nil {
			return
		}
		if !filepath.IsLocal(p) || path.Clean(p) != p || strings.Contains("/"+p, "/.") || strings.ContainsAny(p, "\\*?[]{}'\" \x00\n") {
			t.Fatalf("%q was accepted", p)
		}
		plain, stamp := PlainPath(p)
		if stamp != "" {
			return
		}
		if plain != p {
			t.Fatalf("PlainPath(%q) = %q without a stamp", p, plain)
		}
		sha := shaOf(p)
		rev := revisionPath(p, noon, sha)
		if back, stamp := PlainPath(rev); back != p || stamp != "20260201T120000Z" {
			t.Fatalf("PlainPath(%q) = %q, %q", rev, back, stamp)
		}
		if ComparePaths(p, rev) >= 0 || ComparePaths(rev, p) <= 0 || ComparePaths(rev, revisionPath(p, noon.Add(time.Second), shaOf(rev))) >= 0 {
			t.Fatalf("%q does not sort after %q", rev, p)
		}
		if path.Dir(rev) != path.Dir(p) {
			t.Fatalf("%q left the folder of %q", rev, p)
		}
	})
}

func FuzzManifestLine(f *testing.F) {
	good := Entry{Path: day, Source: "psd", SHA256: shaOf("a"), RawSHA256: shaOf("b"), Bytes: 1, LandedAt: noon, Origin: "live", Run: "20260201T120000Z-psd-00c0ffee"}
	line, err := encodeLine(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(line))
	f.Add(string(line) + string(line))
	f.Add(string(line[:len(line)-1]))
	f.Add(string(line[:50]) + "\n" + string(line))
	f.Add("")
	f.Add("\n\n")
	f.Add(`{"path":"../../etc/passwd"}` + "\n")
	f.Add(`null` + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		const rel = ".manifest/2026/20260201T120000Z-psd-00c0ffee.jsonl"
		lines := 0
		for e, err := range parseManifest(rel, text) {
			lines++
			if err != nil {
				if !strings.Contains(err.Error(), rel+" line ") {
					t.Fatalf("error without file and line: %v", err)
				}
				continue
			}
			if CheckPath(e.Path) != nil {
				t.Fatalf("path %q came through", e.Path)
			}
			// What was accepted survives being written and read again.
			again, err := encodeLine(e)
			if err != nil {
				t.Fatalf("%+v: %v", e, err)
			}
			back, err := parseLine(again[:len(again)-1])
			if err != nil || !cmp.Equal(e, back) {
				t.Fatalf("round trip: %v\n%s", err, cmp.Diff(e, back))
			}
		}
		want := strings.Count(text, "\n")
		if !strings.HasSuffix(text, "\n") {
			want++
		}
		if lines != want {
			t.Fatalf("%d lines and errors out of %d lines", lines, want)
		}
	})
}
