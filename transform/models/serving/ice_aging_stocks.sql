-- Certified stocks by age at month ends. Grain: commodity, report date, port, bucket of days since grading. Buckets without bags have no row.
-- Old coffee is delivered at a discount that grows with its age, so the age profile says how much of the stock anybody wants.
MODEL (
  name serving.ice_aging_stocks,
  kind FULL,
  start '2016-01-04',
  description 'ICE certified coffee stocks by port and age in days at month ends, in bags. One row: one port and bucket of age at one month end.',
  grain (commodity_key, report_date, port_code, age_from_days),
  columns (
    commodity_key VARCHAR,
    commodity_name VARCHAR,
    report_date DATE,
    port_code VARCHAR,
    port_name VARCHAR,
    region VARCHAR,
    age_from_days INTEGER,
    age_to_days INTEGER,
    bags DECIMAL(18, 0)
  ),
  audits (
    not_null(columns := (commodity_key, commodity_name, report_date, port_code, port_name, age_from_days, bags)),
    unique_combination_of_columns(columns := (commodity_key, report_date, port_code, age_from_days))
  )
);

SELECT
  commodity.commodity_key,
  commodity.commodity_name,
  fact.report_date,
  port.port_code,
  port.port_name,
  port.region, -- Europe or US
  fact.age_from_days, -- since grading, inclusive
  fact.age_to_days, -- inclusive; NULL: no end
  fact.bags -- of 60 kg
FROM foundation.fct_ice_aging AS fact
JOIN foundation.dim_commodity AS commodity
  ON commodity.commodity_key = fact.commodity_key
JOIN foundation.dim_port AS port
  ON port.port_key = fact.port_key
WHERE
  fact.bags > 0
