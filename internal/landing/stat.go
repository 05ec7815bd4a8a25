package landing

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// Stat is what one source holds.
type Stat struct {
	Source      string    `json:"source"`
	Files       int       `json:"files"`
	Revisions   int       `json:"revisions"` // files that are a later version of a name
	Aside       int       `json:"aside"`     // of the files: taken from the readers by a decision
	Missing     int       `json:"missing"`   // named by a manifest, and not there
	Pinned      string    `json:"pinned,omitempty"`
	Rows        int64     `json:"rows"`
	Bytes       int64     `json:"bytes"`      // uncompressed
	DiskBytes   int64     `json:"disk_bytes"` // as the files lie there
	YearBytes   int64     `json:"year_bytes"` // of DiskBytes: landed in the 365 days before the asking
	FirstLanded time.Time `json:"first_landed"`
	LastLanded  time.Time `json:"last_landed"`
}

// Stat counts the landed files by source, in order of name. It looks at every
// file: as many system calls as files.
func (z *Zone) Stat() ([]Stat, error) {
	by := map[string]*Stat{}
	since := z.now().AddDate(0, 0, -365)
	for e, err := range z.Entries() {
		if err != nil {
			return nil, err
		}
		s := by[e.Source]
		if s == nil {
			s = &Stat{Source: e.Source, FirstLanded: e.LandedAt}
			by[e.Source] = s
		}
		s.Files, s.Rows, s.Bytes = s.Files+1, s.Rows+e.Rows, s.Bytes+e.Bytes
		if _, stamp := PlainPath(e.Path); stamp != "" {
			s.Revisions++
		}
		if e.LandedAt.Before(s.FirstLanded) {
			s.FirstLanded = e.LandedAt
		}
		if e.LandedAt.After(s.LastLanded) {
			s.LastLanded = e.LandedAt
		}
		at, aside, _ := z.File(e.Path) // Lstat says it again
		if aside {
			s.Aside++
		}
		info, err := os.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) {
			s.Missing++
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("landing: stat: %w", err)
		}
		s.DiskBytes += info.Size()
		if e.LandedAt.After(since) {
			s.YearBytes += info.Size()
		}
	}
	list := make([]Stat, 0, len(by))
	for _, s := range by {
		var err error
		if s.Pinned, err = z.Pinned(s.Source); err != nil {
			return nil, err
		}
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b Stat) int { return strings.Compare(a.Source, b.Source) })
	return list, nil
}

// Pinned is the path that the source is pinned to; empty where it is not.
func (z *Zone) Pinned(source string) (string, error) {
	decisions, err := z.Decisions(source)
	return viewOf(decisions).pinned, err
}

// DecidedSources are the sources about which something was decided, sorted.
func (z *Zone) DecidedSources() ([]string, error) {
	dirs, err := os.ReadDir(z.path(decisionDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("landing: decisions: %w", err)
	}
	var list []string
	for _, d := range dirs {
		list = append(list, d.Name())
	}
	return list, nil
}
