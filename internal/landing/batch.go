package landing

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// Batch is what one run lands. Its methods may be called from several
// goroutines; each Draft belongs to one.
type Batch struct {
	zone   *Zone
	source string
	run    string

	mu      sync.Mutex
	journal *os.File // nil until the first Put
	broken  error    // the journal could not be written: nothing more may land
	drafts  map[*Draft]bool
	known   map[string][]Entry // earlier files of this source by plain path; nil until the first Put
	view    view               // what the operator decided about this source
	origin  string             // of the data that the zone holds; "" for none yet
	entries []Entry
	unsure  []Entry // journalled, but Put failed: whether they landed shows at Commit
	done    bool
}

// Begin starts a run's batch under the source's lock. Nothing is written before
// the first draft. run comes from NewRunID.
func (z *Zone) Begin(source, run string) (*Batch, error) {
	stamp, of, ok := splitRun(run)
	if !ok || of != source {
		return nil, fmt.Errorf("landing: begin %s: run id %q: want {YYYYMMDDTHHMMSSZ}-%s-{8 hex}", source, run, source)
	}
	if !z.holds(source) {
		return nil, fmt.Errorf("landing: begin %s: the source's lock is not held", source)
	}
	for _, taken := range []string{z.journalPath(run), z.manifestPath(stamp, run)} {
		if _, err := os.Lstat(taken); err == nil {
			return nil, fmt.Errorf("landing: begin %s: run %s has been used", source, run)
		}
	}
	return &Batch{zone: z, source: source, run: run, drafts: map[*Draft]bool{}}, nil
}

// announce writes the journal line and syncs it: from then on a crash cannot
// leave a landed file that nothing names. A journal that fails once is not
// written again, because a line after half a line would be lost with it.
func (b *Batch) announce(e Entry) error {
	line, err := encodeLine(e)
	if err != nil {
		return err
	}
	if b.journal == nil {
		if err := b.openJournal(); err != nil {
			b.broken = err
			return err
		}
	}
	if _, err := b.zone.disk.write("journal write", b.journal, line); err != nil {
		b.broken = err
		return err
	}
	if err := b.zone.disk.sync("journal sync", b.journal); err != nil {
		b.broken = err
		return err
	}
	return nil
}

func (b *Batch) openJournal() error {
	if err := b.zone.disk.folder("journal", openDir); err != nil {
		return err
	}
	f, err := b.zone.disk.create("journal create", b.zone.journalPath(b.run), 0o644)
	if err != nil {
		return err
	}
	b.journal = f
	return b.zone.disk.syncDir("journal sync dir", b.zone.path(openDir))
}

// Commit turns the journal into the run's manifest and returns its entries in
// order of landing. With nothing landed there is no manifest. After an error the
// journal stays, and Commit, Close or a later Recover finish it. A second Commit
// returns the same entries.
func (b *Batch) Commit() ([]Entry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done {
		return slices.Clone(b.entries), nil
	}
	for len(b.unsure) > 0 {
		e := b.unsure[0]
		ok, err := b.zone.confirm(e)
		if err != nil {
			return nil, fmt.Errorf("landing: commit %s: %w", b.run, err)
		}
		if ok && !names(b.entries, e.Path) { // it may have been put again, and landed
			b.entries = append(b.entries, e)
		}
		b.unsure = b.unsure[1:]
	}
	if b.journal != nil {
		b.journal.Close() // synced line by line; a second Close is harmless
	}
	if err := b.zone.seal(b.run, b.entries); err != nil {
		return nil, fmt.Errorf("landing: commit %s: %w", b.run, err)
	}
	b.done = true
	return slices.Clone(b.entries), nil
}

// Close discards what was drafted and, if nobody did, commits what was put: a
// run that failed keeps what it landed before. It is safe to defer.
func (b *Batch) Close() error {
	_, err := b.Commit()
	b.mu.Lock()
	defer b.mu.Unlock()
	for d := range b.drafts {
		d.Discard()
	}
	clear(b.drafts)
	return err
}

func (z *Zone) journalPath(run string) string {
	return z.path(openDir + "/" + run + journalExt)
}

func (z *Zone) manifestPath(stamp, run string) string {
	return z.path(manifestDir + "/" + stamp[:4] + "/" + run + manifestExt)
}

func names(entries []Entry, path string) bool {
	return slices.ContainsFunc(entries, func(e Entry) bool { return e.Path == path })
}

// splitLines cuts text at newlines; tail is what follows the last one.
func splitLines(text string) (lines []string, tail string) {
	i := strings.LastIndexByte(text, '\n')
	if i < 0 {
		return nil, text
	}
	return strings.Split(text[:i], "\n"), text[i+1:]
}
