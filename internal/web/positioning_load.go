package web

import (
	"context"
	"database/sql"
)

// arabica is the commodity whose futures CFTC reports.
const arabica = "Coffee arabica"

// holding is what one category of traders holds, in contracts.
type holding struct {
	Key, Name string // as in serving.cot_index_by_category, and in words
	Long, Short, Spread,
	LongChange, ShortChange,
	Net, NetChange, NetPct,
	LongTraders, ShortTraders num
	Index, Rank [3]num // over windows
}

// windows are what index and rank look back over, in reports.
var windows = [3]int{26, 52, 156}

// cotReport is one week. Contracts; shares in percent of the open interest.
type cotReport struct {
	Date, Released         date
	Assumed                bool // the day of release is by the rule, not announced
	Interest               num
	InterestChange         num
	Funds                  holding
	ProducerNet            num
	ProducerLongPct        num
	ProducerShortPct       num
	Top4Long, Top4Short    num // net of each trader's own other side
	Top8Long, Top8Short    num
	ProducerLongMean       num // of the last five years, as far as held
	ProducerShortMean      num
	MeanReports            int64
	ReportsSince, Previous date // of the mean's first report; the report before
}

const cotColumns = `report_date, release_date, coalesce(is_release_assumed, true), open_interest::DOUBLE, open_interest_change::DOUBLE,
	managed_money_long::DOUBLE, managed_money_short::DOUBLE, managed_money_spread::DOUBLE, managed_money_long_change::DOUBLE, managed_money_short_change::DOUBLE,
	managed_money_net::DOUBLE, managed_money_net_change::DOUBLE, managed_money_net_pct_oi::DOUBLE, managed_money_long_traders::DOUBLE, managed_money_short_traders::DOUBLE,
	cot_index_26w::DOUBLE, cot_index_52w::DOUBLE, cot_index_156w::DOUBLE, net_percentile_26w::DOUBLE, net_percentile_52w::DOUBLE, net_percentile_156w::DOUBLE,
	producer_net::DOUBLE, producer_long_pct_oi::DOUBLE, producer_short_pct_oi::DOUBLE, top_4_net_long_pct_oi::DOUBLE, top_4_net_short_pct_oi::DOUBLE,
	top_8_net_long_pct_oi::DOUBLE, top_8_net_short_pct_oi::DOUBLE, producer_long_mean, producer_short_mean, mean_reports, mean_since, previous_date`

// cotRows is the series with producers' five-year means beside each report.
const cotRows = `(SELECT *, lag(report_date) OVER (ORDER BY report_date) AS previous_date,
	avg(producer_long_pct_oi::DOUBLE) OVER five_years AS producer_long_mean, avg(producer_short_pct_oi::DOUBLE) OVER five_years AS producer_short_mean,
	count(*) OVER five_years AS mean_reports, min(report_date) OVER five_years AS mean_since
	FROM serving.cot_positioning WHERE commodity_name = ?
	WINDOW five_years AS (ORDER BY report_date RANGE BETWEEN INTERVAL 5 YEAR PRECEDING AND CURRENT ROW))`

func scanCOTReport(r *sql.Rows, c *cotReport) error {
	f := &c.Funds
	f.Key, f.Name = "managed_money", "Managed money"
	return r.Scan(&c.Date, &c.Released, &c.Assumed, &c.Interest, &c.InterestChange,
		&f.Long, &f.Short, &f.Spread, &f.LongChange, &f.ShortChange, &f.Net, &f.NetChange, &f.NetPct, &f.LongTraders, &f.ShortTraders,
		&f.Index[0], &f.Index[1], &f.Index[2], &f.Rank[0], &f.Rank[1], &f.Rank[2],
		&c.ProducerNet, &c.ProducerLongPct, &c.ProducerShortPct, &c.Top4Long, &c.Top4Short, &c.Top8Long, &c.Top8Short,
		&c.ProducerLongMean, &c.ProducerShortMean, &c.MeanReports, &c.ReportsSince, &c.Previous)
}

// loadCOTReports returns the reports of the last months (0: all of them), oldest
// first.
func loadCOTReports(ctx context.Context, r *reading, months int) ([]cotReport, error) {
	if !r.has("cot_positioning") {
		return nil, nil
	}
	return query(ctx, r.db, "positioning", scanCOTReport, `SELECT `+cotColumns+` FROM `+cotRows+`
		WHERE (? = 0 OR report_date > (SELECT max(report_date) FROM serving.cot_positioning WHERE commodity_name = ?) - to_months(?))
		ORDER BY report_date`, arabica, months, arabica, months)
}

// loadHoldings returns every category as of the newest report, funds first.
func loadHoldings(ctx context.Context, r *reading) ([]holding, error) {
	if !r.has("cot_positioning") || !r.has("cot_index_by_category") {
		return nil, nil
	}
	return query(ctx, r.db, "positions by category", func(rows *sql.Rows, h *holding) error {
		return rows.Scan(&h.Key, &h.Name, &h.Long, &h.Short, &h.Spread, &h.LongChange, &h.ShortChange, &h.Net, &h.NetChange, &h.NetPct,
			&h.LongTraders, &h.ShortTraders, &h.Index[0], &h.Index[1], &h.Index[2], &h.Rank[0], &h.Rank[1], &h.Rank[2])
	}, `WITH last AS (SELECT * FROM serving.cot_positioning WHERE commodity_name = ? ORDER BY report_date DESC LIMIT 1),
		h AS (
			SELECT 1 AS n, 'managed_money' AS category, 'Managed money' AS name, managed_money_long AS l, managed_money_short AS s, managed_money_spread AS spread,
				managed_money_long_change AS lc, managed_money_short_change AS sc, managed_money_net AS net, managed_money_net_change AS nc, managed_money_net_pct_oi AS pct,
				managed_money_long_traders AS lt, managed_money_short_traders AS st FROM last
			UNION ALL SELECT 2, 'producer', 'Producers and merchants', producer_long, producer_short, NULL, producer_long_change, producer_short_change,
				producer_net, producer_net_change, producer_net_pct_oi, producer_long_traders, producer_short_traders FROM last
			UNION ALL SELECT 3, 'swap', 'Swap dealers', swap_long, swap_short, swap_spread, swap_long_change, swap_short_change,
				swap_net, swap_net_change, swap_net_pct_oi, swap_long_traders, swap_short_traders FROM last
			UNION ALL SELECT 4, 'other_reportable', 'Other reportables', other_reportable_long, other_reportable_short, other_reportable_spread,
				other_reportable_long_change, other_reportable_short_change, other_reportable_net, other_reportable_net_change, other_reportable_net_pct_oi,
				other_reportable_long_traders, other_reportable_short_traders FROM last
			UNION ALL SELECT 5, 'nonreportable', 'Small traders', nonreportable_long, nonreportable_short, NULL, nonreportable_long_change, nonreportable_short_change,
				nonreportable_net, nonreportable_net_change, nonreportable_net_pct_oi, NULL, NULL FROM last)
		SELECT h.category, h.name, h.l::DOUBLE, h.s::DOUBLE, h.spread::DOUBLE, h.lc::DOUBLE, h.sc::DOUBLE, h.net::DOUBLE, h.nc::DOUBLE, h.pct::DOUBLE, h.lt::DOUBLE, h.st::DOUBLE,
			i.cot_index_26w::DOUBLE, i.cot_index_52w::DOUBLE, i.cot_index_156w::DOUBLE, i.net_percentile_26w::DOUBLE, i.net_percentile_52w::DOUBLE, i.net_percentile_156w::DOUBLE
		FROM h CROSS JOIN last LEFT JOIN serving.cot_index_by_category AS i
			ON i.commodity_key = last.commodity_key AND i.report_date = last.report_date AND i.category = h.category ORDER BY h.n`, arabica)
}

// cotExtreme is the beginning of an extreme and what the price did after its
// release, in percent.
type cotExtreme struct {
	Date, Released date
	Side           string // high or low
	Net, Index     num
	Close          num
	After          [3]num // 4, 13 and 26 weeks
}

// cotAfter sums up what followed the extremes of one side.
type cotAfter struct {
	Side   string
	Count  int64
	First  date
	Median [3]num
	Lower  [3]int64 // times the price was lower
	Known  [3]int64 // of so many times that are over
}

// loadExtremes returns the newest extremes, newest first, and a summary a side.
func loadExtremes(ctx context.Context, r *reading, most int) ([]cotExtreme, []cotAfter, error) {
	if !r.has("cot_extremes") {
		return nil, nil, nil
	}
	list, err := query(ctx, r.db, "extremes", func(rows *sql.Rows, e *cotExtreme) error {
		return rows.Scan(&e.Date, &e.Released, &e.Side, &e.Net, &e.Index, &e.Close, &e.After[0], &e.After[1], &e.After[2])
	}, `SELECT report_date, release_date, extreme, managed_money_net::DOUBLE, cot_index_156w::DOUBLE, close_at_release::DOUBLE,
		change_4w_pct::DOUBLE, change_13w_pct::DOUBLE, change_26w_pct::DOUBLE
		FROM serving.cot_extremes WHERE commodity_name = ? ORDER BY report_date DESC LIMIT ?`, arabica, most)
	if err != nil {
		return nil, nil, err
	}
	after, err := query(ctx, r.db, "after extremes", func(rows *sql.Rows, a *cotAfter) error {
		return rows.Scan(&a.Side, &a.Count, &a.First, &a.Median[0], &a.Median[1], &a.Median[2], &a.Lower[0], &a.Lower[1], &a.Lower[2], &a.Known[0], &a.Known[1], &a.Known[2])
	}, `SELECT extreme, count(*), min(report_date), median(change_4w_pct), median(change_13w_pct), median(change_26w_pct),
		count(*) FILTER (change_4w_pct < 0), count(*) FILTER (change_13w_pct < 0), count(*) FILTER (change_26w_pct < 0),
		count(change_4w_pct), count(change_13w_pct), count(change_26w_pct)
		FROM serving.cot_extremes WHERE commodity_name = ? GROUP BY extreme ORDER BY extreme`, arabica)
	return list, after, err
}
