-- Delivery points of ICE Coffee "C", whatever a report of some year calls them. Grain: one port or pair of ports.
-- A port that the seed does not know is kept under the name in the reports: it has no region, so Europe and US then sum to less than
-- the total, and the audit says so.
MODEL (
  name foundation.dim_port,
  kind FULL,
  start '1996-11-01',
  description 'Delivery points of ICE Coffee C with their side of the Atlantic. One row: one port or pair of ports.',
  grain port_key,
  columns (
    port_key VARCHAR,
    port_code VARCHAR,
    port_name VARCHAR,
    region VARCHAR,
    display_order INTEGER
  ),
  audits (
    not_null(columns := (port_key, port_code, port_name)),
    unique_values(columns := (port_key, port_code)),
    not_null_non_blocking(columns := (region))
  )
);

WITH seen AS (
  SELECT
    port_code,
    port_name
  FROM staging.stg_ice_stocks
  WHERE
    port_code <> ''
  UNION
  SELECT
    port_code,
    port_name
  FROM staging.stg_ice_aging
  UNION
  SELECT
    port_code,
    port_name
  FROM staging.stg_ice_history
), named AS (
  SELECT
    port_code,
    MIN(port_name) AS port_name
  FROM seen
  GROUP BY
    port_code
)
SELECT
  MD5('port|' || COALESCE(seed.port_code, named.port_code)) AS port_key, -- noqa: portablefunctions (in Trino LOWER(TO_HEX(MD5(TO_UTF8(x)))))
  COALESCE(seed.port_code, named.port_code) AS port_code, -- ICE's since 2023
  COALESCE(seed.port_name, named.port_name) AS port_name,
  seed.region, -- Europe or US
  seed.display_order
FROM staging.seed_port AS seed
FULL JOIN named
  ON named.port_code = seed.port_code
