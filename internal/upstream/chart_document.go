package upstream

import (
	"math"
	"time"
)

// The chart API's envelope, keys in the order in which it usually sends them.
type chartDocument struct {
	Chart struct {
		Result []chartResult `json:"result"`
		Error  *struct{}     `json:"error"`
	} `json:"chart"`
}

type chartResult struct {
	Meta       chartMeta `json:"meta"`
	Timestamp  []int64   `json:"timestamp,omitempty"` // absent in a window without bars
	Indicators struct {
		Quote    []chartQuote    `json:"quote"`
		AdjClose []chartAdjClose `json:"adjclose,omitempty"`
	} `json:"indicators"`
}

type chartQuote struct {
	Open   []*float64 `json:"open,omitempty"`
	Volume []*int64   `json:"volume,omitempty"`
	Close  []*float64 `json:"close,omitempty"`
	Low    []*float64 `json:"low,omitempty"`
	High   []*float64 `json:"high,omitempty"`
}

type chartAdjClose struct {
	AdjClose []*float64 `json:"adjclose"`
}

type chartMeta struct {
	Currency             string  `json:"currency"`
	Symbol               string  `json:"symbol"`
	ExchangeName         string  `json:"exchangeName"`
	FullExchangeName     string  `json:"fullExchangeName"`
	InstrumentType       string  `json:"instrumentType"`
	FirstTradeDate       int64   `json:"firstTradeDate"`
	RegularMarketTime    int64   `json:"regularMarketTime"`
	HasPrePostMarketData bool    `json:"hasPrePostMarketData"`
	GMTOffset            int     `json:"gmtoffset"` // of the moment, not of the bars
	Timezone             string  `json:"timezone"`
	ExchangeTimezoneName string  `json:"exchangeTimezoneName"`
	RegularMarketPrice   float64 `json:"regularMarketPrice"`
	FiftyTwoWeekHigh     float64 `json:"fiftyTwoWeekHigh"`
	FiftyTwoWeekLow      float64 `json:"fiftyTwoWeekLow"`
	RegularMarketDayHigh float64 `json:"regularMarketDayHigh"`
	RegularMarketDayLow  float64 `json:"regularMarketDayLow"`
	RegularMarketVolume  int64   `json:"regularMarketVolume"`
	ShortName            string  `json:"shortName"`
	ChartPreviousClose   float64 `json:"chartPreviousClose"` // the close before the window
	PriceHint            int     `json:"priceHint"`
	CurrentTradingPeriod struct {
		Pre     chartPeriod `json:"pre"`
		Regular chartPeriod `json:"regular"`
		Post    chartPeriod `json:"post"`
	} `json:"currentTradingPeriod"`
	DataGranularity string   `json:"dataGranularity"`
	Range           string   `json:"range"`
	ValidRanges     []string `json:"validRanges"`
}

type chartPeriod struct {
	Timezone  string `json:"timezone"`
	Start     int64  `json:"start"`
	End       int64  `json:"end"`
	GMTOffset int    `json:"gmtoffset"`
}

// document is the answer for bars[from:until] at a moment.
func (s *Server) document(bars []bar, from, until int, label string, now time.Time) chartDocument {
	until = max(from, until)
	result := chartResult{Meta: s.meta(bars, from, label, now)}
	var q chartQuote
	for _, b := range bars[from:until] {
		result.Timestamp = append(result.Timestamp, b.stamp)
		q.Open = append(q.Open, b.shown(b.open))
		q.High = append(q.High, b.shown(b.high))
		q.Low = append(q.Low, b.shown(b.low))
		q.Close = append(q.Close, b.shown(b.close))
		var volume *int64
		if !b.empty {
			volume = &b.volume
		}
		q.Volume = append(q.Volume, volume)
	}
	result.Indicators.Quote = []chartQuote{q}
	if until > from {
		result.Indicators.AdjClose = []chartAdjClose{{q.Close}} // a future has nothing to adjust for
	}
	var doc chartDocument
	doc.Chart.Result = []chartResult{result}
	return doc
}

// shown is a price as the API sends it, a float32 in a float64's digits; nil
// where the bar is empty.
func (b *bar) shown(price float64) *float64 {
	if b.empty {
		return nil
	}
	wide := float64(float32(price))
	return &wide
}

// meta is about the moment of the request, whatever window was asked for.
func (s *Server) meta(bars []bar, from int, label string, now time.Time) chartMeta {
	zone, offset := now.Zone()
	m := chartMeta{Currency: "USX", Symbol: symbol, ExchangeName: "NYB", FullExchangeName: "ICE Futures", InstrumentType: "FUTURE",
		GMTOffset: offset, Timezone: zone, ExchangeTimezoneName: "America/New_York", PriceHint: 2,
		DataGranularity: "1d", Range: label, ValidRanges: validRanges}
	start, end := s.session(now)
	m.CurrentTradingPeriod.Pre = chartPeriod{zone, start.Unix(), start.Unix(), offset}
	m.CurrentTradingPeriod.Regular = chartPeriod{zone, start.Unix(), end.Unix(), offset}
	m.CurrentTradingPeriod.Post = chartPeriod{zone, end.Unix(), end.Unix(), offset}
	for _, c := range contracts(now.Year(), now.Year()+1) {
		if !c.lastTrading.Before(day(now.Date())) {
			m.ShortName = "Coffee " + c.name
			break
		}
	}
	cents := func(x float64) float64 { return math.Round(x*100) / 100 }
	m.FiftyTwoWeekLow = math.Inf(1)
	yearAgo := day(now.Date()).AddDate(-1, 0, 0)
	for i, b := range bars {
		if b.empty {
			continue
		}
		if m.FirstTradeDate == 0 {
			m.FirstTradeDate, m.ChartPreviousClose = b.stamp, cents(b.open)
		}
		if i < from {
			m.ChartPreviousClose = cents(b.close)
		}
		if b.day.After(yearAgo) {
			m.FiftyTwoWeekHigh, m.FiftyTwoWeekLow = max(m.FiftyTwoWeekHigh, cents(b.high)), min(m.FiftyTwoWeekLow, cents(b.low))
		}
		_, closed := s.session(b.day)
		m.RegularMarketTime = closed.Unix()
		if at := time.Unix(b.stamp, 0).In(s.newYork); at.Hour() != 0 {
			m.RegularMarketTime = b.stamp // the session goes on
		}
		m.RegularMarketPrice, m.RegularMarketVolume = cents(b.close), b.volume
		m.RegularMarketDayHigh, m.RegularMarketDayLow = cents(b.high), cents(b.low)
	}
	if math.IsInf(m.FiftyTwoWeekLow, 1) {
		m.FiftyTwoWeekLow = 0 // no bar in a year: JSON has no infinity
	}
	return m
}
