package landing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Validators are the response headers that save a transfer next time. They
// never decide whether content changed.
type Validators struct {
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
}

// Entry is one landed file as its manifest line says it.
type Entry struct {
	Path       string     `json:"path"`                 // relative to the root, forward slashes
	Source     string     `json:"source"`               // psd, prices, ...
	SHA256     string     `json:"sha256"`               // hex, of the content without its volatile fields
	RawSHA256  string     `json:"raw_sha256,omitempty"` // hex, of the uncompressed bytes landed, where that differs
	Bytes      int64      `json:"bytes"`                // uncompressed
	Rows       int64      `json:"rows"`                 // records, as the source counts them
	LandedAt   time.Time  `json:"landed_at"`            // UTC, whole seconds; later for every later version of one name
	ReleasedAt *time.Time `json:"released_at"`          // UTC; null where upstream gave no evidence
	URL        string     `json:"url"`
	Validators Validators `json:"validators"`
	Origin     string     `json:"origin"` // live, sample or replay
	Run        string     `json:"run"`
	// DerivedFrom is the original that this file was made from anew; landed_at is then
	// the original's.
	DerivedFrom string `json:"derived_from,omitempty"`
}

// contentSHA is the hash of the bytes that lie in the file, uncompressed.
func (e Entry) contentSHA() string {
	if e.RawSHA256 != "" {
		return e.RawSHA256
	}
	return e.SHA256
}

// check says what is wrong with a line, or nil.
func (e Entry) check() error {
	if err := checkPath(e.Path); err != nil {
		return err
	}
	_, source, ok := splitRun(e.Run)
	switch {
	case !ok:
		return fmt.Errorf("run %q: want {YYYYMMDDTHHMMSSZ}-{source}-{8 hex}", e.Run)
	case !sourceName.MatchString(e.Source) || source != e.Source:
		return fmt.Errorf("source %q does not fit run %q", e.Source, e.Run)
	case !isHex64(e.SHA256):
		return fmt.Errorf("sha256 %q: want 64 hex digits", e.SHA256)
	case e.RawSHA256 != "" && !isHex64(e.RawSHA256):
		return fmt.Errorf("raw_sha256 %q: want 64 hex digits", e.RawSHA256)
	case e.Bytes < 0 || e.Rows < 0:
		return fmt.Errorf("negative count: bytes %d, rows %d", e.Bytes, e.Rows)
	case e.LandedAt.IsZero():
		return errors.New("landed_at is missing")
	case !knownOrigin(e.Origin):
		return fmt.Errorf("origin %q: want live, sample or replay", e.Origin)
	}
	return nil
}

func knownOrigin(origin string) bool {
	return origin == "live" || origin == "sample" || origin == "replay"
}

// encodeLine is the entry as one line of JSON with its newline.
func encodeLine(e Entry) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // URLs hold & and stay readable
	if err := enc.Encode(e); err != nil {
		return nil, fmt.Errorf("landing: encode line for %s: %w", e.Path, err)
	}
	return b.Bytes(), nil
}

// parseLine reads one line without its newline. Unknown keys are allowed, so
// that an older binary after a rollback still reads what a newer one wrote.
func parseLine(line []byte) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(line, &e); err != nil {
		return Entry{}, err
	}
	if err := e.check(); err != nil {
		return Entry{}, err
	}
	return e, nil
}
