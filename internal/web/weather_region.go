package web

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
)

// regionParams finds the region that the path ends in.
func regionParams(q url.Values, g *generation) (params, *refusal) {
	id := q.Get("name")
	if !slices.Contains(g.regions, id) {
		return params{}, &refusal{http.StatusNotFound, "There is no such region", "The regions are listed on the weather page; their names in addresses are like br_sul_de_minas."}
	}
	return params{Region: id, canonical: "region=" + url.QueryEscape(id)}, nil
}

// regionPage is what region.html prints.
type regionPage struct {
	Region      region
	Others      []region
	Headline    string
	Findings    []string
	Notices     []notice
	Source      freshness
	Chart       template.HTML
	SeasonTitle string
	Months      []weatherMonth // the newest, for the table beside the chart
	Calendars   []calendar
	Days        []weatherDay
}

// calendar is years down and months across.
type calendar struct {
	Title, Caption string
	Years          []calendarYear
}

type calendarYear struct {
	Year  int
	Cells [12]calendarCell
}

type calendarCell struct{ Text, Class string }

const regionDays = 20

func loadRegionPage(ctx context.Context, r *reading) (any, error) {
	sources, err := loadFreshness(ctx, r)
	if err != nil {
		return nil, err
	}
	p := regionPage{Source: sourceOf(sources, "weather", weatherTitle)}
	p.Notices = notices(p.Source)
	if p.Others, err = loadRegions(ctx, r); err != nil {
		return nil, err
	}
	if p.Region, err = loadRegion(ctx, r, r.params.Region); err != nil {
		return nil, err
	}
	p.Headline = seasonHeadline(p.Region)
	if !p.Region.AsOf.Valid || !r.has("weather_daily") {
		return p, nil
	}
	p.Findings = regionFindings(p.Region)
	season, err := loadSeason(ctx, r, p.Region.ID)
	if err != nil {
		return nil, err
	}
	p.Chart = seasonChart(p.Region, season)
	p.SeasonTitle = seasonTitle(p.Region)
	months, err := loadMonths(ctx, r, p.Region.ID)
	if err != nil {
		return nil, err
	}
	past, err := loadRegionPast(ctx, r, p.Region.ID)
	if err != nil {
		return nil, err
	}
	p.Months, p.Calendars = newestMonths(months), calendars(p.Region, months, past)
	p.Days, err = loadWeatherDays(ctx, r, p.Region.ID, regionDays)
	return p, err
}

func seasonTitle(r region) string {
	if !r.SeasonNormal.Valid {
		return "Rain since the season began; no normal of 1991–2020 to compare it with yet"
	}
	return fmt.Sprintf("%s mm since %s, where %s mm are normal", fixed(r.SeasonRain, 0), shortDate(r.SeasonStart()), fixed(r.SeasonNormal, 0))
}

// newestMonths are twelve, the newest first.
func newestMonths(months []weatherMonth) []weatherMonth {
	list := slices.Clone(months)
	slices.SortFunc(list, func(a, b weatherMonth) int { return b.Start.Compare(a.Start) })
	return list[:min(12, len(list))]
}

func rainLine(name, class string, days []weatherDay, get func(weatherDay) num) chartLine {
	l := chartLine{Name: name, Class: class, MaxGap: 2, Points: make([]point, 0, len(days))}
	for _, d := range days {
		if d.Date.Valid {
			l.Points = append(l.Points, point{dayNumber(d.Date.V), value(get(d))})
		}
	}
	return l
}

func wholeMM(v float64) string { return number(v, 0) }

// seasonChart draws rain since the season's first day, this season's and the last
// one's, over what is normal.
func seasonChart(r region, days []weatherDay) template.HTML {
	c := chartSpec{ID: "season", Title: "Rain since the season began in " + r.Name, YTitle: "mm since " + shortDate(r.SeasonStart()), XTicks: dateTicks, XName: dayName, Format: wholeMM, Zero: true,
		Bands: []chartBand{{Name: "Eight of ten seasons of 1991–2020", Class: "series-normal",
			Low:  rainLine("", "", days, func(d weatherDay) num { return d.Low10 }).Points,
			High: rainLine("", "", days, func(d weatherDay) num { return d.P90 }).Points}},
		Lines: []chartLine{
			rainLine("Normal", "series-normal", days, func(d weatherDay) num { return d.Normal }),
			rainLine("Last season", "series-before", days, func(d weatherDay) num { return d.Before }),
			rainLine("This season", "series-rain", days, func(d weatherDay) num { return d.Season }),
		}}
	c.Lines[2].Main = true
	return chartHTML(c)
}

// calendars are the region's months as tables.
func calendars(r region, months []weatherMonth, past regionPast) []calendar {
	if len(months) == 0 {
		return nil
	}
	days := func(get func(weatherMonth) num) func(weatherMonth) string {
		return func(m weatherMonth) string {
			if n := get(m); n.Valid && n.V > 0 {
				return number(n.V, 0)
			}
			return "·"
		}
	}
	list := []calendar{
		newCalendar(frostTitle(r, past), "Nights of 4\u202f°C or colder at 2 m. Darker: of 2\u202f°C, of 0\u202f°C or colder among them.", months,
			days(func(m weatherMonth) num { return m.Watch }),
			func(m weatherMonth) string {
				switch {
				case m.Severe.V > 0:
					return "cold-3"
				case m.Frost.V > 0:
					return "cold-2"
				case m.Watch.V > 0:
					return "cold-1"
				}
				return ""
			}),
		newCalendar(heatTitle(r, past), fmt.Sprintf("Days of %s\u202f°C or hotter.", fixed(r.HeatFrom, 0)), months,
			days(func(m weatherMonth) num { return m.Heat }), steps("hot", func(m weatherMonth) num { return m.Heat }, 5, 10, 20)),
		newCalendar(rainTitle(months), "Rain of the month in percent of its mean in 1991–2020; whole months only.", months,
			func(m weatherMonth) string { return fixed(m.RainPct, 0) },
			func(m weatherMonth) string { return twoSided(m.RainPct, 25, 60, 150, 250) }),
		newCalendar(dryTitle(r, past), "The longest run of days below 1 mm that reached into the month, in days.", months,
			days(func(m weatherMonth) num { return m.DrySpell }), steps("dry", func(m weatherMonth) num { return m.DrySpell }, 10, 20, 40)),
		newCalendar(spiTitle(r), "SPI-3 on the month's last day: 90 days of rain against the same days of 1991–2020.", months,
			func(m weatherMonth) string { return signed(m.SPI3, 1) },
			func(m weatherMonth) string { return twoSided(m.SPI3, -1.5, -1, 1, 1.5) }),
	}
	if past.Watch.Valid && past.Watch.V == 0 {
		list[0].Years = nil // its title says it all
	}
	return list
}

func newCalendar(title, caption string, months []weatherMonth, text, class func(weatherMonth) string) calendar {
	c := calendar{Title: title, Caption: caption}
	for _, m := range months {
		if n := len(c.Years); n == 0 || c.Years[n-1].Year != m.Start.Year() {
			c.Years = append(c.Years, calendarYear{Year: m.Start.Year()})
		}
		c.Years[len(c.Years)-1].Cells[m.Start.Month()-1] = calendarCell{text(m), class(m)}
	}
	return c
}

// steps grades a count by three thresholds: name-1, name-2, name-3.
func steps(name string, get func(weatherMonth) num, one, two, three float64) func(weatherMonth) string {
	return func(m weatherMonth) string {
		switch v := get(m); {
		case !v.Valid || v.V < one:
			return ""
		case v.V < two:
			return name + "-1"
		case v.V < three:
			return name + "-2"
		}
		return name + "-3"
	}
}

// twoSided grades a value that may be too low (dry) or too high (wet).
func twoSided(n num, veryDry, dry, wet, veryWet float64) string {
	switch {
	case !n.Valid:
		return ""
	case n.V <= veryDry:
		return "dry-3"
	case n.V <= dry:
		return "dry-1"
	case n.V >= veryWet:
		return "wet-3"
	case n.V >= wet:
		return "wet-1"
	}
	return ""
}
