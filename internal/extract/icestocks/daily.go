package icestocks

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/xls"
)

// record is one row of the CSV.
type record struct {
	date    string // of the report, YYYY-MM-DD
	section string
	origin  string // empty: all origins together
	port           // empty: all ports together
	bags    int64
	ageFrom string // days; of ageing only
	ageTo   string // empty: no end
}

// report is what a workbook says.
type report struct {
	date     string // newest in the content
	asOf     string // moment of the report in New York, RFC 3339; empty where it tells none
	records  []record
	findings []extract.Finding
}

// Sections of the daily report.
const (
	certified  = "certified"
	transition = "transition"
	passed     = "passed"
	failed     = "failed"
	pending    = "pending"
	rebagging  = "rebagging"
)

// sectionOf names the section that a heading opens; empty for other texts. The
// whole text counts: a footnote begins with "Transition Bags Certified" too.
func sectionOf(text string) string {
	switch label(text) {
	case "BAGS CERTIFIED", "TOTAL BAGS CERTIFIED":
		return certified
	case "TRANSITION BAGS CERTIFIED":
		return transition
	case "BAGS PASSED GRADING":
		return passed
	case "BAGS FAILED GRADING":
		return failed
	case "PENDING GRADING REPORT", "PENDING GRADING REPORT BY PORT", "PENDING GRADING", "PENDING GRADING BY PORT", "BAGS PENDING GRADING":
		return pending
	case "FLAGGED FOR REBAGGING":
		return rebagging
	}
	return ""
}

var (
	gradedToday = regexp.MustCompile(`(?i)^(no|[0-9][0-9,]*) bags (passed|failed) today\.?$`)
	asOfWords   = regexp.MustCompile(`(?i)^as of:?\s+([a-z]{3,9})\.?\s+(\d{1,2}),?\s+(\d{4})(?:,?\s+(\d{1,2}:\d{2}(?::\d{2})?)\s*([ap]m)?)?$`)
	asOfDigits  = regexp.MustCompile(`(?i)^as of(?: delivery)?:?\s+(\d{1,2})/(\d{1,2})/(\d{4})(?:,?\s+(\d{1,2}:\d{2}(?::\d{2})?)\s*([ap]m)?)?$`)
)

// asOf reads "As of: Dec 26, 2025 12:36:04PM" and its kin; clock is false where
// the text tells no time of day.
func asOf(text string, zone *time.Location) (at time.Time, clock, ok bool) {
	m := asOfWords.FindStringSubmatch(text)
	date, layout := "", "Jan 2 2006"
	if m != nil {
		date = m[1][:3] + " " + m[2] + " " + m[3]
	} else if m = asOfDigits.FindStringSubmatch(text); m != nil {
		date, layout = m[1]+" "+m[2]+" "+m[3], "1 2 2006"
	} else {
		return time.Time{}, false, false
	}
	if m[4] != "" {
		date, layout = date+" "+m[4], layout+" 15:04"
		if strings.Count(m[4], ":") == 2 {
			layout += ":05"
		}
		if m[5] != "" {
			date, layout = date+" "+strings.ToUpper(m[5]), strings.Replace(layout, "15", "3", 1)+" PM"
		}
	}
	at, err := time.ParseInLocation(layout, date, zone)
	return at, m[4] != "", err == nil
}

// only is the sheet with the report; others must be empty.
func only(book xls.Workbook) (xls.Sheet, error) {
	var found *xls.Sheet
	for i, s := range book.Sheets {
		if len(s.Cells) == 0 {
			continue
		}
		if found != nil {
			return xls.Sheet{}, fmt.Errorf("sheets %q and %q both hold something: which is the report?", found.Name, s.Name)
		}
		found = &book.Sheets[i]
	}
	if found == nil {
		return xls.Sheet{}, errors.New("the workbook is empty")
	}
	return *found, nil
}

// daily reads a daily report, section by section.
func daily(book xls.Workbook, zone *time.Location) (report, error) {
	rows, err := grid(book)
	if err != nil {
		return report{}, err
	}
	d := dailyReader{known: ports(), section: certified, sums: map[string]int64{}}
	for _, r := range rows {
		if err := d.row(r, zone); err != nil {
			return report{}, err
		}
	}
	d.end()
	return d.report, d.check()
}

func grid(book xls.Workbook) ([]sheetRow, error) {
	sheet, err := only(book)
	if err != nil {
		return nil, err
	}
	return rowsOf(sheet)
}

type dailyReader struct {
	report  report
	known   map[string]port
	section string // the one being read; the first table may come without a heading
	table   *table // being read
	closed  bool   // the section's table is over
	heading string // last text that stood alone in its row
	sums    map[string]int64
}

func (d *dailyReader) row(r sheetRow, zone *time.Location) error {
	text := r.text()
	if at, clock, ok := asOf(text, zone); ok && d.report.date == "" {
		d.report.date = at.Format(time.DateOnly)
		if clock {
			d.report.asOf = at.Format(time.RFC3339)
		}
		return nil
	}
	h, unknown, isHeader := headerOf(r, d.known)
	if s := sectionOf(text); s != "" && (isHeader || len(r.cells) == 1) {
		d.end()
		d.section, d.closed = s, false
	}
	if len(r.cells) == 1 {
		d.heading = text
	}
	if m := gradedToday.FindStringSubmatch(text); m != nil {
		return d.graded(r, m[1], strings.ToLower(m[2]))
	}
	if isHeader {
		if d.table != nil {
			return fmt.Errorf("row %d: ports are named again before the rows above came to their total", r.number)
		}
		if d.closed { // its rows are passed over, since no table is being read
			d.report.findings = append(d.report.findings, oddity("rows", "a table under %q is left out: nobody knows what it is of", d.heading))
			return nil
		}
		d.report.findings = append(d.report.findings, newPorts(unknown)...)
		d.table = &table{header: h, section: d.section}
		return nil
	}
	if d.table == nil || !d.table.counted(r) {
		return nil // titles and footnotes
	}
	last, err := d.table.add(r)
	if err != nil {
		return fmt.Errorf("%s: %w", d.section, err)
	}
	if last {
		d.close()
	}
	return nil
}

// graded reads "No Bags Passed Today" and "825 Bags Passed Today".
func (d *dailyReader) graded(r sheetRow, count, section string) error {
	d.end()
	n, err := strconv.ParseInt(strings.ReplaceAll(count, ",", ""), 10, 64)
	if strings.EqualFold(count, "no") {
		n, err = 0, nil
	}
	if err != nil {
		return fmt.Errorf("row %d: %w", r.number, err)
	}
	if _, twice := d.sums[section]; twice {
		return fmt.Errorf("row %d: %s bags for the second time", r.number, section)
	}
	d.sums[section], d.closed = n, true
	d.report.records = append(d.report.records, record{section: section, bags: n})
	return nil
}

// end closes the section being read. A heading of what waits with nothing under
// it says that nothing waits.
func (d *dailyReader) end() {
	waits := d.section == pending || d.section == rebagging
	if _, told := d.sums[d.section]; waits && d.table == nil && !told {
		d.sums[d.section] = 0
		d.report.records = append(d.report.records, record{section: d.section})
	}
	if d.table != nil && d.table.totals == nil && len(d.table.lines) > 0 {
		d.report.findings = append(d.report.findings, oddity("rows", "%s: no row of totals to check the others by", d.section))
	}
	d.close()
}

// close ends the table being read and keeps its rows.
func (d *dailyReader) close() {
	if d.table == nil {
		return
	}
	d.sums[d.section] += d.table.sum()
	d.report.findings = append(d.report.findings, d.table.findings...)
	for _, l := range d.table.content() {
		for i, p := range d.table.ports {
			d.report.records = append(d.report.records, record{section: d.section, origin: origin(l.name), port: p.port, bags: l.bags[i]})
		}
	}
	d.table, d.closed = nil, true
}

// origin is a country's name in one form.
func origin(text string) string {
	if label(text) == "PNG" {
		return "Papua New Guinea"
	}
	return text
}

// check says what a report cannot do without, and what is odd about it.
func (d *dailyReader) check() error {
	if d.report.date == "" {
		return errors.New(`no line "As of" with a date`)
	}
	if _, ok := d.sums[certified]; !ok {
		return errors.New("no table of certified bags: neither the heading nor a row that names ports")
	}
	for i := range d.report.records {
		d.report.records[i].date = d.report.date
	}
	if err := unique(d.report.records); err != nil {
		return err
	}
	held := map[[2]string]int64{}
	for _, r := range d.report.records {
		if r.section == certified {
			held[[2]string{r.origin, r.code}] = r.bags
		}
	}
	if len(held) == 0 {
		return errors.New("the table of certified bags has no line: it is cut off")
	}
	for _, r := range d.report.records {
		if r.section != transition {
			continue
		}
		if all := held[[2]string{r.origin, r.code}]; r.bags > all {
			d.report.findings = append(d.report.findings, oddity("identity", "transition bags are part of the certified ones, but %s in %s has %d of %d", r.origin, r.name, r.bags, all))
		}
	}
	return nil
}

// unique refuses an origin that stands twice in a table: one of the two would be
// lost, or counted twice.
func unique(records []record) error {
	seen := map[record]bool{}
	for _, r := range records {
		r.bags = 0
		if seen[r] {
			return fmt.Errorf("%s: %s in %s stands there twice", r.section, r.origin, r.name)
		}
		seen[r] = true
	}
	return nil
}
