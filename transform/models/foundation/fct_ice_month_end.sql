-- Certified stocks at month ends since November 1996, from ICE's own history. Grain: commodity, month end, port.
-- certified_bags is the port's in the daily report of the same date, NULL where that has not landed: both must agree (see the audit).
MODEL (
  name foundation.fct_ice_month_end,
  kind FULL,
  start '1996-11-01',
  description 'ICE certified stocks by port at month ends since 1996, in bags. One row: one port at one month end.',
  grain (commodity_key, month_end, port_key),
  columns (
    commodity_key VARCHAR,
    port_key VARCHAR,
    month_end DATE,
    bags DECIMAL(18, 0),
    certified_bags DECIMAL(18, 0),
    path VARCHAR,
    landed_at TIMESTAMP
  ),
  audits (
    not_null(columns := (commodity_key, port_key, month_end, bags)),
    unique_combination_of_columns(columns := (commodity_key, month_end, port_key)),
    forall_non_blocking(criteria := (certified_bags IS NULL OR certified_bags = bags))
  )
);

WITH certified AS (
  SELECT
    commodity_key,
    report_date,
    port_key,
    SUM(bags) AS bags
  FROM foundation.fct_ice_stock
  WHERE
    section = 'certified'
  GROUP BY
    commodity_key,
    report_date,
    port_key
)
SELECT
  commodity.commodity_key,
  port.port_key,
  stg.month_end,
  stg.bags, -- of 60 kg
  CAST(certified.bags AS DECIMAL(18, 0)) AS certified_bags, -- by the daily report
  stg.path,
  stg.landed_at -- UTC
FROM staging.stg_ice_history AS stg
LEFT JOIN foundation.dim_commodity AS commodity
  ON commodity.ice_stock_report_code = stg.ice_stock_report_code
LEFT JOIN foundation.dim_port AS port
  ON port.port_code = stg.port_code
LEFT JOIN certified
  ON certified.commodity_key = commodity.commodity_key
  AND certified.report_date = stg.month_end
  AND certified.port_key = port.port_key
