-- Certified stocks at month ends since November 1996, typed. Grain: month end, port.
-- Every file holds the whole history: per month end the file landed last that has it counts, so a month that a later file lost stays.
MODEL (
  name staging.stg_ice_history,
  kind FULL,
  start '1996-11-01',
  description 'Certified stocks by port at month ends, newest file, in bags. One row: one port at one month end.',
  grain (month_end, port_code),
  columns (
    ice_stock_report_code VARCHAR,
    month_end DATE,
    port_code VARCHAR,
    port_name VARCHAR,
    bags DECIMAL(18, 0),
    path VARCHAR,
    landed_at TIMESTAMP
  ),
  audits (
    not_null(columns := (month_end, port_code, bags)),
    unique_combination_of_columns(columns := (month_end, port_code)),
    forall(criteria := (bags >= 0))
  )
);

WITH ranked AS (
  SELECT
    CAST(raw.report_date AS DATE) AS month_end,
    raw.port_code,
    raw.port_name,
    CAST(raw.bags AS DECIMAL(18, 0)) AS bags,
    raw.path,
    file.landed_at,
    DENSE_RANK() OVER (PARTITION BY raw.report_date ORDER BY file.landed_at DESC, raw.path DESC) AS vintage_rank
  FROM staging.raw_ice_history AS raw
  JOIN staging.ice_file AS file
    ON file.path = raw.path
)
SELECT
  'coffee_cert_stock' AS ice_stock_report_code, -- the file is of Coffee "C"
  month_end, -- last business day of the month
  port_code,
  port_name,
  bags, -- of 60 kg
  path,
  landed_at -- UTC
FROM ranked
WHERE
  vintage_rank = 1
