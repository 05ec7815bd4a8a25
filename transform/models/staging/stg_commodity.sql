-- Commodities with their surrogate keys. Grain: one commodity. A key is the MD5 of our own commodity_id, so it survives a publisher
-- that renames or recodes. Empty cells of the seed are unknown identifiers: NULL.
MODEL (
  name staging.stg_commodity,
  kind VIEW,
  description 'Commodities with surrogate keys. One row: one commodity.',
  grain commodity_key,
  columns (
    commodity_key VARCHAR,
    commodity_id VARCHAR,
    commodity_name VARCHAR,
    parent_commodity_key VARCHAR,
    usda_commodity_code VARCHAR,
    cftc_contract_market_code VARCHAR,
    ice_stock_report_code VARCHAR,
    ticker VARCHAR
  ),
  audits (
    not_null(columns := (commodity_key, commodity_name)),
    unique_values(columns := (commodity_key))
  )
);

SELECT
  MD5('commodity|' || commodity_id) AS commodity_key,
  commodity_id,
  commodity_name,
  MD5('commodity|' || NULLIF(parent_commodity_id, '')) AS parent_commodity_key,
  NULLIF(usda_commodity_code, '') AS usda_commodity_code,
  NULLIF(cftc_contract_market_code, '') AS cftc_contract_market_code,
  NULLIF(ice_stock_report_code, '') AS ice_stock_report_code,
  NULLIF(ticker, '') AS ticker
FROM staging.seed_commodity
