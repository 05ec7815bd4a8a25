-- Certified stocks by age at month ends, typed, newest version of each report. Grain: report date, port, bucket.
-- Age counts days since grading, in ICE's buckets: 0 to 120, then 30 days each. Origins are not told.
MODEL (
  name staging.stg_ice_aging,
  kind FULL,
  start '2016-01-04',
  description 'Cells of the newest version of each month-end ageing report, in bags. One row: one port and bucket of age at one month end.',
  grain (report_date, port_code, age_from_days),
  columns (
    ice_stock_report_code VARCHAR,
    report_date DATE,
    port_code VARCHAR,
    port_name VARCHAR,
    age_from_days INTEGER,
    age_to_days INTEGER,
    bags DECIMAL(18, 0),
    path VARCHAR,
    landed_at TIMESTAMP
  ),
  audits (
    not_null(columns := (report_date, port_code, age_from_days, bags)),
    unique_combination_of_columns(columns := (report_date, port_code, age_from_days)),
    forall(criteria := (bags >= 0, age_from_days >= 0, age_to_days IS NULL OR age_to_days > age_from_days))
  )
);

WITH content AS (
  SELECT
    path,
    CAST(MIN(report_date) AS DATE) AS report_date
  FROM staging.raw_ice_aging
  GROUP BY
    path
), vintage AS (
  SELECT
    content.path,
    content.report_date,
    file.landed_at,
    ROW_NUMBER() OVER (PARTITION BY content.report_date ORDER BY file.landed_at DESC, content.path DESC) AS vintage_rank
  FROM content
  JOIN staging.ice_file AS file
    ON file.path = content.path
)
SELECT
  'coffee_cert_stock' AS ice_stock_report_code, -- the folder holds Coffee "C" alone
  vintage.report_date,
  raw.port_code,
  raw.port_name,
  CAST(raw.age_from_days AS INTEGER) AS age_from_days, -- inclusive
  CAST(raw.age_to_days AS INTEGER) AS age_to_days, -- inclusive; NULL: no end
  CAST(raw.bags AS DECIMAL(18, 0)) AS bags, -- of 60 kg
  raw.path,
  vintage.landed_at -- UTC
FROM staging.raw_ice_aging AS raw
JOIN vintage
  ON vintage.path = raw.path
WHERE
  vintage.vintage_rank = 1
