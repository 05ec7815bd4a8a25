package deploy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// State is what must be remembered between polls. Losing it costs attempts, no
// more: what runs is told by the current link.
type State struct {
	Tags map[string]Seen `json:"tags"`          // by tag name
	Bad  map[string]Bad  `json:"bad"`           // by commit
	Pin  string          `json:"pin,omitempty"` // tag to stay at
	Acts []Act           `json:"acts"`          // what persons did, newest last
}

// Seen is a tag as it was first seen. A tag that comes back as another object
// was moved.
type Seen struct {
	Object  string `json:"object"`
	Moved   string `json:"moved,omitempty"` // the object that was refused
	Verdict string `json:"verdict"`         // deployed, passed over, refused or failed, with the reason; empty: waits
	Begun   int    `json:"begun,omitempty"` // attempts that were begun and had no end
}

// Bad is a commit that failed after verification.
type Bad struct {
	Tag    string    `json:"tag"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// Act is a person's overruling of what would happen by itself.
type Act struct {
	At   time.Time `json:"at"`
	Who  string    `json:"who"`
	What string    `json:"what"`
	Why  string    `json:"why,omitempty"`
}

// Release is .release.json in a release's folder.
type Release struct {
	Tag     string    `json:"tag"`
	Number  int       `json:"number"`
	Commit  string    `json:"commit"`
	WebHash string    `json:"web_hash"`
	BuiltAt time.Time `json:"built_at"`
}

// Name is the release's folder.
func (r Release) Name() string { return fmt.Sprintf("%d-%s", r.Number, short(r.Commit)) }

const releaseFile = ".release.json"

func (c Config) loadState() (State, error) {
	s := State{Tags: map[string]Seen{}, Bad: map[string]Bad{}}
	err := readJSON(c.path("state.json"), &s)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	return s, err
}

func (c Config) saveState(s State) error { return writeJSON(c.path("state.json"), s) }

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("deploy: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("deploy: read %s: %w", path, err)
	}
	return nil
}

func writeJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("deploy: write %s: %w", path, err)
	}
	return writeFile(path, append(text, '\n'))
}

// writeFile replaces path durably. A crash leaves the old file, or the new one,
// and at most a temporary that the next write of the same name replaces.
func writeFile(path string, text []byte) error {
	temporary := path + ".tmp"
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("deploy: %w", err)
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return fmt.Errorf("deploy: write %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("deploy: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("deploy: sync %s: %w", dir, err)
	}
	return nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
