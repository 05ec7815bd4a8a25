-- The growing regions. Grain: one region.
MODEL (
  name foundation.dim_location,
  kind FULL,
  start '1991-01-01',
  description 'Coffee growing regions with place, altitude, species and seasons. One row: one region.',
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
    not_null(columns := (location_key, location_id, location_name, season_start_month, heat_day_from_c)),
    unique_values(columns := (location_key, location_id)),
    number_of_rows(threshold := 0)
  )
);

SELECT
  location_key,
  location_id, -- also the landing folder
  location_name,
  usda_country_code, -- not ISO
  iso_country_code,
  country_name,
  species, -- arabica, robusta, both
  latitude,
  longitude,
  elevation_m, -- to which temperatures are brought
  altitude_from_m,
  altitude_to_m,
  time_zone,
  flowering,
  harvest,
  season_start_month, -- 1 to 12: the season's rain counts from here
  heat_day_from_c
FROM staging.stg_location
