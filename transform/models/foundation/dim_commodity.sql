-- The ontology: one row a commodity, joining the worlds of USDA, CFTC, ICE and Yahoo. Grain: one commodity.
-- USDA counts coffee as one (0711100); CFTC, ICE and the KC contract are arabica alone. So 'Coffee' is the parent of its species, and
-- every external identifier stands in exactly one row: a fact reaches its commodity by the identifier of its publisher.
MODEL (
  name foundation.dim_commodity,
  kind FULL,
  start '1959-01-01',
  description 'Commodities with the identifier of every publisher. One row: one commodity.',
  grain commodity_key,
  columns (
    commodity_key VARCHAR,
    commodity_name VARCHAR,
    parent_commodity_key VARCHAR,
    usda_commodity_code VARCHAR,
    cftc_contract_market_code VARCHAR,
    ice_stock_report_code VARCHAR,
    ticker VARCHAR
  ),
  audits (
    not_null(columns := (commodity_key, commodity_name)),
    unique_values(columns := (commodity_key, commodity_name)),
    number_of_rows(threshold := 0),
    commodity_identifier_in_one_row,
    commodity_parent_exists
  )
);

SELECT
  commodity_key,
  commodity_name,
  parent_commodity_key, -- NULL at the top
  usda_commodity_code, -- PSD Commodity_Code, 7 digits
  cftc_contract_market_code, -- 6 digits
  ice_stock_report_code, -- stem of ICE's daily certified stock files
  ticker -- Yahoo
FROM staging.stg_commodity
