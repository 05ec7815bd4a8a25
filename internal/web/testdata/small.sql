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
