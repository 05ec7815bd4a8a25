package landing

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Adopt gives a file that lies in the zone and that no manifest names a line in
// this batch's manifest: another system wrote it, or a manifest was lost. The file
// is read to its end and stays as it is. Rows are the lines of a CSV without its
// header, else 0; landed_at is the file's own time; url stays empty.
func (b *Batch) Adopt(rel, origin string) (Entry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, err := b.adopt(rel, origin)
	if err != nil {
		return Entry{}, fmt.Errorf("landing: adopt %s: %w", rel, err)
	}
	return e, nil
}

func (b *Batch) adopt(rel, origin string) (Entry, error) {
	if b.done || b.broken != nil {
		return Entry{}, errors.Join(errors.New("the batch is finished"), b.broken)
	}
	if err := checkPath(rel); err != nil {
		return Entry{}, err
	}
	info, err := os.Lstat(b.zone.path(rel))
	if err != nil {
		return Entry{}, err
	}
	if !info.Mode().IsRegular() {
		return Entry{}, errors.New("not a regular file")
	}
	for e, err := range b.zone.Entries() {
		if err != nil {
			return Entry{}, err
		}
		if e.Path == rel {
			return Entry{}, fmt.Errorf("run %s of %s names it already", e.Run, e.Source)
		}
	}
	if err := b.load(); err != nil {
		return Entry{}, err
	}
	if b.origin != "" && b.origin != origin {
		return Entry{}, fmt.Errorf("origin is %s and this zone holds %s data", origin, b.origin)
	}
	sha, n, err := hashFile(b.zone.path(rel), compressed(rel))
	if err != nil {
		return Entry{}, err
	}
	rows, err := countRows(b.zone.path(rel))
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Path: rel, Source: b.source, SHA256: sha, Bytes: n, Rows: rows, Origin: origin, Run: b.run,
		LandedAt: info.ModTime().UTC().Truncate(time.Second)}
	if err := e.check(); err != nil {
		return Entry{}, err
	}
	// From here on a crash leaves a journal line about a file that is there: Recover
	// reads it again and adopts it.
	if err := b.announce(e); err != nil {
		return Entry{}, err
	}
	b.unsure = append(b.unsure, e)
	if err := b.zone.disk.syncDir("adopt sync dir", filepath.Dir(b.zone.path(rel))); err != nil {
		return Entry{}, err
	}
	b.unsure = b.unsure[:len(b.unsure)-1]
	b.entries, b.origin = append(b.entries, e), origin
	plain, _ := PlainPath(rel)
	b.known[plain] = append(b.known[plain], e)
	return e, nil
}

// countRows counts the lines of a CSV less its header; 0 for anything else.
func countRows(path string) (int64, error) {
	if _, ext := splitExt(filepath.ToSlash(path)); !strings.HasPrefix(ext, ".csv") {
		return 0, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var r io.Reader = bufio.NewReaderSize(f, 128<<10)
	if compressed(path) {
		if r, err = gzip.NewReader(r); err != nil {
			return 0, err
		}
	}
	lines, last, buf := int64(0), byte('\n'), make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			lines, last = lines+int64(bytes.Count(buf[:n], []byte{'\n'})), buf[n-1]
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return 0, err
		}
	}
	if last != '\n' {
		lines++
	}
	return max(lines-1, 0), nil
}
