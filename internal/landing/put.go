package landing

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

// ErrExists says that the content lies in the zone already. Put returns it with
// the entry of the file that is there, so that the caller can index it.
var ErrExists = errors.New("landing: content exists")

// Put lands the draft under e.Path, the plain name. Where that name holds other
// content, the file becomes a revision of it and the returned Path says so;
// where any version of that name holds the same content, nothing is written and
// the result is that file's entry with ErrExists. A plain file that no manifest
// names (another system wrote it) and that holds the same content is adopted.
//
// e gives Path, Rows, URL, Origin, Validators, ReleasedAt and, where the content
// has volatile fields, SHA256 of the content without them; the rest is filled
// in. Put finishes the draft if needed and uses it up, unless it fails.
func (b *Batch) Put(d *Draft, e Entry) (Entry, error) { return b.putKept(d, e, time.Time{}) }

// PutDerived is Put for a file made from an original that landed before, by a
// parser that was mended: what is known did not become known later, so landed_at is the
// original's. Its name's stamp tells when it was made.
func (b *Batch) PutDerived(d *Draft, e, original Entry) (Entry, error) {
	e.DerivedFrom = original.Path
	return b.putKept(d, e, original.LandedAt)
}

// putKept puts with a given landing time; zero is now.
func (b *Batch) putKept(d *Draft, e Entry, kept time.Time) (Entry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	got, err := b.put(d, e, kept)
	if errors.Is(err, ErrExists) {
		d.Discard()
		delete(b.drafts, d)
		return got, err
	}
	if err != nil {
		return Entry{}, fmt.Errorf("landing: put %s: %w", e.Path, err)
	}
	return got, nil
}

func (b *Batch) put(d *Draft, e Entry, kept time.Time) (Entry, error) {
	switch {
	case b.done:
		return Entry{}, errors.New("the batch is finished")
	case b.broken != nil:
		return Entry{}, fmt.Errorf("after a failed journal: %w", b.broken)
	case !b.drafts[d]:
		return Entry{}, errors.New("the draft is not of this batch, or used up")
	}
	e, err := b.describe(d, e)
	if err != nil {
		return Entry{}, err
	}
	if err := b.load(); err != nil {
		return Entry{}, err
	}
	// Sample data beside live data would end in one table.
	if b.origin != "" && b.origin != e.Origin {
		return Entry{}, fmt.Errorf("origin is %s and this zone holds %s data; use another LANDING_DIR", e.Origin, b.origin)
	}
	e, adopt, err := b.place(d, e, kept)
	if err != nil {
		return e, err
	}
	// From here on a crash leaves a journal line; see the steps in durable.go.
	if err := b.announce(e); err != nil {
		return Entry{}, err
	}
	b.unsure = append(b.unsure, e)
	if adopt {
		err = b.zone.disk.syncDir("adopt sync dir", filepath.Dir(b.zone.path(e.Path)))
	} else {
		err = b.zone.disk.publish("put", d.path, b.zone.path(b.final(e)))
	}
	if err != nil {
		return Entry{}, err
	}
	b.unsure = b.unsure[:len(b.unsure)-1]
	b.entries, b.origin = append(b.entries, e), e.Origin
	plain, _ := PlainPath(e.Path)
	b.known[plain] = append(b.known[plain], e)
	if adopt {
		d.Discard()
	}
	d.path = ""
	delete(b.drafts, d)
	return e, nil
}

// describe finishes the draft, reads the temporary back from the disk and fills
// in what the zone knows about it.
func (b *Batch) describe(d *Draft, e Entry) (Entry, error) {
	if err := d.Finish(); err != nil {
		return Entry{}, err
	}
	if _, ext := splitExt(e.Path); ext != d.ext {
		return Entry{}, fmt.Errorf("the draft is %s", d.ext)
	}
	if _, stamp := PlainPath(e.Path); stamp != "" {
		return Entry{}, errors.New("this is a revision's name; want the plain one")
	}
	if stem, _ := splitExt(path.Base(e.Path)); len(stem) > maxPartBytes-len(d.ext) {
		return Entry{}, fmt.Errorf("name longer than %d bytes", maxPartBytes)
	}
	sha, n, err := hashFile(d.path, compressed(d.ext))
	if err != nil {
		return Entry{}, fmt.Errorf("read back: %w", err)
	}
	if sha != d.SHA256() || n != d.Bytes() {
		return Entry{}, fmt.Errorf("read back: %d bytes with hash %s, wrote %d with %s", n, sha, d.Bytes(), d.SHA256())
	}
	if e.SHA256 == "" {
		e.SHA256 = sha
	}
	e.RawSHA256 = ""
	if e.SHA256 != sha {
		e.RawSHA256 = sha
	}
	e.Bytes, e.Source, e.Run = n, b.source, b.run
	e.LandedAt = b.zone.now().UTC().Truncate(time.Second)
	if e.ReleasedAt != nil {
		at := e.ReleasedAt.UTC().Truncate(time.Second)
		e.ReleasedAt = &at
	}
	return e, e.check()
}

// load reads what this source landed before, once a batch.
func (b *Batch) load() error {
	if b.known != nil {
		return nil
	}
	known := map[string][]Entry{}
	for e, err := range b.zone.entries(func(run string) bool { _, s, _ := splitRun(run); return s == b.source }) {
		if err != nil {
			return err
		}
		plain, _ := PlainPath(e.Path)
		known[plain] = append(known[plain], e)
	}
	origin, err := b.zone.Origin()
	if err != nil {
		return err
	}
	decisions, err := b.zone.Decisions(b.source)
	if err != nil {
		return err
	}
	b.known, b.origin, b.view = known, origin, viewOf(decisions)
	return nil
}

// place decides the final name. ErrExists comes with the entry that is there.
// adopt is true where the plain file exists, holds this content and is in no
// manifest.
func (b *Batch) place(d *Draft, e Entry, kept time.Time) (_ Entry, adopt bool, err error) {
	versions := b.known[e.Path]
	for _, v := range versions {
		if v.SHA256 == e.SHA256 {
			return v, false, b.exists(d, v)
		}
	}
	plain := b.zone.path(e.Path)
	info, err := os.Lstat(plain)
	switch {
	case err == nil && len(versions) == 0:
		// Another system's file. One that cannot be read holds other content.
		sha, _, err := hashFile(plain, compressed(d.ext))
		if err == nil && sha == e.contentSHA() {
			if at := info.ModTime().UTC().Truncate(time.Second); at.Before(e.LandedAt) {
				e.LandedAt = at
			}
			return e, true, nil
		}
	case err == nil || len(versions) > 0:
		// Taken, or was taken and the file is lost: its manifest line stands.
	case errors.Is(err, fs.ErrNotExist):
		if !kept.IsZero() {
			e.LandedAt = kept
		}
		return e, false, b.zone.disk.folder("put", path.Dir(b.final(e)))
	default:
		return Entry{}, false, err
	}
	// Versions of one name land in an order that no clock can spoil: neither a
	// fixed one, nor one that jumped back.
	for _, v := range versions {
		last := v.LandedAt
		if _, stamp := PlainPath(v.Path); stamp != "" { // later, where landed_at was kept
			if named, err := time.Parse(stampLayout, stamp); err == nil && named.After(last) {
				last = named
			}
		}
		if next := last.Add(time.Second); e.LandedAt.Before(next) {
			e.LandedAt = next
		}
	}
	e.Path = revisionPath(e.Path, e.LandedAt, e.SHA256)
	if !kept.IsZero() {
		e.LandedAt = kept
	}
	return e, false, b.zone.disk.folder("put", path.Dir(b.final(e)))
}

// exists puts back a file that its manifest names and that was lost (the draft
// holds the same content), and returns ErrExists. No second manifest line: a
// crash here leaves the file missing as before, or whole.
func (b *Batch) exists(d *Draft, v Entry) error {
	if _, _, err := b.zone.File(v.Path); !errors.Is(err, fs.ErrNotExist) {
		return ErrExists
	}
	lost := b.final(v)
	if v.contentSHA() != d.SHA256() {
		return ErrExists // same but for volatile fields: these bytes are not those
	}
	if err := b.zone.disk.folder("restore", path.Dir(lost)); err != nil {
		return err
	}
	if err := b.zone.disk.publish("restore", d.path, b.zone.path(lost)); err != nil {
		return err
	}
	return ErrExists
}
