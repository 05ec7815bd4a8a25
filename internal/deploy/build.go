package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const maxSaid = 64 << 10 // of a step's output, the end is kept

// prepare makes releases/<n>-<commit> whole: tree, program, checks passed. It
// works in a folder of another name, which a crash leaves behind and the next
// poll removes, so a folder under its final name is always whole.
func (c Config) prepare(ctx context.Context, t Tag, commit string) (Release, error) {
	r := Release{Tag: t.Name, Number: t.Number, Commit: commit}
	final := c.path("releases", r.Name())
	if had, err := c.release(r.Name()); err == nil {
		return had, nil // built before a crash, or run before a rollback
	}
	work := final + ".building"
	if err := errors.Join(os.RemoveAll(work), os.MkdirAll(work, 0o755)); err != nil {
		return r, err
	}
	defer os.RemoveAll(work) // nothing, once renamed
	var err error
	if r.WebHash, err = c.webHash(ctx, commit); err != nil {
		return r, err
	}
	if c.Artefacts != "" {
		err = c.unpackArtefact(ctx, r, work)
	} else if err = c.export(ctx, commit, work); err == nil {
		err = c.step(ctx, work, r, Check{Name: "build", Args: c.Build, Time: c.BuildTime})
	}
	if err != nil {
		return r, err
	}
	for _, check := range c.Checks {
		if err := c.step(ctx, work, r, check); err != nil {
			return r, err
		}
	}
	r.BuiltAt = c.Now().UTC()
	if err := writeJSON(filepath.Join(work, releaseFile), r); err != nil {
		return r, err
	}
	if err := os.RemoveAll(final); err != nil { // without its .release.json, so never whole
		return r, err
	}
	if err := os.Rename(work, final); err != nil {
		return r, err
	}
	return r, syncDir(c.path("releases"))
}

// step runs one command in the release's tree, in a process group of its own
// that is killed whole when its time is over.
func (c Config) step(ctx context.Context, dir string, r Release, check Check) error {
	limit := check.Time
	if limit == 0 {
		limit = 5 * time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	program := check.Args[0]
	if strings.Contains(program, "/") && !filepath.IsAbs(program) {
		program = filepath.Join(dir, program)
	}
	cmd := exec.CommandContext(ctx, program, check.Args[1:]...)
	cmd.Dir = dir
	cmd.Env = append(append(baseEnviron(), "VERSION="+r.Tag), check.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	said := &tail{}
	cmd.Stdout, cmd.Stderr = said, said
	c.Log.Info("deploy step", "release", r.Name(), "step", check.Name)
	err := cmd.Run()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%s: not done after %s", check.Name, limit)
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%s: %w: %s", check.Name, err, lastLines(said.String(), 8))
	}
	return nil
}

// tail keeps the end of what is written to it.
type tail struct{ kept []byte }

func (t *tail) Write(b []byte) (int, error) {
	t.kept = append(t.kept, b...)
	if over := len(t.kept) - maxSaid; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(b), nil
}

func (t *tail) String() string { return string(bytes.ToValidUTF8(t.kept, []byte("?"))) }

// release reads a whole release's record.
func (c Config) release(name string) (Release, error) {
	var r Release
	err := readJSON(c.path("releases", name, releaseFile), &r)
	return r, err
}

// sweep removes what no one needs: half-made releases, and whole ones beyond
// the current, the one before, the one the web runs from and Keep others.
func (c Config) sweep() error {
	entries, err := os.ReadDir(c.path("releases"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("deploy: sweep: %w", err)
	}
	needed := map[string]bool{}
	for _, link := range []string{"current", "previous", "web"} {
		if name, err := c.linked(link); err == nil {
			needed[name] = true
		}
	}
	var whole []Release
	var failed error
	for _, e := range entries {
		r, err := c.release(e.Name())
		if err != nil || r.Name() != e.Name() {
			if !needed[e.Name()] {
				failed = errors.Join(failed, os.RemoveAll(c.path("releases", e.Name())))
			}
			continue
		}
		if !needed[e.Name()] {
			whole = append(whole, r)
		}
	}
	for len(whole) > c.Keep {
		oldest := 0
		for i, r := range whole {
			if r.BuiltAt.Before(whole[oldest].BuiltAt) {
				oldest = i
			}
		}
		failed = errors.Join(failed, os.RemoveAll(c.path("releases", whole[oldest].Name())))
		whole = append(whole[:oldest], whole[oldest+1:]...)
	}
	if failed != nil {
		return fmt.Errorf("deploy: sweep: %w", failed)
	}
	return nil
}
