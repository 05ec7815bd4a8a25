package landing

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"
)

const (
	stampLayout  = "20060102T150405Z" // always UTC; sorts as text
	maxPartBytes = 200                // leaves room for the revision's stamp and hash below NAME_MAX 255
	maxPathBytes = 1000
	hashPrefix   = 12 // hex digits of the content hash in a revision's name
)

var (
	sourceName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
	runName    = regexp.MustCompile(`^(\d{8}T\d{6}Z)-([a-z][a-z0-9_]{0,62})-([0-9a-f]{8})$`)
	revision   = regexp.MustCompile(`^(\d{8}T\d{6}Z)-([0-9a-f]{12})\.(.+)$`)
)

// CheckPath says why p cannot be the path of a landed file, or nil. A good path
// is relative, with forward slashes and at least one folder; no part is empty,
// hidden, "." or ".."; the last has a name and an extension; and every byte is
// one of A-Z a-z 0-9 . _ = + ^ @ -, so that no path needs quoting in a shell, a
// URL's path, a glob or SQL.
func CheckPath(p string) error {
	if err := checkPath(p); err != nil {
		return fmt.Errorf("landing: %w", err)
	}
	return nil
}

func checkPath(p string) error {
	if len(p) > maxPathBytes {
		return fmt.Errorf("path of %d bytes: more than %d", len(p), maxPathBytes)
	}
	parts := strings.Split(p, "/")
	if len(parts) < 2 {
		return fmt.Errorf("path %q: want folder/name.ext", p)
	}
	for _, part := range parts {
		switch {
		case part == "":
			return fmt.Errorf("path %q: absolute, or an empty part", p)
		case part[0] == '.':
			return fmt.Errorf("path %q: part %q begins with a dot", p, part)
		case len(part) > maxPartBytes+len(".20060102T150405Z-")+hashPrefix:
			return fmt.Errorf("path %q: part of %d bytes", p, len(part))
		}
	}
	for i := 0; i < len(p); i++ {
		if !plainByte(p[i]) && p[i] != '/' {
			return fmt.Errorf("path %q: byte %q is not allowed", p, p[i])
		}
	}
	if _, ext := splitExt(p); strings.Trim(ext, ".") == "" {
		return fmt.Errorf("path %q: no extension", p)
	}
	return nil
}

func plainByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("._=+^@-", c) >= 0
}

// isHex64 is written out: reading manifests asks it twice a line.
func isHex64(s string) bool {
	for i := 0; i < len(s); i++ {
		if (s[i] < '0' || s[i] > '9') && (s[i] < 'a' || s[i] > 'f') {
			return false
		}
	}
	return len(s) == 64
}

// splitExt cuts at the first dot of the last part: "a/2025-12-09.json.gz" is
// "a/2025-12-09" and ".json.gz" (the dot stays with the extension).
func splitExt(p string) (stem, ext string) {
	base := path.Base(p)
	if i := strings.IndexByte(base, '.'); i >= 0 {
		return p[:len(p)-len(base)+i], base[i:]
	}
	return p, ""
}

// SplitExt cuts a path at the first dot of its last part.
func SplitExt(p string) (stem, ext string) { return splitExt(p) }

// revisionPath names content that differs from what the plain path holds:
// {name}.{YYYYMMDDTHHMMSSZ}-{hash12}.ext, landed at t.
func revisionPath(plain string, t time.Time, sha string) string {
	stem, ext := splitExt(plain)
	return fmt.Sprintf("%s.%s-%s%s", stem, t.UTC().Format(stampLayout), sha[:hashPrefix], ext)
}

// PlainPath is the path without a revision's stamp and hash; stamp is empty for
// a path that is plain already.
func PlainPath(p string) (plain, stamp string) {
	stem, ext := splitExt(p)
	if m := revision.FindStringSubmatch(strings.TrimPrefix(ext, ".")); m != nil {
		return stem + "." + m[3], m[1]
	}
	return p, ""
}

// ComparePaths orders paths by plain name and, within one name, in order of
// landing: the plain file first, then revisions by their stamp. Plain byte order
// does not do that: "2025-12-09.2026..." sorts before "2025-12-09.json.gz".
func ComparePaths(a, b string) int {
	pa, sa := PlainPath(a)
	pb, sb := PlainPath(b)
	return cmp.Or(strings.Compare(pa, pb), strings.Compare(sa, sb), strings.Compare(a, b))
}

// splitRun takes a run's id apart; ok is false if it is none.
func splitRun(run string) (stamp, source string, ok bool) {
	m := runName.FindStringSubmatch(run)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}
