package serving

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrDamaged says that a published file is not what was published.
var ErrDamaged = errors.New("the file is not as it was published")

// sumsKept is how many published files can be recognised: a reader may still be
// at one that was replaced meanwhile.
const sumsKept = 8

// sumsPath is where the hashes of the newest published files stand, the newest
// first, as sha256sum writes them.
func sumsPath(path string) string { return path + ".sha256" }

// addSum writes the hash of a file down before it is published under path. A
// crash between the two leaves a hash that no file has, which matters to nobody.
func addSum(path, sum string) error {
	old, err := os.ReadFile(sumsPath(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	lines := []string{sum + "  " + filepath.Base(path)}
	for line := range strings.Lines(string(old)) {
		if line = strings.TrimSpace(line); line != lines[0] && len(lines) < sumsKept {
			lines = append(lines, line)
		}
	}
	tmp := sumsPath(path) + ".new"
	if err := os.WriteFile(tmp, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	if _, err := syncFile(tmp); err != nil {
		return err
	}
	return os.Rename(tmp, sumsPath(path))
}

// known says whether a file of this hash was published under path. Where no
// hashes were ever written nothing can be said, and listed is false.
func known(path, sum string) (ok, listed bool, err error) {
	list, err := os.ReadFile(sumsPath(path))
	if errors.Is(err, fs.ErrNotExist) {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	return bytes.Contains(list, []byte(sum+"  ")), true, nil
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// copyTo copies the published file to a name nobody has, and hashes what it
// copies: a file that is not as it was published gives ErrDamaged. The identity
// is the published file's.
func copyTo(path, to string) (id identity, err error) {
	from, err := os.Open(path)
	if err != nil {
		return id, err
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return id, err
	}
	if id, err = identityOf(info); err != nil {
		return id, err
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return id, err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			os.Remove(to)
		}
	}()
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, h), from); err != nil {
		return id, err
	}
	ok, listed, err := known(path, hex.EncodeToString(h.Sum(nil)))
	if err == nil && listed && !ok {
		err = fmt.Errorf("%s: %w", path, ErrDamaged)
	}
	return id, err
}

// setAside gives a damaged file a second name, so that it can be looked at once
// its own name is another's. The name is free at no moment: readers find a file.
func setAside(path, stamp string) (moved string, err error) {
	base := path + ".corrupt-" + stamp
	moved = base
	for n := 2; ; n++ {
		err := os.Link(path, moved)
		if !errors.Is(err, fs.ErrExist) {
			return moved, err
		}
		moved = fmt.Sprintf("%s-%d", base, n)
	}
}
