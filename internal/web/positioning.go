package web

import (
	"context"
	"html/template"
	"net/http"
	"net/url"
)

// cotRangeChoices are the stretches of time that /positioning can show.
func cotRangeChoices() []rangeChoice {
	return []rangeChoice{
		{Key: "1y", Label: "1 year", Title: "A year of net positions", Months: 12, URL: "/positioning?range=1y"},
		{Key: defaultCOTRange, Label: "3 years", Title: "Three years of net positions", Months: 36, URL: "/positioning"},
		{Key: "10y", Label: "10 years", Title: "Ten years of net positions", Months: 120, URL: "/positioning?range=10y"},
		{Key: "max", Label: "All", Title: "All net positions", Months: 0, URL: "/positioning?range=max"},
	}
}

const (
	defaultCOTRange = "3y" // as long as the longest window
	latestReports   = 26
	latestExtremes  = 12
	// maxReportGap is the longest pause between two reports before a line is left
	// open: releases after a shutdown lie weeks apart.
	maxReportGap = 70
)

func cotParams(q url.Values, _ *generation) (params, *refusal) {
	key := q.Get("range")
	if key == "" || key == defaultCOTRange {
		return params{Range: defaultCOTRange}, nil
	}
	for _, c := range cotRangeChoices() {
		if c.Key == key {
			return params{Range: key, canonical: "range=" + key}, nil
		}
	}
	return params{}, &refusal{http.StatusBadRequest, "There is no such range", "A range is one of 1y, 3y, 10y and max."}
}

// cotPage is what positioning.html prints.
type cotPage struct {
	Has      bool
	Headline string
	Findings []string
	Notices  []notice
	Source   freshness
	Prices   freshness
	Last     cotReport
	Ranges   []rangeChoice
	Span     string
	From     date

	Chart, PriceChart template.HTML
	IndexBar          template.HTML
	Holdings          []holding
	IndexHeadline     string
	IndexChart        template.HTML
	HedgersHeadline   string
	HedgersChart      template.HTML
	ExtremesHeadline  string
	Extremes          []cotExtreme // newest first
	After             []cotAfter   // highs, then lows
	Reports           []cotReport  // newest first
}

func loadPositioning(ctx context.Context, r *reading) (any, error) {
	sources, err := loadFreshness(ctx, r)
	if err != nil {
		return nil, err
	}
	p := cotPage{Source: sourceOf(sources, "cot", "CFTC Commitments of Traders"), Prices: sourceOf(sources, "prices", "KC=F prices"), Ranges: cotRangeChoices()}
	p.Notices = notices(p.Source)
	months := 0
	for i := range p.Ranges {
		if p.Ranges[i].Current = p.Ranges[i].Key == r.params.Range; p.Ranges[i].Current {
			months, p.Span = p.Ranges[i].Months, p.Ranges[i].Title
		}
	}
	reports, err := loadCOTReports(ctx, r, months)
	if err != nil {
		return nil, err
	}
	if len(reports) == 0 {
		return p, nil
	}
	if p.Holdings, err = loadHoldings(ctx, r); err != nil {
		return nil, err
	}
	prices, err := loadPriceDays(ctx, r, 0)
	if err != nil {
		return nil, err
	}
	p.Has, p.Last, p.From = true, reports[len(reports)-1], reports[0].Date
	p.Headline, p.Findings = cotHeadline(p.Last), cotFindings(p.Last)
	p.Chart = netChart(reports)
	p.PriceChart = priceBesideNet(prices, reports)
	if index := p.Last.Funds.Index[1]; index.Valid {
		p.IndexBar = scaleHTML("series-net", index.V)
	}
	p.IndexHeadline, p.HedgersHeadline = indexHeadline(p.Last.Funds), hedgersHeadline(p.Last)
	p.IndexChart, p.HedgersChart = indexChart(reports), hedgersChart(reports)
	if p.Extremes, p.After, err = loadExtremes(ctx, r, latestExtremes); err != nil {
		return nil, err
	}
	p.ExtremesHeadline = extremesHeadline(p.After)
	for i := len(reports) - 1; i >= 0 && len(p.Reports) < latestReports; i-- {
		p.Reports = append(p.Reports, reports[i])
	}
	return p, nil
}

// cotLine draws a figure of each report on the day it was published.
func cotLine(name, class string, reports []cotReport, get func(cotReport) num) chartLine {
	l := chartLine{Name: name, Class: class, MaxGap: maxReportGap, Points: make([]point, 0, len(reports))}
	for _, c := range reports {
		if c.Released.Valid {
			l.Points = append(l.Points, point{dayNumber(c.Released.V), value(get(c))})
		}
	}
	return l
}

func lots(v float64) string { return number(v, 0) }

func netChart(reports []cotReport) template.HTML {
	funds := cotLine("Funds", "series-net", reports, func(c cotReport) num { return c.Funds.Net })
	funds.Main, funds.Area = true, true
	return chartHTML(chartSpec{ID: "net", Title: "Net position of managed money and of producers and merchants in arabica futures, by day of release", YTitle: "net, lots of 37,500 lb",
		XTicks: dateTicks, XName: dayName, Format: lots, Zero: true,
		Lines: []chartLine{cotLine("Producers", "series-producers", reports, func(c cotReport) num { return c.ProducerNet }), funds}})
}

// priceBesideNet draws the closes of the same stretch of time; empty without prices.
func priceBesideNet(days []priceDay, reports []cotReport) template.HTML {
	var same []priceDay
	first, last := reports[0].Released, reports[len(reports)-1].Released
	for _, d := range days {
		if d.Date.Valid && !d.Date.V.Before(first.V) && !d.Date.V.After(last.V) {
			same = append(same, d)
		}
	}
	l := priceLine("Close", "series-close", same, func(d priceDay) num { return d.Close })
	l.Main = true
	return chartHTML(chartSpec{ID: "cot-price", Title: "Daily closes of KC=F over the same time", YTitle: "US cents a pound", XTicks: dateTicks, XName: dayName,
		Format: cents, Lines: []chartLine{l}})
}

func indexChart(reports []cotReport) template.HTML {
	year := cotLine("52 reports", "series-index52", reports, func(c cotReport) num { return c.Funds.Index[1] })
	long := cotLine("156 reports", "series-index156", reports, func(c cotReport) num { return c.Funds.Index[2] })
	long.Main = true
	c := chartSpec{ID: "index", Title: "COT index of managed money over 52 and 156 reports", YTitle: "0 lowest, 100 highest net", XTicks: dateTicks, XName: dayName,
		Format: lots, Zero: true, Small: true, Lines: []chartLine{year, long}}
	if first, last := reports[0].Released, reports[len(reports)-1].Released; first.Valid && last.Valid {
		from, to := dayNumber(first.V), dayNumber(last.V)
		c.Levels = []chartLevel{{"", extremeHigh, from, to}, {"", extremeLow, from, to}}
	}
	return chartHTML(c)
}

func hedgersChart(reports []cotReport) template.HTML {
	short := cotLine("Short", "series-short", reports, func(c cotReport) num { return c.ProducerShortPct })
	short.Main = true
	return chartHTML(chartSpec{ID: "hedgers", Title: "Gross longs and shorts of producers and merchants", YTitle: "% of open interest", XTicks: dateTicks, XName: dayName,
		Format: oneDecimalPercent, Zero: true, Small: true,
		Lines: []chartLine{cotLine("Long", "series-long", reports, func(c cotReport) num { return c.ProducerLongPct }), short}})
}

// addPositioning is what the front page says of who holds the market.
func (p *pulsePage) addPositioning(ctx context.Context, r *reading) error {
	reports, err := loadCOTReports(ctx, r, 36)
	if err != nil || len(reports) == 0 {
		return err
	}
	last := reports[len(reports)-1]
	if p.Headline == "" {
		p.Headline = cotHeadline(last)
	}
	asOf := shortDate(last.Date)
	p.Findings = append(p.Findings, finding{"Positioning", "/positioning", cotFindings(last), asOf})
	net := tile{Label: "Managed money, net", Path: "/positioning", Value: fixed(last.Funds.Net, 0), Unit: "lots", Direction: "flat", Change: "change on the week not known",
		Spark: sparkHTML("series-net", cotLine("", "", reports, func(c cotReport) num { return c.Funds.Net }).Points, maxReportGap), SparkText: "reports of three years", AsOf: asOf, Source: "CFTC"}
	switch change := last.Funds.NetChange; {
	case change.Valid && change.V == 0:
		net.Change = "unchanged on the week"
	case change.Valid:
		net.Change, net.Direction = signed(change, 0)+" on the week", direction(change)
	}
	if rank := last.Funds.Rank[2]; rank.Valid {
		net.Scale = scaleHTML("series-net", rank.V)
		net.ScaleText = "as high as or higher than in " + percent(rank, 0) + " of 156 reports"
	}
	index := tile{Label: "COT index, 52 reports", Path: "/positioning", Value: fixed(last.Funds.Index[1], 0), Unit: "of 100", Direction: "flat", Change: "too few reports in a row",
		Spark: sparkHTML("series-index52", cotLine("", "", reports, func(c cotReport) num { return c.Funds.Index[1] }).Points, maxReportGap), SparkText: "reports of three years", AsOf: asOf, Source: "CFTC"}
	if now := last.Funds.Index[1]; now.Valid {
		index.Change = "0 the lowest net, 100 the highest"
		index.Scale = scaleHTML("series-index52", now.V)
		index.ScaleText = "26 reports: " + fixed(last.Funds.Index[0], 0) + ", 156: " + fixed(last.Funds.Index[2], 0)
	}
	p.Tiles = append(p.Tiles, net, index)
	return nil
}
