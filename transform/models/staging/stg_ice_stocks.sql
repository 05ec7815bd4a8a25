-- Daily certified stocks, typed, newest version of each report. Grain: report date, section, origin, port.
-- A report is whole: where ICE posted one again, the file landed last speaks for its date and the others for none of it.
-- Empty origin: all origins together (reports before 2017 give pending bags by port alone). Empty port: all ports together.
-- known_at is the publication where Last-Modified shows it; else 14:00 New York on the report date for the first version of a report and the
-- landing for later ones, flagged as assumed.
MODEL (
  name staging.stg_ice_stocks,
  kind FULL,
  start '2016-01-04',
  description 'Cells of the newest version of each daily certified stock report, in bags. One row: one section, origin and port on one report date.',
  grain (report_date, section, origin, port_code),
  columns (
    ice_stock_report_code VARCHAR,
    report_date DATE,
    as_of TIMESTAMP,
    known_at TIMESTAMP,
    is_known_at_assumed BOOLEAN,
    section VARCHAR,
    origin VARCHAR,
    port_code VARCHAR,
    port_name VARCHAR,
    bags DECIMAL(18, 0),
    path VARCHAR,
    landed_at TIMESTAMP
  ),
  audits (
    not_null(columns := (report_date, known_at, section, origin, port_code, bags)),
    unique_combination_of_columns(columns := (report_date, section, origin, port_code)),
    forall(criteria := (bags >= 0)),
    accepted_values(
      column := section,
      is_in := ('certified', 'transition', 'passed', 'failed', 'pending', 'rebagging')
    ),
    forall_non_blocking(criteria := (EXTRACT(ISODOW FROM report_date) <= 5))
  )
);

WITH content AS (
  SELECT
    path,
    CAST(MIN(report_date) AS DATE) AS report_date
  FROM staging.raw_ice_stocks
  GROUP BY
    path
), vintage AS (
  SELECT
    content.path,
    content.report_date,
    file.released_at,
    file.landed_at,
    ROW_NUMBER() OVER (PARTITION BY content.report_date ORDER BY file.landed_at, content.path) AS vintage_number,
    ROW_NUMBER() OVER (PARTITION BY content.report_date ORDER BY file.landed_at DESC, content.path DESC) AS vintage_rank
  FROM content
  JOIN staging.ice_file AS file
    ON file.path = content.path
)
SELECT
  'coffee_cert_stock' AS ice_stock_report_code, -- the folder holds Coffee "C" alone
  vintage.report_date,
  CAST(CAST(raw.as_of AS TIMESTAMP WITH TIME ZONE) AT TIME ZONE 'UTC' AS TIMESTAMP) AS as_of, -- UTC; NULL where the report tells no time
  COALESCE(
    vintage.released_at,
    CASE
      WHEN vintage.vintage_number = 1
        THEN CAST(
          (
            CAST(vintage.report_date AS TIMESTAMP) + INTERVAL '14' HOUR
          ) AT TIME ZONE 'America/New_York' AT TIME ZONE 'UTC' AS TIMESTAMP
        )
      ELSE vintage.landed_at
    END
  ) AS known_at, -- UTC
  vintage.released_at IS NULL AS is_known_at_assumed,
  raw.section,
  COALESCE(raw.origin, '') AS origin,
  COALESCE(raw.port_code, '') AS port_code,
  COALESCE(raw.port_name, '') AS port_name,
  CAST(raw.bags AS DECIMAL(18, 0)) AS bags, -- of 60 kg
  raw.path,
  vintage.landed_at -- UTC
FROM staging.raw_ice_stocks AS raw
JOIN vintage
  ON vintage.path = raw.path
WHERE
  vintage.vintage_rank = 1
