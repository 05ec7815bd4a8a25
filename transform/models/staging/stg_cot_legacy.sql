-- The legacy COT report of record of each contract and report date. Grain: contract, report date. The newest vintage counts (by landing, ties
-- by path). '.' is CFTC's missing value and becomes NULL, never 0.
-- Identities (futures only): open interest = noncommercial long + spread + commercial long + nonreportable long, and the same of the shorts.
MODEL (
  name staging.stg_cot_legacy,
  kind FULL,
  start '1986-01-15',
  description 'CFTC legacy futures-only positions, newest vintage of each report. One row: one contract on one report date.',
  grain (cftc_contract_market_code, report_date),
  columns (
    cftc_contract_market_code VARCHAR,
    report_date DATE,
    market_name VARCHAR,
    contract_units VARCHAR,
    path VARCHAR,
    landed_at TIMESTAMP,
    open_interest DECIMAL(18, 0),
    noncommercial_long DECIMAL(18, 0),
    noncommercial_short DECIMAL(18, 0),
    noncommercial_spread DECIMAL(18, 0),
    commercial_long DECIMAL(18, 0),
    commercial_short DECIMAL(18, 0),
    reportable_long DECIMAL(18, 0),
    reportable_short DECIMAL(18, 0),
    nonreportable_long DECIMAL(18, 0),
    nonreportable_short DECIMAL(18, 0),
    traders INTEGER
  ),
  audits (
    not_null(columns := (cftc_contract_market_code, report_date, open_interest)),
    unique_combination_of_columns(columns := (cftc_contract_market_code, report_date)),
    forall(
      criteria := (
        open_interest = noncommercial_long + noncommercial_spread + commercial_long + nonreportable_long,
        open_interest = noncommercial_short + noncommercial_spread + commercial_short + nonreportable_short
      )
    )
  )
);

WITH landed AS (
  SELECT
    path,
    MIN(landed_at) AS landed_at
  FROM staging.raw_cot_legacy_manifest
  GROUP BY
    path
), vintage AS (
  SELECT
    raw.*,
    landed.landed_at,
    ROW_NUMBER() OVER (
      PARTITION BY raw.cftc_contract_market_code, raw.report_date
      ORDER BY landed.landed_at DESC, raw.path DESC
    ) AS vintage_rank
  FROM staging.raw_cot_legacy AS raw
  JOIN landed
    ON landed.path = raw.path
)
SELECT
  cftc_contract_market_code,
  CAST(report_date AS DATE) AS report_date, -- positions at the close of this day
  market_name,
  contract_units,
  path,
  landed_at, -- UTC
  CAST(NULLIF(TRIM(open_interest), '.') AS DECIMAL(18, 0)) AS open_interest,
  CAST(NULLIF(TRIM(noncommercial_long), '.') AS DECIMAL(18, 0)) AS noncommercial_long,
  CAST(NULLIF(TRIM(noncommercial_short), '.') AS DECIMAL(18, 0)) AS noncommercial_short,
  CAST(NULLIF(TRIM(noncommercial_spread), '.') AS DECIMAL(18, 0)) AS noncommercial_spread,
  CAST(NULLIF(TRIM(commercial_long), '.') AS DECIMAL(18, 0)) AS commercial_long,
  CAST(NULLIF(TRIM(commercial_short), '.') AS DECIMAL(18, 0)) AS commercial_short,
  CAST(NULLIF(TRIM(reportable_long), '.') AS DECIMAL(18, 0)) AS reportable_long,
  CAST(NULLIF(TRIM(reportable_short), '.') AS DECIMAL(18, 0)) AS reportable_short,
  CAST(NULLIF(TRIM(nonreportable_long), '.') AS DECIMAL(18, 0)) AS nonreportable_long,
  CAST(NULLIF(TRIM(nonreportable_short), '.') AS DECIMAL(18, 0)) AS nonreportable_short,
  CAST(NULLIF(TRIM(traders), '.') AS INTEGER) AS traders
FROM vintage
WHERE
  vintage_rank = 1
