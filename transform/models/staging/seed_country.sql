-- ISO 3166-1 alpha-2 codes for USDA's country codes, which look like ISO and are not: CH is China, CI is Chile, SZ is Switzerland.
-- Only codes seen in a coffee file. Empty where ISO has none: E4 (European Union), YE (Yemen Sanaa, before unification).
-- keep_default_na is false because Namibia's ISO code is NA, which a CSV reader takes for a missing value.
MODEL (
  name staging.seed_country,
  kind SEED (
    path '../../seeds/seed_country.csv',
    csv_settings (keep_default_na = false)
  ),
  description 'ISO codes of the countries in USDA PSD. One row: one USDA country code.',
  grain usda_country_code,
  columns (
    usda_country_code VARCHAR,
    iso_country_code VARCHAR,
    usda_country_name VARCHAR
  ),
  audits (
    not_null(columns := (usda_country_code)),
    unique_values(columns := (usda_country_code)),
    number_of_rows(threshold := 0)
  )
);
