-- Countries as PSD knows them, under the name of the newest release that has them (Turkey became Turkiye: the code stays).
-- Grain: one USDA country code. The European Union (E4) is a country here: its members are inside it and have no rows of their own.
MODEL (
  name staging.stg_country,
  kind FULL,
  start '1959-01-01',
  description 'Countries of USDA PSD coffee data. One row: one USDA country code.',
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
    unique_combination_of_columns_non_blocking(columns := (country_name))
  )
);

WITH named AS (
  SELECT
    usda_country_code,
    country_name,
    ROW_NUMBER() OVER (
      PARTITION BY usda_country_code
      ORDER BY MAX(release_date) DESC, MAX(market_year) DESC, country_name
    ) AS name_rank
  FROM staging.stg_psd
  GROUP BY
    usda_country_code,
    country_name
)
SELECT
  MD5('usda_country|' || named.usda_country_code) AS country_key,
  named.usda_country_code,
  named.country_name,
  NULLIF(seed.iso_country_code, '') AS iso_country_code -- ISO 3166-1 alpha-2, NULL where not known for sure
FROM named
LEFT JOIN staging.seed_country AS seed
  ON seed.usda_country_code = named.usda_country_code
WHERE
  named.name_rank = 1
