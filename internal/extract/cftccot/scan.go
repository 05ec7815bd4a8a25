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
	notes      []string
	line       []byte // the piece of a line that came so far
	crlf       bool   // the header ends in \r\n, and so must every line
	names      []string
	date, code int // index of the column
	interest   int
	long       []int
	short      []int
	keys       map[string]struct{}
	duplicates int64 // rows whose contract and date stood before
	unequal    int64 // rows whose categories do not make the open interest
	example    string
	fields     [][]byte
	err        error
}

func newScanner(excess int64) *scanner {
	return &scanner{excess: excess, keys: map[string]struct{}{}}
}

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

// Close checks the end: a last line may lack its line break.
func (s *scanner) Close() error {
	switch {
	case s.err != nil:
	case len(s.line) > 0:
		end := "\n"
		if s.crlf {
			end = "\r\n"
		}
		s.err = s.take(append(s.line, end...))
	case s.names == nil:
		s.err = errors.New("an empty file")
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

// readHeader compares the names with the known ones. Other places and more
// columns are a warning; a name that is missing is refused with the difference.
func (s *scanner) readHeader() error {
	var names []string
	for _, f := range s.fields {
		names = append(names, string(f))
	}
	names[0] = strings.TrimPrefix(names[0], "\ufeff")
	if at := slices.Index(names, "Report_Date_as_MM_DD_YYYY"); at >= 0 {
		names[at] = dateColumn
	}
	known := columns()
	var missing, unknown []string
	for _, name := range known {
		if !slices.Contains(names, name) {
			missing = append(missing, name)
		}
	}
	for n, name := range names {
		if !slices.Contains(known, name) {
			unknown = append(unknown, name)
		}
		if slices.Index(names, name) != n {
			return fmt.Errorf("the header has %q twice", name)
		}
	}
	switch {
	case len(missing) > 0:
		return fmt.Errorf("the header has other columns than known: missing %s, unknown %s", some(missing), some(unknown))
	case len(unknown) > 0:
		s.notes = append(s.notes, fmt.Sprintf("new columns %s", some(unknown)))
	case !slices.Equal(names, known):
		s.notes = append(s.notes, "the columns are in another order than known")
	}
	index := func(name string) int { return slices.Index(names, name) }
	s.names, s.date, s.code, s.interest = names, index(dateColumn), index("CFTC_Contract_Market_Code"), index("Open_Interest_All")
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

// some lists up to eight names.
func some(names []string) string {
	if len(names) <= 8 {
		return fmt.Sprintf("%q", names)
	}
	return fmt.Sprintf("%q and %d more", names[:8], len(names)-8)
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
	interest, err := s.sum(s.interest)
	if err != nil {
		return err
	}
	long, err := s.sum(s.long...)
	if err != nil {
		return err
	}
	short, err := s.sum(s.short...)
	if err != nil {
		return err
	}
	if off := max(interest-long, long-interest, interest-short, short-interest); off > s.excess {
		if s.unequal++; s.unequal == 1 {
			s.example = fmt.Sprintf("%s on %s by %d contracts", code, day, off)
		}
	}
	key := code + " " + day
	if _, stood := s.keys[key]; stood {
		s.duplicates++
	}
	s.keys[key] = struct{}{}
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

// sum adds up the positions in some columns.
func (s *scanner) sum(columns ...int) (int64, error) {
	total := int64(0)
	for _, c := range columns {
		n, err := strconv.ParseInt(string(s.fields[c]), 10, 64)
		if err != nil {
			return 0, s.fail("has %q for %s, which is no number", s.fields[c], s.names[c])
		}
		total += n
	}
	return total, nil
}

// verdict says whether the rows can be the file's, and the newest report's date.
func (s *scanner) verdict(f file, least int64, now time.Time) (time.Time, error) {
	newest, _ := time.Parse(time.DateOnly, s.newest) // readRow checked it; zero without rows
	switch {
	case s.rows == 0:
		return newest, errors.New("a header and no rows")
	case s.coffeeRows == 0:
		return newest, fmt.Errorf("none of its %d rows is about coffee (CFTC_Contract_Market_Code %s)", s.rows, coffeeCode)
	case s.rows < least:
		return newest, fmt.Errorf("%d rows, fewer than %d, which is %.0f %% of what landed from here before", s.rows, least, minShare*100)
	case s.oldest < strconv.Itoa(f.first) || newest.Year() > f.last:
		return newest, fmt.Errorf("reports of %s to %s do not belong in the file of %s", s.oldest, s.newest, f.name)
	case newest.After(now.AddDate(0, 0, 1)):
		return newest, fmt.Errorf("a report of %s, which is still to come", s.newest)
	}
	return newest, nil
}

// warnings are what a person should know of a file that lands all the same.
func (s *scanner) warnings() []string {
	all := slices.Clone(s.notes)
	if s.duplicates > 0 {
		all = append(all, fmt.Sprintf("%d rows repeat a contract and report date", s.duplicates))
	}
	if s.unequal > 0 {
		all = append(all, fmt.Sprintf("in %d of %d rows the categories do not make the open interest, the first %s", s.unequal, s.rows, s.example))
	}
	return all
}
