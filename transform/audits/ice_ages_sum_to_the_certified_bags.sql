-- The ages of a month end sum to the certified bags of the same day. Warns only, since the break is ICE's.
AUDIT (
  name ice_ages_sum_to_the_certified_bags,
  blocking false
);

SELECT
  commodity_key,
  report_date,
  SUM(bags) - MAX(certified_bags) AS excess
FROM @this_model
GROUP BY
  commodity_key,
  report_date
HAVING
  SUM(bags) <> MAX(certified_bags)
