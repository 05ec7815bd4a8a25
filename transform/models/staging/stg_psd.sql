-- PSD coffee values, typed, with market years by START year in every era. Grain: release, country, market year, attribute.
-- A key that stands twice in one file (never seen; raw_psd's audit reports it) keeps the line that USDA changed last.
-- Ids and names drift apart over the years, so everything downstream joins on ids.
MODEL (
  name staging.stg_psd,
  kind FULL,
  start '1959-01-01',
  description 'USDA PSD coffee observations of every release, typed, market years by START year. One row: one value of one release.',
  grain (release_date, usda_commodity_code, usda_country_code, market_year, attribute_id),
  columns (
    release_key VARCHAR,
    release_date DATE,
    usda_commodity_code VARCHAR,
    usda_country_code VARCHAR,
    country_name VARCHAR,
    market_year INTEGER,
    market_year_label INTEGER,
    calendar_year INTEGER,
    month_number INTEGER,
    attribute_id VARCHAR,
    attribute_name VARCHAR,
    value DECIMAL(18, 4)
  ),
  audits (
    not_null(columns := (release_date, usda_country_code, market_year, attribute_id, value)),
    unique_combination_of_columns(
      columns := (release_date, usda_commodity_code, usda_country_code, market_year, attribute_id)
    ),
    accepted_values(column := usda_commodity_code, is_in := ('0711100')),
    forall(criteria := (market_year BETWEEN 1950 AND 2100)),
    forall_non_blocking(criteria := (value >= 0))
  )
);

WITH ranked AS (
  SELECT
    release.release_key,
    release.release_date,
    release.market_year_shift,
    raw.usda_commodity_code,
    raw.usda_country_code,
    raw.country_name,
    CAST(raw.market_year_label AS INTEGER) AS market_year_label,
    CAST(raw.calendar_year AS INTEGER) AS calendar_year,
    CAST(raw.month_number AS INTEGER) AS month_number,
    raw.attribute_id,
    raw.attribute_name,
    CAST(raw.value AS DECIMAL(18, 4)) AS value,
    ROW_NUMBER() OVER (
      PARTITION BY release.release_date, raw.usda_commodity_code, raw.usda_country_code, raw.market_year_label, raw.attribute_id
      ORDER BY raw.calendar_year DESC, raw.month_number DESC, CAST(raw.value AS DECIMAL(18, 4)) DESC
    ) AS line_rank
  FROM staging.raw_psd AS raw
  JOIN staging.psd_release AS release
    ON release.path = raw.path
)
SELECT
  release_key,
  release_date,
  usda_commodity_code,
  usda_country_code,
  country_name,
  market_year_label + market_year_shift AS market_year, -- START year of the season: 2022 is 2022/23
  market_year_label, -- as in the file
  calendar_year, -- in which USDA last changed this country and year
  month_number, -- of that change; 0 is unknown
  attribute_id,
  attribute_name,
  value -- 1,000 60-kg bags of green bean equivalent
FROM ranked
WHERE
  line_rank = 1
