package web

import (
	"context"
	"database/sql"
)

// ticker is the one series of prices there is: ICE arabica, front month.
const ticker = "KC=F"

// priceDay is one trade date. Prices in US cents per pound, returns, volatility
// and drawdown in percent. Volatility leaves out the days of contract rolls.
type priceDay struct {
	Date                    date
	Open, High, Low, Close  num
	Volume                  num
	Return                  num
	SMA20, SMA50, SMA200    num
	High52, Low52           num // traded
	CloseHigh52, CloseLow52 num
	Volatility, Drawdown    num
	Roll                    bool // last trading day of the expiring contract
	AfterRoll               bool // first day of the next one: its return is between two contracts
}

const priceColumns = `trade_date, open::DOUBLE, high::DOUBLE, low::DOUBLE, close::DOUBLE, volume::DOUBLE, return_pct::DOUBLE,
	sma_20::DOUBLE, sma_50::DOUBLE, sma_200::DOUBLE, high_52w::DOUBLE, low_52w::DOUBLE, close_high_52w::DOUBLE, close_low_52w::DOUBLE,
	volatility_20d_ex_roll_pct::DOUBLE, drawdown_pct::DOUBLE, coalesce(is_roll, false), coalesce(after_roll, false)`

// priceRows is the series with the mark of its roll days carried to the next
// day, on which the price changes over.
const priceRows = `(SELECT *, lag(is_roll) OVER (ORDER BY trade_date) AS after_roll FROM serving.coffee_prices WHERE ticker = ?)`

func scanPriceDay(r *sql.Rows, d *priceDay) error {
	return r.Scan(&d.Date, &d.Open, &d.High, &d.Low, &d.Close, &d.Volume, &d.Return, &d.SMA20, &d.SMA50, &d.SMA200,
		&d.High52, &d.Low52, &d.CloseHigh52, &d.CloseLow52, &d.Volatility, &d.Drawdown, &d.Roll, &d.AfterRoll)
}

// loadPriceDays returns the days of the last months (0: all of them), oldest first.
func loadPriceDays(ctx context.Context, r *reading, months int) ([]priceDay, error) {
	if !r.has("coffee_prices") {
		return nil, nil
	}
	return query(ctx, r.db, "prices", scanPriceDay, `SELECT `+priceColumns+` FROM `+priceRows+`
		WHERE (? = 0 OR trade_date > (SELECT max(trade_date) FROM serving.coffee_prices WHERE ticker = ?) - to_months(?))
		ORDER BY trade_date`, ticker, months, ticker, months)
}

// loadLatestDays returns the newest days, newest first.
func loadLatestDays(ctx context.Context, r *reading, days int) ([]priceDay, error) {
	if !r.has("coffee_prices") {
		return nil, nil
	}
	return query(ctx, r.db, "latest prices", scanPriceDay, `SELECT `+priceColumns+` FROM `+priceRows+`
		ORDER BY trade_date DESC LIMIT ?`, ticker, days)
}

// priceRanks places the newest close and volatility among those of the last
// five years: percentile rank = 100 count(x_i <= x)/N.
type priceRanks struct {
	Since         date // first trade date counted
	Days          int64
	Close         num
	Volatility    num
	FirstEver     date // first trade date of the series
	HighestEver   num
	HighestEverOn date
}

func loadPriceRanks(ctx context.Context, r *reading) (priceRanks, error) {
	if !r.has("coffee_prices") {
		return priceRanks{}, nil
	}
	ranks, _, err := queryOne(ctx, r.db, "price ranks", func(rows *sql.Rows, p *priceRanks) error {
		return rows.Scan(&p.Since, &p.Days, &p.Close, &p.Volatility, &p.FirstEver, &p.HighestEver, &p.HighestEverOn)
	}, `WITH p AS (SELECT trade_date, close, volatility_20d_ex_roll_pct AS vol FROM serving.coffee_prices WHERE ticker = ?),
		last AS (SELECT trade_date, close, vol FROM p ORDER BY trade_date DESC LIMIT 1),
		w AS (SELECT p.*, last.close AS last_close, last.vol AS last_vol FROM p, last
			WHERE p.trade_date > last.trade_date - INTERVAL 5 YEAR AND p.close IS NOT NULL)
		SELECT min(trade_date), count(*),
			100.0 * count(*) FILTER (close <= last_close) / nullif(count(*), 0),
			CASE WHEN any_value(last_vol) IS NOT NULL THEN 100.0 * count(*) FILTER (vol <= last_vol) / nullif(count(vol), 0) END,
			(SELECT min(trade_date) FROM p), (SELECT max(close)::DOUBLE FROM p),
			(SELECT trade_date FROM p WHERE close IS NOT NULL ORDER BY close DESC, trade_date DESC LIMIT 1)
		FROM w`, ticker)
	return ranks, err
}

// priceSpan compares the newest close with the last one at least a span ago.
type priceSpan struct {
	Name   string
	From   date
	Close  num
	Change num
	Rolls  int64 // contract rolls in between: each mixes two contracts
}

func loadPriceSpans(ctx context.Context, r *reading) ([]priceSpan, error) {
	if !r.has("coffee_prices") {
		return nil, nil
	}
	return query(ctx, r.db, "price changes", func(rows *sql.Rows, s *priceSpan) error {
		return rows.Scan(&s.Name, &s.From, &s.Close, &s.Change, &s.Rolls)
	}, `WITH p AS (SELECT trade_date, close, is_roll FROM serving.coffee_prices WHERE ticker = ? AND close IS NOT NULL),
		last AS (SELECT trade_date, close FROM p ORDER BY trade_date DESC LIMIT 1),
		span(n, name, length) AS (VALUES (1, '1 week', INTERVAL 7 DAY), (2, '1 month', INTERVAL 1 MONTH), (3, '3 months', INTERVAL 3 MONTH),
			(4, '1 year', INTERVAL 1 YEAR), (5, '5 years', INTERVAL 5 YEAR)),
		start AS (SELECT span.n, span.name, max(p.trade_date) AS d FROM span, last, p WHERE p.trade_date <= last.trade_date - span.length GROUP BY ALL)
		SELECT start.name, start.d, p.close::DOUBLE, 100.0 * (last.close::DOUBLE / nullif(p.close::DOUBLE, 0) - 1),
			(SELECT count(*) FROM p AS q WHERE q.is_roll AND q.trade_date > start.d)
		FROM start JOIN p ON p.trade_date = start.d, last ORDER BY start.n`, ticker)
}
