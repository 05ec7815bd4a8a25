-- Daily weather of the growing regions with its measures. Grain: region, local day.
-- Formulas are those of foundation.fct_weather_daily, fct_weather_normal and fct_weather_standing: normals and percentiles take the same
-- days of 1991 to 2020 and are NULL where fewer than 24 years are there. ERA5 is a reanalysis on a coarse grid, brought to the farms'
-- altitude: it misses frost in hollows and storms over single farms.
MODEL (
  name serving.weather_daily,
  kind FULL,
  start '1991-01-01',
  description 'Daily ERA5 weather by coffee region: temperature, rain, water balance against 1991-2020, SPI, frost, heat, dry spells. One row: one region on one local day.',
  grain (location_id, observed_date),
  columns (
    location_id VARCHAR,
    location_name VARCHAR,
    country_name VARCHAR,
    species VARCHAR,
    observed_date DATE,
    temperature_max_c DECIMAL(6, 2),
    temperature_min_c DECIMAL(6, 2),
    temperature_mean_c DECIMAL(6, 2),
    precipitation_mm DECIMAL(8, 2),
    et0_mm DECIMAL(8, 2),
    relative_humidity_pct DECIMAL(6, 2),
    soil_moisture_0_7cm DECIMAL(6, 3),
    soil_moisture_7_28cm DECIMAL(6, 3),
    soil_moisture_28_100cm DECIMAL(6, 3),
    radiation_mj_m2 DECIMAL(8, 2),
    wind_max_km_h DECIMAL(8, 2),
    frost_class VARCHAR,
    is_heat_day BOOLEAN,
    dry_spell_days INTEGER,
    rain_30d_mm DECIMAL(10, 2),
    rain_30d_pct_of_normal DOUBLE,
    rain_30d_percentile DOUBLE,
    rain_90d_mm DECIMAL(10, 2),
    rain_90d_pct_of_normal DOUBLE,
    rain_90d_percentile DOUBLE,
    balance_30d_mm DECIMAL(10, 2),
    balance_30d_anomaly_mm DOUBLE,
    balance_90d_mm DECIMAL(10, 2),
    balance_90d_anomaly_mm DOUBLE,
    spi_1 DOUBLE,
    spi_3 DOUBLE,
    season_year INTEGER,
    season_day INTEGER,
    season_rain_mm DECIMAL(10, 2),
    season_rain_normal_mm DOUBLE,
    season_rain_p10_mm DECIMAL(10, 2),
    season_rain_p90_mm DECIMAL(10, 2),
    known_at TIMESTAMP,
    is_known_at_assumed BOOLEAN
  ),
  audits (
    not_null(columns := (location_id, location_name, observed_date, known_at)),
    unique_combination_of_columns(columns := (location_id, observed_date))
  )
);

SELECT
  location.location_id,
  location.location_name,
  location.country_name,
  location.species, -- arabica, robusta, both
  daily.observed_date, -- local
  daily.temperature_max_c, -- °C at 2 m
  daily.temperature_min_c,
  daily.temperature_mean_c,
  daily.precipitation_mm,
  daily.et0_mm, -- FAO reference evapotranspiration
  daily.relative_humidity_pct,
  daily.soil_moisture_0_7cm, -- m³/m³
  daily.soil_moisture_7_28cm,
  daily.soil_moisture_28_100cm,
  daily.radiation_mj_m2,
  daily.wind_max_km_h,
  daily.frost_class, -- none, watch (4 °C and below), frost (2), severe (0)
  daily.is_heat_day, -- arabica from 30 °C, robusta from 34
  daily.dry_spell_days, -- days below 1 mm up to this one
  daily.rain_30d_mm,
  standing.rain_30d_pct_of_normal,
  standing.rain_30d_percentile,
  daily.rain_90d_mm,
  standing.rain_90d_pct_of_normal,
  standing.rain_90d_percentile,
  daily.balance_30d_mm, -- rain less ET0
  standing.balance_30d_anomaly_mm,
  daily.balance_90d_mm,
  standing.balance_90d_anomaly_mm,
  standing.spi_1,
  standing.spi_3,
  daily.season_year, -- in which the season begins
  daily.season_day,
  daily.season_rain_mm, -- since the first of the flowering month
  normal.season_rain_normal_mm,
  normal.season_rain_p10_mm,
  normal.season_rain_p90_mm,
  daily.known_at, -- UTC
  daily.is_known_at_assumed
FROM foundation.fct_weather_daily AS daily
JOIN foundation.dim_location AS location
  ON location.location_key = daily.location_key
LEFT JOIN foundation.fct_weather_standing AS standing
  ON standing.location_key = daily.location_key
  AND standing.observed_date = daily.observed_date
LEFT JOIN foundation.fct_weather_normal AS normal
  ON normal.location_key = daily.location_key
  AND normal.calendar_day = daily.calendar_day
