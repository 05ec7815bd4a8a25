-- How each growing region stands on its newest day: the risk board. Grain: region; one without any weather has a row too.
-- production_share_pct is the share of world production that the region stands for: its country's crop of its species in the newest season
-- of the balance sheet, over the world's whole crop, shared out evenly among the country's regions of that species. No finer figure is
-- public, so it is a weight and no estimate of the region's crop.
-- risk_level and risk_reason are rules of our own, the first that holds:
--   2 frost    a night of 2 °C or colder in the last 14 days          1 frost    one of 4 °C or colder
--   2 drought  SPI-3 of -1.5 or lower                                  1 drought  SPI-3 of -1 or lower, or 21 dry days in a row while the
--              season's rain is below the tenth percentile
--   2 wet      SPI-3 of 1.5 or higher                                  1 wet      SPI-3 of 1 or higher
--   1 heat     10 or more heat days in the last 30
-- 0 where none holds, NULL where neither the nights nor SPI-3 are known.
MODEL (
  name serving.weather_regions,
  kind FULL,
  start '1991-01-01',
  description 'The newest state of each coffee region with its risk and its weight in world production. One row: one region.',
  grain location_id,
  columns (
    location_id VARCHAR,
    location_name VARCHAR,
    country_code VARCHAR,
    country_name VARCHAR,
    species VARCHAR,
    latitude DOUBLE,
    longitude DOUBLE,
    elevation_m INTEGER,
    time_zone VARCHAR,
    flowering VARCHAR,
    harvest VARCHAR,
    season_start_month INTEGER,
    heat_day_from_c INTEGER,
    first_date DATE,
    observed_date DATE,
    days BIGINT,
    temperature_min_14d_c DECIMAL(6, 2),
    watch_nights_14d INTEGER,
    frost_nights_14d INTEGER,
    heat_days_30d INTEGER,
    dry_spell_days INTEGER,
    rain_30d_mm DECIMAL(10, 2),
    rain_30d_pct_of_normal DOUBLE,
    rain_30d_percentile DOUBLE,
    rain_90d_mm DECIMAL(10, 2),
    rain_90d_pct_of_normal DOUBLE,
    rain_90d_percentile DOUBLE,
    balance_30d_anomaly_mm DOUBLE,
    balance_90d_anomaly_mm DOUBLE,
    spi_1 DOUBLE,
    spi_3 DOUBLE,
    season_year INTEGER,
    season_rain_mm DECIMAL(10, 2),
    season_rain_normal_mm DOUBLE,
    season_rain_p10_mm DECIMAL(10, 2),
    season_rain_p90_mm DECIMAL(10, 2),
    production_share_pct DOUBLE,
    production_season VARCHAR,
    risk_level INTEGER,
    risk_reason VARCHAR
  ),
  audits (
    not_null(columns := (location_id, location_name)),
    unique_values(columns := (location_id)),
    accepted_values(column := risk_level, is_in := (0, 1, 2)),
    forall(criteria := (production_share_pct BETWEEN 0 AND 100))
  )
);

WITH newest AS (
  SELECT
    location_id,
    MIN(observed_date) AS first_date,
    MAX(observed_date) AS observed_date,
    COUNT(*) AS days
  FROM serving.weather_daily
  GROUP BY
    location_id
), recent AS (
  SELECT
    newest.location_id,
    MIN(
      CASE WHEN day.observed_date > newest.observed_date - INTERVAL '14' DAY THEN day.temperature_min_c END
    ) AS temperature_min_14d_c,
    COUNT(
      CASE
        WHEN day.observed_date > newest.observed_date - INTERVAL '14' DAY
          AND day.frost_class IN ('watch', 'frost', 'severe')
          THEN 1
      END
    ) AS watch_nights_14d,
    COUNT(
      CASE
        WHEN day.observed_date > newest.observed_date - INTERVAL '14' DAY AND day.frost_class IN ('frost', 'severe')
          THEN 1
      END
    ) AS frost_nights_14d,
    COUNT(CASE WHEN day.is_heat_day THEN 1 END) AS heat_days_30d
  FROM newest
  JOIN serving.weather_daily AS day
    ON day.location_id = newest.location_id
    AND day.observed_date > newest.observed_date - INTERVAL '30' DAY
  GROUP BY
    newest.location_id
), region_count AS (
  SELECT
    usda_country_code,
    species,
    COUNT(*) AS regions
  FROM foundation.dim_location
  GROUP BY
    usda_country_code,
    species
), season AS (
  SELECT
    MAX(market_year) AS market_year
  FROM serving.commodity_metrics
  WHERE
    country_code = 'WORLD'
    AND production > 0
), crop AS (
  SELECT
    metrics.country_code,
    metrics.season,
    metrics.production,
    metrics.arabica_production,
    metrics.robusta_production,
    world.production AS world_production
  FROM serving.commodity_metrics AS metrics
  JOIN season
    ON season.market_year = metrics.market_year
  JOIN serving.commodity_metrics AS world
    ON world.commodity_key = metrics.commodity_key
    AND world.market_year = metrics.market_year
    AND world.country_code = 'WORLD'
), standing AS (
  SELECT
    location.location_id,
    location.location_name,
    location.usda_country_code,
    location.country_name,
    location.species,
    location.latitude,
    location.longitude,
    location.elevation_m,
    location.time_zone,
    location.flowering,
    location.harvest,
    location.season_start_month,
    location.heat_day_from_c,
    newest.first_date,
    newest.observed_date,
    newest.days,
    recent.temperature_min_14d_c,
    recent.watch_nights_14d,
    recent.frost_nights_14d,
    recent.heat_days_30d,
    day.dry_spell_days,
    day.rain_30d_mm,
    day.rain_30d_pct_of_normal,
    day.rain_30d_percentile,
    day.rain_90d_mm,
    day.rain_90d_pct_of_normal,
    day.rain_90d_percentile,
    day.balance_30d_anomaly_mm,
    day.balance_90d_anomaly_mm,
    day.spi_1,
    day.spi_3,
    day.season_year,
    day.season_rain_mm,
    day.season_rain_normal_mm,
    day.season_rain_p10_mm,
    day.season_rain_p90_mm,
    100 * CAST(
      CASE location.species
        WHEN 'arabica' THEN crop.arabica_production
        WHEN 'robusta' THEN crop.robusta_production
        ELSE crop.production
      END AS DOUBLE
    )
      / NULLIF(CAST(crop.world_production AS DOUBLE), 0)
      / region_count.regions AS production_share_pct,
    crop.season AS production_season,
    CASE
      WHEN recent.frost_nights_14d > 0 THEN '2 frost'
      WHEN day.spi_3 <= -1.5 THEN '2 drought'
      WHEN day.spi_3 >= 1.5 THEN '2 wet'
      WHEN recent.watch_nights_14d > 0 THEN '1 frost'
      WHEN day.spi_3 <= -1 OR day.dry_spell_days >= 21 AND day.season_rain_mm < day.season_rain_p10_mm THEN '1 drought'
      WHEN day.spi_3 >= 1 THEN '1 wet'
      WHEN recent.heat_days_30d >= 10 THEN '1 heat'
      WHEN NOT recent.temperature_min_14d_c IS NULL OR NOT day.spi_3 IS NULL THEN '0'
    END AS risk
  FROM foundation.dim_location AS location
  JOIN region_count
    ON region_count.usda_country_code = location.usda_country_code
    AND region_count.species = location.species
  LEFT JOIN newest
    ON newest.location_id = location.location_id
  LEFT JOIN recent
    ON recent.location_id = location.location_id
  LEFT JOIN serving.weather_daily AS day
    ON day.location_id = location.location_id
    AND day.observed_date = newest.observed_date
  LEFT JOIN crop
    ON crop.country_code = location.usda_country_code
)
SELECT
  location_id,
  location_name,
  usda_country_code AS country_code, -- USDA's, not ISO
  country_name,
  species,
  latitude,
  longitude,
  elevation_m,
  time_zone,
  flowering,
  harvest,
  season_start_month,
  heat_day_from_c,
  first_date,
  observed_date, -- newest
  days,
  temperature_min_14d_c, -- lowest of the last 14 days
  CAST(watch_nights_14d AS INTEGER) AS watch_nights_14d, -- 4 °C and below, with the colder ones
  CAST(frost_nights_14d AS INTEGER) AS frost_nights_14d, -- 2 °C and below
  CAST(heat_days_30d AS INTEGER) AS heat_days_30d,
  dry_spell_days,
  rain_30d_mm,
  rain_30d_pct_of_normal,
  rain_30d_percentile,
  rain_90d_mm,
  rain_90d_pct_of_normal,
  rain_90d_percentile,
  balance_30d_anomaly_mm,
  balance_90d_anomaly_mm,
  spi_1,
  spi_3,
  season_year,
  season_rain_mm,
  season_rain_normal_mm,
  season_rain_p10_mm,
  season_rain_p90_mm,
  production_share_pct, -- of world production
  production_season, -- of the balance sheet
  CAST(SUBSTRING(risk, 1, 1) AS INTEGER) AS risk_level,
  NULLIF(SUBSTRING(risk, 3), '') AS risk_reason -- frost, drought, wet, heat
FROM standing
