package upstream

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/realdata"
)

const chartPath = "/query1.finance.yahoo.com/v8/finance/chart/KC=F"

type chartAnswer struct {
	Chart struct {
		Result []struct {
			Meta       map[string]any
			Timestamp  []int64
			Indicators struct {
				Quote    []map[string][]*float64
				AdjClose []struct{ AdjClose []*float64 }
			}
		}
		Error any
	}
}

func askChart(t *testing.T, s *Server, query string) chartAnswer {
	t.Helper()
	var a chartAnswer
	if err := json.Unmarshal(body(t, s, chartPath+"?"+query), &a); err != nil {
		t.Fatal(err)
	}
	if len(a.Chart.Result) != 1 || a.Chart.Error != nil {
		t.Fatalf("%s: %d results, error %v", query, len(a.Chart.Result), a.Chart.Error)
	}
	return a
}

// skeleton lists the keys of a JSON document with the kinds of their values.
func skeleton(path string, v any, into map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for key, child := range v {
			skeleton(path+"."+key, child, into)
		}
	case []any:
		into[path+"[]"] = true
		for _, child := range v {
			skeleton(path+"[]", child, into)
		}
	default:
		into[fmt.Sprintf("%s %T", path, v)] = true
	}
}

func TestEnvelopeIsTheRealOne(t *testing.T) {
	list := func(text []byte) string {
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		keys := map[string]bool{}
		skeleton("", v, keys)
		all := make([]string, 0, len(keys))
		for k := range keys {
			all = append(all, k)
		}
		sort.Strings(all)
		return strings.Join(all, "\n")
	}
	theirs, err := os.ReadFile(realdata.Path(t, "prices/yahoo_chart_GC=F_1d_20200102.json"))
	if err != nil {
		t.Fatal(err)
	}
	s := New(on("2025-02-20"))
	one := "?interval=1d&period1=1577941200&period2=1578009600" // the holiday before may have an empty bar
	if a, b := list(body(t, s, chartPath+one)), list(theirs); a != b {
		t.Errorf("one bar:\n%s\nreal:\n%s", a, b)
	}
	if got := askChart(t, s, one[1:]).Chart.Result[0]; len(got.Timestamp) != 1 || got.Timestamp[0] != 1577941200 {
		t.Errorf("timestamps %v, want that of the real answer", got.Timestamp)
	}

	// A window without bars: what differs from the real one are keys of another
	// instrument and interval.
	theirs, err = os.ReadFile(realdata.Path(t, "prices/yahoo_chart_AAPL_1m_weekend_no_timestamp.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := slices.DeleteFunc(strings.Split(list(theirs), "\n"), func(k string) bool {
		return strings.Contains(k, ".longName ") || strings.Contains(k, ".previousClose ") || strings.Contains(k, ".scale ")
	})
	weekend := fmt.Sprintf("?interval=1d&period1=%d&period2=%d", day(2025, 2, 1).Unix()+5*3600, day(2025, 2, 3).Unix())
	if a, b := list(body(t, s, chartPath+weekend)), strings.Join(want, "\n"); a != b {
		t.Errorf("no bars:\n%s\nreal:\n%s", a, b)
	}
}

// What SOURCE says of the real series, in rough numbers.
func TestBarsBehaveLikeCoffee(t *testing.T) {
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for _, seed := range []uint64{0, 7, 42} {
		o := on("2025-12-07") // a Sunday: all bars are settled
		o.Seed = seed
		r := askChart(t, New(o), "interval=1d&range=max").Chart.Result[0]
		q := r.Indicators.Quote[0]
		days, outside, flat, still, empty, wild := 0, 0, 0, 0, 0, 0
		perYear := map[int]int{}
		lowest, highest, before := math.Inf(1), 0.0, 0.0
		for i, stamp := range r.Timestamp {
			at := time.Unix(stamp, 0).In(newYork)
			if at.Hour() != 0 || at.Minute() != 0 || at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
				t.Fatalf("bar at %s", at)
			}
			if i > 0 && stamp <= r.Timestamp[i-1] {
				t.Fatalf("bar at %s is not after the one before", at)
			}
			if q["close"][i] == nil {
				empty++
				if q["open"][i] != nil || q["high"][i] != nil || q["low"][i] != nil || q["volume"][i] != nil {
					t.Fatalf("%s is half empty", at)
				}
				continue
			}
			open, high, low, settled, volume := *q["open"][i], *q["high"][i], *q["low"][i], *q["close"][i], *q["volume"][i]
			for _, p := range []float64{open, high, low, settled} {
				if p != float64(float32(p)) || math.Abs(p*20-math.Round(p*20)) > 1e-3 {
					t.Fatalf("%s: price %v is no float32 on a tick of 0.05", at, p)
				}
			}
			if high < low || open < low || open > high {
				t.Fatalf("%s: open %v high %v low %v", at, open, high, low)
			}
			days++
			perYear[at.Year()]++
			if settled > high || settled < low {
				outside++
			}
			if open == high && high == low && low == settled {
				flat++
			}
			if volume == 0 {
				still++
			}
			if before > 0 && math.Abs(settled/before-1) > 0.12 {
				wild++
			}
			before = settled
			lowest, highest = min(lowest, settled), max(highest, settled)
		}
		in := func(name string, n, of int, low, high float64) {
			if share := float64(n) / float64(of); share < low || share > high {
				t.Errorf("seed %d: %s %d of %d = %.3f, want %.3f to %.3f", seed, name, n, of, share, low, high)
			}
		}
		in("close outside [low, high]", outside, days, 0.08, 0.16)
		in("flat bars", flat, days, 0.02, 0.08)
		in("days without volume", still, days, 0.015, 0.06)
		in("moves beyond 12 %", wild, days, 0, 0.002)
		if empty < 10 || empty > 80 {
			t.Errorf("seed %d: %d empty bars", seed, empty)
		}
		for year, n := range perYear {
			if year < 2025 && (n < 249 || n > 253) {
				t.Errorf("seed %d: %d bars in %d", seed, n, year)
			}
		}
		if lowest < 50 || highest > 440 || highest/lowest < 2 {
			t.Errorf("seed %d: closes from %v to %v", seed, lowest, highest)
		}
	}
}

// Rolls as they were measured in the real series: in a delivery month, from the
// 14th on, one day has at least 1,000 lots and ten times the most of the five
// days before, and it is the eighth business day before the month's last.
func TestRollsShowInVolume(t *testing.T) {
	r := askChart(t, New(on("2025-12-31")), "interval=1d&range=max").Chart.Result[0]
	newYork, _ := time.LoadLocation("America/New_York")
	volumes := r.Indicators.Quote[0]["volume"]
	var last []float64
	found := map[string][]int{}
	for i, stamp := range r.Timestamp {
		if volumes[i] == nil {
			continue
		}
		at, v := time.Unix(stamp, 0).In(newYork), *volumes[i]
		if slices.Contains([]time.Month{3, 5, 7, 9, 12}, at.Month()) && at.Day() >= 14 && len(last) >= 5 &&
			v >= 1000 && v >= 10*slices.Max(last[len(last)-5:]) {
			found[at.Format("2006-01")] = append(found[at.Format("2006-01")], at.Day())
		}
		last = append(last, v)
	}
	if len(found) != 26*5 {
		t.Errorf("%d months with a roll, want %d", len(found), 26*5)
	}
	for month, days := range found {
		if len(days) != 1 {
			t.Errorf("%s: rolls on %v", month, days)
		}
	}
	// Seen in the real files: 2025-12-18, 2023-03-21, and the frost year's July.
	for month, want := range map[string]int{"2025-12": 18, "2023-03": 21, "2021-07": 20} {
		if got := found[month]; !slices.Equal(got, []int{want}) {
			t.Errorf("%s: roll on %v, want %d", month, got, want)
		}
	}
}

// Weekdays without a bar in the real series, 2019 to 2025.
func TestHolidaysAreTheExchanges(t *testing.T) {
	text, err := os.ReadFile(realdata.Path(t, "prices/kcf_daily_ohlcv_20000103_20251209.csv"))
	if err != nil {
		t.Fatal(err)
	}
	traded := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		traded[line[:10]] = true
	}
	wrong := 0
	for d := day(2019, 1, 1); d.Before(day(2025, 12, 1)); d = d.AddDate(0, 0, 1) {
		if !isWeekend(d) && isHoliday(d) == traded[d.Format(time.DateOnly)] {
			wrong++
			t.Logf("%s: holiday %v, traded %v", d.Format("Mon 2006-01-02"), isHoliday(d), traded[d.Format(time.DateOnly)])
		}
	}
	if wrong > 4 { // the real series has its own gaps and extra days
		t.Errorf("%d days differ", wrong)
	}
}

func TestOpenSessionIsLiveThenSettles(t *testing.T) {
	newYork, _ := time.LoadLocation("America/New_York")
	now := time.Date(2025, 12, 9, 3, 0, 0, 0, newYork)
	s := New(Options{Now: func() time.Time { return now }, Seed: 7})
	last := func() (time.Time, float64, float64, map[string]any) {
		r := askChart(t, s, "interval=1d&range=5d").Chart.Result[0]
		i := len(r.Timestamp) - 1
		q := r.Indicators.Quote[0]
		return time.Unix(r.Timestamp[i], 0).In(newYork), *q["close"][i], *q["volume"][i], r.Meta
	}
	at, _, early, _ := last()
	if want := time.Date(2025, 12, 8, 0, 0, 0, 0, newYork); !at.Equal(want) {
		t.Errorf("before the session the last bar is at %s, want %s", at, want)
	}
	now = time.Date(2025, 12, 9, 10, 30, 0, 0, newYork)
	at, live, volume, meta := last()
	if !at.Equal(now) || meta["regularMarketTime"].(float64) != float64(now.Unix()) {
		t.Errorf("in the session the last bar is at %s, regularMarketTime %v, want %s", at, meta["regularMarketTime"], now)
	}
	if volume < 1000 {
		t.Errorf("in a delivery month the live bar is the next contract's; volume %v", volume)
	}
	now = time.Date(2025, 12, 10, 3, 0, 0, 0, newYork)
	at, settled, quiet, _ := last()
	if want := time.Date(2025, 12, 9, 0, 0, 0, 0, newYork); !at.Equal(want) || settled == live || quiet > 500 {
		t.Errorf("the day after: bar at %s close %v volume %v, live was %v", at, settled, quiet, live)
	}
	now = time.Date(2025, 12, 16, 3, 0, 0, 0, newYork)
	r := askChart(t, s, "interval=1d&range=1mo").Chart.Result[0]
	for i, stamp := range r.Timestamp {
		if stamp == time.Date(2025, 12, 8, 0, 0, 0, 0, newYork).Unix() {
			if v := *r.Indicators.Quote[0]["volume"][i]; v > early {
				t.Errorf("volume of 12-08 was %v and is %v a week later", early, v)
			}
		}
	}
}

// A later day adds bars and leaves all but the newest alone.
func TestDaysOnlyAdd(t *testing.T) {
	a := askChart(t, New(on("2024-05-05")), "interval=1d&range=max").Chart.Result[0]
	b := askChart(t, New(on("2025-11-30")), "interval=1d&range=max").Chart.Result[0]
	n := len(a.Timestamp) - 2
	for _, column := range []string{"open", "high", "low", "close", "volume"} {
		for i := range n {
			x, y := a.Indicators.Quote[0][column][i], b.Indicators.Quote[0][column][i]
			if a.Timestamp[i] != b.Timestamp[i] || (x == nil) != (y == nil) || x != nil && *x != *y {
				t.Fatalf("%s of bar %d changed", column, i)
			}
		}
	}
}

func TestChartWindowsAndRefusals(t *testing.T) {
	s := New(on("2025-12-07"))
	count := func(query string) int { return len(askChart(t, s, query).Chart.Result[0].Timestamp) }
	for label, want := range map[string][2]int{"1d": {1, 1}, "5d": {5, 5}, "1mo": {17, 23}, "1y": {248, 256}, "10y": {2490, 2540}, "ytd": {230, 240}, "max": {6500, 6620}} {
		if n := count("interval=1d&range=" + label); n < want[0] || n > want[1] {
			t.Errorf("range %s: %d bars, want %v", label, n, want)
		}
	}
	// period2 is exclusive: midnight in New York of 2025-12-05 is 05:00 UTC.
	friday := day(2025, 12, 5).Unix() + 5*3600
	if n := count(fmt.Sprintf("interval=1d&period1=%d&period2=%d", friday-86400, friday)); n != 1 {
		t.Errorf("a window of one day up to, not with, Friday: %d bars", n)
	}
	if n := count(fmt.Sprintf("interval=1d&period1=%d&period2=%d", friday-86400, friday+1)); n != 2 {
		t.Errorf("the same with Friday: %d bars", n)
	}
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		strings.Replace(chartPath, "KC=F", "ZZ=F", 1) + "?interval=1d": {404, `{"chart":{"error":{"code":"Not Found","description":"No data found, symbol may be delisted"},"result":null}}`},
		chartPath + "?interval=5m&range=1d":                            {422, "Unprocessable Entity"},
		chartPath + "?interval=1d&range=7w":                            {422, "Unprocessable Entity"},
		chartPath + "?interval=1d&period1=x":                           {400, "Bad Request"},
		chartPath + "?interval=1d&period1=2&period2=1":                 {400, "Bad Request"},
	} {
		resp := ask(t, s, http.MethodGet, path)
		text, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != want.status || !strings.Contains(string(text), want.text) {
			t.Errorf("%s: HTTP %d %s, want %d %s", path, resp.StatusCode, text, want.status, want.text)
		}
	}
	for _, agent := range []string{"Go-http-client/1.1", ""} {
		resp := ask(t, s, http.MethodGet, chartPath+"?interval=1d", "User-Agent", agent)
		if text, _ := io.ReadAll(resp.Body); resp.StatusCode != 429 || resp.Header.Get("Content-Type") != "text/plain" || string(text) != "Too Many Requests\r\n" {
			t.Errorf("User-Agent %q: HTTP %d %q", agent, resp.StatusCode, text)
		}
	}
	encoded := body(t, s, strings.Replace(chartPath, "KC=F", "KC%3DF", 1)+"?interval=1d&range=5d")
	if other := body(t, s, strings.Replace(chartPath, "query1", "query2", 1)+"?interval=1d&range=5d"); string(encoded) != string(other) {
		t.Error("query2 answers otherwise than query1")
	}
}

// A server of a day before its first year has no bars and says so politely.
func TestNoBarsAtAll(t *testing.T) {
	o := on("2010-05-05")
	o.Since = 2020
	for _, query := range []string{"interval=1d&range=max", "interval=1d&period1=0", "interval=1d"} {
		if r := askChart(t, New(o), query).Chart.Result[0]; r.Timestamp != nil || r.Indicators.AdjClose != nil {
			t.Errorf("%s: %v", query, r)
		}
	}
}
