package web

import (
	"context"
	"fmt"
	"html/template"
	"math"
	"strings"
)

// pulsePage is what pulse.html prints.
type pulsePage struct {
	Headline string
	Findings []finding
	Notices  []notice
	Tiles    []tile
	Last     priceDay
	Changes  revisions
	ChangesTitle,
	ChangesText string
	Sources []freshness
}

// finding is a sentence of a source with the day it is of.
type finding struct {
	Topic, Path string
	Sentences   []string
	AsOf        string
}

// tile is one number of the front page.
type tile struct {
	Label, Path  string
	Value, Unit  string
	Change       string // in words, with what it compares to
	Direction    string // up, down or flat
	Spark        template.HTML
	SparkText    string
	Scale        template.HTML
	ScaleText    string
	AsOf, Source string
}

// pulsePart is what one source has to say on the front page: its findings and
// tiles, and a headline where none before it had one.
type pulsePart struct {
	source, title string // as in data_freshness; title where it was never loaded
	add           func(*pulsePage, context.Context, *reading) error
}

// pulseParts is the front page in its order; a further source adds a line.
func pulseParts() []pulsePart {
	return []pulsePart{
		{"prices", "KC=F prices", (*pulsePage).addPrice},
		{"cot", "CFTC Commitments of Traders", (*pulsePage).addPositioning},
		{"psd", "USDA PSD Online", (*pulsePage).addSupply},
		{"ice", "ICE certified coffee stocks", (*pulsePage).addCertified},
		{"weather", weatherTitle, (*pulsePage).addWeather},
	}
}

const pulseRevisions = 5

func loadPulse(ctx context.Context, r *reading) (any, error) {
	var p pulsePage
	var err error
	if p.Sources, err = loadFreshness(ctx, r); err != nil {
		return nil, err
	}
	for _, part := range pulseParts() {
		p.Notices = append(p.Notices, notices(sourceOf(p.Sources, part.source, part.title))...)
		if err := part.add(&p, ctx, r); err != nil {
			return nil, err
		}
	}
	if p.Headline == "" {
		p.Headline = "Nothing is known yet"
	}
	return p, nil
}

func (p *pulsePage) addPrice(ctx context.Context, r *reading) error {
	days, err := loadPriceDays(ctx, r, 12)
	if err != nil || len(days) == 0 {
		return err
	}
	ranks, err := loadPriceRanks(ctx, r)
	if err != nil {
		return err
	}
	p.Last = days[len(days)-1]
	asOf := shortDate(p.Last.Date)
	if p.Headline == "" {
		p.Headline = priceHeadline(p.Last)
	}
	p.Findings = append(p.Findings, finding{"Price", "/price", priceFindings(p.Last, ranks), asOf})
	price := tile{Label: "Price, KC=F front month", Path: "/price", Value: fixed(p.Last.Close, 2), Unit: "US¢/lb", Change: dayChange(p.Last), Direction: direction(p.Last.Return),
		Spark: sparkHTML("series-close", priceLine("", "", days, func(d priceDay) num { return d.Close }).Points, maxPriceGap), SparkText: "closes of the last year", AsOf: asOf, Source: "Yahoo Finance"}
	if position, ok := rangePosition(p.Last); ok {
		position = math.Max(0, math.Min(100, position))
		price.Scale = scaleHTML("series-close", position)
		price.ScaleText = fmt.Sprintf("%s of the way up its 52-week range", percent(known(position), 0))
	}
	volatility := tile{Label: "Realised volatility, 20 days", Path: "/price", Value: fixed(p.Last.Volatility, 1), Unit: "% a year", Direction: "flat", Change: "contract rolls left out",
		Spark: sparkHTML("series-volatility", priceLine("", "", days, func(d priceDay) num { return d.Volatility }).Points, maxPriceGap), SparkText: "the last year", AsOf: asOf, Source: "Yahoo Finance"}
	if ranks.Volatility.Valid && ranks.Days > 1 {
		volatility.Scale = scaleHTML("series-volatility", ranks.Volatility.V)
		volatility.ScaleText = fmt.Sprintf("as high as or higher than on %s of days since %s", percent(ranks.Volatility, 0), shortDate(ranks.Since))
	}
	p.Tiles = append(p.Tiles, price, volatility)
	return nil
}

func dayChange(d priceDay) string {
	switch {
	case !d.Return.Valid:
		return "no day before to compare with"
	case d.AfterRoll:
		return signedPercent(d.Return, 2) + " into the next contract"
	case isZero(d.Return.V, 2):
		return "unchanged on the day"
	}
	return signedPercent(d.Return, 2) + " on the day"
}

func (p *pulsePage) addSupply(ctx context.Context, r *reading) error {
	all, err := loadBalances(ctx, r, world)
	if err != nil || len(all) == 0 {
		return err
	}
	rank, err := loadStocksRank(ctx, r, world)
	if err != nil {
		return err
	}
	if p.Changes, err = loadRevisions(ctx, r, world, pulseRevisions); err != nil {
		return err
	}
	p.ChangesTitle, p.ChangesText = revisionsHeadline(p.Changes, world, "World"), revisionsFinding(p.Changes)
	now, before := all[len(all)-1], seasonBefore(all)
	asOf := "season " + now.Season + ", released " + shortDate(now.Release)
	p.Findings = append(p.Findings, finding{"Supply", "/supply", supplyFindings(now, before, rank), asOf})
	if p.Headline == "" {
		p.Headline = supplyHeadline(now)
	}
	p.Tiles = append(p.Tiles, productionTile(all, now, before, asOf), stocksTile(all, now, before, rank, asOf))
	return nil
}

func productionTile(all []balance, now balance, before *balance, asOf string) tile {
	t := tile{Label: "World production", Path: "/supply", Value: fixed(scaled(now.Production), 1), Unit: "m bags", Direction: "flat", Change: "no season before to compare with",
		Spark:     sparkHTML("series-production", seasonLine("", "", fullyCounted(all), func(b balance) num { return b.Production }).Points, 1),
		SparkText: "seasons since " + fullyCounted(all)[0].Season, AsOf: asOf, Source: "USDA"}
	if before != nil {
		_, pct := difference(before.Production, now.Production)
		t.Change, t.Direction = changeOn(pct, 1, "\u202f%", before.Season)
	}
	if now.Production.Valid && now.Consumption.Valid {
		t.ScaleText = strings.TrimPrefix(worldHeadline(now), "The world ")
	}
	return t
}

// changeOn words a change that is printed with so many decimals.
func changeOn(change num, decimals int, unit, season string) (text, class string) {
	switch {
	case !change.Valid:
		return "change on " + season + " not known", "flat"
	case isZero(change.V, decimals):
		return "unchanged on " + season, "flat"
	}
	return signed(change, decimals) + unit + " on " + season, direction(change)
}

func stocksTile(all []balance, now balance, before *balance, rank stocksRank, asOf string) tile {
	t := tile{Label: "World stocks-to-use", Path: "/supply", Value: fixed(now.StocksToUse, 1), Unit: "% of consumption", Direction: "flat", Change: "no season before to compare with",
		Spark:     sparkHTML("series-stocks", seasonLine("", "", fullyCounted(all), stocksToUse).Points, 1),
		SparkText: "seasons since " + fullyCounted(all)[0].Season, AsOf: asOf, Source: "USDA"}
	if before != nil {
		change, _ := difference(before.StocksToUse, now.StocksToUse)
		t.Change, t.Direction = changeOn(change, 1, " points", before.Season)
	}
	if rank.Percentile.Valid && rank.Seasons > 1 {
		t.Scale = scaleHTML("series-stocks", rank.Percentile.V)
		t.ScaleText = strings.TrimPrefix(rankWords(rank), ", ")
	}
	return t
}
