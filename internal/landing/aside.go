package landing

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// asideDir holds files that a decision took from the readers, under the same
// paths. Models read by globs of the visible folders, so a file is retracted for
// every reader at once by where it lies; its manifest line stays.
const asideDir = ".aside"

// File is where a landed file lies, as an absolute path, and whether it is set
// aside. The error wraps fs.ErrNotExist where it lies in neither place.
func (z *Zone) File(rel string) (at string, aside bool, err error) {
	at = z.path(rel)
	_, err = os.Lstat(at)
	if !errors.Is(err, fs.ErrNotExist) {
		return at, false, err
	}
	hidden := z.path(asideDir + "/" + rel)
	if _, herr := os.Lstat(hidden); herr == nil {
		return hidden, true, nil
	}
	return at, false, err
}

// located is File for those who look at the error later.
func (z *Zone) located(rel string) string {
	at, _, _ := z.File(rel)
	return at
}

// Aside returns the paths of the source's files that decisions have set aside,
// sorted; a source of "" stands for all.
func (z *Zone) Aside(source string) ([]string, error) {
	sources := []string{source}
	if source == "" {
		var err error
		if sources, err = z.DecidedSources(); err != nil {
			return nil, err
		}
	}
	var list []string
	for _, s := range sources {
		decisions, err := z.Decisions(s)
		if err != nil {
			return nil, err
		}
		if len(decisions) == 0 {
			continue
		}
		// What landed under a pin is in no decision, so the manifests are asked.
		for e, err := range z.entries(func(run string) bool { _, of, _ := splitRun(run); return of == s }) {
			if err != nil {
				return nil, err
			}
			if _, aside, err := z.File(e.Path); err == nil && aside {
				list = append(list, e.Path)
			}
		}
	}
	slices.Sort(list)
	return list, nil
}

// carryOut brings every file that a decision of this source names to its place.
// It may die at any step and be called again.
func (z *Zone) carryOut(source string) error {
	decisions, err := z.Decisions(source)
	if err != nil || len(decisions) == 0 {
		return err
	}
	v := viewOf(decisions)
	for _, rel := range slices.Sorted(maps.Keys(v.hidden)) {
		from, to := rel, asideDir+"/"+rel
		if !v.hidden[rel] {
			from, to = to, from
		}
		if err := z.move(from, to); err != nil {
			return err
		}
	}
	return nil
}

// move gives a file its other name and takes the first away.
//
// A crash between leaves one file under both names, whole under each: readers see
// it as before, or again, and the next carryOut takes the first name away.
func (z *Zone) move(from, to string) error {
	if _, err := os.Lstat(z.path(from)); errors.Is(err, fs.ErrNotExist) {
		return nil // there already, or lost: its manifest line says what is missing
	}
	if err := z.disk.folder("aside", path.Dir(to)); err != nil {
		return err
	}
	err := z.disk.link("aside link", z.path(from), z.path(to))
	if errors.Is(err, fs.ErrExist) {
		err = z.sameContent(from, to)
	}
	if err != nil {
		return err
	}
	if err := z.disk.syncDir("aside sync dir", filepath.Dir(z.path(to))); err != nil {
		return err
	}
	if err := z.disk.remove("aside remove", z.path(from)); err != nil {
		return err
	}
	return z.disk.syncDir("aside sync removal", filepath.Dir(z.path(from)))
}

// sameContent is nil where both files hold the same: then either may go. A file
// that came back from upstream under a name that is set aside is another inode.
func (z *Zone) sameContent(a, b string) error {
	first, _, err := hashFile(z.path(a), compressed(a))
	if err != nil {
		return err
	}
	second, _, err := hashFile(z.path(b), compressed(b))
	if err != nil {
		return err
	}
	if first != second {
		return fmt.Errorf("%s and %s hold different content; look at both and move one away", a, b)
	}
	return nil
}

// final is where a file of this batch lies: aside where a decision says so, or
// where it landed while its source was pinned.
func (b *Batch) final(e Entry) string {
	hidden, decided := b.view.hidden[e.Path]
	if !decided {
		hidden = b.view.pinned != "" && !e.LandedAt.Before(b.view.pinnedAt)
	}
	if hidden {
		return asideDir + "/" + e.Path
	}
	return e.Path
}
