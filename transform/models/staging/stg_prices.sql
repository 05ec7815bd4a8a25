-- The price of record of each trade date. Grain: ticker, trade date.
-- Yahoo revises closes and volumes for days after, so every landed file is a vintage: per trade date the settled bar of the file landed
-- last counts (ties by path). A day without a settled bar in any vintage is missing, never filled.
MODEL (
  name staging.stg_prices,
  kind FULL,
  start '2000-01-03',
  description 'Daily bars, newest vintage of each trade date. One row: one ticker on one trade date.',
  grain (ticker, trade_date),
  columns (
    ticker VARCHAR,
    trade_date DATE,
    open_usc_lb DECIMAL(10, 4),
    high_usc_lb DECIMAL(10, 4),
    low_usc_lb DECIMAL(10, 4),
    close_usc_lb DECIMAL(10, 4),
    volume BIGINT,
    path VARCHAR,
    landed_at TIMESTAMP
  ),
  audits (
    not_null(columns := (ticker, trade_date, close_usc_lb)),
    unique_combination_of_columns(columns := (ticker, trade_date)),
    forall(criteria := (close_usc_lb > 0)),
    forall_non_blocking(criteria := (EXTRACT(ISODOW FROM trade_date) <= 5))
  )
);

WITH ranked AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY ticker, trade_date
      ORDER BY landed_at DESC, path DESC, bar_timestamp DESC
    ) AS vintage_rank
  FROM staging.price_bar
  WHERE
    bar_status = 'settled'
)
SELECT
  ticker,
  trade_date,
  open_usc_lb, -- US cents per pound
  high_usc_lb, -- traded
  low_usc_lb, -- traded
  close_usc_lb, -- may lie outside [low, high]: it is the settlement on most days
  volume, -- lots
  path,
  landed_at
FROM ranked
WHERE
  vintage_rank = 1
