-- The weather of record of each region and day. Grain: region, day.
-- Recent days are revised for weeks, so every landed file is a vintage: per day the row of the file landed last counts (ties by path). A
-- day of which a vintage says nothing at all (all values NULL: not there yet) is not in it. Other NULLs are real and stay.
-- known_at is five days after the day, which is assumed, or the landing of the vintage that changed a value of it last.
MODEL (
  name staging.stg_weather,
  kind FULL,
  start '1991-01-01',
  description 'Daily weather, newest vintage of each day. One row: one region on one local day.',
  grain (location_id, observed_date),
  columns (
    location_id VARCHAR,
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
    known_at TIMESTAMP,
    is_known_at_assumed BOOLEAN,
    path VARCHAR,
    landed_at TIMESTAMP
  ),
  audits (
    not_null(columns := (location_id, observed_date, known_at, path, landed_at)),
    unique_combination_of_columns(columns := (location_id, observed_date)),
    forall_non_blocking(
      criteria := (
        temperature_min_c <= temperature_max_c,
        temperature_max_c BETWEEN -40 AND 55,
        temperature_min_c BETWEEN -40 AND 55,
        precipitation_mm BETWEEN 0 AND 1500,
        et0_mm >= 0,
        relative_humidity_pct BETWEEN 0 AND 100,
        soil_moisture_0_7cm BETWEEN 0 AND 1
      )
    )
  )
);

WITH told AS (
  SELECT
    raw.*,
    file.landed_at,
    HASH(
      raw.temperature_max,
      raw.temperature_min,
      raw.temperature_mean,
      raw.precipitation,
      raw.et0,
      raw.relative_humidity,
      raw.soil_moisture_0_7cm,
      raw.soil_moisture_7_28cm,
      raw.soil_moisture_28_100cm,
      raw.radiation,
      raw.wind_max
    ) AS values_hash
  FROM staging.raw_weather AS raw
  JOIN staging.weather_file AS file
    ON file.path = raw.path
  WHERE
    NOT COALESCE(
      raw.temperature_max,
      raw.temperature_min,
      raw.temperature_mean,
      raw.precipitation,
      raw.et0,
      raw.relative_humidity,
      raw.soil_moisture_0_7cm,
      raw.soil_moisture_7_28cm,
      raw.soil_moisture_28_100cm,
      raw.radiation,
      raw.wind_max
    ) IS NULL
), vintage AS (
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY location_id, observed_day ORDER BY landed_at DESC, path DESC) AS vintage_rank,
    LEAD(values_hash) OVER (
      PARTITION BY location_id, observed_day
      ORDER BY landed_at DESC, path DESC
    ) AS values_hash_before
  FROM told
), revision AS (
  SELECT
    location_id,
    observed_day,
    MAX(landed_at) AS revised_at
  FROM vintage
  WHERE
    values_hash <> values_hash_before
  GROUP BY
    location_id,
    observed_day
)
SELECT
  vintage.location_id,
  CAST(vintage.observed_day AS DATE) AS observed_date, -- local day of the region
  CAST(ROUND(vintage.temperature_max, 2) AS DECIMAL(6, 2)) AS temperature_max_c, -- °C at 2 m
  CAST(ROUND(vintage.temperature_min, 2) AS DECIMAL(6, 2)) AS temperature_min_c, -- °C at 2 m
  CAST(ROUND(vintage.temperature_mean, 2) AS DECIMAL(6, 2)) AS temperature_mean_c, -- °C at 2 m
  CAST(ROUND(vintage.precipitation, 2) AS DECIMAL(8, 2)) AS precipitation_mm,
  CAST(ROUND(vintage.et0, 2) AS DECIMAL(8, 2)) AS et0_mm, -- FAO reference evapotranspiration
  CAST(ROUND(vintage.relative_humidity, 2) AS DECIMAL(6, 2)) AS relative_humidity_pct,
  CAST(ROUND(vintage.soil_moisture_0_7cm, 3) AS DECIMAL(6, 3)) AS soil_moisture_0_7cm, -- m³ of water in m³ of soil
  CAST(ROUND(vintage.soil_moisture_7_28cm, 3) AS DECIMAL(6, 3)) AS soil_moisture_7_28cm,
  CAST(ROUND(vintage.soil_moisture_28_100cm, 3) AS DECIMAL(6, 3)) AS soil_moisture_28_100cm,
  CAST(ROUND(vintage.radiation, 2) AS DECIMAL(8, 2)) AS radiation_mj_m2, -- shortwave, the day's sum
  CAST(ROUND(vintage.wind_max, 2) AS DECIMAL(8, 2)) AS wind_max_km_h, -- at 10 m
  COALESCE(revision.revised_at, CAST(vintage.observed_day AS TIMESTAMP) + INTERVAL '5' DAY) AS known_at, -- UTC
  revision.revised_at IS NULL AS is_known_at_assumed,
  vintage.path,
  vintage.landed_at -- UTC
FROM vintage
LEFT JOIN revision
  ON revision.location_id = vintage.location_id
  AND revision.observed_day = vintage.observed_day
WHERE
  vintage.vintage_rank = 1
