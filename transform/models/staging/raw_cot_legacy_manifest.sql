-- Reads the manifests that extractions of the legacy COT left. Grain: one line of a manifest, that is one file landed by one run.
-- Stamps carry their zone in the manifest and are UTC here.
MODEL (
  name staging.raw_cot_legacy_manifest,
  kind FULL,
  start '1986-01-15',
  description 'Manifest lines of legacy COT extractions. One row: one file landed by one run.',
  grain (path, run_id),
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
    not_null(columns := (path, landed_at, sha256, run_id)),
    accepted_values(column := origin, is_in := ('live', 'sample', 'replay'))
  )
);

SELECT
  path,
  CAST(CAST(released_at AS TIMESTAMP WITH TIME ZONE) AT TIME ZONE 'UTC' AS TIMESTAMP) AS released_at,
  CAST(CAST(landed_at AS TIMESTAMP WITH TIME ZONE) AT TIME ZONE 'UTC' AS TIMESTAMP) AS landed_at,
  sha256,
  bytes AS size_bytes,
  rows AS row_count,
  url,
  origin,
  run AS run_id
FROM read_json(
  @landing_dir || '/.manifest/*/*-cot_legacy-*.jsonl',
  format = 'newline_delimited',
  columns = {
    'path': 'VARCHAR',
    'source': 'VARCHAR',
    'sha256': 'VARCHAR',
    'bytes': 'BIGINT',
    'rows': 'BIGINT',
    'landed_at': 'VARCHAR',
    'released_at': 'VARCHAR',
    'url': 'VARCHAR',
    'origin': 'VARCHAR',
    'run': 'VARCHAR'
  }
)
