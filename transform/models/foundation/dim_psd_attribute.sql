-- Attributes of a PSD balance under one name each, whatever a release calls them. Grain: one attribute.
MODEL (
  name foundation.dim_psd_attribute,
  kind FULL,
  start '1959-01-01',
  description 'Attributes of the PSD coffee balance. One row: one attribute.',
  grain attribute_key,
  columns (
    attribute_key VARCHAR,
    attribute_id VARCHAR,
    attribute_name VARCHAR,
    parent_attribute_id VARCHAR,
    display_order INTEGER
  ),
  audits (
    not_null(columns := (attribute_key, attribute_id, attribute_name)),
    unique_values(columns := (attribute_key, attribute_id)),
    number_of_rows(threshold := 18)
  )
);

SELECT
  attribute_key,
  attribute_id, -- USDA Attribute_ID, 3 digits
  attribute_name,
  parent_attribute_id, -- of which it is a part; parts sum to it, so attributes are never summed over all
  display_order
FROM staging.stg_psd_attribute
