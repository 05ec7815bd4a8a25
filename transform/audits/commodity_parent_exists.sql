-- A parent that is no commodity would cut the ontology in two.
AUDIT (
  name commodity_parent_exists
);

SELECT
  child.commodity_key,
  child.parent_commodity_key
FROM @this_model AS child
LEFT JOIN @this_model AS parent
  ON parent.commodity_key = child.parent_commodity_key
WHERE
  NOT child.parent_commodity_key IS NULL
  AND parent.commodity_key IS NULL
