-- Weather of each region and day, with what follows from the days before. Grain: region, day.
-- calendar_day is month * 100 + day, the same days of other years; 29 February counts as the 28th.
-- frost_class after the 2 m minimum, since leaves are 3 to 5 degrees colder: severe at 0 °C and below, frost at 2, watch at 4, else none.
-- A dry day has less than 1 mm; dry_spell_days counts them without a break up to the day. Sums over 30 and 90 days end with the day and
-- are NULL unless every day of theirs is there and has the value. The season begins on the first of the region's flowering month;
-- season_rain_mm is NULL unless every day since is there.
MODEL (
  name foundation.fct_weather_daily,
  kind FULL,
  start '1991-01-01',
  description 'Daily weather by growing region, with frost class, heat, dry spells and running sums. One row: one region on one local day.',
  grain (location_key, observed_date),
  columns (
    location_key VARCHAR,
    location_id VARCHAR,
    observed_date DATE,
    calendar_day INTEGER,
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
    is_dry_day BOOLEAN,
    dry_spell_days INTEGER,
    rain_30d_mm DECIMAL(10, 2),
    rain_90d_mm DECIMAL(10, 2),
    balance_30d_mm DECIMAL(10, 2),
    balance_90d_mm DECIMAL(10, 2),
    season_year INTEGER,
    season_day INTEGER,
    season_rain_mm DECIMAL(10, 2),
    known_at TIMESTAMP,
    is_known_at_assumed BOOLEAN,
    landed_at TIMESTAMP
  ),
  audits (
    not_null(columns := (location_key, location_id, observed_date, calendar_day, season_year, season_day, known_at)),
    unique_combination_of_columns(columns := (location_key, observed_date)),
    accepted_values(column := frost_class, is_in := ('none', 'watch', 'frost', 'severe')),
    forall(criteria := (season_day BETWEEN 1 AND 366)),
    weather_day_is_not_ahead
  )
);

WITH located AS (
  SELECT
    location.location_key,
    location.heat_day_from_c,
    location.season_start_month,
    EXTRACT(YEAR FROM weather.observed_date)
      - CASE
        WHEN EXTRACT(MONTH FROM weather.observed_date) < location.season_start_month THEN 1
        ELSE 0
      END AS season_year,
    weather.*,
    weather.precipitation_mm - weather.et0_mm AS balance_mm,
    CASE WHEN weather.precipitation_mm < 1 THEN 1 ELSE 0 END AS dry,
    CASE
      WHEN weather.precipitation_mm < 1
        AND LAG(weather.observed_date) OVER (
          PARTITION BY weather.location_id
          ORDER BY weather.observed_date
        ) = weather.observed_date - INTERVAL '1' DAY
        THEN 0
      ELSE 1
    END AS breaks_spell
  FROM staging.stg_weather AS weather
  JOIN foundation.dim_location AS location
    ON location.location_id = weather.location_id
), spelled AS (
  SELECT
    *,
    DATE_DIFF(
      'day',
      CAST(CAST(season_year AS VARCHAR) || '-' || LPAD(CAST(season_start_month AS VARCHAR), 2, '0') || '-01' AS DATE),
      observed_date
    )
      + 1 AS season_day,
    SUM(breaks_spell) OVER (
      PARTITION BY location_key
      ORDER BY observed_date
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS spell_number
  FROM located
), summed AS (
  SELECT
    *,
    SUM(dry) OVER (
      PARTITION BY location_key, spell_number
      ORDER BY observed_date
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS dry_spell_days,
    COUNT(precipitation_mm) OVER (
      PARTITION BY location_key, season_year
      ORDER BY observed_date
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS season_days_known,
    SUM(precipitation_mm) OVER (
      PARTITION BY location_key, season_year
      ORDER BY observed_date
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS season_rain,
    LAG(observed_date, 29) OVER (PARTITION BY location_key ORDER BY observed_date) AS date_29_before,
    LAG(observed_date, 89) OVER (PARTITION BY location_key ORDER BY observed_date) AS date_89_before,
    COUNT(precipitation_mm) OVER (
      PARTITION BY location_key
      ORDER BY observed_date
      ROWS BETWEEN 29 PRECEDING AND CURRENT ROW
    ) AS rain_days_30,
    SUM(precipitation_mm) OVER (
      PARTITION BY location_key
      ORDER BY observed_date
      ROWS BETWEEN 29 PRECEDING AND CURRENT ROW
    ) AS rain_30,
    COUNT(precipitation_mm) OVER (
      PARTITION BY location_key
      ORDER BY observed_date
      ROWS BETWEEN 89 PRECEDING AND CURRENT ROW
    ) AS rain_days_90,
    SUM(precipitation_mm) OVER (
      PARTITION BY location_key
      ORDER BY observed_date
      ROWS BETWEEN 89 PRECEDING AND CURRENT ROW
    ) AS rain_90,
    COUNT(balance_mm) OVER (
      PARTITION BY location_key
      ORDER BY observed_date
      ROWS BETWEEN 29 PRECEDING AND CURRENT ROW
    ) AS balance_days_30,
    SUM(balance_mm) OVER (
      PARTITION BY location_key
      ORDER BY observed_date
      ROWS BETWEEN 29 PRECEDING AND CURRENT ROW
    ) AS balance_30,
    COUNT(balance_mm) OVER (
      PARTITION BY location_key
      ORDER BY observed_date
      ROWS BETWEEN 89 PRECEDING AND CURRENT ROW
    ) AS balance_days_90,
    SUM(balance_mm) OVER (
      PARTITION BY location_key
      ORDER BY observed_date
      ROWS BETWEEN 89 PRECEDING AND CURRENT ROW
    ) AS balance_90
  FROM spelled
), whole AS (
  SELECT
    *,
    COALESCE(date_29_before = observed_date - INTERVAL '29' DAY, FALSE) AS has_30_days,
    COALESCE(date_89_before = observed_date - INTERVAL '89' DAY, FALSE) AS has_90_days
  FROM summed
)
SELECT
  location_key,
  location_id,
  observed_date, -- local
  CAST(
    EXTRACT(MONTH FROM observed_date) * 100
      + CASE
        WHEN EXTRACT(MONTH FROM observed_date) = 2 AND EXTRACT(DAY FROM observed_date) = 29 THEN 28
        ELSE EXTRACT(DAY FROM observed_date)
      END AS INTEGER
  ) AS calendar_day,
  temperature_max_c, -- °C at 2 m
  temperature_min_c,
  temperature_mean_c,
  precipitation_mm,
  et0_mm, -- FAO reference evapotranspiration
  relative_humidity_pct,
  soil_moisture_0_7cm, -- m³/m³
  soil_moisture_7_28cm,
  soil_moisture_28_100cm,
  radiation_mj_m2,
  wind_max_km_h,
  CASE
    WHEN temperature_min_c <= 0 THEN 'severe'
    WHEN temperature_min_c <= 2 THEN 'frost'
    WHEN temperature_min_c <= 4 THEN 'watch'
    WHEN NOT temperature_min_c IS NULL THEN 'none'
  END AS frost_class,
  temperature_max_c >= heat_day_from_c AS is_heat_day,
  precipitation_mm < 1 AS is_dry_day,
  CASE WHEN NOT precipitation_mm IS NULL THEN CAST(dry_spell_days AS INTEGER) END AS dry_spell_days,
  CASE WHEN has_30_days AND rain_days_30 = 30 THEN CAST(rain_30 AS DECIMAL(10, 2)) END AS rain_30d_mm,
  CASE WHEN has_90_days AND rain_days_90 = 90 THEN CAST(rain_90 AS DECIMAL(10, 2)) END AS rain_90d_mm,
  CASE WHEN has_30_days AND balance_days_30 = 30 THEN CAST(balance_30 AS DECIMAL(10, 2)) END AS balance_30d_mm, -- rain less ET0
  CASE WHEN has_90_days AND balance_days_90 = 90 THEN CAST(balance_90 AS DECIMAL(10, 2)) END AS balance_90d_mm,
  CAST(season_year AS INTEGER) AS season_year, -- in which the season begins
  CAST(season_day AS INTEGER) AS season_day, -- from 1
  CASE WHEN season_days_known = season_day THEN CAST(season_rain AS DECIMAL(10, 2)) END AS season_rain_mm,
  known_at, -- UTC, of the day itself; its sums and spells reach back over days that may have been revised later
  is_known_at_assumed,
  landed_at -- UTC
FROM whole
