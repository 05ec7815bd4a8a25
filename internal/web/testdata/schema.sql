CREATE SCHEMA serving;
CREATE TABLE serving.commodity_metrics (commodity_key VARCHAR, commodity_name VARCHAR, country_code VARCHAR, country_name VARCHAR,
  market_year INTEGER, season VARCHAR, beginning_stocks DECIMAL(18,4), production DECIMAL(18,4), arabica_production DECIMAL(18,4),
  robusta_production DECIMAL(18,4), imports DECIMAL(18,4), exports DECIMAL(18,4), bean_exports DECIMAL(18,4),
  domestic_consumption DECIMAL(18,4), ending_stocks DECIMAL(18,4), stocks_to_use_pct DOUBLE, stocks_to_use_incl_exports_pct DOUBLE,
  production_yoy_pct DOUBLE, export_share_pct DOUBLE, release_date DATE);
CREATE TABLE serving.psd_revisions (commodity_key VARCHAR, commodity_name VARCHAR, country_code VARCHAR, country_name VARCHAR,
  market_year INTEGER, season VARCHAR, attribute_id VARCHAR, attribute VARCHAR, release_date DATE, value DECIMAL(18,4),
  previous_value DECIMAL(18,4), change DECIMAL(18,4), change_pct DOUBLE);
CREATE TABLE serving.coffee_prices (commodity_key VARCHAR, commodity_name VARCHAR, ticker VARCHAR, trade_date DATE, open DECIMAL(10,4),
  high DECIMAL(10,4), low DECIMAL(10,4), close DECIMAL(10,4), volume BIGINT, return_pct DOUBLE, sma_20 DOUBLE, sma_50 DOUBLE,
  sma_200 DOUBLE, high_52w DECIMAL(10,4), low_52w DECIMAL(10,4), close_high_52w DECIMAL(10,4), close_low_52w DECIMAL(10,4),
  volatility_20d_pct DOUBLE, volatility_20d_ex_roll_pct DOUBLE, drawdown_pct DOUBLE, is_roll BOOLEAN);
CREATE TABLE serving.snapshot (snapshot_id VARCHAR NOT NULL, origin VARCHAR, exported_at TIMESTAMP NOT NULL, plan_id VARCHAR,
  materia_version VARCHAR);
CREATE TABLE serving.pipeline_runs (run_id VARCHAR NOT NULL, pipeline VARCHAR, source VARCHAR, started_at TIMESTAMP,
  finished_at TIMESTAMP, status VARCHAR, files BIGINT, bytes BIGINT, rows BIGINT, warnings BIGINT, error VARCHAR);
CREATE TABLE serving.data_freshness (source VARCHAR NOT NULL, title VARCHAR, licence VARCHAR, homepage VARCHAR, cadence VARCHAR,
  origin VARCHAR, last_checked DATE, last_status VARCHAR, last_error VARCHAR, last_landed_at TIMESTAMP, released_at TIMESTAMP,
  as_of DATE, files BIGINT, bytes BIGINT, expected_next DATE, newest_file VARCHAR, newest_sha256 VARCHAR, newest_url VARCHAR);
CREATE TABLE serving.data_quality (model VARCHAR NOT NULL, audit VARCHAR NOT NULL, blocking BOOLEAN, failing_rows BIGINT,
  checked_at TIMESTAMP);
CREATE TABLE serving.lineage (model VARCHAR NOT NULL, kind VARCHAR, depends_on VARCHAR, description VARCHAR);
