-- What is normal on a calendar day: 1991 to 2020, the WMO's period, by region. Grain: region, calendar day (no 29 February).
-- Sums over 30 and 90 days and of the season end with the day, so a normal compares the same days of each year. A normal needs 24 of the
-- 30 years (four fifths, as WMO-No. 1203 asks), else it is NULL. Band: the value at or below which a tenth (nine tenths) of the years lie,
-- by nearest rank.
-- Means are exact sums over counts: a mean of doubles would depend on the order in which rows come.
MODEL (
  name foundation.fct_weather_normal,
  kind FULL,
  start '1991-01-01',
  description 'Normals of 1991-2020 by growing region and calendar day. One row: one region and calendar day.',
  grain (location_key, calendar_day),
  columns (
    location_key VARCHAR,
    calendar_day INTEGER,
    normal_years INTEGER,
    rain_30d_normal_mm DOUBLE,
    rain_90d_normal_mm DOUBLE,
    balance_30d_normal_mm DOUBLE,
    balance_90d_normal_mm DOUBLE,
    season_rain_normal_mm DOUBLE,
    season_rain_p10_mm DECIMAL(10, 2),
    season_rain_p90_mm DECIMAL(10, 2)
  ),
  audits (
    not_null(columns := (location_key, calendar_day)),
    unique_combination_of_columns(columns := (location_key, calendar_day)),
    forall(criteria := (season_rain_p10_mm <= season_rain_p90_mm, normal_years <= 30))
  )
);

WITH year AS (
  SELECT
    *,
    COUNT(season_rain_mm) OVER (PARTITION BY location_key, calendar_day) AS seasons,
    ROW_NUMBER() OVER (
      PARTITION BY location_key, calendar_day, CASE WHEN season_rain_mm IS NULL THEN 1 ELSE 0 END
      ORDER BY season_rain_mm
    ) AS season_rank
  FROM foundation.fct_weather_daily
  WHERE
    observed_date BETWEEN CAST('1991-01-01' AS DATE) AND CAST('2020-12-31' AS DATE)
    AND NOT (EXTRACT(MONTH FROM observed_date) = 2 AND EXTRACT(DAY FROM observed_date) = 29)
)
SELECT
  location_key,
  calendar_day,
  CAST(COUNT(rain_30d_mm) AS INTEGER) AS normal_years, -- of the 30-day sum
  CASE
    WHEN COUNT(rain_30d_mm) >= 24 THEN CAST(SUM(rain_30d_mm) AS DOUBLE) / COUNT(rain_30d_mm)
  END AS rain_30d_normal_mm,
  CASE
    WHEN COUNT(rain_90d_mm) >= 24 THEN CAST(SUM(rain_90d_mm) AS DOUBLE) / COUNT(rain_90d_mm)
  END AS rain_90d_normal_mm,
  CASE
    WHEN COUNT(balance_30d_mm) >= 24 THEN CAST(SUM(balance_30d_mm) AS DOUBLE) / COUNT(balance_30d_mm)
  END AS balance_30d_normal_mm,
  CASE
    WHEN COUNT(balance_90d_mm) >= 24 THEN CAST(SUM(balance_90d_mm) AS DOUBLE) / COUNT(balance_90d_mm)
  END AS balance_90d_normal_mm,
  CASE
    WHEN MAX(seasons) >= 24 THEN CAST(SUM(season_rain_mm) AS DOUBLE) / COUNT(season_rain_mm)
  END AS season_rain_normal_mm,
  CASE
    WHEN MAX(seasons) >= 24 THEN MIN(CASE WHEN 10 * season_rank >= seasons THEN season_rain_mm END)
  END AS season_rain_p10_mm,
  CASE
    WHEN MAX(seasons) >= 24 THEN MIN(CASE WHEN 10 * season_rank >= 9 * seasons THEN season_rain_mm END)
  END AS season_rain_p90_mm
FROM year
GROUP BY
  location_key,
  calendar_day
