package psdonline

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"beanflows.coffee/materia/internal/extract"
)

const (
	coffeeCode = "0711100"
	codeColumn = "Commodity_Code"
	maxHeader  = 64 << 10
	maxRow     = 1 << 20
)

// columns are the header of every file seen from 2022 to 2026, in its order.
func columns() []string {
	return []string{codeColumn, "Commodity_Description", "Country_Code", "Country_Name", "Market_Year", "Calendar_Year",
		"Month", "Attribute_ID", "Attribute_Description", "Unit_ID", "Unit_Description", "Value"}
}

// scanner checks a CSV as it streams by, in pieces of any size, without keeping
// it: the header by names, every row's number of fields, quotes, UTF-8. After
// Close, rows and coffeeRows are counted.
//
// It is stricter than RFC 4180 where a reader of the landed file might read
// otherwise than was checked, or stop at it for good: a quote inside an unquoted
// field, text after a closing quote, a lone carriage return, line breaks of two
// kinds and a zero byte are refused.
type scanner struct {
	rows       int64 // without header and blank lines
	coffeeRows int64
	findings   []extract.Finding
	coffee     *coffee // checks what the rows of coffee say

	header   []byte // until its line is whole
	fields   int    // that every row has; 0: the header is not whole yet
	code     int    // index of Commodity_Code
	crlf     bool   // the header ends in \r\n, and so must every row
	state    scanState
	field    int    // index of the current field in its row
	rowBytes int    // of the current row in earlier pieces
	start    int    // of the current row in this piece
	begun    []byte // the current row's bytes in earlier pieces
	value    []byte // of the current row's Commodity_Code
	blank    bool   // nothing in the current row yet
	carry    []byte // an incomplete UTF-8 character at the end of the last piece
	err      error
}

type scanState byte

const (
	atField  scanState = iota // before a field's first byte
	inPlain                   // in an unquoted field
	inQuotes                  // between quotes
	atQuote                   // after a quote in quotes: the end, or half of ""
	atReturn                  // after \r: \n must follow
)

const lineBreak = '\n'

// special are the bytes that mean something in an unquoted field.
var special = [256]bool{',': true, '"': true, '\r': true, lineBreak: true}

// Write checks the next piece. An error is final.
func (s *scanner) Write(p []byte) (int, error) {
	if s.err == nil {
		s.err = s.check(p)
	}
	if s.err != nil {
		return 0, s.err
	}
	return len(p), nil
}

// Close checks the end: a last row may lack its line break.
func (s *scanner) Close() error {
	switch {
	case s.err != nil:
	case len(s.carry) > 0:
		s.err = s.fail("ends inside a character")
	case s.fields == 0:
		s.err = s.readHeader()
	case s.state == inQuotes:
		s.err = s.fail("ends inside quotes")
	case s.state == atReturn:
		s.err = s.endRow(s.begun)
	case !s.blank:
		s.err = s.endRow(s.begun)
	}
	return s.err
}

func (s *scanner) check(p []byte) error {
	if bytes.IndexByte(p, 0) >= 0 {
		return s.fail("holds a zero byte")
	}
	if !s.utf8(p) {
		return s.fail("or one soon after it is not UTF-8")
	}
	if s.fields == 0 {
		line := bytes.IndexByte(p, lineBreak)
		if line < 0 {
			if s.header = append(s.header, p...); len(s.header) > maxHeader {
				return fmt.Errorf("no header: no line break in the first %d bytes", maxHeader)
			}
			return nil
		}
		s.header = append(s.header, p[:line+1]...)
		if err := s.readHeader(); err != nil {
			return err
		}
		p = p[line+1:]
	}
	return s.scan(p)
}

// scan is the hot path: it looks at the bytes that mean something and jumps
// over the rest.
func (s *scanner) scan(p []byte) error {
	s.start = 0
	for i := 0; i < len(p); {
		var err error
		switch s.state {
		case atField:
			if s.state = inPlain; p[i] == '"' {
				s.state, s.blank = inQuotes, false
				i++
			}
		case inPlain:
			j := i
			for j < len(p) && !special[p[j]] {
				j++
			}
			s.keep(p[i:j])
			s.blank = s.blank && i == j
			if i = j + 1; j < len(p) {
				err = s.afterPlain(p, i)
			}
		case inQuotes:
			j := bytes.IndexByte(p[i:], '"')
			if j < 0 {
				s.keep(p[i:])
				i = len(p)
				continue
			}
			s.keep(p[i : i+j])
			s.state = atQuote
			i += j + 1
		case atQuote:
			i++
			err = s.afterQuote(p, i)
		case atReturn:
			i++
			if p[i-1] != lineBreak {
				return s.fail("has a carriage return that ends no line")
			}
			err = s.endLine(p, i, true)
		}
		if err != nil {
			return err
		}
	}
	if s.rowBytes += len(p) - s.start; s.rowBytes > maxRow {
		return s.fail(fmt.Sprintf("is longer than %d bytes", maxRow))
	}
	s.begun = append(s.begun, p[s.start:]...)
	return nil
}

// afterPlain takes the special byte before next, which ends an unquoted field.
func (s *scanner) afterPlain(p []byte, next int) error {
	switch p[next-1] {
	case ',':
		s.field++
		s.state, s.blank = atField, false
	case '\r':
		s.state = atReturn
	case lineBreak:
		return s.endLine(p, next, false)
	case '"':
		return s.fail("has a quote inside an unquoted field")
	}
	return nil
}

// afterQuote takes the byte before next, which follows a quote between quotes.
func (s *scanner) afterQuote(p []byte, next int) error {
	switch p[next-1] {
	case '"':
		s.state = inQuotes
		s.keep(p[next-1 : next])
	case ',':
		s.field++
		s.state = atField
	case '\r':
		s.state = atReturn
	case lineBreak:
		return s.endLine(p, next, false)
	default:
		return s.fail("has text after a closing quote")
	}
	return nil
}

// keep collects the field that says which commodity a row is about.
func (s *scanner) keep(p []byte) {
	if s.field == s.code && len(s.value) <= len(coffeeCode) {
		s.value = append(s.value, p[:min(len(p), len(coffeeCode)+1)]...)
	}
}

// endLine ends a row at a line break, crlf or a bare \n; next is the index in
// the piece behind it.
func (s *scanner) endLine(p []byte, next int, crlf bool) error {
	line := p[s.start:next]
	s.rowBytes += len(line)
	s.start = next
	if crlf != s.crlf {
		return s.fail("ends in another line break than the header")
	}
	if len(s.begun) > 0 {
		s.begun = append(s.begun, line...)
		line = s.begun
	}
	return s.endRow(line)
}

// endRow takes a whole row, with its line break if it has one.
func (s *scanner) endRow(line []byte) error {
	if !s.blank {
		if s.field+1 != s.fields {
			return s.fail(fmt.Sprintf("has %d fields, the header %d", s.field+1, s.fields))
		}
		if s.rowBytes > maxRow {
			return s.fail(fmt.Sprintf("is longer than %d bytes", maxRow))
		}
		s.rows++
		if string(s.value) == coffeeCode {
			s.coffeeRows++
			s.coffee.row(s.rows, line)
		}
	}
	s.startRow()
	return nil
}

func (s *scanner) startRow() {
	s.state, s.field, s.rowBytes, s.value, s.blank = atField, 0, 0, s.value[:0], true
	s.begun = s.begun[:0]
}

func (s *scanner) fail(what string) error { return fmt.Errorf("row %d %s", s.rows+1, what) }

// readHeader compares the names with the known ones; see extract.CompareColumns.
func (s *scanner) readHeader() error {
	line, bom := bytes.CutPrefix(s.header, []byte("\ufeff"))
	if bom {
		s.findings = append(s.findings, extract.Finding{Rule: "encoding", Detail: "the file begins with a byte order mark"})
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	line, s.crlf = bytes.CutSuffix(line, []byte("\r"))
	if len(line) == 0 {
		return errors.New("no header line")
	}
	got, err := csv.NewReader(bytes.NewReader(line)).Read()
	if err != nil {
		return fmt.Errorf("header %q: %w", clip(line), err)
	}
	for n, name := range got {
		if slices.Contains(got[:n], name) {
			return fmt.Errorf("column %q stands twice in the header", name)
		}
	}
	s.findings = append(s.findings, extract.CompareColumns(columns(), got)...)
	s.code = slices.Index(got, codeColumn)
	if s.code < 0 {
		return fmt.Errorf("%s in the header %q", s.findings[len(s.findings)-1].Detail, clip(line))
	}
	s.coffee = newCoffee(got)
	s.fields, s.header = len(got), nil
	s.startRow()
	return nil
}

func clip(line []byte) string {
	if len(line) > 400 {
		return string(line[:400]) + "..."
	}
	return string(line)
}

// utf8 says whether the pieces so far are UTF-8; a character may span two.
func (s *scanner) utf8(p []byte) bool {
	for len(s.carry) > 0 && len(p) > 0 {
		s.carry, p = append(s.carry, p[0]), p[1:]
		if utf8.FullRune(s.carry) {
			if r, n := utf8.DecodeRune(s.carry); r == utf8.RuneError && n == 1 {
				return false
			}
			s.carry = s.carry[:0]
		}
	}
	for back := 1; back < utf8.UTFMax && back <= len(p); back++ {
		if last := p[len(p)-back:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				s.carry = append(s.carry, last...)
				p = p[:len(p)-back]
			}
			break
		}
	}
	return utf8.Valid(p)
}
