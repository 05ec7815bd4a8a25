-- Ending stocks of a season are the beginning stocks of the next, within one release. Warns only, since the break is upstream's.
AUDIT (
  name psd_stocks_carry_over,
  blocking false
);

SELECT
  this_year.country_key,
  this_year.release_date,
  this_year.market_year,
  next_year.beginning_stocks - this_year.ending_stocks AS excess
FROM @this_model AS this_year
JOIN @this_model AS next_year
  ON next_year.commodity_key = this_year.commodity_key
  AND next_year.country_key = this_year.country_key
  AND next_year.release_key = this_year.release_key
  AND next_year.market_year = this_year.market_year + 1
WHERE
  next_year.beginning_stocks <> this_year.ending_stocks
