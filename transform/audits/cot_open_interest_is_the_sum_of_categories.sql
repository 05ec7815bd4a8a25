-- Every contract has a long and a short: both sides of all categories, spreads on both, make the open interest, and old and other crop do.
-- Holds in every row of the 14 real futures-only years. Warns only, since the break is upstream's.
AUDIT (
  name cot_open_interest_is_the_sum_of_categories,
  blocking false
);

SELECT
  cftc_contract_market_code,
  report_date,
  open_interest
FROM @this_model
WHERE
  open_interest <> producer_long + swap_long + swap_spread + managed_money_long + managed_money_spread + other_reportable_long + other_reportable_spread + nonreportable_long
  OR open_interest <> producer_short + swap_short + swap_spread + managed_money_short + managed_money_spread + other_reportable_short + other_reportable_spread + nonreportable_short
  OR open_interest <> open_interest_old + open_interest_other
