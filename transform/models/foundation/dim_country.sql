-- Countries of the PSD balance. Grain: one USDA country code. 'WORLD' is no country: serving sums it.
MODEL (
  name foundation.dim_country,
  kind FULL,
  start '1959-01-01',
  description 'Countries by USDA code, named as in the newest release. One row: one country.',
  grain country_key,
  columns (
    country_key VARCHAR,
    usda_country_code VARCHAR,
    country_name VARCHAR,
    iso_country_code VARCHAR
  ),
  audits (
    not_null(columns := (country_key, usda_country_code, country_name)),
    unique_values(columns := (country_key, usda_country_code)),
    forall(criteria := (usda_country_code <> 'WORLD'))
  )
);

SELECT
  country_key,
  usda_country_code, -- not ISO
  country_name,
  iso_country_code -- ISO 3166-1 alpha-2, NULL where not known for sure
FROM staging.stg_country
