-- Every landed bar with its trade date and what it is good for. Grain: one bar of one landed file.
-- A settled daily bar is stamped midnight of its trade date in the exchange's time zone; the offset is that of the bar's own day, never
-- the document's gmtoffset, which is the one of the moment of the request. The bar of a session still open carries the time of its last
-- trade instead, and often the price of another contract: it is counted as live and never used. A bar without a close (holiday, no
-- trade, a day in progress) is a gap.
MODEL (
  name staging.price_bar,
  kind FULL,
  start '2000-01-03',
  description 'Landed daily bars, typed, marked settled, live or gap. One row: one bar of one landed file.',
  grain (path, bar_timestamp),
  columns (
    path VARCHAR,
    landed_at TIMESTAMP,
    ticker VARCHAR,
    trade_date DATE,
    bar_timestamp BIGINT,
    bar_status VARCHAR,
    open_usc_lb DECIMAL(10, 4),
    high_usc_lb DECIMAL(10, 4),
    low_usc_lb DECIMAL(10, 4),
    close_usc_lb DECIMAL(10, 4),
    volume BIGINT
  ),
  audits (
    not_null(columns := (path, landed_at, ticker, trade_date)),
    accepted_values(column := bar_status, is_in := ('settled', 'live', 'gap')),
    forall_non_blocking(criteria := (high_usc_lb >= low_usc_lb))
  )
);

WITH local_bar AS (
  SELECT
    raw.path,
    file.landed_at,
    raw.ticker,
    raw.bar_timestamp,
    to_timestamp(raw.bar_timestamp) AT TIME ZONE COALESCE(raw.exchange_timezone, 'America/New_York') AS local_time,
    raw.open_price,
    raw.high_price,
    raw.low_price,
    raw.close_price,
    raw.volume
  FROM staging.raw_prices AS raw
  JOIN staging.price_file AS file
    ON file.path = raw.path
)
SELECT
  path,
  landed_at, -- UTC
  ticker,
  CAST(local_time AS DATE) AS trade_date, -- in the exchange's time zone
  bar_timestamp,
  CASE
    WHEN CAST(local_time AS TIME) <> CAST('00:00:00' AS TIME) THEN 'live'
    WHEN close_price IS NULL THEN 'gap'
    ELSE 'settled'
  END AS bar_status,
  CAST(ROUND(open_price, 4) AS DECIMAL(10, 4)) AS open_usc_lb, -- US cents per pound
  CAST(ROUND(high_price, 4) AS DECIMAL(10, 4)) AS high_usc_lb, -- US cents per pound
  CAST(ROUND(low_price, 4) AS DECIMAL(10, 4)) AS low_usc_lb, -- US cents per pound
  CAST(ROUND(close_price, 4) AS DECIMAL(10, 4)) AS close_usc_lb, -- US cents per pound
  volume -- lots; NULL where Yahoo has none
FROM local_bar
