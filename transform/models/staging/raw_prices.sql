-- Reads the landed price files: bodies of Yahoo's chart API, one JSON document a file. Grain: one daily bar of one file.
-- The document holds parallel arrays (timestamp, open, high, low, close, volume), taken apart side by side here; nulls inside them are
-- kept as NULL. A document without timestamps (a weekend, a holiday) yields no row: no bars is no error.
-- Nothing is interpreted: prices are float32 widened to double, timestamps are epoch seconds.
MODEL (
  name staging.raw_prices,
  kind FULL,
  start '2000-01-03',
  description 'Daily bars as landed, untyped prices. One row: one bar of one landed file.',
  grain (path, bar_timestamp),
  columns (
    path VARCHAR,
    ticker VARCHAR,
    currency VARCHAR,
    exchange_timezone VARCHAR,
    bar_timestamp BIGINT,
    open_price DOUBLE,
    high_price DOUBLE,
    low_price DOUBLE,
    close_price DOUBLE,
    volume BIGINT
  ),
  audits (
    not_null(columns := (path, ticker, bar_timestamp)),
    accepted_values(column := currency, is_in := ('USX'))
  )
);

WITH document AS (
  SELECT
    regexp_extract(filename, 'prices/[^/]+/[^/]+$') AS path,
    chart['result'][1] AS result
  FROM read_json(
    @landing_dir || '/prices/*/*.json.gz',
    format = 'unstructured',
    compression = 'gzip',
    columns = {
      'chart': 'STRUCT(result STRUCT(meta STRUCT(symbol VARCHAR, currency VARCHAR, "exchangeTimezoneName" VARCHAR), "timestamp" BIGINT[], indicators STRUCT(quote STRUCT("open" DOUBLE[], high DOUBLE[], low DOUBLE[], "close" DOUBLE[], volume BIGINT[])[]))[])'
    },
    filename = TRUE,
    hive_partitioning = FALSE
  )
), bar AS (
  SELECT
    path,
    result['meta']['symbol'] AS ticker,
    result['meta']['currency'] AS currency,
    result['meta']['exchangeTimezoneName'] AS exchange_timezone,
    UNNEST(result['timestamp']) AS bar_timestamp,
    UNNEST(result['indicators']['quote'][1]['open']) AS open_price,
    UNNEST(result['indicators']['quote'][1]['high']) AS high_price,
    UNNEST(result['indicators']['quote'][1]['low']) AS low_price,
    UNNEST(result['indicators']['quote'][1]['close']) AS close_price,
    UNNEST(result['indicators']['quote'][1]['volume']) AS volume
  FROM document
)
SELECT
  path, -- relative to the landing zone, as in the manifest
  ticker,
  currency, -- USX: US cents
  exchange_timezone,
  bar_timestamp, -- epoch seconds
  open_price,
  high_price,
  low_price,
  close_price,
  volume
FROM bar
WHERE
  NOT bar_timestamp IS NULL
