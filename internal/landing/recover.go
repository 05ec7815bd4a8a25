package landing

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Recovery is what Recover found and did.
type Recovery struct {
	Runs        []string // runs that had been left open, oldest first
	Adopted     []Entry  // files of those runs that are whole and now in a manifest; the index may not know them
	Dropped     []string // paths announced by those runs that never landed
	Quarantined []string // what was moved into .quarantine, by its name there
	Swept       int      // temporaries removed
}

// Recover brings the source's part of the zone in order after a crash. It must
// run under the source's lock, where no other process of this source lives, so
// every open journal and every temporary is a dead process's. Journals are
// finished: files that exist and hash right become that run's manifest, others
// are dropped. It may itself be killed at any moment and run again.
func (z *Zone) Recover(source string) (Recovery, error) {
	var r Recovery
	if !z.holds(source) {
		return r, fmt.Errorf("landing: recover %s: the source's lock is not held", source)
	}
	if err := z.sweep(source, &r); err != nil {
		return r, fmt.Errorf("landing: recover %s: %w", source, err)
	}
	open, err := os.ReadDir(z.path(openDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("landing: recover %s: %w", source, err)
	}
	for _, f := range open {
		run := strings.TrimSuffix(f.Name(), journalExt)
		if _, of, ok := splitRun(run); !ok || of != source {
			continue
		}
		if err := z.recoverRun(source, run, &r); err != nil {
			return r, fmt.Errorf("landing: recover run %s: %w", run, err)
		}
		r.Runs = append(r.Runs, run)
	}
	if err := z.carryOut(source); err != nil {
		return r, fmt.Errorf("landing: recover %s: %w", source, err)
	}
	return r, nil
}

// sweep removes the source's temporaries.
func (z *Zone) sweep(source string, r *Recovery) error {
	dir := z.path(draftDir + "/" + source)
	left, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range left {
		if err := z.disk.remove("sweep", filepath.Join(dir, f.Name())); err != nil {
			return err
		}
		r.Swept++
	}
	return nil
}

// recoverRun finishes one journal.
func (z *Zone) recoverRun(source, run string, r *Recovery) error {
	stamp, _, _ := splitRun(run)
	manifest := z.manifestPath(stamp, run)
	if _, err := os.Lstat(manifest); err == nil {
		return z.finishSealed(manifest, run, r)
	}
	announced, damaged, err := z.readJournal(run)
	if err != nil {
		return err
	}
	var keep []Entry
	for _, e := range announced {
		if names(keep, e.Path) {
			continue // put twice, because the first time failed
		}
		ok, err := z.confirm(e)
		if err != nil {
			return err
		}
		if !ok {
			r.Dropped = append(r.Dropped, e.Path)
			if err := z.setAside(source, run, e, r); err != nil {
				return err
			}
			continue
		}
		keep = append(keep, e)
	}
	if damaged {
		// A line is damaged that a later line proves to have been whole: the disk
		// changed it. The journal stays for a person; the good lines go on.
		text, err := os.Open(z.journalPath(run))
		if err != nil {
			return err
		}
		defer text.Close()
		name := run + journalExt
		if err := z.Quarantine(source, run, name, text, "a line of this journal is damaged; files it named may lie in the zone without a manifest line"); err != nil {
			return err
		}
		r.Quarantined = append(r.Quarantined, name)
	}
	if err := z.seal(run, keep); err != nil {
		return err
	}
	r.Adopted = append(r.Adopted, keep...)
	return nil
}

// finishSealed ends a run that died after its manifest got its name: the
// manifest was decided on then and stands. Its name may not be synced yet, so
// that comes before the journal goes.
func (z *Zone) finishSealed(manifest, run string, r *Recovery) error {
	rel, err := filepath.Rel(z.root, manifest)
	if err != nil {
		return err
	}
	for e, err := range z.readManifest(filepath.ToSlash(rel)) {
		if err != nil {
			return err
		}
		r.Adopted = append(r.Adopted, e)
	}
	if err := z.disk.syncDir("manifest sync dir", filepath.Dir(manifest)); err != nil {
		return err
	}
	return z.dropJournal(run)
}

// readJournal returns the whole lines of a dead run's journal. A torn last line
// is what a crash leaves and is ignored; damaged tells of a bad line elsewhere.
func (z *Zone) readJournal(run string) (announced []Entry, damaged bool, err error) {
	text, err := os.ReadFile(z.journalPath(run))
	if err != nil {
		return nil, false, err
	}
	lines, tail := splitLines(string(text))
	for i, line := range lines {
		e, err := parseLine([]byte(line))
		if err == nil && e.Run == run {
			announced = append(announced, e)
			continue
		}
		// A power cut can leave a last line of the right length and wrong bytes.
		if last := i == len(lines)-1 && tail == ""; !last {
			damaged = true
		}
	}
	return announced, damaged, nil
}

// confirm says whether an announced file lies in the zone with the announced
// content, and if so makes its name durable: whoever linked it may have died
// before that. (The folder's own name was synced before the link.)
func (z *Zone) confirm(e Entry) (bool, error) {
	final := z.located(e.Path)
	info, err := os.Lstat(final)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if z.verify(e) != nil {
		return false, nil
	}
	return true, z.disk.syncDir("confirm sync dir", filepath.Dir(final))
}
