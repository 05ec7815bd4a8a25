package deploy

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// Config says where releases come from and what they have to pass.
type Config struct {
	Root   string // absolute
	Remote string // what git fetches from
	Branch string // protected branch that every released commit is on

	// AllowedSigners is a file of ssh-keygen's form outside the repository. With
	// it, the tag or its commit must be signed by one of its keys.
	AllowedSigners string
	// Artefacts, if set, is a folder or an https address with releases that CI
	// built and signed: <tag>.tar.gz and <tag>.tar.gz.sig. Nothing is built then.
	Artefacts string

	Build     []string // run in the release's tree; $VERSION is the tag
	Checks    []Check  // run in order after the build
	BuildTime time.Duration
	Keep      int // releases kept besides the current and the previous one

	Now func() time.Time
	Log *slog.Logger
}

// Check is a command that a release has to pass, run in its tree.
type Check struct {
	Name string
	Args []string // Args[0] relative to the release, as bin/materia
	Env  []string // beside PATH, HOME and VERSION
	Time time.Duration
}

var branchForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]*$`)

// Validate names the first thing that will not do.
func (c Config) Validate() error {
	switch {
	case !filepath.IsAbs(c.Root):
		return fmt.Errorf("deploy: root %q is not an absolute path", c.Root)
	case c.Remote == "":
		return errors.New("deploy: no remote to take releases from: set DEPLOY_REMOTE")
	case c.Remote[0] == '-':
		return fmt.Errorf("deploy: remote %q", c.Remote)
	case !branchForm.MatchString(c.Branch):
		return fmt.Errorf("deploy: branch %q", c.Branch)
	case c.Artefacts != "" && c.AllowedSigners == "":
		return errors.New("deploy: artefacts are used only with a file of allowed signers")
	case len(c.Build) == 0 && c.Artefacts == "":
		return errors.New("deploy: neither a build command nor artefacts")
	}
	if c.AllowedSigners != "" {
		if !filepath.IsAbs(c.AllowedSigners) {
			return fmt.Errorf("deploy: allowed signers %q is not an absolute path", c.AllowedSigners)
		}
		if _, err := os.Stat(c.AllowedSigners); err != nil {
			return fmt.Errorf("deploy: allowed signers: %w", err)
		}
	}
	return nil
}

func (c Config) path(parts ...string) string {
	return filepath.Join(append([]string{c.Root}, parts...)...)
}
