package cftclegacy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"beanflows.coffee/materia/internal/extract"
)

const (
	dateColumn = "As of Date in Form YYYY-MM-DD"
	codeColumn = "CFTC Contract Market Code"
	interest   = "Open Interest (All)"
	coffeeCode = "083731"
)

// longs and shorts are the columns that make the open interest.
var (
	longs = []string{"Noncommercial Positions-Long (All)", "Noncommercial Positions-Spreading (All)", "Commercial Positions-Long (All)",
		"Nonreportable Positions-Long (All)"}
	shorts = []string{"Noncommercial Positions-Short (All)", "Noncommercial Positions-Spreading (All)", "Commercial Positions-Short (All)",
		"Nonreportable Positions-Short (All)"}
)

// needed are the columns that the models read. The others may come and go with a
// warning at most.
func needed() []string {
	return slices.Concat([]string{"Market and Exchange Names", dateColumn, codeColumn, interest}, longs, shorts[:1], shorts[2:],
		[]string{"Total Reportable Positions-Long (All)", "Total Reportable Positions-Short (All)", "Traders-Total (All)", "Contract Units"})
}

func contract() extract.Contract {
	columns := []extract.Column{{Name: dateColumn, Kind: extract.Day, Needed: true}, {Name: codeColumn, Needed: true}}
	for _, name := range slices.Concat([]string{interest}, longs, shorts[:1], shorts[2:]) {
		columns = append(columns, extract.Column{Name: name, Kind: extract.Number, Needed: true, Bounded: true, Least: 0, Most: 1e9})
	}
	return extract.Contract{Columns: columns, Key: []string{codeColumn, dateColumn}}
}

// check is what one file is held against.
type check struct {
	rows   extract.Rows
	names  []string
	all    *extract.Check // every row
	coffee *extract.Check // the identity, of the rows about coffee

	date, code, interest int // indexes
	longs, shorts        []int
	coffeeRows           int64
	oldest, newest       string
}

func newCheck() *check {
	c := &check{}
	c.rows.Header, c.rows.Row = c.header, c.row
	return c
}

func (c *check) header(names []string) error {
	at := func(name string) int { return slices.Index(names, name) }
	c.names, c.all, c.coffee = names, contract().Over(names), extract.Contract{}.Over(names)
	c.date, c.code, c.interest = at(dateColumn), at(codeColumn), at(interest)
	if min(c.date, c.code) < 0 {
		return fmt.Errorf("no column %q or none %q in the header", dateColumn, codeColumn)
	}
	for n := range longs {
		c.longs, c.shorts = append(c.longs, at(longs[n])), append(c.shorts, at(shorts[n]))
	}
	return nil
}

func (c *check) row(number int64, fields [][]byte) error {
	c.all.Row(number, fields)
	day := string(fields[c.date])
	if c.oldest == "" || day < c.oldest {
		c.oldest = day
	}
	c.newest = max(c.newest, day)
	if string(fields[c.code]) != coffeeCode {
		return nil
	}
	c.coffeeRows++
	c.coffee.Row(number, fields)
	total, ok := sum(fields, []int{c.interest})
	long, okLong := sum(fields, c.longs)
	short, okShort := sum(fields, c.shorts)
	if ok && okLong && okShort && (long != total || short != total) {
		c.coffee.Note("identity", "the categories do not make the open interest", number, day)
	}
	return nil
}

// sum is false where a column is not there or not a number, which others say.
func sum(fields [][]byte, columns []int) (total int64, ok bool) {
	for _, at := range columns {
		if at < 0 {
			return 0, false
		}
		n, err := strconv.ParseInt(string(fields[at]), 10, 64)
		if err != nil {
			return 0, false
		}
		total += n
	}
	return total, true
}

// newestOf is the date of the newest report, or why this cannot be the year's file.
func (c *check) newestOf(year int, now time.Time) (time.Time, error) {
	newest, err := time.Parse(time.DateOnly, c.newest)
	switch {
	case c.rows.Count == 0:
		return newest, errors.New("a header and no rows")
	case c.coffeeRows == 0:
		return newest, fmt.Errorf("none of its %d rows is about coffee (%s %s)", c.rows.Count, codeColumn, coffeeCode)
	case err != nil:
		return newest, fmt.Errorf("the newest report is dated %q, which is no date", c.newest)
	case c.oldest < strconv.Itoa(year) || newest.Year() > year:
		return newest, fmt.Errorf("reports of %s to %s do not belong in the file of %d", c.oldest, c.newest, year)
	case newest.After(now.AddDate(0, 0, 1)):
		return newest, fmt.Errorf("a report of %s, which is still to come", c.newest)
	}
	return newest, nil
}

func (c *check) findings() []extract.Finding {
	return slices.Concat(extract.MissingColumns(needed(), c.names), c.all.Findings(), c.coffee.Findings())
}
