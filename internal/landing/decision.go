package landing

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Action is what an operator decided about a source's files.
type Action string

// The actions. Retract, restore, pin, unpin and supersede say what readers see; accept and
// release say what a source may land although its contract refuses it.
const (
	Retract   Action = "retract"   // Path is set aside: no reader sees it any more
	Restore   Action = "restore"   // Path is back
	Pin       Action = "pin"       // what landed after Path is set aside, and so is what lands from now on
	Unpin     Action = "unpin"     // what the pin set aside is back
	Supersede Action = "supersede" // Paths are set aside: a mended parser derived them anew from their originals
	Accept    Action = "accept"    // a finding of Rule that says Detail is a warning from now on
	Release   Action = "release"   // content with this SHA256 may land, whatever its contract says
)

const decisionDir = ".decisions"

// Decision is an operator's act on one source: a file of its own, written once
// and never changed. A later decision overrules an earlier one.
type Decision struct {
	ID     string    `json:"id"` // {YYYYMMDDTHHMMSSZ}-{8 hex}; sorts in order of deciding
	At     time.Time `json:"at"` // UTC, whole seconds
	By     string    `json:"by"`
	Why    string    `json:"why"`
	Source string    `json:"source"`
	Action Action    `json:"action"`
	Path   string    `json:"path,omitempty"`   // of a landed file
	Paths  []string  `json:"paths,omitempty"`  // what a pin or supersede sets aside, an unpin brings back
	SHA256 string    `json:"sha256,omitempty"` // of refused content, as it came
	Rule   string    `json:"rule,omitempty"`
	Detail string    `json:"detail,omitempty"`
}

var decisionName = regexp.MustCompile(`^(\d{8}T\d{6}Z)-([0-9a-f]{8})$`)

func (d Decision) check() error {
	switch {
	case !sourceName.MatchString(d.Source):
		return fmt.Errorf("source %q: want a source's name, a-z 0-9 and _", d.Source)
	case strings.TrimSpace(d.By) == "":
		return errors.New("it must say who decided")
	case strings.TrimSpace(d.Why) == "":
		return errors.New("it must say why")
	}
	for _, p := range d.Paths {
		if err := checkPath(p); err != nil {
			return err
		}
	}
	switch d.Action {
	case Retract, Restore, Pin:
		return checkPath(d.Path)
	case Unpin, Supersede:
		return nil
	case Accept:
		if d.Rule == "" || d.Detail == "" {
			return errors.New("accept needs the rule and what it found")
		}
		return nil
	case Release:
		if !isHex64(d.SHA256) {
			return fmt.Errorf("release of sha256 %q: want 64 hex digits", d.SHA256)
		}
		return nil
	}
	return fmt.Errorf("action %q is unknown", d.Action)
}

// Decide records the decision and carries it out, under the source's lock. ID,
// At and, for pin and unpin, Paths are filled in. The record is durable before a file
// moves: a crash between leaves files in their old place, and Recover moves them.
func (z *Zone) Decide(d Decision) (Decision, error) {
	d, err := z.decide(d)
	if err != nil {
		return d, fmt.Errorf("landing: %s %s: %w", cmp.Or(d.Action, "decide"), cmp.Or(d.Path, d.Source), err)
	}
	return d, nil
}

func (z *Zone) decide(d Decision) (Decision, error) {
	if !z.holds(d.Source) {
		return d, errors.New("the source's lock is not held")
	}
	d.At = z.now().UTC().Truncate(time.Second)
	var b [4]byte
	rand.Read(b[:]) // never fails: it ends the process instead
	before, err := z.Decisions(d.Source)
	if err != nil {
		return d, err
	}
	// A clock that stands or jumps back must not put a decision before an earlier one.
	for _, p := range before {
		if next := p.At.Add(time.Second); d.At.Before(next) {
			d.At = next
		}
	}
	d.ID = d.At.Format(stampLayout) + "-" + hex.EncodeToString(b[:])
	if err := d.check(); err != nil {
		return d, err
	}
	if err := z.aim(&d, before); err != nil {
		return d, err
	}
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return d, err
	}
	if err := z.disk.folder("decision", decisionDir+"/"+d.Source); err != nil {
		return d, err
	}
	final := z.path(decisionDir + "/" + d.Source + "/" + d.ID + ".json")
	run := d.At.Format(stampLayout) + "-" + d.Source + "-" + hex.EncodeToString(b[:])
	if err := z.writeOnce("decision", d.Source, run, final, bytes.NewReader(append(text, '\n'))); err != nil {
		return d, err
	}
	return d, z.carryOut(d.Source)
}

// aim fills in which files the decision is about, and refuses one about a file
// that never landed.
func (z *Zone) aim(d *Decision, before []Decision) error {
	if d.Action == Accept || d.Action == Release {
		return nil
	}
	landed := map[string]Entry{}
	for e, err := range z.entries(func(run string) bool { _, s, _ := splitRun(run); return s == d.Source }) {
		if err != nil {
			return err
		}
		landed[e.Path] = e
	}
	if _, ok := landed[d.Path]; !ok && d.Path != "" {
		return fmt.Errorf("no manifest of %s names it (materia landing list --source %s shows what landed)", d.Source, d.Source)
	}
	now := viewOf(before)
	switch d.Action {
	case Retract:
		if now.retracted[d.Path] {
			return errors.New("it is retracted already")
		}
	case Restore:
		if !now.hidden[d.Path] {
			return errors.New("it is not set aside")
		}
	case Pin:
		if now.pinned != "" {
			return fmt.Errorf("%s is pinned to %s already; unpin first", d.Source, now.pinned)
		}
		at := landed[d.Path]
		for _, e := range landed {
			// Of two runs in one second nothing tells which was first: what landed in the
			// pinned file's own second stays.
			if !now.hidden[e.Path] && e.LandedAt.After(at.LandedAt) {
				d.Paths = append(d.Paths, e.Path)
			}
		}
		slices.Sort(d.Paths)
	case Unpin:
		if now.pinned == "" {
			return errors.New("nothing is pinned")
		}
		for p := range landed {
			if _, aside, err := z.File(p); err == nil && aside && !now.retracted[p] {
				d.Paths = append(d.Paths, p)
			}
		}
		slices.Sort(d.Paths)
	}
	return nil
}

// Decisions are the source's decisions in the order in which they were made.
func (z *Zone) Decisions(source string) ([]Decision, error) {
	dir := z.path(decisionDir + "/" + source)
	files, err := os.ReadDir(dir) // sorted; as many as a person decided
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("landing: decisions of %s: %w", source, err)
	}
	var list []Decision
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".json")
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, fmt.Errorf("landing: decisions of %s: %w", source, err)
		}
		var d Decision
		if err = json.Unmarshal(text, &d); err == nil {
			err = d.check()
		}
		if err == nil && (!decisionName.MatchString(name) || d.ID != name || d.Source != source) {
			err = errors.New("its name does not fit what it says")
		}
		if err != nil {
			return nil, fmt.Errorf("landing: decision %s/%s: %w", source, f.Name(), err)
		}
		list = append(list, d)
	}
	return list, nil
}

// view is what the decisions about one source amount to.
type view struct {
	pinned    string // path; new files are set aside as they land
	pinnedAt  time.Time
	hidden    map[string]bool // every path that a decision ever moved: true if it is set aside now
	retracted map[string]bool // set aside for itself, whatever a pin says
}

func viewOf(decisions []Decision) view {
	v := view{hidden: map[string]bool{}, retracted: map[string]bool{}}
	for _, d := range decisions {
		switch d.Action {
		case Retract:
			v.hidden[d.Path], v.retracted[d.Path] = true, true
		case Restore:
			v.hidden[d.Path], v.retracted[d.Path] = false, false
		case Pin:
			v.pinned, v.pinnedAt = d.Path, d.At
			for _, p := range d.Paths {
				v.hidden[p] = true
			}
		case Unpin:
			v.pinned = ""
			for _, p := range d.Paths {
				v.hidden[p] = false
			}
		case Supersede:
			for _, p := range d.Paths {
				v.hidden[p], v.retracted[p] = true, true
			}
		}
	}
	return v
}
