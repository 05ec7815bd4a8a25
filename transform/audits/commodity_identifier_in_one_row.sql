-- An external identifier that stood in two rows would count a fact twice.
AUDIT (
  name commodity_identifier_in_one_row
);

WITH identifier AS (
  SELECT
    'usda_commodity_code' AS identifier_type,
    usda_commodity_code AS identifier
  FROM @this_model
  UNION ALL
  SELECT
    'cftc_contract_market_code' AS identifier_type,
    cftc_contract_market_code AS identifier
  FROM @this_model
  UNION ALL
  SELECT
    'ice_stock_report_code' AS identifier_type,
    ice_stock_report_code AS identifier
  FROM @this_model
  UNION ALL
  SELECT
    'ticker' AS identifier_type,
    ticker AS identifier
  FROM @this_model
)
SELECT
  identifier_type,
  identifier,
  COUNT(*) AS row_count
FROM identifier
WHERE
  NOT identifier IS NULL
GROUP BY
  identifier_type,
  identifier
HAVING
  COUNT(*) > 1
