INSERT INTO serving.snapshot VALUES ('0123456789abcdef0123456789abcdef', 'live', TIMESTAMP '2025-12-10 06:30:00', 'plan-1', 'test');
INSERT INTO serving.data_freshness VALUES
  ('prices', 'Yahoo Finance KC=F', 'personal use', 'https://finance.yahoo.com/quote/KC=F', 'every trading day', 'live', DATE '2025-12-10',
   'success', '', TIMESTAMP '2025-12-10 06:00:00', NULL, DATE '2025-12-09', 3, 471225, DATE '2025-12-10', 'prices/KC=F/2025-12-09.json.gz',
   'aaaaaaaaaaaabbbbbbbbbbbbccccccccccccddddddddddddeeeeeeeeeeeeffff', 'https://query1.finance.yahoo.com/v8/finance/chart/KC=F'),
  ('cot', 'CFTC Commitments of Traders', 'US public domain', 'https://www.cftc.gov/MarketReports/CommitmentsofTraders/index.htm', 'Fridays at 15:30 New York', 'live', DATE '2025-12-10',
   'success', '', TIMESTAMP '2025-12-05 21:00:00', TIMESTAMP '2025-12-05 20:30:00', DATE '2025-12-02', 30, 15793660, DATE '2025-12-12', 'cot/2025/2025-12-02.csv.gz',
   'ccccccccccccddddddddddddeeeeeeeeeeeeffffffffffff0000000000001111', 'https://www.cftc.gov/files/dea/history/fut_disagg_txt_2025.zip'),
  ('ice', 'ICE certified coffee stocks', 'personal use', 'https://www.ice.com/report/42', 'every business day', 'live', DATE '2025-12-10',
   'success', '', TIMESTAMP '2025-12-09 19:00:00', TIMESTAMP '2025-12-09 18:31:00', DATE '2025-12-09', 800, 9471225, DATE '2025-12-10', 'ice_stocks/2025-12-09.csv.gz',
   'bbbbbbbbbbbbccccccccccccddddddddddddeeeeeeeeeeeeffffaaaaaaaaaaaa', 'https://www.ice.com/publicdocs/futures_us_reports/coffee/coffee_cert_stock_20251209.xls'),
  ('psd', 'USDA PSD Online', 'US public domain', 'https://apps.fas.usda.gov/psdonline', 'about June and December', 'live', DATE '2025-12-10',
   'unchanged', '', TIMESTAMP '2023-12-21 18:00:00', TIMESTAMP '2023-12-21 17:00:00', DATE '2023-12-21', 2, 8271017, DATE '2026-06-30',
   'psd/2023/12/111111111111.csv.gzip', '1111111111112222222222223333333333334444444444445555555555556666', 'https://apps.fas.usda.gov/psdonline/downloads/psd_coffee_csv.zip');
INSERT INTO serving.data_freshness VALUES
  ('weather', 'Open-Meteo ERA5', 'CC BY 4.0', 'https://open-meteo.com/en/docs/historical-weather-api', 'daily', 'live', DATE '2025-12-10',
   'success', '', TIMESTAMP '2025-12-10 06:00:00', NULL, DATE '2025-12-04', 432, 13000000, DATE '2025-12-11', 'weather/br_sul_de_minas/2025/2025-12-04.json.gz',
   '2222222222223333333333334444444444445555555555556666666666667777', 'https://archive-api.open-meteo.com/v1/archive?latitude=-21.55');
INSERT INTO serving.pipeline_runs VALUES
  ('20251210T060000Z-prices-00000001', 'extract_prices', 'prices', TIMESTAMP '2025-12-10 06:00:00', TIMESTAMP '2025-12-10 06:00:02', 'success', 1, 471225, 6503, 1, ''),
  ('20251210T060003Z-psd-00000002', 'extract_psd', 'psd', TIMESTAMP '2025-12-10 06:00:03', TIMESTAMP '2025-12-10 06:00:04', 'unchanged', 0, 0, 0, 0, ''),
  ('20251209T060003Z-psd-00000003', 'extract_psd', 'psd', TIMESTAMP '2025-12-09 06:00:03', TIMESTAMP '2025-12-09 06:02:04', 'failed', 0, 0, 0, 0, 'extract: get psd_coffee_csv.zip: status 503'),
  ('20251210T060100Z-transform-00000004', 'transform', '', TIMESTAMP '2025-12-10 06:01:00', NULL, 'running', 0, 0, 0, 0, '');
INSERT INTO serving.data_quality VALUES
  ('serving.coffee_prices', 'not_null', true, 0, TIMESTAMP '2025-12-10 06:20:00'),
  ('serving.commodity_metrics', 'forall_non_blocking', false, 3, TIMESTAMP '2025-12-10 06:20:00');
INSERT INTO serving.lineage VALUES
  ('serving.coffee_prices', 'FULL', 'foundation.fct_price_daily', 'Daily prices with averages.'),
  ('serving.commodity_metrics', 'FULL', 'foundation.fct_psd_balance', 'The balance sheet.');
