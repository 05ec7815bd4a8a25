-- Certified stocks by port and origin, day by day. Grain: commodity, report date, port, origin. Cells without bags have no row; what an
-- origin has in a port on no day, it has not. transition_bags is the part of bags that a discount meets from 2027 on, NULL where the day's
-- report has no such section: unknown, not zero.
MODEL (
  name serving.ice_warehouse_stocks_by_port,
  kind FULL,
  start '2016-01-04',
  description 'ICE certified coffee stocks by port and origin, in bags. One row: one origin in one port on one report date.',
  grain (commodity_key, report_date, port_code, origin),
  columns (
    commodity_key VARCHAR,
    commodity_name VARCHAR,
    report_date DATE,
    port_code VARCHAR,
    port_name VARCHAR,
    region VARCHAR,
    origin VARCHAR,
    bags DECIMAL(18, 0),
    transition_bags DECIMAL(18, 0)
  ),
  audits (
    not_null(columns := (commodity_key, commodity_name, report_date, port_code, port_name, origin, bags)),
    unique_combination_of_columns(columns := (commodity_key, report_date, port_code, origin))
  )
);

WITH told AS (
  SELECT DISTINCT
    commodity_key,
    report_date
  FROM foundation.fct_ice_stock
  WHERE
    section = 'transition'
)
SELECT
  commodity.commodity_key,
  commodity.commodity_name,
  certified.report_date,
  port.port_code,
  port.port_name,
  port.region, -- Europe or US
  certified.origin, -- empty: the report gives the port's total alone
  certified.bags, -- of 60 kg
  CASE WHEN NOT told.report_date IS NULL THEN COALESCE(transition.bags, 0) END AS transition_bags -- a part of bags
FROM foundation.fct_ice_stock AS certified
JOIN foundation.dim_commodity AS commodity
  ON commodity.commodity_key = certified.commodity_key
JOIN foundation.dim_port AS port
  ON port.port_key = certified.port_key
LEFT JOIN told
  ON told.commodity_key = certified.commodity_key
  AND told.report_date = certified.report_date
LEFT JOIN foundation.fct_ice_stock AS transition
  ON transition.commodity_key = certified.commodity_key
  AND transition.report_date = certified.report_date
  AND transition.origin = certified.origin
  AND transition.port_key = certified.port_key
  AND transition.section = 'transition'
WHERE
  certified.section = 'certified'
  AND certified.bags > 0
