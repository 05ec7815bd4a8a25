-- Certified stocks of arabica at ICE, day by day. Grain: commodity, report date. Bags of 60 kg; a contract is 37,500 lb, 283.495 bags.
-- transition_bags are part of certified_bags and never added. A section that the day's report lacks is NULL: unknown, not zero.
-- Formulas:
--   change_bags = certified_bags less those of the report before; avg_30d_bags = mean of the last 30 reports with this one. Both are NULL
--   where there are fewer reports, or where more than 8 days lie between two of them: the days between are missing.
--   high_52w_bags = largest of the report dates after the same day one year before; drawdown_52w_pct = 100 * (certified_bags / high_52w_bags
--   - 1), 0 at the high. NULL until the history reaches back a year, and where it has a gap of more than 8 days within.
--   days_of_use = certified_bags / (yearly_use_bags / 365). Whose use: the WORLD's, of all coffee, as PSD counts domestic consumption, summed
--   over countries in the newest release; PSD does not split consumption by species, so this understates how long arabica lasts. Of the
--   season (October to September) that the report date falls in or, where PSD has it not yet, the newest before; use_market_year says which.
MODEL (
  name serving.ice_warehouse_stocks,
  kind FULL,
  start '2016-01-04',
  description 'ICE certified coffee stocks, grading and days of use, in bags. One row: one report date.',
  grain (commodity_key, report_date),
  columns (
    commodity_key VARCHAR,
    commodity_name VARCHAR,
    report_date DATE,
    known_at TIMESTAMP,
    is_known_at_assumed BOOLEAN,
    certified_bags DECIMAL(18, 0),
    transition_bags DECIMAL(18, 0),
    pending_bags DECIMAL(18, 0),
    passed_bags DECIMAL(18, 0),
    failed_bags DECIMAL(18, 0),
    change_bags DECIMAL(18, 0),
    europe_bags DECIMAL(18, 0),
    us_bags DECIMAL(18, 0),
    avg_30d_bags DOUBLE,
    high_52w_bags DECIMAL(18, 0),
    drawdown_52w_pct DOUBLE,
    use_market_year INTEGER,
    yearly_use_bags DECIMAL(18, 0),
    days_of_use DOUBLE
  ),
  audits (
    not_null(columns := (commodity_key, commodity_name, report_date, known_at, certified_bags, europe_bags, us_bags)),
    unique_combination_of_columns(columns := (commodity_key, report_date)),
    forall(criteria := (drawdown_52w_pct <= 0)),
    forall_non_blocking(criteria := (europe_bags + us_bags = certified_bags, transition_bags <= certified_bags))
  )
);

WITH report AS (
  SELECT
    fact.commodity_key,
    fact.report_date,
    MAX(fact.known_at) AS known_at,
    MAX(CASE WHEN fact.is_known_at_assumed THEN 1 ELSE 0 END) = 1 AS is_known_at_assumed,
    SUM(CASE WHEN fact.section = 'certified' THEN fact.bags END) AS certified_bags,
    SUM(CASE WHEN fact.section = 'transition' THEN fact.bags END) AS transition_bags,
    SUM(CASE WHEN fact.section = 'pending' THEN fact.bags END) AS pending_bags,
    SUM(CASE WHEN fact.section = 'passed' THEN fact.bags END) AS passed_bags,
    SUM(CASE WHEN fact.section = 'failed' THEN fact.bags END) AS failed_bags,
    SUM(CASE WHEN fact.section = 'certified' AND port.region = 'Europe' THEN fact.bags ELSE 0 END) AS europe_bags,
    SUM(CASE WHEN fact.section = 'certified' AND port.region = 'US' THEN fact.bags ELSE 0 END) AS us_bags
  FROM foundation.fct_ice_stock AS fact
  LEFT JOIN foundation.dim_port AS port
    ON port.port_key = fact.port_key
  GROUP BY
    fact.commodity_key,
    fact.report_date
), followed AS (
  SELECT
    *,
    LAG(certified_bags) OVER (PARTITION BY commodity_key ORDER BY report_date) AS previous_bags,
    LAG(report_date) OVER (PARTITION BY commodity_key ORDER BY report_date) AS previous_date,
    MIN(report_date) OVER (PARTITION BY commodity_key) AS first_report_date,
    SUM(certified_bags) OVER (
      PARTITION BY commodity_key
      ORDER BY report_date
      ROWS BETWEEN 29 PRECEDING AND CURRENT ROW
    ) AS bags_30,
    COUNT(*) OVER (
      PARTITION BY commodity_key
      ORDER BY report_date
      ROWS BETWEEN 29 PRECEDING AND CURRENT ROW
    ) AS reports_30
  FROM report
), spaced AS (
  SELECT
    *,
    CASE WHEN report_date > previous_date + INTERVAL '8' DAY THEN 1 ELSE 0 END AS after_gap
  FROM followed
), counted AS (
  SELECT
    *,
    SUM(after_gap) OVER (
      PARTITION BY commodity_key
      ORDER BY report_date
      ROWS BETWEEN 28 PRECEDING AND CURRENT ROW
    ) AS gaps_30
  FROM spaced
), year_range AS (
  SELECT
    today.commodity_key,
    today.report_date,
    MAX(day.certified_bags) AS high_52w_bags,
    SUM(day.after_gap) AS gaps
  FROM counted AS today
  JOIN counted AS day
    ON day.commodity_key = today.commodity_key
    AND day.report_date > today.report_date - INTERVAL '1' YEAR
    AND day.report_date <= today.report_date
  WHERE
    today.first_report_date <= today.report_date - INTERVAL '1' YEAR
  GROUP BY
    today.commodity_key,
    today.report_date
), newest_release AS (
  SELECT
    commodity_key,
    MAX(release_date) AS release_date
  FROM foundation.fct_psd_balance
  GROUP BY
    commodity_key
), world_use AS (
  SELECT
    balance.commodity_key,
    balance.market_year,
    1000 * SUM(balance.domestic_consumption) AS yearly_use_bags
  FROM foundation.fct_psd_balance AS balance
  JOIN newest_release
    ON newest_release.commodity_key = balance.commodity_key
    AND newest_release.release_date = balance.release_date
  GROUP BY
    balance.commodity_key,
    balance.market_year
  HAVING
    SUM(balance.domestic_consumption) > 0
), use_season AS (
  SELECT
    counted.commodity_key,
    counted.report_date,
    MAX(world_use.market_year) AS market_year
  FROM counted
  JOIN foundation.dim_commodity AS commodity
    ON commodity.commodity_key = counted.commodity_key
  JOIN world_use
    ON world_use.commodity_key = commodity.parent_commodity_key
    AND world_use.market_year <= CASE
      WHEN EXTRACT(MONTH FROM counted.report_date) >= 10 THEN EXTRACT(YEAR FROM counted.report_date)
      ELSE EXTRACT(YEAR FROM counted.report_date) - 1
    END
  GROUP BY
    counted.commodity_key,
    counted.report_date
)
SELECT
  counted.commodity_key,
  commodity.commodity_name,
  counted.report_date,
  counted.known_at, -- UTC
  counted.is_known_at_assumed,
  CAST(counted.certified_bags AS DECIMAL(18, 0)) AS certified_bags,
  CAST(counted.transition_bags AS DECIMAL(18, 0)) AS transition_bags, -- a part of certified_bags
  CAST(counted.pending_bags AS DECIMAL(18, 0)) AS pending_bags, -- waits to be graded
  CAST(counted.passed_bags AS DECIMAL(18, 0)) AS passed_bags, -- graded that day
  CAST(counted.failed_bags AS DECIMAL(18, 0)) AS failed_bags, -- graded that day
  CAST(
    CASE WHEN counted.after_gap = 0 THEN counted.certified_bags - counted.previous_bags END AS DECIMAL(18, 0)
  ) AS change_bags,
  CAST(counted.europe_bags AS DECIMAL(18, 0)) AS europe_bags,
  CAST(counted.us_bags AS DECIMAL(18, 0)) AS us_bags,
  CASE
    WHEN counted.reports_30 = 30 AND counted.gaps_30 = 0 THEN CAST(counted.bags_30 AS DOUBLE) / 30
  END AS avg_30d_bags,
  CAST(CASE WHEN year_range.gaps = 0 THEN year_range.high_52w_bags END AS DECIMAL(18, 0)) AS high_52w_bags,
  CASE
    WHEN year_range.gaps = 0
      THEN 100 * (CAST(counted.certified_bags AS DOUBLE) / NULLIF(CAST(year_range.high_52w_bags AS DOUBLE), 0) - 1)
  END AS drawdown_52w_pct,
  use_season.market_year AS use_market_year, -- START year of the season
  CAST(world_use.yearly_use_bags AS DECIMAL(18, 0)) AS yearly_use_bags, -- world consumption of all coffee
  CAST(counted.certified_bags AS DOUBLE) / (CAST(world_use.yearly_use_bags AS DOUBLE) / 365) AS days_of_use
FROM counted
JOIN foundation.dim_commodity AS commodity
  ON commodity.commodity_key = counted.commodity_key
LEFT JOIN year_range
  ON year_range.commodity_key = counted.commodity_key
  AND year_range.report_date = counted.report_date
LEFT JOIN use_season
  ON use_season.commodity_key = counted.commodity_key
  AND use_season.report_date = counted.report_date
LEFT JOIN world_use
  ON world_use.commodity_key = commodity.parent_commodity_key
  AND world_use.market_year = use_season.market_year
