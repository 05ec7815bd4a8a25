package web

import (
	"context"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
)

var countryCode = regexp.MustCompile(`^[A-Z0-9]{2,8}$`)

func supplyParams(q url.Values, g *generation) (params, *refusal) {
	code := q.Get("country")
	if code == "" || code == world {
		return params{Country: world}, nil
	}
	if !countryCode.MatchString(code) {
		return params{}, &refusal{http.StatusBadRequest, "That is no country code", "USDA's codes have two capital letters or digits, such as BR and E4."}
	}
	if !slices.ContainsFunc(g.countries, func(c country) bool { return c.Code == code }) {
		return params{}, &refusal{http.StatusNotFound, "USDA has no coffee figures for " + code, "Choose one of the countries that the supply page lists. USDA's codes are not ISO's: Vietnam is VM."}
	}
	return params{Country: code, canonical: "country=" + url.QueryEscape(code)}, nil
}

// supplyPage is what supply.html prints.
type supplyPage struct {
	Has       bool
	Headline  string
	Findings  []string
	Notices   []notice
	Source    freshness
	Code      string
	Country   string
	Countries []country
	Now       balance

	BalanceHeadline string
	BalanceChart    template.HTML
	Sheet           sheet
	StocksHeadline  string
	StocksChart     template.HTML
	StocksBar       template.HTML
	Rank            stocksRank
	Denominator     string
	SpeciesHeadline string
	SpeciesChart    template.HTML
	Seasons         []balance // newest first, for the tables beside charts
	Exporters       []exporter
	ExportersTitle  string
	Revisions       revisions
	RevisionsTitle  string
	RevisionsText   string
}

// Surplus is production less consumption.
func (b balance) Surplus() num {
	change, _ := difference(b.Consumption, b.Production)
	return change
}

// exporter is a row of the exporters' table.
type exporter struct {
	balance
	Bar    template.HTML
	Chosen bool
}

const (
	sheetSeasons   = 6
	tableSeasons   = 12
	topExporters   = 12
	shownRevisions = 15
)

func loadSupply(ctx context.Context, r *reading) (any, error) {
	sources, err := loadFreshness(ctx, r)
	if err != nil {
		return nil, err
	}
	p := supplyPage{Source: sourceOf(sources, "psd", "USDA PSD Online"), Code: r.params.Country, Countries: r.gen.countries, Denominator: denominator(r.params.Country)}
	p.Notices = notices(p.Source)
	all, err := loadBalances(ctx, r, p.Code)
	if err != nil || len(all) == 0 {
		return p, err
	}
	p.Has, p.Now = true, all[len(all)-1]
	p.Country = p.Now.Country
	before := seasonBefore(all)
	if p.Rank, err = loadStocksRank(ctx, r, p.Code); err != nil {
		return nil, err
	}
	if p.Revisions, err = loadRevisions(ctx, r, p.Code, shownRevisions); err != nil {
		return nil, err
	}
	if p.Exporters, p.ExportersTitle, err = exportersTable(ctx, r, p.Now.Year, p.Now.Season); err != nil {
		return nil, err
	}
	p.Headline, p.Findings = supplyHeadline(p.Now), supplyFindings(p.Now, before, p.Rank)
	p.RevisionsTitle, p.RevisionsText = revisionsHeadline(p.Revisions, p.Code, p.Country), revisionsFinding(p.Revisions)
	p.BalanceHeadline = balanceHeadline(p.Now)
	p.BalanceChart, p.StocksChart, p.SpeciesChart = balanceChart(all), stocksChart(all), speciesChart(all)
	p.StocksHeadline, p.SpeciesHeadline = stocksHeadline(p.Now), speciesHeadline(p.Now)
	if p.Rank.Percentile.Valid && p.Rank.Seasons > 1 {
		p.StocksBar = scaleHTML("series-stocks", p.Rank.Percentile.V)
	}
	p.Sheet = newSheet(all[max(0, len(all)-sheetSeasons):])
	p.Seasons = slices.Clone(all[max(0, len(all)-tableSeasons):])
	slices.Reverse(p.Seasons)
	return p, nil
}

func seasonBefore(all []balance) *balance {
	if len(all) < 2 || all[len(all)-2].Year != all[len(all)-1].Year-1 {
		return nil
	}
	return &all[len(all)-2]
}

func exportersTable(ctx context.Context, r *reading, year int, name string) ([]exporter, string, error) {
	top, err := loadExporters(ctx, r, year, topExporters)
	if err != nil || len(top) == 0 {
		return nil, "No exporter is known for " + name, err
	}
	rows := make([]exporter, len(top))
	for i, b := range top {
		rows[i] = exporter{balance: b, Chosen: b.Code == r.params.Country, Bar: shareHTML("series-exports", value(b.ExportShare), value(top[0].ExportShare))}
	}
	title := fmt.Sprintf("%s is the largest exporter of %s", top[0].Country, name)
	if top[0].ExportShare.Valid {
		title += ", with " + percent(top[0].ExportShare, 1) + " of the world's exports"
	}
	return rows, title, nil
}

func balanceHeadline(now balance) string {
	if now.Code == world {
		return fmt.Sprintf("Production %s, consumption %s million bags in %s", fixed(scaled(now.Production), 1), fixed(scaled(now.Consumption), 1), now.Season)
	}
	return fmt.Sprintf("Production %s, exports %s, consumption %s million bags in %s", fixed(scaled(now.Production), 1), fixed(scaled(now.Exports), 1), fixed(scaled(now.Consumption), 1), now.Season)
}

// scaled turns thousand bags into million bags.
func scaled(n num) num { return num{V: n.V / 1000, Valid: n.Valid} }

func seasonLine(name, class string, all []balance, get func(balance) num) chartLine {
	l := chartLine{Name: name, Class: class, MaxGap: 1, Points: make([]point, len(all))}
	for i, b := range all {
		l.Points[i] = point{float64(b.Year), value(get(b))}
	}
	return l
}

func seasonName(x float64) string { return season(int(x)) }

func millionsAxis(v float64) string { return number(v, 1) }

// fullyCounted drops the years in which the world's use was not counted whole.
func fullyCounted(all []balance) []balance {
	if len(all) > 0 && all[0].Code == world {
		return all[max(0, slices.IndexFunc(all, func(b balance) bool { return b.Year >= worldSince })):]
	}
	return all
}

func balanceChart(all []balance) template.HTML {
	all = fullyCounted(all)
	c := chartSpec{ID: "balance", YTitle: "million 60-kg bags", XTicks: seasonTicks, XName: seasonName, Format: millionsAxis, Zero: true,
		Title: "Production and consumption by season",
		Lines: []chartLine{
			seasonLine("Consumption", "series-consumption", all, func(b balance) num { return scaled(b.Consumption) }),
			seasonLine("Production", "series-production", all, func(b balance) num { return scaled(b.Production) }),
		}}
	if all[0].Code != world {
		c.Title = "Production, exports and consumption by season"
		c.Lines = append(c.Lines, seasonLine("Exports", "series-exports", all, func(b balance) num { return scaled(b.Exports) }))
	} else {
		c.Zero = false // both are far from nothing; what counts is between them
	}
	c.Lines[1].Main = true
	return chartHTML(c)
}

func stocksChart(all []balance) template.HTML {
	all = fullyCounted(all)
	l := seasonLine("Stocks-to-use", "series-stocks", all, stocksToUse)
	l.Main, l.Area = true, true
	return chartHTML(chartSpec{ID: "stocks", Title: "Ending stocks in percent of " + denominator(all[0].Code), YTitle: "% of " + denominator(all[0].Code),
		XTicks: seasonTicks, XName: seasonName, Format: oneDecimalPercent, Zero: true, Small: true, Lines: []chartLine{l}})
}

func speciesChart(all []balance) template.HTML {
	lines := []chartLine{
		seasonLine("Arabica", "series-arabica", all, func(b balance) num { return scaled(b.Arabica) }),
		seasonLine("Robusta", "series-robusta", all, func(b balance) num { return scaled(b.Robusta) }),
	}
	lines[0].Main, lines[1].Main = true, true
	return chartHTML(chartSpec{ID: "species", Title: "Arabica and robusta production by season", YTitle: "million 60-kg bags",
		XTicks: seasonTicks, XName: seasonName, Format: millionsAxis, Zero: true, Small: true, Lines: lines})
}

// sheet is the balance sheet as the trade prints it: lines down, seasons across.
type sheet struct {
	Seasons []string
	Changed string // the seasons whose difference the last columns print
	Rows    []sheetRow
}

type sheetRow struct {
	Label                 string
	Part                  bool // a part of the line above
	Sum                   bool // begins or ends the account
	Percent               bool
	Cells                 []num
	Change, ChangePercent num
}

func newSheet(seasons []balance) sheet {
	var s sheet
	for _, b := range seasons {
		s.Seasons = append(s.Seasons, b.Season)
	}
	for _, row := range []struct {
		label string
		part  bool
		sum   bool
		get   func(balance) num
	}{
		{"Beginning stocks", false, true, func(b balance) num { return b.BeginningStocks }},
		{"Production", false, false, func(b balance) num { return b.Production }},
		{"arabica", true, false, func(b balance) num { return b.Arabica }},
		{"robusta", true, false, func(b balance) num { return b.Robusta }},
		{"Imports", false, false, func(b balance) num { return b.Imports }},
		{"Exports", false, false, func(b balance) num { return b.Exports }},
		{"green beans", true, false, func(b balance) num { return b.BeanExports }},
		{"Domestic consumption", false, false, func(b balance) num { return b.Consumption }},
		{"Ending stocks", false, true, func(b balance) num { return b.EndingStocks }},
	} {
		out := sheetRow{Label: row.label, Part: row.part, Sum: row.sum}
		for _, b := range seasons {
			out.Cells = append(out.Cells, row.get(b))
		}
		if n := len(seasons); n > 1 && seasons[n-2].Year == seasons[n-1].Year-1 {
			s.Changed = seasons[n-1].Season + " on " + seasons[n-2].Season
			out.Change, out.ChangePercent = difference(row.get(seasons[n-2]), row.get(seasons[n-1]))
		}
		s.Rows = append(s.Rows, out)
	}
	ratio := sheetRow{Label: "Stocks-to-use, %", Percent: true}
	for _, b := range seasons {
		ratio.Cells = append(ratio.Cells, stocksToUse(b))
	}
	if n := len(seasons); s.Changed != "" {
		ratio.Change, _ = difference(ratio.Cells[n-2], ratio.Cells[n-1])
	}
	s.Rows = append(s.Rows, ratio)
	return s
}

// difference is the change from before to now, absolute and in percent.
func difference(before, now num) (change, pct num) {
	if !before.Valid || !now.Valid {
		return num{}, num{}
	}
	change = known(now.V - before.V)
	if math.Abs(before.V) > 0 {
		pct = known(100 * change.V / before.V)
	}
	return change, pct
}
