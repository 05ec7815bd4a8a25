package icestocks

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"beanflows.coffee/materia/internal/realdata"
	"beanflows.coffee/materia/internal/upstream"
	"beanflows.coffee/materia/internal/xls"
)

func zone(t testing.TB) *time.Location {
	t.Helper()
	z, err := newYork()
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// parse reads a workbook with one of the parsers.
func parse(t testing.TB, body []byte, how func(xls.Workbook, *time.Location) (report, error)) (report, error) {
	t.Helper()
	book, err := xls.Read(body)
	if err != nil {
		t.Fatal(err)
	}
	return how(book, zone(t))
}

// cells are a section's bags by origin and port, without zeros.
func (r report) cells(section string) map[string]int64 {
	all := map[string]int64{}
	for _, x := range r.records {
		if x.section == section && x.bags > 0 {
			all[x.origin+"|"+x.code] += x.bags
		}
	}
	return all
}

func (r report) sum(section string) int64 {
	var sum int64
	for _, x := range r.records {
		if x.section == section {
			sum += x.bags
		}
	}
	return sum
}

// Figures of the report of 26 December 2025, as read off it by others.
func TestRealDailyReport(t *testing.T) {
	r, err := parse(t, realdata.Read(t, "ice_stocks/coffee_cert_stock_20251226.xls"), daily)
	if err != nil {
		t.Fatal(err)
	}
	if r.date != "2025-12-26" || r.asOf != "2025-12-26T12:36:04-05:00" || len(r.findings) > 0 {
		t.Errorf("date %s, as of %s, findings %v", r.date, r.asOf, r.findings)
	}
	byPort, byOrigin := map[string]int64{}, map[string]int64{}
	for _, x := range r.records {
		if x.section == certified {
			byPort[x.code+" "+x.name] += x.bags
			byOrigin[x.origin] += x.bags
		}
	}
	wantPorts := map[string]int64{"ANT Antwerp": 374281, "BAR Barcelona": 0, "HA/BR Hamburg/Bremen": 34520, "HOU Houston": 12304, "MIAMI Miami": 6990,
		"NOLA New Orleans": 2083, "NY New York": 26299, "VA Virginia": 0}
	if !maps.Equal(byPort, wantPorts) {
		t.Errorf("by port %v", byPort)
	}
	if byOrigin["Brazil"] != 81527 || byOrigin["Mexico"] != 73310 || byOrigin["Peru"] != 69077 || len(byOrigin) != 16 {
		t.Errorf("by origin %v", byOrigin)
	}
	for section, want := range map[string]int64{certified: 456477, transition: 399871, pending: 8210, passed: 0, failed: 0, rebagging: 0} {
		if got := r.sum(section); got != want || !slices.ContainsFunc(r.records, func(x record) bool { return x.section == section }) {
			t.Errorf("%s %d, want %d and a record of it", section, got, want)
		}
	}
	if got := r.cells(pending); !maps.Equal(got, map[string]int64{"Brazil|ANT": 6630, "Peru|MIAMI": 500, "Uganda|ANT": 330, "Venezuela|HA/BR": 750}) {
		t.Errorf("pending %v", got)
	}
}

// codes are the port codes of the history files in ICE's own form.
var codes = map[string]string{"HAM": "HA/BR", "NYK": "NY", "NOR": "NOLA", "NO": "NOLA", "MIA": "MIAMI", "VIR": "VA"}

func code(c string) string {
	if own, ok := codes[c]; ok {
		return own
	}
	return c
}

type snapshot struct {
	Date     string           `json:"date"`
	Total    int64            `json:"total_bags"`
	ByPort   map[string]int64 `json:"by_port_totals"`
	Sections map[string]struct {
		GrandTotal int64 `json:"grand_total"`
		ByOrigin   map[string]struct {
			ByPort map[string]int64 `json:"by_port"`
		} `json:"by_origin"`
	} `json:"sections"`
}

func snapshots(t testing.TB, name string) []snapshot {
	t.Helper()
	var all struct{ Snapshots []snapshot }
	if err := json.Unmarshal(realdata.Read(t, "ice_stocks/"+name), &all); err != nil {
		t.Fatal(err)
	}
	return all.Snapshots
}

// tableOf writes cells "origin|port" as a table of ports and origins.
func tableOf(cells map[string]int64) upstream.StockTable {
	t := upstream.StockTable{Ports: []string{"ANT", "BAR", "HA/BR", "HOU", "MIAMI", "NOLA", "NY", "VA"}}
	rows := map[string]*upstream.StockRow{}
	for _, key := range slices.Sorted(maps.Keys(cells)) {
		name, port, _ := strings.Cut(key, "|")
		if rows[name] == nil {
			rows[name] = &upstream.StockRow{Origin: name, Bags: make([]int, len(t.Ports))}
		}
		rows[name].Bags[slices.Index(t.Ports, port)] += int(cells[key])
	}
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		t.Rows = append(t.Rows, *rows[name])
	}
	return t
}

var layouts = []upstream.StockLayout{upstream.Layout2016, upstream.Layout2021, upstream.Layout2023}

// Every day of the history by port, written in three layouts and read back.
func TestDailyHistoryByPortInEveryLayout(t *testing.T) {
	t.Parallel()
	days := 0
	for _, years := range []string{"2010-2014", "2015-2019", "2020-2024"} {
		for _, s := range snapshots(t, "certified_stocks_arabica_daily_by_port_"+years+".json") {
			days++
			cells := map[string]int64{}
			for port, bags := range s.ByPort {
				cells["|"+code(port)] += bags
			}
			for _, layout := range layouts {
				checkDay(t, s.Date, layout, cells, nil, s.Total)
			}
		}
	}
	if days != 3643 {
		t.Errorf("%d days, want 3,643", days)
	}
}

// Every day of the history by origin and port, with what was pending.
func TestDailyHistoryByOriginInEveryLayout(t *testing.T) {
	t.Parallel()
	all := snapshots(t, "certified_stocks_arabica_20250528_20260806.json")
	for _, s := range all {
		section := func(name string) map[string]int64 {
			cells := map[string]int64{}
			for origin, o := range s.Sections[name].ByOrigin {
				for port, bags := range o.ByPort {
					if bags > 0 {
						cells[origin+"|"+code(port)] += bags
					}
				}
			}
			return cells
		}
		for _, layout := range layouts {
			checkDay(t, s.Date, layout, section("total_certified"), section("pending_grading"), s.Total)
		}
	}
	if len(all) != 301 {
		t.Errorf("%d days, want 301", len(all))
	}
}

func checkDay(t *testing.T, date string, layout upstream.StockLayout, certifiedCells, pendingCells map[string]int64, total int64) {
	t.Helper()
	at, err := time.ParseInLocation(time.DateOnly+" 15:04", date+" 13:31", zone(t))
	if err != nil {
		t.Fatal(err)
	}
	report := upstream.StockReport{AsOf: at, Certified: tableOf(certifiedCells)}
	if pendingCells != nil {
		report.Pending = tableOf(pendingCells)
	}
	got, err := parse(t, report.XLS(layout), daily)
	if err != nil {
		t.Fatalf("%s, layout %d: %v", date, layout, err)
	}
	if got.date != date || got.asOf != at.Format(time.RFC3339) || len(got.findings) > 0 {
		t.Fatalf("%s, layout %d: dated %s, as of %s, findings %v", date, layout, got.date, got.asOf, got.findings)
	}
	if !maps.Equal(got.cells(certified), certifiedCells) || got.sum(certified) != total {
		t.Fatalf("%s, layout %d: %v, want %v", date, layout, got.cells(certified), certifiedCells)
	}
	if layout == upstream.Layout2016 { // by port alone
		byPort := map[string]int64{}
		for key, bags := range pendingCells {
			_, port, _ := strings.Cut(key, "|")
			byPort["|"+port] += bags
		}
		pendingCells = byPort
	}
	if pendingCells != nil && !maps.Equal(got.cells(pending), pendingCells) {
		t.Fatalf("%s, layout %d: pending %v, want %v", date, layout, got.cells(pending), pendingCells)
	}
}

// The ages of 31 July 2026, whose sum is the certified bags of that day.
func TestRealAgesReadBack(t *testing.T) {
	var file struct {
		Ageing struct {
			Detail map[string][]struct {
				Bucket string `json:"age_bucket"`
				Bags   int64
			} `json:"age_detail"`
		} `json:"ageing_report"`
	}
	if err := json.Unmarshal(realdata.Read(t, "ice_stocks/certified_stocks_arabica_20250528_20260806.json"), &file); err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{}
	for port, buckets := range file.Ageing.Detail {
		for _, b := range buckets {
			var from, to int
			if _, err := fmt.Sscanf(b.Bucket, "%d to %d", &from, &to); err != nil {
				t.Fatal(err)
			}
			want[fmt.Sprintf("%d|%d|%s", from, to, port)] += b.Bags
		}
	}
	ports := slices.Sorted(maps.Keys(file.Ageing.Detail))
	report := upstream.AgeingReport{AsOf: time.Date(2026, 7, 31, 0, 0, 0, 0, time.UTC), Ports: ports}
	for from := 0; from <= 5971; from += 30 {
		row := upstream.AgeRow{From: from, To: from + 29}
		if from == 0 {
			row.To, from = 120, 91
		}
		any := false
		for _, port := range ports {
			n := want[fmt.Sprintf("%d|%d|%s", row.From, row.To, port)]
			row.Bags, any = append(row.Bags, int(n)), any || n > 0
		}
		if any {
			report.Rows = append(report.Rows, row)
		}
	}
	got, err := parse(t, report.XLS(), ageing)
	if err != nil {
		t.Fatal(err)
	}
	cells := map[string]int64{}
	for _, x := range got.records {
		if x.bags > 0 {
			cells[x.ageFrom+"|"+x.ageTo+"|"+x.code] += x.bags
		}
	}
	if got.date != "2026-07-31" || got.asOf != "" || !maps.Equal(cells, want) {
		t.Errorf("dated %s, %d cells, want %d", got.date, len(cells), len(want))
	}
	day := snapshots(t, "certified_stocks_arabica_20250528_20260806.json")
	i := slices.IndexFunc(day, func(s snapshot) bool { return s.Date == "2026-07-31" })
	if got.sum(ageingSection) != 264179 || day[i].Total != 264179 {
		t.Errorf("the ages sum to %d, the day's report says %d", got.sum(ageingSection), day[i].Total)
	}
}

// Month ends of ICE's own history, written and read back with typed dates.
func TestRealMonthEndsReadBack(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(string(realdata.Read(t, "ice_stocks/ice_eom_kc_cert_stocks_total_excerpt_1996_2026.csv"))), "\n")[1:]
	var months []upstream.MonthEnd
	want := map[string]int64{}
	for _, line := range lines {
		text, bags, _ := strings.Cut(strings.TrimSpace(line), ",")
		day, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if _, err := fmt.Sscan(bags, &n); err != nil {
			t.Fatal(err)
		}
		months = append(months, upstream.MonthEnd{Date: day, Bags: []int{n - n/3, n / 3}})
		want[text] = int64(n)
	}
	got, err := parse(t, upstream.HistoryXLS([]string{"ANT", "NOLA"}, months), history)
	if err != nil {
		t.Fatal(err)
	}
	cells := map[string]int64{}
	for _, x := range got.records {
		cells[x.date] += x.bags
	}
	if len(got.findings) > 0 || got.date != "2026-01-30" || len(want) != 63 || !maps.Equal(cells, want) {
		t.Errorf("newest %s, %d months, want %d; findings %v", got.date, len(cells), len(want), got.findings)
	}
}

// sheet makes a workbook of rows: text, or numbers as they stand.
func sheet(rows ...[]any) xls.Workbook {
	var s xls.Sheet
	for r, row := range rows {
		for c, v := range row {
			switch v := v.(type) {
			case string:
				if v != "" {
					s.Cells = append(s.Cells, xls.Cell{Row: r, Col: c, Text: v})
				}
			case int:
				s.Cells = append(s.Cells, xls.Cell{Row: r, Col: c, Kind: xls.Number, Number: float64(v)})
			case float64:
				s.Cells = append(s.Cells, xls.Cell{Row: r, Col: c, Kind: xls.Number, Number: v})
			}
		}
	}
	return xls.Workbook{Sheets: []xls.Sheet{s, {Name: "Sheet2"}}}
}

func row(v ...any) []any { return v }

var (
	dated = row("As of: January 4, 2016  1:31:00PM")
	head  = row("", "Antwerp", "New York", "Total")
)

func TestDailyReportsThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		rows [][]any
		want string
	}{
		{"empty", nil, "the workbook is empty"},
		{"no date", [][]any{head, row("Peru", 1, 2, 3), row("Total in Bags", 1, 2, 3)}, `no line "As of"`},
		{"no ports", [][]any{dated, row("BAGS CERTIFIED"), row("Peru", 1, 2, 3)}, "no table of certified bags"},
		{"a row that does not add up", [][]any{dated, head, row("Peru", 1, 2, 4)}, "identity: certified: row 3 (Peru): the ports sum to 3, the report says 4"},
		{"a column that does not add up", [][]any{dated, head, row("Peru", 1, 2, 3), row("Total in Bags", 2, 2, 4)}, "Antwerp: the rows sum to 1, the report's row 4 says 2"},
		{"half a bag", [][]any{dated, head, row("Peru", 0.5, 2, 2.5)}, "0.5 is no number of bags"},
		{"fewer than none", [][]any{dated, head, row("Peru", -1, 2, 1)}, "-1 is no number of bags"},
		{"words for numbers", [][]any{dated, head, row("Peru", "n/a", 2, 2)}, `"n/a" is no number of bags`},
		{"no name", [][]any{dated, head, row("", 1, 2, 3)}, "numbers without a name"},
		{"an origin twice", [][]any{dated, head, row("Peru", 1, 0, 1), row("Peru", 2, 0, 2), row("Total in Bags", 3, 0, 3)}, "stands there twice"},
		{"passed twice", [][]any{dated, row("No Bags Passed Today"), row("5 Bags Passed Today")}, "for the second time"},
		{"a header in the middle", [][]any{dated, head, row("Peru", 1, 2, 3), head}, "ports are named again"},
	} {
		r, err := daily(sheet(c.rows...), zone(t))
		for _, f := range r.findings {
			if f.Refuse {
				err = errors.Join(err, errors.New(f.String()))
			}
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := daily(xls.Workbook{Sheets: []xls.Sheet{{Name: "a", Cells: []xls.Cell{{}}}, {Name: "b", Cells: []xls.Cell{{}}}}}, zone(t)); err == nil || !strings.Contains(err.Error(), "which is the report") {
		t.Error(err)
	}
}

// What reports of some year did: no heading, commas in text, blank cells, a port
// nobody knows, grading in words, pending by port, footnotes that begin like
// headings.
func TestOddReports(t *testing.T) {
	r, err := daily(sheet(dated, row("ICE Futures U.S."), row("", "Antwerp", "Hamburg / Bremen", "Genoa", "TOTAL"), row("PNG", "1,234", "", 6, 1240), row("Total in Bags", 1234, "-", 6, 1240),
		row("Transition Bags Certified data includes all certified stocks"), row("TODAY'S GRADING SUMMARY"), row("1,825 Bags Passed Today"), row("No Bags Failed Today"),
		row("Pending Grading Report:"), row("", "Antwerp", "Genoa", "Total"), row("Total", 7, 8, 15), row("Flagged for Rebagging")), zone(t))
	if err != nil {
		t.Fatal(err)
	}
	if r.date != "2016-01-04" || r.asOf != "2016-01-04T13:31:00-05:00" {
		t.Errorf("dated %s, as of %s", r.date, r.asOf)
	}
	if want := map[string]int64{"Papua New Guinea|ANT": 1234, "Papua New Guinea|GENOA": 6}; !maps.Equal(r.cells(certified), want) {
		t.Errorf("certified %v", r.cells(certified))
	}
	if want := map[string]int64{"|ANT": 7, "|GENOA": 8}; !maps.Equal(r.cells(pending), want) {
		t.Errorf("pending %v", r.cells(pending))
	}
	if r.sum(passed) != 1825 || r.sum(failed) != 0 || len(r.cells(transition)) > 0 {
		t.Errorf("passed %d, failed %d, transition %v", r.sum(passed), r.sum(failed), r.cells(transition))
	}
	if len(r.findings) != 2 || !strings.Contains(r.findings[0].Detail, `port "Genoa" is new`) || r.findings[0].Refuse {
		t.Errorf("findings %v", r.findings)
	}
	// A heading and ports in one row; a table that nobody knows is told, and not added to another.
	r, err = daily(sheet(dated, row("BAGS CERTIFIED", "Antwerp", "New York", "Total"), row("Peru", 1, 2, 3), row("Total in Bags", 1, 2, 3), row("Bags in Quarantine"), head, row("Peru", 50, 0, 50), row("Total in Bags", 50, 0, 50),
		row("Pending Grading Report", "Antwerp", "New York", "Total"), row("Total in Bags", 4, 0, 4)), zone(t))
	if err != nil || r.sum(certified) != 3 || r.sum(pending) != 4 || len(r.findings) != 1 || !strings.Contains(r.findings[0].Detail, `a table under "Bags in Quarantine" is left out`) {
		t.Errorf("%v, certified %d, pending %d, findings %v", err, r.sum(certified), r.sum(pending), r.findings)
	}
	// Transition bags that are more than the certified ones are told.
	r, err = daily(sheet(dated, head, row("Peru", 1, 2, 3), row("Total in Bags", 1, 2, 3), row("TRANSITION BAGS CERTIFIED"), head, row("Peru", 2, 2, 4), row("Total in Bags", 2, 2, 4)), zone(t))
	if err != nil || len(r.findings) != 1 || !strings.Contains(r.findings[0].Detail, "Peru in Antwerp has 2 of 1") {
		t.Errorf("%v, findings %v", err, r.findings)
	}
}

func TestMonthEndsAndAgesInEveryForm(t *testing.T) {
	for text, want := range map[string]string{
		"January 31, 2020": "2020-01-31", "Febuary 28, 2001": "2001-02-28", "Septemeber 30, 1999": "1999-09-30", "dezembro 31, 2012": "2012-12-31", "março 29, 2019": "2019-03-29",
		"Sept. 30, 2003": "2003-09-30", "Aug 31 2004": "2004-08-31", "6/30/2000": "2000-06-30", "31-Dec-02": "2002-12-31", "2026-01-30": "2026-01-30",
		"February 30, 2001": "", "Total": "", "Ju 30, 2001": "", "Janember 31, 2001": "", "": "",
	} {
		at, ok := monthEnd(xls.Workbook{}, xls.Cell{Text: text})
		if ok != (want != "") || ok && at.Format(time.DateOnly) != want {
			t.Errorf("%q is %v, %v, want %q", text, at, ok, want)
		}
	}
	for text, want := range map[string]string{"0000 to 0120": "0 120", "5971 to 6000": "5971 6000", "121 - 150 days": "121 150", "Over 6000": "6001 ", "6001+": "6001 ", "6001 and over": "6001 ", "150 to 121": "", "a year": ""} {
		from, to, err := age(text)
		if err == nil != (want != "") || err == nil && from+" "+to != want {
			t.Errorf("%q is %s to %s, %v, want %q", text, from, to, err, want)
		}
	}
	r, err := history(sheet(row("", "Date", "Antwerp", "New York", "Total"), row("", "Nov 29, 1996", 300, 21, 321), row("", "Nonsense 3, 1997", 1, 2, 3), row("", "January 31, 1997", 1, 2, 4), row("", "Dec 27, 1996", 1, 2, 3)), zone(t))
	if err != nil || r.date != "1997-01-31" || r.sum(certified) != 327 || len(r.findings) != 3 {
		t.Errorf("%v, newest %s, %d bags, findings %v", err, r.date, r.sum(certified), r.findings)
	}
	for name, rows := range map[string][][]any{
		"no total":  {dated, row("Days", "Antwerp", "New York", "Total"), row("0000 to 0120", 1, 2, 3)},
		"no bucket": {dated, row("Days", "Antwerp", "New York", "Total"), row("a year", 1, 2, 3), row("Total", 1, 2, 3)},
		"no ports":  {dated, row("0000 to 0120", 1, 2, 3)},
	} {
		if _, err := ageing(sheet(rows...), zone(t)); err == nil {
			t.Errorf("ageing with %s: no error", name)
		}
	}
}
