-- Delivery points of Coffee "C", as ICE codes them since 2023, with the side of the Atlantic. Written by hand.
MODEL (
  name staging.seed_port,
  kind SEED (
    path '../../seeds/seed_port.csv',
    csv_settings (keep_default_na = false)
  ),
  description 'Delivery points of ICE Coffee C. One row: one port or pair of ports.',
  grain port_code,
  columns (
    port_code VARCHAR,
    port_name VARCHAR,
    region VARCHAR,
    display_order INTEGER
  ),
  audits (
    not_null(columns := (port_code, port_name, region, display_order)),
    unique_values(columns := (port_code, port_name, display_order)),
    accepted_values(column := region, is_in := ('Europe', 'US')),
    number_of_rows(threshold := 0)
  )
);
