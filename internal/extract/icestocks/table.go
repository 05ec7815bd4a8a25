package icestocks

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/xls"
)

// sheetRow is a row of a worksheet with values in it.
type sheetRow struct {
	number int // from 1, as a person counts
	cells  []xls.Cell
}

// rowsOf groups a sheet's cells. The cells of a row come in order of columns.
func rowsOf(s xls.Sheet) ([]sheetRow, error) {
	var rows []sheetRow
	for _, c := range s.Cells {
		if c.Kind == xls.Text && strings.TrimSpace(c.Text) == "" {
			continue
		}
		n := len(rows)
		switch {
		case n == 0 || rows[n-1].number < c.Row+1:
			rows = append(rows, sheetRow{c.Row + 1, []xls.Cell{c}})
		case rows[n-1].number == c.Row+1 && rows[n-1].cells[len(rows[n-1].cells)-1].Col < c.Col:
			rows[n-1].cells = append(rows[n-1].cells, c)
		default:
			return nil, fmt.Errorf("row %d column %d comes after row %d: the cells are not in order", c.Row+1, c.Col+1, rows[n-1].number)
		}
	}
	return rows, nil
}

// text is the first cell if it is text, in one line.
func (r sheetRow) text() string {
	if r.cells[0].Kind != xls.Text {
		return ""
	}
	return strings.Join(strings.Fields(strings.ReplaceAll(r.cells[0].Text, "\u00a0", " ")), " ")
}

// at is the cell of a column.
func (r sheetRow) at(col int) (xls.Cell, bool) {
	for _, c := range r.cells {
		if c.Col == col {
			return c, true
		}
	}
	return xls.Cell{}, false
}

// header is a row of port names.
type header struct {
	ports []headerPort
	total int // column of the sum; -1 where there is none
	first int // column of the first port: what names a row stands before it
}

type headerPort struct {
	port
	col int
}

// headerOf reads a row as one that names ports. Labels that nobody knows become
// ports of their own, and are told, once the row is a header for sure.
func headerOf(r sheetRow, known map[string]port) (h header, unknown []string, ok bool) {
	h.total, h.first = -1, math.MaxInt
	names := 0
	for _, c := range r.cells {
		if c.Kind != xls.Text {
			return header{}, nil, false
		}
		l := label(c.Text)
		p, is := known[l]
		switch {
		case is:
			names++
		case isTotal(l):
			h.total = c.Col
			continue
		case names == 0 && h.total < 0: // the heading of the first column, such as Days
			continue
		default:
			p = port{l, strings.TrimSpace(c.Text)}
			unknown = append(unknown, p.name)
		}
		h.ports = append(h.ports, headerPort{p, c.Col})
		h.first = min(h.first, c.Col)
	}
	return h, unknown, names >= 2 || names == 1 && h.total >= 0
}

// bags reads the count of a column; an empty cell is none.
func (r sheetRow) bags(col int) (int64, error) {
	c, ok := r.at(col)
	if !ok {
		return 0, nil
	}
	n := c.Number
	switch c.Kind {
	case xls.Number:
	case xls.Text:
		text := strings.ReplaceAll(strings.TrimSpace(c.Text), ",", "")
		if text == "-" {
			return 0, nil
		}
		var err error
		if n, err = strconv.ParseFloat(text, 64); err != nil {
			return 0, fmt.Errorf("row %d column %d: %q is no number of bags", r.number, col+1, c.Text)
		}
	default:
		return 0, fmt.Errorf("row %d column %d: no number of bags", r.number, col+1)
	}
	if n != math.Trunc(n) || n < 0 || n > 1e9 { // NaN too
		return 0, fmt.Errorf("row %d column %d: %v is no number of bags", r.number, col+1, n)
	}
	return int64(n), nil
}

// counted says whether the row has a number in a column of the header.
func (h header) counted(r sheetRow) bool {
	for _, c := range r.cells {
		if c.Col >= h.first && c.Kind != xls.Text {
			return true
		}
		if c.Col >= h.first && c.Kind == xls.Text {
			if _, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(c.Text), ",", ""), 64); err == nil {
				return true
			}
		}
	}
	return false
}

// line is one row of a table.
type line struct {
	name string
	row  int
	bags []int64 // by port, in the header's order
}

// table is a block of rows under a header, checked against its own sums.
type table struct {
	header
	section  string
	lines    []line
	totals   *line // the row that sums the others; nil where there is none
	findings []extract.Finding
}

// identity is a sum that does not hold. Such a report does not land, unless a
// person lets it in: somebody's arithmetic is wrong, and it may be ours.
func identity(format string, args ...any) extract.Finding {
	return extract.Finding{Rule: "identity", Detail: fmt.Sprintf(format, args...), Refuse: true}
}

// oddity is something to know of a report that lands all the same.
func oddity(rule, format string, args ...any) extract.Finding {
	return extract.Finding{Rule: rule, Detail: fmt.Sprintf(format, args...)}
}

// newPorts tells of labels that nobody knows.
func newPorts(labels []string) (findings []extract.Finding) {
	for _, l := range labels {
		findings = append(findings, oddity("columns", "port %q is new: it is kept under that name, in no region", l))
	}
	return findings
}

// sum is all of the table's bags: by its rows, or by its row of totals where it
// has no other.
func (t table) sum() int64 {
	var n int64
	for _, l := range t.content() {
		for _, b := range l.bags {
			n += b
		}
	}
	return n
}

// content is the rows to keep: a table of totals alone is by port, for all
// origins together.
func (t table) content() []line {
	if len(t.lines) == 0 && t.totals != nil {
		return []line{{name: "", row: t.totals.row, bags: t.totals.bags}}
	}
	return t.lines
}

// add reads a row into the table and says whether it was the row of totals.
func (t *table) add(r sheetRow) (last bool, err error) {
	l := line{name: r.text(), row: r.number}
	if r.cells[0].Col >= t.first || l.name == "" {
		return false, fmt.Errorf("row %d: numbers without a name", r.number)
	}
	var sum int64
	for _, p := range t.ports {
		n, err := r.bags(p.col)
		if err != nil {
			return false, err
		}
		l.bags, sum = append(l.bags, n), sum+n
	}
	if t.total >= 0 {
		said, err := r.bags(t.total)
		if err != nil {
			return false, err
		}
		if _, there := r.at(t.total); there && said != sum {
			t.findings = append(t.findings, identity("%s: row %d (%s): the ports sum to %d, the report says %d", t.section, r.number, l.name, sum, said))
		}
	}
	if !isTotal(label(l.name)) {
		t.lines = append(t.lines, l)
		return false, nil
	}
	t.totals = &l
	t.check()
	return true, nil
}

// check compares each port's rows with the row of totals.
func (t *table) check() {
	if len(t.lines) == 0 {
		return
	}
	for i, p := range t.ports {
		var sum int64
		for _, l := range t.lines {
			sum += l.bags[i]
		}
		if sum != t.totals.bags[i] {
			t.findings = append(t.findings, identity("%s: %s: the rows sum to %d, the report's row %d says %d", t.section, p.name, sum, t.totals.row, t.totals.bags[i]))
		}
	}
}
