-- The ontology of commodities as a person writes it: one row a commodity, with the name that each publisher knows it by.
-- A further source adds a column here, and nothing else about commodities anywhere.
-- Codes: USDA PSD Commodity_Code, CFTC contract market code, the stem of ICE's daily report files, Yahoo's ticker.
MODEL (
  name staging.seed_commodity,
  kind SEED (
    path '../../seeds/seed_commodity.csv',
    csv_settings (keep_default_na = false)
  ),
  description 'Commodities and their external identifiers, written by hand. One row: one commodity.',
  grain commodity_id,
  columns (
    commodity_id VARCHAR,
    commodity_name VARCHAR,
    parent_commodity_id VARCHAR,
    usda_commodity_code VARCHAR,
    cftc_contract_market_code VARCHAR,
    ice_stock_report_code VARCHAR,
    ticker VARCHAR
  ),
  audits (
    not_null(columns := (commodity_id, commodity_name)),
    unique_values(columns := (commodity_id, commodity_name)),
    number_of_rows(threshold := 0)
  )
);
