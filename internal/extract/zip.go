package extract

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/flate"
)

// directoryBytes bounds what is read to learn a ZIP's entries; the entries
// themselves are counted afterwards. A hundred long names need far less.
const directoryBytes = 4 << 20

// Member is the one file in a ZIP, to be read to its end: io.EOF comes only
// after its length and CRC were right. Reading more than the limits allow is an
// error. The name is text from upstream, never a path.
type Member struct {
	Name     string
	Modified time.Time // as stamped, without a zone; zero where there is none
	from     *Response
	r        io.ReadCloser
	read     int64
	ended    bool // read to its end, with the right length and CRC
	limit    int64
	why      string
}

// UnzipOne opens the only file of the ZIP in the answer. An answer that is no
// ZIP, or a ZIP that holds anything but one file with a harmless name, is
// refused with the reason.
func (r *Response) UnzipOne() (*Member, error) {
	limits := r.session.deps.Client.limits
	if !bytes.HasPrefix(r.head(), []byte("PK\x03\x04")) && !bytes.HasPrefix(r.head(), []byte("PK\x05\x06")) {
		return nil, r.NotA("a ZIP")
	}
	m, err := openOne(r.body(), r.Size, limits)
	if err != nil {
		return nil, r.Refuse(err)
	}
	m.from = r
	return m, nil
}

// piece is a part of a member on its way; err, io.EOF if all is well, comes with
// the last.
type piece struct {
	data []byte
	err  error
}

// CopyTo streams the member to its end through check into the draft. What check
// or the ZIP finds wrong is a refusal of the answer; what the disk does ends the
// run. Unpacking and checking run beside compressing and hashing; a few buffers
// go round between them.
func (m *Member) CopyTo(ctx context.Context, draft, check io.Writer) error {
	const buffers, bufferBytes = 3, 256 << 10
	full, free := make(chan piece, buffers), make(chan []byte, buffers)
	for range buffers {
		free <- make([]byte, bufferBytes)
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer close(full)
		m.unpack(ctx, check, full, free)
	}()
	err := m.pack(ctx, draft, full, free)
	cancel()
	for range full { // until the other side has ended and the member may be closed
	}
	return err
}

func (m *Member) unpack(ctx context.Context, check io.Writer, full chan<- piece, free <-chan []byte) {
	for {
		var p piece
		select {
		case p.data = <-free:
		case <-ctx.Done():
			return
		}
		n, err := io.ReadFull(m, p.data)
		if m.ended && errors.Is(err, io.ErrUnexpectedEOF) {
			err = io.EOF // a last, shorter piece
		}
		p.data, p.err = p.data[:n], err
		if _, bad := check.Write(p.data); bad != nil {
			p.err = bad
		}
		full <- p // never blocks: it holds all buffers there are
		if p.err != nil {
			return
		}
	}
}

func (m *Member) pack(ctx context.Context, draft io.Writer, full <-chan piece, free chan<- []byte) error {
	for p := range full {
		if p.err != nil && p.err != io.EOF {
			return m.from.Refuse(p.err)
		}
		if _, err := draft.Write(p.data); err != nil {
			return &stopError{m.from.error(err)}
		}
		if p.err == io.EOF {
			return nil
		}
		free <- p.data[:cap(p.data)]
	}
	return context.Cause(ctx)
}

// openOne reads the directory of a ZIP of size bytes and opens its only file.
func openOne(body io.ReaderAt, size int64, limits Limits) (*Member, error) {
	directory := &countedReaderAt{r: body, left: directoryBytes}
	z, err := zip.NewReader(directory, size)
	if err != nil {
		return nil, fmt.Errorf("not a whole ZIP: %w", err)
	}
	directory.left = -1 // contents are counted by Member
	if len(z.File) > limits.ZIPEntries {
		return nil, fmt.Errorf("ZIP with %d entries, more than %d", len(z.File), limits.ZIPEntries)
	}
	var names []string
	var file *zip.File
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") && f.UncompressedSize64 == 0 {
			continue // a folder
		}
		if !filepath.IsLocal(f.Name) || strings.ContainsAny(f.Name, "\\:\x00") || !f.Mode().IsRegular() {
			return nil, fmt.Errorf("ZIP with the member %q, which is not a plain file's name", f.Name)
		}
		names = append(names, f.Name)
		file = f
	}
	if len(names) != 1 {
		return nil, fmt.Errorf("ZIP with %d files %q, want one", len(names), names)
	}
	z.RegisterDecompressor(zip.Deflate, func(r io.Reader) io.ReadCloser { return flate.NewReader(bufio.NewReaderSize(r, 64<<10)) })
	content, err := file.Open()
	if err != nil {
		return nil, fmt.Errorf("ZIP member %q: %w", file.Name, err)
	}
	m := &Member{Name: file.Name, Modified: file.Modified, r: content,
		limit: limits.UnzippedBytes, why: fmt.Sprintf("%d bytes", limits.UnzippedBytes)}
	// By what really comes out, whatever the directory claims. Small files may be
	// mostly zeros; a bomb is large.
	if ratio := max(int64(file.CompressedSize64), 64<<10) * limits.UnzippedRatio; ratio < m.limit && int64(file.CompressedSize64) <= size {
		m.limit, m.why = ratio, fmt.Sprintf("%d times its compressed size", limits.UnzippedRatio)
	}
	return m, nil
}

// Read reads uncompressed bytes.
func (m *Member) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.ended = err == io.EOF
	if m.read += int64(n); m.read > m.limit {
		return 0, fmt.Errorf("ZIP member %q: unpacks to more than %s", m.Name, m.why)
	}
	if err != nil && err != io.EOF {
		if errors.Is(err, zip.ErrChecksum) {
			err = errors.New("wrong checksum")
		}
		err = fmt.Errorf("ZIP member %q, after %d bytes: %w", m.Name, m.read, err)
	}
	return n, err
}

// Close ends reading.
func (m *Member) Close() error { return m.r.Close() }

// countedReaderAt refuses to read more than left bytes; left < 0 is no limit.
type countedReaderAt struct {
	r    io.ReaderAt
	left int64
}

func (c *countedReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if c.left >= 0 {
		if c.left -= int64(len(p)); c.left < 0 {
			c.left = 0
			return 0, fmt.Errorf("its directory is larger than %d bytes", directoryBytes)
		}
	}
	return c.r.ReadAt(p, off)
}
