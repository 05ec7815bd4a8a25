-- The growing regions that weather is asked for, as a person writes them: a point in the farm belt, not the centroid of a state, which
-- would miss every frost. elevation_m is the middle of the altitudes at which coffee grows there; temperatures are brought to it.
-- internal/extract/openmeteo asks for these same points: a test holds the two lists together.
-- season_start_month is the first month of the main flowering: rain is counted from there. heat_day_from_c is the daily maximum from
-- which a day counts as hot: 30 for arabica, which suffers above it (DaMatta and Ramalho 2006), 34 for robusta, our own choice.
MODEL (
  name staging.seed_location,
  kind SEED (
    path '../../seeds/seed_location.csv',
    csv_settings (keep_default_na = false)
  ),
  description 'Coffee growing regions, written by hand. One row: one region.',
  grain location_id,
  columns (
    location_id VARCHAR,
    location_name VARCHAR,
    usda_country_code VARCHAR,
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
    not_null(
      columns := (
        location_id, location_name, usda_country_code, species, latitude, longitude, elevation_m, time_zone,
        season_start_month, heat_day_from_c
      )
    ),
    unique_values(columns := (location_id, location_name)),
    accepted_values(column := species, is_in := ('arabica', 'robusta', 'both')),
    forall(criteria := (elevation_m BETWEEN altitude_from_m AND altitude_to_m, season_start_month BETWEEN 1 AND 12)),
    number_of_rows(threshold := 0)
  )
);
