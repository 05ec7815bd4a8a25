-- The day each COT report was published. Grain: report date.
-- Rule: the third business day after the report date, 15:30 New York: Friday for a Tuesday, later where federal offices close between. Days
-- CFTC announced otherwise, after shutdowns, stand in seed_cot_release. A report that landed before was public before: then the landing
-- counts. is_release_assumed is FALSE for days that CFTC announced or a landing shows.
MODEL (
  name staging.stg_cot_release,
  kind FULL,
  start '2006-06-13',
  description 'Publication of each COT report by CFTC calendar, holidays and shutdowns. One row: one report date.',
  grain report_date,
  columns (
    report_date DATE,
    release_date DATE,
    released_at TIMESTAMP,
    is_release_assumed BOOLEAN,
    scheduled_date DATE
  ),
  audits (
    not_null(columns := (report_date, release_date, released_at, scheduled_date)),
    unique_values(columns := (report_date)),
    forall(criteria := (release_date > report_date, release_date <= scheduled_date)),
    forall(criteria := (report_date < CAST('2049-12-01' AS DATE)))
  )
);

WITH report AS (
  SELECT
    report_date,
    MIN(first_landed_at) AS first_landed_at
  FROM staging.stg_cot
  GROUP BY
    report_date
), day_after AS (
  SELECT
    report.report_date,
    report.report_date + days.number_of_days AS calendar_day
  FROM report
  CROSS JOIN (
    SELECT
      CAST(UNNEST(RANGE(1, 15)) AS INTEGER) AS number_of_days
  ) AS days
), business_day AS (
  SELECT
    day_after.report_date,
    day_after.calendar_day,
    ROW_NUMBER() OVER (PARTITION BY day_after.report_date ORDER BY day_after.calendar_day) AS day_number
  FROM day_after
  LEFT JOIN staging.seed_us_federal_closure AS closure
    ON closure.closure_date = day_after.calendar_day
  WHERE
    EXTRACT(ISODOW FROM day_after.calendar_day) <= 5
    AND closure.closure_date IS NULL
), scheduled AS (
  SELECT
    report.report_date,
    report.first_landed_at,
    COALESCE(exception.release_date, business_day.calendar_day) AS scheduled_date,
    COALESCE(exception.basis, 'rule') AS basis
  FROM report
  JOIN business_day
    ON business_day.report_date = report.report_date
    AND business_day.day_number = 3
  LEFT JOIN staging.seed_cot_release AS exception
    ON exception.report_date = report.report_date
), stamped AS (
  SELECT
    *,
    CAST(
      (
        CAST(scheduled_date AS TIMESTAMP) + INTERVAL '15 hours 30 minutes'
      ) AT TIME ZONE 'America/New_York' AT TIME ZONE 'UTC' AS TIMESTAMP
    ) AS scheduled_at
  FROM scheduled
)
SELECT
  report_date,
  CASE
    WHEN first_landed_at < scheduled_at
      THEN CAST(CAST(first_landed_at AS TIMESTAMP) AT TIME ZONE 'UTC' AT TIME ZONE 'America/New_York' AS DATE)
    ELSE scheduled_date
  END AS release_date, -- New York
  LEAST(scheduled_at, first_landed_at) AS released_at, -- UTC
  basis <> 'announced' AND first_landed_at >= scheduled_at AS is_release_assumed,
  scheduled_date -- by rule or announcement
FROM stamped
