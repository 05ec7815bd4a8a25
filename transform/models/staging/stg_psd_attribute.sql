-- PSD attributes with surrogate keys and USDA's own three-digit ids. Grain: one attribute.
-- Names are the seed's, since spellings drift between releases (Bean Exports, Beans Exports). An attribute that USDA adds is kept under
-- its newest name and warned about: it has no place in the order and no parent until the seed knows it.
MODEL (
  name staging.stg_psd_attribute,
  kind FULL,
  start '1959-01-01',
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
    unique_values(columns := (attribute_key, attribute_id)),
    not_null_non_blocking(columns := (display_order))
  )
);

WITH known AS (
  SELECT
    LPAD(CAST(attribute_number AS VARCHAR), 3, '0') AS attribute_id,
    attribute_name,
    LPAD(NULLIF(parent_attribute_number, ''), 3, '0') AS parent_attribute_id,
    display_order
  FROM staging.seed_psd_attribute
), seen AS (
  SELECT
    attribute_id,
    attribute_name,
    ROW_NUMBER() OVER (PARTITION BY attribute_id ORDER BY MAX(release_date) DESC, attribute_name) AS name_rank
  FROM staging.stg_psd
  GROUP BY
    attribute_id,
    attribute_name
), newest AS (
  SELECT
    attribute_id,
    attribute_name
  FROM seen
  WHERE
    name_rank = 1
)
SELECT
  MD5('psd_attribute|' || COALESCE(known.attribute_id, newest.attribute_id)) AS attribute_key,
  COALESCE(known.attribute_id, newest.attribute_id) AS attribute_id,
  COALESCE(known.attribute_name, newest.attribute_name) AS attribute_name,
  known.parent_attribute_id,
  known.display_order
FROM known
FULL JOIN newest
  ON newest.attribute_id = known.attribute_id
