-- Reads the landed legacy COT files, futures only, as text. Grain: one line of a file (file, report date, contract), contracts of dim_commodity
-- only. A file holds every contract of its year (13,000 lines of 129 columns), so it is read as lines, lines that cannot be about one of
-- our contracts are dropped, and what is left is taken apart by the names in the file's own header, whatever their order.
-- Nothing is interpreted: numbers keep the blanks they are padded with, '.' is CFTC's missing value.
MODEL (
  name staging.raw_cot_legacy,
  kind FULL,
  start '1986-01-15',
  description 'CFTC legacy futures-only reports as landed, all text, contracts of the ontology only. One row: one line of one landed file.',
  grain (path, cftc_contract_market_code, report_date),
  columns (
    path VARCHAR,
    market_name VARCHAR,
    report_date VARCHAR,
    cftc_contract_market_code VARCHAR,
    contract_units VARCHAR,
    open_interest VARCHAR,
    noncommercial_long VARCHAR,
    noncommercial_short VARCHAR,
    noncommercial_spread VARCHAR,
    commercial_long VARCHAR,
    commercial_short VARCHAR,
    reportable_long VARCHAR,
    reportable_short VARCHAR,
    nonreportable_long VARCHAR,
    nonreportable_short VARCHAR,
    traders VARCHAR
  ),
  audits (
    not_null(columns := (path, report_date, cftc_contract_market_code, open_interest)),
    unique_combination_of_columns_non_blocking(columns := (path, cftc_contract_market_code, report_date))
  )
);

WITH line AS (
  SELECT
    regexp_extract(filename, 'cot_legacy/[0-9]{4}/[^/]+$') AS path, -- relative to the landing zone, as in the manifest
    text
  FROM read_csv(
    @landing_dir || '/cot_legacy/*/*.csv.gz',
    columns = {'text': 'VARCHAR'},
    auto_detect = FALSE,
    header = FALSE,
    delim = '\t',
    quote = '',
    escape = '',
    compression = 'gzip',
    filename = TRUE,
    hive_partitioning = FALSE
  )
), header AS (
  SELECT
    path,
    string_split(REPLACE(text, '"', ''), ',') AS names
  FROM line
  WHERE
    contains(text, 'CFTC Contract Market Code')
), data_line AS (
  SELECT
    line.path,
    commodity.cftc_contract_market_code,
    regexp_extract_all(line.text, '(?:^|,)( *"[^"]*" *|[^,"]*)', 1) AS fields
  FROM line
  JOIN staging.stg_commodity AS commodity
    ON contains(line.text, commodity.cftc_contract_market_code)
), named AS (
  SELECT
    data_line.path,
    data_line.cftc_contract_market_code,
    MAP(header.names, data_line.fields) AS field
  FROM data_line
  JOIN header
    ON header.path = data_line.path
)
SELECT
  path,
  TRIM(field['Market and Exchange Names'], '" ') AS market_name,
  TRIM(field['As of Date in Form YYYY-MM-DD']) AS report_date,
  cftc_contract_market_code,
  TRIM(field['Contract Units'], '" ()') AS contract_units,
  field['Open Interest (All)'] AS open_interest,
  field['Noncommercial Positions-Long (All)'] AS noncommercial_long,
  field['Noncommercial Positions-Short (All)'] AS noncommercial_short,
  field['Noncommercial Positions-Spreading (All)'] AS noncommercial_spread,
  field['Commercial Positions-Long (All)'] AS commercial_long,
  field['Commercial Positions-Short (All)'] AS commercial_short,
  COALESCE(
    field[' Total Reportable Positions-Long (All)'],
    field['Total Reportable Positions-Long (All)']
  ) AS reportable_long, -- a blank of upstream's own
  field['Total Reportable Positions-Short (All)'] AS reportable_short,
  field['Nonreportable Positions-Long (All)'] AS nonreportable_long,
  field['Nonreportable Positions-Short (All)'] AS nonreportable_short,
  field['Traders-Total (All)'] AS traders
FROM named
WHERE
  TRIM(field['CFTC Contract Market Code'], '" ') = cftc_contract_market_code
