-- When each landed weather file was landed, and where it came from. Grain: one landed file.
-- A path is landed once; should two manifests name it (a crash and its recovery), the first landing counts.
MODEL (
  name staging.weather_file,
  kind FULL,
  start '1991-01-01',
  description 'Landed weather files with vintage and provenance. One row: one file.',
  grain path,
  columns (
    path VARCHAR,
    landed_at TIMESTAMP,
    sha256 VARCHAR,
    size_bytes BIGINT,
    row_count BIGINT,
    url VARCHAR,
    origin VARCHAR,
    run_id VARCHAR
  ),
  audits (
    not_null(columns := (path, landed_at, sha256)),
    unique_values(columns := (path))
  )
);

WITH ranked AS (
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY path ORDER BY landed_at, run_id) AS landing_number
  FROM staging.raw_weather_manifest
)
SELECT
  path,
  landed_at, -- UTC
  sha256, -- of the uncompressed content without generationtime_ms
  size_bytes,
  row_count,
  url,
  origin,
  run_id
FROM ranked
WHERE
  landing_number = 1
