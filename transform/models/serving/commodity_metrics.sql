-- The coffee balance as the newest release has it. Grain: commodity, country, market year; country_code 'WORLD' is the sum of the countries.
-- PSD has no world row. Members of the European Union have no rows of their own inside E4's years, so the plain sum counts nobody twice.
-- World exports and imports do not match in PSD: both are sums of what countries report. Consuming countries begin with 2002/03, so
-- earlier world consumption, imports and stocks are those of producers.
-- Formulas: stocks_to_use_pct = 100 * ending_stocks / domestic_consumption (the world's measure); stocks_to_use_incl_exports_pct
-- = 100 * ending_stocks / (domestic_consumption + exports) (an origin's measure); production_yoy_pct = 100 * (production / production of
-- the market year before - 1); export_share_pct = 100 * exports / exports of the world. NULL where the denominator is 0 or unknown.
MODEL (
  name serving.commodity_metrics,
  kind FULL,
  start '1959-01-01',
  description 'Coffee supply and demand by country and season, newest release, in 1,000 60-kg bags. One row: one country (or WORLD) and market year.',
  grain (commodity_key, country_code, market_year),
  columns (
    commodity_key VARCHAR,
    commodity_name VARCHAR,
    country_code VARCHAR,
    country_name VARCHAR,
    market_year INTEGER,
    season VARCHAR,
    beginning_stocks DECIMAL(18, 4),
    production DECIMAL(18, 4),
    arabica_production DECIMAL(18, 4),
    robusta_production DECIMAL(18, 4),
    imports DECIMAL(18, 4),
    exports DECIMAL(18, 4),
    bean_exports DECIMAL(18, 4),
    domestic_consumption DECIMAL(18, 4),
    ending_stocks DECIMAL(18, 4),
    stocks_to_use_pct DOUBLE,
    stocks_to_use_incl_exports_pct DOUBLE,
    production_yoy_pct DOUBLE,
    export_share_pct DOUBLE,
    release_date DATE
  ),
  audits (
    not_null(columns := (commodity_key, commodity_name, country_code, country_name, market_year, season, release_date)),
    unique_combination_of_columns(columns := (commodity_key, country_code, market_year)),
    forall_non_blocking(criteria := (export_share_pct BETWEEN 0 AND 100))
  )
);

WITH newest AS (
  SELECT
    commodity_key,
    MAX(release_date) AS release_date
  FROM foundation.fct_psd_balance
  GROUP BY
    commodity_key
), country_balance AS (
  SELECT
    balance.commodity_key,
    country.usda_country_code AS country_code,
    country.country_name,
    balance.market_year,
    balance.beginning_stocks,
    balance.production,
    balance.arabica_production,
    balance.robusta_production,
    balance.imports,
    balance.exports,
    balance.bean_exports,
    balance.domestic_consumption,
    balance.ending_stocks,
    balance.release_date
  FROM foundation.fct_psd_balance AS balance
  JOIN newest
    ON newest.commodity_key = balance.commodity_key
    AND newest.release_date = balance.release_date
  JOIN foundation.dim_country AS country
    ON country.country_key = balance.country_key
), world_balance AS (
  SELECT
    commodity_key,
    market_year,
    release_date,
    SUM(beginning_stocks) AS beginning_stocks,
    SUM(production) AS production,
    SUM(arabica_production) AS arabica_production,
    SUM(robusta_production) AS robusta_production,
    SUM(imports) AS imports,
    SUM(exports) AS exports,
    SUM(bean_exports) AS bean_exports,
    SUM(domestic_consumption) AS domestic_consumption,
    SUM(ending_stocks) AS ending_stocks
  FROM country_balance
  GROUP BY
    commodity_key,
    market_year,
    release_date
), balance AS (
  SELECT
    commodity_key,
    country_code,
    country_name,
    market_year,
    beginning_stocks,
    production,
    arabica_production,
    robusta_production,
    imports,
    exports,
    bean_exports,
    domestic_consumption,
    ending_stocks,
    release_date
  FROM country_balance
  UNION ALL
  SELECT
    commodity_key,
    'WORLD' AS country_code,
    'World' AS country_name,
    market_year,
    beginning_stocks,
    production,
    arabica_production,
    robusta_production,
    imports,
    exports,
    bean_exports,
    domestic_consumption,
    ending_stocks,
    release_date
  FROM world_balance
)
SELECT
  balance.commodity_key,
  commodity.commodity_name,
  balance.country_code, -- USDA's, not ISO; WORLD is the sum of countries
  balance.country_name,
  balance.market_year, -- START year of the season
  CAST(balance.market_year AS VARCHAR) || '/' || SUBSTRING(CAST(balance.market_year + 1 AS VARCHAR), 3, 2) AS season, -- 2022/23
  CAST(balance.beginning_stocks AS DECIMAL(18, 4)) AS beginning_stocks, -- 1,000 60-kg bags
  CAST(balance.production AS DECIMAL(18, 4)) AS production, -- 1,000 60-kg bags
  CAST(balance.arabica_production AS DECIMAL(18, 4)) AS arabica_production, -- 1,000 60-kg bags
  CAST(balance.robusta_production AS DECIMAL(18, 4)) AS robusta_production, -- 1,000 60-kg bags
  CAST(balance.imports AS DECIMAL(18, 4)) AS imports, -- 1,000 60-kg bags
  CAST(balance.exports AS DECIMAL(18, 4)) AS exports, -- 1,000 60-kg bags
  CAST(balance.bean_exports AS DECIMAL(18, 4)) AS bean_exports, -- 1,000 60-kg bags, a part of exports
  CAST(balance.domestic_consumption AS DECIMAL(18, 4)) AS domestic_consumption, -- 1,000 60-kg bags
  CAST(balance.ending_stocks AS DECIMAL(18, 4)) AS ending_stocks, -- 1,000 60-kg bags
  100 * CAST(balance.ending_stocks AS DOUBLE)
    / NULLIF(CAST(balance.domestic_consumption AS DOUBLE), 0) AS stocks_to_use_pct,
  100 * CAST(balance.ending_stocks AS DOUBLE)
    / NULLIF(CAST(balance.domestic_consumption + balance.exports AS DOUBLE), 0) AS stocks_to_use_incl_exports_pct,
  100 * (
    CAST(balance.production AS DOUBLE) / NULLIF(CAST(previous_year.production AS DOUBLE), 0) - 1
  ) AS production_yoy_pct,
  100 * CAST(balance.exports AS DOUBLE) / NULLIF(CAST(world_balance.exports AS DOUBLE), 0) AS export_share_pct,
  balance.release_date
FROM balance
JOIN foundation.dim_commodity AS commodity
  ON commodity.commodity_key = balance.commodity_key
JOIN world_balance
  ON world_balance.commodity_key = balance.commodity_key
  AND world_balance.market_year = balance.market_year
LEFT JOIN balance AS previous_year
  ON previous_year.commodity_key = balance.commodity_key
  AND previous_year.country_code = balance.country_code
  AND previous_year.market_year = balance.market_year - 1
