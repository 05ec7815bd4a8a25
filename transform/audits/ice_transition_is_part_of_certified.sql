-- Transition bags are certified ones too: none of an origin in a port are more than all of it there. Warns only, since the break is ICE's.
AUDIT (
  name ice_transition_is_part_of_certified,
  blocking false
);

SELECT
  transition.report_date,
  transition.origin,
  transition.port_key,
  transition.bags - COALESCE(certified.bags, 0) AS excess
FROM @this_model AS transition
LEFT JOIN @this_model AS certified
  ON certified.commodity_key = transition.commodity_key
  AND certified.report_date = transition.report_date
  AND certified.origin = transition.origin
  AND certified.port_key = transition.port_key
  AND certified.section = 'certified'
WHERE
  transition.section = 'transition'
  AND transition.bags > COALESCE(certified.bags, 0)
