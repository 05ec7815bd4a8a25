package web

import (
	"context"
	"database/sql"
)

// psdCommodity is the commodity of the balance sheets: USDA counts coffee as one.
const psdCommodity = "Coffee"

// worldSince is the first market year with importing countries in PSD. World
// consumption, trade and stocks before it are those of producers alone, and no
// comparison may reach back there.
const worldSince = 2002

// balance is one market year of a country or of the world. Quantities in 1,000
// 60-kg bags.
type balance struct {
	Code, Country                       string
	Year                                int // START year of the season
	Season                              string
	BeginningStocks                     num
	Production, Arabica, Robusta        num
	Imports, Exports, BeanExports       num
	Consumption, EndingStocks           num
	StocksToUse, StocksToUseWithExports num // percent
	ProductionChange, ExportShare       num // percent
	Release                             date
}

const balanceColumns = `country_code, country_name, market_year, season, beginning_stocks::DOUBLE, production::DOUBLE,
	arabica_production::DOUBLE, robusta_production::DOUBLE, imports::DOUBLE, exports::DOUBLE, bean_exports::DOUBLE,
	domestic_consumption::DOUBLE, ending_stocks::DOUBLE, stocks_to_use_pct::DOUBLE, stocks_to_use_incl_exports_pct::DOUBLE,
	production_yoy_pct::DOUBLE, export_share_pct::DOUBLE, release_date`

func scanBalance(r *sql.Rows, b *balance) error {
	return r.Scan(&b.Code, &b.Country, &b.Year, &b.Season, &b.BeginningStocks, &b.Production, &b.Arabica, &b.Robusta, &b.Imports,
		&b.Exports, &b.BeanExports, &b.Consumption, &b.EndingStocks, &b.StocksToUse, &b.StocksToUseWithExports,
		&b.ProductionChange, &b.ExportShare, &b.Release)
}

// loadBalances returns all market years of a country, oldest first.
func loadBalances(ctx context.Context, r *reading, code string) ([]balance, error) {
	if !r.has("commodity_metrics") {
		return nil, nil
	}
	return query(ctx, r.db, "balance sheet", scanBalance, `SELECT `+balanceColumns+` FROM serving.commodity_metrics
		WHERE commodity_name = ? AND country_code = ? ORDER BY market_year`, psdCommodity, code)
}

// loadExporters returns the largest exporters of a market year.
func loadExporters(ctx context.Context, r *reading, year, limit int) ([]balance, error) {
	if !r.has("commodity_metrics") {
		return nil, nil
	}
	return query(ctx, r.db, "exporters", scanBalance, `SELECT `+balanceColumns+` FROM serving.commodity_metrics
		WHERE commodity_name = ? AND country_code <> ? AND market_year = ? AND exports > 0
		ORDER BY exports DESC, country_code LIMIT ?`, psdCommodity, world, year, limit)
}

// stocksRank places the newest stocks-to-use among the seasons it compares with.
type stocksRank struct {
	Seasons, Lower, Higher int64
	Since                  sql.Null[string] // first season compared
	Percentile             num              // 100 count(x_i <= x)/N
}

func loadStocksRank(ctx context.Context, r *reading, code string) (stocksRank, error) {
	since := 0
	if code == world {
		since = worldSince
	}
	rank, _, err := queryOne(ctx, r.db, "rank of stocks", func(rows *sql.Rows, s *stocksRank) error {
		return rows.Scan(&s.Seasons, &s.Lower, &s.Higher, &s.Since, &s.Percentile)
	}, `WITH s AS (SELECT market_year, season, round(CASE WHEN country_code = ? THEN stocks_to_use_pct ELSE stocks_to_use_incl_exports_pct END, 9) AS x
			FROM serving.commodity_metrics WHERE commodity_name = ? AND country_code = ? AND market_year >= ?),
		last AS (SELECT x FROM s ORDER BY market_year DESC LIMIT 1)
		SELECT count(s.x), count(*) FILTER (s.x < last.x), count(*) FILTER (s.x > last.x), arg_min(s.season, s.market_year) FILTER (s.x IS NOT NULL),
			100.0 * count(*) FILTER (s.x <= last.x) / nullif(count(s.x), 0)
		FROM s, last WHERE last.x IS NOT NULL`, world, psdCommodity, code, since)
	return rank, err
}

// revision is one value that the newest release changed.
type revision struct {
	Code, Country, Season, Attribute string
	Value, Before, Change, Percent   num
}

// revisions sums up what the newest release changed against the one before.
type revisions struct {
	Release, Before    date // Before is unknown when only one release is loaded
	Values, Countries  int64
	Seasons, FirstSeen int64
	Largest            []revision
}

// headlineAttributes are PSD's totals; their parts would say the same again.
const headlineAttributes = `('028', '057', '088', '125', '176')`

// loadRevisions reads the newest release's changes of one country, or of all
// for the world.
func loadRevisions(ctx context.Context, r *reading, code string, limit int) (revisions, error) {
	if !r.has("psd_revisions") {
		return revisions{}, nil
	}
	v, _, err := queryOne(ctx, r.db, "revisions", func(rows *sql.Rows, v *revisions) error {
		return rows.Scan(&v.Release, &v.Before, &v.Values, &v.Countries, &v.Seasons, &v.FirstSeen)
	}, `WITH r AS (SELECT * FROM serving.psd_revisions WHERE commodity_name = ?),
		newest AS (SELECT max(release_date) AS d FROM (SELECT release_date FROM serving.commodity_metrics WHERE commodity_name = ? UNION ALL SELECT release_date FROM r)),
		c AS (SELECT r.* FROM r, newest WHERE r.release_date = newest.d AND r.country_code <> ? AND (? = ? OR r.country_code = ?))
		SELECT newest.d, (SELECT max(release_date) FROM r WHERE release_date < newest.d),
			(SELECT count(*) FROM c WHERE previous_value IS NOT NULL AND change <> 0),
			(SELECT count(DISTINCT country_code) FROM c WHERE previous_value IS NOT NULL AND change <> 0),
			(SELECT count(DISTINCT market_year) FROM c WHERE previous_value IS NOT NULL AND change <> 0),
			(SELECT count(*) FROM c WHERE previous_value IS NULL)
		FROM newest WHERE newest.d IS NOT NULL`, psdCommodity, psdCommodity, world, code, world, code)
	if err != nil || !v.Release.Valid {
		return v, err
	}
	v.Largest, err = query(ctx, r.db, "largest revisions", func(rows *sql.Rows, x *revision) error {
		return rows.Scan(&x.Code, &x.Country, &x.Season, &x.Attribute, &x.Value, &x.Before, &x.Change, &x.Percent)
	}, `SELECT country_code, country_name, season, attribute, value::DOUBLE, previous_value::DOUBLE, change::DOUBLE, change_pct::DOUBLE
		FROM serving.psd_revisions
		WHERE commodity_name = ? AND release_date = ? AND country_code <> ? AND (? = ? OR country_code = ?)
			AND previous_value IS NOT NULL AND change <> 0 AND attribute_id IN `+headlineAttributes+`
		ORDER BY abs(change) DESC, country_code, market_year, attribute_id LIMIT ?`, psdCommodity, v.Release.V, world, code, world, code, limit)
	return v, err
}
