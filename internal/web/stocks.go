package web

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
)

const defaultStockRange = "2y"

// stockRangeChoices are stretches of time that /stocks can show.
func stockRangeChoices() []rangeChoice {
	return []rangeChoice{
		{Key: "6m", Label: "6 months", Title: "Half a year of certified stocks", Months: 6, URL: "/stocks?range=6m"},
		{Key: defaultStockRange, Label: "2 years", Title: "Two years of certified stocks", Months: 24, URL: "/stocks"},
		{Key: "5y", Label: "5 years", Title: "Five years of certified stocks", Months: 60, URL: "/stocks?range=5y"},
		{Key: "max", Label: "All", Title: "All daily reports of certified stocks", Months: 0, URL: "/stocks?range=max"},
	}
}

func stocksParams(q url.Values, _ *generation) (params, *refusal) {
	key := q.Get("range")
	if key == "" || key == defaultStockRange {
		return params{Range: defaultStockRange}, nil
	}
	if slices.ContainsFunc(stockRangeChoices(), func(c rangeChoice) bool { return c.Key == key }) {
		return params{Range: key, canonical: "range=" + key}, nil
	}
	return params{}, &refusal{http.StatusBadRequest, "There is no such range", "A range is one of 6m, 2y, 5y and max."}
}

// stocksPage is what stocks.html prints.
type stocksPage struct {
	Has      bool
	Headline string
	Findings []string
	Notices  []notice
	Last     stockDay
	Source   freshness
	PSD      freshness // whose consumption days of use are of
	Ranges   []rangeChoice
	Span     string // heading of the chosen range
	From     date

	Chart          template.HTML
	Spans          []stockSpan
	Days           []stockDay
	PortsHeadline  string
	Ports          []storedRow
	OriginsHead    string
	Origins        []storedRow
	Grid           stockGrid
	AgeHeadline    string
	AgesHeadline   string
	AgeDate        date
	Ages           []agedRow
	AgeChart       template.HTML
	UseHeadline    string
	UseNote        string
	UseChart       template.HTML
	RegionHeadline string
	RegionChart    template.HTML
	MonthsHeadline string
	MonthsChart    template.HTML
	MonthsFrom     date
	MonthsTo       date
	YearEnds       []yearEnd
}

// storedRow is a row of a table of stored bags.
type storedRow struct {
	storedBags
	Bar template.HTML
}

// agedRow is a row of the age profile.
type agedRow struct {
	ageBand
	Bar template.HTML
}

// yearEnd is a month end with its change on the row below.
type yearEnd struct {
	monthEnd
	Change, Percent num
}

// stockGrid is bags by origin and port at the newest report.
type stockGrid struct {
	Ports []string
	Rows  []stockGridRow
	Sums  []num
	Total num
}

type stockGridRow struct {
	Origin string
	Cells  []num // by port; unknown (a dash) where there are none
	Total  num
}

const latestStockReports = 20

func loadStocks(ctx context.Context, r *reading) (any, error) {
	sources, err := loadFreshness(ctx, r)
	if err != nil {
		return nil, err
	}
	p := stocksPage{Source: sourceOf(sources, "ice", "ICE certified coffee stocks"), PSD: sourceOf(sources, "psd", "USDA PSD Online"), Ranges: stockRangeChoices()}
	p.Notices = notices(p.Source)
	months := 0
	for i := range p.Ranges {
		if p.Ranges[i].Current = p.Ranges[i].Key == r.params.Range; p.Ranges[i].Current {
			months, p.Span = p.Ranges[i].Months, p.Ranges[i].Title
		}
	}
	days, err := loadStockDays(ctx, r, months)
	if err != nil {
		return nil, err
	}
	if len(days) == 0 {
		return p, nil
	}
	p.Has, p.Last, p.From = true, days[len(days)-1], days[0].Date
	if err := p.addTables(ctx, r); err != nil {
		return nil, err
	}
	if err := p.addAges(ctx, r, months); err != nil {
		return nil, err
	}
	if err := p.addMonthEnds(ctx, r); err != nil {
		return nil, err
	}
	p.Headline = certifiedHeadline(p.Last)
	p.Chart, p.RegionChart, p.UseChart = certifiedChart(days), regionChart(days), useChart(days)
	p.RegionHeadline, p.UseHeadline, p.UseNote = regionHeadline(p.Last), useHeadline(p.Last), useNote(p.Last)
	return p, nil
}

// addTables reads what stands beside the charts.
func (p *stocksPage) addTables(ctx context.Context, r *reading) error {
	rank, err := loadStockRank(ctx, r)
	if err != nil {
		return err
	}
	if p.Spans, err = loadStockSpans(ctx, r); err != nil {
		return err
	}
	if p.Days, err = loadLatestStockDays(ctx, r, latestStockReports); err != nil {
		return err
	}
	ports, err := loadStoredBags(ctx, r, true)
	if err != nil {
		return err
	}
	origins, err := loadStoredBags(ctx, r, false)
	if err != nil {
		return err
	}
	cells, err := loadStoredCells(ctx, r)
	if err != nil {
		return err
	}
	p.PortsHeadline, p.Ports = portsHeadline(ports), stored(ports)
	p.OriginsHead, p.Origins = originsHeadline(origins), stored(origins)
	p.Grid = newStockGrid(cells, ports, origins)
	p.Findings = certifiedFindings(p.Last, rank, ports)
	return nil
}

func stored(all []storedBags) []storedRow {
	rows := make([]storedRow, len(all))
	for i, h := range all {
		if h.Name == "" {
			h.Name = "Not told"
		}
		rows[i] = storedRow{h, shareHTML("series-certified", value(h.Share), value(all[0].Share))}
	}
	return rows
}

// newStockGrid puts cells in the order of the tables, the largest first.
func newStockGrid(cells []storedCell, ports, origins []storedBags) stockGrid {
	var g stockGrid
	at := map[[2]string]num{}
	for _, c := range cells {
		at[[2]string{c.Origin, c.Port}] = c.Bags
	}
	held := func(h storedBags) bool { return h.Bags.Valid && h.Bags.V > 0 }
	for _, p := range ports {
		if held(p) {
			g.Ports, g.Sums = append(g.Ports, p.Name), append(g.Sums, p.Bags)
			g.Total = known(g.Total.V + p.Bags.V)
		}
	}
	for _, o := range origins {
		if !held(o) || o.Name == "" {
			continue
		}
		row := stockGridRow{Origin: o.Name, Total: o.Bags}
		for _, port := range g.Ports {
			row.Cells = append(row.Cells, at[[2]string{o.Name, port}])
		}
		g.Rows = append(g.Rows, row)
	}
	return g
}

func (p *stocksPage) addAges(ctx context.Context, r *reading, months int) error {
	bands, err := loadAgeBands(ctx, r)
	if err != nil {
		return err
	}
	most := 0.0
	for _, b := range bands {
		most = max(most, b.Share.V)
	}
	for _, b := range bands {
		p.Ages = append(p.Ages, agedRow{b, shareHTML("series-age", value(b.Share), most)})
	}
	all, err := loadAgeMonths(ctx, r)
	if err != nil {
		return err
	}
	p.AgeHeadline, p.AgesHeadline = ageHeadline(all), agesHeadline(bands)
	if len(all) == 0 {
		return nil
	}
	p.AgeDate = all[len(all)-1].Date
	from := p.AgeDate.V.AddDate(0, -max(months, 12), 0)
	if months > 0 {
		all = slices.DeleteFunc(all, func(m ageMonth) bool { return m.Date.V.Before(from) })
	}
	if len(all) > 1 {
		p.AgeChart = ageChart(all)
	}
	return nil
}

func (p *stocksPage) addMonthEnds(ctx context.Context, r *reading) error {
	all, err := loadMonthEnds(ctx, r)
	if err != nil || len(all) < 2 {
		return err
	}
	p.MonthsHeadline, p.MonthsChart = monthEndsHeadline(all), monthEndsChart(all)
	p.MonthsFrom, p.MonthsTo = all[0].Date, all[len(all)-1].Date
	p.YearEnds = yearEnds(all)
	return nil
}

const shownYears = 12

// yearEnds are the newest month end and the Decembers before it, newest first.
func yearEnds(all []monthEnd) []yearEnd {
	var rows []yearEnd
	for i, m := range slices.Backward(all) {
		if i < len(all)-1 && m.Date.V.Month() != 12 || len(rows) > shownYears {
			continue
		}
		if n := len(rows); n > 0 {
			rows[n-1].Change, rows[n-1].Percent = difference(m.Bags, rows[n-1].Bags)
		}
		rows = append(rows, yearEnd{monthEnd: m})
	}
	if len(rows) > shownYears {
		rows = rows[:shownYears]
	}
	return rows
}

// maxStockGap is the longest run of days between reports around holidays.
const maxStockGap = 8

func stockLine(name, class string, days []stockDay, get func(stockDay) num) chartLine {
	l := chartLine{Name: name, Class: class, MaxGap: maxStockGap, Points: make([]point, 0, len(days))}
	for _, d := range days {
		if d.Date.Valid {
			l.Points = append(l.Points, point{dayNumber(d.Date.V), value(get(d))})
		}
	}
	return l
}

// thousandBags is for axes: a phone has no room for seven digits.
func thousandBags(n num) num { return num{V: n.V / 1000, Valid: n.Valid} }

func thousands(v float64) string { return number(v, 1) }

// certifiedChart draws the total with what waits to be graded and the 52-week
// high of the last day.
func certifiedChart(days []stockDay) template.HTML {
	last := days[len(days)-1]
	c := chartSpec{ID: "certified", Title: "Certified arabica stocks and bags pending grading", YTitle: "thousand bags of 60 kg",
		XTicks: dateTicks, XName: dayName, Format: thousands, Zero: true,
		Lines: []chartLine{
			stockLine("Pending", "series-pending", days, func(d stockDay) num { return thousandBags(d.Pending) }),
			stockLine("Certified", "series-certified", days, func(d stockDay) num { return thousandBags(d.Certified) }),
		}}
	c.Lines[1].Main, c.Lines[1].Area = true, true
	if last.Date.Valid && last.High52.Valid {
		c.Levels = []chartLevel{{"52-week high", last.High52.V / 1000, dayNumber(last.Date.V.AddDate(-1, 0, 0)), dayNumber(last.Date.V)}}
	}
	return chartHTML(c)
}

func regionChart(days []stockDay) template.HTML {
	return chartHTML(chartSpec{ID: "regions", Title: "Certified stocks in Europe and the United States", YTitle: "thousand bags of 60 kg", Small: true,
		XTicks: dateTicks, XName: dayName, Format: thousands, Zero: true,
		Lines: []chartLine{
			stockLine("US", "series-us", days, func(d stockDay) num { return thousandBags(d.US) }),
			stockLine("Europe", "series-europe", days, func(d stockDay) num { return thousandBags(d.Europe) }),
		}})
}

func useChart(days []stockDay) template.HTML {
	return chartHTML(chartSpec{ID: "use", Title: "Days of world use in certified stocks", YTitle: "days of world use", Small: true,
		XTicks: dateTicks, XName: dayName, Format: func(v float64) string { return number(v, 1) }, Zero: true,
		Lines: []chartLine{stockLine("Days of use", "series-days", days, func(d stockDay) num { return d.DaysOfUse })}})
}

// maxMonthGap is the longest time from one month end to the next.
const maxMonthGap = 40

func ageChart(all []ageMonth) template.HTML {
	l := chartLine{Name: "Over a year", Class: "series-age", MaxGap: maxMonthGap}
	for _, m := range all {
		l.Points = append(l.Points, point{dayNumber(m.Date.V), value(m.Older)})
	}
	return chartHTML(chartSpec{ID: "age", Title: "Share of certified bags graded more than a year before", YTitle: "% of certified bags", Small: true,
		XTicks: dateTicks, XName: dayName, Format: func(v float64) string { return number(v, 1) }, Zero: true, Lines: []chartLine{l}})
}

func monthEndsChart(all []monthEnd) template.HTML {
	l := chartLine{Name: "Certified", Class: "series-certified", MaxGap: maxMonthGap, Area: true}
	for _, m := range all {
		l.Points = append(l.Points, point{dayNumber(m.Date.V), m.Bags.V / 1000})
	}
	return chartHTML(chartSpec{ID: "months", Title: "Certified stocks at month ends", YTitle: "thousand bags of 60 kg",
		XTicks: dateTicks, XName: dayName, Format: thousands, Zero: true, Lines: []chartLine{l}})
}

// addCertified is what certified stocks have to say on the front page.
func (p *pulsePage) addCertified(ctx context.Context, r *reading) error {
	days, err := loadStockDays(ctx, r, 12)
	if err != nil || len(days) == 0 {
		return err
	}
	rank, err := loadStockRank(ctx, r)
	if err != nil {
		return err
	}
	last := days[len(days)-1]
	asOf := shortDate(last.Date)
	if p.Headline == "" {
		p.Headline = certifiedHeadline(last)
	}
	p.Findings = append(p.Findings, finding{"Certified stocks", "/stocks", []string{certifiedMove(last), certifiedRange(last), gradingFinding(last)}, asOf})
	t := tile{Label: "Certified stocks, ICE", Path: "/stocks", Value: fixed(last.Certified, 0), Unit: "bags", Direction: direction(last.Change), Change: reportChange(last),
		Spark:     sparkHTML("series-certified", stockLine("", "", days, func(d stockDay) num { return d.Certified }).Points, maxStockGap),
		SparkText: "reports of the last year", AsOf: asOf, Source: "ICE Futures US"}
	if rank.Percentile.Valid && rank.Reports > 1 {
		t.Scale = scaleHTML("series-certified", rank.Percentile.V)
		t.ScaleText = fmt.Sprintf("as many as or more than in %s of reports since %s", percent(rank.Percentile, 0), shortDate(rank.Since))
	}
	p.Tiles = append(p.Tiles, t)
	return nil
}

func reportChange(d stockDay) string {
	switch {
	case !d.Change.Valid:
		return "no report before to compare with"
	case isZero(d.Change.V, 0):
		return "unchanged on the day"
	}
	return signed(d.Change, 0) + " bags on the day"
}
