-- Which landed file speaks for which release, and how its market years are labelled. Grain: one release date of coffee data.
-- Only files that hold coffee and stand in a manifest count: a file without one belongs to a run that has not ended, or to nobody
-- until it is adopted. Two files of one release date are the same release fetched twice (the coffee file and the
-- archive of all commodities, or a corrected file): the one landed last speaks.
--
-- Labels: up to the December 2022 release coffee files label a season by its END year, since the June or December 2023 release by
-- its START year (Brazil 2022/23 is 2023 in the one and 2022 in the other). Detector: the earliest label of Brazil or Vietnam, whose
-- series begin with season 1960/61, is 1961 in the old labelling and 1960 in the new. A file that begins elsewhere goes by its date.
-- Without this step every country would show a false revision in the release where the labels changed.
MODEL (
  name staging.psd_release,
  kind FULL,
  start '1959-01-01',
  description 'Releases of USDA PSD coffee data: the file that speaks for each and the shift of its market year labels. One row: one release.',
  grain release_date,
  columns (
    release_key VARCHAR,
    release_date DATE,
    is_release_assumed BOOLEAN,
    released_at TIMESTAMP,
    landed_at TIMESTAMP,
    path VARCHAR,
    sha256 VARCHAR,
    url VARCHAR,
    origin VARCHAR,
    coffee_rows BIGINT,
    first_market_year_label INTEGER,
    market_year_shift INTEGER
  ),
  audits (
    not_null(columns := (release_key, release_date, path, market_year_shift)),
    unique_values(columns := (release_key, release_date, path)),
    accepted_values(column := market_year_shift, is_in := (-1, 0))
  )
);

WITH content AS (
  SELECT
    path,
    COUNT(*) AS coffee_rows,
    MIN(
      CASE WHEN usda_country_code IN ('BR', 'VM') THEN CAST(market_year_label AS INTEGER) END
    ) AS first_market_year_label
  FROM staging.raw_psd
  GROUP BY
    path
), dated AS (
  SELECT
    content.path,
    content.coffee_rows,
    content.first_market_year_label,
    file.release_date,
    file.is_release_assumed,
    file.released_at,
    file.landed_at,
    file.sha256,
    file.url,
    file.origin,
    ROW_NUMBER() OVER (PARTITION BY file.release_date ORDER BY file.landed_at DESC, content.path DESC) AS landing_rank
  FROM content
  JOIN staging.psd_file AS file
    ON file.path = content.path
)
SELECT
  MD5('psd_release|' || CAST(release_date AS VARCHAR)) AS release_key,
  release_date,
  is_release_assumed,
  released_at, -- UTC
  landed_at, -- UTC
  path,
  sha256,
  url,
  origin,
  coffee_rows,
  first_market_year_label, -- of Brazil or Vietnam, as labelled in the file
  CAST(
    CASE
      WHEN first_market_year_label = 1961 THEN -1
      WHEN first_market_year_label = 1960 THEN 0
      WHEN release_date < CAST('2023-06-01' AS DATE) THEN -1
      ELSE 0
    END AS INTEGER
  ) AS market_year_shift -- years to add to a label to get the START year of the season
FROM dated
WHERE
  landing_rank = 1
