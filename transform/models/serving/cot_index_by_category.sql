-- COT index and percentile rank of every category of trader. Grain: commodity, report date, category. Formulas: foundation.fct_cot_index.
MODEL (
  name serving.cot_index_by_category,
  kind FULL,
  start '2006-06-13',
  description 'COT index and percentile rank of net positions by category of trader. One row: one category on one report date.',
  grain (commodity_key, report_date, category),
  columns (
    commodity_key VARCHAR,
    commodity_name VARCHAR,
    report_date DATE,
    category VARCHAR,
    net DECIMAL(18, 0),
    cot_index_26w DOUBLE,
    cot_index_52w DOUBLE,
    cot_index_156w DOUBLE,
    net_percentile_26w DOUBLE,
    net_percentile_52w DOUBLE,
    net_percentile_156w DOUBLE
  ),
  audits (
    not_null(columns := (commodity_key, commodity_name, report_date, category, net)),
    unique_combination_of_columns(columns := (commodity_key, report_date, category))
  )
);

SELECT
  placed.commodity_key,
  commodity.commodity_name,
  placed.report_date,
  placed.category, -- managed_money, producer, swap, other_reportable, nonreportable
  placed.net, -- contracts
  placed.cot_index_26w, -- 0 lowest, 100 highest of 26 reports
  placed.cot_index_52w, -- 0 lowest, 100 highest of 52 reports
  placed.cot_index_156w, -- 0 lowest, 100 highest of 156 reports
  placed.net_percentile_26w, -- % of 26 reports not above
  placed.net_percentile_52w, -- % of 52 reports not above
  placed.net_percentile_156w -- % of 156 reports not above
FROM foundation.fct_cot_index AS placed
JOIN foundation.dim_commodity AS commodity
  ON commodity.commodity_key = placed.commodity_key
