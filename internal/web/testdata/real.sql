-- The serving tables from real files, computed here once more and apart from
-- the project's models. words in double braces are paths.
CREATE TEMP TABLE p AS
SELECT Date AS d, CAST(round(Open, 4) AS DECIMAL(10,4)) AS o, CAST(round(High, 4) AS DECIMAL(10,4)) AS h, CAST(round(Low, 4) AS DECIMAL(10,4)) AS l,
  CAST(round(Close, 4) AS DECIMAL(10,4)) AS c, Volume AS v, row_number() OVER (ORDER BY Date) AS n
FROM read_csv('{{prices}}', header = true, auto_detect = false, columns = {'Date': 'DATE', 'Close': 'DOUBLE', 'High': 'DOUBLE', 'Low': 'DOUBLE', 'Open': 'DOUBLE', 'Volume': 'BIGINT'});
CREATE TEMP TABLE r AS
SELECT *, ln(c::DOUBLE / lag(c::DOUBLE) OVER (ORDER BY d)) AS lr, month(d) IN (3, 5, 7, 9, 12) AND day(d) >= 14 AND v >= 1000
  AND v >= 10 * max(v) OVER (ORDER BY d ROWS BETWEEN 5 PRECEDING AND 1 PRECEDING) AS roll FROM p;
CREATE TEMP TABLE clean AS
SELECT d, CASE WHEN count(*) OVER (ORDER BY d ROWS 19 PRECEDING) = 20 THEN 100 * sqrt(252) * stddev_samp(lr) OVER (ORDER BY d ROWS 19 PRECEDING) END AS vol
FROM (SELECT *, lag(roll) OVER (ORDER BY d) AS after FROM r) WHERE NOT roll AND NOT after AND lr IS NOT NULL;
INSERT INTO serving.coffee_prices
SELECT 'arabica', 'Coffee arabica', 'KC=F', r.d, o, h, l, c, v, 100 * (exp(lr) - 1),
  CASE WHEN n >= 20 THEN avg(c::DOUBLE) OVER (ORDER BY r.d ROWS 19 PRECEDING) END,
  CASE WHEN n >= 50 THEN avg(c::DOUBLE) OVER (ORDER BY r.d ROWS 49 PRECEDING) END,
  CASE WHEN n >= 200 THEN avg(c::DOUBLE) OVER (ORDER BY r.d ROWS 199 PRECEDING) END,
  y.h52, y.l52, y.ch, y.cl, CASE WHEN n > 20 THEN 100 * sqrt(252) * stddev_samp(lr) OVER (ORDER BY r.d ROWS 19 PRECEDING) END, clean.vol,
  100 * (c::DOUBLE / max(c::DOUBLE) OVER (ORDER BY r.d) - 1), roll
FROM r ASOF LEFT JOIN clean ON r.d >= clean.d
LEFT JOIN (SELECT a.d AS d, max(b.h) AS h52, min(b.l) AS l52, max(b.c) AS ch, min(b.c) AS cl FROM p a JOIN p b ON b.d > a.d - INTERVAL 1 YEAR AND b.d <= a.d
  WHERE a.d >= DATE '2001-01-03' GROUP BY a.d) y ON y.d = r.d;

CREATE TEMP TABLE names AS SELECT Country_Code AS code, Country_Name AS name FROM read_csv('{{countries}}', header = true, all_varchar = true);
CREATE TEMP TABLE attributes AS SELECT Attribute_ID AS id, Attribute_Description AS name FROM read_csv('{{attributes}}', header = true, all_varchar = true);
CREATE TEMP TABLE obs AS
SELECT DATE '2022-12-20' AS release, Country_Code AS code, Country_Name AS country, Market_Year::INT - 1 AS y, Attribute_ID AS id, Value::DECIMAL(18,4) AS x
FROM read_csv('{{psd}}', header = true, all_varchar = true) WHERE Commodity_Code = '0711100';
INSERT INTO obs
SELECT DATE '2023-12-21', coalesce(names.code, 'X' || dense_rank() OVER (ORDER BY Country)), Country, Year::INT, attributes.id, x::DECIMAL(18,4)
FROM (UNPIVOT (SELECT * FROM read_csv('{{pivot}}', header = true, all_varchar = true) WHERE {{second}}) ON COLUMNS(* EXCLUDE (Country, Year)) INTO NAME attribute VALUE x) u
JOIN attributes ON attributes.name = u.attribute LEFT JOIN names ON names.name = u.Country;
CREATE TEMP TABLE wide AS
PIVOT (SELECT release, code, country, y, id, x FROM obs) ON id IN ('020', '028', '029', '053', '057', '088', '090', '125', '176') USING any_value(x) GROUP BY release, code, country, y;
DELETE FROM wide WHERE release < (SELECT max(release) FROM wide) OR "020" + "028" + "057" + "088" + "125" = 0;
CREATE TEMP TABLE sheet AS SELECT * FROM wide UNION ALL
SELECT any_value(release), 'WORLD', 'World', y, sum("020"), sum("028"), sum("029"), sum("053"), sum("057"), sum("088"), sum("090"), sum("125"), sum("176") FROM wide GROUP BY y;
INSERT INTO serving.commodity_metrics
SELECT 'coffee', 'Coffee', s.code, s.country, s.y, s.y || '/' || right(CAST(s.y + 1 AS VARCHAR), 2), s."020", s."028", s."029", s."053", s."057", s."088", s."090", s."125", s."176",
  100 * s."176"::DOUBLE / nullif(s."125"::DOUBLE, 0), 100 * s."176"::DOUBLE / nullif((s."125" + s."088")::DOUBLE, 0),
  100 * (s."028"::DOUBLE / nullif(b."028"::DOUBLE, 0) - 1), 100 * s."088"::DOUBLE / nullif(w."088"::DOUBLE, 0), s.release
FROM sheet s LEFT JOIN sheet b ON b.code = s.code AND b.y = s.y - 1 JOIN sheet w ON w.code = 'WORLD' AND w.y = s.y;
INSERT INTO serving.psd_revisions
SELECT 'coffee', 'Coffee', code, country, y, y || '/' || right(CAST(y + 1 AS VARCHAR), 2), id, attributes.name, release, x, before, x - before, 100 * (x - before)::DOUBLE / nullif(before::DOUBLE, 0)
FROM (SELECT *, lag(x) OVER (PARTITION BY code, y, id ORDER BY release) AS before FROM obs) o JOIN attributes USING (id) WHERE before IS NULL OR before <> x;
CREATE TEMP TABLE line AS
SELECT regexp_extract_all(replace(text, '" ,', '",'), '"[^"]*"|[^,"]+') AS f
FROM read_csv('{{cot}}', columns = {'text': 'VARCHAR'}, auto_detect = false, header = false, delim = '\t', quote = '', escape = '') WHERE contains(text, ',083731');
CREATE TEMP TABLE week AS
SELECT *, coalesce(sum(CASE WHEN d - before > 8 THEN 1 END) OVER (ORDER BY d), 0) AS stretch, row_number() OVER (ORDER BY d) AS n
FROM (SELECT f, CAST(trim(f[3]) AS DATE) AS d, lag(CAST(trim(f[3]) AS DATE)) OVER (ORDER BY trim(f[3])) AS before, f[14]::INT - f[15]::INT AS net FROM line);
CREATE TEMP TABLE standing AS
SELECT d, size, 100.0 * (net - list_min(w)) / nullif(list_max(w) - list_min(w), 0) AS i, 100.0 * len(list_filter(w, lambda x: x <= net)) / size AS r
FROM (SELECT d, net, size, list(net) OVER (PARTITION BY stretch, size ORDER BY d ROWS BETWEEN size - 1 PRECEDING AND CURRENT ROW) AS w FROM week, (VALUES (26), (52), (156)) s(size)) WHERE len(w) = size;
INSERT INTO serving.cot_positioning BY NAME
SELECT 'arabica' AS commodity_key, 'Coffee arabica' AS commodity_name, week.d AS report_date, week.d + CASE WHEN week.d = DATE '2024-12-31' THEN 6 ELSE 3 END AS release_date, true AS is_release_assumed, f[8]::INT AS open_interest, f[56]::INT AS open_interest_change,
  f[14]::INT AS managed_money_long, f[15]::INT AS managed_money_short, f[16]::INT AS managed_money_spread, net AS managed_money_net, f[62]::INT AS managed_money_long_change, f[63]::INT AS managed_money_short_change,
  f[62]::INT - f[63]::INT AS managed_money_net_change, 100.0 * net / f[8]::INT AS managed_money_net_pct_oi, a.i AS cot_index_26w, b.i AS cot_index_52w, c.i AS cot_index_156w,
  a.r AS net_percentile_26w, b.r AS net_percentile_52w, c.r AS net_percentile_156w, f[9]::INT AS producer_long, f[10]::INT AS producer_short, f[9]::INT - f[10]::INT AS producer_net,
  f[57]::INT AS producer_long_change, f[58]::INT AS producer_short_change, f[57]::INT - f[58]::INT AS producer_net_change, 100.0 * (f[9]::INT - f[10]::INT) / f[8]::INT AS producer_net_pct_oi,
  100.0 * f[9]::INT / f[8]::INT AS producer_long_pct_oi, 100.0 * f[10]::INT / f[8]::INT AS producer_short_pct_oi, f[11]::INT AS swap_long, f[12]::INT AS swap_short, f[13]::INT AS swap_spread,
  f[11]::INT - f[12]::INT AS swap_net, f[59]::INT AS swap_long_change, f[60]::INT AS swap_short_change, f[17]::INT AS other_reportable_long, f[18]::INT AS other_reportable_short, f[19]::INT AS other_reportable_spread,
  f[65]::INT AS other_reportable_long_change, f[66]::INT AS other_reportable_short_change, f[17]::INT - f[18]::INT AS other_reportable_net,
  f[65]::INT - f[66]::INT AS other_reportable_net_change, f[59]::INT - f[60]::INT AS swap_net_change, f[22]::INT AS nonreportable_long, f[23]::INT AS nonreportable_short, f[22]::INT - f[23]::INT AS nonreportable_net,
  f[70]::INT AS nonreportable_long_change, f[71]::INT AS nonreportable_short_change, f[70]::INT - f[71]::INT AS nonreportable_net_change, f[166]::DOUBLE AS top_4_net_long_pct_oi, f[167]::DOUBLE AS top_4_net_short_pct_oi, f[168]::DOUBLE AS top_8_net_long_pct_oi, f[169]::DOUBLE AS top_8_net_short_pct_oi
FROM week LEFT JOIN standing a ON a.d = week.d AND a.size = 26 LEFT JOIN standing b ON b.d = week.d AND b.size = 52 LEFT JOIN standing c ON c.d = week.d AND c.size = 156;
INSERT INTO serving.cot_index_by_category BY NAME
SELECT commodity_key, commodity_name, report_date, 'managed_money' AS category, managed_money_net AS net, cot_index_26w, cot_index_52w, cot_index_156w, net_percentile_26w, net_percentile_52w, net_percentile_156w FROM serving.cot_positioning;
-- Certified stocks as others read them off the reports: by port since 2010, by origin and port since May 2025.
CREATE TEMP TABLE ports AS SELECT * FROM (VALUES ('ANT', 'ANT', 'Antwerp', 'Europe'), ('BAR', 'BAR', 'Barcelona', 'Europe'), ('HAM', 'HA/BR', 'Hamburg/Bremen', 'Europe'),
  ('HA/BR', 'HA/BR', 'Hamburg/Bremen', 'Europe'), ('HOU', 'HOU', 'Houston', 'US'), ('MIA', 'MIAMI', 'Miami', 'US'), ('MIAMI', 'MIAMI', 'Miami', 'US'), ('NOR', 'NOLA', 'New Orleans', 'US'),
  ('NOLA', 'NOLA', 'New Orleans', 'US'), ('NYK', 'NY', 'New York', 'US'), ('NY', 'NY', 'New York', 'US'), ('VIR', 'VA', 'Virginia', 'US'), ('VA', 'VA', 'Virginia', 'US')) p(label, code, name, region);
CREATE TEMP TABLE stock_snapshot AS
SELECT unnest(snapshots) AS s FROM read_json('{{stocks}}', maximum_object_size = 100000000, columns = {'snapshots': 'JSON[]'});
CREATE TEMP TABLE stock_cell AS
SELECT CAST(s->>'date' AS DATE) AS d, o.key AS origin, p.key AS label, CAST(p.value AS BIGINT) AS bags
FROM stock_snapshot, json_each(s->'sections'->'total_certified'->'by_origin') o, json_each(o.value->'by_port') p;
CREATE TEMP TABLE stock_total AS
SELECT CAST(s->>'date' AS DATE) AS d, CAST(s->>'total_bags' AS BIGINT) AS certified, CAST(s->>'pending_grading_bags' AS BIGINT) AS pending, CAST(s->>'passed_today_bags' AS BIGINT) AS passed, CAST(s->>'failed_today_bags' AS BIGINT) AS failed FROM stock_snapshot
UNION ALL BY NAME
SELECT d, sum(bags) AS certified FROM (SELECT CAST(s->>'date' AS DATE) AS d, CAST(p.value AS BIGINT) AS bags
  FROM (SELECT unnest(snapshots) AS s FROM read_json('{{oldstocks}}', maximum_object_size = 100000000, columns = {'snapshots': 'JSON[]'})), json_each(s->'by_port_totals') p) GROUP BY d;
INSERT INTO serving.ice_warehouse_stocks_by_port
SELECT 'arabica', 'Coffee arabica', d, code, name, region, origin, sum(bags), NULL FROM stock_cell JOIN ports USING (label) GROUP BY ALL HAVING sum(bags) > 0;
INSERT INTO serving.ice_warehouse_stocks
WITH t AS (SELECT *, lag(certified) OVER (ORDER BY d) AS before, lag(d) OVER (ORDER BY d) AS day_before, count(*) OVER (ORDER BY d ROWS 29 PRECEDING) AS n,
    avg(certified) OVER (ORDER BY d ROWS 29 PRECEDING) AS mean FROM stock_total WHERE d <= DATE '2025-12-09')
SELECT 'arabica', 'Coffee arabica', t.d, t.d + INTERVAL 18 HOUR, true, certified, NULL, pending, passed, failed, CASE WHEN t.d - day_before <= 8 THEN certified - before END,
  (SELECT sum(bags) FROM serving.ice_warehouse_stocks_by_port p WHERE p.report_date = t.d AND region = 'Europe'), (SELECT sum(bags) FROM serving.ice_warehouse_stocks_by_port p WHERE p.report_date = t.d AND region = 'US'),
  CASE WHEN n = 30 THEN mean END, (SELECT max(certified) FROM stock_total w WHERE w.d > t.d - INTERVAL 1 YEAR AND w.d <= t.d),
  100.0 * certified / (SELECT max(certified) FROM stock_total w WHERE w.d > t.d - INTERVAL 1 YEAR AND w.d <= t.d) - 100, 2022, 167945000, certified / (167945000 / 365.0)
FROM t;
DELETE FROM serving.ice_warehouse_stocks_by_port WHERE report_date > (SELECT max(report_date) FROM serving.ice_warehouse_stocks);
INSERT INTO serving.ice_month_end_stocks SELECT 'arabica', 'Coffee arabica', date, 'ANT', 'All ports', 'Europe', total_bags FROM read_csv('{{months}}', header = true, auto_detect = false, columns = {'date': 'DATE', 'total_bags': 'BIGINT'});
CREATE TEMP TABLE sky AS
SELECT date AS d, temperature_2m_max AS hi, temperature_2m_min AS lo, precipitation_sum AS mm FROM read_csv('{{weather}}', header = true);
INSERT INTO serving.weather_daily BY NAME
SELECT 'br_cerrado_mineiro' AS location_id, 'Cerrado Mineiro' AS location_name, 'Brazil' AS country_name, 'arabica' AS species, d AS observed_date, hi AS temperature_max_c, lo AS temperature_min_c, mm AS precipitation_mm,
  CASE WHEN lo <= 0 THEN 'severe' WHEN lo <= 2 THEN 'frost' WHEN lo <= 4 THEN 'watch' ELSE 'none' END AS frost_class, hi >= 30 AS is_heat_day, year(d - INTERVAL 8 MONTH) AS season_year,
  CASE WHEN n >= 90 THEN sum(mm) OVER (ORDER BY d ROWS 89 PRECEDING) END AS rain_90d_mm, CASE WHEN d >= DATE '2015-09-01' THEN sum(mm) OVER (PARTITION BY year(d - INTERVAL 8 MONTH) ORDER BY d) END AS season_rain_mm
FROM (SELECT *, row_number() OVER (ORDER BY d) AS n FROM sky);
INSERT INTO serving.weather_monthly BY NAME
SELECT 'br_cerrado_mineiro' AS location_id, CAST(date_trunc('month', d) AS DATE) AS month_start, count(*) AS days, count(*) = day(last_day(min(d))) AS is_complete, min(lo) AS temperature_min_c, max(hi) AS temperature_max_c,
  count(*) FILTER (WHERE lo <= 4) AS watch_nights, count(*) FILTER (WHERE lo <= 2) AS frost_nights, count(*) FILTER (WHERE lo <= 0) AS severe_nights, count(*) FILTER (WHERE hi >= 30) AS heat_days,
  count(*) FILTER (WHERE mm < 1) AS dry_days, CASE WHEN is_complete THEN sum(mm) END AS rain_mm FROM sky GROUP BY date_trunc('month', d);
INSERT INTO serving.weather_regions BY NAME
SELECT 'br_cerrado_mineiro' AS location_id, 'Cerrado Mineiro' AS location_name, 'BR' AS country_code, 'Brazil' AS country_name, 'arabica' AS species, -18.94 AS latitude, -46.99 AS longitude, 1025 AS elevation_m,
  'America/Sao_Paulo' AS time_zone, 'Sep-Nov' AS flowering, 'May-Sep' AS harvest, 9 AS season_start_month, 30 AS heat_day_from_c, min(observed_date) AS first_date, max(observed_date) AS observed_date, count(*) AS days,
  min(temperature_min_c) FILTER (WHERE observed_date > DATE '2026-01-18') AS temperature_min_14d_c, 0 AS watch_nights_14d, 0 AS frost_nights_14d, arg_max(rain_90d_mm, observed_date) AS rain_90d_mm,
  max(season_year) AS season_year, arg_max(season_rain_mm, observed_date) AS season_rain_mm, 12.4 AS production_share_pct, '2022/23' AS production_season, 0 AS risk_level FROM serving.weather_daily;
INSERT INTO serving.weather_regions BY NAME
SELECT id AS location_id, id AS location_name, 'BR' AS country_code, 'Brazil' AS country_name, 'arabica' AS species, 0 AS latitude, 0 AS longitude, 1000 AS elevation_m, 'UTC' AS time_zone, 'Sep' AS flowering, 'May' AS harvest,
  9 AS season_start_month, 30 AS heat_day_from_c FROM (VALUES ('br_sul_de_minas'), ('vn_dak_lak'), ('in_chikmagalur')) r(id);
INSERT INTO serving.cot_extremes
SELECT 'arabica', 'Coffee arabica', d, rel, CASE WHEN i >= 90 THEN 'high' ELSE 'low' END, net, i, c0, 100 * (c4::DOUBLE / c0::DOUBLE - 1), 100 * (c13::DOUBLE / c0::DOUBLE - 1), 100 * (c26::DOUBLE / c0::DOUBLE - 1)
FROM (SELECT report_date AS d, release_date AS rel, managed_money_net AS net, cot_index_156w AS i, lag(cot_index_156w) OVER (ORDER BY report_date) AS was FROM serving.cot_positioning) e
ASOF LEFT JOIN (SELECT d AS d0, c AS c0 FROM p) a ON e.rel >= a.d0 ASOF LEFT JOIN (SELECT d AS d4, c AS c4 FROM p) b ON e.rel + 28 >= b.d4
ASOF LEFT JOIN (SELECT d AS d13, c AS c13 FROM p) m ON e.rel + 91 >= m.d13 ASOF LEFT JOIN (SELECT d AS d26, c AS c26 FROM p) n ON e.rel + 182 >= n.d26
WHERE i >= 90 AND coalesce(was, 50) < 90 OR i <= 10 AND coalesce(was, 50) > 10;
