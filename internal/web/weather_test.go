package web

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"
)

func risky(name, reason string, grade float64) region {
	return region{Name: name, Reason: reason, Risk: known(grade), AsOf: on("2026-01-27"), HeatFrom: known(30), SeasonMonth: 9, SeasonYear: known(2025)}
}

func TestWeatherHeadlineInEveryCase(t *testing.T) {
	frost, dry, wet := risky("A", "frost", 2), risky("B", "drought", 2), risky("C", "wet", 1)
	many := []region{risky("A", "drought", 1), risky("B", "drought", 1), risky("C", "drought", 1), risky("D", "drought", 1), risky("E", "heat", 1)}
	for _, c := range []struct {
		all  []region
		b    riskBoard
		want string
	}{
		{nil, riskBoard{}, "No region's weather can be judged yet"},
		{nil, riskBoard{Known: 12}, "No coffee region stands out: all 12 that are known are within the usual for frost, drought, rain and heat"},
		{nil, riskBoard{Known: 1}, "No coffee region stands out: the one that is known is within the usual for frost, drought, rain and heat"},
		{[]region{frost, dry, wet}, riskBoard{Known: 3, AtRisk: 3, Grave: 2}, "Frost in A, drought in B"},
		{[]region{wet}, riskBoard{Known: 3, AtRisk: 1}, "Wet in C"},
		{many, riskBoard{Known: 12, AtRisk: 5}, "Dry in A, B and 2 more regions, heat in E"},
	} {
		if got := weatherHeadline(c.all, c.b); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestRiskSentencesInEveryCase(t *testing.T) {
	frost := risky("A", "frost", 2)
	frost.FrostNights, frost.WatchNights, frost.LowestNight = known(1), known(3), known(-0.5)
	near := frost
	near.Risk = known(1)
	heat := risky("B", "heat", 1)
	heat.HeatDays = known(12)
	dry := risky("C", "drought", 2)
	unknownRain := dry
	dry.Rain90 = known(12.4)
	noNormal := dry
	dry.Rain90Pct, dry.Rain90Rank = known(8.3), known(0)
	wettest, middle := dry, dry
	wettest.Rain90Rank, middle.Rain90Rank = known(100), known(53.3)
	for want, r := range map[string]region{
		"1 night of 2\u202f°C or colder in the 14 days to 27 January 2026, the coldest −0.5\u202f°C.":                                       frost,
		"3 nights of 4\u202f°C or colder in the 14 days to 27 January 2026, the coldest −0.5\u202f°C.":                                      near,
		"12 days of 30\u202f°C or hotter in the 30 days to 27 January 2026.":                                                                heat,
		"rain of the last 90 days is not known in full.":                                                                                    unknownRain,
		"12 mm of rain in the 90 days to 27 January 2026; there is no normal to compare it with.":                                           noNormal,
		"12 mm of rain in the 90 days to 27 January 2026, 8\u202f% of normal, less than in any of the years 1991–2020.":                     dry,
		"12 mm of rain in the 90 days to 27 January 2026, 8\u202f% of normal, as much as or more than in every year of 1991–2020.":          wettest,
		"12 mm of rain in the 90 days to 27 January 2026, 8\u202f% of normal, as much as or more than in 53\u202f% of the years 1991–2020.": middle,
	} {
		if got := r.riskSentence(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for want, r := range map[string]region{"frost": frost, "near frost": near, "hot": heat, "drought": dry, "usual": {Risk: known(0)}, "not known": {}, "wet": risky("", "wet", 1), "very wet": risky("", "wet", 2), "dry": risky("", "drought", 1)} {
		if got := r.RiskWord(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	said := weatherFindings([]region{frost, heat}, riskBoard{Known: 12, AtRisk: 2, ShareAtRisk: known(31.25), Season: "2025/26"})
	if len(said) != 3 || said[0] != "2 of 12 coffee regions stand out; together they stand for 31.2\u202f% of the world's crop of 2025/26." || !strings.HasPrefix(said[1], "A: 1 night") {
		t.Errorf("%q", said)
	}
}

func TestRegionSentencesInEveryCase(t *testing.T) {
	r := risky("A", "", 0)
	r.SeasonRain = known(500)
	for _, c := range []struct {
		normal num
		want   string
	}{
		{num{}, "A has had 500 mm of rain since 1 September 2025"},
		{known(0.4), "A has had 500 mm of rain since 1 September 2025"}, // a dry season's first days
		{known(400), "A has had 500 mm of rain since 1 September 2025, 25\u202f% more than normal"},
		{known(625), "A has had 500 mm of rain since 1 September 2025, 20\u202f% less than normal"},
		{known(501), "A has had 500 mm of rain since 1 September 2025, as much as normal"},
	} {
		r.SeasonNormal = c.normal
		if got := seasonHeadline(r); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	if got := seasonHeadline(region{Name: "A"}); got != "No weather of A is known yet" {
		t.Error(got)
	}
	if got := seasonHeadline(region{Name: "A", AsOf: on("2026-01-27")}); got != "A: the season's rain is not known in full" {
		t.Error(got)
	}
	r.SeasonLow, r.SeasonHigh, r.Balance90, r.LowestNight, r.HeatDays, r.DrySpell = known(510), known(700), known(-42.4), known(8.05), known(1), known(9)
	got := strings.Join(regionFindings(r), " ")
	want := "The season's rain is below the band in which eight of ten seasons of 1991–2020 lie, 510 to 700 mm. Rain of the last 90 days is not known in full. " +
		"Rain less reference evapotranspiration is 42 mm less than normal over those days. The coldest night of the last 14 days had 8.1\u202f°C. " +
		"1 day of the last 30 reached 30\u202f°C. It has not rained 1 mm in a day for 9 days."
	if got != want && got != strings.Replace(want, "8.1", "8.0", 1) { // 8.05 has no exact binary form
		t.Errorf("got  %s\nwant %s", got, want)
	}
	past := regionPast{Coldest: known(7.7), ColdestDate: on("2022-05-20"), Watch: known(0)}
	r.First = on("2015-01-01")
	for want, change := range map[string]func(*regionPast){
		"No night of 4\u202f°C or colder since 1 Jan 2015; the coldest had 7.7\u202f°C, on 20 May 2022":                    func(*regionPast) {},
		"2 nights of 4\u202f°C or colder since 1 Jan 2015, none of 2\u202f°C; the coldest had 7.7\u202f°C, on 20 May 2022": func(p *regionPast) { p.Watch = known(2) },
		"1 night of 2\u202f°C or colder since 1 Jan 2015, the last on 20 July 2021; the coldest had 7.7\u202f°C, on 20 May 2022": func(p *regionPast) {
			p.Watch, p.Frost, p.LastFrost = known(2), known(1), on("2021-07-20")
		},
		"No night is known": func(p *regionPast) { p.Coldest = num{} },
	} {
		p := past
		change(&p)
		if got := frostTitle(r, p); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for want, spi := range map[string]float64{"severely dry": -1.5, "moderately dry": -1, "near normal": 0.99, "moderately wet": 1, "very wet": 1.5} {
		r.SPI3 = known(spi)
		if got := spiTitle(r); !strings.Contains(got, ", "+want+", on 27 January 2026") {
			t.Errorf("SPI %v: %q", spi, got)
		}
	}
}

func TestRainBoardTitleInEveryCase(t *testing.T) {
	for want, b := range map[string]riskBoard{
		"Over 90 days, of 12 regions none is as dry or as wet as one year in ten of 1991–2020":             {Compared: 12},
		"Over 90 days, of 12 regions 1 is among the driest tenth of 1991–2020":                             {Compared: 12, Driest: 1},
		"Over 90 days, of 12 regions 2 are among the wettest tenth of 1991–2020":                           {Compared: 12, Wettest: 2},
		"Over 90 days, of 12 regions 2 are among the driest tenth of 1991–2020 and 1 is among the wettest": {Compared: 12, Driest: 2, Wettest: 1},
	} {
		if got := rainBoardTitle(b); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Regions are addresses, not parameters: others are refused by name.
func TestRegionAddresses(t *testing.T) {
	h := smallSite(t)
	for url, want := range map[string]int{
		"/weather/br_sul_de_minas": 200, "/weather/br_sul_de_minas?name=vn_dak_lak": 200, "/weather/": 301, "/weather/br_sul_de_minas/": 301,
		"/weather/atlantis": 404, "/weather/br_sul_de_minas/2025": 404, "/weather/%27%20OR%201=1": 404, "/price/br_sul_de_minas": 404,
	} {
		w := get(t, h, url)
		if w.Code != want {
			t.Errorf("%s: %d, want %d", url, w.Code, want)
		}
		if to := w.Header().Get("Location"); want == http.StatusMovedPermanently && to != strings.TrimRight(url, "/") {
			t.Errorf("%s leads to %s", url, to)
		}
	}
	if body := getPage(t, h, "/weather/br_sul_de_minas?name=vn_dak_lak"); !strings.Contains(body, "<h1>Sul de Minas has had") {
		t.Error("a parameter took the place of the address")
	}
}

// The band lies under the lines, is part of the axis, and is left out where it
// is not known.
func TestBandInAChart(t *testing.T) {
	line := func(values ...float64) []point {
		points := make([]point, len(values))
		for i, v := range values {
			points[i] = point{float64(20000 + i*30), v}
		}
		return points
	}
	c := chartSpec{ID: "x", Title: "T", YTitle: "mm", XTicks: dateTicks, XName: dayName, Format: wholeMM,
		Lines: []chartLine{{Name: "L", Class: "series-rain", Points: line(1, 2, math.NaN(), math.NaN())}}}
	bare := string(chartHTML(c))
	c.Bands = []chartBand{{Name: "Band", Class: "series-normal", Low: line(0, 1, 2, 3), High: line(4, 8, 12, 90)}}
	banded := string(chartHTML(c))
	if strings.Count(banded, `<path class="area series-normal" d="M`) != 2 || strings.Contains(bare, "series-normal") { // desk and phone
		t.Error("no band")
	}
	if !strings.Contains(banded, `>80<`) || strings.Contains(bare, `>80<`) {
		t.Error("the axis does not reach to the band's top")
	}
	if !strings.Contains(banded, "Band: 3 to 90") {
		t.Error("the description lacks the band")
	}
	if strings.Index(banded, "area series-normal") > strings.Index(banded, "line series-rain") {
		t.Error("the band covers the line")
	}
	c.Bands[0].High = line(math.NaN(), math.NaN(), math.NaN(), math.NaN())
	if s := string(chartHTML(c)); strings.Contains(s, "series-normal") || strings.Contains(s, "NaN") {
		t.Error("a band without a top is drawn")
	}
}

func TestStrip(t *testing.T) {
	s := string(stripHTML(stripSpec{ID: "x", Title: "T", Describe: "D", Low: "a", Middle: "b", High: "c", Rows: []stripRow{
		{Name: "<b>", Value: "12 % of normal", Class: "series-dry", At: known(0), Weight: known(9)}, {Name: "B", Value: "not known", Class: "series-usual"}}}))
	if strings.Count(s, "<circle") != 2 || strings.Contains(s, "<b>") || !strings.Contains(s, "&lt;b&gt;") || strings.Count(s, "12 % of normal") != 1 {
		t.Errorf("%s", s)
	}
	if stripHTML(stripSpec{}) != "" {
		t.Error("a strip without rows is drawn")
	}
}

// A calendar has a row a year and a cell a month, graded by its number.
func TestCalendars(t *testing.T) {
	month := func(date string, m weatherMonth) weatherMonth {
		m.Start, _ = time.Parse(time.DateOnly, date)
		return m
	}
	months := []weatherMonth{month("2026-01-01", weatherMonth{Watch: known(0), Frost: known(0), Severe: known(0), RainPct: known(20)}),
		month("2025-06-01", weatherMonth{Watch: known(3), Frost: known(1), Severe: known(0), RainPct: known(260), SPI3: known(-1.2), DrySpell: known(25), Heat: known(7)}),
		month("2025-07-01", weatherMonth{Watch: known(1), Frost: known(0), Severe: known(0), RainPct: known(100)})}
	all := calendars(region{HeatFrom: known(30)}, months, regionPast{Watch: known(4)})
	if len(all) != 5 || len(all[0].Years) != 2 || all[0].Years[0].Year != 2026 {
		t.Fatalf("%+v", all)
	}
	june := func(n int) calendarCell { return all[n].Years[1].Cells[5] }
	for n, want := range []calendarCell{{"3", "cold-2"}, {"7", "hot-1"}, {"260", "wet-3"}, {"25", "dry-2"}, {"−1.2", "dry-1"}} {
		if june(n) != want {
			t.Errorf("calendar %d: %+v, want %+v", n, june(n), want)
		}
	}
	if got := all[2].Years[0].Cells[0]; got != (calendarCell{"20", "dry-3"}) {
		t.Errorf("January %+v", got)
	}
	if got := all[0].Years[0].Cells[1]; got != (calendarCell{}) {
		t.Errorf("a month that is not there: %+v", got)
	}
	if all = calendars(region{}, months, regionPast{Watch: known(0)}); all[0].Years != nil {
		t.Error("a frost calendar without a frost")
	}
}
