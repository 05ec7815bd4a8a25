-- Who holds coffee futures, week by week, and how extreme that is. Grain: commodity, report date. CFTC disaggregated report, futures only,
-- contracts of 37,500 lb (283.495 bags of 60 kg).
-- report_date is the close the positions are of; release_date (New York) the day they were published, usually three business days later,
-- after holidays and shutdowns longer: compare with prices by the release.
-- net = long - short, spreads left out. *_change is CFTC's own change on the report before. net_pct_oi = 100 * net / open interest.
-- cot_index_Nw and net_percentile_Nw are of the managed-money net among its last N reports (foundation.fct_cot_index has the formulas);
-- serving.cot_index_by_category has those of every category.
MODEL (
  name serving.cot_positioning,
  kind FULL,
  start '2006-06-13',
  description 'CFTC positioning in coffee futures by category of trader, with COT index and percentile rank. One row: one commodity on one report date.',
  grain (commodity_key, report_date),
  columns (
    commodity_key VARCHAR,
    commodity_name VARCHAR,
    report_date DATE,
    release_date DATE,
    released_at TIMESTAMP,
    is_release_assumed BOOLEAN,
    known_at TIMESTAMP,
    open_interest DECIMAL(18, 0),
    open_interest_change DECIMAL(18, 0),
    managed_money_long DECIMAL(18, 0),
    managed_money_short DECIMAL(18, 0),
    managed_money_spread DECIMAL(18, 0),
    managed_money_net DECIMAL(18, 0),
    managed_money_net_change DECIMAL(18, 0),
    managed_money_net_pct_oi DOUBLE,
    managed_money_long_change DECIMAL(18, 0),
    managed_money_short_change DECIMAL(18, 0),
    managed_money_long_traders INTEGER,
    managed_money_short_traders INTEGER,
    managed_money_spread_traders INTEGER,
    cot_index_26w DOUBLE,
    cot_index_52w DOUBLE,
    cot_index_156w DOUBLE,
    net_percentile_26w DOUBLE,
    net_percentile_52w DOUBLE,
    net_percentile_156w DOUBLE,
    producer_long DECIMAL(18, 0),
    producer_short DECIMAL(18, 0),
    producer_net DECIMAL(18, 0),
    producer_net_change DECIMAL(18, 0),
    producer_net_pct_oi DOUBLE,
    producer_long_change DECIMAL(18, 0),
    producer_short_change DECIMAL(18, 0),
    producer_long_traders INTEGER,
    producer_short_traders INTEGER,
    producer_long_pct_oi DOUBLE,
    producer_short_pct_oi DOUBLE,
    swap_long DECIMAL(18, 0),
    swap_short DECIMAL(18, 0),
    swap_spread DECIMAL(18, 0),
    swap_net DECIMAL(18, 0),
    swap_net_change DECIMAL(18, 0),
    swap_net_pct_oi DOUBLE,
    swap_long_change DECIMAL(18, 0),
    swap_short_change DECIMAL(18, 0),
    swap_long_traders INTEGER,
    swap_short_traders INTEGER,
    swap_spread_traders INTEGER,
    other_reportable_long DECIMAL(18, 0),
    other_reportable_short DECIMAL(18, 0),
    other_reportable_spread DECIMAL(18, 0),
    other_reportable_net DECIMAL(18, 0),
    other_reportable_net_change DECIMAL(18, 0),
    other_reportable_net_pct_oi DOUBLE,
    other_reportable_long_change DECIMAL(18, 0),
    other_reportable_short_change DECIMAL(18, 0),
    other_reportable_long_traders INTEGER,
    other_reportable_short_traders INTEGER,
    other_reportable_spread_traders INTEGER,
    nonreportable_long DECIMAL(18, 0),
    nonreportable_short DECIMAL(18, 0),
    nonreportable_net DECIMAL(18, 0),
    nonreportable_net_change DECIMAL(18, 0),
    nonreportable_net_pct_oi DOUBLE,
    nonreportable_long_change DECIMAL(18, 0),
    nonreportable_short_change DECIMAL(18, 0),
    traders INTEGER,
    top_4_gross_long_pct_oi DECIMAL(5, 1),
    top_4_gross_short_pct_oi DECIMAL(5, 1),
    top_8_gross_long_pct_oi DECIMAL(5, 1),
    top_8_gross_short_pct_oi DECIMAL(5, 1),
    top_4_net_long_pct_oi DECIMAL(5, 1),
    top_4_net_short_pct_oi DECIMAL(5, 1),
    top_8_net_long_pct_oi DECIMAL(5, 1),
    top_8_net_short_pct_oi DECIMAL(5, 1)
  ),
  audits (
    not_null(columns := (commodity_key, commodity_name, report_date, release_date, open_interest, managed_money_net)),
    unique_combination_of_columns(columns := (commodity_key, report_date))
  )
);

SELECT
  fact.commodity_key,
  commodity.commodity_name,
  fact.report_date, -- Tuesday, sometimes Monday
  fact.release_date, -- New York
  fact.released_at, -- UTC
  fact.is_release_assumed, -- TRUE: by the rule of three business days, not by CFTC's own table
  fact.known_at, -- UTC; later than released_at where the figures were revised
  fact.open_interest, -- contracts
  fact.open_interest_change, -- CFTC's own
  fact.managed_money_long, -- contracts
  fact.managed_money_short, -- contracts
  fact.managed_money_spread, -- contracts held long and short at once
  fact.managed_money_net, -- long - short
  fact.managed_money_net_change, -- on the report before, CFTC's own
  fact.managed_money_net_pct_oi, -- % of open interest
  fact.managed_money_long_change, -- CFTC's own
  fact.managed_money_short_change, -- CFTC's own
  fact.managed_money_long_traders, -- persons; NULL where fewer than four
  fact.managed_money_short_traders, -- persons; NULL where fewer than four
  fact.managed_money_spread_traders, -- persons; NULL where fewer than four
  placed.cot_index_26w, -- 0 lowest, 100 highest of 26 reports
  placed.cot_index_52w, -- 0 lowest, 100 highest of 52 reports
  placed.cot_index_156w, -- 0 lowest, 100 highest of 156 reports
  placed.net_percentile_26w, -- % of 26 reports not above
  placed.net_percentile_52w, -- % of 52 reports not above
  placed.net_percentile_156w, -- % of 156 reports not above
  fact.producer_long, -- contracts
  fact.producer_short, -- contracts
  fact.producer_net, -- long - short
  fact.producer_net_change, -- on the report before, CFTC's own
  fact.producer_net_pct_oi, -- % of open interest
  fact.producer_long_change, -- CFTC's own
  fact.producer_short_change, -- CFTC's own
  fact.producer_long_traders, -- persons; NULL where fewer than four
  fact.producer_short_traders, -- persons; NULL where fewer than four
  100 * CAST(fact.producer_long AS DOUBLE) / NULLIF(CAST(fact.open_interest AS DOUBLE), 0) AS producer_long_pct_oi, -- gross long: buyers who cover
  100 * CAST(fact.producer_short AS DOUBLE) / NULLIF(CAST(fact.open_interest AS DOUBLE), 0) AS producer_short_pct_oi, -- gross short: origins that sell
  fact.swap_long, -- contracts
  fact.swap_short, -- contracts
  fact.swap_spread, -- contracts held long and short at once
  fact.swap_net, -- long - short
  fact.swap_net_change, -- on the report before, CFTC's own
  fact.swap_net_pct_oi, -- % of open interest
  fact.swap_long_change, -- CFTC's own
  fact.swap_short_change, -- CFTC's own
  fact.swap_long_traders, -- persons; NULL where fewer than four
  fact.swap_short_traders, -- persons; NULL where fewer than four
  fact.swap_spread_traders, -- persons; NULL where fewer than four
  fact.other_reportable_long, -- contracts
  fact.other_reportable_short, -- contracts
  fact.other_reportable_spread, -- contracts held long and short at once
  fact.other_reportable_net, -- long - short
  fact.other_reportable_net_change, -- on the report before, CFTC's own
  fact.other_reportable_net_pct_oi, -- % of open interest
  fact.other_reportable_long_change, -- CFTC's own
  fact.other_reportable_short_change, -- CFTC's own
  fact.other_reportable_long_traders, -- persons; NULL where fewer than four
  fact.other_reportable_short_traders, -- persons; NULL where fewer than four
  fact.other_reportable_spread_traders, -- persons; NULL where fewer than four
  fact.nonreportable_long, -- contracts
  fact.nonreportable_short, -- contracts
  fact.nonreportable_net, -- long - short
  fact.nonreportable_net_change, -- on the report before, CFTC's own
  fact.nonreportable_net_pct_oi, -- % of open interest
  fact.nonreportable_long_change, -- CFTC's own
  fact.nonreportable_short_change, -- CFTC's own
  fact.traders, -- persons with a reportable position
  fact.top_4_gross_long_pct_oi, -- % of open interest, largest 4 traders
  fact.top_4_gross_short_pct_oi, -- % of open interest, largest 4 traders
  fact.top_8_gross_long_pct_oi, -- % of open interest, largest 8 traders
  fact.top_8_gross_short_pct_oi, -- % of open interest, largest 8 traders
  fact.top_4_net_long_pct_oi, -- % of open interest, largest 4 traders, net of each trader's own other side
  fact.top_4_net_short_pct_oi, -- % of open interest, largest 4 traders, net of each trader's own other side
  fact.top_8_net_long_pct_oi, -- % of open interest, largest 8 traders, net of each trader's own other side
  fact.top_8_net_short_pct_oi -- % of open interest, largest 8 traders, net of each trader's own other side
FROM foundation.fct_cot_positioning AS fact
JOIN foundation.fct_cot_index AS placed
  ON placed.commodity_key = fact.commodity_key
  AND placed.report_date = fact.report_date
  AND placed.category = 'managed_money'
JOIN foundation.dim_commodity AS commodity
  ON commodity.commodity_key = fact.commodity_key
