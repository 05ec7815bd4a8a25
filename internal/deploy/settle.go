package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Web is the web process, as far as a deploy touches it.
type Web struct {
	// Restart makes the web run the current release. Its port stays open: the
	// socket belongs to systemd.
	Restart func(ctx context.Context) error
	// Healthy waits until the web answers healthy; from the release of the given
	// name, if that is not empty.
	Healthy func(ctx context.Context, release string) error
}

// Settle is for a supervisor that starts: it tells of a release that was taken
// back, and takes a release on trial through its health gate. An error means
// that this release must not run; the caller exits, and start-materia goes back.
func (c Config) Settle(ctx context.Context, web Web) (out Outcome, err error) {
	err = c.locked(func() error {
		if err := c.tellRollback(&out); err != nil {
			return err
		}
		release, running, err := c.trial()
		if err != nil {
			return err
		}
		if release != "" && !running {
			// A crash between writing the trial and switching, or a rollback
			// that a crash cut short: nothing is on trial.
			if err := c.clearTrial(); err != nil {
				return err
			}
		}
		if err := c.bringWeb(ctx, web); err != nil {
			if !running {
				out.Notices = append(out.Notices, Notice{"deploy-web", "the web is not healthy", err.Error()})
				return nil
			}
			return errors.Join(err, writeFile(c.path("trial.failed"), []byte("reason="+oneLine(err.Error())+"\n")))
		}
		if !running {
			return nil
		}
		c.Log.Info("deploy healthy", "release", release)
		return c.clearTrial()
	})
	return out, err
}

// bringWeb restarts the web if what it runs from changed, and waits until it is
// healthy.
func (c Config) bringWeb(ctx context.Context, web Web) error {
	current, err := c.current()
	if err != nil || current.Commit == "" {
		return err
	}
	expect := ""
	running, err := c.linked("web")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	before, err := c.release(running)
	if running == "" || err != nil || before.WebHash != current.WebHash {
		// The link first: a crash between the two restarts the web again.
		if err := os.Remove(c.path("web")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("deploy: %w", err)
		}
		if err := web.Restart(ctx); err != nil {
			return fmt.Errorf("deploy: restart the web: %w", err)
		}
		expect = current.Name()
	}
	if err := web.Healthy(ctx, expect); err != nil {
		return fmt.Errorf("deploy: health gate: %w", err)
	}
	if expect == "" {
		return nil
	}
	return c.point("web", current.Name())
}

// tellRollback reads what start-materia wrote when it went back, remembers the
// commit and tells of it. State is saved before the file goes: a crash between
// the two tells again under the same key.
func (c Config) tellRollback(out *Outcome) error {
	path := c.path("rolled-back")
	fields, err := readFields(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	reason := fields["reason"]
	bad, err := c.release(fields["release"])
	if err == nil {
		state, err := c.loadState()
		if err != nil {
			return err
		}
		state.fail(bad.Tag, bad.Commit, reason, c.Now())
		if err := c.saveState(state); err != nil {
			return err
		}
	}
	out.Notices = append(out.Notices, Notice{"deploy-failed-" + bad.Commit, "release " + fields["release"] + " was taken back", reason})
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("deploy: %w", err)
	}
	return syncDir(c.Root)
}

func oneLine(s string) string {
	out := []rune(s)
	for i, r := range out {
		if r < ' ' {
			out[i] = ' '
		}
	}
	return string(out)
}
