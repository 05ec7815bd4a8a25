-- The coffee balance of every country, season and release. Grain: commodity, country, market year, release.
-- A release is whole: a row stands here for each release that has the country and year, changed or not, so what was known on a day is
-- the newest release not after it. fct_psd_observation holds the changes only.
-- Columns are PSD attributes, 1,000 60-kg bags of green bean equivalent. Identities (USDA's own, see the audits):
-- total_supply = beginning_stocks + production + imports, total_distribution = exports + domestic_consumption + ending_stocks,
-- total_supply = total_distribution, and ending_stocks of a year = beginning_stocks of the next.
-- An attribute that a file lacks is NULL; 0 is USDA's own zero.
MODEL (
  name foundation.fct_psd_balance,
  kind FULL,
  start '1959-01-01',
  description 'USDA PSD coffee balance by country, market year and release, in 1,000 60-kg bags. One row: one country and season as one release had it.',
  grain (commodity_key, country_key, market_year, release_key),
  columns (
    commodity_key VARCHAR,
    country_key VARCHAR,
    release_key VARCHAR,
    release_date DATE,
    market_year INTEGER,
    beginning_stocks DECIMAL(18, 4),
    production DECIMAL(18, 4),
    arabica_production DECIMAL(18, 4),
    robusta_production DECIMAL(18, 4),
    other_production DECIMAL(18, 4),
    imports DECIMAL(18, 4),
    bean_imports DECIMAL(18, 4),
    roast_ground_imports DECIMAL(18, 4),
    soluble_imports DECIMAL(18, 4),
    total_supply DECIMAL(18, 4),
    exports DECIMAL(18, 4),
    bean_exports DECIMAL(18, 4),
    roast_ground_exports DECIMAL(18, 4),
    soluble_exports DECIMAL(18, 4),
    domestic_consumption DECIMAL(18, 4),
    roast_ground_consumption DECIMAL(18, 4),
    soluble_consumption DECIMAL(18, 4),
    ending_stocks DECIMAL(18, 4),
    total_distribution DECIMAL(18, 4)
  ),
  audits (
    not_null(columns := (commodity_key, country_key, release_key, market_year)),
    unique_combination_of_columns(columns := (commodity_key, country_key, market_year, release_key)),
    psd_parts_make_the_whole,
    psd_supply_equals_distribution,
    psd_stocks_carry_over
  )
);

SELECT
  commodity.commodity_key,
  country.country_key,
  release.release_key,
  release.release_date,
  stg.market_year, -- START year of the season: 2022 is 2022/23
  MAX(CASE WHEN stg.attribute_id = '020' THEN stg.value END) AS beginning_stocks,
  MAX(CASE WHEN stg.attribute_id = '028' THEN stg.value END) AS production,
  MAX(CASE WHEN stg.attribute_id = '029' THEN stg.value END) AS arabica_production,
  MAX(CASE WHEN stg.attribute_id = '053' THEN stg.value END) AS robusta_production,
  MAX(CASE WHEN stg.attribute_id = '056' THEN stg.value END) AS other_production,
  MAX(CASE WHEN stg.attribute_id = '057' THEN stg.value END) AS imports,
  MAX(CASE WHEN stg.attribute_id = '058' THEN stg.value END) AS bean_imports,
  MAX(CASE WHEN stg.attribute_id = '075' THEN stg.value END) AS roast_ground_imports,
  MAX(CASE WHEN stg.attribute_id = '082' THEN stg.value END) AS soluble_imports,
  MAX(CASE WHEN stg.attribute_id = '086' THEN stg.value END) AS total_supply,
  MAX(CASE WHEN stg.attribute_id = '088' THEN stg.value END) AS exports,
  MAX(CASE WHEN stg.attribute_id = '090' THEN stg.value END) AS bean_exports,
  MAX(CASE WHEN stg.attribute_id = '107' THEN stg.value END) AS roast_ground_exports,
  MAX(CASE WHEN stg.attribute_id = '114' THEN stg.value END) AS soluble_exports,
  MAX(CASE WHEN stg.attribute_id = '125' THEN stg.value END) AS domestic_consumption,
  MAX(CASE WHEN stg.attribute_id = '141' THEN stg.value END) AS roast_ground_consumption,
  MAX(CASE WHEN stg.attribute_id = '154' THEN stg.value END) AS soluble_consumption,
  MAX(CASE WHEN stg.attribute_id = '176' THEN stg.value END) AS ending_stocks,
  MAX(CASE WHEN stg.attribute_id = '178' THEN stg.value END) AS total_distribution
FROM staging.stg_psd AS stg
LEFT JOIN foundation.dim_commodity AS commodity
  ON commodity.usda_commodity_code = stg.usda_commodity_code
LEFT JOIN foundation.dim_country AS country
  ON country.usda_country_code = stg.usda_country_code
LEFT JOIN foundation.dim_psd_release AS release
  ON release.release_date = stg.release_date
GROUP BY
  commodity.commodity_key,
  country.country_key,
  release.release_key,
  release.release_date,
  stg.market_year
