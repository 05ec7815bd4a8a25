// Package realdata finds the publishers' real files for tests: below
// MATERIA_REAL_DATA, by default ../shared/data, both seen from the repository's
// root. Where they are absent a test is skipped, and says so also without -v.
//
// It knows no format and nothing of ours, and nothing that ships may import it.
package realdata

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Dir is where the files lie.
func Dir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("MATERIA_REAL_DATA")
	if dir == "" {
		dir = filepath.Join("..", "shared", "data")
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(root(t), dir)
	}
	if _, err := os.Stat(dir); err != nil {
		skip(t, dir)
	}
	return dir
}

// Path is a file's; a pattern finds the first that fits.
func Path(t testing.TB, name string) string {
	t.Helper()
	return Glob(t, name)[0]
}

// Glob is the files that fit a pattern, at least one.
func Glob(t testing.TB, pattern string) []string {
	t.Helper()
	whole := filepath.Join(Dir(t), pattern)
	found, err := filepath.Glob(whole)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		skip(t, whole)
	}
	return found
}

// Read is a file's content.
func Read(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(Path(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd() // a test's is its package's folder
	if err != nil {
		t.Fatal(err)
	}
	for at := dir; at != filepath.Dir(at); at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at
		}
	}
	t.Fatalf("no go.mod above %s", dir)
	return ""
}

func skip(t testing.TB, where string) {
	t.Helper()
	fmt.Fprintf(os.Stderr, "\n*** NOT TESTED: %s: no real upstream files at %s; set MATERIA_REAL_DATA\n\n", t.Name(), where)
	t.Skipf("SKIPPED: real upstream files not found at %s (set MATERIA_REAL_DATA)", where)
}
