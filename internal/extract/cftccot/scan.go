package cftccot

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"beanflows.coffee/materia/internal/extract"
)

const coffeeCode = "083731"

// scanner checks a CSV as it streams by: the header by names, every row's date,
// code and sum of positions. What a reader of the landed file could take otherwise
// than it was checked, extract.Rows refuses.
type scanner struct {
	extract.Rows
	coffeeRows int64
	oldest     string // report date
	newest     string

	excess     int64 // allowed between the open interest and its parts
	header     []extract.Finding
	check      *extract.Check
	names      []string
	date, code int // index of the column
	interest   int
	long       []int
	short      []int
}

func newScanner(excess int64) *scanner {
	s := &scanner{excess: excess}
	s.Header, s.Row = s.readHeader, s.readRow
	return s
}

// Close checks the end: a file without a row about coffee is none of ours.
func (s *scanner) Close() error {
	switch err := s.Rows.Close(); {
	case err != nil:
		return err
	case s.Count == 0:
		return errors.New("a header and no rows")
	case s.coffeeRows == 0:
		return fmt.Errorf("none of its %d rows is about coffee (%s %s)", s.Count, codeColumn, coffeeCode)
	}
	return nil
}

// readHeader compares the names with the known ones; see extract.CompareColumns.
func (s *scanner) readHeader(names []string) error {
	if at := slices.Index(names, "Report_Date_as_MM_DD_YYYY"); at >= 0 {
		names[at] = dateColumn
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

func (s *scanner) readRow(number int64, fields [][]byte) error {
	day, code := string(fields[s.date]), string(fields[s.code])
	if _, err := time.Parse(time.DateOnly, day); err != nil {
		return fmt.Errorf("row %d has the report date %q, which is none", number, day)
	}
	if code == "" {
		return fmt.Errorf("row %d has no contract code", number)
	}
	s.check.Row(number, fields)
	s.checkPositions(number, fields, code, day)
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
func (s *scanner) checkPositions(number int64, fields [][]byte, code, day string) {
	interest, known := s.sum(number, fields, s.interest)
	long, longs := s.sum(number, fields, s.long...)
	short, shorts := s.sum(number, fields, s.short...)
	if !known || !longs || !shorts {
		return
	}
	if off := max(interest-long, long-interest, interest-short, short-interest); off > s.excess {
		s.check.Note("identity", "the categories do not make the open interest", number, fmt.Sprintf("%s on %s by %d contracts", code, day, off))
	}
}

// sum adds up the positions in some columns; a column that the header lacks, or a
// value that is no number, makes it unknown.
func (s *scanner) sum(number int64, fields [][]byte, columns ...int) (total int64, known bool) {
	known = true
	for _, c := range columns {
		if c < 0 {
			known = false
			continue
		}
		n, err := strconv.ParseInt(string(fields[c]), 10, 64)
		if err != nil {
			s.check.Note("type", "column "+s.names[c]+" is no number", number, string(fields[c]))
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
