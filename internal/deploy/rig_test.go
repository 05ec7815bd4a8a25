package deploy

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// rig is a remote with a protected branch, a signer, and a machine's root.
type rig struct {
	t      *testing.T
	dir    string
	work   string // a developer's clone
	config Config
}

const buildScript = `set -e
if [ -f broken ]; then echo "does not compile" >&2; exit 1; fi
mkdir -p bin
cp program bin/materia
chmod +x bin/materia
`

const program = `#!/bin/sh
here=$(dirname "$(dirname "$0")")
case $1 in
test) if [ -f "$here/failing" ]; then echo "1 failed" >&2; exit 1; fi ;;
environ) env ;;
supervisor) exec "$DEPLOY_TEST_PROGRAM" "$(readlink -f "$here")" ;;
esac
`

func newRig(t *testing.T) *rig {
	t.Helper()
	for _, program := range []string{"git", "ssh-keygen", "tar"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("SKIPPED, NOTHING WAS TESTED: %s is not installed", program)
		}
	}
	dir := t.TempDir()
	r := &rig{t: t, dir: dir, work: filepath.Join(dir, "work")}
	r.sh(dir, "git init --quiet --bare -b main remote.git")
	r.sh(dir, "git clone --quiet remote.git work 2>/dev/null && git -C work checkout --quiet -b main")
	for _, who := range []string{"signer", "stranger"} {
		r.sh(dir, "ssh-keygen -q -t ed25519 -N '' -C "+who+"@example.org -f "+who)
	}
	r.sh(dir, `printf 'signer@example.org namespaces="git,materia-release" %s\n' "$(cat signer.pub)" > allowed_signers`)
	r.write("build.sh", buildScript)
	r.write("program", program)
	r.write("internal/web/page", "first")
	r.config = Config{
		Root: filepath.Join(dir, "root"), Remote: filepath.Join(dir, "remote.git"), Branch: "main",
		AllowedSigners: filepath.Join(dir, "allowed_signers"),
		Build:          []string{"sh", "build.sh"},
		Checks:         []Check{{Name: "test", Args: []string{"bin/materia", "test"}}},
		Keep:           2,
		Now:            time.Now,
		Log:            slog.New(slog.DiscardHandler),
	}
	if err := r.config.Validate(); err != nil {
		t.Fatal(err)
	}
	return r
}

// sh runs a line of shell with a developer's identity.
func (r *rig) sh(dir, line string) string {
	r.t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=signer@example.org",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=signer@example.org")
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r *rig) write(name, text string) {
	r.t.Helper()
	path := filepath.Join(r.work, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		r.t.Fatal(err)
	}
}

// commit pushes the work tree to the protected branch, unsigned: in most tests
// the tag carries the signature.
func (r *rig) commit() string {
	r.t.Helper()
	r.sh(r.work, "git add -A && git commit --quiet --allow-empty -m change && git push --quiet origin main")
	return r.sh(r.work, "git rev-parse HEAD")
}

// tag makes and pushes a tag at HEAD, signed by key.
func (r *rig) tag(name, key string) {
	r.t.Helper()
	r.sh(r.work, fmt.Sprintf("git -c gpg.format=ssh -c user.signingkey=%s tag -f -s -m %s %s >/dev/null && git push --quiet --force origin refs/tags/%s",
		filepath.Join(r.dir, key), name, name, name))
}

func (r *rig) release(name string) {
	r.t.Helper()
	r.commit()
	r.tag(name, "signer")
}

func (r *rig) poll() Outcome {
	r.t.Helper()
	out, err := r.config.Poll(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// healthyWeb is a web that does what it is told.
func healthyWeb() Web {
	return Web{
		Restart: func(context.Context) error { return nil },
		Healthy: func(context.Context, string) error { return nil },
	}
}

// settle takes what was switched to through its gate.
func (r *rig) settle() Outcome {
	r.t.Helper()
	out, err := r.config.Settle(context.Background(), healthyWeb())
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func (r *rig) runs() string {
	r.t.Helper()
	current, err := r.config.current()
	if err != nil {
		r.t.Fatal(err)
	}
	return current.Tag
}
