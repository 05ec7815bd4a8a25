-- Certified stocks, what was graded and what waits, day by day. Grain: commodity, report date, section, origin, port.
-- Sections: certified (in store and deliverable), transition (the part of certified that a discount meets from 2027 on; never added to it),
-- passed and failed (graded that day), pending (waits to be graded), rebagging. A section that a report lacks has no row: unknown, not zero.
-- Empty origin: all origins together. NULL port: all ports together.
MODEL (
  name foundation.fct_ice_stock,
  kind FULL,
  start '2016-01-04',
  description 'ICE certified stocks and grading by section, origin and port, in bags. One row: one cell of one daily report.',
  grain (commodity_key, report_date, section, origin, port_key),
  columns (
    commodity_key VARCHAR,
    port_key VARCHAR,
    report_date DATE,
    known_at TIMESTAMP,
    is_known_at_assumed BOOLEAN,
    section VARCHAR,
    origin VARCHAR,
    bags DECIMAL(18, 0),
    path VARCHAR,
    landed_at TIMESTAMP
  ),
  audits (
    not_null(columns := (commodity_key, report_date, known_at, section, origin, bags)),
    unique_combination_of_columns(columns := (commodity_key, report_date, section, origin, port_key)),
    ice_transition_is_part_of_certified
  )
);

SELECT
  commodity.commodity_key,
  port.port_key, -- NULL: all ports together
  stg.report_date,
  stg.known_at, -- UTC
  stg.is_known_at_assumed,
  stg.section,
  stg.origin, -- ICE's name of the country; empty: all origins together
  stg.bags, -- of 60 kg
  stg.path,
  stg.landed_at -- UTC
FROM staging.stg_ice_stocks AS stg
LEFT JOIN foundation.dim_commodity AS commodity
  ON commodity.ice_stock_report_code = stg.ice_stock_report_code
LEFT JOIN foundation.dim_port AS port
  ON port.port_code = stg.port_code
