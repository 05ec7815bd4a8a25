package web

import (
	"context"
	"database/sql"
	"time"
)

// region is a row of the risk board: how a growing region stands on its newest day.
type region struct {
	ID, Name, CountryCode, Country, Species string
	Flowering, Harvest, Zone                string
	Latitude, Longitude, Elevation          num
	SeasonMonth                             int64
	HeatFrom                                num // °C
	First, AsOf                             date

	LowestNight, WatchNights, FrostNights num // of the last 14 days
	HeatDays                              num // of the last 30
	DrySpell                              num // days
	Rain30, Rain30Pct, Rain30Rank         num // mm, % of normal, percentile
	Rain90, Rain90Pct, Rain90Rank         num
	Balance30, Balance90                  num // mm against normal
	SPI1, SPI3                            num
	SeasonYear                            num
	SeasonRain, SeasonNormal              num // mm
	SeasonLow, SeasonHigh                 num // mm, tenth and ninetieth percentile
	Share                                 num // % of world production
	ShareSeason                           string
	Risk                                  num // 0, 1, 2
	Reason                                string
}

const regionColumns = `location_id, location_name, country_code, country_name, species, flowering, harvest, time_zone,
	latitude, longitude, elevation_m::DOUBLE, season_start_month::BIGINT, heat_day_from_c::DOUBLE, first_date, observed_date,
	temperature_min_14d_c::DOUBLE, watch_nights_14d::DOUBLE, frost_nights_14d::DOUBLE, heat_days_30d::DOUBLE, dry_spell_days::DOUBLE,
	rain_30d_mm::DOUBLE, rain_30d_pct_of_normal, rain_30d_percentile, rain_90d_mm::DOUBLE, rain_90d_pct_of_normal, rain_90d_percentile,
	balance_30d_anomaly_mm, balance_90d_anomaly_mm, spi_1, spi_3, season_year::DOUBLE, season_rain_mm::DOUBLE, season_rain_normal_mm,
	season_rain_p10_mm::DOUBLE, season_rain_p90_mm::DOUBLE, production_share_pct, coalesce(production_season, ''), risk_level::DOUBLE, coalesce(risk_reason, '')`

func scanRegion(rows *sql.Rows, r *region) error {
	return rows.Scan(&r.ID, &r.Name, &r.CountryCode, &r.Country, &r.Species, &r.Flowering, &r.Harvest, &r.Zone,
		&r.Latitude, &r.Longitude, &r.Elevation, &r.SeasonMonth, &r.HeatFrom, &r.First, &r.AsOf,
		&r.LowestNight, &r.WatchNights, &r.FrostNights, &r.HeatDays, &r.DrySpell,
		&r.Rain30, &r.Rain30Pct, &r.Rain30Rank, &r.Rain90, &r.Rain90Pct, &r.Rain90Rank,
		&r.Balance30, &r.Balance90, &r.SPI1, &r.SPI3, &r.SeasonYear, &r.SeasonRain, &r.SeasonNormal,
		&r.SeasonLow, &r.SeasonHigh, &r.Share, &r.ShareSeason, &r.Risk, &r.Reason)
}

// loadRegions reads the board: the gravest risk first, then the larger crop.
func loadRegions(ctx context.Context, r *reading) ([]region, error) {
	if !r.has("weather_regions") {
		return nil, nil
	}
	return query(ctx, r.db, "regions", scanRegion, `SELECT `+regionColumns+` FROM serving.weather_regions
		ORDER BY risk_level DESC NULLS LAST, production_share_pct DESC NULLS LAST, location_name`)
}

func loadRegion(ctx context.Context, r *reading, id string) (region, error) {
	one, _, err := queryOne(ctx, r.db, "region", scanRegion, `SELECT `+regionColumns+` FROM serving.weather_regions WHERE location_id = ?`, id)
	return one, err
}

// riskBoard is the sums over the board.
type riskBoard struct {
	Regions, Known, AtRisk, Grave int64
	Compared, Driest, Wettest     int64 // 90 days of rain in the outer tenths of 1991-2020
	Share, ShareAtRisk            num
	Season                        string
	AsOf                          date
}

func loadRiskBoard(ctx context.Context, r *reading) (riskBoard, error) {
	if !r.has("weather_regions") {
		return riskBoard{}, nil
	}
	b, _, err := queryOne(ctx, r.db, "risk board", func(rows *sql.Rows, b *riskBoard) error {
		return rows.Scan(&b.Regions, &b.Known, &b.AtRisk, &b.Grave, &b.Compared, &b.Driest, &b.Wettest, &b.Share, &b.ShareAtRisk, &b.Season, &b.AsOf)
	}, `SELECT count(*), count(risk_level), count(*) FILTER (WHERE risk_level >= 1), count(*) FILTER (WHERE risk_level = 2),
		count(rain_90d_percentile), count(*) FILTER (WHERE rain_90d_percentile <= 10), count(*) FILTER (WHERE rain_90d_percentile >= 90),
		sum(production_share_pct), sum(production_share_pct) FILTER (WHERE risk_level >= 1), coalesce(max(production_season), ''), max(observed_date)
		FROM serving.weather_regions`)
	return b, err
}

// weatherDay is a day of a region.
type weatherDay struct {
	Date                               date
	High, Low, Mean, Rain, ET0         num
	Humidity, Soil, Radiation, Wind    num
	Rain30Pct, Rain90Pct, SPI1, SPI3   num
	DrySpell                           num
	Frost                              string // none, watch, frost, severe; empty where unknown
	Season, Before, Normal, Low10, P90 num    // mm since the season's first day
}

// loadWeatherDays reads the newest days, the newest first.
func loadWeatherDays(ctx context.Context, r *reading, id string, n int) ([]weatherDay, error) {
	return query(ctx, r.db, "weather", func(rows *sql.Rows, d *weatherDay) error {
		return rows.Scan(&d.Date, &d.High, &d.Low, &d.Mean, &d.Rain, &d.ET0, &d.Humidity, &d.Soil, &d.Radiation, &d.Wind,
			&d.Rain30Pct, &d.Rain90Pct, &d.SPI1, &d.SPI3, &d.DrySpell, &d.Frost)
	}, `SELECT observed_date, temperature_max_c::DOUBLE, temperature_min_c::DOUBLE, temperature_mean_c::DOUBLE, precipitation_mm::DOUBLE, et0_mm::DOUBLE,
		relative_humidity_pct::DOUBLE, soil_moisture_7_28cm::DOUBLE, radiation_mj_m2::DOUBLE, wind_max_km_h::DOUBLE,
		rain_30d_pct_of_normal, rain_90d_pct_of_normal, spi_1, spi_3, dry_spell_days::DOUBLE, coalesce(frost_class, '')
		FROM serving.weather_daily WHERE location_id = ? ORDER BY observed_date DESC LIMIT ?`, id, n)
}

// loadSeason reads rain since the season's first day: this season, the one
// before, and what is normal, for each day of a whole season. The days to come
// carry the normals of the same days a year before.
func loadSeason(ctx context.Context, r *reading, id string) ([]weatherDay, error) {
	return query(ctx, r.db, "season", func(rows *sql.Rows, d *weatherDay) error {
		return rows.Scan(&d.Date, &d.Season, &d.Before, &d.Normal, &d.Low10, &d.P90)
	}, `WITH season AS (
			SELECT max(season_year) AS season_year FROM serving.weather_daily WHERE location_id = $1
		), this AS (
			SELECT d.* FROM serving.weather_daily d JOIN season USING (season_year) WHERE location_id = $1
		), before AS (
			SELECT d.*, CAST(d.observed_date + INTERVAL 1 YEAR AS DATE) AS same_day
			FROM serving.weather_daily d JOIN season ON d.season_year = season.season_year - 1
			WHERE location_id = $1 AND NOT (month(observed_date) = 2 AND day(observed_date) = 29)
		)
		SELECT coalesce(this.observed_date, before.same_day) AS day, this.season_rain_mm::DOUBLE, before.season_rain_mm::DOUBLE,
			coalesce(this.season_rain_normal_mm, before.season_rain_normal_mm),
			coalesce(this.season_rain_p10_mm, before.season_rain_p10_mm)::DOUBLE, coalesce(this.season_rain_p90_mm, before.season_rain_p90_mm)::DOUBLE
		FROM this FULL JOIN before ON before.same_day = this.observed_date ORDER BY day`, id)
}

// weatherMonth is a month of a region's calendars.
type weatherMonth struct {
	Start                                 time.Time
	Complete                              bool
	Low                                   num // °C, coldest night
	Watch, Frost, Severe, Heat, Dry       num // days
	DrySpell, Rain, Normal, RainPct, SPI3 num
}

// calendarYears is how many calendar years a region's calendars show.
const calendarYears = 12

// loadMonths reads the months of the newest years, the newest year first, each
// from January.
func loadMonths(ctx context.Context, r *reading, id string) ([]weatherMonth, error) {
	if !r.has("weather_monthly") {
		return nil, nil
	}
	return query(ctx, r.db, "months", func(rows *sql.Rows, m *weatherMonth) error {
		return rows.Scan(&m.Start, &m.Complete, &m.Low, &m.Watch, &m.Frost, &m.Severe, &m.Heat, &m.Dry, &m.DrySpell, &m.Rain, &m.Normal, &m.RainPct, &m.SPI3)
	}, `SELECT month_start, is_complete, temperature_min_c::DOUBLE, watch_nights::DOUBLE, frost_nights::DOUBLE, severe_nights::DOUBLE, heat_days::DOUBLE,
		dry_days::DOUBLE, longest_dry_spell_days::DOUBLE, rain_mm::DOUBLE, rain_normal_mm, rain_pct_of_normal, spi_3
		FROM serving.weather_monthly WHERE location_id = $1
		AND year(month_start) > (SELECT max(year(month_start)) FROM serving.weather_monthly WHERE location_id = $1) - $2
		ORDER BY year(month_start) DESC, month_start`, id, calendarYears)
}

// regionPast is what a region's whole history holds, for the titles of its
// calendars.
type regionPast struct {
	Watch, Frost                    num // nights
	Coldest                         num
	ColdestDate, LastFrost, LastWet date // LastWet: the last day of 1 mm or more
	HeatDays, HeatNormal            num  // of the newest whole year, and a year's mean in 1991-2020
	HeatYear                        num
	LongestSpell                    num
	LongestSpellEnd                 date
}

func loadRegionPast(ctx context.Context, r *reading, id string) (regionPast, error) {
	past, _, err := queryOne(ctx, r.db, "history of a region", func(rows *sql.Rows, p *regionPast) error {
		return rows.Scan(&p.Watch, &p.Frost, &p.Coldest, &p.ColdestDate, &p.LastFrost, &p.LastWet, &p.HeatYear, &p.HeatDays, &p.HeatNormal, &p.LongestSpell, &p.LongestSpellEnd)
	}, `WITH day AS (
			SELECT * FROM serving.weather_daily WHERE location_id = $1
		), heat AS (
			SELECT year(observed_date) AS year, count(*) AS days, count(*) FILTER (WHERE is_heat_day) AS hot FROM day GROUP BY 1
		), whole AS (
			SELECT max(year) AS year FROM heat WHERE days >= 365
		)
		SELECT count(*) FILTER (WHERE frost_class IN ('watch', 'frost', 'severe'))::DOUBLE, count(*) FILTER (WHERE frost_class IN ('frost', 'severe'))::DOUBLE,
			min(temperature_min_c)::DOUBLE, arg_min(observed_date, temperature_min_c), max(observed_date) FILTER (WHERE frost_class IN ('frost', 'severe')),
			max(observed_date) FILTER (WHERE precipitation_mm >= 1),
			(SELECT year FROM whole)::DOUBLE, (SELECT hot FROM heat JOIN whole USING (year))::DOUBLE,
			(SELECT CASE WHEN count(*) >= 24 THEN avg(hot) END FROM heat WHERE year BETWEEN 1991 AND 2020 AND days >= 365),
			max(dry_spell_days)::DOUBLE, arg_max(observed_date, dry_spell_days)
		FROM day`, id)
	return past, err
}
