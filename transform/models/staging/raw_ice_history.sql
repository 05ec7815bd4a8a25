-- Reads the history of month ends as text. Grain: one cell of a file: month end, port. Every file holds all months since November 1996.
MODEL (
  name staging.raw_ice_history,
  kind FULL,
  start '1996-11-01',
  description 'Certified stocks at month ends as landed, all text. One row: one month end and port of one landed file.',
  grain (path, report_date, port_code),
  columns (
    path VARCHAR,
    report_date VARCHAR,
    as_of VARCHAR,
    section VARCHAR,
    origin VARCHAR,
    port_code VARCHAR,
    port_name VARCHAR,
    bags VARCHAR
  ),
  audits (
    not_null(columns := (path, report_date, section, bags))
  )
);

SELECT
  regexp_extract(filename, 'ice_history/[^/]+$') AS path, -- relative to the landing zone, as in the manifest
  report_date,
  as_of,
  section,
  origin,
  port_code,
  port_name,
  bags
FROM read_csv(
  @landing_dir || '/ice_history/*.csv.gz',
  columns = {
    'report_date': 'VARCHAR',
    'as_of': 'VARCHAR',
    'section': 'VARCHAR',
    'origin': 'VARCHAR',
    'port_code': 'VARCHAR',
    'port_name': 'VARCHAR',
    'bags': 'VARCHAR'
  },
  auto_detect = FALSE,
  header = TRUE,
  delim = ',',
  quote = '"',
  escape = '"',
  compression = 'gzip',
  filename = TRUE,
  hive_partitioning = FALSE
)
