package upstream

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"
)

var stockPath = regexp.MustCompile(`^publicdocs/futures_us_reports/coffee/(coffee_cert_stock_|coffee_aging_)(\d{8})\.xls$`)

const stockHistoryPath = "publicdocs/futures_us_reports/coffee/EOM_KC_cert_stox_by_port_nov96-present.xls"

// firstAgeing is the oldest month with a report by age.
func firstAgeing() time.Time { return day(2021, time.January, 1) }

// ice serves the daily report of certified stocks, the ageing of month ends and
// the history of month ends.
func (s *Server) ice(path string, fault Fault) answer {
	now := s.options.Now().In(s.newYork)
	days, months := s.stocks(day(now.Date()))
	var body []byte
	var published time.Time
	if m := stockPath.FindStringSubmatch(path); m != nil {
		d, err := time.Parse("20060102", m[2])
		if err != nil {
			return notFound()
		}
		if m[1] == "coffee_aging_" {
			body, published = s.ageingFile(months, d)
		} else {
			body, published = s.dailyStockFile(days, d, fault)
		}
	} else if path == stockHistoryPath {
		body, published = s.historyFile(months, now)
	}
	if body == nil || published.After(now) {
		return notFound()
	}
	if fault.editsContent() {
		published = later(published)
	}
	return answer{status: 200, kind: "application/vnd.ms-excel", body: body, etag: etagOf(body), modified: published}
}

func (s *Server) dailyStockFile(days []stockDay, d time.Time, fault Fault) ([]byte, time.Time) {
	n, found := slices.BinarySearchFunc(days, d, func(s stockDay, d time.Time) int { return s.day.Compare(d) })
	if !found {
		return nil, time.Time{}
	}
	dice := throw(s.options.Seed, "minute of stocks", int(d.Unix()/86400))
	at := time.Date(d.Year(), d.Month(), d.Day(), 13, 20+int(20*dice.unit()), int(60*dice.unit()), 0, s.newYork)
	report, layout := days[n].report(at.Add(-7*time.Minute)), stockLayout(d)
	if fault.Kind == Revise {
		report.Certified.Rows[0].Bags[0] += 275
	}
	g := report.grid(layout)
	fault.editStocks(&g)
	return writeXLS("Sheet1", g), at
}

func stockLayout(d time.Time) StockLayout {
	switch {
	case d.Before(day(2021, time.January, 1)):
		return Layout2016
	case d.Before(day(2023, time.July, 1)):
		return Layout2021
	}
	return Layout2023
}

// report lists the day's tables. Certified bags come with every port of their
// time, other tables too, transition bags with theirs.
func (d stockDay) report(asOf time.Time) StockReport {
	ports := []int{0, 1, 2, 3, 4, 5, 6, 7}
	switch stockLayout(d.day) {
	case Layout2016:
		ports = []int{0, 1, 2, 3, 4, 5, 6}
	case Layout2021:
		ports = []int{0, 1, 2, 3, 4, 6, 7}
	}
	for _, of := range []*matrix{&d.certified, &d.pending} {
		for port := range stockPorts {
			if of.inPort(port) > 0 && !slices.Contains(ports, port) {
				ports = append(ports, port)
			}
		}
	}
	slices.Sort(ports)
	r := StockReport{AsOf: asOf, Certified: d.certified.table(ports), Passed: d.passed.table(ports), Failed: d.failed.table(ports), Pending: d.pending.table(ports)}
	if !d.day.Before(day(2023, time.September, 1)) {
		r.Transition = d.transition.table([]int{0, 1, 2})
	}
	return r
}

func (m *matrix) inPort(port int) int32 {
	var sum int32
	for origin := range m {
		sum += m[origin][port]
	}
	return sum
}

func (m *matrix) table(ports []int) StockTable {
	var t StockTable
	for _, p := range ports {
		t.Ports = append(t.Ports, stockPorts[p])
	}
	for origin, name := range stockOrigins {
		row, any := StockRow{Origin: name}, false
		for _, p := range ports {
			row.Bags = append(row.Bags, int(m[origin][p]))
			any = any || m[origin][p] > 0
		}
		if any {
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}

func (s *Server) ageingFile(months []stockMonth, d time.Time) ([]byte, time.Time) {
	n, found := slices.BinarySearchFunc(months, d, func(m stockMonth, d time.Time) int { return m.day.Compare(d) })
	if !found || d.Before(firstAgeing()) {
		return nil, time.Time{}
	}
	return months[n].ageing().XLS(), time.Date(d.Year(), d.Month(), d.Day(), 15, 5, 0, 0, s.newYork)
}

// ageing sorts the parcels into buckets: up to 120 days, then 30 days each, the
// last one for all that is older.
func (m stockMonth) ageing() AgeingReport {
	const young, step, oldest = 120, 30, 6000
	buckets := map[int]*[len(stockPorts)]int{}
	var used [len(stockPorts)]bool
	for _, p := range m.parcels {
		age := min(int(m.day.Sub(p.day).Hours()/24), oldest)
		from := 0
		if age > young {
			from = young + 1 + (age-young-1)/step*step
		}
		if buckets[from] == nil {
			buckets[from] = &[len(stockPorts)]int{}
		}
		buckets[from][p.port] += p.bags
		used[p.port] = true
	}
	r := AgeingReport{AsOf: m.day}
	for port, code := range stockPorts {
		if used[port] {
			r.Ports = append(r.Ports, code)
		}
	}
	for from, bags := range buckets {
		row := AgeRow{From: from, To: from + step - 1}
		if from == 0 {
			row.To = young
		}
		for port := range stockPorts {
			if used[port] {
				row.Bags = append(row.Bags, bags[port])
			}
		}
		r.Rows = append(r.Rows, row)
	}
	slices.SortFunc(r.Rows, func(a, b AgeRow) int { return cmp.Compare(a.From, b.From) })
	return r
}

// historyFile holds every month that is over; it is published on the second day
// of the next.
func (s *Server) historyFile(months []stockMonth, now time.Time) ([]byte, time.Time) {
	published := func(m stockMonth) time.Time {
		return time.Date(m.day.Year(), m.day.Month()+1, 2, 10, 0, 0, 0, s.newYork)
	}
	for len(months) > 0 && published(months[len(months)-1]).After(now) {
		months = months[:len(months)-1]
	}
	if len(months) == 0 {
		return nil, time.Time{}
	}
	rows := make([]MonthEnd, len(months))
	for i, m := range months {
		rows[i] = MonthEnd{m.day, make([]int, len(stockPorts))}
		for _, p := range m.parcels {
			rows[i].Bags[p.port] += p.bags
		}
	}
	return HistoryXLS(stockPorts[:], rows), published(months[len(months)-1])
}

// editStocks applies a fault to a daily report. Its columns are ports.
func (f Fault) editStocks(g *xlsGrid) {
	column := strings.ToUpper(cmp.Or(f.Column, "ANT"))
	at := -1
	for _, c := range g.cells {
		if strings.ToUpper(c.text) == column || column == "ANT" && c.text == "Antwerp" {
			at = c.col
			break
		}
	}
	for i := range g.cells {
		c := &g.cells[i]
		switch {
		case f.Kind == RenameColumn && c.col == at && !c.isNumber && c.row > 3:
			c.text = cmp.Or(f.To, "Amount")
		case f.Kind == WrongType && c.col == at && c.isNumber:
			c.text, c.isNumber = notANumber, false
		}
	}
	g.cells = slices.DeleteFunc(g.cells, func(c xlsCell) bool {
		return f.Kind == DropColumn && c.col == at || f.Kind == FewerRows && c.row >= 8 && c.row < 10
	})
}
