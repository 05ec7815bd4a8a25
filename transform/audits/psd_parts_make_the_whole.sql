-- USDA's identities between an attribute and its parts. Warns only, since the break is upstream's.
-- Known: United States, season 2001/02 (imports exceed their parts by 5,327; seen in the December 2022 release).
AUDIT (
  name psd_parts_make_the_whole,
  blocking false
);

SELECT
  country_key,
  release_date,
  market_year,
  production - (arabica_production + robusta_production + other_production) AS production_excess,
  imports - (bean_imports + roast_ground_imports + soluble_imports) AS imports_excess,
  exports - (bean_exports + roast_ground_exports + soluble_exports) AS exports_excess,
  domestic_consumption - (roast_ground_consumption + soluble_consumption) AS consumption_excess,
  total_supply - (beginning_stocks + production + imports) AS supply_excess,
  total_distribution - (exports + domestic_consumption + ending_stocks) AS distribution_excess
FROM @this_model
WHERE
  production <> arabica_production + robusta_production + other_production
  OR imports <> bean_imports + roast_ground_imports + soluble_imports
  OR exports <> bean_exports + roast_ground_exports + soluble_exports
  OR domestic_consumption <> roast_ground_consumption + soluble_consumption
  OR total_supply <> beginning_stocks + production + imports
  OR total_distribution <> exports + domestic_consumption + ending_stocks
