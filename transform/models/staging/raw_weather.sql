-- Reads the landed weather files: answers of Open-Meteo's archive API, one JSON document a file. Grain: one day of one file.
-- The document holds parallel arrays, taken apart side by side here; nulls inside them are kept as NULL. Days are local days of the
-- region's time zone. The region is the folder's name, since the document has the coordinates of the grid cell only.
MODEL (
  name staging.raw_weather,
  kind FULL,
  start '1991-01-01',
  description 'Daily weather as landed. One row: one day of one landed file.',
  grain (path, observed_day),
  columns (
    path VARCHAR,
    location_id VARCHAR,
    grid_latitude DOUBLE,
    grid_longitude DOUBLE,
    elevation_m DOUBLE,
    time_zone VARCHAR,
    observed_day VARCHAR,
    temperature_max DOUBLE,
    temperature_min DOUBLE,
    temperature_mean DOUBLE,
    precipitation DOUBLE,
    et0 DOUBLE,
    relative_humidity DOUBLE,
    soil_moisture_0_7cm DOUBLE,
    soil_moisture_7_28cm DOUBLE,
    soil_moisture_28_100cm DOUBLE,
    radiation DOUBLE,
    wind_max DOUBLE
  ),
  audits (
    not_null(columns := (path, location_id, observed_day))
  )
);

WITH document AS (
  SELECT
    regexp_extract(filename, 'weather/[^/]+/[^/]+/[^/]+$') AS path,
    latitude,
    longitude,
    elevation,
    timezone,
    daily
  FROM read_json(
    @landing_dir || '/weather/*/*/*.json.gz',
    format = 'unstructured',
    compression = 'gzip',
    columns = {
      'latitude': 'DOUBLE',
      'longitude': 'DOUBLE',
      'elevation': 'DOUBLE',
      'timezone': 'VARCHAR',
      'daily': 'STRUCT("time" VARCHAR[], temperature_2m_max DOUBLE[], temperature_2m_min DOUBLE[], temperature_2m_mean DOUBLE[], precipitation_sum DOUBLE[], et0_fao_evapotranspiration DOUBLE[], relative_humidity_2m_mean DOUBLE[], soil_moisture_0_to_7cm_mean DOUBLE[], soil_moisture_7_to_28cm_mean DOUBLE[], soil_moisture_28_to_100cm_mean DOUBLE[], shortwave_radiation_sum DOUBLE[], wind_speed_10m_max DOUBLE[])'
    },
    filename = TRUE,
    hive_partitioning = FALSE
  )
)
SELECT
  path, -- relative to the landing zone, as in the manifest
  regexp_extract(path, 'weather/([^/]+)/', 1) AS location_id,
  latitude AS grid_latitude,
  longitude AS grid_longitude,
  elevation AS elevation_m,
  timezone AS time_zone,
  UNNEST(daily['time']) AS observed_day, -- YYYY-MM-DD, local
  UNNEST(daily['temperature_2m_max']) AS temperature_max,
  UNNEST(daily['temperature_2m_min']) AS temperature_min,
  UNNEST(daily['temperature_2m_mean']) AS temperature_mean,
  UNNEST(daily['precipitation_sum']) AS precipitation,
  UNNEST(daily['et0_fao_evapotranspiration']) AS et0,
  UNNEST(daily['relative_humidity_2m_mean']) AS relative_humidity,
  UNNEST(daily['soil_moisture_0_to_7cm_mean']) AS soil_moisture_0_7cm,
  UNNEST(daily['soil_moisture_7_to_28cm_mean']) AS soil_moisture_7_28cm,
  UNNEST(daily['soil_moisture_28_to_100cm_mean']) AS soil_moisture_28_100cm,
  UNNEST(daily['shortwave_radiation_sum']) AS radiation,
  UNNEST(daily['wind_speed_10m_max']) AS wind_max
FROM document
