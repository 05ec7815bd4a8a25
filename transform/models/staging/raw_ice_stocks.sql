-- Reads the figures of daily reports as text. Grain: one cell of a report: section, origin, port. Empty cells of the file are NULL here: no origin
-- is all origins together, no port all ports together.
MODEL (
  name staging.raw_ice_stocks,
  kind FULL,
  start '2016-01-04',
  description 'Cells of daily certified stock reports as landed, all text. One row: one cell of one landed file.',
  grain (path, section, origin, port_code),
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
  regexp_extract(filename, 'ice_stocks/[^/]+$') AS path, -- relative to the landing zone, as in the manifest
  report_date,
  as_of,
  section,
  origin,
  port_code,
  port_name,
  bags
FROM read_csv(
  @landing_dir || '/ice_stocks/*.csv.gz',
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
