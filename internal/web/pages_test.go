package web

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var dataPages = []string{"/", "/price", "/price?range=3m", "/price?range=5y", "/price?range=max", "/positioning", "/positioning?range=1y", "/positioning?range=10y", "/positioning?range=max", "/supply", "/supply?country=BR", "/stocks", "/stocks?range=6m", "/stocks?range=max", "/weather", "/weather/br_sul_de_minas", "/weather/vn_dak_lak", "/weather/in_chikmagalur", "/methodology", "/status"}

func TestPagesInEveryState(t *testing.T) {
	states := []struct {
		name   string
		change []string
		now    time.Time
		want   map[string][]string // by page; "" for all
		lacks  []string            // on all
	}{
		{name: "fresh", want: map[string][]string{
			"/":            {"Arabica closed at 238.60 cents a pound, up 0.05", "9 Dec 2025", "World stocks-to-use", "The release of 21 December 2023 changed 2 figures"},
			"/price":       {"closes and averages", "52-week high", "last trading day", "Yahoo Finance KC=F"},
			"/supply":      {"The world grows 56.55 million bags more than it drinks in 2023/24", "importing countries are not counted before"},
			"/positioning": {"Funds are net short", "lots of arabica, down 1,234 on the week", "Coffee C", "CFTC Commitments of Traders", "producers", "After the 2 times that the index of 156 reports reached 90 the price was lower 13 weeks later in 1"},
			"/stocks": {"Certified arabica stocks stand at 862,400 bags, down 100 on the day", "On 9 December 2025 ICE held 862,400 bags ready for delivery, 100 fewer than in the report before.",
				"3.1\u202f% below the 52-week high of 890,000 bags", "Europe stores 646,800 bags (75\u202f%), the United States 215,600 bags (25\u202f%); Antwerp alone has 75\u202f%.",
				"8,210 bags wait to be graded; 825 passed and 275 failed that day.", "400,000 bags (46\u202f%) are transition bags", "The stock would last the world 1.9 days",
				"By origin: Honduras 60\u202f% and Brazil 40\u202f%", "31\u202f% of the bags had been graded more than a year before, at the end of November 2025, as at the month end before",
				"The largest part, 46\u202f%, was graded up to 120 days before", "Month ends since 1996: the most was", "do not allow a download here", "ICE certified coffee stocks"},
			"/weather": {"<h1>Drought in Sul de Minas</h1>", "1 of 2 coffee regions stands out; it stands for 23.4\u202f% of the world&#39;s crop of 2023/24.",
				"Sul de Minas: 180 mm of rain in the 90 days to 4 December 2025, 60\u202f% of normal, as much as or more than in 7\u202f% of the years 1991–2020.",
				"Over 90 days, of 2 regions 1 is among the driest tenth of 1991–2020", `<td class="risk grade-2">drought</td>`, `<td class="risk">usual</td>`, `<td class="risk">not known</td>`,
				"Open-Meteo.com, CC BY 4.0", "coarse reanalysis", `href="/weather/vn_dak_lak"`},
			"/weather/br_sul_de_minas": {"<h1>Sul de Minas has had 190 mm of rain since 1 September 2025, 33\u202f% less than normal</h1>", "below the band in which eight of ten seasons",
				"1 night of 2\u202f°C or colder since 1 Sep 2023, the last on 20 July 2025; the coldest had 1.5\u202f°C", `<td class="cold-2">1</td>`, "SPI-3 stands at −1.6, severely dry", "November 2025 had 60 mm of rain, 60\u202f% of normal", `aria-current="page">Weather<`},
			"/weather/in_chikmagalur": {"No weather of Chikmagalur is known yet", "arabica and robusta"},
			"/methodology":            {"US public domain", "never added", "never the exchange’s settlement"},
			"/status":                 {"All 5 sources are as they should be", "Of the last 4 runs, 1 failed", "1 of 2 audits found rows", "The 1 other audit that found nothing", "0123456789abcdef0123456789abcdef"},
		}, lacks: []string{"SAMPLE", "REPLAY", "Stale."}},
		{name: "stale", change: []string{"UPDATE serving.data_freshness SET expected_next = DATE '2025-12-03' WHERE source = 'prices'"}, want: map[string][]string{
			"/": {"Stale.", "7 days ago", `class="state late"`}, "/price": {"Stale."}, "/status": {"1 of 5 sources needs attention"},
		}},
		{name: "a month later", now: today.AddDate(0, 1, 0), want: map[string][]string{"/": {"Stale.", "31 days ago"}, "/price": {"Stale."}}},
		{name: "failed", change: []string{"UPDATE serving.data_freshness SET last_status = 'failed', last_error = 'status 503' WHERE source = 'psd'"}, want: map[string][]string{
			"/supply": {"Stale.", "failed: status 503."}, "/status": {"failed: status 503"},
		}},
		{name: "sample", change: []string{"UPDATE serving.snapshot SET origin = 'sample'"}, want: map[string][]string{"": {"SAMPLE DATA.", "<title>SAMPLE: "}}},
		{name: "replay", change: []string{"UPDATE serving.snapshot SET origin = 'replay'"}, want: map[string][]string{"": {"REPLAY.", "<title>REPLAY: "}}},
		{name: "no prices", change: []string{"DELETE FROM serving.coffee_prices", "DELETE FROM serving.data_freshness WHERE source = 'prices'"}, want: map[string][]string{
			"/": {"Funds are net short", "USDA puts world production", "<strong>Missing.</strong> KC=F prices has never been loaded."}, "/price": {"No prices yet"}, "/supply": {"The world grows"},
		}},
		{name: "no prices table", change: []string{"DROP TABLE serving.coffee_prices", "DROP TABLE serving.cot_positioning"}, want: map[string][]string{"/": {"The world grows"}, "/price": {"No prices yet"}}},
		{name: "no positions", change: []string{"DELETE FROM serving.cot_positioning", "DELETE FROM serving.data_freshness WHERE source = 'cot'"}, want: map[string][]string{
			"/": {"Arabica closed", "CFTC Commitments of Traders has never been loaded."}, "/positioning": {"No positioning yet"},
		}},
		{name: "positions without prices or index", change: []string{"DROP TABLE serving.coffee_prices", "DROP TABLE serving.cot_index_by_category",
			"UPDATE serving.cot_positioning SET cot_index_26w = NULL, cot_index_52w = NULL, cot_index_156w = NULL, net_percentile_26w = NULL, net_percentile_52w = NULL, net_percentile_156w = NULL"}, want: map[string][]string{
			"/positioning": {"too few reports in a row"},
		}},
		{name: "no stocks", change: []string{"DELETE FROM serving.ice_warehouse_stocks", "DELETE FROM serving.data_freshness WHERE source = 'ice'"}, want: map[string][]string{
			"/": {"Arabica closed", "<strong>Missing.</strong> ICE certified coffee stocks has never been loaded."}, "/stocks": {"No certified stocks yet"},
		}},
		{name: "no stocks tables", change: []string{"DROP TABLE serving.ice_warehouse_stocks", "DROP TABLE serving.ice_warehouse_stocks_by_port", "DROP TABLE serving.ice_aging_stocks", "DROP TABLE serving.ice_month_end_stocks"},
			want: map[string][]string{"/stocks": {"No certified stocks yet"}}},
		{name: "one report, no ages, no history", change: []string{"DELETE FROM serving.ice_warehouse_stocks WHERE report_date < DATE '2025-12-09'", "DELETE FROM serving.ice_warehouse_stocks_by_port WHERE report_date < DATE '2025-12-09'",
			"UPDATE serving.ice_warehouse_stocks SET change_bags = NULL, avg_30d_bags = NULL, high_52w_bags = NULL, drawdown_52w_pct = NULL", "DELETE FROM serving.ice_aging_stocks", "DELETE FROM serving.ice_month_end_stocks"},
			want: map[string][]string{"/stocks": {"<h1>Certified arabica stocks stand at 862,400 bags</h1>", "the report before it is missing, so the day&#39;s change is not known", "Its 52-week high is not known",
				"no ageing report is loaded", "The age profile is not known"}}, lacks: []string{"Month ends since"}},
		{name: "no weather", change: []string{"UPDATE serving.weather_regions SET observed_date = NULL, risk_level = NULL, season_rain_mm = NULL", "DELETE FROM serving.weather_daily", "DELETE FROM serving.weather_monthly", "DELETE FROM serving.data_freshness WHERE source = 'weather'"}, want: map[string][]string{
			"/weather": {"No weather yet", "Open-Meteo weather has never been loaded."}, "/": {"Arabica closed", "Open-Meteo weather has never been loaded."}, "/weather/br_sul_de_minas": {"No weather of Sul de Minas is known yet"},
		}},
		{name: "no normals", change: []string{"UPDATE serving.weather_daily SET rain_30d_pct_of_normal = NULL, rain_90d_pct_of_normal = NULL, rain_90d_percentile = NULL, spi_1 = NULL, spi_3 = NULL, season_rain_normal_mm = NULL, season_rain_p10_mm = NULL, season_rain_p90_mm = NULL",
			"UPDATE serving.weather_monthly SET rain_normal_mm = NULL, rain_pct_of_normal = NULL, spi_1 = NULL, spi_3 = NULL",
			"UPDATE serving.weather_regions SET rain_90d_pct_of_normal = NULL, rain_90d_percentile = NULL, spi_1 = NULL, spi_3 = NULL, season_rain_normal_mm = NULL, season_rain_p10_mm = NULL, season_rain_p90_mm = NULL, balance_90d_anomaly_mm = NULL, risk_level = 0, risk_reason = NULL"}, want: map[string][]string{
			"/weather":                 {"No coffee region stands out: all 3 that are known are within the usual", "0 of 3 coffee regions stand out."},
			"/weather/br_sul_de_minas": {"has had 190 mm of rain since 1 September 2025</h1>", "there is no normal to compare it with", "SPI-3 is not known: it needs 24 years"},
		}},
		{name: "no supply", change: []string{"DELETE FROM serving.commodity_metrics WHERE country_code <> 'BR'", "DELETE FROM serving.psd_revisions"}, want: map[string][]string{
			"/": {"Arabica closed"}, "/supply": {"No balance sheet yet"},
		}},
		{name: "nothing at all", change: []string{"DELETE FROM serving.commodity_metrics WHERE country_code = 'WORLD'", "DELETE FROM serving.coffee_prices", "DELETE FROM serving.cot_positioning", "UPDATE serving.weather_regions SET observed_date = NULL", "DELETE FROM serving.data_freshness",
			"DELETE FROM serving.pipeline_runs", "DELETE FROM serving.data_quality", "DELETE FROM serving.lineage", "DELETE FROM serving.psd_revisions", "DELETE FROM serving.ice_warehouse_stocks"}, want: map[string][]string{
			"/": {"Nothing is known yet"}, "/status": {"No source has been loaded yet", "No run is recorded", "No audit is recorded"},
		}},
		{name: "supervised", change: []string{
			"INSERT INTO serving.workflows VALUES ('psd', '15 17 * * *', 'success', '', TIMESTAMP '2026-02-01 17:15:09', TIMESTAMP '2026-02-01 17:15:09'), ('prices', 'hourly', 'failed', 'HTTP 503 from Yahoo', TIMESTAMP '2026-02-01 18:00:00', NULL)"}, want: map[string][]string{
			"/status": {"1 of 2 scheduled jobs did not end well", "15 17 * * *", "HTTP 503 from Yahoo"},
		}},
		{name: "alerted", change: []string{
			"INSERT INTO serving.workflows VALUES ('psd', 'daily', 'success', '', TIMESTAMP '2026-02-01 17:15:09', TIMESTAMP '2026-02-01 17:15:09')",
			"INSERT INTO serving.alerts VALUES ('backup-age', 'error', 'No backup for more than 13 hours', 'The bucket does not answer.', TIMESTAMP '2026-02-01 10:00:00')"}, want: map[string][]string{
			"/status": {"1 alert open", "No backup for more than 13 hours", "The bucket does not answer."},
		}},
		{name: "nulls", change: []string{
			"UPDATE serving.coffee_prices SET open = NULL, high = NULL, low = NULL, volume = NULL, return_pct = NULL, sma_20 = NULL, sma_50 = NULL, sma_200 = NULL, high_52w = NULL, low_52w = NULL, close_high_52w = NULL, close_low_52w = NULL, volatility_20d_pct = NULL, volatility_20d_ex_roll_pct = NULL, drawdown_pct = NULL, is_roll = NULL",
			"UPDATE serving.commodity_metrics SET production = NULL, arabica_production = NULL, exports = NULL, domestic_consumption = NULL, ending_stocks = NULL, stocks_to_use_pct = NULL, stocks_to_use_incl_exports_pct = NULL, production_yoy_pct = NULL, export_share_pct = NULL",
			"UPDATE serving.ice_warehouse_stocks SET certified_bags = NULL, transition_bags = NULL, pending_bags = NULL, passed_bags = NULL, failed_bags = NULL, change_bags = NULL, europe_bags = NULL, us_bags = NULL, avg_30d_bags = NULL, high_52w_bags = NULL, drawdown_52w_pct = NULL, use_market_year = NULL, yearly_use_bags = NULL, days_of_use = NULL",
			"UPDATE serving.ice_warehouse_stocks_by_port SET region = NULL, transition_bags = NULL, bags = NULL, origin = ''",
			"UPDATE serving.ice_aging_stocks SET region = NULL, age_to_days = NULL, bags = NULL",
			"UPDATE serving.ice_month_end_stocks SET region = NULL, bags = NULL",
			"UPDATE serving.data_freshness SET title = NULL, licence = NULL, homepage = NULL, cadence = NULL, last_checked = NULL, last_status = NULL, last_error = NULL, last_landed_at = NULL, released_at = NULL, as_of = NULL, files = NULL, bytes = NULL, expected_next = NULL, newest_file = NULL, newest_sha256 = NULL, newest_url = NULL",
			"UPDATE serving.weather_daily SET temperature_max_c = NULL, temperature_min_c = NULL, temperature_mean_c = NULL, precipitation_mm = NULL, frost_class = NULL, is_heat_day = NULL, dry_spell_days = NULL, season_rain_mm = NULL, season_rain_normal_mm = NULL, season_rain_p90_mm = NULL",
			"UPDATE serving.weather_regions SET temperature_min_14d_c = NULL, frost_nights_14d = NULL, rain_90d_mm = NULL, season_rain_mm = NULL, production_share_pct = NULL, production_season = NULL",
			"UPDATE serving.snapshot SET origin = NULL, plan_id = NULL, materia_version = NULL"}, want: map[string][]string{
			"/": {"Arabica closed at 238.60 cents a pound"}, "/price": {"too few days"}, "/supply": {"production or consumption is not known"},
			"/stocks": {"Certified arabica stocks are not known", "told no total", "How many bags wait to be graded is not known", "no consumption is loaded"},
		}, lacks: []string{"NaN", "Inf", "%!"}},
	}
	for _, state := range states {
		t.Run(state.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "analytics.duckdb")
			small(t, path, state.change...)
			now := state.now
			if now.IsZero() {
				now = today
			}
			h := open(t, path, now)
			for _, url := range dataPages {
				body := getPage(t, h, url)
				checkHTML(t, url, body)
				for _, w := range append(state.want[url], state.want[""]...) {
					if !strings.Contains(body, w) {
						t.Errorf("%s lacks %q", url, w)
					}
				}
				for _, w := range append(state.lacks, "%!", "NaN") {
					if strings.Contains(body, w) {
						t.Errorf("%s has %q", url, w)
					}
				}
			}
		})
	}
}

func TestBeforeAnyData(t *testing.T) {
	path := filepath.Join(t.TempDir(), "analytics.duckdb")
	h := open(t, path, today)
	for _, url := range dataPages {
		body := getPage(t, h, url)
		checkHTML(t, url, body)
		if url != "/methodology" && !strings.Contains(body, "materia pipeline run all") {
			t.Errorf("%s does not say what to do", url)
		}
	}
	if w := get(t, h, "/healthz"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "no data published yet") {
		t.Errorf("/healthz: %d %s", w.Code, w.Body)
	}
	small(t, path) // no restart needed
	if body := getPage(t, h, "/"); !strings.Contains(body, "Arabica closed") {
		t.Error("the page does not show data that was just published")
	}
	if w := get(t, h, "/healthz"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"snapshot":"0123456789abcdef0123456789abcdef"`) {
		t.Errorf("/healthz: %d %s", w.Code, w.Body)
	}
}

var (
	tagID      = regexp.MustCompile(` id="([^"]*)"`)
	labelled   = regexp.MustCompile(`aria-labelledby="([^"]*)"`)
	inline     = regexp.MustCompile(`(?i)<style|<script>|<[a-z]+(?:\s+[a-z-]+(?:="[^"]*"|='[^']*')?)*\s+(?:style|on[a-z]+)=|="javascript:`)
	scriptTag  = regexp.MustCompile(`<script[^>]*>([^<]*)</script>`)
	inputField = regexp.MustCompile(`<(?:select|input|textarea)[^>]* id="([^"]*)"`)
	image      = regexp.MustCompile(`<svg[^>]*>`)
)

// checkHTML looks for what every page must have and must not have.
func checkHTML(t *testing.T, url, body string) {
	t.Helper()
	for _, once := range []string{"<h1>", "<main ", "<title>", `lang="en"`, `name="viewport"`, `class="skip" href="#main"`} {
		if got := strings.Count(body, once); got != 1 {
			t.Errorf("%s: %d of %q", url, got, once)
		}
	}
	ids := map[string]bool{}
	for _, m := range tagID.FindAllStringSubmatch(body, -1) {
		if ids[m[1]] {
			t.Errorf("%s: id %q twice", url, m[1])
		}
		ids[m[1]] = true
	}
	for _, m := range labelled.FindAllStringSubmatch(body, -1) {
		for _, id := range strings.Fields(m[1]) {
			if !ids[id] {
				t.Errorf("%s: labelled by %q, which is not there", url, id)
			}
		}
	}
	for _, m := range inputField.FindAllStringSubmatch(body, -1) {
		if !strings.Contains(body, `<label for="`+m[1]+`"`) {
			t.Errorf("%s: field %q has no label", url, m[1])
		}
	}
	for _, m := range image.FindAllString(body, -1) {
		if !strings.Contains(m, `role="img"`) && !strings.Contains(m, `aria-hidden="true"`) {
			t.Errorf("%s: neither named nor hidden: %s", url, m)
		}
	}
	for _, m := range scriptTag.FindAllStringSubmatch(body, -1) {
		if m[1] != "" {
			t.Errorf("%s: inline script %q", url, m[1])
		}
	}
	if m := inline.FindString(body); m != "" {
		t.Errorf("%s: inline style or script: %s", url, m)
	}
	for _, tag := range []string{"table", "section", "figure", "svg", "ul", "form", "details", "p", "div", "tr", "thead", "tbody"} {
		opened := len(regexp.MustCompile(`<`+tag+`[\s>]`).FindAllString(body, -1))
		if closed := strings.Count(body, "</"+tag+">"); opened != closed {
			t.Errorf("%s: %d <%s>, %d closed", url, opened, tag, closed)
		}
	}
}

// Strings from sources reach pages as text, wherever they stand.
func TestHostileStringsAreText(t *testing.T) {
	const evil = `"><img src=x onerror=alert(1)><script>alert(1)</script>`
	sqlEvil := "'" + strings.ReplaceAll(evil, "'", "''") + "'"
	h := smallSite(t,
		"UPDATE serving.commodity_metrics SET country_name = "+sqlEvil+" WHERE country_code = 'BR'",
		"UPDATE serving.commodity_metrics SET season = "+sqlEvil+" WHERE market_year = 2022",
		"UPDATE serving.psd_revisions SET country_name = "+sqlEvil+", attribute = "+sqlEvil+", season = "+sqlEvil,
		"UPDATE serving.ice_warehouse_stocks_by_port SET port_name = "+sqlEvil+" WHERE port_code = 'NY'",
		"UPDATE serving.ice_warehouse_stocks_by_port SET origin = "+sqlEvil+" WHERE origin = 'Brazil'",
		"UPDATE serving.data_freshness SET title = "+sqlEvil+", licence = "+sqlEvil+", cadence = "+sqlEvil+", last_status = 'failed', last_error = "+sqlEvil+", newest_file = "+sqlEvil+", newest_sha256 = "+sqlEvil+", homepage = 'javascript:alert(1)'",
		"UPDATE serving.pipeline_runs SET run_id = "+sqlEvil+", pipeline = "+sqlEvil+", source = "+sqlEvil+", status = "+sqlEvil+", error = "+sqlEvil,
		"UPDATE serving.data_quality SET model = "+sqlEvil+", audit = "+sqlEvil,
		"INSERT INTO serving.workflows SELECT "+sqlEvil+", "+sqlEvil+", 'failed', "+sqlEvil+", NULL, NULL",
		"INSERT INTO serving.alerts SELECT "+sqlEvil+", "+sqlEvil+", "+sqlEvil+", "+sqlEvil+", NULL",
		"UPDATE serving.lineage SET model = "+sqlEvil+", kind = "+sqlEvil+", description = "+sqlEvil+", depends_on = "+sqlEvil,
		"UPDATE serving.weather_regions SET location_name = "+sqlEvil+", country_name = "+sqlEvil+", species = "+sqlEvil+", flowering = "+sqlEvil+", harvest = "+sqlEvil+", time_zone = "+sqlEvil+", production_season = "+sqlEvil,
		"UPDATE serving.weather_daily SET frost_class = "+sqlEvil+" WHERE observed_date > DATE '2025-12-01'",
		"UPDATE serving.snapshot SET origin = "+sqlEvil+", plan_id = "+sqlEvil+", materia_version = "+sqlEvil,
	)
	shown := 0
	for _, url := range dataPages {
		body := getPage(t, h, url)
		checkHTML(t, url, body)
		if strings.Contains(body, "<img") || strings.Contains(body, "<script>") {
			t.Errorf("%s: a string from outside became markup", url)
		}
		shown += strings.Count(body, "&lt;img")
	}
	if shown < 30 {
		t.Errorf("the hostile string is shown %d times only: it was not put where it should be tried", shown)
	}
}

func TestFirstLoadIsLight(t *testing.T) {
	path := filepath.Join(t.TempDir(), "analytics.duckdb")
	realData(t, path, true)
	h := open(t, path, today)
	for _, url := range dataPages {
		total := 0
		body := getPage(t, h, url)
		for _, asset := range append([]string{url}, regexp.MustCompile(`/static/[a-z.]+\.[0-9a-f]{12}\.[a-z]+`).FindAllString(body, -1)...) {
			r := httptest.NewRequest(http.MethodGet, asset, nil)
			r.Header.Set("Accept-Encoding", "gzip")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != 200 || w.Header().Get("Content-Encoding") != "gzip" {
				t.Fatalf("%s: %d %s", asset, w.Code, w.Header().Get("Content-Encoding"))
			}
			total += w.Body.Len()
		}
		t.Logf("%-20s %5.1f KB first load, %5.1f KB plain HTML", url, float64(total)/1000, float64(len(body))/1000)
		if total > 45000 {
			t.Errorf("%s: first load of %d bytes, at most 45,000", url, total)
		}
	}
}
