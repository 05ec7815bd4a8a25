package cftccot

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"beanflows.coffee/materia/internal/extract"
)

const (
	coffeeCode = "083731"
	maxLine    = 64 << 10 // the header has 5,667 bytes, a row 1,800
)

// scanner checks a CSV as it streams by, in pieces of any size, without keeping
// it: the header by names, every row's number of fields, date, code and sum of
// positions. It takes the blank after a closing quote that files up to 2014 have.
//
// It refuses what a reader of the landed file could take otherwise than it was
// checked: text after a closing quote, quotes inside a field, line breaks of two
// kinds, control characters, bytes that are not UTF-8.
type scanner struct {
	rows       int64
	coffeeRows int64
	oldest     string // report date
	newest     string

	excess     int64 // allowed between the open interest and its parts
	header     []extract.Finding
	check      *extract.Check
	line       []byte // the piece of a line that came so far
	crlf       bool   // the header ends in \r\n, and so must every line
	names      []string
	date, code int // index of the column
	interest   int
	long       []int
	short      []int
	fields     [][]byte
	err        error
}

func newScanner(excess int64) *scanner { return &scanner{excess: excess} }

// Write checks the next piece. An error is final.
func (s *scanner) Write(p []byte) (int, error) {
	for rest := p; s.err == nil && len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			s.line = append(s.line, rest...)
			if len(s.line) > maxLine {
				s.err = s.fail("is longer than %d bytes", maxLine)
			}
			break
		}
		line := rest[:end+1]
		if rest = rest[end+1:]; len(s.line) > 0 {
			line = append(s.line, line...)
			s.line = line[:0]
		}
		s.err = s.take(line)
	}
	if s.err != nil {
		return 0, s.err
	}
	return len(p), nil
}

// Close checks the end: a last line may lack its line break, but a file without a
// row about coffee is none of ours.
func (s *scanner) Close() error {
	switch {
	case s.err != nil:
	case len(s.line) > 0:
		end := "\n"
		if s.crlf {
			end = "\r\n"
		}
		s.err = s.take(append(s.line, end...))
	}
	switch {
	case s.err != nil:
	case s.names == nil:
		s.err = errors.New("an empty file")
	case s.rows == 0:
		s.err = errors.New("a header and no rows")
	case s.coffeeRows == 0:
		s.err = fmt.Errorf("none of its %d rows is about coffee (%s %s)", s.rows, codeColumn, coffeeCode)
	}
	return s.err
}

func (s *scanner) take(line []byte) error {
	text, crlf := bytes.CutSuffix(line, []byte("\r\n"))
	if !crlf {
		text = bytes.TrimSuffix(line, []byte("\n"))
	}
	if s.names == nil {
		s.crlf = crlf
	} else if crlf != s.crlf {
		return s.fail("ends in another line break than the header")
	}
	if len(text) > maxLine {
		return s.fail("is longer than %d bytes", maxLine)
	}
	for _, c := range text {
		if c < ' ' {
			return s.fail("has a control character")
		}
	}
	if !utf8.Valid(text) {
		return s.fail("is not UTF-8")
	}
	var err error
	if s.fields, err = split(s.fields[:0], text); err != nil {
		return s.fail("%w", err)
	}
	if s.names == nil {
		return s.readHeader()
	}
	return s.readRow()
}

// split cuts a line at its commas outside quotes and appends the fields without
// quotes and padding.
func split(fields [][]byte, line []byte) ([][]byte, error) {
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
		fields = append(fields, bytes.TrimRight(field, " "))
		if comma < 0 {
			return fields, nil
		}
		line = rest[comma+1:]
	}
}

func (s *scanner) fail(format string, args ...any) error {
	where := "the header "
	if s.names != nil {
		where = fmt.Sprintf("row %d ", s.rows+1)
	}
	return fmt.Errorf(where+format, args...)
}

// readHeader compares the names with the known ones; see extract.CompareColumns.
func (s *scanner) readHeader() error {
	var names []string
	for _, f := range s.fields {
		names = append(names, string(f))
	}
	names[0] = strings.TrimPrefix(names[0], "\ufeff")
	if at := slices.Index(names, "Report_Date_as_MM_DD_YYYY"); at >= 0 {
		names[at] = dateColumn
	}
	for n, name := range names {
		if slices.Index(names, name) != n {
			return fmt.Errorf("the header has %q twice", name)
		}
	}
	s.header = extract.CompareColumns(columns(), names)
	index := func(name string) int { return slices.Index(names, name) }
	s.names, s.date, s.code, s.interest = names, index(dateColumn), index(codeColumn), index("Open_Interest_All")
	if s.date < 0 || s.code < 0 {
		return fmt.Errorf("%s", s.header[len(s.header)-1].Detail)
	}
	s.check = extract.Contract{Key: []string{codeColumn, dateColumn}}.Over(names)
	for _, c := range categories() {
		if c == "Tot_Rept" {
			continue // the sum of others
		}
		s.long = append(s.long, index(position(c, "Long", "All")))
		s.short = append(s.short, index(position(c, "Short", "All")))
		if spreads(c) {
			s.long = append(s.long, index(position(c, "Spread", "All")))
			s.short = append(s.short, index(position(c, "Spread", "All")))
		}
	}
	return nil
}

func (s *scanner) readRow() error {
	if len(s.fields) != len(s.names) {
		return s.fail("has %d fields, the header %d", len(s.fields), len(s.names))
	}
	day, code := string(s.fields[s.date]), string(s.fields[s.code])
	if _, err := time.Parse(time.DateOnly, day); err != nil {
		return s.fail("has the report date %q, which is none", day)
	}
	if code == "" {
		return s.fail("has no contract code")
	}
	s.check.Row(s.rows+1, s.fields)
	s.checkPositions(code, day)
	s.rows++
	if code == coffeeCode {
		s.coffeeRows++
	}
	if s.oldest == "" || day < s.oldest {
		s.oldest = day
	}
	s.newest = max(s.newest, day)
	return nil
}

// checkPositions notes positions that are no numbers, or do not make the open
// interest.
func (s *scanner) checkPositions(code, day string) {
	interest, known := s.sum(s.interest)
	long, longs := s.sum(s.long...)
	short, shorts := s.sum(s.short...)
	if !known || !longs || !shorts {
		return
	}
	if off := max(interest-long, long-interest, interest-short, short-interest); off > s.excess {
		s.check.Note("identity", "the categories do not make the open interest", s.rows+1, fmt.Sprintf("%s on %s by %d contracts", code, day, off))
	}
}

// sum adds up the positions in some columns; a column that the header lacks, or a
// value that is no number, makes it unknown.
func (s *scanner) sum(columns ...int) (total int64, known bool) {
	known = true
	for _, c := range columns {
		if c < 0 {
			known = false
			continue
		}
		n, err := strconv.ParseInt(string(s.fields[c]), 10, 64)
		if err != nil {
			s.check.Note("type", "column "+s.names[c]+" is no number", s.rows+1, string(s.fields[c]))
			known = false
		}
		total += n
	}
	return total, known
}

// newestReport is the date of the newest row; zero where there is none.
func (s *scanner) newestReport() time.Time {
	newest, _ := time.Parse(time.DateOnly, s.newest) // readRow checked it
	return newest
}

// findings are what the rows and the header say against the file.
func (s *scanner) findings(f file, now time.Time) []extract.Finding {
	refuse := func(rule, format string, args ...any) extract.Finding {
		return extract.Finding{Rule: rule, Detail: fmt.Sprintf(format, args...), Refuse: true}
	}
	list := slices.Concat(s.header, s.check.Findings())
	if s.oldest < strconv.Itoa(f.first) || s.newestReport().Year() > f.last {
		list = append(list, refuse("range", "reports of %s to %s do not belong in the file of %s", s.oldest, s.newest, f.name))
	}
	if s.newestReport().After(now.AddDate(0, 0, 1)) {
		list = append(list, refuse("range", "a report of %s, which is still to come", s.newest))
	}
	return list
}
