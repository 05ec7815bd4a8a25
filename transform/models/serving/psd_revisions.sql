-- Every change of a PSD value by release. Grain: commodity, country, market year, attribute, release at which the value was first seen or
-- changed. previous_value, change and change_pct are NULL at first sight. change = value - previous_value in 1,000 60-kg bags;
-- change_pct = 100 * change / previous_value, NULL where the value before was 0.
MODEL (
  name serving.psd_revisions,
  kind FULL,
  start '1959-01-01',
  description 'First sight and revisions of PSD values by release. One row: one value and the release that brought it.',
  grain (commodity_key, country_code, market_year, attribute_id, release_date),
  columns (
    commodity_key VARCHAR,
    commodity_name VARCHAR,
    country_code VARCHAR,
    country_name VARCHAR,
    market_year INTEGER,
    season VARCHAR,
    attribute_id VARCHAR,
    attribute VARCHAR,
    release_date DATE,
    value DECIMAL(18, 4),
    previous_value DECIMAL(18, 4),
    change DECIMAL(18, 4),
    change_pct DOUBLE
  ),
  audits (
    not_null(
      columns := (
        commodity_key, commodity_name, country_code, country_name, market_year, season, attribute_id, attribute,
        release_date, value
      )
    ),
    unique_combination_of_columns(columns := (commodity_key, country_code, market_year, attribute_id, release_date)),
    forall(criteria := (change IS NULL OR change <> 0))
  )
);

SELECT
  observation.commodity_key,
  commodity.commodity_name,
  country.usda_country_code AS country_code, -- USDA's, not ISO
  country.country_name,
  observation.market_year, -- START year of the season
  CAST(observation.market_year AS VARCHAR)
    || '/'
    || SUBSTRING(CAST(observation.market_year + 1 AS VARCHAR), 3, 2) AS season, -- 2022/23
  attribute.attribute_id,
  attribute.attribute_name AS attribute,
  observation.release_date,
  observation.value, -- 1,000 60-kg bags
  observation.previous_value, -- 1,000 60-kg bags
  CAST(observation.value - observation.previous_value AS DECIMAL(18, 4)) AS change, -- 1,000 60-kg bags
  100 * CAST(observation.value - observation.previous_value AS DOUBLE)
    / NULLIF(CAST(observation.previous_value AS DOUBLE), 0) AS change_pct
FROM foundation.fct_psd_observation AS observation
JOIN foundation.dim_commodity AS commodity
  ON commodity.commodity_key = observation.commodity_key
JOIN foundation.dim_country AS country
  ON country.country_key = observation.country_key
JOIN foundation.dim_psd_attribute AS attribute
  ON attribute.attribute_key = observation.attribute_key
