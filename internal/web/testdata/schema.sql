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
CREATE TABLE serving.cot_positioning (commodity_key VARCHAR, commodity_name VARCHAR, report_date DATE, release_date DATE,
  released_at TIMESTAMP, is_release_assumed BOOLEAN, known_at TIMESTAMP, open_interest DECIMAL(18,0),
  open_interest_change DECIMAL(18,0), managed_money_long DECIMAL(18,0), managed_money_short DECIMAL(18,0),
  managed_money_spread DECIMAL(18,0), managed_money_net DECIMAL(18,0), managed_money_net_change DECIMAL(18,0),
  managed_money_net_pct_oi DOUBLE, managed_money_long_change DECIMAL(18,0), managed_money_short_change DECIMAL(18,0),
  managed_money_long_traders INTEGER, managed_money_short_traders INTEGER, managed_money_spread_traders INTEGER,
  cot_index_26w DOUBLE, cot_index_52w DOUBLE, cot_index_156w DOUBLE, net_percentile_26w DOUBLE, net_percentile_52w DOUBLE,
  net_percentile_156w DOUBLE, producer_long DECIMAL(18,0), producer_short DECIMAL(18,0), producer_net DECIMAL(18,0),
  producer_net_change DECIMAL(18,0), producer_net_pct_oi DOUBLE, producer_long_change DECIMAL(18,0),
  producer_short_change DECIMAL(18,0), producer_long_traders INTEGER, producer_short_traders INTEGER,
  producer_long_pct_oi DOUBLE, producer_short_pct_oi DOUBLE, swap_long DECIMAL(18,0), swap_short DECIMAL(18,0),
  swap_spread DECIMAL(18,0), swap_net DECIMAL(18,0), swap_net_change DECIMAL(18,0), swap_net_pct_oi DOUBLE,
  swap_long_change DECIMAL(18,0), swap_short_change DECIMAL(18,0), swap_long_traders INTEGER, swap_short_traders INTEGER,
  swap_spread_traders INTEGER, other_reportable_long DECIMAL(18,0), other_reportable_short DECIMAL(18,0),
  other_reportable_spread DECIMAL(18,0), other_reportable_net DECIMAL(18,0), other_reportable_net_change DECIMAL(18,0),
  other_reportable_net_pct_oi DOUBLE, other_reportable_long_change DECIMAL(18,0),
  other_reportable_short_change DECIMAL(18,0), other_reportable_long_traders INTEGER,
  other_reportable_short_traders INTEGER, other_reportable_spread_traders INTEGER, nonreportable_long DECIMAL(18,0),
  nonreportable_short DECIMAL(18,0), nonreportable_net DECIMAL(18,0), nonreportable_net_change DECIMAL(18,0),
  nonreportable_net_pct_oi DOUBLE, nonreportable_long_change DECIMAL(18,0), nonreportable_short_change DECIMAL(18,0),
  traders INTEGER, top_4_gross_long_pct_oi DECIMAL(5,1), top_4_gross_short_pct_oi DECIMAL(5,1),
  top_8_gross_long_pct_oi DECIMAL(5,1), top_8_gross_short_pct_oi DECIMAL(5,1), top_4_net_long_pct_oi DECIMAL(5,1),
  top_4_net_short_pct_oi DECIMAL(5,1), top_8_net_long_pct_oi DECIMAL(5,1), top_8_net_short_pct_oi DECIMAL(5,1));
CREATE TABLE serving.cot_index_by_category (commodity_key VARCHAR, commodity_name VARCHAR, report_date DATE,
  category VARCHAR, net DECIMAL(18,0), cot_index_26w DOUBLE, cot_index_52w DOUBLE, cot_index_156w DOUBLE,
  net_percentile_26w DOUBLE, net_percentile_52w DOUBLE, net_percentile_156w DOUBLE);
CREATE TABLE serving.ice_warehouse_stocks (commodity_key VARCHAR, commodity_name VARCHAR, report_date DATE, known_at TIMESTAMP,
  is_known_at_assumed BOOLEAN, certified_bags DECIMAL(18,0), transition_bags DECIMAL(18,0), pending_bags DECIMAL(18,0),
  passed_bags DECIMAL(18,0), failed_bags DECIMAL(18,0), change_bags DECIMAL(18,0), europe_bags DECIMAL(18,0), us_bags DECIMAL(18,0),
  avg_30d_bags DOUBLE, high_52w_bags DECIMAL(18,0), drawdown_52w_pct DOUBLE, use_market_year INTEGER, yearly_use_bags DECIMAL(18,0),
  days_of_use DOUBLE);
CREATE TABLE serving.ice_warehouse_stocks_by_port (commodity_key VARCHAR, commodity_name VARCHAR, report_date DATE, port_code VARCHAR,
  port_name VARCHAR, region VARCHAR, origin VARCHAR, bags DECIMAL(18,0), transition_bags DECIMAL(18,0));
CREATE TABLE serving.ice_aging_stocks (commodity_key VARCHAR, commodity_name VARCHAR, report_date DATE, port_code VARCHAR,
  port_name VARCHAR, region VARCHAR, age_from_days INTEGER, age_to_days INTEGER, bags DECIMAL(18,0));
CREATE TABLE serving.ice_month_end_stocks (commodity_key VARCHAR, commodity_name VARCHAR, month_end DATE, port_code VARCHAR,
  port_name VARCHAR, region VARCHAR, bags DECIMAL(18,0));
CREATE TABLE serving.weather_daily (location_id VARCHAR, location_name VARCHAR, country_name VARCHAR, species VARCHAR,
  observed_date DATE, temperature_max_c DECIMAL(6,2), temperature_min_c DECIMAL(6,2), temperature_mean_c DECIMAL(6,2),
  precipitation_mm DECIMAL(8,2), et0_mm DECIMAL(8,2), relative_humidity_pct DECIMAL(6,2), soil_moisture_0_7cm
  DECIMAL(6,3), soil_moisture_7_28cm DECIMAL(6,3), soil_moisture_28_100cm DECIMAL(6,3), radiation_mj_m2 DECIMAL(8,2),
  wind_max_km_h DECIMAL(8,2), frost_class VARCHAR, is_heat_day BOOLEAN, dry_spell_days INTEGER, rain_30d_mm
  DECIMAL(10,2), rain_30d_pct_of_normal DOUBLE, rain_30d_percentile DOUBLE, rain_90d_mm DECIMAL(10,2),
  rain_90d_pct_of_normal DOUBLE, rain_90d_percentile DOUBLE, balance_30d_mm DECIMAL(10,2), balance_30d_anomaly_mm
  DOUBLE, balance_90d_mm DECIMAL(10,2), balance_90d_anomaly_mm DOUBLE, spi_1 DOUBLE, spi_3 DOUBLE, season_year
  INTEGER, season_day INTEGER, season_rain_mm DECIMAL(10,2), season_rain_normal_mm DOUBLE, season_rain_p10_mm
  DECIMAL(10,2), season_rain_p90_mm DECIMAL(10,2));
CREATE TABLE serving.weather_monthly (location_id VARCHAR, month_start DATE, days INTEGER, is_complete BOOLEAN,
  temperature_min_c DECIMAL(6,2), temperature_max_c DECIMAL(6,2), watch_nights INTEGER, frost_nights INTEGER,
  severe_nights INTEGER, heat_days INTEGER, dry_days INTEGER, longest_dry_spell_days INTEGER, rain_mm DECIMAL(10,2),
  rain_normal_mm DOUBLE, rain_pct_of_normal DOUBLE, spi_1 DOUBLE, spi_3 DOUBLE);
CREATE TABLE serving.weather_regions (location_id VARCHAR, location_name VARCHAR, country_code VARCHAR, country_name
  VARCHAR, species VARCHAR, latitude DOUBLE, longitude DOUBLE, elevation_m INTEGER, time_zone VARCHAR, flowering
  VARCHAR, harvest VARCHAR, season_start_month INTEGER, heat_day_from_c INTEGER, first_date DATE, observed_date DATE,
  days BIGINT, temperature_min_14d_c DECIMAL(6,2), watch_nights_14d INTEGER, frost_nights_14d INTEGER, heat_days_30d
  INTEGER, dry_spell_days INTEGER, rain_30d_mm DECIMAL(10,2), rain_30d_pct_of_normal DOUBLE, rain_30d_percentile
  DOUBLE, rain_90d_mm DECIMAL(10,2), rain_90d_pct_of_normal DOUBLE, rain_90d_percentile DOUBLE, balance_30d_anomaly_mm
  DOUBLE, balance_90d_anomaly_mm DOUBLE, spi_1 DOUBLE, spi_3 DOUBLE, season_year INTEGER, season_rain_mm
  DECIMAL(10,2), season_rain_normal_mm DOUBLE, season_rain_p10_mm DECIMAL(10,2), season_rain_p90_mm DECIMAL(10,2),
  production_share_pct DOUBLE, production_season VARCHAR, risk_level INTEGER, risk_reason VARCHAR);
CREATE TABLE serving.cot_extremes (commodity_key VARCHAR, commodity_name VARCHAR, report_date DATE, release_date DATE, extreme VARCHAR,
  managed_money_net DECIMAL(18,0), cot_index_156w DOUBLE, close_at_release DECIMAL(10,4), change_4w_pct DOUBLE, change_13w_pct DOUBLE,
  change_26w_pct DOUBLE);
CREATE TABLE serving.snapshot (snapshot_id VARCHAR NOT NULL, origin VARCHAR, exported_at TIMESTAMP NOT NULL, plan_id VARCHAR,
  materia_version VARCHAR);
CREATE TABLE serving.pipeline_runs (run_id VARCHAR NOT NULL, pipeline VARCHAR, source VARCHAR, started_at TIMESTAMP,
  finished_at TIMESTAMP, status VARCHAR, files BIGINT, bytes BIGINT, rows BIGINT, warnings BIGINT, error VARCHAR);
CREATE TABLE serving.data_freshness (source VARCHAR NOT NULL, title VARCHAR, licence VARCHAR, homepage VARCHAR, cadence VARCHAR,
  origin VARCHAR, last_checked DATE, last_status VARCHAR, last_error VARCHAR, last_landed_at TIMESTAMP, released_at TIMESTAMP,
  as_of DATE, files BIGINT, bytes BIGINT, expected_next DATE, newest_file VARCHAR, newest_sha256 VARCHAR, newest_url VARCHAR);
CREATE TABLE serving.data_quality (model VARCHAR NOT NULL, audit VARCHAR NOT NULL, blocking BOOLEAN, failing_rows BIGINT,
  checked_at TIMESTAMP);
CREATE TABLE serving.workflows (workflow VARCHAR NOT NULL, schedule VARCHAR, status VARCHAR, message VARCHAR, finished_at TIMESTAMP,
  succeeded_at TIMESTAMP);
CREATE TABLE serving.alerts (key VARCHAR NOT NULL, severity VARCHAR, title VARCHAR, body VARCHAR, since TIMESTAMP);
CREATE TABLE serving.lineage (model VARCHAR NOT NULL, kind VARCHAR, depends_on VARCHAR, description VARCHAR);
