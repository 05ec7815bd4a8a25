-- Reports that CFTC published on another day than its rule says, after shutdowns of the government. Grain: report date.
-- basis 'announced': CFTC's own schedule. 2018-19: the report of 24 December on 1 February 2019, then one each Tuesday and Friday until
-- current. 2025: the table of 18 November 2025; the last reports came earlier than it said, which their landing shows.
-- basis 'reconstructed': 2013, where the days are not known to us: as if two a week from the second Friday after offices opened (17 October),
-- which is no earlier than what happened, as far as known. A row of this kind is flagged as assumed.
MODEL (
  name staging.seed_cot_release,
  kind SEED (
    path '../../seeds/seed_cot_release.csv',
    csv_settings (keep_default_na = false)
  ),
  description 'COT reports published off the rule. One row: one report date.',
  grain report_date,
  columns (
    report_date DATE,
    release_date DATE,
    basis VARCHAR,
    reason VARCHAR
  ),
  audits (
    not_null(columns := (report_date, release_date)),
    unique_values(columns := (report_date)),
    accepted_values(column := basis, is_in := ('announced', 'reconstructed')),
    forall(criteria := (release_date > report_date))
  )
);
