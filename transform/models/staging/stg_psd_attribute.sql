-- PSD attributes with surrogate keys and USDA's own three-digit ids. Grain: one attribute.
MODEL (
  name staging.stg_psd_attribute,
  kind VIEW,
  description 'PSD attributes with surrogate keys. One row: one attribute.',
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
    unique_values(columns := (attribute_key, attribute_id))
  )
);

SELECT
  MD5('psd_attribute|' || LPAD(CAST(attribute_number AS VARCHAR), 3, '0')) AS attribute_key,
  LPAD(CAST(attribute_number AS VARCHAR), 3, '0') AS attribute_id,
  attribute_name,
  LPAD(NULLIF(parent_attribute_number, ''), 3, '0') AS parent_attribute_id,
  display_order
FROM staging.seed_psd_attribute
