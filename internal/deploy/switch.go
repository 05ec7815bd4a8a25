package deploy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// linked is the name of the release that a link at the root points to.
func (c Config) linked(link string) (string, error) {
	to, err := os.Readlink(c.path(link))
	if err != nil {
		return "", fmt.Errorf("deploy: %w", err)
	}
	return filepath.Base(to), nil
}

// point makes a link at the root point to a release, in one rename: whoever
// follows it finds the old release or the new one. A crash before the rename
// leaves a link under another name, which the next point replaces.
func (c Config) point(link, release string) error {
	temporary := c.path(link + ".tmp")
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("deploy: %w", err)
	}
	if err := os.Symlink(filepath.Join("releases", release), temporary); err != nil {
		return fmt.Errorf("deploy: %w", err)
	}
	if err := os.Rename(temporary, c.path(link)); err != nil {
		return fmt.Errorf("deploy: point %s to %s: %w", link, release, err)
	}
	return syncDir(c.Root)
}

// switchTo makes release the current one, on trial if there is another to go
// back to. Each step leaves a state that start-materia and Settle understand:
//
//	after previous:  nothing changed for anybody
//	after trial:     the trial names a release that is not current; it is dropped
//	after current:   the trial runs
func (c Config) switchTo(release string) error {
	before, err := c.linked("current")
	if errors.Is(err, fs.ErrNotExist) {
		return c.point("current", release)
	} else if err != nil {
		return err
	}
	if before == release {
		return nil
	}
	if err := c.point("previous", before); err != nil {
		return err
	}
	if err := c.clearTrial(); err != nil {
		return err
	}
	if err := writeFile(c.path("trial"), fmt.Appendf(nil, "release=%s\nprevious=%s\n", release, before)); err != nil {
		return err
	}
	return c.point("current", release)
}

// trial is the release on trial, if the current one is.
func (c Config) trial() (release string, running bool, err error) {
	fields, err := readFields(c.path("trial"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	} else if err != nil {
		return "", false, err
	}
	current, err := c.linked("current")
	if err != nil {
		return "", false, err
	}
	return fields["release"], fields["release"] == current, nil
}

// clearTrial removes the trial's files, the one that makes it a trial first.
func (c Config) clearTrial() error {
	for _, name := range []string{"trial", "trial.starts", "trial.failed"} {
		if err := os.Remove(c.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("deploy: %w", err)
		}
	}
	return syncDir(c.Root)
}

// readFields reads lines of name=value, as start-materia writes and reads them.
func readFields(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("deploy: %w", err)
	}
	fields := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		fields[name] = value
	}
	return fields, nil
}
