package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// A person who may read the published file and no more: neither link it nor write
// beside it.
func TestQueryByAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		loudSkip(t, "only root can become another user")
	}
	_, server := smallUpstream(t)
	h := newHouse(t, "MATERIA_UPSTREAM="+server.URL)
	h.project = priceProject(t)
	for _, station := range stations[1:] {
		h.run(station...)
	}
	// What a test makes is its user's alone.
	tmp := t.TempDir()
	for path, mode := range map[string]os.FileMode{filepath.Dir(tmp): 0o755, tmp: 0o777, h.dir: 0o755} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	c := h.command("query", "--csv", "SELECT count(*) > 30 AS many FROM serving.coffee_prices")
	program := filepath.Join(h.dir, "materia") // the name says what this binary is
	if out, err := exec.Command("cp", c.Path, program).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c.Path = program
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	c.Env = append(c.Env, "TMPDIR="+tmp)
	r := finish(t, c)
	if r.code != 0 || r.stdout != "many\ntrue\n" {
		t.Errorf("%s", r)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
