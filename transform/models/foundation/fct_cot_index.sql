-- Where each category's net position stands among its latest reports. Grain: commodity, report date, category.
-- Windows count reports, with the current one; a window is NULL where fewer reports exist or a gap of more than 8 days lies inside
-- (fct_cot_positioning.report_number counts since the last gap).
--   cot_index_Nw = 100 * (net - lowest) / (highest - lowest) of the last N reports, NULL where they are equal;
--   net_percentile_Nw = 100 * (number of the last N nets not above the current one) / N.
-- The two differ: one net far from all others moves the index, not the rank.
MODEL (
  name foundation.fct_cot_index,
  kind FULL,
  start '2006-06-13',
  description 'COT index and percentile rank of net positions over 26, 52 and 156 reports. One row: one category of trader on one report date.',
  grain (commodity_key, report_date, category),
  columns (
    commodity_key VARCHAR,
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
    not_null(columns := (commodity_key, report_date, category, net)),
    unique_combination_of_columns(columns := (commodity_key, report_date, category)),
    accepted_values(
      column := category,
      is_in := ('producer', 'swap', 'managed_money', 'other_reportable', 'nonreportable')
    ),
    forall(
      criteria := (
        cot_index_26w BETWEEN 0 AND 100 OR cot_index_26w IS NULL,
        cot_index_52w BETWEEN 0 AND 100 OR cot_index_52w IS NULL,
        cot_index_156w BETWEEN 0 AND 100 OR cot_index_156w IS NULL,
        net_percentile_26w > 0 AND net_percentile_26w <= 100 OR net_percentile_26w IS NULL,
        net_percentile_52w > 0 AND net_percentile_52w <= 100 OR net_percentile_52w IS NULL,
        net_percentile_156w > 0 AND net_percentile_156w <= 100 OR net_percentile_156w IS NULL
      )
    )
  )
);

WITH position AS (
  SELECT
    commodity_key,
    report_date,
    report_run,
    report_number,
    'producer' AS category,
    producer_net AS net
  FROM foundation.fct_cot_positioning
  UNION ALL
  SELECT
    commodity_key,
    report_date,
    report_run,
    report_number,
    'swap' AS category,
    swap_net AS net
  FROM foundation.fct_cot_positioning
  UNION ALL
  SELECT
    commodity_key,
    report_date,
    report_run,
    report_number,
    'managed_money' AS category,
    managed_money_net AS net
  FROM foundation.fct_cot_positioning
  UNION ALL
  SELECT
    commodity_key,
    report_date,
    report_run,
    report_number,
    'other_reportable' AS category,
    other_reportable_net AS net
  FROM foundation.fct_cot_positioning
  UNION ALL
  SELECT
    commodity_key,
    report_date,
    report_run,
    report_number,
    'nonreportable' AS category,
    nonreportable_net AS net
  FROM foundation.fct_cot_positioning
), measured AS (
  SELECT
    today.commodity_key,
    today.report_date,
    today.category,
    today.report_number,
    today.net,
    MIN(CASE WHEN past.report_number > today.report_number - 26 THEN past.net END) AS lowest_26,
    MAX(CASE WHEN past.report_number > today.report_number - 26 THEN past.net END) AS highest_26,
    COUNT(CASE WHEN past.report_number > today.report_number - 26 AND past.net <= today.net THEN 1 END) AS not_above_26,
    MIN(CASE WHEN past.report_number > today.report_number - 52 THEN past.net END) AS lowest_52,
    MAX(CASE WHEN past.report_number > today.report_number - 52 THEN past.net END) AS highest_52,
    COUNT(CASE WHEN past.report_number > today.report_number - 52 AND past.net <= today.net THEN 1 END) AS not_above_52,
    MIN(CASE WHEN past.report_number > today.report_number - 156 THEN past.net END) AS lowest_156,
    MAX(CASE WHEN past.report_number > today.report_number - 156 THEN past.net END) AS highest_156,
    COUNT(
      CASE WHEN past.report_number > today.report_number - 156 AND past.net <= today.net THEN 1 END
    ) AS not_above_156
  FROM position AS today
  JOIN position AS past
    ON past.commodity_key = today.commodity_key
    AND past.category = today.category
    AND past.report_run = today.report_run
    AND past.report_number > today.report_number - 156
    AND past.report_number <= today.report_number
  GROUP BY
    today.commodity_key,
    today.report_date,
    today.category,
    today.report_number,
    today.net
)
SELECT
  commodity_key,
  report_date,
  category,
  net, -- contracts
  CASE
    WHEN report_number >= 26
      THEN 100 * CAST(net - lowest_26 AS DOUBLE) / NULLIF(CAST(highest_26 - lowest_26 AS DOUBLE), 0)
  END AS cot_index_26w,
  CASE
    WHEN report_number >= 52
      THEN 100 * CAST(net - lowest_52 AS DOUBLE) / NULLIF(CAST(highest_52 - lowest_52 AS DOUBLE), 0)
  END AS cot_index_52w,
  CASE
    WHEN report_number >= 156
      THEN 100 * CAST(net - lowest_156 AS DOUBLE) / NULLIF(CAST(highest_156 - lowest_156 AS DOUBLE), 0)
  END AS cot_index_156w,
  CASE WHEN report_number >= 26 THEN 100 * CAST(not_above_26 AS DOUBLE) / 26 END AS net_percentile_26w,
  CASE WHEN report_number >= 52 THEN 100 * CAST(not_above_52 AS DOUBLE) / 52 END AS net_percentile_52w,
  CASE WHEN report_number >= 156 THEN 100 * CAST(not_above_156 AS DOUBLE) / 156 END AS net_percentile_156w
FROM measured
