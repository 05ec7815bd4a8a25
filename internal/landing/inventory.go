package landing

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"os"
)

// Manifest is one run's manifest as it lies in the zone.
type Manifest struct {
	Path    string // relative to the root, forward slashes
	SHA256  string // hex, of its bytes
	Entries []Entry
}

// Manifests yields the zone's manifests in order of run name. Unlike Entries it
// stops at the first that cannot be read: who freezes a list of files wants all
// of it or none.
func (z *Zone) Manifests() iter.Seq2[Manifest, error] {
	return func(yield func(Manifest, error) bool) {
		files, err := z.manifests()
		if err != nil {
			yield(Manifest{}, fmt.Errorf("landing: list manifests: %w", err))
			return
		}
		for _, rel := range files {
			m, err := z.manifest(rel)
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

func (z *Zone) manifest(rel string) (Manifest, error) {
	text, err := os.ReadFile(z.path(rel))
	if err != nil {
		return Manifest{}, fmt.Errorf("landing: manifest %s: %w (materia landing verify lists every damage)", rel, err)
	}
	sum := sha256.Sum256(text)
	m := Manifest{Path: rel, SHA256: hex.EncodeToString(sum[:])}
	for e, err := range parseManifest(rel, string(text)) {
		if err != nil {
			return Manifest{}, err
		}
		m.Entries = append(m.Entries, e)
	}
	return m, nil
}
