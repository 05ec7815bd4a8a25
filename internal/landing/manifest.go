package landing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Entries yields every manifest line in order of run name. A line that cannot
// be read is yielded as an error that names file and line; the lines after it
// follow.
func (z *Zone) Entries() iter.Seq2[Entry, error] { return z.entries(nil) }

// Origin is live, sample or replay: where the zone's data comes from; "" while
// it holds none. A zone never holds two, so one small file answers; where it is
// missing, the first manifest line does.
func (z *Zone) Origin() (string, error) {
	text, err := os.ReadFile(z.path(originFile))
	if origin := strings.TrimSpace(string(text)); err == nil && knownOrigin(origin) {
		return origin, nil
	} else if err == nil {
		return "", fmt.Errorf("landing: %s says %q, want live, sample or replay; remove it and the manifests will tell", originFile, origin)
	}
	for e, err := range z.Entries() {
		return e.Origin, err
	}
	return "", nil
}

// noteOrigin writes the file that spares a look at the manifests. A crash here
// leaves it missing, and the manifests answer.
func (z *Zone) noteOrigin(source, run, origin string) error {
	final := z.path(originFile)
	if _, err := os.Lstat(final); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := z.writeOnce("origin", source, run, final, strings.NewReader(origin+"\n"))
	if errors.Is(err, fs.ErrExist) {
		return nil // another source was first
	}
	return err
}

// entries yields the lines of the runs that keep accepts; nil accepts all.
func (z *Zone) entries(keep func(run string) bool) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		files, err := z.manifests()
		if err != nil {
			yield(Entry{}, fmt.Errorf("landing: list manifests: %w", err))
			return
		}
		for _, rel := range files {
			if keep != nil && !keep(strings.TrimSuffix(filepath.Base(rel), manifestExt)) {
				continue
			}
			for e, err := range z.readManifest(rel) {
				if !yield(e, err) {
					return
				}
			}
		}
	}
}

// manifests lists the manifest files relative to the root, by run name.
func (z *Zone) manifests() ([]string, error) {
	years, err := os.ReadDir(z.path(manifestDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var files []string
	for _, year := range years {
		if !year.IsDir() || strings.HasPrefix(year.Name(), ".") {
			continue
		}
		inside, err := os.ReadDir(z.path(manifestDir + "/" + year.Name()))
		if err != nil {
			return nil, err
		}
		for _, f := range inside {
			if strings.HasSuffix(f.Name(), manifestExt) && !strings.HasPrefix(f.Name(), ".") {
				files = append(files, manifestDir+"/"+year.Name()+"/"+f.Name())
			}
		}
	}
	slices.SortFunc(files, func(a, b string) int { return strings.Compare(filepath.Base(a), filepath.Base(b)) })
	return files, nil
}

// readManifest yields one file's lines.
func (z *Zone) readManifest(rel string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		text, err := os.ReadFile(z.path(rel))
		if err != nil {
			yield(Entry{}, fmt.Errorf("landing: manifest %s: %w (materia landing verify lists every damage)", rel, err))
			return
		}
		for e, err := range parseManifest(rel, string(text)) {
			if !yield(e, err) {
				return
			}
		}
	}
}

// parseManifest yields the lines of text. rel's name is the run that each line
// must carry. A last line without newline is half a line, even if it parses.
func parseManifest(rel, text string) iter.Seq2[Entry, error] {
	run := strings.TrimSuffix(filepath.Base(rel), manifestExt)
	return func(yield func(Entry, error) bool) {
		bad := func(line int, err error) error {
			return fmt.Errorf("landing: manifest %s line %d: %w (materia landing verify lists every damage)", rel, line, err)
		}
		lines, tail := splitLines(text)
		for i, line := range lines {
			e, err := parseLine([]byte(line))
			if err == nil && e.Run != run {
				err = fmt.Errorf("run %q does not fit the file's name", e.Run)
			}
			if err != nil {
				e, err = Entry{}, bad(i+1, err)
			}
			if !yield(e, err) {
				return
			}
		}
		if tail != "" {
			yield(Entry{}, bad(len(lines)+1, errors.New("half a line: the newline is missing")))
		} else if len(lines) == 0 {
			yield(Entry{}, bad(1, errors.New("the file is empty")))
		}
	}
}

// Verify reads every file that a manifest names to its end and calls each with
// its entry and what is wrong with it, or nil. Damage of the manifests
// themselves is reported with an empty Entry. The returned error is only about
// the verification not having been finished.
func (z *Zone) Verify(ctx context.Context, each func(Entry, error)) error {
	seen := map[string]string{}
	for e, err := range z.Entries() {
		if ctx.Err() != nil {
			return fmt.Errorf("landing: verify: %w", ctx.Err())
		}
		if err != nil {
			each(Entry{}, err)
			continue
		}
		if first, twice := seen[e.Path]; twice {
			each(e, fmt.Errorf("landing: verify %s: named by run %s and again by run %s", e.Path, first, e.Run))
			continue
		}
		seen[e.Path] = e.Run
		each(e, z.verify(e))
	}
	return nil
}

// Check reads the file of one entry to its end and says what is wrong with it.
func (z *Zone) Check(e Entry) error { return z.verify(e) }

// verify re-reads one file.
func (z *Zone) verify(e Entry) error {
	at, _, err := z.File(e.Path)
	if err != nil {
		return fmt.Errorf("landing: verify %s: %w", e.Path, err)
	}
	info, err := os.Lstat(at)
	if err != nil {
		return fmt.Errorf("landing: verify %s: %w", e.Path, err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("landing: verify %s: not a regular file", e.Path)
	}
	sha, n, err := hashFile(at, compressed(e.Path))
	switch {
	case err != nil:
		return fmt.Errorf("landing: verify %s: %w", e.Path, err)
	case sha != e.contentSHA():
		return fmt.Errorf("landing: verify %s: content hash %s, its manifest says %s", e.Path, sha, e.contentSHA())
	case n != e.Bytes:
		return fmt.Errorf("landing: verify %s: %d bytes, its manifest says %d", e.Path, n, e.Bytes)
	}
	return nil
}

// Unlisted returns the files in the zone that no manifest names, in order of
// name: another system's, or those of runs that are open. Hidden folders are the
// zone's own and do not count.
func (z *Zone) Unlisted() ([]string, error) {
	listed := map[string]bool{}
	for e, err := range z.Entries() {
		if err != nil {
			return nil, err
		}
		listed[e.Path] = true
	}
	var rest []string
	err := filepath.WalkDir(z.root, func(at string, f fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(at, z.root+string(filepath.Separator)))
		switch hidden := strings.HasPrefix(f.Name(), ".") && at != z.root; {
		case hidden && f.IsDir():
			return fs.SkipDir
		case !hidden && !f.IsDir() && !listed[rel]:
			rest = append(rest, rel)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("landing: list files: %w", err)
	}
	return rest, nil
}

// seal writes a run's manifest and removes its journal. Where the manifest is
// there already with these lines (an earlier seal died or failed after its
// link) it only finishes.
func (z *Zone) seal(run string, entries []Entry) error {
	if len(entries) == 0 {
		return z.dropJournal(run)
	}
	var text bytes.Buffer
	for _, e := range entries {
		line, err := encodeLine(e)
		if err != nil {
			return err
		}
		text.Write(line)
	}
	stamp, source, _ := splitRun(run)
	final := z.manifestPath(stamp, run)
	if err := z.disk.folder("manifest", manifestDir+"/"+stamp[:4]); err != nil {
		return err
	}
	have, err := os.ReadFile(final)
	switch {
	case err == nil && !bytes.Equal(have, text.Bytes()):
		return fmt.Errorf("%s exists with other lines", final)
	case err == nil:
		if err := z.disk.syncDir("manifest sync dir", filepath.Dir(final)); err != nil {
			return err
		}
	case errors.Is(err, fs.ErrNotExist):
		if err := z.writeOnce("manifest", source, run, final, &text); err != nil {
			return err
		}
	default:
		return err
	}
	if err := z.noteOrigin(source, run, entries[0].Origin); err != nil {
		return err
	}
	return z.dropJournal(run)
}

// dropJournal removes the journal of a run whose manifest is durable, or that
// landed nothing.
func (z *Zone) dropJournal(run string) error {
	journal := z.journalPath(run)
	if _, err := os.Lstat(journal); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := z.disk.remove("journal remove", journal); err != nil {
		return err
	}
	return z.disk.syncDir("journal sync removal", filepath.Dir(journal))
}
