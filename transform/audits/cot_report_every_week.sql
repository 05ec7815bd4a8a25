-- CFTC has reported every week since 2010, shutdowns included: a gap of more than 8 days is a year that was not landed. Windows over it
-- are NULL. Warns only: what is here is right.
AUDIT (
  name cot_report_every_week,
  blocking false
);

SELECT
  commodity_key,
  report_run,
  MIN(report_date) AS first_report_date_after_the_gap
FROM @this_model
WHERE
  report_run > 1
GROUP BY
  commodity_key,
  report_run
