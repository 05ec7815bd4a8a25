-- Every long is somebody's short, so the nets of all categories sum to nothing. Warns only, since the break is upstream's.
AUDIT (
  name cot_nets_cancel_out,
  blocking false
);

SELECT
  commodity_key,
  report_date,
  producer_net + swap_net + managed_money_net + other_reportable_net + nonreportable_net AS excess
FROM @this_model
WHERE
  producer_net + swap_net + managed_money_net + other_reportable_net + nonreportable_net <> 0
