-- A day of weather that landed before it began would be a forecast or a wrong clock. A day begins up to 14 hours before UTC's.
AUDIT (
  name weather_day_is_not_ahead
);

SELECT
  location_key,
  observed_date,
  landed_at
FROM @this_model
WHERE
  observed_date > landed_at + INTERVAL '1' DAY
