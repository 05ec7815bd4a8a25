package coffeeprices

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/realdata"
)

var future = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// TestRealAnswers parses Yahoo's own bytes; dates and figures are SOURCE.md's.
func TestRealAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		of     instrument
		rows   int64
		newest string
	}{
		"yahoo_chart_GC=F_1d_20200102.json":                  {instrument{"GC=F", "USD"}, 1, "2020-01-02"},
		"yahoo_chart_MSFT_1d_20210201_20220128_252bars.json": {instrument{"MSFT", "USD"}, 252, "2022-01-28"},
		"yahoo_chart_AAPL_1d_20200831_20201106_events.json":  {instrument{"AAPL", "USD"}, 49, "2020-11-06"},
		"yahoo_chart_EURUSD=X_1d_20200101.json":              {instrument{"EURUSD=X", "USD"}, 3, "2020-01-03"},
		"yahoo_chart_AAPL_1m_weekend_no_timestamp.json":      {instrument{"AAPL", "USD"}, 0, ""},
	} {
		got, err := parse(realdata.Read(t, "prices/"+name), c.of, future)
		if err != nil || got.rows != c.rows || got.newest != c.newest || int64(len(got.bars)) != c.rows {
			t.Errorf("%s: %d rows to %q, %v; want %d to %q", name, got.rows, got.newest, err, c.rows, c.newest)
		}
	}
	gold, err := parse(realdata.Read(t, "prices/yahoo_chart_GC=F_1d_20200102.json"), instrument{"GC=F", "USD"}, future)
	if err != nil {
		t.Fatal(err)
	}
	if b := gold.bars["2020-01-02"]; b.close == nil || *b.close != 1524.5 || *b.open != 1518.0999755859375 || *b.volume != 214 {
		t.Errorf("gold's bar %+v", b)
	}
}

// The hash leaves out what Yahoo says of the moment, the order of keys and space.
func TestHashIgnoresTheMoment(t *testing.T) {
	body := realdata.Read(t, "prices/yahoo_chart_GC=F_1d_20200102.json")
	hash := func(b []byte) string {
		t.Helper()
		c, err := parse(b, instrument{"GC=F", "USD"}, future)
		if err != nil {
			t.Fatal(err)
		}
		return c.sha256
	}
	want := hash(body)
	later := bytes.Replace(body, []byte(`"regularMarketTime":1740051311`), []byte(`"regularMarketTime":1740059999`), 1)
	if bytes.Equal(later, body) || hash(later) != want {
		t.Error("the hash depends on regularMarketTime")
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, body, "", "  "); err != nil {
		t.Fatal(err)
	}
	if hash(indented.Bytes()) != want {
		t.Error("the hash depends on space")
	}
	for _, change := range [][2]string{{`"close":[1524.5]`, `"close":[1524.25]`}, {`"volume":[214]`, `"volume":[215]`}, {`"exchangeName":"CMX"`, `"exchangeName":"NYB"`}} {
		other := bytes.Replace(body, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(other, body) || hash(other) == want {
			t.Errorf("the hash does not see %s", change[1])
		}
	}
}

const twoBars = `{"chart":{"result":[{"meta":{"currency":"USX","symbol":"KC=F","dataGranularity":"1d","exchangeTimezoneName":"America/New_York"},
"timestamp":[1764910800,1765170000],"indicators":{"quote":[{"open":[406.25,396.05],"high":[408.3,405.6],"low":[406.2,396.25],"close":[406.2,403.4],"volume":[51,51]}]}}],"error":null}}`

func TestRefusedAnswers(t *testing.T) {
	if c, err := parse([]byte(twoBars), coffee(), future); err != nil || c.newest != "2025-12-08" || c.rows != 2 {
		t.Fatalf("%+v, %v", c, err)
	}
	for _, c := range []struct{ from, to, reason string }{
		{`"KC=F"`, `"CC=F"`, `symbol "CC=F"`},
		{`"USX"`, `"USD"`, `currency "USD"`},
		{`"1d"`, `"1wk"`, `bars of "1wk"`},
		{`America/New_York`, `America/Atlantis`, "no time zone"},
		{`"America/New_York"`, `""`, "no time zone"},
		{`"volume":[51,51]`, `"volume":[51]`, "2 timestamps and 1 values of volume"},
		{`"volume":[51,51]`, `"volume":[51,51.5]`, "not a whole number"},
		{`"volume":[51,51]`, `"volume":[51,1e300]`, "not a whole number"},
		{`"volume":[51,51]`, `"volume":null`, "0 values of volume"},
		{`405.6`, `395.6`, "bar of 2025-12-08: high 395.6 is below low 396.25"},
		{`403.4`, `NaN`, "not the chart API's JSON"},
		{`403.4`, `1e999`, "not the chart API's JSON"},
		{`403.4`, `"403.4"`, "not the chart API's JSON"},
		{`1765170000`, `17651700000`, "outside the window"},
		{`1765170000`, `-1`, "outside the window"},
		{`1765170000`, `null`, "outside the window"},
		{`"error":null`, `"error":{"code":"Not Found","description":"No data found"}`, "the chart API says Not Found: No data found"},
		{`"quote":[{`, `"quote":[{},{`, "2 quotes"},
		{`"error":null}}`, `"error":null}}{}`, "text after the document"},
		{`"error":null}}`, `"error":null}`, "not the chart API's JSON"},
	} {
		text := strings.Replace(twoBars, c.from, c.to, 1)
		if text == twoBars {
			t.Fatalf("%s: nothing replaced", c.from)
		}
		if _, err := parse([]byte(text), coffee(), future); err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v, want %q", c.to, err, c.reason)
		}
	}
	for _, text := range []string{`{"chart":{"result":[],"error":null}}`, `{"chart":{"result":null,"error":null}}`, `{}`, ``, `null`, `[]`, `"x"`} {
		if _, err := parse([]byte(text), coffee(), future); err == nil {
			t.Errorf("%q was taken for an answer", text)
		}
	}
}

// A date is the bar's own in New York, in winter, in summer and for a live bar
// whose stamp is the last trade's; nulls stay.
func TestTradeDates(t *testing.T) {
	text := strings.Replace(twoBars, "[1764910800,1765170000]", "[1764910800,1751256000]", 1) // 2025-06-30 04:00Z
	c, err := parse([]byte(text), coffee(), future)
	if err != nil || c.bars["2025-06-30"].open == nil || c.newest != "2025-12-05" {
		t.Errorf("summer: %+v, %v", c, err)
	}
	text = strings.Replace(twoBars, "1765170000", "1765240199", 1) // 2025-12-08 19:29:59 New York, the 9th in UTC
	if c, err = parse([]byte(text), coffee(), future); err != nil || c.newest != "2025-12-08" {
		t.Errorf("live: %+v, %v", c, err)
	}
	text = strings.NewReplacer("396.05", "null", "405.6", "null", "396.25", "null", "403.4", "null", "51]", "null]").Replace(twoBars)
	if c, err = parse([]byte(text), coffee(), future); err != nil || !c.bars["2025-12-08"].empty() || c.rows != 2 {
		t.Errorf("nulls: %+v, %v", c, err)
	}
}

// FuzzParse: no input makes the parser panic, and what it accepts keeps its
// promises and is accepted again with the same hash once re-encoded.
func FuzzParse(f *testing.F) {
	f.Add([]byte(twoBars))
	f.Add([]byte(`{"chart":{"result":[{"meta":{"symbol":"KC=F","currency":"USX"},"indicators":{"quote":[{}]}}],"error":null}}`))
	f.Add([]byte(`Too Many Requests`))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := parse(body, coffee(), future)
		if err != nil {
			return
		}
		if (c.newest == "") != (c.rows == 0) || int64(len(c.bars)) > c.rows || (c.rows > 0) != (len(c.sha256) == 64) {
			t.Fatalf("%d bars of %d rows, newest %q, hash %q", len(c.bars), c.rows, c.newest, c.sha256)
		}
		for date, b := range c.bars {
			if _, err := time.Parse(time.DateOnly, date); err != nil || date > c.newest {
				t.Fatalf("date %q, newest %q", date, c.newest)
			}
			if b.high != nil && b.low != nil && *b.high < *b.low {
				t.Fatalf("bar %+v", b)
			}
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, body); err != nil {
			t.Fatalf("accepted what is no JSON: %v", err)
		}
		if again, err := parse(compact.Bytes(), coffee(), future); err != nil || again.sha256 != c.sha256 {
			t.Fatalf("compacted: %v, %s, %s", err, again.sha256, c.sha256)
		}
	})
}

// TestFaultOutOfRange: one odd price is a warning, another unit is refused, and the
// real history has neither.
func TestFaultOutOfRange(t *testing.T) {
	bars := map[string]bar{}
	day := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	price := func(p float64) bar { return bar{&p, &p, &p, &p, nil} }
	for n := range 300 {
		bars[day.AddDate(0, 0, n).Format(time.DateOnly)] = price(320 + float64(n)/10)
	}
	c := chart{bars: bars}
	if f := c.findings(); len(f) != 0 {
		t.Errorf("good bars: %v", f)
	}
	bars["2025-01-07"] = price(3.2)
	if f := c.findings(); len(f) != 1 || f[0].Refuse || !strings.Contains(f[0].Detail, `in 1 of 300 rows, first in row 7: "2025-01-07 3.2"`) {
		t.Errorf("one in dollars: %v", f)
	}
	for date := range bars {
		bars[date] = price(3.2)
	}
	volume := -1.0
	bars["2025-01-09"] = bar{volume: &volume}
	f := c.findings()
	if len(f) != 2 || !f[0].Refuse || f[1].Refuse || f[1].Rule != "range" {
		t.Errorf("all in dollars, a negative volume: %v", f)
	}
}
