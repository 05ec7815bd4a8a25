package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Status is what `deploy status` prints.
type Status struct {
	Current  *Release        `json:"current"`
	Previous *Release        `json:"previous"`
	Trial    string          `json:"trial,omitempty"`
	Pin      string          `json:"pin,omitempty"`
	Tags     map[string]Seen `json:"tags"`
	Bad      map[string]Bad  `json:"bad"`
	Acts     []Act           `json:"acts"`
}

// Status reads what is deployed; it changes nothing and needs no lock.
func (c Config) Status() (Status, error) {
	state, err := c.loadState()
	if err != nil {
		return Status{}, err
	}
	s := Status{Pin: state.Pin, Tags: state.Tags, Bad: state.Bad, Acts: state.Acts}
	for link, into := range map[string]**Release{"current": &s.Current, "previous": &s.Previous} {
		name, err := c.linked(link)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return s, err
		}
		r, err := c.release(name)
		if err != nil {
			return s, err
		}
		*into = &r
	}
	if release, running, err := c.trial(); err == nil && running {
		s.Trial = release
	}
	return s, nil
}

// Rollback switches to the release before, marks the commit that ran as bad,
// and returns the release that is current now. The caller restarts.
func (c Config) Rollback(_ context.Context, who, why string) (Release, error) {
	var back Release
	err := c.locked(func() error {
		current, err := c.current()
		if err != nil {
			return err
		}
		name, err := c.linked("previous")
		if err != nil {
			return fmt.Errorf("deploy: no release to go back to: %w", err)
		}
		if back, err = c.release(name); err != nil {
			return err
		}
		if back.Commit == current.Commit {
			return fmt.Errorf("deploy: %s runs already; there is none before it to go back to", current.Name())
		}
		state, err := c.loadState()
		if err != nil {
			return err
		}
		state.fail(current.Tag, current.Commit, "rolled back by "+who+": "+why, c.Now())
		state.Acts = append(state.Acts, Act{c.Now().UTC(), who, "rollback from " + current.Tag + " to " + back.Tag, why})
		if err := c.saveState(state); err != nil {
			return err
		}
		if err := c.clearTrial(); err != nil {
			return err
		}
		return c.point("current", back.Name())
	})
	return back, err
}

// Pin holds the machine at a tag, lower or failed before as it may be; an empty
// tag takes the pin out. The next poll brings the machine there, through every
// check.
func (c Config) Pin(tag, who, why string) error {
	if tag != "" && !tagForm.MatchString(tag) {
		return fmt.Errorf("deploy: pin %q: a release tag is v and a number, as v12", tag)
	}
	return c.locked(func() error {
		state, err := c.loadState()
		if err != nil {
			return err
		}
		what := "pin " + tag
		if tag == "" {
			what = "unpin " + state.Pin
			current, err := c.current()
			if err != nil {
				return err
			}
			state.wake(current)
		} else if seen, ok := state.Tags[tag]; ok {
			seen.Verdict, seen.Begun = "", 0 // to be tried (again)
			state.Tags[tag] = seen
		}
		state.Pin = tag
		state.Acts = append(state.Acts, Act{c.Now().UTC(), who, what, why})
		return c.saveState(state)
	})
}

// wake makes candidates again of the tags above the current one that were fine
// when they were last looked at: a pin held the machine below them.
func (s *State) wake(current Release) {
	for name, seen := range s.Tags {
		number, err := strconv.Atoi(strings.TrimPrefix(name, "v"))
		if err == nil && number > current.Number && (seen.Verdict == deployed || seen.Verdict == passedOver) {
			seen.Verdict = ""
			s.Tags[name] = seen
		}
	}
}

// Newest are the names of at most n tags, the highest first.
func Newest(tags map[string]Seen, n int) []string {
	names := slices.Collect(maps.Keys(tags))
	number := func(name string) int { x, _ := strconv.Atoi(strings.TrimPrefix(name, "v")); return x }
	slices.SortFunc(names, func(a, b string) int { return number(b) - number(a) })
	return names[:min(n, len(names))]
}
