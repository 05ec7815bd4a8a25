-- CFTC prints each position in percent of the open interest, rounded to one decimal; near a half it may go
-- either way (3 of 32,895 cells of the real weeks, by less than 0.0001). Warns only, since the break is upstream's.
AUDIT (
  name cot_percentage_is_of_open_interest,
  blocking false
);

SELECT
  cftc_contract_market_code,
  report_date,
  open_interest
FROM @this_model
WHERE
  open_interest > 0
  AND (
    ABS(
      100 * CAST(producer_long AS DOUBLE) / CAST(open_interest AS DOUBLE) - CAST(producer_long_pct_oi AS DOUBLE)
    ) > 0.0502
      OR ABS(
        100 * CAST(producer_short AS DOUBLE) / CAST(open_interest AS DOUBLE) - CAST(producer_short_pct_oi AS DOUBLE)
      ) > 0.0502
      OR ABS(
        100 * CAST(swap_long AS DOUBLE) / CAST(open_interest AS DOUBLE) - CAST(swap_long_pct_oi AS DOUBLE)
      ) > 0.0502
      OR ABS(
        100 * CAST(swap_short AS DOUBLE) / CAST(open_interest AS DOUBLE) - CAST(swap_short_pct_oi AS DOUBLE)
      ) > 0.0502
      OR ABS(
        100 * CAST(swap_spread AS DOUBLE) / CAST(open_interest AS DOUBLE) - CAST(swap_spread_pct_oi AS DOUBLE)
      ) > 0.0502
      OR ABS(
        100 * CAST(managed_money_long AS DOUBLE) / CAST(open_interest AS DOUBLE)
          - CAST(managed_money_long_pct_oi AS DOUBLE)
      ) > 0.0502
      OR ABS(
        100 * CAST(managed_money_short AS DOUBLE) / CAST(open_interest AS DOUBLE)
          - CAST(managed_money_short_pct_oi AS DOUBLE)
      ) > 0.0502
      OR ABS(
        100 * CAST(managed_money_spread AS DOUBLE) / CAST(open_interest AS DOUBLE)
          - CAST(managed_money_spread_pct_oi AS DOUBLE)
      ) > 0.0502
      OR ABS(
        100 * CAST(other_reportable_long AS DOUBLE) / CAST(open_interest AS DOUBLE)
          - CAST(other_reportable_long_pct_oi AS DOUBLE)
      ) > 0.0502
      OR ABS(
        100 * CAST(other_reportable_short AS DOUBLE) / CAST(open_interest AS DOUBLE)
          - CAST(other_reportable_short_pct_oi AS DOUBLE)
      ) > 0.0502
      OR ABS(
        100 * CAST(other_reportable_spread AS DOUBLE) / CAST(open_interest AS DOUBLE)
          - CAST(other_reportable_spread_pct_oi AS DOUBLE)
      ) > 0.0502
      OR ABS(
        100 * CAST(reportable_long AS DOUBLE) / CAST(open_interest AS DOUBLE) - CAST(reportable_long_pct_oi AS DOUBLE)
      ) > 0.0502
      OR ABS(
        100 * CAST(reportable_short AS DOUBLE) / CAST(open_interest AS DOUBLE) - CAST(reportable_short_pct_oi AS DOUBLE)
      ) > 0.0502
      OR ABS(
        100 * CAST(nonreportable_long AS DOUBLE) / CAST(open_interest AS DOUBLE)
          - CAST(nonreportable_long_pct_oi AS DOUBLE)
      ) > 0.0502
      OR ABS(
        100 * CAST(nonreportable_short AS DOUBLE) / CAST(open_interest AS DOUBLE)
          - CAST(nonreportable_short_pct_oi AS DOUBLE)
      ) > 0.0502
  )
