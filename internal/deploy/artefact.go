package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	maxArtefact   = 512 << 20
	artefactTime  = 10 * time.Minute
	signNamespace = "materia-release"
)

// unpackArtefact brings <tag>.tar.gz and its signature, checks that an allowed
// signer made it for this very tag and commit, and unpacks it. The archive's
// own .release.json is under the signature, so an older artefact served under a
// newer name is refused.
func (c Config) unpackArtefact(ctx context.Context, r Release, dir string) error {
	archive := filepath.Join(dir, ".artefact.tar.gz")
	for _, ending := range []string{"", ".sig"} {
		if err := c.fetchArtefact(ctx, r.Tag+".tar.gz"+ending, archive+ending); err != nil {
			return fmt.Errorf("artefact: %w", err)
		}
	}
	if err := c.verifyArtefact(ctx, archive); err != nil {
		return err
	}
	// tar refuses absolute names and .. by itself; the archive is signed besides.
	out, err := exec.CommandContext(ctx, "tar", "-x", "-z", "-f", archive, "-C", dir, "--no-same-owner").CombinedOutput()
	if err != nil {
		return fmt.Errorf("artefact: unpack: %w: %s", err, lastLine(string(out)))
	}
	var made Release
	if err := readJSON(filepath.Join(dir, releaseFile), &made); err != nil {
		return fmt.Errorf("artefact: %w", err)
	}
	if made.Tag != r.Tag || made.Commit != r.Commit {
		return fmt.Errorf("artefact: made for %s at %s, served as %s at %s", made.Tag, short(made.Commit), r.Tag, short(r.Commit))
	}
	return errors.Join(os.Remove(archive), os.Remove(archive+".sig"))
}

func (c Config) fetchArtefact(ctx context.Context, name, to string) error {
	from, err := c.openArtefact(ctx, name)
	if err != nil {
		return err
	}
	defer from.Close()
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(from, maxArtefact+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if n > maxArtefact {
		return fmt.Errorf("%s: larger than %d bytes", name, maxArtefact)
	}
	return nil
}

func (c Config) openArtefact(ctx context.Context, name string) (io.ReadCloser, error) {
	if !strings.HasPrefix(c.Artefacts, "https://") {
		return os.Open(filepath.Join(c.Artefacts, name))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.Artefacts, "/")+"/"+name, nil)
	if err != nil {
		return nil, err
	}
	resp, err := (&http.Client{Timeout: artefactTime}).Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("%s: %s", name, resp.Status), resp.Body.Close())
	}
	return resp.Body, nil
}

// verifyArtefact lets ssh-keygen look for the signer and then check for it.
func (c Config) verifyArtefact(ctx context.Context, archive string) error {
	found, err := exec.CommandContext(ctx, "ssh-keygen", "-Y", "find-principals", "-f", c.AllowedSigners, "-s", archive+".sig").Output()
	if err != nil {
		return errors.New("artefact: not signed by an allowed signer")
	}
	signer, _, _ := strings.Cut(string(found), "\n")
	in, err := os.Open(archive)
	if err != nil {
		return fmt.Errorf("artefact: %w", err)
	}
	defer in.Close()
	check := exec.CommandContext(ctx, "ssh-keygen", "-Y", "verify", "-f", c.AllowedSigners, "-I", strings.TrimSpace(signer), "-n", signNamespace, "-s", archive+".sig")
	check.Stdin = in
	if out, err := check.CombinedOutput(); err != nil {
		return fmt.Errorf("artefact: signature: %s", lastLine(string(out)))
	}
	return nil
}
