package state

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// filled is a closed state file with a few hundred rows.
func filled(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), ".state.sqlite")
	s := open(t, path)
	var files []File
	for n := range 400 {
		files = append(files, file(n, "psd", fmt.Sprint("r", n/10)))
	}
	must(t, s.Rebuild(t.Context(), files))
	must(t, s.Close())
	return path
}

// TestFaultCorruptStateFile: each kind of damage is ErrCorrupt at Open, and after
// Quarantine a new file opens in its place.
func TestFaultCorruptStateFile(t *testing.T) {
	sound, err := os.ReadFile(filled(t))
	must(t, err)
	if len(sound) < 40<<10 {
		t.Fatalf("the sound file has %d bytes only", len(sound))
	}
	coins := rand.New(rand.NewPCG(1, 2))
	noise := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(coins.Uint32())
		}
		return b
	}
	overwritten := func(at, n int) []byte {
		b := bytes.Clone(sound)
		copy(b[at:], noise(n))
		return b
	}
	for name, content := range map[string][]byte{
		"text":              []byte("this is no database, it is a note of more than sixteen bytes\n"),
		"few bytes":         []byte("x"),
		"noise":             noise(8192),
		"header lost":       overwritten(0, 100),
		"first page lost":   overwritten(100, 3900),
		"pages lost":        overwritten(8192, 16384),
		"cut in the middle": sound[:len(sound)/2],
		"cut in a page":     sound[:len(sound)-1000],
	} {
		path := filepath.Join(t.TempDir(), ".state.sqlite")
		must(t, os.WriteFile(path, content, 0o600))
		s, err := Open(path)
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: open: %v, want ErrCorrupt", name, err)
			if err == nil {
				s.Close()
			}
			continue
		}
		must(t, os.WriteFile(path+"-wal", []byte("log"), 0o600))
		moved, err := Quarantine(path)
		must(t, err)
		if kept, err := os.ReadFile(moved); err != nil || !bytes.Equal(kept, content) {
			t.Errorf("%s: the damaged file was not kept: %v", name, err)
		}
		if !strings.HasPrefix(moved, path+".corrupt-") {
			t.Errorf("%s: moved to %s", name, moved)
		}
		if kept, err := os.ReadFile(moved + "-wal"); err != nil || string(kept) != "log" {
			t.Errorf("%s: its log: %q %v", name, kept, err)
		}
		fresh := open(t, path)
		if !fresh.Fresh() {
			t.Errorf("%s: the new file is not fresh", name)
		}
	}
}

func TestMissingTableIsCorrupt(t *testing.T) {
	path := filled(t)
	raw(t, path, "DROP TABLE settled")
	if _, err := Open(path); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "settled") {
		t.Errorf("open: %v", err)
	}
}

// TestFaultStateDamagedLater: a page that goes bad while the file is open is
// ErrCorrupt from the method that meets it.
func TestFaultStateDamagedLater(t *testing.T) {
	path := filled(t)
	s := open(t, path)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	info, err := f.Stat()
	must(t, err)
	_, err = f.WriteAt(bytes.Repeat([]byte{0xff}, int(info.Size())-4096), 4096)
	must(t, err)
	s.db.SetMaxIdleConns(0) // drop what the connection had cached
	if _, err := s.Files(t.Context()); !errors.Is(err, ErrCorrupt) {
		t.Errorf("files: %v, want ErrCorrupt", err)
	}
}

func TestQuarantineKeepsEarlierOnes(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".state.sqlite")
	var moved []string
	for i := range 3 {
		must(t, os.WriteFile(path, []byte{byte(i)}, 0o600))
		m, err := Quarantine(path)
		must(t, err)
		moved = append(moved, m)
	}
	for i, m := range moved {
		if text, err := os.ReadFile(m); err != nil || !bytes.Equal(text, []byte{byte(i)}) {
			t.Errorf("%s: %v %v", m, text, err)
		}
	}
	if _, err := Quarantine(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
}

func TestNewerFileIsRefused(t *testing.T) {
	path := filled(t)
	raw(t, path, "PRAGMA user_version = 1000")
	before, err := os.ReadFile(path)
	must(t, err)
	_, err = Open(path)
	if !errors.Is(err, ErrNewer) || errors.Is(err, ErrCorrupt) {
		t.Fatalf("open: %v, want ErrNewer", err)
	}
	for _, want := range []string{"1000", fmt.Sprint(len(migrations)), "materia state rebuild", path} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("message %q does not say %q", err, want)
		}
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the newer file was changed: %v", err)
	}
}

// TestMigrationFromEveryVersion: a file of each older version, data and all,
// ends with the newest schema; a failing migration leaves it as it was.
func TestMigrationFromEveryVersion(t *testing.T) {
	schema := func(s *Store) (list []string) {
		rows, err := s.db.Query("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
		must(t, err)
		defer rows.Close()
		for rows.Next() {
			var text string
			must(t, rows.Scan(&text))
			list = append(list, text)
		}
		return list
	}
	want := schema(newStore(t))
	for from := range len(migrations) {
		path := filepath.Join(t.TempDir(), ".state.sqlite")
		for v := range from {
			raw(t, path, migrations[v])
		}
		raw(t, path, fmt.Sprintf("PRAGMA user_version = %d", from))
		s := open(t, path)
		if diff := cmp.Diff(want, schema(s)); diff != "" {
			t.Errorf("from version %d (-new +migrated):\n%s", from, diff)
		}
		var version int
		must(t, s.db.QueryRow("PRAGMA user_version").Scan(&version))
		if version != len(migrations) {
			t.Errorf("from version %d to %d", from, version)
		}
	}

	path := filepath.Join(t.TempDir(), ".state.sqlite")
	raw(t, path, "CREATE TABLE settled (mine TEXT); INSERT INTO settled VALUES ('kept')") // not ours: version 0, a clashing name
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "settled") {
		t.Errorf("another program's database: %v", err)
	}
	raw(t, path, "UPDATE settled SET mine = 'still there'") // and nothing of ours beside it
	db, err := os.ReadFile(path)
	must(t, err)
	if bytes.Contains(db, []byte("CREATE TABLE extraction_runs")) {
		t.Error("half a migration stayed")
	}
}
