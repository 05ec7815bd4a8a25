-- Releases of PSD coffee data: when each was known and which landed file holds it. Grain: one release.
MODEL (
  name foundation.dim_psd_release,
  kind FULL,
  start '1959-01-01',
  description 'PSD coffee releases with their landed file. One row: one release.',
  grain release_key,
  columns (
    release_key VARCHAR,
    release_date DATE,
    is_release_assumed BOOLEAN,
    released_at TIMESTAMP,
    landed_at TIMESTAMP,
    path VARCHAR,
    sha256 VARCHAR,
    url VARCHAR,
    market_year_shift INTEGER
  ),
  audits (
    not_null(columns := (release_key, release_date, path)),
    unique_values(columns := (release_key, release_date))
  )
);

SELECT
  release_key,
  release_date,
  is_release_assumed, -- TRUE: no evidence, the 12th of the release month was assumed
  released_at, -- UTC
  landed_at, -- UTC
  path,
  sha256,
  url,
  market_year_shift -- -1 for files that label a season by its END year
FROM staging.psd_release
