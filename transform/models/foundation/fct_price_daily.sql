-- Daily prices of the front-month splice with returns and rolls. Grain: ticker, trade date.
-- KC=F is no contract: Yahoo quotes one coffee contract until its last trading day and then the next, unadjusted. Never a settlement.
-- return_ratio = close / close of the trade date before - 1; log_return = ln(close / close of the trade date before).
--
-- is_roll marks the last trading day of the expiring contract, five a year (March, May, July, September, December). The exchange's
-- rule is the eighth business day before the last business day of the month. Two ways to find it were measured on the 129 delivery
-- months of 2000-01-03 to 2025-12-09:
--   by volume: in a delivery month, from the 14th on, a volume of at least 1,000 lots and at least ten times the largest of the five
--     trade dates before. Exactly one hit in each of the 129 months. Without the 14th the live bar of 2025-12-09 is a false hit; with five
--     times instead of ten 2003-12-31 is; with twenty times two rolls are lost.
--   by calendar: the ninth trade date from the end of the month, counted in the data: the same day in 120 of 129. It misses by a day or two
--     where the data lacks a trade date (December 2001, 2004, 2007), after the closure of September 2001, or where Yahoo switched late
--     (March, May, July 2000 and July 2005; September 2005 by six days), and it is known only once the month is over.
-- So: by volume. On this day the volume is the next contract's already, while open, high, low and close are still the old one's (often a
-- flat bar); the price changes over on the NEXT trade date. Measured: from the close of the roll day to the next open the price rose on
-- 88 of 100 rolls up to 2019 (contango, mean +1.9 %) and on 9 of 29 since (backwardation, mean -0.8 %); the gap into the roll day is
-- like any other (+0.1 % and +0.4 %).
-- So returns of both days are of no use for volatility: is_roll_return marks them.
MODEL (
  name foundation.fct_price_daily,
  kind FULL,
  start '2000-01-03',
  description 'Daily front-month prices in US cents per pound with returns and rolls. One row: one ticker on one trade date.',
  grain (ticker, trade_date),
  columns (
    commodity_key VARCHAR,
    ticker VARCHAR,
    trade_date DATE,
    open_usc_lb DECIMAL(10, 4),
    high_usc_lb DECIMAL(10, 4),
    low_usc_lb DECIMAL(10, 4),
    close_usc_lb DECIMAL(10, 4),
    volume BIGINT,
    return_ratio DOUBLE,
    log_return DOUBLE,
    is_roll BOOLEAN,
    is_roll_return BOOLEAN,
    known_at TIMESTAMP,
    is_known_at_assumed BOOLEAN,
    landed_at TIMESTAMP,
    path VARCHAR
  ),
  audits (
    not_null(columns := (commodity_key, ticker, trade_date, close_usc_lb, is_roll, is_roll_return, known_at)),
    unique_combination_of_columns(columns := (ticker, trade_date)),
    price_roll_once_a_month
  )
);

WITH followed AS (
  SELECT
    ticker,
    trade_date,
    open_usc_lb,
    high_usc_lb,
    low_usc_lb,
    close_usc_lb,
    volume,
    known_at,
    is_known_at_assumed,
    landed_at,
    path,
    LAG(close_usc_lb) OVER (PARTITION BY ticker ORDER BY trade_date) AS previous_close_usc_lb,
    MAX(volume) OVER (
      PARTITION BY ticker
      ORDER BY trade_date
      ROWS BETWEEN 5 PRECEDING AND 1 PRECEDING
    ) AS largest_volume_before,
    COUNT(volume) OVER (
      PARTITION BY ticker
      ORDER BY trade_date
      ROWS BETWEEN 5 PRECEDING AND 1 PRECEDING
    ) AS volumes_before
  FROM staging.stg_prices
), rolled AS (
  SELECT
    *,
    COALESCE(
      EXTRACT(MONTH FROM trade_date) IN (3, 5, 7, 9, 12)
        AND EXTRACT(DAY FROM trade_date) >= 14
        AND volumes_before = 5
        AND volume >= 1000
        AND volume >= 10 * largest_volume_before,
      FALSE
    ) AS is_roll
  FROM followed
)
SELECT
  commodity.commodity_key,
  rolled.ticker,
  rolled.trade_date, -- New York
  rolled.open_usc_lb, -- US cents per pound
  rolled.high_usc_lb, -- traded
  rolled.low_usc_lb, -- traded
  rolled.close_usc_lb, -- US cents per pound
  rolled.volume, -- lots of the contract quoted
  CAST(rolled.close_usc_lb AS DOUBLE) / CAST(rolled.previous_close_usc_lb AS DOUBLE) - 1 AS return_ratio,
  LN(CAST(rolled.close_usc_lb AS DOUBLE) / CAST(rolled.previous_close_usc_lb AS DOUBLE)) AS log_return,
  rolled.is_roll, -- last trading day of the expiring contract
  rolled.is_roll
    OR COALESCE(
      LAG(rolled.is_roll) OVER (PARTITION BY rolled.ticker ORDER BY rolled.trade_date),
      FALSE
    ) AS is_roll_return, -- its return is not one of a contract anybody held
  rolled.known_at, -- UTC; later than the trade date's evening where the bar was revised
  rolled.is_known_at_assumed,
  rolled.landed_at, -- UTC
  rolled.path
FROM rolled
LEFT JOIN foundation.dim_commodity AS commodity
  ON commodity.ticker = rolled.ticker
