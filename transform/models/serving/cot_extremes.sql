-- When funds reached an extreme, and where the price went from the day that was published. Grain: commodity, report date.
-- An extreme begins with a report whose COT index of managed money over 156 reports is at least 90 ('high') or at most 10 ('low') while that of
-- the report before was not. The price is KC=F, an unadjusted splice of contracts: changes run across rolls.
-- close_at_release = newest close not after the release date (New York; the report comes out after the settlement), at most 8 days old.
-- change_Nw_pct = 100 * (newest close not after release + N weeks / close_at_release - 1), NULL while that day is still to come.
MODEL (
  name serving.cot_extremes,
  kind FULL,
  start '2006-06-13',
  description 'Beginnings of extremes of the managed-money COT index and the price after their release. One row: one beginning.',
  grain (commodity_key, report_date),
  columns (
    commodity_key VARCHAR,
    commodity_name VARCHAR,
    report_date DATE,
    release_date DATE,
    extreme VARCHAR,
    managed_money_net DECIMAL(18, 0),
    cot_index_156w DOUBLE,
    close_at_release DECIMAL(10, 4),
    change_4w_pct DOUBLE,
    change_13w_pct DOUBLE,
    change_26w_pct DOUBLE
  ),
  audits (
    not_null(columns := (commodity_key, commodity_name, report_date, release_date, cot_index_156w)),
    unique_combination_of_columns(columns := (commodity_key, report_date)),
    accepted_values(column := extreme, is_in := ('high', 'low'))
  )
);

WITH placed AS (
  SELECT
    commodity_key,
    report_date,
    net,
    cot_index_156w,
    LAG(cot_index_156w) OVER (PARTITION BY commodity_key ORDER BY report_date) AS previous_index
  FROM foundation.fct_cot_index
  WHERE
    category = 'managed_money'
), beginning AS (
  SELECT
    placed.commodity_key,
    placed.report_date,
    fact.release_date,
    CASE WHEN placed.cot_index_156w >= 90 THEN 'high' ELSE 'low' END AS extreme,
    placed.net,
    placed.cot_index_156w
  FROM placed
  JOIN foundation.fct_cot_positioning AS fact
    ON fact.commodity_key = placed.commodity_key
    AND fact.report_date = placed.report_date
  WHERE
    placed.cot_index_156w >= 90 AND COALESCE(placed.previous_index, 50) < 90
    OR placed.cot_index_156w <= 10 AND COALESCE(placed.previous_index, 50) > 10
), horizon AS (
  SELECT
    commodity_key,
    report_date,
    0 AS weeks,
    CAST(release_date AS TIMESTAMP) AS target
  FROM beginning
  UNION ALL
  SELECT
    commodity_key,
    report_date,
    4 AS weeks,
    CAST(release_date + INTERVAL '28' DAY AS TIMESTAMP) AS target
  FROM beginning
  UNION ALL
  SELECT
    commodity_key,
    report_date,
    13 AS weeks,
    CAST(release_date + INTERVAL '91' DAY AS TIMESTAMP) AS target
  FROM beginning
  UNION ALL
  SELECT
    commodity_key,
    report_date,
    26 AS weeks,
    CAST(release_date + INTERVAL '182' DAY AS TIMESTAMP) AS target
  FROM beginning
), newest AS (
  SELECT
    commodity_key,
    MAX(trade_date) AS trade_date
  FROM foundation.fct_price_daily
  GROUP BY
    commodity_key
), dated AS (
  SELECT
    horizon.commodity_key,
    horizon.report_date,
    horizon.weeks,
    MAX(price.trade_date) AS trade_date
  FROM horizon
  JOIN newest
    ON newest.commodity_key = horizon.commodity_key
    AND newest.trade_date >= horizon.target
  JOIN foundation.fct_price_daily AS price
    ON price.commodity_key = horizon.commodity_key
    AND price.trade_date <= horizon.target
    AND price.trade_date > horizon.target - INTERVAL '8' DAY
  GROUP BY
    horizon.commodity_key,
    horizon.report_date,
    horizon.weeks
), priced AS (
  SELECT
    dated.commodity_key,
    dated.report_date,
    MAX(CASE WHEN dated.weeks = 0 THEN price.close_usc_lb END) AS close_at_release,
    MAX(CASE WHEN dated.weeks = 4 THEN price.close_usc_lb END) AS close_4w,
    MAX(CASE WHEN dated.weeks = 13 THEN price.close_usc_lb END) AS close_13w,
    MAX(CASE WHEN dated.weeks = 26 THEN price.close_usc_lb END) AS close_26w
  FROM dated
  JOIN foundation.fct_price_daily AS price
    ON price.commodity_key = dated.commodity_key
    AND price.trade_date = dated.trade_date
  GROUP BY
    dated.commodity_key,
    dated.report_date
)
SELECT
  beginning.commodity_key,
  commodity.commodity_name,
  beginning.report_date, -- Tuesday, sometimes Monday
  beginning.release_date, -- New York
  beginning.extreme, -- high: index of 90 and more; low: of 10 and less
  beginning.net AS managed_money_net, -- contracts
  beginning.cot_index_156w,
  priced.close_at_release, -- US cents per pound
  100 * (CAST(priced.close_4w AS DOUBLE) / CAST(priced.close_at_release AS DOUBLE) - 1) AS change_4w_pct,
  100 * (CAST(priced.close_13w AS DOUBLE) / CAST(priced.close_at_release AS DOUBLE) - 1) AS change_13w_pct,
  100 * (CAST(priced.close_26w AS DOUBLE) / CAST(priced.close_at_release AS DOUBLE) - 1) AS change_26w_pct
FROM beginning
JOIN foundation.dim_commodity AS commodity
  ON commodity.commodity_key = beginning.commodity_key
LEFT JOIN priced
  ON priced.commodity_key = beginning.commodity_key
  AND priced.report_date = beginning.report_date
