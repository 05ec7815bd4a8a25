-- Files of later weeks repeat earlier reports: one whose figures differ is a correction of CFTC's, and worth a look. The newest counts.
AUDIT (
  name cot_report_unchanged,
  blocking false
);

SELECT
  cftc_contract_market_code,
  report_date,
  COUNT(DISTINCT figures_hash) AS versions,
  MAX(landed_at) AS newest_landing
FROM @this_model
GROUP BY
  cftc_contract_market_code,
  report_date
HAVING
  COUNT(DISTINCT figures_hash) > 1
