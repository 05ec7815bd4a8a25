-- CFTC prints the change of each position on the report before. Where that report is here, it is the difference of the two.
-- Warns only: a break is upstream's, or a revision of one week without the next.
AUDIT (
  name cot_change_is_the_difference,
  blocking false
);

WITH followed AS (
  SELECT
    cftc_contract_market_code,
    report_date,
    LAG(report_date) OVER (PARTITION BY cftc_contract_market_code ORDER BY report_date) AS previous_report_date,
    open_interest
      - LAG(open_interest) OVER (PARTITION BY cftc_contract_market_code ORDER BY report_date)
      - open_interest_change AS open_interest_excess,
    producer_long
      - LAG(producer_long) OVER (PARTITION BY cftc_contract_market_code ORDER BY report_date)
      - producer_long_change AS producer_long_excess,
    producer_short
      - LAG(producer_short) OVER (PARTITION BY cftc_contract_market_code ORDER BY report_date)
      - producer_short_change AS producer_short_excess,
    swap_long
      - LAG(swap_long) OVER (PARTITION BY cftc_contract_market_code ORDER BY report_date)
      - swap_long_change AS swap_long_excess,
    swap_short
      - LAG(swap_short) OVER (PARTITION BY cftc_contract_market_code ORDER BY report_date)
      - swap_short_change AS swap_short_excess,
    swap_spread
      - LAG(swap_spread) OVER (PARTITION BY cftc_contract_market_code ORDER BY report_date)
      - swap_spread_change AS swap_spread_excess,
    managed_money_long
      - LAG(managed_money_long) OVER (PARTITION BY cftc_contract_market_code ORDER BY report_date)
      - managed_money_long_change AS managed_money_long_excess,
    managed_money_short
      - LAG(managed_money_short) OVER (PARTITION BY cftc_contract_market_code ORDER BY report_date)
      - managed_money_short_change AS managed_money_short_excess,
    managed_money_spread
      - LAG(managed_money_spread) OVER (PARTITION BY cftc_contract_market_code ORDER BY report_date)
      - managed_money_spread_change AS managed_money_spread_excess,
    other_reportable_long
      - LAG(other_reportable_long) OVER (PARTITION BY cftc_contract_market_code ORDER BY report_date)
      - other_reportable_long_change AS other_reportable_long_excess,
    other_reportable_short
      - LAG(other_reportable_short) OVER (PARTITION BY cftc_contract_market_code ORDER BY report_date)
      - other_reportable_short_change AS other_reportable_short_excess,
    other_reportable_spread
      - LAG(other_reportable_spread) OVER (PARTITION BY cftc_contract_market_code ORDER BY report_date)
      - other_reportable_spread_change AS other_reportable_spread_excess,
    reportable_long
      - LAG(reportable_long) OVER (PARTITION BY cftc_contract_market_code ORDER BY report_date)
      - reportable_long_change AS reportable_long_excess,
    reportable_short
      - LAG(reportable_short) OVER (PARTITION BY cftc_contract_market_code ORDER BY report_date)
      - reportable_short_change AS reportable_short_excess,
    nonreportable_long
      - LAG(nonreportable_long) OVER (PARTITION BY cftc_contract_market_code ORDER BY report_date)
      - nonreportable_long_change AS nonreportable_long_excess,
    nonreportable_short
      - LAG(nonreportable_short) OVER (PARTITION BY cftc_contract_market_code ORDER BY report_date)
      - nonreportable_short_change AS nonreportable_short_excess
  FROM @this_model
)
SELECT
  *
FROM followed
WHERE
  report_date <= previous_report_date + INTERVAL '8' DAY
  AND (
    open_interest_excess <> 0
      OR producer_long_excess <> 0
      OR producer_short_excess <> 0
      OR swap_long_excess <> 0
      OR swap_short_excess <> 0
      OR swap_spread_excess <> 0
      OR managed_money_long_excess <> 0
      OR managed_money_short_excess <> 0
      OR managed_money_spread_excess <> 0
      OR other_reportable_long_excess <> 0
      OR other_reportable_short_excess <> 0
      OR other_reportable_spread_excess <> 0
      OR reportable_long_excess <> 0
      OR reportable_short_excess <> 0
      OR nonreportable_long_excess <> 0
      OR nonreportable_short_excess <> 0
  )
