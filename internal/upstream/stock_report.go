package upstream

import (
	"fmt"
	"strings"
	"time"
)

// StockLayout is how ICE lays out its daily report.
type StockLayout int

// The layouts by the year in which they came.
const (
	Layout2016 StockLayout = iota // no heading over the certified bags, ports spelled out, pending by port
	Layout2021                    // the heading "BAGS CERTIFIED"
	Layout2023                    // "TOTAL BAGS CERTIFIED", ports by code, transition bags, grading by origin
)

// StockReport is a daily report of certified coffee stocks, in bags. A table
// without ports is not written.
type StockReport struct {
	AsOf                                           time.Time // New York
	Certified, Transition, Passed, Failed, Pending StockTable
}

// StockTable is bags by origin and port. A row without an origin is in the
// table's sum alone.
type StockTable struct {
	Ports []string // codes: ANT, BAR, HA/BR, HOU, MIAMI, NOLA, NY, VA
	Rows  []StockRow
}

// StockRow is one origin's bags, one number a port.
type StockRow struct {
	Origin string
	Bags   []int
}

func (t StockTable) totals() (byPort []int, all int) {
	byPort = make([]int, len(t.Ports))
	for _, r := range t.Rows {
		for i, n := range r.Bags {
			byPort[i] += n
			all += n
		}
	}
	return byPort, all
}

// portName spells a port out, as the ageing report and older daily ones do.
func portName(code string) string {
	switch code {
	case "ANT":
		return "Antwerp"
	case "BAR":
		return "Barcelona"
	case "HA/BR":
		return "Hamburg / Bremen"
	case "HOU":
		return "Houston"
	case "MIAMI":
		return "Miami"
	case "NOLA":
		return "New Orleans"
	case "NY":
		return "New York"
	case "VA":
		return "Virginia"
	}
	return code
}

// XLS writes the report as a workbook.
func (r StockReport) XLS(layout StockLayout) []byte { return writeXLS("Sheet1", r.grid(layout)) }

func (r StockReport) grid(layout StockLayout) xlsGrid {
	var g xlsGrid
	g.text(0, 0, "ICE Futures U.S.")
	g.text(1, 0, `COFFEE "C" CERTIFIED WAREHOUSE STOCK REPORT`)
	stamp := "As of: Jan 02, 2006  3:04:05PM"
	if layout == Layout2016 {
		stamp = "As of: January 02, 2006 3:04:05PM"
	}
	g.text(2, 0, r.AsOf.Format(stamp))
	row := 4
	switch layout {
	case Layout2021:
		g.text(row, 0, "BAGS CERTIFIED")
	case Layout2023:
		g.text(row, 0, "TOTAL BAGS CERTIFIED")
	}
	row = g.table(row+2, r.Certified, layout) + 3
	if layout == Layout2023 && r.Transition.Ports != nil {
		g.text(row, 0, "TRANSITION BAGS CERTIFIED")
		row = g.table(row+2, r.Transition, layout) + 2
		g.text(row, 0, "Transition Bags Certified data includes all certified stocks in the named delivery point which have a bill of lading date on or after 6/29/23.")
		g.text(row+1, 0, "These bags are included in the TOTAL BAGS CERTIFIED data above. ")
		row += 5
	}
	row = g.grading(row, r, layout) + 3
	if r.Pending.Ports != nil {
		g.text(row, 0, "Pending Grading Report")
		pending := r.Pending
		if layout == Layout2016 { // by port alone
			byPort, _ := pending.totals()
			pending.Rows = []StockRow{{Bags: byPort}}
		}
		row = g.table(row+2, pending, layout) + 5
	}
	if layout == Layout2023 {
		g.text(row, 0, "Flagged for Rebagging")
	}
	return g
}

// grading writes what was graded on the day: in words where nothing was, or
// before there were tables.
func (g *xlsGrid) grading(row int, r StockReport, layout StockLayout) int {
	g.text(row, 0, "TODAY'S GRADING SUMMARY")
	for _, t := range []struct {
		table StockTable
		word  string
	}{{r.Passed, "Passed"}, {r.Failed, "Failed"}} {
		_, all := t.table.totals()
		switch {
		case all == 0:
			row++
			g.text(row, 0, "No Bags "+t.word+" Today")
		case layout != Layout2023:
			row++
			g.text(row, 0, fmt.Sprintf("%d Bags %s Today", all, t.word))
		default:
			g.text(row+1, 0, "BAGS "+strings.ToUpper(t.word)+" GRADING")
			row = g.table(row+3, t.table, layout) + 1
		}
	}
	return row
}

// table writes ports, origins and sums, and returns the row of the sums.
func (g *xlsGrid) table(row int, t StockTable, layout StockLayout) int {
	for i, code := range t.Ports {
		name := code
		if layout != Layout2023 {
			name = portName(code)
		}
		g.text(row, i+1, name)
	}
	g.text(row, len(t.Ports)+1, "Total")
	write := func(name string, bags []int) {
		row++
		g.text(row, 0, name)
		sum := 0
		for i, n := range bags {
			g.number(row, i+1, float64(n))
			sum += n
		}
		g.number(row, len(bags)+1, float64(sum))
	}
	for _, r := range t.Rows {
		if r.Origin != "" {
			write(r.Origin, r.Bags)
		}
	}
	byPort, _ := t.totals()
	write("Total in Bags", byPort)
	return row
}

// AgeingReport is certified bags by days since grading and port, at a month's end.
type AgeingReport struct {
	AsOf  time.Time
	Ports []string // codes
	Rows  []AgeRow
}

// AgeRow is a bucket of ages, both ends inclusive.
type AgeRow struct {
	From, To int
	Bags     []int
}

// XLS writes the report as a workbook.
func (r AgeingReport) XLS() []byte {
	var g xlsGrid
	g.text(0, 0, "ICE Futures U.S.")
	g.text(1, 0, `COFFEE "C" CERTIFIED STOCKS AGING REPORT`)
	g.text(2, 0, r.AsOf.Format("As of Delivery 1/2/2006"))
	g.text(4, 0, "Days")
	for i, code := range r.Ports {
		g.text(4, i+1, strings.ToUpper(portName(code)))
	}
	g.text(4, len(r.Ports)+1, "Total")
	row, totals := 4, make([]int, len(r.Ports))
	write := func(name string, bags []int) {
		row++
		g.text(row, 0, name)
		sum := 0
		for i, n := range bags {
			g.number(row, i+1, float64(n))
			sum += n
		}
		g.number(row, len(bags)+1, float64(sum))
	}
	for _, a := range r.Rows {
		write(fmt.Sprintf("%04d to %04d", a.From, a.To), a.Bags)
		for i, n := range a.Bags {
			totals[i] += n
		}
	}
	write("Total", totals)
	return writeXLS("Sheet1", g)
}

// MonthEnd is a row of the history: certified bags by port.
type MonthEnd struct {
	Date time.Time
	Bags []int
}

// HistoryXLS writes the history of month ends as a workbook: dates in the second
// column, one of them typed by hand now and then.
func HistoryXLS(ports []string, months []MonthEnd) []byte {
	var g xlsGrid
	g.text(0, 1, "Coffee C certified stocks by port, end of month")
	g.text(2, 1, "Date")
	for i, code := range ports {
		g.text(2, i+2, portName(code))
	}
	g.text(2, len(ports)+2, "Total")
	for n, m := range months {
		row := n + 3
		if n%50 == 49 {
			g.text(row, 1, strings.Replace(m.Date.Format("January 2, 2006"), "ru", "u", 1)) // Febuary
		} else {
			g.day(row, 1, m.Date)
		}
		sum := 0
		for i, bags := range m.Bags {
			g.number(row, i+2, float64(bags))
			sum += bags
		}
		g.number(row, len(ports)+2, float64(sum))
	}
	return writeXLS("EOM", g)
}
