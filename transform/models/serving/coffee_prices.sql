-- Daily KC=F with the measures a trader reads beside it. Grain: ticker, trade date. US cents per pound.
-- KC=F is an unadjusted splice of front-month contracts: averages, ranges and drawdown run across rolls; is_roll marks them (rule and
-- measurements: foundation.fct_price_daily). The close may lie outside [low, high]: it settles, they trade.
-- Formulas, windows counted in trade dates with the current one, NULL where fewer exist:
--   return_pct = 100 * (close / close before - 1); sma_N = mean of N closes;
--   volatility_20d_pct = 100 * stddev_samp(20 log returns) * sqrt(252), all days;
--   volatility_20d_ex_roll_pct = the same over the newest 20 returns that no roll touches (neither into nor out of a roll day);
--   high_52w, low_52w (traded) and close_high_52w, close_low_52w: trade dates after the same day one year before, NULL until the
--   history reaches back that far; drawdown_pct = 100 * (close / highest close so far in the history held - 1), 0 at a record.
-- Sums are of decimals, log returns to 15 places: exact, where sums of doubles depend on the order in which an engine adds them.
-- n numbers have the variance (n * sum of squares - square of the sum) / (n * (n - 1)).
MODEL (
  name serving.coffee_prices,
  kind FULL,
  start '2000-01-03',
  description 'Daily coffee prices in US cents per pound with averages, ranges, volatility, drawdown and rolls. One row: one ticker on one trade date.',
  grain (ticker, trade_date),
  columns (
    commodity_key VARCHAR,
    commodity_name VARCHAR,
    ticker VARCHAR,
    trade_date DATE,
    open DECIMAL(10, 4),
    high DECIMAL(10, 4),
    low DECIMAL(10, 4),
    close DECIMAL(10, 4),
    volume BIGINT,
    return_pct DOUBLE,
    sma_20 DOUBLE,
    sma_50 DOUBLE,
    sma_200 DOUBLE,
    high_52w DECIMAL(10, 4),
    low_52w DECIMAL(10, 4),
    close_high_52w DECIMAL(10, 4),
    close_low_52w DECIMAL(10, 4),
    volatility_20d_pct DOUBLE,
    volatility_20d_ex_roll_pct DOUBLE,
    drawdown_pct DOUBLE,
    is_roll BOOLEAN,
    known_at TIMESTAMP,
    is_known_at_assumed BOOLEAN
  ),
  audits (
    not_null(columns := (commodity_key, commodity_name, ticker, trade_date, close, is_roll, known_at)),
    unique_combination_of_columns(columns := (ticker, trade_date)),
    forall(criteria := (drawdown_pct <= 0, close_low_52w <= close_high_52w))
  )
);

WITH counted AS (
  SELECT
    commodity_key,
    ticker,
    trade_date,
    open_usc_lb,
    high_usc_lb,
    low_usc_lb,
    close_usc_lb,
    volume,
    return_ratio,
    log_return,
    CAST(log_return AS DECIMAL(17, 15)) AS exact_return,
    is_roll,
    is_roll_return,
    known_at,
    is_known_at_assumed,
    MIN(trade_date) OVER (PARTITION BY ticker) AS first_trade_date,
    ROW_NUMBER() OVER (PARTITION BY ticker ORDER BY trade_date) AS day_number,
    COUNT(CASE WHEN NOT is_roll_return THEN log_return END) OVER (
      PARTITION BY ticker
      ORDER BY trade_date
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS clean_return_number
  FROM foundation.fct_price_daily
), measured AS (
  SELECT
    ticker,
    trade_date,
    SUM(close_usc_lb) OVER (
      PARTITION BY ticker
      ORDER BY trade_date
      ROWS BETWEEN 19 PRECEDING AND CURRENT ROW
    ) AS closes_20,
    SUM(close_usc_lb) OVER (
      PARTITION BY ticker
      ORDER BY trade_date
      ROWS BETWEEN 49 PRECEDING AND CURRENT ROW
    ) AS closes_50,
    SUM(close_usc_lb) OVER (
      PARTITION BY ticker
      ORDER BY trade_date
      ROWS BETWEEN 199 PRECEDING AND CURRENT ROW
    ) AS closes_200,
    COUNT(log_return) OVER (
      PARTITION BY ticker
      ORDER BY trade_date
      ROWS BETWEEN 19 PRECEDING AND CURRENT ROW
    ) AS returns_20,
    SUM(exact_return) OVER (
      PARTITION BY ticker
      ORDER BY trade_date
      ROWS BETWEEN 19 PRECEDING AND CURRENT ROW
    ) AS returns_sum_20,
    SUM(exact_return * exact_return) OVER (
      PARTITION BY ticker
      ORDER BY trade_date
      ROWS BETWEEN 19 PRECEDING AND CURRENT ROW
    ) AS returns_square_20,
    MAX(close_usc_lb) OVER (
      PARTITION BY ticker
      ORDER BY trade_date
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS highest_close
  FROM counted
), clean_return AS (
  SELECT
    ticker,
    ROW_NUMBER() OVER (PARTITION BY ticker ORDER BY trade_date) AS clean_return_number,
    SUM(exact_return) OVER (
      PARTITION BY ticker
      ORDER BY trade_date
      ROWS BETWEEN 19 PRECEDING AND CURRENT ROW
    ) AS returns_sum_20,
    SUM(exact_return * exact_return) OVER (
      PARTITION BY ticker
      ORDER BY trade_date
      ROWS BETWEEN 19 PRECEDING AND CURRENT ROW
    ) AS returns_square_20
  FROM counted
  WHERE
    NOT is_roll_return
    AND NOT log_return IS NULL
), year_range AS (
  SELECT
    today.ticker,
    today.trade_date,
    MAX(day.high_usc_lb) AS high_52w,
    MIN(day.low_usc_lb) AS low_52w,
    MAX(day.close_usc_lb) AS close_high_52w,
    MIN(day.close_usc_lb) AS close_low_52w
  FROM counted AS today
  JOIN counted AS day
    ON day.ticker = today.ticker
    AND day.trade_date > today.trade_date - INTERVAL '1' YEAR
    AND day.trade_date <= today.trade_date
  WHERE
    today.first_trade_date <= today.trade_date - INTERVAL '1' YEAR
  GROUP BY
    today.ticker,
    today.trade_date
)
SELECT
  counted.commodity_key,
  commodity.commodity_name,
  counted.ticker,
  counted.trade_date, -- New York
  counted.open_usc_lb AS open, -- US cents per pound
  counted.high_usc_lb AS high, -- traded
  counted.low_usc_lb AS low, -- traded
  counted.close_usc_lb AS close, -- US cents per pound
  counted.volume, -- lots
  100 * counted.return_ratio AS return_pct,
  CASE WHEN counted.day_number >= 20 THEN CAST(measured.closes_20 AS DOUBLE) / 20 END AS sma_20,
  CASE WHEN counted.day_number >= 50 THEN CAST(measured.closes_50 AS DOUBLE) / 50 END AS sma_50,
  CASE WHEN counted.day_number >= 200 THEN CAST(measured.closes_200 AS DOUBLE) / 200 END AS sma_200,
  year_range.high_52w, -- traded
  year_range.low_52w, -- traded
  year_range.close_high_52w,
  year_range.close_low_52w,
  CASE
    WHEN measured.returns_20 = 20
      THEN 100 * SQRT(
        252 * CAST(
          20 * CAST(measured.returns_square_20 AS DECIMAL(33, 30))
            - CAST(measured.returns_sum_20 AS DECIMAL(18, 15)) * CAST(
              measured.returns_sum_20 AS DECIMAL(18, 15)
            ) AS DOUBLE
        )
          / (20 * 19)
      )
  END AS volatility_20d_pct,
  CASE
    WHEN counted.clean_return_number >= 20
      THEN 100 * SQRT(
        252 * CAST(
          20 * CAST(clean_return.returns_square_20 AS DECIMAL(33, 30))
            - CAST(clean_return.returns_sum_20 AS DECIMAL(18, 15)) * CAST(
              clean_return.returns_sum_20 AS DECIMAL(18, 15)
            ) AS DOUBLE
        )
          / (20 * 19)
      )
  END AS volatility_20d_ex_roll_pct,
  100 * (CAST(counted.close_usc_lb AS DOUBLE) / CAST(measured.highest_close AS DOUBLE) - 1) AS drawdown_pct,
  counted.is_roll,
  counted.known_at, -- UTC
  counted.is_known_at_assumed
FROM counted
JOIN measured
  ON measured.ticker = counted.ticker
  AND measured.trade_date = counted.trade_date
JOIN foundation.dim_commodity AS commodity
  ON commodity.commodity_key = counted.commodity_key
LEFT JOIN clean_return
  ON clean_return.ticker = counted.ticker
  AND clean_return.clean_return_number = counted.clean_return_number
LEFT JOIN year_range
  ON year_range.ticker = counted.ticker
  AND year_range.trade_date = counted.trade_date
