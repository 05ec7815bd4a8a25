-- Growing regions with their surrogate key and the name of their country. Grain: one region. A key is the MD5 of our own location_id.
MODEL (
  name staging.stg_location,
  kind VIEW,
  description 'Growing regions with surrogate keys. One row: one region.',
  grain location_key,
  columns (
    location_key VARCHAR,
    location_id VARCHAR,
    location_name VARCHAR,
    usda_country_code VARCHAR,
    iso_country_code VARCHAR,
    country_name VARCHAR,
    species VARCHAR,
    latitude DOUBLE,
    longitude DOUBLE,
    elevation_m INTEGER,
    altitude_from_m INTEGER,
    altitude_to_m INTEGER,
    time_zone VARCHAR,
    flowering VARCHAR,
    harvest VARCHAR,
    season_start_month INTEGER,
    heat_day_from_c INTEGER
  ),
  audits (
    not_null(columns := (location_key, location_id, location_name)),
    unique_values(columns := (location_key))
  )
);

SELECT
  MD5('location|' || location.location_id) AS location_key,
  location.location_id,
  location.location_name,
  location.usda_country_code, -- not ISO
  NULLIF(country.iso_country_code, '') AS iso_country_code,
  COALESCE(country.usda_country_name, location.usda_country_code) AS country_name,
  location.species,
  location.latitude, -- degrees north
  location.longitude, -- degrees east
  location.elevation_m,
  location.altitude_from_m,
  location.altitude_to_m,
  location.time_zone, -- IANA
  location.flowering,
  location.harvest,
  location.season_start_month,
  location.heat_day_from_c -- °C, daily maximum
FROM staging.seed_location AS location
LEFT JOIN staging.seed_country AS country
  ON country.usda_country_code = location.usda_country_code
