-- What a country has it uses, sells or keeps. Warns only, since the break is upstream's.
-- Known: Sierra Leone, season 1967/68 (off by 1; seen in the December 2022 release).
AUDIT (
  name psd_supply_equals_distribution,
  blocking false
);

SELECT
  country_key,
  release_date,
  market_year,
  total_supply - total_distribution AS excess
FROM @this_model
WHERE
  total_supply <> total_distribution
