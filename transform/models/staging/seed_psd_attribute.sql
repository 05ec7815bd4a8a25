-- The 19 attributes of a coffee balance, with the attribute each is a part of. The parts of one attribute sum to it:
-- 28 = 29 + 53 + 56, 57 = 58 + 75 + 82, 88 = 90 + 107 + 114, 125 = 141 + 154, 86 = 20 + 28 + 57, 178 = 88 + 125 + 176.
-- Numbers without USDA's leading zeros: a seed's column of digits is read as numbers. stg_psd_attribute puts them back.
MODEL (
  name staging.seed_psd_attribute,
  kind SEED (
    path '../../seeds/seed_psd_attribute.csv',
    csv_settings (keep_default_na = false)
  ),
  description 'Attributes of a PSD coffee balance. One row: one attribute.',
  grain attribute_number,
  columns (
    attribute_number INTEGER,
    attribute_name VARCHAR,
    parent_attribute_number VARCHAR,
    display_order INTEGER
  ),
  audits (
    not_null(columns := (attribute_number, attribute_name, display_order)),
    unique_values(columns := (attribute_number, attribute_name)),
    number_of_rows(threshold := 0)
  )
);
