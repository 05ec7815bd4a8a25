package web

import (
	"context"
	"fmt"
	"html/template"
	"strings"
)

// weatherPage is what weather.html prints.
type weatherPage struct {
	Has      bool
	Headline string
	Findings []string
	Notices  []notice
	Source   freshness
	Board    riskBoard
	Regions  []region

	RainTitle string
	Chart     template.HTML
}

const weatherTitle = "Open-Meteo weather"

func loadWeather(ctx context.Context, r *reading) (any, error) {
	sources, err := loadFreshness(ctx, r)
	if err != nil {
		return nil, err
	}
	p := weatherPage{Source: sourceOf(sources, "weather", weatherTitle)}
	p.Notices = notices(p.Source)
	if p.Regions, err = loadRegions(ctx, r); err != nil {
		return nil, err
	}
	if p.Board, err = loadRiskBoard(ctx, r); err != nil {
		return nil, err
	}
	if p.Has = p.Board.AsOf.Valid; !p.Has {
		return p, nil
	}
	p.Headline, p.Findings = weatherHeadline(p.Regions, p.Board), weatherFindings(p.Regions, p.Board)
	p.RainTitle, p.Chart = rainBoardTitle(p.Board), rainStrip(p.Regions)
	return p, nil
}

// rainStrip places 90 days of rain of each region among the same days of 1991 to
// 2020, in the order of the board.
func rainStrip(all []region) template.HTML {
	c := stripSpec{ID: "rain", Title: "Where 90 days of rain stand among the same days of 1991 to 2020, by region", Low: "driest", Middle: "median", High: "wettest"}
	var said []string
	for _, r := range all {
		row := stripRow{Name: r.Name, Value: "not known", Class: "series-usual", At: r.Rain90Rank, Weight: r.Share}
		if r.Rain90Rank.Valid {
			row.Value = percent(r.Rain90Pct, 0) + " of normal"
			row.Class = rainClass(r.Rain90Rank.V)
			said = append(said, fmt.Sprintf("%s %s of normal, percentile %s", r.Name, percent(r.Rain90Pct, 0), fixed(r.Rain90Rank, 0)))
		}
		c.Rows = append(c.Rows, row)
	}
	if len(said) == 0 {
		return "" // no normal yet
	}
	c.Describe = strings.Join(said, "; ") + "."
	return stripHTML(c)
}

// rainClass is the colour of a percentile of rain: the outer tenths stand out.
func rainClass(percentile float64) string {
	switch {
	case percentile <= 10:
		return "series-dry"
	case percentile >= 90:
		return "series-wet"
	}
	return "series-usual"
}

// pulseRegions is how many regions the front page tells of.
const pulseRegions = 2

// addWeather puts the board's sum on the front page.
func (p *pulsePage) addWeather(ctx context.Context, r *reading) error {
	all, err := loadRegions(ctx, r)
	if err != nil {
		return err
	}
	board, err := loadRiskBoard(ctx, r)
	if err != nil || !board.AsOf.Valid {
		return err
	}
	asOf := shortDate(board.AsOf)
	p.Findings = append(p.Findings, finding{"Weather", "/weather", weatherFindings(all[:min(len(all), pulseRegions)], board), asOf})
	headline := weatherHeadline(all, board)
	if p.Headline == "" {
		p.Headline = headline
	}
	t := tile{Label: "Weather at risk", Path: "/weather", Value: fmt.Sprintf("%d of %d", board.AtRisk, board.Known), Unit: "regions", Direction: "flat",
		Change: headline, AsOf: asOf, Source: "Open-Meteo, ERA5"}
	if board.ShareAtRisk.Valid {
		t.Scale = scaleHTML("series-dry", board.ShareAtRisk.V)
		t.ScaleText = percent(board.ShareAtRisk, 0) + " of the world’s crop"
	}
	p.Tiles = append(p.Tiles, t)
	return nil
}
