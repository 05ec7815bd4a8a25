-- Positions in futures by category of trader, with the day each report was known. Grain: commodity, report date.
-- CFTC disaggregated report, futures only. Categories: producer (producer, merchant, processor, user: the hedgers), swap (swap dealers),
-- managed_money (funds: the speculative signal), other_reportable, nonreportable (below CFTC's reporting level). reportable is the sum of
-- the first four with their spreads.
-- net = long - short, spreads left out; net_change = change of long - change of short as CFTC prints them, so it is the week's move also
-- where the report before is not here; net_pct_oi = 100 * net / open interest.
-- report_date is the close the positions are of, release_date (New York) the day anybody could know them: whatever compares with a price
-- uses the release. known_at is the release or, for figures that were revised since, the landing of the revision.
-- report_run counts stretches without a gap of more than 8 days, report_number the reports in a stretch: windows count inside one.
MODEL (
  name foundation.fct_cot_positioning,
  kind FULL,
  start '2006-06-13',
  description 'CFTC disaggregated futures-only positions by category of trader. One row: one commodity on one report date.',
  grain (commodity_key, report_date),
  columns (
    commodity_key VARCHAR,
    report_date DATE,
    release_date DATE,
    released_at TIMESTAMP,
    is_release_assumed BOOLEAN,
    known_at TIMESTAMP,
    report_run BIGINT,
    report_number BIGINT,
    open_interest DECIMAL(18, 0),
    producer_long DECIMAL(18, 0),
    producer_short DECIMAL(18, 0),
    swap_long DECIMAL(18, 0),
    swap_short DECIMAL(18, 0),
    swap_spread DECIMAL(18, 0),
    managed_money_long DECIMAL(18, 0),
    managed_money_short DECIMAL(18, 0),
    managed_money_spread DECIMAL(18, 0),
    other_reportable_long DECIMAL(18, 0),
    other_reportable_short DECIMAL(18, 0),
    other_reportable_spread DECIMAL(18, 0),
    reportable_long DECIMAL(18, 0),
    reportable_short DECIMAL(18, 0),
    nonreportable_long DECIMAL(18, 0),
    nonreportable_short DECIMAL(18, 0),
    open_interest_old DECIMAL(18, 0),
    open_interest_other DECIMAL(18, 0),
    open_interest_change DECIMAL(18, 0),
    producer_long_change DECIMAL(18, 0),
    producer_short_change DECIMAL(18, 0),
    swap_long_change DECIMAL(18, 0),
    swap_short_change DECIMAL(18, 0),
    swap_spread_change DECIMAL(18, 0),
    managed_money_long_change DECIMAL(18, 0),
    managed_money_short_change DECIMAL(18, 0),
    managed_money_spread_change DECIMAL(18, 0),
    other_reportable_long_change DECIMAL(18, 0),
    other_reportable_short_change DECIMAL(18, 0),
    other_reportable_spread_change DECIMAL(18, 0),
    reportable_long_change DECIMAL(18, 0),
    reportable_short_change DECIMAL(18, 0),
    nonreportable_long_change DECIMAL(18, 0),
    nonreportable_short_change DECIMAL(18, 0),
    producer_long_pct_oi DECIMAL(5, 1),
    producer_short_pct_oi DECIMAL(5, 1),
    swap_long_pct_oi DECIMAL(5, 1),
    swap_short_pct_oi DECIMAL(5, 1),
    swap_spread_pct_oi DECIMAL(5, 1),
    managed_money_long_pct_oi DECIMAL(5, 1),
    managed_money_short_pct_oi DECIMAL(5, 1),
    managed_money_spread_pct_oi DECIMAL(5, 1),
    other_reportable_long_pct_oi DECIMAL(5, 1),
    other_reportable_short_pct_oi DECIMAL(5, 1),
    other_reportable_spread_pct_oi DECIMAL(5, 1),
    reportable_long_pct_oi DECIMAL(5, 1),
    reportable_short_pct_oi DECIMAL(5, 1),
    nonreportable_long_pct_oi DECIMAL(5, 1),
    nonreportable_short_pct_oi DECIMAL(5, 1),
    traders INTEGER,
    producer_long_traders INTEGER,
    producer_short_traders INTEGER,
    swap_long_traders INTEGER,
    swap_short_traders INTEGER,
    swap_spread_traders INTEGER,
    managed_money_long_traders INTEGER,
    managed_money_short_traders INTEGER,
    managed_money_spread_traders INTEGER,
    other_reportable_long_traders INTEGER,
    other_reportable_short_traders INTEGER,
    other_reportable_spread_traders INTEGER,
    reportable_long_traders INTEGER,
    reportable_short_traders INTEGER,
    top_4_gross_long_pct_oi DECIMAL(5, 1),
    top_4_gross_short_pct_oi DECIMAL(5, 1),
    top_8_gross_long_pct_oi DECIMAL(5, 1),
    top_8_gross_short_pct_oi DECIMAL(5, 1),
    top_4_net_long_pct_oi DECIMAL(5, 1),
    top_4_net_short_pct_oi DECIMAL(5, 1),
    top_8_net_long_pct_oi DECIMAL(5, 1),
    top_8_net_short_pct_oi DECIMAL(5, 1),
    producer_net DECIMAL(18, 0),
    producer_net_change DECIMAL(18, 0),
    producer_net_pct_oi DOUBLE,
    swap_net DECIMAL(18, 0),
    swap_net_change DECIMAL(18, 0),
    swap_net_pct_oi DOUBLE,
    managed_money_net DECIMAL(18, 0),
    managed_money_net_change DECIMAL(18, 0),
    managed_money_net_pct_oi DOUBLE,
    other_reportable_net DECIMAL(18, 0),
    other_reportable_net_change DECIMAL(18, 0),
    other_reportable_net_pct_oi DOUBLE,
    nonreportable_net DECIMAL(18, 0),
    nonreportable_net_change DECIMAL(18, 0),
    nonreportable_net_pct_oi DOUBLE,
    landed_at TIMESTAMP,
    path VARCHAR
  ),
  audits (
    not_null(columns := (commodity_key, report_date, release_date, known_at, open_interest, managed_money_net)),
    unique_combination_of_columns(columns := (commodity_key, report_date)),
    forall(criteria := (release_date > report_date)),
    cot_nets_cancel_out,
    cot_report_every_week
  )
);

WITH followed AS (
  SELECT
    stg.*,
    release.release_date,
    release.released_at,
    release.is_release_assumed,
    CASE
      WHEN stg.report_date <= LAG(stg.report_date) OVER (
        PARTITION BY stg.cftc_contract_market_code
        ORDER BY stg.report_date
      ) + INTERVAL '8' DAY
        THEN 0
      ELSE 1
    END AS begins_run
  FROM staging.stg_cot AS stg
  JOIN staging.stg_cot_release AS release
    ON release.report_date = stg.report_date
), stretched AS (
  SELECT
    *,
    SUM(begins_run) OVER (
      PARTITION BY cftc_contract_market_code
      ORDER BY report_date
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS report_run
  FROM followed
)
SELECT
  commodity.commodity_key,
  stg.report_date, -- Tuesday, sometimes Monday
  stg.release_date, -- New York, usually the Friday after
  stg.released_at, -- UTC
  stg.is_release_assumed, -- TRUE: by the rule of three business days, not by CFTC's own table
  CASE WHEN stg.revised_at > stg.released_at THEN stg.revised_at ELSE stg.released_at END AS known_at, -- UTC
  CAST(stg.report_run AS BIGINT) AS report_run,
  ROW_NUMBER() OVER (
    PARTITION BY stg.cftc_contract_market_code, stg.report_run
    ORDER BY stg.report_date
  ) AS report_number,
  stg.open_interest,
  stg.producer_long,
  stg.producer_short,
  stg.swap_long,
  stg.swap_short,
  stg.swap_spread,
  stg.managed_money_long,
  stg.managed_money_short,
  stg.managed_money_spread,
  stg.other_reportable_long,
  stg.other_reportable_short,
  stg.other_reportable_spread,
  stg.reportable_long,
  stg.reportable_short,
  stg.nonreportable_long,
  stg.nonreportable_short,
  stg.open_interest_old,
  stg.open_interest_other,
  stg.open_interest_change,
  stg.producer_long_change,
  stg.producer_short_change,
  stg.swap_long_change,
  stg.swap_short_change,
  stg.swap_spread_change,
  stg.managed_money_long_change,
  stg.managed_money_short_change,
  stg.managed_money_spread_change,
  stg.other_reportable_long_change,
  stg.other_reportable_short_change,
  stg.other_reportable_spread_change,
  stg.reportable_long_change,
  stg.reportable_short_change,
  stg.nonreportable_long_change,
  stg.nonreportable_short_change,
  stg.producer_long_pct_oi,
  stg.producer_short_pct_oi,
  stg.swap_long_pct_oi,
  stg.swap_short_pct_oi,
  stg.swap_spread_pct_oi,
  stg.managed_money_long_pct_oi,
  stg.managed_money_short_pct_oi,
  stg.managed_money_spread_pct_oi,
  stg.other_reportable_long_pct_oi,
  stg.other_reportable_short_pct_oi,
  stg.other_reportable_spread_pct_oi,
  stg.reportable_long_pct_oi,
  stg.reportable_short_pct_oi,
  stg.nonreportable_long_pct_oi,
  stg.nonreportable_short_pct_oi,
  stg.traders,
  stg.producer_long_traders,
  stg.producer_short_traders,
  stg.swap_long_traders,
  stg.swap_short_traders,
  stg.swap_spread_traders,
  stg.managed_money_long_traders,
  stg.managed_money_short_traders,
  stg.managed_money_spread_traders,
  stg.other_reportable_long_traders,
  stg.other_reportable_short_traders,
  stg.other_reportable_spread_traders,
  stg.reportable_long_traders,
  stg.reportable_short_traders,
  stg.top_4_gross_long_pct_oi,
  stg.top_4_gross_short_pct_oi,
  stg.top_8_gross_long_pct_oi,
  stg.top_8_gross_short_pct_oi,
  stg.top_4_net_long_pct_oi,
  stg.top_4_net_short_pct_oi,
  stg.top_8_net_long_pct_oi,
  stg.top_8_net_short_pct_oi,
  CAST(stg.producer_long - stg.producer_short AS DECIMAL(18, 0)) AS producer_net,
  CAST(stg.producer_long_change - stg.producer_short_change AS DECIMAL(18, 0)) AS producer_net_change,
  100 * CAST(stg.producer_long - stg.producer_short AS DOUBLE)
    / NULLIF(CAST(stg.open_interest AS DOUBLE), 0) AS producer_net_pct_oi,
  CAST(stg.swap_long - stg.swap_short AS DECIMAL(18, 0)) AS swap_net,
  CAST(stg.swap_long_change - stg.swap_short_change AS DECIMAL(18, 0)) AS swap_net_change,
  100 * CAST(stg.swap_long - stg.swap_short AS DOUBLE)
    / NULLIF(CAST(stg.open_interest AS DOUBLE), 0) AS swap_net_pct_oi,
  CAST(stg.managed_money_long - stg.managed_money_short AS DECIMAL(18, 0)) AS managed_money_net,
  CAST(stg.managed_money_long_change - stg.managed_money_short_change AS DECIMAL(18, 0)) AS managed_money_net_change,
  100 * CAST(stg.managed_money_long - stg.managed_money_short AS DOUBLE)
    / NULLIF(CAST(stg.open_interest AS DOUBLE), 0) AS managed_money_net_pct_oi,
  CAST(stg.other_reportable_long - stg.other_reportable_short AS DECIMAL(18, 0)) AS other_reportable_net,
  CAST(
    stg.other_reportable_long_change - stg.other_reportable_short_change AS DECIMAL(18, 0)
  ) AS other_reportable_net_change,
  100 * CAST(stg.other_reportable_long - stg.other_reportable_short AS DOUBLE)
    / NULLIF(CAST(stg.open_interest AS DOUBLE), 0) AS other_reportable_net_pct_oi,
  CAST(stg.nonreportable_long - stg.nonreportable_short AS DECIMAL(18, 0)) AS nonreportable_net,
  CAST(stg.nonreportable_long_change - stg.nonreportable_short_change AS DECIMAL(18, 0)) AS nonreportable_net_change,
  100 * CAST(stg.nonreportable_long - stg.nonreportable_short AS DOUBLE)
    / NULLIF(CAST(stg.open_interest AS DOUBLE), 0) AS nonreportable_net_pct_oi,
  stg.landed_at, -- UTC
  stg.path
FROM stretched AS stg
JOIN foundation.dim_commodity AS commodity
  ON commodity.cftc_contract_market_code = stg.cftc_contract_market_code
