package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What a secret's value is may be known to the command that was asked for and to
// nobody else: not to standard output or error, other processes' arguments, or
// any file but the one that was asked for.
func TestSecretsShowNowhere(t *testing.T) {
	for _, program := range []string{"sops", "age-keygen"} {
		if _, err := exec.LookPath(program); err != nil {
			loudSkip(t, "%s is not installed", program)
		}
	}
	const value = "S3NT1NEL-4f1c"
	h := newHouse(t)
	sh := func(line string) {
		t.Helper()
		cmd := exec.Command("sh", "-ec", line)
		cmd.Dir = h.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	sh(`umask 077; age-keygen -o age-key.txt 2>/dev/null; age-keygen -o other.txt 2>/dev/null
		printf 'creation_rules:\n  - path_regex: \\.env\\.prod\\.sops$\n    age: %s\n' "$(age-keygen -y age-key.txt)" > .sops.yaml
		printf 'LANDING_DIR=l\nDUCKDB_PATH=d\nSERVING_DUCKDB_PATH=s\nTOKEN=` + value + `\n' > plain
		sops encrypt --input-type dotenv --output-type dotenv --filename-override .env.prod.sops plain > .env.prod.sops; rm plain`)
	prod := func(args ...string) []string { return append([]string{"secrets", "--env", "prod"}, args...) }

	said := []result{h.run(prod("list")...), h.run(prod("list", "--json")...), h.run(prod("test")...), h.run(prod("updatekeys")...)}
	if !strings.Contains(said[0].stdout, "TOKEN") {
		t.Errorf("list: %s", said[0])
	}
	// The command has the value; the list of all processes, as it sees it, has not.
	env := h.env
	h.env = append(h.env, "LANDING_DIR=l", "DUCKDB_PATH=d", "SERVING_DUCKDB_PATH=s")
	r := h.run(prod("exec", "--", "sh", "-c", `test "$TOKEN" = "$(printf 'S3NT1NEL-%s' 4f1c)" && cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' '`)...)
	if !strings.Contains(r.stdout, "cmdline") {
		t.Fatalf("exec listed no process: %s", r)
	}
	said = append(said, r)
	h.env = append(env, "SOPS_AGE_KEY_FILE="+h.path("other.txt"))
	said = append(said, h.exits(exitFailed, prod("test")...), h.exits(exitFailed, prod("exec", "--", "true")...), h.exits(exitFailed, prod("write", "--out", "never.env")...))
	h.env = append(env, "TOKEN=something else", "LANDING_DIR=l", "DUCKDB_PATH=d", "SERVING_DUCKDB_PATH=s")
	said = append(said, h.exits(exitFailed, prod("exec", "--", "true")...))
	h.env = env
	sh("cp .env.prod.sops whole; head -c 200 whole > .env.prod.sops")
	said = append(said, h.exits(exitFailed, prod("test")...))
	sh("mv whole .env.prod.sops")
	for _, r := range said {
		if strings.Contains(r.stdout+r.stderr, value) {
			t.Errorf("the value shows: %s", r)
		}
	}
	h.run(prod("write", "--out", "web.env")...)
	err := filepath.WalkDir(h.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "web.env" {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), value) {
			t.Errorf("the value stands in %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(h.path("never.env")); err == nil {
		t.Error("a file was written with the wrong key")
	}
}
