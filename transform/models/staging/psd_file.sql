-- When each landed PSD file was released, and where it came from. Grain: one landed file.
-- A path is landed once; should two manifests name it (a crash and its recovery), the first landing counts.
-- release_date is the day USDA published the file (Last-Modified, evidenced in the manifest). Without evidence it is assumed:
-- the 12th of the release month in the path, since PSD comes out about the 10th to 12th, but never after the landing.
MODEL (
  name staging.psd_file,
  kind FULL,
  start '1959-01-01',
  description 'Landed PSD files with vintage and provenance. One row: one file.',
  grain path,
  columns (
    path VARCHAR,
    release_date DATE,
    is_release_assumed BOOLEAN,
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
    not_null(columns := (path, release_date, landed_at, sha256)),
    unique_values(columns := (path))
  )
);

WITH ranked AS (
  SELECT
    *,
    ROW_NUMBER() OVER (PARTITION BY path ORDER BY landed_at, run_id) AS landing_number
  FROM staging.raw_psd_manifest
)
SELECT
  path,
  COALESCE(
    CAST(released_at AS DATE),
    LEAST(
      TRY_CAST(
        regexp_extract(path, 'psd/([0-9]{4})/[0-9]{2}/', 1)
          || '-'
          || regexp_extract(path, 'psd/[0-9]{4}/([0-9]{2})/', 1)
          || '-12' AS DATE
      ),
      CAST(landed_at AS DATE)
    )
  ) AS release_date,
  released_at IS NULL AS is_release_assumed,
  released_at, -- UTC
  landed_at, -- UTC
  sha256, -- of the uncompressed content
  size_bytes,
  row_count,
  url,
  origin,
  run_id
FROM ranked
WHERE
  landing_number = 1
