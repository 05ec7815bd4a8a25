-- Reads the landed PSD files as text. Grain: one row of a file (file, country, market year label, attribute), coffee only.
-- A file is either coffee alone or all commodities (2 million rows), so the filter stands in the reader.
-- Columns are found by the names in each file's own header, so a file with its columns in another order, or with up to four new
-- ones, is read right; a column that lost its name is NULL and its audit stops the plan. DuckDB's reader knows given columns by place only,
-- and one that guesses would guess more than names, so the header is read as a line like others.
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

WITH line AS (
  SELECT
    filename,
    regexp_extract(filename, 'psd/[0-9]{4}/[0-9]{2}/[^/]+$') AS path,
    [c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16] AS cells
  FROM read_csv(
    @landing_dir || '/psd/*/*/*.csv.gzip',
    columns = {
      'c1': 'VARCHAR',
      'c2': 'VARCHAR',
      'c3': 'VARCHAR',
      'c4': 'VARCHAR',
      'c5': 'VARCHAR',
      'c6': 'VARCHAR',
      'c7': 'VARCHAR',
      'c8': 'VARCHAR',
      'c9': 'VARCHAR',
      'c10': 'VARCHAR',
      'c11': 'VARCHAR',
      'c12': 'VARCHAR',
      'c13': 'VARCHAR',
      'c14': 'VARCHAR',
      'c15': 'VARCHAR',
      'c16': 'VARCHAR'
    },
    auto_detect = FALSE,
    header = FALSE,
    null_padding = TRUE,
    delim = ',',
    quote = '"',
    escape = '"',
    compression = 'gzip',
    filename = TRUE,
    hive_partitioning = FALSE
  )
  WHERE
    c1 IN ('0711100', 'Commodity_Code')
    OR list_has_any(
      [c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16],
      ['0711100', 'Commodity_Code']
    )
), header AS (
  SELECT
    filename,
    list_position(cells, 'Commodity_Code') AS commodity_code_at,
    list_position(cells, 'Commodity_Description') AS commodity_description_at,
    list_position(cells, 'Country_Code') AS country_code_at,
    list_position(cells, 'Country_Name') AS country_name_at,
    list_position(cells, 'Market_Year') AS market_year_at,
    list_position(cells, 'Calendar_Year') AS calendar_year_at,
    list_position(cells, 'Month') AS month_at,
    list_position(cells, 'Attribute_ID') AS attribute_id_at,
    list_position(cells, 'Attribute_Description') AS attribute_description_at,
    list_position(cells, 'Unit_ID') AS unit_id_at,
    list_position(cells, 'Unit_Description') AS unit_description_at,
    list_position(cells, 'Value') AS value_at
  FROM line
  WHERE
    list_contains(cells, 'Commodity_Code')
)
SELECT
  line.path, -- relative to the landing zone, as in the manifest
  list_extract(line.cells, header.commodity_code_at) AS usda_commodity_code,
  list_extract(line.cells, header.commodity_description_at) AS commodity_description,
  list_extract(line.cells, header.country_code_at) AS usda_country_code,
  list_extract(line.cells, header.country_name_at) AS country_name,
  list_extract(line.cells, header.market_year_at) AS market_year_label,
  list_extract(line.cells, header.calendar_year_at) AS calendar_year,
  list_extract(line.cells, header.month_at) AS month_number,
  list_extract(line.cells, header.attribute_id_at) AS attribute_id,
  list_extract(line.cells, header.attribute_description_at) AS attribute_name,
  list_extract(line.cells, header.unit_id_at) AS unit_id,
  list_extract(line.cells, header.unit_description_at) AS unit_description,
  list_extract(line.cells, header.value_at) AS value
FROM line
JOIN header
  ON header.filename = line.filename
WHERE
  list_extract(line.cells, header.commodity_code_at) = '0711100'
