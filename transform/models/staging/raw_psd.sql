-- Reads the landed PSD files as text. Grain: one row of a file (file, country, market year label, attribute), coffee only.
-- A file is either coffee alone or all commodities (2 million rows), so the filter stands in the reader.
-- Nothing is interpreted here: labels of Market_Year differ by era (see staging.psd_release), codes keep their zeros.
MODEL (
  name staging.raw_psd,
  kind FULL,
  start '1959-01-01',
  description 'USDA PSD rows as landed, all text, coffee (0711100) only. One row: one line of one landed file.',
  grain (path, usda_country_code, market_year_label, attribute_id),
  columns (
    path VARCHAR,
    usda_commodity_code VARCHAR,
    commodity_description VARCHAR,
    usda_country_code VARCHAR,
    country_name VARCHAR,
    market_year_label VARCHAR,
    calendar_year VARCHAR,
    month_number VARCHAR,
    attribute_id VARCHAR,
    attribute_name VARCHAR,
    unit_id VARCHAR,
    unit_description VARCHAR,
    value VARCHAR
  ),
  audits (
    not_null(columns := (path, usda_country_code, market_year_label, attribute_id, value)),
    unique_combination_of_columns_non_blocking(columns := (path, usda_country_code, market_year_label, attribute_id)),
    psd_unit_is_thousand_bags,
    psd_country_has_one_name
  )
);

SELECT
  regexp_extract(filename, 'psd/[0-9]{4}/[0-9]{2}/[^/]+$') AS path, -- relative to the landing zone, as in the manifest
  commodity_code AS usda_commodity_code,
  commodity_description,
  country_code AS usda_country_code,
  country_name,
  market_year AS market_year_label,
  calendar_year,
  month AS month_number,
  attribute_id,
  attribute_description AS attribute_name,
  unit_id,
  unit_description,
  value
FROM read_csv(
  @landing_dir || '/psd/*/*/*.csv.gzip',
  columns = {
    'commodity_code': 'VARCHAR',
    'commodity_description': 'VARCHAR',
    'country_code': 'VARCHAR',
    'country_name': 'VARCHAR',
    'market_year': 'VARCHAR',
    'calendar_year': 'VARCHAR',
    'month': 'VARCHAR',
    'attribute_id': 'VARCHAR',
    'attribute_description': 'VARCHAR',
    'unit_id': 'VARCHAR',
    'unit_description': 'VARCHAR',
    'value': 'VARCHAR'
  },
  auto_detect = false,
  header = true,
  delim = ',',
  quote = '"',
  escape = '"',
  compression = 'gzip',
  filename = true,
  hive_partitioning = false
)
WHERE
  commodity_code = '0711100'
