package icestocks

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"beanflows.coffee/materia/internal/xls"
)

// ageingSection is the section of the month-end report by age.
const ageingSection = "ageing"

var (
	agedBetween = regexp.MustCompile(`(?i)^(\d{1,5})\s*(?:to|-)\s*(\d{1,5})(?: days)?$`)
	agedOver    = regexp.MustCompile(`(?i)^(?:over|more than|>)\s*(\d{1,5})(?: days)?$`)
	agedFrom    = regexp.MustCompile(`(?i)^(\d{1,5})(?:\s*\+| and (?:over|above|more|older))(?: days)?$`)
)

// ageing reads a month-end report: bags by days since grading, and by port.
func ageing(book xls.Workbook, zone *time.Location) (report, error) {
	rows, err := grid(book)
	if err != nil {
		return report{}, err
	}
	var out report
	var t *table
	known := ports()
	for _, r := range rows {
		if t != nil && t.totals != nil {
			break // footnotes
		}
		if at, clock, ok := asOf(r.text(), zone); ok && out.date == "" {
			out.date = at.Format(time.DateOnly)
			if clock {
				out.asOf = at.Format(time.RFC3339)
			}
			continue
		}
		if h, unknown, ok := headerOf(r, known); ok {
			if t != nil {
				return report{}, fmt.Errorf("row %d: ports are named for the second time", r.number)
			}
			out.findings = append(out.findings, newPorts(unknown)...)
			t = &table{header: h, section: ageingSection}
			continue
		}
		if t == nil || !t.counted(r) {
			continue
		}
		if _, err := t.add(r); err != nil {
			return report{}, fmt.Errorf("ageing: %w", err)
		}
	}
	switch {
	case out.date == "":
		return report{}, errors.New(`no line "As of" with a date`)
	case t == nil || len(t.lines) == 0:
		return report{}, errors.New("no table of ages by port")
	case t.totals == nil:
		return report{}, errors.New("no row of totals: the table is cut off")
	}
	out.findings = append(out.findings, t.findings...)
	for _, l := range t.lines {
		from, to, err := age(l.name)
		if err != nil {
			return report{}, fmt.Errorf("row %d: %w", l.row, err)
		}
		for i, p := range t.ports {
			out.records = append(out.records, record{date: out.date, section: ageingSection, port: p.port, bags: l.bags[i], ageFrom: from, ageTo: to})
		}
	}
	return out, unique(out.records)
}

// age reads a bucket's bounds in days, both inclusive; to is empty for one
// without end.
func age(text string) (from, to string, err error) {
	number := func(digits string) int {
		n, _ := strconv.Atoi(digits) // five digits at most
		return n
	}
	if m := agedBetween.FindStringSubmatch(text); m != nil {
		first, last := number(m[1]), number(m[2])
		if first >= last {
			return "", "", fmt.Errorf("age %q: ends before it begins", text)
		}
		return strconv.Itoa(first), strconv.Itoa(last), nil
	}
	if m := agedOver.FindStringSubmatch(text); m != nil {
		return strconv.Itoa(number(m[1]) + 1), "", nil
	}
	if m := agedFrom.FindStringSubmatch(text); m != nil {
		return strconv.Itoa(number(m[1])), "", nil
	}
	return "", "", fmt.Errorf("age %q: want days such as 0121 to 0150", text)
}
