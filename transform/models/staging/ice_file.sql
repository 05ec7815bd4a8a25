-- When each landed ICE file was landed and released, and where it came from. Grain: one landed file.
-- Every report lands twice under one date: the workbook as it came (.xls) and its figures (.csv.gz); models read the figures. A path is
-- landed once; should two manifests name it (a crash and its recovery), the first landing counts.
MODEL (
  name staging.ice_file,
  kind FULL,
  start '1996-11-01',
  description 'Landed files of figures of ICE reports with vintage and provenance. One row: one file.',
  grain path,
  columns (
    path VARCHAR,
    released_at TIMESTAMP,
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
  FROM staging.raw_ice_manifest
  WHERE
    path LIKE '%.csv.gz'
)
SELECT
  path,
  released_at, -- UTC, Last-Modified
  landed_at, -- UTC
  sha256, -- of the uncompressed figures
  size_bytes,
  row_count,
  url, -- of the workbook
  origin,
  run_id
FROM ranked
WHERE
  landing_number = 1
