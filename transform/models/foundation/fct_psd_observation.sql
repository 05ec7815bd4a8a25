-- The change log of PSD values. Grain: commodity, country, market year, attribute, release at which the value was first seen or changed.
-- The value known on a day is the newest row not after it. PSD files hold the latest estimate only, so this history exists because every
-- release is kept; releases that repeat a value add no row. A key that USDA withdraws adds none either: fct_psd_balance shows that.
MODEL (
  name foundation.fct_psd_observation,
  kind FULL,
  start '1959-01-01',
  description 'First sight and every change of a PSD value, in 1,000 60-kg bags. One row: one value and the release that brought it.',
  grain (commodity_key, country_key, market_year, attribute_key, release_key),
  columns (
    commodity_key VARCHAR,
    country_key VARCHAR,
    attribute_key VARCHAR,
    release_key VARCHAR,
    release_date DATE,
    market_year INTEGER,
    value DECIMAL(18, 4),
    previous_value DECIMAL(18, 4)
  ),
  audits (
    not_null(columns := (commodity_key, country_key, attribute_key, release_key, market_year, value)),
    unique_combination_of_columns(columns := (commodity_key, country_key, market_year, attribute_key, release_key)),
    forall(criteria := (previous_value IS NULL OR previous_value <> value))
  )
);

WITH sighting AS (
  SELECT
    usda_commodity_code,
    usda_country_code,
    attribute_id,
    release_key,
    release_date,
    market_year,
    value,
    LAG(value) OVER (
      PARTITION BY usda_commodity_code, usda_country_code, market_year, attribute_id
      ORDER BY release_date
    ) AS previous_value
  FROM staging.stg_psd
)
SELECT
  commodity.commodity_key,
  country.country_key,
  attribute.attribute_key,
  sighting.release_key,
  sighting.release_date,
  sighting.market_year, -- START year of the season
  sighting.value, -- 1,000 60-kg bags
  sighting.previous_value -- of the release before that had the key; NULL at first sight
FROM sighting
LEFT JOIN foundation.dim_commodity AS commodity
  ON commodity.usda_commodity_code = sighting.usda_commodity_code
LEFT JOIN foundation.dim_country AS country
  ON country.usda_country_code = sighting.usda_country_code
LEFT JOIN foundation.dim_psd_attribute AS attribute
  ON attribute.attribute_id = sighting.attribute_id
WHERE
  sighting.previous_value IS NULL
  OR sighting.previous_value <> sighting.value
