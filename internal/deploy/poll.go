package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/gofrs/flock"
)

// Notice is something a person should be told once. Equal keys are the same
// notice.
type Notice struct{ Key, Title, Text string }

// Outcome is what a poll or a start came to.
type Outcome struct {
	Switched string // the release that is current now and was not before; the caller restarts
	Notices  []Notice
}

// ErrBusy says that another process is deploying.
var ErrBusy = errors.New("deploy: another process holds the lock")

const (
	passedOver = "passed over"
	deployed   = "deployed"
)

// locked runs do while no other process deploys.
func (c Config) locked(do func() error) error {
	if err := os.MkdirAll(c.path("releases"), 0o755); err != nil {
		return fmt.Errorf("deploy: %w", err)
	}
	lock := flock.New(c.path("lock"))
	got, err := lock.TryLock()
	if err != nil {
		return fmt.Errorf("deploy: lock: %w", err)
	}
	if !got {
		return ErrBusy
	}
	defer lock.Unlock()
	return do()
}

// Poll looks for a tag to deploy and deploys it. An error is a fault of the
// remote or of this machine and is tried again at the next poll; what is wrong
// with a tag is remembered and told in a notice, once.
func (c Config) Poll(ctx context.Context) (out Outcome, err error) {
	err = c.locked(func() error {
		if _, running, err := c.trial(); err != nil || running {
			return err // one at a time
		}
		if err := c.sweep(); err != nil {
			c.Log.Warn("deploy: leftovers stay", "error", err)
		}
		if err := c.fetch(ctx); err != nil {
			return err
		}
		tags, err := c.tags(ctx)
		if err != nil {
			return err
		}
		state, err := c.loadState()
		if err != nil {
			return err
		}
		current, err := c.current()
		if err != nil {
			return err
		}
		candidates := consider(&state, tags, current, &out)
		if err := c.saveState(state); err != nil {
			return err
		}
		return c.attempt(ctx, &state, candidates, &out)
	})
	return out, err
}

// current is the release that runs; the zero Release if none does yet.
func (c Config) current() (Release, error) {
	name, err := c.linked("current")
	if errors.Is(err, fs.ErrNotExist) {
		return Release{}, nil
	} else if err != nil {
		return Release{}, err
	}
	return c.release(name)
}

// consider notes every tag that is new or moved and returns those that may be
// tried, best first. It is pure but for state and out.
func consider(state *State, tags []Tag, current Release, out *Outcome) []Tag {
	first := len(state.Tags) == 0
	var fresh []Tag
	for _, t := range tags {
		seen, known := state.Tags[t.Name]
		if known && seen.Object != t.Object {
			if seen.Moved != t.Object {
				seen.Moved = t.Object
				state.Tags[t.Name] = seen
				out.refuse(t, fmt.Sprintf("it was moved from %s to %s; a release tag never moves", short(seen.Object), short(t.Object)))
			}
			continue
		}
		if known && seen.Verdict != "" {
			continue
		}
		seen.Object = t.Object
		switch {
		case t.Number == current.Number:
			seen.Verdict, seen.Begun = deployed, 0
		case seen.Begun > 1:
			// Killed twice in the middle of it: perhaps by what it does.
			seen.Verdict = "failed: interrupted twice"
			out.Notices = append(out.Notices, Notice{"deploy-interrupted-" + t.Name, "tag " + t.Name + " is given up", "two attempts were cut short; deploy pin " + t.Name + " tries again"})
		case t.Name == state.Pin:
			fresh = append(fresh, t)
		case state.Pin != "":
			// waits until the pin is taken out
		case t.Number > current.Number:
			fresh = append(fresh, t)
		case first:
			seen.Verdict = passedOver
		default:
			seen.Verdict = "refused: lower than what runs"
			out.refuse(t, fmt.Sprintf("its number is lower than that of %s, which runs", current.Tag))
		}
		state.Tags[t.Name] = seen
	}
	slices.SortFunc(fresh, func(a, b Tag) int { return cmp.Compare(b.Number, a.Number) })
	return fresh
}

func (o *Outcome) refuse(t Tag, reason string) {
	o.Notices = append(o.Notices, Notice{"deploy-refused-" + t.Name + "-" + t.Object, "tag " + t.Name + " refused", reason})
}

// attempt deploys the highest candidate that passes verification. Those below
// it are passed over whether it works or not.
func (c Config) attempt(ctx context.Context, state *State, candidates []Tag, out *Outcome) error {
	for i, t := range candidates {
		commit, err := c.verify(ctx, t)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if bad, ok := state.Bad[commit]; err == nil && ok && t.Name != state.Pin {
			err = fmt.Errorf("commit %s failed as %s before: %s", short(commit), bad.Tag, bad.Reason)
		}
		if err != nil {
			state.set(t, "refused: "+err.Error())
			out.refuse(t, err.Error())
			if err := c.saveState(*state); err != nil {
				return err
			}
			continue
		}
		for _, lower := range candidates[i+1:] {
			state.set(lower, passedOver)
		}
		return c.deploy(ctx, state, t, commit, out)
	}
	return nil
}

func (s *State) set(t Tag, verdict string) {
	seen := s.Tags[t.Name]
	seen.Verdict, seen.Begun = verdict, 0
	s.Tags[t.Name] = seen
}

func (s *State) begin(t Tag, by int) {
	seen := s.Tags[t.Name]
	seen.Begun += by
	s.Tags[t.Name] = seen
}

// deploy prepares and switches. The attempt is on record before it begins: one
// that a kill cut short is made once more, but a release that brings this very
// machine down is not tried for ever.
func (c Config) deploy(ctx context.Context, state *State, t Tag, commit string, out *Outcome) error {
	began := c.Now()
	state.begin(t, 1)
	if err := c.saveState(*state); err != nil {
		return err
	}
	r, err := c.prepare(ctx, t, commit)
	if ctx.Err() != nil {
		// A person stopped the supervisor; that says nothing of the tag.
		state.begin(t, -1)
		return errors.Join(ctx.Err(), c.saveState(*state))
	}
	if err != nil {
		state.fail(t.Name, commit, err.Error(), c.Now())
		out.Notices = append(out.Notices, Notice{"deploy-failed-" + commit, "tag " + t.Name + " failed, the old release stays", err.Error()})
		return c.saveState(*state)
	}
	if err := c.switchTo(r.Name()); err != nil {
		return err
	}
	// A crash here: the next poll sees by the current link that it is deployed.
	state.set(t, deployed)
	if err := c.saveState(*state); err != nil {
		return err
	}
	c.Log.Info("deploy switched", "release", r.Name(), "seconds", c.Now().Sub(began).Seconds())
	out.Switched = r.Name()
	return nil
}

// fail remembers that a commit is never to be tried again.
func (s *State) fail(tag, commit, reason string, at time.Time) {
	s.Bad[commit] = Bad{tag, reason, at.UTC()}
	seen := s.Tags[tag]
	seen.Verdict, seen.Begun = "failed: "+reason, 0
	s.Tags[tag] = seen
}
