-- Certified stocks at month ends since November 1996: what daily reports, which begin in 2016, do not reach. Grain: commodity, month end, port.
MODEL (
  name serving.ice_month_end_stocks,
  kind FULL,
  start '1996-11-01',
  description 'ICE certified coffee stocks by port at month ends since 1996, in bags. One row: one port at one month end.',
  grain (commodity_key, month_end, port_code),
  columns (
    commodity_key VARCHAR,
    commodity_name VARCHAR,
    month_end DATE,
    port_code VARCHAR,
    port_name VARCHAR,
    region VARCHAR,
    bags DECIMAL(18, 0)
  ),
  audits (
    not_null(columns := (commodity_key, commodity_name, month_end, port_code, port_name, bags)),
    unique_combination_of_columns(columns := (commodity_key, month_end, port_code))
  )
);

SELECT
  commodity.commodity_key,
  commodity.commodity_name,
  fact.month_end, -- last business day of the month
  port.port_code,
  port.port_name,
  port.region, -- Europe or US
  fact.bags -- of 60 kg
FROM foundation.fct_ice_month_end AS fact
JOIN foundation.dim_commodity AS commodity
  ON commodity.commodity_key = fact.commodity_key
JOIN foundation.dim_port AS port
  ON port.port_key = fact.port_key
