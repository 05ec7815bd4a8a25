package duck

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestOpenSettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b+ü.duckdb")
	db, err := Open(path, Options{Threads: 1, MemoryLimit: "100MiB"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the database is not where it was asked for: %v", err)
	}
	for name, want := range map[string]string{
		"threads": "1", "memory_limit": "100.0 MiB", "temp_directory": path + ".tmp", "TimeZone": "UTC", "enable_external_access": "false",
		"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "access_mode": "automatic",
	} {
		var got string
		if err := db.QueryRow("SELECT current_setting(?)::VARCHAR", name).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, want %q (%v)", name, got, want, err)
		}
	}
	if _, err := db.Exec("SELECT * FROM read_text('/etc/hostname')"); err == nil {
		t.Error("a database without external access reads files")
	}
	if _, err := db.Exec("SET enable_external_access = true"); err == nil {
		t.Error("external access can be switched on again")
	}
}

func TestOpenReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.duckdb")
	if _, err := Open(path, Options{ReadOnly: true}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a missing file opened read-only: %v", err)
	}
	db, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE t AS SELECT 1 AS x"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if db, err = Open(path, Options{ReadOnly: true}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("INSERT INTO t VALUES (2)"); err == nil {
		t.Error("a read-only database was written")
	}
	if _, err := Open("a?b.duckdb", Options{}); err == nil {
		t.Error("a path with ? would have become options")
	}
}

// Another process holds the file: the error says who, by its pid. The test
// runs itself as that process.
func TestIsLocked(t *testing.T) {
	if path := os.Getenv("DUCK_TEST_HOLD"); path != "" {
		db, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		os.Stdout.WriteString("held\n")
		bufio.NewReader(os.Stdin).ReadString('\n') // until the parent closes it
		return
	}
	path := filepath.Join(t.TempDir(), "a.duckdb")
	holder := exec.Command(os.Args[0], "-test.run=^TestIsLocked$")
	holder.Env = append(os.Environ(), "DUCK_TEST_HOLD="+path)
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { in.Close(); holder.Wait() }()
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "held\n" {
		t.Fatalf("the other process said %q, %v", line, err)
	}
	for _, readOnly := range []bool{false, true} {
		_, err := Open(path, Options{ReadOnly: readOnly})
		who, ok := IsLocked(err)
		if !ok || !strings.Contains(who, "PID "+strconv.Itoa(holder.Process.Pid)) {
			t.Errorf("read-only %v: locked %v by %q: %v", readOnly, ok, who, err)
		}
	}
	if _, ok := IsLocked(nil); ok {
		t.Error("no error is no lock")
	}
	if _, ok := IsLocked(os.ErrNotExist); ok {
		t.Error("a missing file is no lock")
	}
}

func TestSerializeSQLAndErrors(t *testing.T) {
	ctx := context.Background()
	db, err := Open("", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	trees, err := SerializeSQL(ctx, db, []string{"SELECT 1", "SELECT FROM FROM", "DROP TABLE x", "SELECT 'ü' FROM s.t"})
	if err != nil || len(trees) != 4 {
		t.Fatalf("%d trees, %v", len(trees), err)
	}
	if trees[0].Err != nil || trees[3].Err != nil || !strings.Contains(trees[3].JSON, `"table_name":"t"`) {
		t.Errorf("trees of good queries: %+v", trees)
	}
	if e := trees[1].Err; e == nil || e.Position != 12 || e.Subtype != "SYNTAX_ERROR" {
		t.Errorf("syntax error %+v, want it at the second FROM, byte 12", e)
	}
	if e := trees[2].Err; e == nil || e.Position != -1 {
		t.Errorf("error of a DROP: %+v", e)
	}
	c, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.ExecContext(ctx, "SET errors_as_json = true"); err != nil {
		t.Fatal(err)
	}
	_, err = c.ExecContext(ctx, "SELECT 'ü', abd FROM (SELECT 1 AS abc)")
	e, ok := ParseError(err)
	if !ok || e.Name != "abd" || e.Position != len("SELECT 'ü', ") || len(e.Candidates) != 1 || e.Candidates[0] != "abc" {
		t.Errorf("%+v of %v", e, err)
	}
	if _, ok := ParseError(os.ErrNotExist); ok {
		t.Error("an error of another kind was read")
	}
}

func TestLibrary(t *testing.T) {
	db, err := Open("", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if v, err := LibraryVersion(context.Background(), db); err != nil || v != "v1.5.6" {
		t.Errorf("version %q, %v; go.mod pins the driver of v1.5.6", v, err)
	}
	words, err := Keywords(context.Background(), db)
	if err != nil || words["select"] != "reserved" || words["year"] == "reserved" {
		t.Errorf("keywords: select %q, year %q, %v", words["select"], words["year"], err)
	}
	if got := QuoteIdent(`a"b`) + QuoteString(`a'b`); got != `"a""b"'a''b'` {
		t.Error(got)
	}
}
