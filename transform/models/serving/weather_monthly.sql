-- The months of the growing regions: frost, heat, dry and rain calendars. Grain: region, calendar month.
-- Counts are of the days that are there; rain is NULL unless every day of the month is. Its normal is the mean of the same month in 1991 to
-- 2020, of 24 years at least. spi_1 and spi_3 are those of the month's last day.
MODEL (
  name serving.weather_monthly,
  kind FULL,
  start '1991-01-01',
  description 'Monthly rain against 1991-2020, frost nights, heat days and dry spells by coffee region. One row: one region and month.',
  grain (location_id, month_start),
  columns (
    location_id VARCHAR,
    month_start DATE,
    days INTEGER,
    is_complete BOOLEAN,
    temperature_min_c DECIMAL(6, 2),
    temperature_max_c DECIMAL(6, 2),
    watch_nights INTEGER,
    frost_nights INTEGER,
    severe_nights INTEGER,
    heat_days INTEGER,
    dry_days INTEGER,
    longest_dry_spell_days INTEGER,
    rain_mm DECIMAL(10, 2),
    rain_normal_mm DOUBLE,
    rain_pct_of_normal DOUBLE,
    spi_1 DOUBLE,
    spi_3 DOUBLE
  ),
  audits (
    not_null(columns := (location_id, month_start, days)),
    unique_combination_of_columns(columns := (location_id, month_start)),
    forall(criteria := (days BETWEEN 1 AND 31, watch_nights >= frost_nights, frost_nights >= severe_nights))
  )
);

WITH dated AS (
  SELECT
    daily.*,
    CAST(
      CAST(EXTRACT(YEAR FROM daily.observed_date) AS VARCHAR)
        || '-'
        || LPAD(CAST(EXTRACT(MONTH FROM daily.observed_date) AS VARCHAR), 2, '0')
        || '-01' AS DATE
    ) AS month_start,
    standing.spi_1,
    standing.spi_3
  FROM foundation.fct_weather_daily AS daily
  LEFT JOIN foundation.fct_weather_standing AS standing
    ON standing.location_key = daily.location_key
    AND standing.observed_date = daily.observed_date
), ended AS (
  SELECT
    *,
    EXTRACT(DAY FROM month_start + INTERVAL '1' MONTH - INTERVAL '1' DAY) AS month_days
  FROM dated
), month AS (
  SELECT
    location_id,
    month_start,
    COUNT(*) AS days,
    COUNT(precipitation_mm) = MAX(month_days) AS is_complete,
    MIN(temperature_min_c) AS temperature_min_c,
    MAX(temperature_max_c) AS temperature_max_c,
    COUNT(CASE WHEN frost_class IN ('watch', 'frost', 'severe') THEN 1 END) AS watch_nights,
    COUNT(CASE WHEN frost_class IN ('frost', 'severe') THEN 1 END) AS frost_nights,
    COUNT(CASE WHEN frost_class = 'severe' THEN 1 END) AS severe_nights,
    COUNT(CASE WHEN is_heat_day THEN 1 END) AS heat_days,
    COUNT(CASE WHEN is_dry_day THEN 1 END) AS dry_days,
    MAX(dry_spell_days) AS longest_dry_spell_days,
    CASE WHEN COUNT(precipitation_mm) = MAX(month_days) THEN SUM(precipitation_mm) END AS rain_mm,
    MAX(CASE WHEN EXTRACT(DAY FROM observed_date) = month_days THEN spi_1 END) AS spi_1,
    MAX(CASE WHEN EXTRACT(DAY FROM observed_date) = month_days THEN spi_3 END) AS spi_3
  FROM ended
  GROUP BY
    location_id,
    month_start
), normal AS (
  SELECT
    location_id,
    EXTRACT(MONTH FROM month_start) AS calendar_month,
    CASE WHEN COUNT(rain_mm) >= 24 THEN CAST(SUM(rain_mm) AS DOUBLE) / COUNT(rain_mm) END AS rain_normal_mm
  FROM month
  WHERE
    month_start BETWEEN CAST('1991-01-01' AS DATE) AND CAST('2020-12-01' AS DATE)
  GROUP BY
    location_id,
    EXTRACT(MONTH FROM month_start)
)
SELECT
  month.location_id,
  month.month_start,
  CAST(month.days AS INTEGER) AS days, -- that are there
  month.is_complete, -- every day has its rain
  month.temperature_min_c, -- lowest
  month.temperature_max_c, -- highest
  CAST(month.watch_nights AS INTEGER) AS watch_nights, -- 4 °C and below, with the colder ones
  CAST(month.frost_nights AS INTEGER) AS frost_nights, -- 2 °C and below
  CAST(month.severe_nights AS INTEGER) AS severe_nights, -- 0 °C and below
  CAST(month.heat_days AS INTEGER) AS heat_days,
  CAST(month.dry_days AS INTEGER) AS dry_days, -- below 1 mm
  month.longest_dry_spell_days, -- that reached into the month, up to its last day there
  CAST(month.rain_mm AS DECIMAL(10, 2)) AS rain_mm,
  normal.rain_normal_mm,
  100 * CAST(month.rain_mm AS DOUBLE) / NULLIF(normal.rain_normal_mm, 0) AS rain_pct_of_normal,
  month.spi_1,
  month.spi_3
FROM month
LEFT JOIN normal
  ON normal.location_id = month.location_id
  AND normal.calendar_month = EXTRACT(MONTH FROM month.month_start)
