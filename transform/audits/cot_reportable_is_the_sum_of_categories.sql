-- What is reportable is the four categories above CFTC's reporting level, with their spreads. Warns only, since the break is upstream's.
AUDIT (
  name cot_reportable_is_the_sum_of_categories,
  blocking false
);

SELECT
  cftc_contract_market_code,
  report_date,
  reportable_long,
  reportable_short
FROM @this_model
WHERE
  reportable_long <> producer_long + swap_long + swap_spread + managed_money_long + managed_money_spread + other_reportable_long + other_reportable_spread
  OR reportable_short <> producer_short + swap_short + swap_spread + managed_money_short + managed_money_spread + other_reportable_short + other_reportable_spread
