-- The price of record of each trade date. Grain: ticker, trade date.
-- Yahoo revises closes and volumes for days after, so every landed file is a vintage: per trade date the settled bar of the file landed
-- last counts (ties by path). A day without a settled bar in any vintage is missing, never filled.
-- known_at is 18:00 New York on the trade date, which is assumed, or the landing of the vintage that changed the bar last.
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
    known_at TIMESTAMP,
    is_known_at_assumed BOOLEAN,
    path VARCHAR,
    landed_at TIMESTAMP
  ),
  audits (
    not_null(columns := (ticker, trade_date, close_usc_lb, known_at)),
    unique_combination_of_columns(columns := (ticker, trade_date)),
    forall(criteria := (close_usc_lb > 0)),
    forall_non_blocking(criteria := (EXTRACT(ISODOW FROM trade_date) <= 5))
  )
);

WITH settled AS (
  SELECT
    *,
    HASH(open_usc_lb, high_usc_lb, low_usc_lb, close_usc_lb, volume) AS bar_hash
  FROM staging.price_bar
  WHERE
    bar_status = 'settled'
), ranked AS (
  SELECT
    *,
    ROW_NUMBER() OVER (
      PARTITION BY ticker, trade_date
      ORDER BY landed_at DESC, path DESC, bar_timestamp DESC
    ) AS vintage_rank,
    LEAD(bar_hash) OVER (
      PARTITION BY ticker, trade_date
      ORDER BY landed_at DESC, path DESC, bar_timestamp DESC
    ) AS bar_hash_before
  FROM settled
), revised AS (
  SELECT
    *,
    MAX(CASE WHEN bar_hash <> bar_hash_before THEN landed_at END) OVER (PARTITION BY ticker, trade_date) AS revised_at
  FROM ranked
)
SELECT
  ticker,
  trade_date,
  open_usc_lb, -- US cents per pound
  high_usc_lb, -- traded
  low_usc_lb, -- traded
  close_usc_lb, -- may lie outside [low, high]: it is the settlement on most days
  volume, -- lots
  COALESCE(
    revised_at,
    CAST(
      (
        CAST(trade_date AS TIMESTAMP) + INTERVAL '18' HOUR
      ) AT TIME ZONE 'America/New_York' AT TIME ZONE 'UTC' AS TIMESTAMP
    )
  ) AS known_at, -- UTC
  revised_at IS NULL AS is_known_at_assumed,
  path,
  landed_at
FROM revised
WHERE
  vintage_rank = 1
