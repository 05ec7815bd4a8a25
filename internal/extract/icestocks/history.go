package icestocks

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/xls"
)

// history reads the month ends since November 1996: one row a month with a date
// and the certified bags of each port.
func history(book xls.Workbook, _ *time.Location) (report, error) {
	rows, err := grid(book)
	if err != nil {
		return report{}, err
	}
	var out report
	var h *header
	known := ports()
	for _, r := range rows {
		if got, unknown, ok := headerOf(r, known); ok && h == nil {
			out.findings = append(out.findings, newPorts(unknown)...)
			h = &got
			continue
		}
		if h == nil || !h.counted(r) {
			continue
		}
		day, ok := monthEnd(book, r.cells[0])
		if !ok || r.cells[0].Col >= h.first {
			out.findings = append(out.findings, oddity("rows", "row %d is left out: %q is no date", r.number, r.cells[0].Text))
			continue
		}
		if err := out.addMonth(*h, r, day); err != nil {
			return report{}, err
		}
	}
	switch {
	case h == nil:
		return report{}, errors.New("no row that names ports")
	case len(out.records) == 0:
		return report{}, errors.New("no row with a date and bags")
	}
	return out, unique(out.records)
}

func (out *report) addMonth(h header, r sheetRow, day time.Time) error {
	date := day.Format(time.DateOnly)
	if date <= out.date {
		out.findings = append(out.findings, oddity("rows", "row %d: %s comes after %s", r.number, date, out.date))
	}
	out.date = max(out.date, date)
	var sum int64
	for _, p := range h.ports {
		n, err := r.bags(p.col)
		if err != nil {
			return err
		}
		sum += n
		out.records = append(out.records, record{date: date, section: certified, port: p.port, bags: n})
	}
	if h.total < 0 {
		return nil
	}
	said, err := r.bags(h.total)
	if err != nil {
		return err
	}
	if _, there := r.at(h.total); there && said != sum {
		out.findings = append(out.findings, oddity("identity", "row %d (%s): the ports sum to %d, the file says %d", r.number, date, sum, said))
	}
	return nil
}

var writtenDate = regexp.MustCompile(`^(\pL+)\.?\s+(\d{1,2})(?:st|nd|rd|th)?\s*,?\s*(\d{4})$`)

// monthEnd reads a date: Excel's own, or one that somebody typed, "Feburary 28,
// 2001" or "dezembro 31, 2012" too.
func monthEnd(book xls.Workbook, c xls.Cell) (time.Time, bool) {
	if c.Kind == xls.Number {
		at, ok := book.Time(c.Number)
		return at, ok && at.Year() >= 1990 && at.Year() < 2100
	}
	text := strings.Join(strings.Fields(strings.ReplaceAll(c.Text, "\u00a0", " ")), " ")
	for _, layout := range []string{"1/2/2006", "2006-01-02", "2-Jan-06", "2-Jan-2006"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, true
		}
	}
	m := writtenDate.FindStringSubmatch(text)
	if m == nil {
		return time.Time{}, false
	}
	month, ok := monthOf(m[1])
	if !ok {
		return time.Time{}, false
	}
	day, _ := strconv.Atoi(m[2]) // digits
	year, _ := strconv.Atoi(m[3])
	at := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	return at, at.Day() == day && at.Month() == month
}

// monthOf reads the name of a month in English or Portuguese, short or whole,
// with up to two letters wrong if it is then like one month only.
func monthOf(word string) (time.Month, bool) {
	word = strings.ToLower(word)
	names := [12][]string{{"january", "janeiro"}, {"february", "fevereiro"}, {"march", "março", "marco"}, {"april", "abril"}, {"may", "maio"}, {"june", "junho"},
		{"july", "julho"}, {"august", "agosto"}, {"september", "setembro"}, {"october", "outubro"}, {"november", "novembro"}, {"december", "dezembro"}}
	best, found, ties := 3, time.Month(0), 0
	for i, all := range names {
		closest := 99
		for _, name := range all {
			if len(word) >= 3 && strings.HasPrefix(name, word) {
				return time.Month(i + 1), true
			}
			closest = min(closest, wrongLetters(word, name))
		}
		if closest < best {
			best, found, ties = closest, time.Month(i+1), 0
		} else if closest == best {
			ties++
		}
	}
	return found, found != 0 && ties == 0 && len(word) >= 4
}

// wrongLetters counts the letters to insert, drop or change that make b of a
// (Levenshtein).
func wrongLetters(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j := range y {
			change := diagonal
			if x[i] != y[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(y)]
}
