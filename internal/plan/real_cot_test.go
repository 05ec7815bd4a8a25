package plan

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/realdata"
)

// week is one real COT report of arabica: CFTC's columns by name, as text.
type week struct {
	date   time.Time
	fields map[string]string
}

func (w week) number(t *testing.T, column string) int {
	t.Helper()
	n, err := strconv.Atoi(w.fields[column])
	if err != nil {
		t.Fatalf("%s: %s is %q", w.date.Format(time.DateOnly), column, w.fields[column])
	}
	return n
}

// realWeeks reads the publisher's yearly files, oldest report first, without any
// code of ours; files are their texts by year.
func realWeeks(t *testing.T) (weeks []week, files map[string]string) {
	t.Helper()
	archives := realdata.Glob(t, "cot/disagg_fut/fut_disagg_txt_*.zip")
	files = map[string]string{}
	for _, name := range archives {
		body := unzip(t, name)
		files[strings.TrimSuffix(name, ".zip")[len(name)-len("2010.zip"):]] = string(body)
		lines := strings.Split(strings.TrimSuffix(string(body), "\r\n"), "\r\n")
		header := cells(lines[0])
		for _, line := range lines[1:] {
			if !strings.Contains(line, ",083731") {
				continue
			}
			row := cells(line)
			if len(row) != 191 || len(header) != 191 {
				t.Fatalf("%s: %d cells, %d names", name, len(row), len(header))
			}
			if row[slices.Index(header, "CFTC_Contract_Market_Code")] != "083731" {
				continue
			}
			at, err := time.Parse(time.DateOnly, row[2])
			if err != nil {
				t.Fatal(err)
			}
			w := week{date: at, fields: map[string]string{}}
			for i, column := range header {
				w.fields[column] = row[i]
			}
			weeks = append(weeks, w)
		}
	}
	slices.SortFunc(weeks, func(a, b week) int { return a.date.Compare(b.date) })
	return weeks, files
}

// cells cuts a line at its commas outside quotes.
func cells(line string) []string {
	var row []string
	quoted, start := false, 0
	for i := 0; i <= len(line); i++ {
		if i == len(line) || line[i] == ',' && !quoted {
			row = append(row, strings.Trim(line[start:i], `" `))
			start = i + 1
		} else if line[i] == '"' {
			quoted = !quoted
		}
	}
	return row
}

// upstreamPosition is CFTC's spelling, with its two underscores for swap dealers.
func upstreamPosition(category, side, crop string) string {
	if category == "Swap" && side != "Long" {
		category = "Swap_"
	}
	return category + "_Positions_" + side + "_" + crop
}

// Every invariant that the publisher's files are known to have, on all weeks.
func TestRealCOTWeeksHoldTheirIdentities(t *testing.T) {
	weeks, _ := realWeeks(t)
	if len(weeks) != 731 {
		t.Fatalf("%d weeks, want 731", len(weeks))
	}
	var columns []string // category and side
	for _, c := range []string{"Prod_Merc", "Swap", "M_Money", "Other_Rept", "Tot_Rept", "NonRept"} {
		for _, side := range []string{"Long", "Short", "Spread"} {
			if side != "Spread" || c != "Prod_Merc" && c != "Tot_Rept" && c != "NonRept" {
				columns = append(columns, c+" "+side)
			}
		}
	}
	for i, w := range weeks {
		date := w.date.Format(time.DateOnly)
		for _, crop := range []string{"All", "Old", "Other"} {
			interest := w.number(t, "Open_Interest_"+crop)
			for _, side := range []string{"Long", "Short"} {
				reportable := 0
				for _, c := range []string{"Prod_Merc", "Swap", "M_Money", "Other_Rept"} {
					reportable += w.number(t, upstreamPosition(c, side, crop))
					if c != "Prod_Merc" {
						reportable += w.number(t, upstreamPosition(c, "Spread", crop))
					}
				}
				if reportable != w.number(t, upstreamPosition("Tot_Rept", side, crop)) || reportable+w.number(t, upstreamPosition("NonRept", side, crop)) != interest {
					t.Errorf("%s: %s %s: the categories do not make the open interest", date, crop, side)
				}
			}
			for _, c := range columns {
				category, side, _ := strings.Cut(c, " ")
				printed, err := strconv.ParseFloat(w.fields["Pct_of_OI_"+category+"_"+side+"_"+crop], 64)
				part := float64(w.number(t, upstreamPosition(category, side, crop)))
				if err != nil || interest > 0 && math.Abs(printed-100*part/float64(interest)) > 0.0502 { // three cells are rounded the other way at a half
					t.Errorf("%s: %s %s: %v %% of %d", date, crop, c, printed, interest)
				}
			}
		}
		if w.number(t, "Open_Interest_All") != w.number(t, "Open_Interest_Old")+w.number(t, "Open_Interest_Other") {
			t.Errorf("%s: old and other crop do not make the open interest", date)
		}
		if i == 0 || w.date.Sub(weeks[i-1].date) > 8*24*time.Hour {
			continue
		}
		if step := w.date.Sub(weeks[i-1].date).Hours() / 24; step < 6 {
			t.Errorf("%s: %v days after the report before", date, step)
		}
		for _, c := range columns {
			category, side, _ := strings.Cut(c, " ")
			position := upstreamPosition(category, side, "All")
			if change := w.number(t, "Change_in_"+category+"_"+side+"_All"); change != w.number(t, position)-weeks[i-1].number(t, position) {
				t.Errorf("%s: change of %s is %d", date, c, change)
			}
		}
	}
}

// served is a row of serving.cot_positioning as it leaves the lakehouse.
type served struct {
	ReportDate   string   `json:"report_date"`
	ReleaseDate  string   `json:"release_date"`
	OpenInterest int      `json:"open_interest"`
	Net          int      `json:"managed_money_net"`
	NetChange    int      `json:"managed_money_net_change"`
	NetPct       float64  `json:"managed_money_net_pct_oi"`
	ProducerPct  float64  `json:"producer_short_pct_oi"`
	Index26      *float64 `json:"cot_index_26w"`
	Index52      *float64 `json:"cot_index_52w"`
	Index156     *float64 `json:"cot_index_156w"`
	Rank26       *float64 `json:"net_percentile_26w"`
	Rank52       *float64 `json:"net_percentile_52w"`
	Rank156      *float64 `json:"net_percentile_156w"`
}

// TestRealCOTWeeksThroughTheModels lands the 14 real yearly files and compares
// every week's figures with a recomputation from the publisher's text.
func TestRealCOTWeeksThroughTheModels(t *testing.T) {
	weeks, files := realWeeks(t)
	h := &house{t: t, root: t.TempDir()}
	h.paths()
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	h.project = filepath.Join(repo, "transform")
	landCOT(h, weeks, files)
	_, applied := h.apply(Prod)
	for _, w := range applied.Warnings {
		if strings.Contains(w.Model, "cot") && w.Audit != "cot_report_every_week" { // 2017 is not here
			t.Errorf("warning: %s", w)
		}
	}
	var rows []served
	for _, line := range h.query("SELECT * FROM serving.cot_positioning WHERE commodity_name = 'Coffee arabica'") {
		var s served
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		rows = append(rows, s)
	}
	if len(rows) != len(weeks) {
		t.Fatalf("%d rows, want %d", len(rows), len(weeks))
	}
	slices.SortFunc(rows, func(a, b served) int { return strings.Compare(a.ReportDate, b.ReportDate) })
	var nets []int
	for i, w := range weeks {
		s := rows[i]
		long, short := w.number(t, "M_Money_Positions_Long_All"), w.number(t, "M_Money_Positions_Short_All")
		interest := w.number(t, "Open_Interest_All")
		if i > 0 && w.date.Sub(weeks[i-1].date) > 8*24*time.Hour {
			nets = nil // a window never spans a year that is not here
		}
		nets = append(nets, long-short)
		if s.ReportDate != w.date.Format(time.DateOnly) || s.OpenInterest != interest || s.Net != long-short ||
			s.NetChange != w.number(t, "Change_in_M_Money_Long_All")-w.number(t, "Change_in_M_Money_Short_All") {
			t.Errorf("%s: %+v", w.date.Format(time.DateOnly), s)
		}
		near(t, s.ReportDate+" net %", &s.NetPct, 100*float64(long-short)/float64(interest))
		near(t, s.ReportDate+" producer short %", &s.ProducerPct, 100*float64(w.number(t, "Prod_Merc_Positions_Short_All"))/float64(interest))
		for _, c := range []struct {
			reports     int
			index, rank *float64
		}{{26, s.Index26, s.Rank26}, {52, s.Index52, s.Rank52}, {156, s.Index156, s.Rank156}} {
			index, rank := placed(nets, c.reports)
			near(t, fmt.Sprintf("%s index of %d reports", s.ReportDate, c.reports), c.index, index)
			near(t, fmt.Sprintf("%s rank in %d reports", s.ReportDate, c.reports), c.rank, rank)
		}
		if want := realRelease(w.date); want != "" && s.ReleaseDate != want {
			t.Errorf("%s: released %s, want %s", s.ReportDate, s.ReleaseDate, want)
		}
	}
	checkYardstick(t, rows)
	categories := h.query("SELECT category, count(*) AS n, count(cot_index_156w) AS known FROM serving.cot_index_by_category GROUP BY category")
	for _, c := range categories {
		// 2010 to 2016 are 365 reports in a row, 2018 to 2024 are 366: 155 of each lack a window.
		if !strings.Contains(c, `"n":731,"known":421}`) {
			t.Errorf("category %s", c)
		}
	}
	if len(categories) != 5 {
		t.Errorf("categories %q", categories)
	}
}

// checkYardstick compares with figures computed by others from the same files.
func checkYardstick(t *testing.T, rows []served) {
	t.Helper()
	for date, want := range map[string]string{
		"2024-12-31": "192111 56908 29.62 -611 | 34.72 43.33 85.93 | 34.62 44.23 80.77 | 40.69",
		"2022-02-08": "55348 20.27 4254 | 85.37 93.90 97.69 | 88.46 94.23 98.08",
		"2016-11-08": "59236 26.38 | 100.00 100.00 100.00 | 100.00 100.00 100.00",
	} {
		i := slices.IndexFunc(rows, func(s served) bool { return s.ReportDate == date })
		if i < 0 {
			t.Fatalf("no row of %s", date)
		}
		s := rows[i]
		got := fmt.Sprintf("%d %d %.2f %d | %.2f %.2f %.2f | %.2f %.2f %.2f | %.2f", s.OpenInterest, s.Net, s.NetPct, s.NetChange,
			*s.Index26, *s.Index52, *s.Index156, *s.Rank26, *s.Rank52, *s.Rank156, s.ProducerPct)
		if date == "2016-11-08" { // its change is not in the yardstick
			got = strings.Replace(got, fmt.Sprintf(" %d |", s.NetChange), " |", 1)
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", date, got, want)
		}
	}
}

// landCOT puts the files into the landing zone under their newest report's date.
func landCOT(h *house, weeks []week, files map[string]string) {
	h.t.Helper()
	var lines bytes.Buffer
	for year, text := range files {
		newest := ""
		for _, w := range weeks {
			if date := w.date.Format(time.DateOnly); date[:4] == year {
				newest = max(newest, date)
			}
		}
		name := "cot/" + year + "/" + newest + ".csv.gz"
		var packed bytes.Buffer
		z, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
		if err == nil {
			_, err = io.WriteString(z, text)
		}
		if err == nil {
			err = z.Close()
		}
		if err != nil {
			h.t.Fatal(err)
		}
		put(h.t, filepath.Join(h.landing, name), packed.Bytes())
		line, err := json.Marshal(map[string]any{"path": name, "source": "cot", "sha256": year, "bytes": len(text), "rows": strings.Count(text, "\n") - 1,
			"landed_at": "2026-02-01T00:00:00Z", "url": "https://www.cftc.gov/x", "origin": "replay", "run": "20260201T000000Z-cot-00000000"})
		if err != nil {
			h.t.Fatal(err)
		}
		lines.Write(append(line, '\n'))
	}
	put(h.t, filepath.Join(h.landing, ".manifest/2026/20260201T000000Z-cot-00000000.jsonl"), lines.Bytes())
}

// placed is the COT index and the percentile rank of the last net among the
// last n; NaN where there are fewer, or the index has no range.
func placed(nets []int, n int) (index, rank float64) {
	if len(nets) < n {
		return math.NaN(), math.NaN()
	}
	window := nets[len(nets)-n:]
	now, low, high, notAbove := window[n-1], slices.Min(window), slices.Max(window), 0
	for _, x := range window {
		if x <= now {
			notAbove++
		}
	}
	index = math.NaN()
	if high > low {
		index = 100 * float64(now-low) / float64(high-low)
	}
	return index, 100 * float64(notAbove) / float64(n)
}

func near(t *testing.T, what string, got *float64, want float64) {
	t.Helper()
	if got == nil || math.IsNaN(want) {
		if (got == nil) != math.IsNaN(want) {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
		return
	}
	if math.Abs(*got-want) > 1e-9 {
		t.Errorf("%s: got %v, want %v", what, *got, want)
	}
}

// realRelease is the day of a report's publication where CFTC's own calendar of
// 2024 or its schedule of 2019 says it; empty elsewhere.
func realRelease(report time.Time) string {
	published := map[string]string{
		"2024-06-18": "2024-06-24", "2024-07-02": "2024-07-08", "2024-11-26": "2024-12-02", "2024-12-24": "2024-12-30", "2024-12-31": "2025-01-06",
		"2018-12-18": "2018-12-21", "2018-12-24": "2019-02-01", "2018-12-31": "2019-02-05", "2019-01-08": "2019-02-08", "2019-02-26": "2019-03-05", "2019-03-05": "2019-03-08",
		"2020-12-21": "2020-12-28", "2021-06-15": "2021-06-21", "2012-12-24": "2012-12-28", "2023-07-03": "2023-07-07",
	}
	if day, ok := published[report.Format(time.DateOnly)]; ok {
		return day
	}
	if report.Year() == 2024 {
		return report.AddDate(0, 0, 3).Format(time.DateOnly) // a Friday
	}
	return ""
}
