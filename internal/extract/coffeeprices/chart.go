package coffeeprices

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"time"

	"beanflows.coffee/materia/internal/extract"
)

// instrument is what an answer must be about.
type instrument struct{ symbol, currency string }

// bar is one day. A field is nil where Yahoo says null.
type bar struct {
	open, high, low, close *float64 // in the instrument's currency
	volume                 *float64 // contracts, a whole number
}

// chart is a valid answer.
type chart struct {
	bars   map[string]bar // by trade date, YYYY-MM-DD in the exchange's zone
	rows   int64          // bars in the document; a live one may double its date
	newest string         // trade date; empty without bars
	sha256 string         // of the document without the meta of the moment
}

// document is the part of the API's envelope that is relied on.
type document struct {
	Chart struct {
		Result []struct {
			Meta struct {
				Symbol               string
				Currency             string
				DataGranularity      string
				ExchangeTimezoneName string
			}
			Timestamp  []*int64
			Indicators struct {
				Quote []struct{ Open, High, Low, Close, Volume []*float64 }
			}
		}
		Error *struct{ Code, Description string }
	}
}

// parse checks an answer against the instrument and against bars dated after the
// window's end, and takes it apart.
func parse(body []byte, of instrument, end time.Time) (chart, error) {
	var d document
	whole := json.NewDecoder(bytes.NewReader(body))
	if err := whole.Decode(&d); err != nil {
		return chart{}, fmt.Errorf("not the chart API's JSON: %w", err)
	}
	if _, err := whole.Token(); err != io.EOF {
		return chart{}, errors.New("not the chart API's JSON: text after the document")
	}
	if e := d.Chart.Error; e != nil {
		return chart{}, fmt.Errorf("the chart API says %s: %s", e.Code, e.Description)
	}
	if len(d.Chart.Result) != 1 {
		return chart{}, fmt.Errorf("%d results, want one", len(d.Chart.Result))
	}
	r := d.Chart.Result[0]
	switch {
	case r.Meta.Symbol != of.symbol:
		return chart{}, fmt.Errorf("symbol %q, want %q", r.Meta.Symbol, of.symbol)
	case r.Meta.Currency != of.currency:
		return chart{}, fmt.Errorf("currency %q, want %q", r.Meta.Currency, of.currency)
	}
	c := chart{bars: map[string]bar{}, rows: int64(len(r.Timestamp))}
	if c.rows == 0 {
		return c, nil // a weekend: the granularity may be anything
	}
	if r.Meta.DataGranularity != "1d" {
		return chart{}, fmt.Errorf("bars of %q, want 1d", r.Meta.DataGranularity)
	}
	zone, err := time.LoadLocation(r.Meta.ExchangeTimezoneName)
	if err != nil || r.Meta.ExchangeTimezoneName == "" {
		return chart{}, fmt.Errorf("exchangeTimezoneName %q is no time zone", r.Meta.ExchangeTimezoneName)
	}
	if len(r.Indicators.Quote) != 1 {
		return chart{}, fmt.Errorf("%d quotes, want one", len(r.Indicators.Quote))
	}
	q := r.Indicators.Quote[0]
	for _, column := range []struct {
		name   string
		values []*float64
	}{{"open", q.Open}, {"high", q.High}, {"low", q.Low}, {"close", q.Close}, {"volume", q.Volume}} {
		if len(column.values) != len(r.Timestamp) {
			return chart{}, fmt.Errorf("%d timestamps and %d values of %s", len(r.Timestamp), len(column.values), column.name)
		}
	}
	for n, stamp := range r.Timestamp {
		if stamp == nil || *stamp < 0 || *stamp >= end.Unix() {
			return chart{}, fmt.Errorf("bar %d is dated outside the window that ends at %s", n+1, end.UTC().Format(time.RFC3339))
		}
		date := time.Unix(*stamp, 0).In(zone).Format(time.DateOnly)
		b := bar{q.Open[n], q.High[n], q.Low[n], q.Close[n], q.Volume[n]}
		if err := b.check(); err != nil {
			return chart{}, fmt.Errorf("bar of %s: %w", date, err)
		}
		c.bars[date] = b // the later of two of one date is the live one
		c.newest = max(c.newest, date)
	}
	c.sha256, err = canonicalHash(body)
	return c, err
}

// Bounds of a price in US cents/lb: KC=F traded between 41 and 440 since 2000.
// Beyond them it is in another unit, such as dollars.
const leastCents, mostCents = 10, 3000

// findings is what the bars hold against the contract: prices inside the bounds and
// volumes that are none below zero. Nulls are real and no matter.
func (c chart) findings() []extract.Finding {
	check := extract.Contract{}.Over(nil)
	for n, date := range slices.Sorted(maps.Keys(c.bars)) {
		b, number := c.bars[date], int64(n+1)
		check.Row(number, nil)
		for _, price := range []*float64{b.open, b.high, b.low, b.close} {
			if price != nil && (*price < leastCents || *price > mostCents) {
				check.Note("range", fmt.Sprintf("a price is not between %d and %d US cents/lb", leastCents, mostCents), number, fmt.Sprintf("%s %v", date, *price))
				break
			}
		}
		if b.volume != nil && *b.volume < 0 {
			check.Note("range", "the volume is negative", number, fmt.Sprintf("%s %v", date, *b.volume))
		}
	}
	return check.Findings()
}

func (b bar) check() error {
	if b.high != nil && b.low != nil && *b.high < *b.low {
		return fmt.Errorf("high %v is below low %v", *b.high, *b.low)
	}
	if b.volume != nil && (*b.volume != math.Trunc(*b.volume) || math.Abs(*b.volume) > 1<<53) {
		return fmt.Errorf("volume %v is not a whole number", *b.volume)
	}
	return nil
}

// empty says that all is null: a holiday, or a day without a trade.
func (b bar) empty() bool {
	return b.open == nil && b.high == nil && b.low == nil && b.close == nil && b.volume == nil
}

func (b bar) equal(o bar) bool {
	return same(b.open, o.open) && same(b.high, o.high) && same(b.low, o.low) && same(b.close, o.close) && same(b.volume, o.volume)
}

func same(a, b *float64) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

// lasting are the keys of meta that do not change from one answer to the next.
func lasting(key string) bool {
	switch key {
	case "symbol", "currency", "exchangeName", "instrumentType", "exchangeTimezoneName", "dataGranularity":
		return true
	}
	return false
}

// canonicalHash is the hex SHA-256 of the document with sorted keys, without
// space, and without the keys of meta that tell of the moment.
func canonicalHash(body []byte) (string, error) {
	var d map[string]any
	if err := json.Unmarshal(body, &d); err != nil {
		return "", err
	}
	chart, _ := d["chart"].(map[string]any)
	results, _ := chart["result"].([]any)
	for _, r := range results {
		r, _ := r.(map[string]any)
		meta, _ := r["meta"].(map[string]any)
		for key := range meta {
			if !lasting(key) {
				delete(meta, key)
			}
		}
	}
	text, err := json.Marshal(d) // sorts keys; floats have one form
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}
