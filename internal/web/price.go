package web

import (
	"context"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"net/url"
)

// rangeChoice is a stretch of time that a page can show.
type rangeChoice struct {
	Key, Label, Title string
	Months            int // 0: everything
	Current           bool
	URL               string
}

const defaultRange = "1y"

func priceRangeChoices() []rangeChoice {
	return []rangeChoice{
		{Key: "3m", Label: "3 months", Title: "Three months of closes and averages", Months: 3, URL: "/price?range=3m"},
		{Key: defaultRange, Label: "1 year", Title: "A year of closes and averages", Months: 12, URL: "/price"},
		{Key: "5y", Label: "5 years", Title: "Five years of closes and averages", Months: 60, URL: "/price?range=5y"},
		{Key: "max", Label: "All", Title: "All closes and averages", Months: 0, URL: "/price?range=max"},
	}
}

func priceParams(q url.Values, _ *generation) (params, *refusal) {
	key := q.Get("range")
	if key == "" || key == defaultRange {
		return params{Range: defaultRange}, nil
	}
	for _, c := range priceRangeChoices() {
		if c.Key == key {
			return params{Range: key, canonical: "range=" + key}, nil
		}
	}
	return params{}, &refusal{http.StatusBadRequest, "There is no such range", "A range is one of 3m, 1y, 5y and max."}
}

// pricePage is what price.html prints.
type pricePage struct {
	Has      bool
	Headline string
	Findings []string
	Notices  []notice
	Last     priceDay
	Source   freshness
	Ranges   []rangeChoice
	Span     string // heading of the chosen range
	From     date
	Rolls    int

	Chart              template.HTML
	RangeBar           template.HTML
	Spans              []priceSpan
	Days               []priceDay
	VolatilityHeadline string
	VolatilityChart    template.HTML
	DrawdownHeadline   string
	DrawdownChart      template.HTML
}

const latestDays = 20

func loadPrice(ctx context.Context, r *reading) (any, error) {
	sources, err := loadFreshness(ctx, r)
	if err != nil {
		return nil, err
	}
	p := pricePage{Source: sourceOf(sources, "prices", "KC=F prices"), Ranges: priceRangeChoices()}
	p.Notices = notices(p.Source)
	months := 0
	for i := range p.Ranges {
		if p.Ranges[i].Current = p.Ranges[i].Key == r.params.Range; p.Ranges[i].Current {
			months, p.Span = p.Ranges[i].Months, p.Ranges[i].Title
		}
	}
	days, err := loadPriceDays(ctx, r, months)
	if err != nil {
		return nil, err
	}
	if len(days) == 0 {
		return p, nil
	}
	ranks, err := loadPriceRanks(ctx, r)
	if err != nil {
		return nil, err
	}
	if p.Spans, err = loadPriceSpans(ctx, r); err != nil {
		return nil, err
	}
	if p.Days, err = loadLatestDays(ctx, r, latestDays); err != nil {
		return nil, err
	}
	p.Has, p.Last, p.From = true, days[len(days)-1], days[0].Date
	p.Headline, p.Findings = priceHeadline(p.Last), priceFindings(p.Last, ranks)
	p.Chart, p.Rolls = priceChart(days, false)
	if position, ok := rangePosition(p.Last); ok {
		p.RangeBar = scaleHTML("series-close", math.Max(0, math.Min(100, position)))
	}
	p.VolatilityHeadline, p.DrawdownHeadline = volatilityHeadline(p.Last, ranks), drawdownHeadline(p.Last, ranks)
	p.VolatilityChart, p.DrawdownChart = volatilityChart(days), drawdownChart(days)
	return p, nil
}

// maxPriceGap is the longest run of days that trading may pause (holidays
// around a weekend) before a line is left open.
const maxPriceGap = 8

func priceLine(name, class string, days []priceDay, get func(priceDay) num) chartLine {
	l := chartLine{Name: name, Class: class, MaxGap: maxPriceGap, Points: make([]point, 0, len(days))}
	for _, d := range days {
		if d.Date.Valid {
			l.Points = append(l.Points, point{dayNumber(d.Date.V), value(get(d))})
		}
	}
	return l
}

func dayName(x float64) string { return dateOf(x).Format("2 January 2006") }

func cents(v float64) string { return number(v, 2) }

// priceChart draws closes with their averages, the 52-week range of the last
// day and a tick for each contract roll; it returns how many rolls it shows.
func priceChart(days []priceDay, small bool) (template.HTML, int) {
	last := days[len(days)-1]
	c := chartSpec{ID: "price", Title: "Daily closes of KC=F with 20, 50 and 200-day averages", YTitle: "US cents a pound",
		XTicks: dateTicks, XName: dayName, Format: cents, Small: small,
		Lines: []chartLine{
			priceLine("200-day", "series-sma200", days, func(d priceDay) num { return d.SMA200 }),
			priceLine("50-day", "series-sma50", days, func(d priceDay) num { return d.SMA50 }),
			priceLine("20-day", "series-sma20", days, func(d priceDay) num { return d.SMA20 }),
			priceLine("Close", "series-close", days, func(d priceDay) num { return d.Close }),
		}}
	c.Lines[3].Main = true
	if last.Date.Valid && last.High52.Valid && last.Low52.Valid {
		to, from := dayNumber(last.Date.V), dayNumber(last.Date.V.AddDate(-1, 0, 0))
		c.Levels = []chartLevel{{"52-week high", last.High52.V, from, to}, {"52-week low", last.Low52.V, from, to}}
	}
	for _, d := range days {
		if d.Roll && d.Date.Valid {
			c.Marks = append(c.Marks, dayNumber(d.Date.V))
		}
	}
	if len(c.Marks) > 0 {
		c.Title += fmt.Sprintf("; %s marked on the base line", count(int64(len(c.Marks)), "last trading day"))
	}
	return chartHTML(c), len(c.Marks)
}

func oneDecimalPercent(v float64) string { return percent(known(v), 1) }

func volatilityChart(days []priceDay) template.HTML {
	l := priceLine("20 days", "series-volatility", days, func(d priceDay) num { return d.Volatility })
	l.Main = true
	return chartHTML(chartSpec{ID: "volatility", Title: "Realised volatility of KC=F over 20 days", YTitle: "% a year", XTicks: dateTicks,
		XName: dayName, Format: oneDecimalPercent, Zero: true, Small: true, Lines: []chartLine{l}})
}

func drawdownChart(days []priceDay) template.HTML {
	l := priceLine("Drawdown", "series-drawdown", days, func(d priceDay) num { return d.Drawdown })
	l.Main, l.Area = true, true
	return chartHTML(chartSpec{ID: "drawdown", Title: "Distance of the close of KC=F from its highest close before", YTitle: "% below the high", XTicks: dateTicks,
		XName: dayName, Format: oneDecimalPercent, Zero: true, Small: true, Lines: []chartLine{l}})
}
