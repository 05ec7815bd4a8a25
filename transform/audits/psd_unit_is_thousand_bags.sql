-- Coffee is published in 1,000 60-kg bags (unit 02) and every model downstream relies on it.
AUDIT (
  name psd_unit_is_thousand_bags
);

SELECT
  *
FROM @this_model
WHERE
  unit_id <> '02'
  OR unit_id IS NULL
