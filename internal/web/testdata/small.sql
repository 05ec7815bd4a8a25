-- A few rows written by hand: a year and a half of prices along a straight line
-- with one hole, and a balance sheet of two countries. No market data.
INSERT INTO serving.coffee_prices
WITH d AS (SELECT CAST(d AS DATE) AS trade_date, row_number() OVER (ORDER BY d) AS n FROM range(TIMESTAMP '2024-06-03', TIMESTAMP '2025-12-10', INTERVAL 1 DAY) r(d)
  WHERE isodow(d) < 6 AND NOT d BETWEEN TIMESTAMP '2025-03-01' AND TIMESTAMP '2025-03-31')
SELECT 'arabica', 'Coffee arabica', 'KC=F', trade_date, 200 + n / 10, 202 + n / 10, 198 + n / 10, 201 + n / 10, 1000 + n, 0.05,
  CASE WHEN n >= 20 THEN 200 + n / 10 END, CASE WHEN n >= 50 THEN 199 + n / 10 END, CASE WHEN n >= 200 THEN 260 END,
  250, 190, 249, 191, 30 + n % 7, 29 + n % 7, -2.5, n % 60 = 0
FROM d;
INSERT INTO serving.commodity_metrics
WITH y AS (SELECT y FROM range(1998, 2024) r(y)),
c(code, name, base) AS (VALUES ('BR', 'Brazil', 50000), ('VM', 'Vietnam', 25000))
SELECT 'coffee', 'Coffee', code, name, y, y || '/' || right(CAST(y + 1 AS VARCHAR), 2), 1000, base + y, (base + y) * 0.7, (base + y) * 0.3, 10,
  base * 0.6, base * 0.5, base * 0.3, 1000 + y - 1998, 100.0 * (1000 + y - 1998) / (base * 0.3), 100.0 * (1000 + y - 1998) / (base * 0.9), 1.5, 100.0 * base / 75000, DATE '2023-12-21'
FROM y, c;
INSERT INTO serving.commodity_metrics
SELECT commodity_key, commodity_name, 'WORLD', 'World', market_year, season, sum(beginning_stocks), sum(production), sum(arabica_production), sum(robusta_production),
  sum(imports), sum(exports), sum(bean_exports), sum(domestic_consumption), sum(ending_stocks), 100.0 * sum(ending_stocks) / sum(domestic_consumption),
  100.0 * sum(ending_stocks) / sum(domestic_consumption + exports), 2.0, 100, any_value(release_date)
FROM serving.commodity_metrics GROUP BY ALL;
INSERT INTO serving.psd_revisions VALUES
  ('coffee', 'Coffee', 'BR', 'Brazil', 2022, '2022/23', '028', 'Production', DATE '2022-12-20', 52000, NULL, NULL, NULL),
  ('coffee', 'Coffee', 'BR', 'Brazil', 2022, '2022/23', '028', 'Production', DATE '2023-12-21', 52022, 52000, 22, 0.0423),
  ('coffee', 'Coffee', 'VM', 'Vietnam', 2022, '2022/23', '088', 'Exports', DATE '2022-12-20', 20000, NULL, NULL, NULL),
  ('coffee', 'Coffee', 'VM', 'Vietnam', 2022, '2022/23', '088', 'Exports', DATE '2023-12-21', 15000, 20000, -5000, -25);
-- Weekly positions that rise and fall like a tide; the index is made up, not computed. The oldest 155 reports have no index of 156.
INSERT INTO serving.cot_positioning BY NAME
WITH d AS (SELECT CAST(d AS DATE) AS report_date, row_number() OVER (ORDER BY d) AS n FROM range(TIMESTAMP '2021-12-07', TIMESTAMP '2025-12-03', INTERVAL 7 DAY) r(d))
SELECT 'arabica' AS commodity_key, 'Coffee arabica' AS commodity_name, report_date, report_date + 3 AS release_date, true AS is_release_assumed, 200000 AS open_interest, 100 AS open_interest_change,
  30000 + 20000 * sin(n / 20) AS managed_money_long, 30000 - 10000 * sin(n / 20) AS managed_money_short, 20000 AS managed_money_spread, 30000 * sin(n / 20) AS managed_money_net,
  1000 AS managed_money_long_change, -234 AS managed_money_short_change, 1234 AS managed_money_net_change, 15 * sin(n / 20) AS managed_money_net_pct_oi,
  60 AS managed_money_long_traders, 40 AS managed_money_short_traders,
  CASE WHEN n >= 26 THEN n % 100 END AS cot_index_26w, CASE WHEN n >= 52 THEN 44 END AS cot_index_52w, CASE WHEN n >= 156 THEN 85.5 END AS cot_index_156w,
  CASE WHEN n >= 26 THEN 30 END AS net_percentile_26w, CASE WHEN n >= 52 THEN 40 END AS net_percentile_52w, CASE WHEN n >= 156 THEN 80 END AS net_percentile_156w,
  40000 AS producer_long, 80000 AS producer_short, -40000 AS producer_net, 0 AS producer_net_change, -20 AS producer_net_pct_oi, 20 AS producer_long_pct_oi, 40 AS producer_short_pct_oi,
  50000 AS swap_long, 20000 AS swap_short, 5000 AS swap_spread, 30000 AS swap_net, 25.0 AS top_4_net_long_pct_oi, 30.0 AS top_4_net_short_pct_oi
FROM d;
INSERT INTO serving.cot_index_by_category BY NAME
SELECT commodity_key, commodity_name, report_date, category, managed_money_net AS net, cot_index_26w, cot_index_52w, cot_index_156w, net_percentile_26w, net_percentile_52w, net_percentile_156w
FROM serving.cot_positioning, (VALUES ('managed_money'), ('producer'), ('swap'), ('other_reportable'), ('nonreportable')) c(category);
-- Certified stocks that fall by 100 bags a report, three quarters in Antwerp; two thirds from Honduras. Transition bags are told since 2025.
INSERT INTO serving.ice_warehouse_stocks
WITH d AS (SELECT CAST(d AS DATE) AS day, row_number() OVER (ORDER BY d) AS n FROM range(TIMESTAMP '2024-06-03', TIMESTAMP '2025-12-10', INTERVAL 1 DAY) r(d)
  WHERE isodow(d) < 6 AND NOT d BETWEEN TIMESTAMP '2025-03-01' AND TIMESTAMP '2025-03-31')
SELECT 'arabica', 'Coffee arabica', day, day + INTERVAL '18 hours 31 minutes', false, 900000 - 100 * n, CASE WHEN year(day) = 2025 THEN 400000 END, 8210, 825, 275,
  CASE WHEN n > 1 AND day <> DATE '2025-04-01' THEN -100 END, 0.75 * (900000 - 100 * n), 0.25 * (900000 - 100 * n), CASE WHEN n >= 30 THEN 901450 - 100 * n END,
  CASE WHEN n > 270 THEN 890000 END, CASE WHEN n > 270 THEN 100.0 * (900000 - 100 * n) / 890000 - 100 END, 2023, 168000000, (900000 - 100 * n) / (168000000 / 365.0)
FROM d;
INSERT INTO serving.ice_warehouse_stocks_by_port
SELECT commodity_key, commodity_name, report_date, p.code, p.name, p.region, o.name, p.share * o.share * certified_bags, CASE WHEN year(report_date) = 2025 THEN p.part * o.share * 400000 END
FROM serving.ice_warehouse_stocks, (VALUES ('ANT', 'Antwerp', 'Europe', 0.75, 1), ('NY', 'New York', 'US', 0.25, 0)) p(code, name, region, share, part),
  (VALUES ('Brazil', 0.4), ('Honduras', 0.6)) o(name, share);
INSERT INTO serving.ice_aging_stocks
SELECT 'arabica', 'Coffee arabica', last_day(m), p.code, p.name, p.region, a.lo, a.hi, a.bags * p.share
FROM range(TIMESTAMP '2025-01-01', TIMESTAMP '2025-12-01', INTERVAL 1 MONTH) r(m), (VALUES ('ANT', 'Antwerp', 'Europe', 0.75), ('NY', 'New York', 'US', 0.25)) p(code, name, region, share),
  (VALUES (0, 120, 400000), (241, 270, 200000), (361, 390, 250000), (1501, 1530, 20000)) a(lo, hi, bags);
INSERT INTO serving.ice_month_end_stocks
SELECT 'arabica', 'Coffee arabica', last_day(m), 'ANT', 'Antwerp', 'Europe', 1000000 + 1000 * month(m) * (year(m) - 1995)
FROM range(TIMESTAMP '1996-11-01', TIMESTAMP '2025-12-01', INTERVAL 1 MONTH) r(m);
-- Two years of weather in one region: 4 mm on every other day, a frost night, and normals that are made up. Two regions more stand on the board
-- without days, one of them without anything.
INSERT INTO serving.weather_daily BY NAME
SELECT 'br_sul_de_minas' AS location_id, 'Sul de Minas' AS location_name, 'Brazil' AS country_name, 'arabica' AS species, d AS observed_date,
  25 AS temperature_max_c, CASE WHEN d = DATE '2025-07-20' THEN 1.5 ELSE 12 END AS temperature_min_c, 18 AS temperature_mean_c, CASE WHEN n % 2 = 0 THEN 4 ELSE 0 END AS precipitation_mm,
  3.5 AS et0_mm, 70 AS relative_humidity_pct, 0.3 AS soil_moisture_7_28cm, 20 AS radiation_mj_m2, 12 AS wind_max_km_h, CASE WHEN d = DATE '2025-07-20' THEN 'frost' ELSE 'none' END AS frost_class,
  false AS is_heat_day, n % 2 AS dry_spell_days, 60 AS rain_30d_mm, 80 AS rain_30d_pct_of_normal, 40 AS rain_30d_percentile, 180 AS rain_90d_mm, 60 AS rain_90d_pct_of_normal, 6.7 AS rain_90d_percentile,
  -40 AS balance_90d_anomaly_mm, -0.4 AS spi_1, -1.6 AS spi_3, CASE WHEN month(d) >= 9 THEN year(d) ELSE year(d) - 1 END AS season_year,
  d - make_date(CASE WHEN month(d) >= 9 THEN year(d) ELSE year(d) - 1 END, 9, 1) + 1 AS season_day,
  2 * season_day AS season_rain_mm, 3 * season_day AS season_rain_normal_mm, 2.5 * season_day AS season_rain_p10_mm, 4 * season_day AS season_rain_p90_mm
FROM (SELECT CAST(d AS DATE) AS d, row_number() OVER (ORDER BY d) AS n FROM range(TIMESTAMP '2023-09-01', TIMESTAMP '2025-12-05', INTERVAL 1 DAY) r(d));
INSERT INTO serving.weather_monthly BY NAME
SELECT location_id, CAST(date_trunc('month', observed_date) AS DATE) AS month_start, count(*) AS days, max(observed_date) < DATE '2025-12-01' AS is_complete, min(temperature_min_c) AS temperature_min_c, max(temperature_max_c) AS temperature_max_c,
  count(*) FILTER (WHERE frost_class <> 'none') AS watch_nights, count(*) FILTER (WHERE frost_class = 'frost') AS frost_nights, 0 AS severe_nights, 0 AS heat_days, count(*) FILTER (WHERE precipitation_mm < 1) AS dry_days,
  1 AS longest_dry_spell_days, CASE WHEN is_complete THEN sum(precipitation_mm) END AS rain_mm, 100 AS rain_normal_mm, CASE WHEN is_complete THEN sum(precipitation_mm) END AS rain_pct_of_normal, -0.4 AS spi_1, CASE WHEN is_complete THEN -1.6 END AS spi_3
FROM serving.weather_daily GROUP BY ALL;
INSERT INTO serving.weather_regions BY NAME
SELECT id AS location_id, name AS location_name, country AS country_code, country AS country_name, species, -21.55 AS latitude, -45.43 AS longitude, 1050 AS elevation_m, 'America/Sao_Paulo' AS time_zone,
  'Sep-Nov' AS flowering, 'May-Sep' AS harvest, 9 AS season_start_month, 30 AS heat_day_from_c, CASE WHEN as_of IS NOT NULL THEN DATE '2023-09-01' END AS first_date, as_of AS observed_date,
  12 + (spi - spi) AS temperature_min_14d_c, 0 + (spi - spi) AS watch_nights_14d, 0 + (spi - spi) AS frost_nights_14d, 0 + (spi - spi) AS heat_days_30d, 0 + (spi - spi) AS dry_spell_days,
  60 + (spi - spi) AS rain_30d_mm, 80 + (spi - spi) AS rain_30d_pct_of_normal, 40 + (spi - spi) AS rain_30d_percentile, 180 + (spi - spi) AS rain_90d_mm,
  CASE WHEN spi < 0 THEN 60 WHEN spi >= 0 THEN 101 END AS rain_90d_pct_of_normal, CASE WHEN spi < 0 THEN 6.7 WHEN spi >= 0 THEN 53.3 END AS rain_90d_percentile,
  -40 + (spi - spi) AS balance_90d_anomaly_mm, -0.4 + (spi - spi) AS spi_1, spi AS spi_3, CASE WHEN spi IS NOT NULL THEN 2025 END AS season_year,
  190 + (spi - spi) AS season_rain_mm, 285 + (spi - spi) AS season_rain_normal_mm, 237.5 + (spi - spi) AS season_rain_p10_mm, 380 + (spi - spi) AS season_rain_p90_mm,
  share AS production_share_pct, '2023/24' AS production_season, risk AS risk_level, reason AS risk_reason
FROM (VALUES ('br_sul_de_minas', 'Sul de Minas', 'Brazil', 'arabica', -1.6, 23.4, 2, 'drought', DATE '2025-12-04'), ('vn_dak_lak', 'Đắk Lắk', 'Vietnam', 'robusta', 0.1, 17.5, 0, NULL, DATE '2025-12-04'),
  ('in_chikmagalur', 'Chikmagalur', 'India', 'both', NULL, 3.4, NULL, NULL, NULL)) r(id, name, country, species, spi, share, risk, reason, as_of);
INSERT INTO serving.cot_extremes VALUES
  ('arabica', 'Coffee arabica', DATE '2024-02-06', DATE '2024-02-09', 'high', 50000, 91.5, 200, 1.5, -20, 10.25),
  ('arabica', 'Coffee arabica', DATE '2025-01-07', DATE '2025-01-13', 'high', 51000, 95, 300, -2.5, 4, NULL),
  ('arabica', 'Coffee arabica', DATE '2025-08-05', DATE '2025-08-08', 'low', -9000, 3, 280, 5, NULL, NULL);
