-- Reads the landed COT files, futures only, as lines: headers and what may be about coffee. Grain: one line of a file.
-- A file holds every contract of its year (up to 14,000 lines of 191 columns), is written again every week, and up to 2014 has a blank after
-- each closing quote, which no CSV reader takes. So lines are read whole and dropped here unless they hold the code of a contract we follow;
-- raw_cot takes them apart. A further contract is added to the filter here and to seed_commodity.
MODEL (
  name staging.cot_line,
  kind FULL,
  start '2006-06-13',
  description 'Header lines and lines about followed contracts of landed COT files. One row: one line of one file.',
  columns (
    path VARCHAR,
    text VARCHAR
  ),
  audits (
    not_null(columns := (path, text))
  )
);

SELECT
  regexp_extract(filename, 'cot/[0-9]{4}/[^/]+$') AS path, -- relative to the landing zone, as in the manifest
  text
FROM read_csv(
  @landing_dir || '/cot/*/*.csv.gz',
  columns = {'text': 'VARCHAR'},
  auto_detect = FALSE,
  header = FALSE,
  delim = '\t',
  quote = '',
  escape = '',
  compression = 'gzip',
  filename = TRUE,
  hive_partitioning = FALSE
)
WHERE
  contains(text, 'CFTC_Contract_Market_Code')
  OR contains(text, '083731')
