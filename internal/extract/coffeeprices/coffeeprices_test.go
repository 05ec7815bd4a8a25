package coffeeprices

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/extract/extracttest"
	"beanflows.coffee/materia/internal/realdata"
)

// yahoo serves the real KC=F rows in the chart API's envelope, as Yahoo would on
// a day: bars of period1 <= stamp < period2 and not after today.
type yahoo struct {
	t     *testing.T
	rows  [][]string // date, close, high, low, open, volume
	today string
	edit  func(date string, bar map[string]any) // what upstream revises
	price int                                   // meta of the moment
}

func newYahoo(t *testing.T, today string) *yahoo {
	body := realdata.Read(t, "prices/kcf_daily_ohlcv_20000103_20251209.csv")
	rows, err := csv.NewReader(strings.NewReader(string(body))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(rows[0], " ") != "Date Close High Low Open Volume" || len(rows) != 6503+1 {
		t.Fatalf("not the file that SOURCE.md describes: %q, %d rows", rows[0], len(rows)-1)
	}
	return &yahoo{t: t, rows: rows[1:], today: today}
}

// The answer lands byte for byte.
func TestAnswerLandsAsItCame(t *testing.T) {
	gold := realdata.Read(t, "prices/yahoo_chart_GC=F_1d_20200102.json")
	body := strings.NewReplacer("GC=F", "KC=F", `"USD"`, `"USX"`).Replace(string(gold))
	r := extracttest.New(t, Source(), func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(body)) })
	res, err := r.Run(extract.Window{})
	if err != nil || len(res.Landed) != 1 || res.Landed[0].Path != "prices/KC=F/2020-01-02.json.gz" {
		t.Fatalf("%+v, %v", res, err)
	}
	if got := r.Read(res.Landed[0].Path); string(got) != body {
		t.Errorf("landed %q", got)
	}
}

func (y *yahoo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	from, _ := strconv.ParseInt(q.Get("period1"), 10, 64)
	to, _ := strconv.ParseInt(q.Get("period2"), 10, 64)
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		y.t.Error(err)
	}
	y.price++
	var stamps []int64
	columns := map[string][]any{}
	for _, row := range y.rows {
		at, err := time.ParseInLocation(time.DateOnly, row[0], zone)
		if err != nil {
			y.t.Error(err)
		}
		if row[0] > y.today || at.Unix() < from || at.Unix() >= to {
			continue
		}
		bar := map[string]any{}
		for n, name := range []string{"close", "high", "low", "open", "volume"} {
			bar[name] = json.Number(row[n+1])
		}
		if y.edit != nil {
			y.edit(row[0], bar)
		}
		stamps = append(stamps, at.Unix())
		for name, v := range bar {
			columns[name] = append(columns[name], v)
		}
	}
	result := map[string]any{"meta": map[string]any{"symbol": "KC=F", "currency": "USX", "exchangeTimezoneName": "America/New_York",
		"dataGranularity": "1d", "regularMarketPrice": y.price}, "indicators": map[string]any{"quote": []any{columns}}}
	if len(stamps) > 0 {
		result["timestamp"] = stamps
	}
	json.NewEncoder(w).Encode(map[string]any{"chart": map[string]any{"result": []any{result}, "error": nil}})
}

func at(date string) time.Time {
	d, err := time.Parse(time.DateOnly, date)
	if err != nil {
		panic(err)
	}
	return d.Add(23 * time.Hour) // after the session, still that day in New York
}

func TestFirstRunHasTheWholeHistoryThenOnlyChanges(t *testing.T) {
	y := newYahoo(t, "2025-11-28")
	r := extracttest.New(t, Source(), y.ServeHTTP)
	r.Now = at("2025-11-28")
	res, err := r.Run(extract.Window{})
	if err != nil || len(res.Landed) != 1 {
		t.Fatalf("%+v, %v", res, err)
	}
	first := res.Landed[0]
	if first.Path != "prices/KC=F/2025-11-28.json.gz" || first.Rows != 6496 || first.RawSHA256 == "" || first.RawSHA256 == first.SHA256 || first.ReleasedAt != nil {
		t.Errorf("landed %+v", first)
	}
	if len(r.Asked) != 1 || r.Query(0, "period1") != "0" || r.Query(0, "period2") != "1764392400" || r.Query(0, "interval") != "1d" { // 2025-11-29 05:00Z
		t.Errorf("asked %q", r.Asked)
	}
	if !strings.HasPrefix(r.Asked[0], "/query1.finance.yahoo.com/v8/finance/chart/KC=F?") {
		t.Errorf("asked %q", r.Asked)
	}

	// The same day again, with another last price: the same request for 30 days.
	res, err = r.Run(extract.Window{})
	if err != nil || res.Status != "unchanged" || res.Unchanged != 1 || r.Manifests() != 1 {
		t.Errorf("same day: %+v, %v", res, err)
	}
	if got := r.Query(0, "period1"); got != "1761710400" { // 2025-10-29 04:00Z, still daylight saving
		t.Errorf("period1 %s", got)
	}

	// A new day lands the window under its date.
	y.today, r.Now = "2025-12-01", at("2025-12-01")
	res, err = r.Run(extract.Window{})
	if err != nil || len(res.Landed) != 1 || res.Landed[0].Path != "prices/KC=F/2025-12-01.json.gz" {
		t.Fatalf("new day: %+v, %v", res, err)
	}
	// A weekend: nothing new to say.
	r.Now = at("2025-12-01").AddDate(0, 0, 1)
	if res, err = r.Run(extract.Window{}); err != nil || res.Status != "unchanged" {
		t.Errorf("no new bar: %+v, %v", res, err)
	}
	// The whole history again is all known.
	if res, err = r.Run(extract.Window{Since: at("2000-01-01")}); err != nil || res.Status != "unchanged" {
		t.Errorf("all again: %+v, %v", res, err)
	}
	if got := r.Query(0, "period1"); got != "946702800" { // 2000-01-01 05:00Z
		t.Errorf("period1 %s", got)
	}
	if len(r.Files()) != 2 {
		t.Errorf("files %q", r.Files())
	}
}

func TestFaultRevisedHistory(t *testing.T) {
	y := newYahoo(t, "2025-12-08")
	r := extracttest.New(t, Source(), y.ServeHTTP)
	r.Now = at("2025-12-08")
	if _, err := r.Run(extract.Window{}); err != nil {
		t.Fatal(err)
	}
	// SOURCE.md: the volume of 2025-12-08 was 51 and later 33.
	y.edit = func(date string, bar map[string]any) {
		if date == "2025-12-08" {
			if bar["volume"] != json.Number("51") {
				t.Errorf("volume %v", bar["volume"])
			}
			bar["volume"] = 33
		}
	}
	res, err := r.Run(extract.Window{})
	if err != nil || len(res.Landed) != 1 || !strings.HasPrefix(res.Landed[0].Path, "prices/KC=F/2025-12-08.2025") {
		t.Fatalf("%+v, %v", res, err)
	}
	if res, err = r.Run(extract.Window{}); err != nil || res.Status != "unchanged" {
		t.Errorf("the revision again: %+v, %v", res, err)
	}
	// An old day is revised, seen only by a window that reaches it.
	old := y.edit
	y.edit = func(date string, bar map[string]any) {
		if old(date, bar); date == "2014-02-19" {
			bar["close"] = 171.5
		}
	}
	if res, err = r.Run(extract.Window{}); err != nil || res.Status != "unchanged" {
		t.Errorf("the default window: %+v, %v", res, err)
	}
	for _, want := range []string{"success", "unchanged"} {
		if res, err = r.Run(extract.Window{Since: at("2014-02-01"), Until: at("2014-02-28")}); err != nil || res.Status != want {
			t.Errorf("February 2014: %+v, %v, want %s", res, err, want)
		}
	}
	if res.Unchanged != 1 || !strings.Contains(strings.Join(r.Files(), " "), "prices/KC=F/2014-02-28.json.gz") {
		t.Errorf("files %q", r.Files())
	}
}

// The live bar of 2025-12-09 (SOURCE.md: 370.95, of the next contract) is
// replaced by the settled one.
func TestLiveBarIsReplaced(t *testing.T) {
	y := newYahoo(t, "2025-12-09")
	r := extracttest.New(t, Source(), y.ServeHTTP)
	r.Now = time.Date(2025, 12, 9, 17, 0, 0, 0, time.UTC)
	if _, err := r.Run(extract.Window{}); err != nil {
		t.Fatal(err)
	}
	y.edit = func(date string, bar map[string]any) {
		if date == "2025-12-09" {
			bar["close"], bar["volume"] = 394.20, 16
		}
	}
	r.Now = at("2025-12-09")
	res, err := r.Run(extract.Window{})
	if err != nil || len(res.Landed) != 1 {
		t.Errorf("%+v, %v", res, err)
	}
}

// Nulls and missing days say nothing: they are no news and replace nothing.
func TestFaultNullsAndHoles(t *testing.T) {
	y := newYahoo(t, "2025-12-05")
	r := extracttest.New(t, Source(), y.ServeHTTP)
	r.Now = at("2025-12-05")
	if _, err := r.Run(extract.Window{}); err != nil {
		t.Fatal(err)
	}
	y.edit = func(date string, bar map[string]any) {
		if date >= "2025-12-04" {
			for name := range bar {
				bar[name] = nil
			}
		}
	}
	y.today, r.Now = "2025-12-08", at("2025-12-08")
	if res, err := r.Run(extract.Window{}); err != nil || res.Status != "unchanged" || r.Manifests() != 1 {
		t.Errorf("nulls: %+v, %v", res, err)
	}
	y.today, y.edit = "2025-12-01", nil
	if res, err := r.Run(extract.Window{}); err != nil || res.Status != "unchanged" {
		t.Errorf("holes: %+v, %v", res, err)
	}
}

func TestFaultEmptyAnswer(t *testing.T) {
	weekend := strings.NewReplacer("AAPL", "KC=F", `"USD"`, `"USX"`).Replace(string(realdata.Read(t, "prices/yahoo_chart_AAPL_1m_weekend_no_timestamp.json")))
	r := extracttest.New(t, Source(), func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(weekend)) })
	for range 2 {
		res, err := r.Run(extract.Window{Since: at("2025-02-01"), Until: at("2025-02-02")})
		if err != nil || res.Status != "unchanged" || r.Manifests() != 0 || len(r.Files()) != 0 {
			t.Errorf("%+v, %v, %q", res, err, r.Files())
		}
	}
}

// TestHosts: query2 is asked where query1 fails, whatever the failure is, and
// where both fail the run says what each said.
func TestHosts(t *testing.T) {
	y := newYahoo(t, "2025-12-08")
	limited := func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTooManyRequests)
		w.Write([]byte("Edge: Too Many Requests"))
	}
	for name, c := range map[string]struct {
		bad    http.HandlerFunc
		reason string
		tries  int
	}{
		"429 in plain text": {limited, `HTTP 429 Too Many Requests: "Edge: Too Many Requests"`, 2},
		"consent page": {func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte("<html><title>Consent</title></html>"))
		}, `answered HTML, not JSON: "Consent"`, 1},
		"plain text with 200": {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("Too Many Requests")) }, "not JSON", 1},
		"delisted": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			w.Write([]byte(`{"chart":{"result":null,"error":{"code":"Not Found","description":"No data found, symbol may be delisted"}}}`))
		}, "No data found, symbol may be delisted", 1},
		"no results": {func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"chart":{"result":[],"error":null}}`)) }, "0 results", 1},
		"too large": {func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte(strings.Repeat(" ", maxBody+1)))
		}, "larger than allowed", 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := extracttest.New(t, Source(), c.bad)
			r.Now = at("2025-12-08")
			res, err := r.Run(extract.Window{})
			run := r.LastRun()
			if err == nil || res.Status != "failed" || run.Status != "failed" || len(r.Asked) != 2*c.tries {
				t.Fatalf("%+v, %v, asked %q", res, err, r.Asked)
			}
			for _, want := range []string{"prices: https://query1.finance.yahoo.com/", "prices: https://query2.finance.yahoo.com/", c.reason} {
				if !strings.Contains(run.Error, want) {
					t.Errorf("no %q in %q", want, run.Error)
				}
			}
			for _, name := range r.Files() {
				if !strings.HasPrefix(name, ".quarantine/") {
					t.Errorf("left behind: %s", name)
				}
			}
			r.Answer = func(w http.ResponseWriter, req *http.Request) {
				if strings.HasPrefix(req.URL.Path, "/query1.") {
					c.bad(w, req)
					return
				}
				y.ServeHTTP(w, req)
			}
			if res, err := r.Run(extract.Window{}); err != nil || len(res.Landed) != 1 || !strings.HasPrefix(res.Landed[0].URL, "https://query2.") {
				t.Errorf("query2: %+v, %v", res, err)
			}
		})
	}
}

func TestFaultDamagedLandedFile(t *testing.T) {
	y := newYahoo(t, "2025-12-08")
	r := extracttest.New(t, Source(), y.ServeHTTP)
	r.Now = at("2025-12-08")
	if _, err := r.Run(extract.Window{}); err != nil {
		t.Fatal(err)
	}
	r.Remove("prices/KC=F/2025-12-08.json.gz")
	res, err := r.Run(extract.Window{})
	if err != nil || len(res.Landed) != 1 || len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "2025-12-08.json.gz") {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestWindow(t *testing.T) {
	zone, err := newYork()
	if err != nil {
		t.Fatal(err)
	}
	// Midnight in UTC is still the day before in New York.
	from, to := window(extract.Window{}, nil, time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), zone)
	if from.Unix() != 0 || to.Format(time.RFC3339) != "2026-02-01T00:00:00-05:00" {
		t.Errorf("%s to %s", from, to)
	}
	from, to = window(extract.Window{Since: at("2025-03-08"), Until: at("2025-03-09")}, nil, extracttest.Today(), zone) // the clocks change on the 9th
	if got := []string{from.Format(time.RFC3339), to.Format(time.RFC3339)}; !reflect.DeepEqual(got, []string{"2025-03-08T00:00:00-05:00", "2025-03-10T00:00:00-04:00"}) {
		t.Errorf("%q", got)
	}
	for path, want := range map[string]string{"prices/KC=F/2025-12-09.json.gz": "2025-12-09", "prices/KC=F/2025-12-09.20260201T000000Z-0123456789ab.json.gz": "2025-12-09", "prices/KC=F/x.json.gz": ""} {
		if got := dateOf(path); got != want {
			t.Errorf("date of %s: %q", path, got)
		}
	}
	if got := expect(time.Date(2025, 12, 5, 0, 0, 0, 0, time.UTC)); got.UTC().Format(time.RFC3339) != "2025-12-08T23:00:00Z" { // a Friday
		t.Errorf("expect %s", got)
	}
}
