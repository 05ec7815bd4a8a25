package web

import (
	"context"
	"database/sql"
)

// stockCommodity is what ICE certifies under Coffee "C".
const stockCommodity = "Coffee arabica"

// stockDay is one daily report of certified stocks, in bags.
type stockDay struct {
	Date                                           date
	Certified, Transition, Pending, Passed, Failed num // unknown where the report lacks the section
	Change                                         num // on the report before
	Europe, US                                     num
	Mean30, High52                                 num
	Drawdown                                       num // percent, from the 52-week high
	UseYear                                        sql.Null[int]
	YearlyUse, DaysOfUse                           num
}

const stockColumns = `report_date, certified_bags::DOUBLE, transition_bags::DOUBLE, pending_bags::DOUBLE, passed_bags::DOUBLE, failed_bags::DOUBLE,
	change_bags::DOUBLE, europe_bags::DOUBLE, us_bags::DOUBLE, avg_30d_bags::DOUBLE, high_52w_bags::DOUBLE, drawdown_52w_pct::DOUBLE,
	use_market_year, yearly_use_bags::DOUBLE, days_of_use::DOUBLE`

func scanStockDay(r *sql.Rows, d *stockDay) error {
	return r.Scan(&d.Date, &d.Certified, &d.Transition, &d.Pending, &d.Passed, &d.Failed, &d.Change, &d.Europe, &d.US, &d.Mean30, &d.High52,
		&d.Drawdown, &d.UseYear, &d.YearlyUse, &d.DaysOfUse)
}

// loadStockDays returns the reports of the last months (0: all of them), oldest first.
func loadStockDays(ctx context.Context, r *reading, months int) ([]stockDay, error) {
	if !r.has("ice_warehouse_stocks") {
		return nil, nil
	}
	return query(ctx, r.db, "certified stocks", scanStockDay, `SELECT `+stockColumns+` FROM serving.ice_warehouse_stocks
		WHERE commodity_name = ? AND (? = 0 OR report_date > (SELECT max(report_date) FROM serving.ice_warehouse_stocks WHERE commodity_name = ?) - to_months(?))
		ORDER BY report_date`, stockCommodity, months, stockCommodity, months)
}

// loadLatestStockDays returns the newest reports, newest first.
func loadLatestStockDays(ctx context.Context, r *reading, reports int) ([]stockDay, error) {
	if !r.has("ice_warehouse_stocks") {
		return nil, nil
	}
	return query(ctx, r.db, "latest certified stocks", scanStockDay, `SELECT `+stockColumns+` FROM serving.ice_warehouse_stocks
		WHERE commodity_name = ? ORDER BY report_date DESC LIMIT ?`, stockCommodity, reports)
}

// stockRank places the newest report among those of the last five years.
type stockRank struct {
	Since             date // first report counted
	Reports           int64
	Lower, Higher     int64
	Percentile        num // 100 count(x_i <= x)/N
	Lowest, Highest   num // of all reports held
	LowestOn, FirstOn date
}

func loadStockRank(ctx context.Context, r *reading) (stockRank, error) {
	if !r.has("ice_warehouse_stocks") {
		return stockRank{}, nil
	}
	rank, _, err := queryOne(ctx, r.db, "rank of certified stocks", func(rows *sql.Rows, s *stockRank) error {
		return rows.Scan(&s.Since, &s.Reports, &s.Lower, &s.Higher, &s.Percentile, &s.Lowest, &s.Highest, &s.LowestOn, &s.FirstOn)
	}, `WITH s AS (SELECT report_date, certified_bags AS x FROM serving.ice_warehouse_stocks WHERE commodity_name = ?),
		last AS (SELECT report_date, x FROM s ORDER BY report_date DESC LIMIT 1),
		w AS (SELECT s.*, last.x AS last_x FROM s, last WHERE s.report_date > last.report_date - INTERVAL 5 YEAR)
		SELECT min(report_date), count(*), count(*) FILTER (x < last_x), count(*) FILTER (x > last_x), 100.0 * count(*) FILTER (x <= last_x) / nullif(count(*), 0),
			(SELECT min(x)::DOUBLE FROM s), (SELECT max(x)::DOUBLE FROM s), (SELECT arg_min(report_date, x) FROM s), (SELECT min(report_date) FROM s)
		FROM w`, stockCommodity)
	return rank, err
}

// stockSpan compares the newest report with the last one at least a span ago.
type stockSpan struct {
	Name            string
	From            date
	Bags            num
	Change, Percent num
}

func loadStockSpans(ctx context.Context, r *reading) ([]stockSpan, error) {
	if !r.has("ice_warehouse_stocks") {
		return nil, nil
	}
	return query(ctx, r.db, "changes of certified stocks", func(rows *sql.Rows, s *stockSpan) error {
		return rows.Scan(&s.Name, &s.From, &s.Bags, &s.Change, &s.Percent)
	}, `WITH s AS (SELECT report_date, certified_bags::DOUBLE AS x FROM serving.ice_warehouse_stocks WHERE commodity_name = ?),
		last AS (SELECT report_date, x FROM s ORDER BY report_date DESC LIMIT 1),
		span(n, name, length) AS (VALUES (1, '1 week', INTERVAL 7 DAY), (2, '1 month', INTERVAL 1 MONTH), (3, '3 months', INTERVAL 3 MONTH),
			(4, '1 year', INTERVAL 1 YEAR), (5, '5 years', INTERVAL 5 YEAR)),
		start AS (SELECT span.n, span.name, max(s.report_date) AS d FROM span, last, s
			WHERE s.report_date <= last.report_date - span.length AND s.report_date > last.report_date - span.length - INTERVAL 9 DAY GROUP BY ALL)
		SELECT start.name, start.d, s.x, last.x - s.x, 100.0 * (last.x / nullif(s.x, 0) - 1)
		FROM start JOIN s ON s.report_date = start.d, last ORDER BY start.n`, stockCommodity)
}

// storedBags is what lies in a port, or came from an origin, at the newest report.
type storedBags struct {
	Name       string
	Bags       num
	Share      num // percent of the total
	Transition num // a part of Bags
	Change     num // in a month; unknown where no report is near its beginning
}

// loadStoredBags sums the newest report by port_name or by origin, the largest
// first; what was held a month before and is gone now is there with none.
func loadStoredBags(ctx context.Context, r *reading, byPort bool) ([]storedBags, error) {
	if !r.has("ice_warehouse_stocks_by_port") {
		return nil, nil
	}
	name := `origin`
	if byPort {
		name = `port_name`
	}
	return query(ctx, r.db, "stored bags", func(rows *sql.Rows, h *storedBags) error {
		return rows.Scan(&h.Name, &h.Bags, &h.Share, &h.Transition, &h.Change)
	}, `WITH s AS (SELECT * FROM serving.ice_warehouse_stocks_by_port WHERE commodity_name = ?),
		last AS (SELECT max(report_date) AS d FROM s),
		past AS (SELECT max(report_date) AS d FROM s, last WHERE report_date <= last.d - INTERVAL 1 MONTH AND report_date > last.d - INTERVAL 1 MONTH - INTERVAL 9 DAY),
		h AS (SELECT `+name+` AS name, coalesce(sum(bags) FILTER (report_date = last.d), 0)::DOUBLE AS now,
				sum(transition_bags) FILTER (report_date = last.d)::DOUBLE AS transition, coalesce(sum(bags) FILTER (report_date = past.d), 0)::DOUBLE AS before,
				any_value(past.d) AS past_day
			FROM s, last, past WHERE report_date IN (last.d, past.d) GROUP BY `+name+`)
		SELECT name, now, 100.0 * now / nullif(sum(now) OVER (), 0), transition, CASE WHEN past_day IS NOT NULL THEN now - before END
		FROM h ORDER BY now DESC, name`, stockCommodity)
}

// storedCell is one origin's bags in one port.
type storedCell struct {
	Origin, Port string
	Bags         num
}

func loadStoredCells(ctx context.Context, r *reading) ([]storedCell, error) {
	if !r.has("ice_warehouse_stocks_by_port") {
		return nil, nil
	}
	return query(ctx, r.db, "stored bags by port and origin", func(rows *sql.Rows, c *storedCell) error {
		return rows.Scan(&c.Origin, &c.Port, &c.Bags)
	}, `SELECT origin, port_name, sum(bags)::DOUBLE FROM serving.ice_warehouse_stocks_by_port
		WHERE commodity_name = ? AND report_date = (SELECT max(report_date) FROM serving.ice_warehouse_stocks_by_port WHERE commodity_name = ?)
		GROUP BY origin, port_name`, stockCommodity, stockCommodity)
}

// olderThan is the first day of the buckets that count as over a year old: one
// bucket runs from 361 to 390 days.
const olderThan = 361

// ageBand is certified bags of an age, at the newest month end that is known.
type ageBand struct {
	Name       string
	Bags       num
	Share      num // percent
	Europe, US num
}

func loadAgeBands(ctx context.Context, r *reading) ([]ageBand, error) {
	if !r.has("ice_aging_stocks") {
		return nil, nil
	}
	return query(ctx, r.db, "ages", func(rows *sql.Rows, b *ageBand) error {
		return rows.Scan(&b.Name, &b.Bags, &b.Share, &b.Europe, &b.US)
	}, `WITH s AS (SELECT * FROM serving.ice_aging_stocks WHERE commodity_name = ? AND report_date = (SELECT max(report_date) FROM serving.ice_aging_stocks WHERE commodity_name = ?)),
		band(n, name, lo, hi) AS (VALUES (1, 'up to 120 days', 0, 120), (2, '121 to 240 days', 121, 240), (3, '241 to 360 days', 241, 360), (4, '361 to 720 days', 361, 720),
			(5, '721 to 1,080 days', 721, 1080), (6, '1,081 to 1,440 days', 1081, 1440), (7, 'over 1,440 days', 1441, 1000000)),
		b AS (SELECT n, name, coalesce(sum(bags), 0)::DOUBLE AS bags, coalesce(sum(bags) FILTER (region = 'Europe'), 0)::DOUBLE AS europe, coalesce(sum(bags) FILTER (region = 'US'), 0)::DOUBLE AS us
			FROM band LEFT JOIN s ON s.age_from_days BETWEEN band.lo AND band.hi GROUP BY n, name)
		SELECT name, bags, 100.0 * bags / nullif(sum(bags) OVER (), 0), europe, us FROM b WHERE EXISTS (SELECT 1 FROM s) ORDER BY n`, stockCommodity, stockCommodity)
}

// ageMonth is how old the certified bags were at a month end.
type ageMonth struct {
	Date  date
	Bags  num
	Older num // percent in buckets from olderThan days on
}

func loadAgeMonths(ctx context.Context, r *reading) ([]ageMonth, error) {
	if !r.has("ice_aging_stocks") {
		return nil, nil
	}
	return query(ctx, r.db, "ages by month", func(rows *sql.Rows, m *ageMonth) error {
		return rows.Scan(&m.Date, &m.Bags, &m.Older)
	}, `SELECT report_date, sum(bags)::DOUBLE, 100.0 * coalesce(sum(bags) FILTER (age_from_days >= ?), 0)::DOUBLE / nullif(sum(bags), 0)::DOUBLE
		FROM serving.ice_aging_stocks WHERE commodity_name = ? GROUP BY report_date ORDER BY report_date`, olderThan, stockCommodity)
}

// monthEnd is ICE's own history, in bags.
type monthEnd struct {
	Date date
	Bags num
}

func loadMonthEnds(ctx context.Context, r *reading) ([]monthEnd, error) {
	if !r.has("ice_month_end_stocks") {
		return nil, nil
	}
	return query(ctx, r.db, "month ends", func(rows *sql.Rows, m *monthEnd) error {
		return rows.Scan(&m.Date, &m.Bags)
	}, `SELECT month_end, sum(bags)::DOUBLE FROM serving.ice_month_end_stocks WHERE commodity_name = ? GROUP BY month_end ORDER BY month_end`, stockCommodity)
}
