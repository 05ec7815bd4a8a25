-- A contract expires once in its month: two rolls in a month would mean that the rule took a quiet week for one.
AUDIT (
  name price_roll_once_a_month,
  blocking false
);

SELECT
  ticker,
  EXTRACT(YEAR FROM trade_date) AS roll_year,
  EXTRACT(MONTH FROM trade_date) AS roll_month,
  COUNT(*) AS rolls
FROM @this_model
WHERE
  is_roll
GROUP BY
  ticker,
  EXTRACT(YEAR FROM trade_date),
  EXTRACT(MONTH FROM trade_date)
HAVING
  COUNT(*) > 1
