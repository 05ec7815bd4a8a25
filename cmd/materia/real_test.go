package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"beanflows.coffee/materia/internal/realdata"
)

// loudSkip says on the terminal, also without -v, what was not tested.
func loudSkip(t testing.TB, format string, args ...any) {
	t.Helper()
	why := fmt.Sprintf(format, args...)
	fmt.Fprintf(os.Stderr, "\n*** NOT TESTED: %s: %s\n\n", t.Name(), why)
	t.Skip("NOT TESTED: " + why)
}

// replay serves the real files with the script beside them, as of 2026-02-01.
func replay(t testing.TB) (url string) {
	t.Helper()
	script := filepath.Join(realdata.Dir(t), "..", "yardstick", "replay.py")
	if _, err := os.Stat(script); err != nil {
		loudSkip(t, "the script that replays real files is not at %s", script)
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		loudSkip(t, "there is no python3 to replay the real files with")
	}
	c := exec.Command(python, script, "--data", realdata.Dir(t), "--today", "2026-02-01")
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	_, url, ok := strings.Cut(strings.TrimSpace(line), "listening on ")
	if !ok {
		t.Fatalf("%s: %q", script, line)
	}
	return url
}

// figure is a query and what it must say, as typed from figures.md, which was
// computed from the publishers' files without any code of ours. A number in text
// is compared at the digits it is printed with.
type figure struct {
	name, sql string
	want      string // values of the one row, in order
}

var psdFigures = []figure{
	{"release", "SELECT count(DISTINCT release_date) n, max(release_date) r, count(DISTINCT country_code) c FROM serving.commodity_metrics WHERE country_code <> 'WORLD'",
		"1 2022-12-20 85"},
	{"season 2022/23, world", `SELECT beginning_stocks, production, arabica_production, robusta_production, imports, exports, domestic_consumption,
		ending_stocks, stocks_to_use_pct FROM serving.commodity_metrics WHERE country_code = 'WORLD' AND season = '2022/23'`,
		"32565 172750 92674 80076 136003 139259 167945 34114 20.31"},
	{"its market year is the START year", "SELECT market_year FROM serving.commodity_metrics WHERE country_code = 'WORLD' AND season = '2022/23'", "2022"},
	{"season 2021/22, world", `SELECT production, arabica_production, robusta_production, domestic_consumption, ending_stocks, stocks_to_use_pct
		FROM serving.commodity_metrics WHERE country_code = 'WORLD' AND market_year = 2021`,
		"166174 87404 78770 167183 32565 19.48"},
	{"Brazil", "SELECT production, arabica_production, robusta_production, exports FROM serving.commodity_metrics WHERE country_code = 'BR' AND market_year = 2022",
		"62600 39800 22800 36645"},
	{"Vietnam", "SELECT production FROM serving.commodity_metrics WHERE country_code = 'VM' AND market_year = 2022", "30220"},
	{"Colombia", "SELECT production FROM serving.commodity_metrics WHERE country_code = 'CO' AND market_year = 2022", "12600"},
	{"bean exports", "SELECT bean_exports FROM serving.commodity_metrics WHERE country_code = 'WORLD' AND market_year = 2022", "116060"},
	{"bean exporters", `SELECT string_agg(country_name || ' ' || bean_exports::BIGINT, ', ' ORDER BY bean_exports DESC) FROM
		(FROM serving.commodity_metrics WHERE country_code <> 'WORLD' AND market_year = 2022 ORDER BY bean_exports DESC LIMIT 5)`,
		"Brazil 33000, Vietnam 24500, Colombia 11500, Indonesia 6600, Uganda 6520"},
	{"their concentration", `SELECT sum((100 * country.bean_exports / world.bean_exports) ** 2) AS hhi FROM serving.commodity_metrics country
		JOIN serving.commodity_metrics world ON world.country_code = 'WORLD' AND world.market_year = country.market_year
		WHERE country.country_code <> 'WORLD' AND country.market_year = 2022`, "1501.4"},
	{"all values are first sights", "SELECT count(*) n, count(previous_value) FROM serving.psd_revisions", "77957 0"},
}

var priceFigures = []figure{
	{"history", "SELECT count(*), min(trade_date), max(trade_date) FROM serving.coffee_prices", "6503 2000-01-03 2025-12-09"},
	{"settled outside the traded range", "SELECT count(*) FROM serving.coffee_prices WHERE close NOT BETWEEN low AND high", "681"},
	{"highest close", "SELECT close, trade_date FROM serving.coffee_prices ORDER BY close DESC LIMIT 1", "438.90 2025-02-13"},
	{"lowest close", "SELECT close, trade_date FROM serving.coffee_prices ORDER BY close LIMIT 1", "41.50 2001-12-04"},
	{"2025-06-30", `SELECT close, sma_20, sma_50, sma_200, volatility_20d_pct, high_52w, low_52w, close_high_52w, close_low_52w
		FROM serving.coffee_prices WHERE trade_date = '2025-06-30'`,
		"306.75 335.9100 364.4270 335.5417 32.88 440.85 221.00 438.90 225.70"},
	{"2021-07-26, after the frost", "SELECT close, sma_20, sma_50, sma_200, volatility_20d_pct, return_pct FROM serving.coffee_prices WHERE trade_date = '2021-07-26'",
		"207.80 162.935 157.636 132.345 62.68 9.95"},
}

var cotFigures = []figure{
	{"weeks", "SELECT count(*), min(report_date), max(report_date) FROM serving.cot_positioning", "731 2010-01-05 2024-12-31"},
	{"2024-12-31", `SELECT open_interest, managed_money_net, managed_money_net_pct_oi, managed_money_net_change, cot_index_26w, cot_index_52w, cot_index_156w,
		net_percentile_26w, net_percentile_52w, net_percentile_156w, producer_short_pct_oi FROM serving.cot_positioning WHERE report_date = '2024-12-31'`,
		"192111 56908 29.62 -611 34.72 43.33 85.93 34.62 44.23 80.77 40.69"},
	{"2022-02-08", `SELECT managed_money_net, managed_money_net_pct_oi, managed_money_net_change, cot_index_26w, cot_index_52w, cot_index_156w,
		net_percentile_26w, net_percentile_52w, net_percentile_156w FROM serving.cot_positioning WHERE report_date = '2022-02-08'`,
		"55348 20.27 4254 85.37 93.90 97.69 88.46 94.23 98.08"},
	{"2016-11-08", `SELECT managed_money_net, managed_money_net_pct_oi, cot_index_26w, cot_index_52w, cot_index_156w,
		net_percentile_26w, net_percentile_52w, net_percentile_156w FROM serving.cot_positioning WHERE report_date = '2016-11-08'`,
		"59236 26.38 100 100 100 100 100 100"},
	{"no window spans the year that is not there", "SELECT count(cot_index_156w), max(cot_index_156w) IS NULL FROM serving.cot_positioning WHERE report_date BETWEEN '2018-01-01' AND '2020-11-30'", "0 true"},
	{"released on the Monday after a holiday", "SELECT release_date FROM serving.cot_positioning WHERE report_date = '2024-06-18'", "2024-06-24"},
}

var iceFigures = []figure{
	{"total, transition as a part of it, pending", "SELECT certified_bags, transition_bags, pending_bags FROM serving.ice_warehouse_stocks WHERE report_date = '2025-12-26'",
		"456477 399871 8210"},
	{"by port", `SELECT string_agg(port_name || ' ' || bags, ', ' ORDER BY port_name) FROM (SELECT port_name, sum(bags)::BIGINT AS bags
		FROM serving.ice_warehouse_stocks_by_port WHERE report_date = '2025-12-26' GROUP BY port_name)`,
		"Antwerp 374281, Hamburg/Bremen 34520, Houston 12304, Miami 6990, New Orleans 2083, New York 26299"},
	{"by origin", `SELECT string_agg(origin || ' ' || bags, ', ' ORDER BY origin) FROM (SELECT origin, sum(bags)::BIGINT AS bags
		FROM serving.ice_warehouse_stocks_by_port WHERE report_date = '2025-12-26' AND origin IN ('Brazil', 'Mexico', 'Peru') GROUP BY origin)`,
		"Brazil 81527, Mexico 73310, Peru 69077"},
	{"nothing passed or failed", "SELECT passed_bags, failed_bags FROM serving.ice_warehouse_stocks", "0 0"},
}

var weatherFigures = []figure{
	{"days of the one point", "SELECT count(*), count(DISTINCT location_id), min(observed_date), max(observed_date) FROM serving.weather_daily", "4050 1 2015-01-01 2026-02-01"},
	{"rain of 2020", "SELECT sum(precipitation_mm) FROM serving.weather_daily WHERE year(observed_date) = 2020", "1262.7"},
	{"lowest minimum", "SELECT temperature_min_c, observed_date FROM serving.weather_daily ORDER BY 1, 2 LIMIT 1", "7.7 2022-05-20"},
	{"the risk board has all regions", "SELECT count(*), count(observed_date), count(production_share_pct) FROM serving.weather_regions", "12 1 12"},
}

// absentUpstream is what the replay does not have, by its name in the output.
var absentUpstream = []string{"2006/08", "2025/10", "certified stocks 2016-01-04 to 2025-12-25", "ageing 2016-01 to ", "history month ends",
	"br_sul_de_minas", "br_espirito_santo", "vn_dak_lak", "co_huila", "et_yirgacheffe", "hn_copan",
	"gt_huehuetenango", "id_lampung", "ug_mount_elgon", "pe_jaen", "in_chikmagalur", "br_cerrado_mineiro 2014"}

// TestRealReleasesReproduceTheirFigures takes the publishers' own files down the
// whole road, twice.
func TestRealReleasesReproduceTheirFigures(t *testing.T) {
	h := newHouse(t, "MATERIA_UPSTREAM="+replay(t))
	first := h.run("pipeline", "run", "all", "--since", "2000-01-01")
	if !strings.Contains(first.stderr, "MATERIA_UPSTREAM") {
		t.Errorf("the stand-in is not shown: %s", first)
	}
	for _, name := range absentUpstream { // no failure
		if !strings.Contains(first.stdout, name) {
			t.Errorf("%s, which upstream does not have, is not listed: %s", name, first)
		}
	}
	for _, name := range []string{"2017", "2025", "2026", "2006-2016", "combined 2023"} {
		if !strings.Contains(first.stdout, name) {
			t.Errorf("the COT file of %s, which upstream does not have, is not listed: %s", name, first)
		}
	}
	for _, f := range slices.Concat(psdFigures, priceFigures, cotFigures, iceFigures, weatherFigures) {
		h.figure(f)
	}
	h.figure(figure{"origin", "SELECT origin FROM serving.snapshot", "replay"})
	h.sameAgain("pipeline", "run", "all", "--since", "2000-01-01")
}

// figure compares one.
func (h *house) figure(f figure) {
	h.t.Helper()
	var rows []json.RawMessage
	if err := json.Unmarshal([]byte(h.run("query", "--json", f.sql).stdout), &rows); err != nil || len(rows) != 1 {
		h.t.Errorf("%s: %d rows, %v", f.name, len(rows), err)
		return
	}
	got := ordered(h.t, rows[0])
	want := strings.Fields(f.want)
	if len(got) == 1 {
		want = []string{f.want}
	}
	if len(got) != len(want) {
		h.t.Errorf("%s: got %v, want %v", f.name, got, want)
		return
	}
	for i := range want {
		if !sameFigure(got[i], want[i]) {
			h.t.Errorf("%s: value %d is %s, figures.md has %s", f.name, i+1, got[i], want[i])
		}
	}
}

// ordered is the values of a JSON object in their order.
func ordered(t testing.TB, object json.RawMessage) []string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(object)))
	d.UseNumber()
	var values []string
	for i := 0; ; i++ {
		token, err := d.Token()
		if err != nil {
			return values
		}
		if _, brace := token.(json.Delim); !brace && i%2 == 0 {
			values = append(values, fmt.Sprint(token))
		}
	}
}

// sameFigure compares numbers at the digits that want is printed with.
func sameFigure(got, want string) bool {
	var x, y float64
	if _, err := fmt.Sscanf(want, "%g", &y); err != nil || strings.Count(want, "-") > 0 || strings.Contains(want, " ") {
		return got == want
	}
	if _, err := fmt.Sscanf(got, "%g", &x); err != nil {
		return false
	}
	_, decimals, _ := strings.Cut(want, ".")
	return math.Abs(x-y) <= 0.5000001*math.Pow10(-len(decimals))
}

// sameAgain runs the same once more: nothing lands, nothing is rebuilt, no file
// is replaced, and it says so.
func (h *house) sameAgain(args ...string) {
	h.t.Helper()
	before, files := h.stat("analytics.duckdb"), h.landingFiles()
	lake := h.stat("lakehouse.duckdb")
	r := h.run(args...)
	for _, words := range []string{"psd: unchanged", "prices: unchanged", "cot: unchanged", "nothing rebuilt", "was not replaced"} {
		if !strings.Contains(r.stdout, words) {
			h.t.Errorf("the second run does not say %q: %s", words, r)
		}
	}
	if after := h.stat("analytics.duckdb"); !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		h.t.Error("analytics.duckdb was replaced")
	}
	if after := h.stat("lakehouse.duckdb"); !lake.ModTime().Equal(after.ModTime()) {
		h.t.Error("the lakehouse was written")
	}
	if now := h.landingFiles(); fmt.Sprint(now) != fmt.Sprint(files) {
		h.t.Errorf("the landing zone changed:\n%v\n%v", files, now)
	}
}

func (h *house) stat(name string) os.FileInfo {
	h.t.Helper()
	info, err := os.Stat(h.path(name))
	if err != nil {
		h.t.Fatal(err)
	}
	return info
}

// landingFiles maps each landed file to the hash of its bytes.
func (h *house) landingFiles() map[string]string {
	h.t.Helper()
	return hashTree(h.t, h.path("landing"))
}
