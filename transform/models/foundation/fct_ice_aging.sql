-- Certified stocks by age at month ends. Grain: commodity, report date, port, bucket.
-- certified_bags is the total of the daily report of the same date, NULL where that has not landed: the ages must sum to it (see the audit).
MODEL (
  name foundation.fct_ice_aging,
  kind FULL,
  start '2016-01-04',
  description 'ICE certified stocks by port and days since grading at month ends, in bags. One row: one port and bucket of age at one month end.',
  grain (commodity_key, report_date, port_key, age_from_days),
  columns (
    commodity_key VARCHAR,
    port_key VARCHAR,
    report_date DATE,
    age_from_days INTEGER,
    age_to_days INTEGER,
    bags DECIMAL(18, 0),
    certified_bags DECIMAL(18, 0),
    path VARCHAR,
    landed_at TIMESTAMP
  ),
  audits (
    not_null(columns := (commodity_key, port_key, report_date, age_from_days, bags)),
    unique_combination_of_columns(columns := (commodity_key, report_date, port_key, age_from_days)),
    ice_ages_sum_to_the_certified_bags
  )
);

WITH certified AS (
  SELECT
    commodity_key,
    report_date,
    SUM(bags) AS bags
  FROM foundation.fct_ice_stock
  WHERE
    section = 'certified'
  GROUP BY
    commodity_key,
    report_date
)
SELECT
  commodity.commodity_key,
  port.port_key,
  stg.report_date,
  stg.age_from_days, -- since grading, inclusive
  stg.age_to_days, -- inclusive; NULL: no end
  stg.bags, -- of 60 kg
  CAST(certified.bags AS DECIMAL(18, 0)) AS certified_bags, -- by the daily report, all ports
  stg.path,
  stg.landed_at -- UTC
FROM staging.stg_ice_aging AS stg
LEFT JOIN foundation.dim_commodity AS commodity
  ON commodity.ice_stock_report_code = stg.ice_stock_report_code
LEFT JOIN foundation.dim_port AS port
  ON port.port_code = stg.port_code
LEFT JOIN certified
  ON certified.commodity_key = commodity.commodity_key
  AND certified.report_date = stg.report_date
