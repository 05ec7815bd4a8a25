-- Reads the figures of month-end ageing reports as text. Grain: one cell of a report: bucket of days, port.
MODEL (
  name staging.raw_ice_aging,
  kind FULL,
  start '2016-01-04',
  description 'Cells of month-end ageing reports as landed, all text. One row: one cell of one landed file.',
  grain (path, age_from_days, port_code),
  columns (
    path VARCHAR,
    report_date VARCHAR,
    as_of VARCHAR,
    section VARCHAR,
    origin VARCHAR,
    port_code VARCHAR,
    port_name VARCHAR,
    bags VARCHAR,
    age_from_days VARCHAR,
    age_to_days VARCHAR
  ),
  audits (
    not_null(columns := (path, report_date, section, bags))
  )
);

SELECT
  regexp_extract(filename, 'ice_aging/[^/]+$') AS path, -- relative to the landing zone, as in the manifest
  report_date,
  as_of,
  section,
  origin,
  port_code,
  port_name,
  bags,
  age_from_days,
  age_to_days -- NULL for a bucket without end
FROM read_csv(
  @landing_dir || '/ice_aging/*.csv.gz',
  columns = {
    'report_date': 'VARCHAR',
    'as_of': 'VARCHAR',
    'section': 'VARCHAR',
    'origin': 'VARCHAR',
    'port_code': 'VARCHAR',
    'port_name': 'VARCHAR',
    'bags': 'VARCHAR',
    'age_from_days': 'VARCHAR',
    'age_to_days': 'VARCHAR'
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
