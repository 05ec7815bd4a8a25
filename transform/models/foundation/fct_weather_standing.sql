-- Where a day's sums stand among the same days of 1991 to 2020. Grain: region, day; days without a 30-day sum are left out.
-- pct_of_normal = 100 * sum / mean of the period. percentile = 100 * (years of the period whose sum is not above) / years.
-- SPI, the standardised precipitation index of McKee and others (1993), in its empirical form (Farahmand and AghaKouchak 2015), which
-- assumes no distribution and bears months without rain: the rank i of the sum among the n - 1 other years of the period and itself, ties
-- counted half, gives p = (i - 0.44) / (n + 0.12) (Gringorten 1963), and the index is the standard normal quantile of p, by the rational
-- approximation 26.2.23 of Abramowitz and Stegun (error below 0.00045). With 31 values it reaches from -2.1 to 2.1 and no further.
-- SPI-1 is of 30 days, SPI-3 of 90. A day needs 24 years to be compared with, else all is NULL.
MODEL (
  name foundation.fct_weather_standing,
  kind FULL,
  start '1991-01-01',
  description 'Rain and water balance against the same days of 1991-2020, with SPI. One row: one region on one local day.',
  grain (location_key, observed_date),
  columns (
    location_key VARCHAR,
    observed_date DATE,
    rain_30d_pct_of_normal DOUBLE,
    rain_30d_percentile DOUBLE,
    rain_90d_pct_of_normal DOUBLE,
    rain_90d_percentile DOUBLE,
    balance_30d_anomaly_mm DOUBLE,
    balance_90d_anomaly_mm DOUBLE,
    spi_1 DOUBLE,
    spi_3 DOUBLE
  ),
  audits (
    not_null(columns := (location_key, observed_date)),
    unique_combination_of_columns(columns := (location_key, observed_date)),
    forall(
      criteria := (
        rain_30d_percentile BETWEEN 0 AND 100,
        rain_90d_percentile BETWEEN 0 AND 100,
        spi_1 BETWEEN -2.5 AND 2.5,
        spi_3 BETWEEN -2.5 AND 2.5
      )
    )
  )
);

WITH ranked AS (
  SELECT
    today.location_key,
    today.observed_date,
    COUNT(CASE WHEN year.rain_30d_mm <= today.rain_30d_mm THEN 1 END) AS not_above_30,
    COUNT(year.rain_30d_mm) AS years_30,
    COUNT(CASE WHEN year.rain_30d_mm < today.rain_30d_mm AND year.year_number <> today.own_year THEN 1 END) AS below_30,
    COUNT(CASE WHEN year.rain_30d_mm = today.rain_30d_mm AND year.year_number <> today.own_year THEN 1 END) AS equal_30,
    COUNT(CASE WHEN year.year_number <> today.own_year THEN year.rain_30d_mm END) AS others_30,
    COUNT(CASE WHEN year.rain_90d_mm <= today.rain_90d_mm THEN 1 END) AS not_above_90,
    COUNT(year.rain_90d_mm) AS years_90,
    COUNT(CASE WHEN year.rain_90d_mm < today.rain_90d_mm AND year.year_number <> today.own_year THEN 1 END) AS below_90,
    COUNT(CASE WHEN year.rain_90d_mm = today.rain_90d_mm AND year.year_number <> today.own_year THEN 1 END) AS equal_90,
    COUNT(CASE WHEN year.year_number <> today.own_year THEN year.rain_90d_mm END) AS others_90
  FROM (
    SELECT
      location_key,
      observed_date,
      calendar_day,
      rain_30d_mm,
      rain_90d_mm,
      EXTRACT(YEAR FROM observed_date) AS own_year
    FROM foundation.fct_weather_daily
    WHERE
      NOT rain_30d_mm IS NULL
  ) AS today
  JOIN (
    SELECT
      location_key,
      calendar_day,
      rain_30d_mm,
      rain_90d_mm,
      EXTRACT(YEAR FROM observed_date) AS year_number
    FROM foundation.fct_weather_daily
    WHERE
      observed_date BETWEEN CAST('1991-01-01' AS DATE) AND CAST('2020-12-31' AS DATE)
      AND NOT (EXTRACT(MONTH FROM observed_date) = 2 AND EXTRACT(DAY FROM observed_date) = 29)
  ) AS year
    ON year.location_key = today.location_key
    AND year.calendar_day = today.calendar_day
  GROUP BY
    today.location_key,
    today.observed_date
), placed AS (
  SELECT
    *,
    CASE
      WHEN others_30 >= 24 THEN CAST(1 + below_30 + 0.5 * equal_30 - 0.44 AS DOUBLE) / (others_30 + 1 + 0.12)
    END AS p_30,
    CASE
      WHEN others_90 >= 24 THEN CAST(1 + below_90 + 0.5 * equal_90 - 0.44 AS DOUBLE) / (others_90 + 1 + 0.12)
    END AS p_90
  FROM ranked
), tailed AS (
  SELECT
    *,
    SQRT(-2 * LN(CASE WHEN p_30 > 0.5 THEN 1 - p_30 ELSE p_30 END)) AS t_30,
    CASE WHEN p_30 > 0.5 THEN 1 ELSE -1 END AS sign_30,
    SQRT(-2 * LN(CASE WHEN p_90 > 0.5 THEN 1 - p_90 ELSE p_90 END)) AS t_90,
    CASE WHEN p_90 > 0.5 THEN 1 ELSE -1 END AS sign_90
  FROM placed
)
SELECT
  tailed.location_key,
  tailed.observed_date,
  100 * CAST(today.rain_30d_mm AS DOUBLE) / NULLIF(normal.rain_30d_normal_mm, 0) AS rain_30d_pct_of_normal,
  CASE
    WHEN tailed.years_30 >= 24 THEN CAST(100 * tailed.not_above_30 AS DOUBLE) / CAST(tailed.years_30 AS DOUBLE)
  END AS rain_30d_percentile,
  100 * CAST(today.rain_90d_mm AS DOUBLE) / NULLIF(normal.rain_90d_normal_mm, 0) AS rain_90d_pct_of_normal,
  CASE
    WHEN tailed.years_90 >= 24 AND NOT today.rain_90d_mm IS NULL
      THEN CAST(100 * tailed.not_above_90 AS DOUBLE) / CAST(tailed.years_90 AS DOUBLE)
  END AS rain_90d_percentile,
  CAST(today.balance_30d_mm AS DOUBLE) - normal.balance_30d_normal_mm AS balance_30d_anomaly_mm,
  CAST(today.balance_90d_mm AS DOUBLE) - normal.balance_90d_normal_mm AS balance_90d_anomaly_mm,
  tailed.sign_30 * (
    tailed.t_30
      - (2.515517 + 0.802853 * tailed.t_30 + 0.010328 * tailed.t_30 * tailed.t_30)
        / (
          CAST(1 AS DOUBLE)
            + 1.432788 * tailed.t_30
            + 0.189269 * tailed.t_30 * tailed.t_30
            + 0.001308 * tailed.t_30 * tailed.t_30 * tailed.t_30
        )
  ) AS spi_1,
  CASE
    WHEN NOT today.rain_90d_mm IS NULL
      THEN tailed.sign_90 * (
        tailed.t_90
          - (2.515517 + 0.802853 * tailed.t_90 + 0.010328 * tailed.t_90 * tailed.t_90)
            / (
              CAST(1 AS DOUBLE)
                + 1.432788 * tailed.t_90
                + 0.189269 * tailed.t_90 * tailed.t_90
                + 0.001308 * tailed.t_90 * tailed.t_90 * tailed.t_90
            )
      )
  END AS spi_3
FROM tailed
JOIN foundation.fct_weather_daily AS today
  ON today.location_key = tailed.location_key
  AND today.observed_date = tailed.observed_date
LEFT JOIN foundation.fct_weather_normal AS normal
  ON normal.location_key = today.location_key
  AND normal.calendar_day = today.calendar_day
