-- A country code that carries two names inside one file would mean that USDA reused a code.
AUDIT (
  name psd_country_has_one_name,
  blocking false
);

SELECT
  path,
  usda_country_code,
  COUNT(DISTINCT country_name) AS names
FROM @this_model
GROUP BY
  path,
  usda_country_code
HAVING
  COUNT(DISTINCT country_name) > 1
