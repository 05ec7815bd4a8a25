-- Weekdays on which federal offices in Washington are closed, so that CFTC publishes nothing: the legal holidays (on Friday where they fall
-- on a Saturday, on Monday where on a Sunday; Juneteenth since 2021), days that an executive order closed (Christmas Eve and its
-- neighbours) and days of mourning. Shutdowns are not here: what they did to reports stands in seed_cot_release.
-- Holidays reach to 2049; a test computes them again from the rules. Days of an order are added when it is made.
MODEL (
  name staging.seed_us_federal_closure,
  kind SEED (
    path '../../seeds/seed_us_federal_closure.csv',
    csv_settings (keep_default_na = false)
  ),
  description 'Weekdays on which US federal offices are closed. One row: one day.',
  grain closure_date,
  columns (
    closure_date DATE,
    closure_reason VARCHAR
  ),
  audits (
    not_null(columns := (closure_date, closure_reason)),
    unique_values(columns := (closure_date)),
    forall(criteria := (EXTRACT(ISODOW FROM closure_date) <= 5))
  )
);
