package extract

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Rows takes a CSV apart as it streams by, in pieces of any size, in the memory of
// a line: an io.Writer, to stand beside a draft. It reads what publishers write:
// quotes around text that may hold commas, blanks around a field, which it trims, a
// byte order mark, \r\n or \n.
//
// It refuses what a reader of the landed file could take otherwise than it was
// checked: text after a closing quote, a quote inside a field, a line break inside
// quotes, breaks of two kinds, control characters (a tab too: models read whole
// lines as what stands between tabs), bytes that are not UTF-8, rows of another
// length than the header.
type Rows struct {
	// Header gets the names once, before any row.
	Header func(names []string) error
	// Row gets each row, counted from 1; the fields hold until it returns.
	Row func(number int64, fields [][]byte) error

	Count int64 // rows so far, without the header
	BOM   bool  // the file began with one

	line    []byte // the pieces of a line so far
	crlf    bool   // the header ends in \r\n, and so must every row
	columns int    // 0: before the header
	fields  [][]byte
	err     error
}

// maxLine is longer than any line of a table that a person could read.
const maxLine = 64 << 10

// Write takes the next piece. An error is final.
func (r *Rows) Write(p []byte) (int, error) {
	for rest := p; r.err == nil && len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			if r.line = append(r.line, rest...); len(r.line) > maxLine {
				r.err = r.fail("is longer than %d bytes", maxLine)
			}
			break
		}
		line := rest[:end+1]
		if rest = rest[end+1:]; len(r.line) > 0 {
			r.line = append(r.line, line...)
			line = r.line
		}
		r.err = r.take(line)
		r.line = r.line[:0]
	}
	if r.err != nil {
		return 0, r.err
	}
	return len(p), nil
}

// Close takes the end: a last line may lack its break.
func (r *Rows) Close() error {
	switch {
	case r.err != nil:
	case len(r.line) > 0:
		end := "\n"
		if r.crlf {
			end = "\r\n"
		}
		r.err = r.take(append(r.line, end...))
		r.line = nil
	case r.columns == 0:
		r.err = errors.New("an empty file")
	}
	return r.err
}

func (r *Rows) take(line []byte) error {
	text, crlf := bytes.CutSuffix(line, []byte("\r\n"))
	if !crlf {
		text = text[:len(text)-1]
	}
	header := r.columns == 0
	if header {
		r.crlf = crlf
		text, r.BOM = bytes.CutPrefix(text, []byte("\ufeff"))
	}
	if crlf != r.crlf {
		return r.fail("ends in another line break than the header")
	}
	if len(text) > maxLine {
		return r.fail("is longer than %d bytes", maxLine)
	}
	for _, c := range text {
		if c < ' ' || c == 0x7f {
			return r.fail("has a control character")
		}
	}
	if !utf8.Valid(text) {
		return r.fail("is not UTF-8")
	}
	var err error
	if r.fields, err = cutRow(r.fields[:0], text); err != nil {
		return r.fail("%w", err)
	}
	if header {
		return r.takeHeader()
	}
	if len(r.fields) != r.columns {
		return r.fail("has %d fields, the header %d", len(r.fields), r.columns)
	}
	r.Count++
	return r.Row(r.Count, r.fields)
}

func (r *Rows) takeHeader() error {
	var names []string
	known := map[string]bool{}
	for _, f := range r.fields {
		name := string(f)
		if known[name] {
			return fmt.Errorf("column %q stands twice in the header", name)
		}
		known[name] = true
		names = append(names, name)
	}
	r.columns = len(names)
	return r.Header(names)
}

func (r *Rows) fail(format string, args ...any) error {
	where := "the header "
	if r.columns > 0 {
		where = fmt.Sprintf("row %d ", r.Count+1)
	}
	return fmt.Errorf(where+format, args...)
}

// cutRow cuts a line at its commas outside quotes and appends the fields without
// quotes and without the blanks around and inside them.
func cutRow(fields [][]byte, line []byte) ([][]byte, error) {
	for {
		rest := bytes.TrimLeft(line, " ")
		var field []byte
		comma := bytes.IndexByte(rest, ',')
		if len(rest) > 0 && rest[0] == '"' {
			end := bytes.IndexByte(rest[1:], '"')
			if end < 0 {
				return fields, errors.New("has an open quote")
			}
			field = rest[1 : 1+end]
			rest = bytes.TrimLeft(rest[end+2:], " ")
			if comma = bytes.IndexByte(rest, ','); comma > 0 || comma < 0 && len(rest) > 0 {
				return fields, errors.New("has text after a closing quote")
			}
		} else {
			if field = rest; comma >= 0 {
				field = rest[:comma]
			}
			if bytes.IndexByte(field, '"') >= 0 {
				return fields, errors.New("has a quote inside a field")
			}
		}
		fields = append(fields, bytes.TrimSpace(field))
		if comma < 0 {
			return fields, nil
		}
		line = rest[comma+1:]
	}
}
