package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const fetchTime = 2 * time.Minute

// Tag is one release tag as the remote has it.
type Tag struct {
	Name   string // v12
	Number int    // 12
	Object string // hash of the tag object, or of the commit for a lightweight tag
}

var tagForm = regexp.MustCompile(`^v([1-9][0-9]{0,8})$`)

// git runs git in the clone with none of the machine's or the user's settings,
// so that no hook, helper or include decides what happens.
func (c Config) git(ctx context.Context, args ...string) (string, error) {
	settings := []string{"-c", "protocol.ext.allow=never", "-c", "core.hooksPath=/dev/null", "-c", "gpg.format=ssh"}
	if c.AllowedSigners != "" {
		settings = append(settings, "-c", "gpg.ssh.allowedSignersFile="+c.AllowedSigners)
	}
	cmd := exec.CommandContext(ctx, "git", append(append(settings, "--git-dir="+c.path("repo")), args...)...)
	cmd.Env = append(baseEnviron(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=/bin/true")
	if v, ok := os.LookupEnv("GIT_SSH_COMMAND"); ok {
		cmd.Env = append(cmd.Env, "GIT_SSH_COMMAND="+v)
	}
	cmd.WaitDelay = 5 * time.Second
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, lastLine(messages.String()))
	}
	return out.String(), nil
}

// baseEnviron is all of this process's environment that a build may see: no
// secret is in it.
func baseEnviron() []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "GOPROXY", "GONOSUMDB", "GOSUMDB", "GOFLAGS", "GOCACHE", "GOMODCACHE", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return append(env, "LANG=C.UTF-8")
}

func lastLine(s string) string { return lastLines(s, 1) }

// lastLines is the end of what a command said: a compiler's own words stand
// above make's.
func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(strings.Join(lines[max(0, len(lines)-n):], "\n"))
}

// fetch brings tags and branch into a namespace of their own: git's own tags
// stick when the remote moves one, and a moved tag must be seen.
func (c Config) fetch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	if _, err := os.Stat(c.path("repo", "HEAD")); errors.Is(err, os.ErrNotExist) {
		// A crash here leaves a half-made clone without HEAD, or one that init
		// completes when it is run again.
		if _, err := c.git(ctx, "init", "--quiet", "--bare"); err != nil {
			return fmt.Errorf("deploy: %w", err)
		}
	}
	_, err := c.git(ctx, "fetch", "--quiet", "--no-tags", "--prune", "--no-write-fetch-head", c.Remote,
		"+refs/tags/v*:refs/deploy/tags/v*", "+refs/heads/"+c.Branch+":refs/deploy/heads/"+c.Branch)
	if err != nil {
		return fmt.Errorf("deploy: %w", err)
	}
	return nil
}

// tags are the release tags that were fetched, by number. Other names are no
// releases.
func (c Config) tags(ctx context.Context) ([]Tag, error) {
	out, err := c.git(ctx, "for-each-ref", "--format=%(objectname) %(refname:lstrip=3)", "refs/deploy/tags")
	if err != nil {
		return nil, fmt.Errorf("deploy: %w", err)
	}
	var found []Tag
	for line := range strings.Lines(out) {
		object, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if m := tagForm.FindStringSubmatch(name); m != nil {
			number, err := strconv.Atoi(m[1])
			if err != nil {
				return nil, fmt.Errorf("deploy: tag %s: %w", name, err)
			}
			found = append(found, Tag{name, number, object})
		}
	}
	slices.SortFunc(found, func(a, b Tag) int { return a.Number - b.Number })
	return found, nil
}

// verify returns the commit of a tag that may be deployed, or why it may not:
// a tag object that carries another name was replayed, a commit off the
// protected branch was never reviewed.
func (c Config) verify(ctx context.Context, t Tag) (commit string, err error) {
	kind, err := c.git(ctx, "cat-file", "-t", t.Object)
	if err != nil {
		return "", err
	}
	annotated := strings.TrimSpace(kind) == "tag"
	if annotated {
		if commit, err = c.taggedCommit(ctx, t); err != nil {
			return "", err
		}
	} else if strings.TrimSpace(kind) != "commit" {
		return "", fmt.Errorf("points to a %s, not to a commit", strings.TrimSpace(kind))
	} else {
		commit = t.Object
	}
	if _, err := c.git(ctx, "merge-base", "--is-ancestor", commit, "refs/deploy/heads/"+c.Branch); err != nil {
		return "", fmt.Errorf("commit %s is not on branch %s", short(commit), c.Branch)
	}
	if c.AllowedSigners == "" {
		return commit, nil
	}
	if annotated {
		if _, err := c.git(ctx, "verify-tag", t.Object); err == nil {
			return commit, nil
		}
	}
	if _, err := c.git(ctx, "verify-commit", commit); err != nil {
		return "", errors.New("neither the tag nor its commit is signed by an allowed signer")
	}
	return commit, nil
}

// taggedCommit reads an annotated tag's object. Its own name is part of what
// was signed, the name of the ref is not.
func (c Config) taggedCommit(ctx context.Context, t Tag) (string, error) {
	text, err := c.git(ctx, "cat-file", "tag", t.Object)
	if err != nil {
		return "", err
	}
	header, _, _ := strings.Cut(text, "\n\n")
	fields := map[string]string{}
	for line := range strings.Lines(header) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if _, twice := fields[name]; twice {
			return "", fmt.Errorf("its object names %s twice", name)
		}
		fields[name] = value
	}
	if fields["tag"] != t.Name {
		return "", fmt.Errorf("its object was made as %q: replayed under another name", fields["tag"])
	}
	if fields["type"] != "commit" {
		return "", fmt.Errorf("its object tags a %s, not a commit", fields["type"])
	}
	return fields["object"], nil
}

func short(commit string) string { return commit[:min(12, len(commit))] }

// export writes the commit's tree into dir.
func (c Config) export(ctx context.Context, commit, dir string) error {
	archive := filepath.Join(dir, ".tree.tar")
	if _, err := c.git(ctx, "archive", "--format=tar", "--output="+archive, commit); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "tar", "-x", "-f", archive, "-C", dir, "--no-same-owner").CombinedOutput()
	if err != nil {
		return fmt.Errorf("unpack: %w: %s", err, lastLine(string(out)))
	}
	return os.Remove(archive)
}

// webHash is a hash over everything the web process runs from; equal hashes
// need no restart of it.
func (c Config) webHash(ctx context.Context, commit string) (string, error) {
	out, err := c.git(ctx, append([]string{"ls-tree", commit}, webPaths()...)...)
	if err != nil {
		return "", err
	}
	return digest([]byte(out)), nil
}

func webPaths() []string {
	return []string{"go.mod", "go.sum", "cmd/materia", "internal/web", "internal/serving", "internal/duck"}
}
