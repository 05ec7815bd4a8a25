-- Reads the landed COT files, futures only, as text. Grain: one line of a file (file, report date, contract), contracts of dim_commodity only.
-- A file holds every contract of its year (14,000 lines of 191 columns), and files of 2010 to 2014 have a blank after each closing quote,
-- which no CSV reader takes. So a file is read as lines, lines that cannot be about one of our contracts are dropped, and what is left is
-- taken apart here: columns by their name in the file's own header, whatever their order. The third column is called
-- Report_Date_as_MM_DD_YYYY up to 2012, with values that are ISO all the same.
-- Nothing is interpreted: numbers keep the blanks they are padded with, '.' is CFTC's missing value (fewer than four traders, or a first week).
MODEL (
  name staging.raw_cot,
  kind FULL,
  start '2006-06-13',
  description 'CFTC disaggregated futures-only reports as landed, all text, contracts of the ontology only. One row: one line of one landed file.',
  grain (path, cftc_contract_market_code, report_date),
  columns (
    path VARCHAR,
    market_name VARCHAR,
    report_date VARCHAR,
    cftc_contract_market_code VARCHAR,
    cftc_market_code VARCHAR,
    contract_units VARCHAR,
    report_type VARCHAR,
    open_interest VARCHAR,
    producer_long VARCHAR,
    producer_short VARCHAR,
    swap_long VARCHAR,
    swap_short VARCHAR,
    swap_spread VARCHAR,
    managed_money_long VARCHAR,
    managed_money_short VARCHAR,
    managed_money_spread VARCHAR,
    other_reportable_long VARCHAR,
    other_reportable_short VARCHAR,
    other_reportable_spread VARCHAR,
    reportable_long VARCHAR,
    reportable_short VARCHAR,
    nonreportable_long VARCHAR,
    nonreportable_short VARCHAR,
    open_interest_old VARCHAR,
    open_interest_other VARCHAR,
    open_interest_change VARCHAR,
    producer_long_change VARCHAR,
    producer_short_change VARCHAR,
    swap_long_change VARCHAR,
    swap_short_change VARCHAR,
    swap_spread_change VARCHAR,
    managed_money_long_change VARCHAR,
    managed_money_short_change VARCHAR,
    managed_money_spread_change VARCHAR,
    other_reportable_long_change VARCHAR,
    other_reportable_short_change VARCHAR,
    other_reportable_spread_change VARCHAR,
    reportable_long_change VARCHAR,
    reportable_short_change VARCHAR,
    nonreportable_long_change VARCHAR,
    nonreportable_short_change VARCHAR,
    producer_long_pct_oi VARCHAR,
    producer_short_pct_oi VARCHAR,
    swap_long_pct_oi VARCHAR,
    swap_short_pct_oi VARCHAR,
    swap_spread_pct_oi VARCHAR,
    managed_money_long_pct_oi VARCHAR,
    managed_money_short_pct_oi VARCHAR,
    managed_money_spread_pct_oi VARCHAR,
    other_reportable_long_pct_oi VARCHAR,
    other_reportable_short_pct_oi VARCHAR,
    other_reportable_spread_pct_oi VARCHAR,
    reportable_long_pct_oi VARCHAR,
    reportable_short_pct_oi VARCHAR,
    nonreportable_long_pct_oi VARCHAR,
    nonreportable_short_pct_oi VARCHAR,
    traders VARCHAR,
    producer_long_traders VARCHAR,
    producer_short_traders VARCHAR,
    swap_long_traders VARCHAR,
    swap_short_traders VARCHAR,
    swap_spread_traders VARCHAR,
    managed_money_long_traders VARCHAR,
    managed_money_short_traders VARCHAR,
    managed_money_spread_traders VARCHAR,
    other_reportable_long_traders VARCHAR,
    other_reportable_short_traders VARCHAR,
    other_reportable_spread_traders VARCHAR,
    reportable_long_traders VARCHAR,
    reportable_short_traders VARCHAR,
    top_4_gross_long_pct_oi VARCHAR,
    top_4_gross_short_pct_oi VARCHAR,
    top_8_gross_long_pct_oi VARCHAR,
    top_8_gross_short_pct_oi VARCHAR,
    top_4_net_long_pct_oi VARCHAR,
    top_4_net_short_pct_oi VARCHAR,
    top_8_net_long_pct_oi VARCHAR,
    top_8_net_short_pct_oi VARCHAR
  ),
  audits (
    not_null(columns := (path, report_date, cftc_contract_market_code, open_interest)),
    unique_combination_of_columns_non_blocking(columns := (path, cftc_contract_market_code, report_date)),
    accepted_values(column := report_type, is_in := ('FutOnly'))
  )
);

WITH line AS (
  SELECT
    regexp_extract(filename, 'cot/[0-9]{4}/[^/]+$') AS path, -- relative to the landing zone, as in the manifest
    text
  FROM read_csv(
    @landing_dir || '/cot/*/*.csv.gz',
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
    contains(text, 'CFTC_Contract_Market_Code')
), data_line AS (
  SELECT
    line.path,
    commodity.cftc_contract_market_code,
    regexp_extract_all(REPLACE(line.text, '" ,', '",'), '"[^"]*"|[^,"]+') AS fields
  FROM line
  JOIN staging.stg_commodity AS commodity
    ON contains(line.text, ',' || commodity.cftc_contract_market_code)
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
  TRIM(field['Market_and_Exchange_Names'], '" ') AS market_name,
  TRIM(COALESCE(field['Report_Date_as_YYYY-MM-DD'], field['Report_Date_as_MM_DD_YYYY'])) AS report_date,
  cftc_contract_market_code,
  TRIM(field['CFTC_Market_Code']) AS cftc_market_code,
  TRIM(field['Contract_Units'], '" ()') AS contract_units,
  TRIM(field['FutOnly_or_Combined'], '" ') AS report_type,
  field['Open_Interest_All'] AS open_interest,
  field['Prod_Merc_Positions_Long_All'] AS producer_long,
  field['Prod_Merc_Positions_Short_All'] AS producer_short,
  field['Swap_Positions_Long_All'] AS swap_long,
  field['Swap__Positions_Short_All'] AS swap_short,
  field['Swap__Positions_Spread_All'] AS swap_spread,
  field['M_Money_Positions_Long_All'] AS managed_money_long,
  field['M_Money_Positions_Short_All'] AS managed_money_short,
  field['M_Money_Positions_Spread_All'] AS managed_money_spread,
  field['Other_Rept_Positions_Long_All'] AS other_reportable_long,
  field['Other_Rept_Positions_Short_All'] AS other_reportable_short,
  field['Other_Rept_Positions_Spread_All'] AS other_reportable_spread,
  field['Tot_Rept_Positions_Long_All'] AS reportable_long,
  field['Tot_Rept_Positions_Short_All'] AS reportable_short,
  field['NonRept_Positions_Long_All'] AS nonreportable_long,
  field['NonRept_Positions_Short_All'] AS nonreportable_short,
  field['Open_Interest_Old'] AS open_interest_old,
  field['Open_Interest_Other'] AS open_interest_other,
  field['Change_in_Open_Interest_All'] AS open_interest_change,
  field['Change_in_Prod_Merc_Long_All'] AS producer_long_change,
  field['Change_in_Prod_Merc_Short_All'] AS producer_short_change,
  field['Change_in_Swap_Long_All'] AS swap_long_change,
  field['Change_in_Swap_Short_All'] AS swap_short_change,
  field['Change_in_Swap_Spread_All'] AS swap_spread_change,
  field['Change_in_M_Money_Long_All'] AS managed_money_long_change,
  field['Change_in_M_Money_Short_All'] AS managed_money_short_change,
  field['Change_in_M_Money_Spread_All'] AS managed_money_spread_change,
  field['Change_in_Other_Rept_Long_All'] AS other_reportable_long_change,
  field['Change_in_Other_Rept_Short_All'] AS other_reportable_short_change,
  field['Change_in_Other_Rept_Spread_All'] AS other_reportable_spread_change,
  field['Change_in_Tot_Rept_Long_All'] AS reportable_long_change,
  field['Change_in_Tot_Rept_Short_All'] AS reportable_short_change,
  field['Change_in_NonRept_Long_All'] AS nonreportable_long_change,
  field['Change_in_NonRept_Short_All'] AS nonreportable_short_change,
  field['Pct_of_OI_Prod_Merc_Long_All'] AS producer_long_pct_oi,
  field['Pct_of_OI_Prod_Merc_Short_All'] AS producer_short_pct_oi,
  field['Pct_of_OI_Swap_Long_All'] AS swap_long_pct_oi,
  field['Pct_of_OI_Swap_Short_All'] AS swap_short_pct_oi,
  field['Pct_of_OI_Swap_Spread_All'] AS swap_spread_pct_oi,
  field['Pct_of_OI_M_Money_Long_All'] AS managed_money_long_pct_oi,
  field['Pct_of_OI_M_Money_Short_All'] AS managed_money_short_pct_oi,
  field['Pct_of_OI_M_Money_Spread_All'] AS managed_money_spread_pct_oi,
  field['Pct_of_OI_Other_Rept_Long_All'] AS other_reportable_long_pct_oi,
  field['Pct_of_OI_Other_Rept_Short_All'] AS other_reportable_short_pct_oi,
  field['Pct_of_OI_Other_Rept_Spread_All'] AS other_reportable_spread_pct_oi,
  field['Pct_of_OI_Tot_Rept_Long_All'] AS reportable_long_pct_oi,
  field['Pct_of_OI_Tot_Rept_Short_All'] AS reportable_short_pct_oi,
  field['Pct_of_OI_NonRept_Long_All'] AS nonreportable_long_pct_oi,
  field['Pct_of_OI_NonRept_Short_All'] AS nonreportable_short_pct_oi,
  field['Traders_Tot_All'] AS traders,
  field['Traders_Prod_Merc_Long_All'] AS producer_long_traders,
  field['Traders_Prod_Merc_Short_All'] AS producer_short_traders,
  field['Traders_Swap_Long_All'] AS swap_long_traders,
  field['Traders_Swap_Short_All'] AS swap_short_traders,
  field['Traders_Swap_Spread_All'] AS swap_spread_traders,
  field['Traders_M_Money_Long_All'] AS managed_money_long_traders,
  field['Traders_M_Money_Short_All'] AS managed_money_short_traders,
  field['Traders_M_Money_Spread_All'] AS managed_money_spread_traders,
  field['Traders_Other_Rept_Long_All'] AS other_reportable_long_traders,
  field['Traders_Other_Rept_Short_All'] AS other_reportable_short_traders,
  field['Traders_Other_Rept_Spread_All'] AS other_reportable_spread_traders,
  field['Traders_Tot_Rept_Long_All'] AS reportable_long_traders,
  field['Traders_Tot_Rept_Short_All'] AS reportable_short_traders,
  field['Conc_Gross_LE_4_TDR_Long_All'] AS top_4_gross_long_pct_oi,
  field['Conc_Gross_LE_4_TDR_Short_All'] AS top_4_gross_short_pct_oi,
  field['Conc_Gross_LE_8_TDR_Long_All'] AS top_8_gross_long_pct_oi,
  field['Conc_Gross_LE_8_TDR_Short_All'] AS top_8_gross_short_pct_oi,
  field['Conc_Net_LE_4_TDR_Long_All'] AS top_4_net_long_pct_oi,
  field['Conc_Net_LE_4_TDR_Short_All'] AS top_4_net_short_pct_oi,
  field['Conc_Net_LE_8_TDR_Long_All'] AS top_8_net_long_pct_oi,
  field['Conc_Net_LE_8_TDR_Short_All'] AS top_8_net_short_pct_oi
FROM named
WHERE
  TRIM(field['CFTC_Contract_Market_Code'], '" ') = cftc_contract_market_code
