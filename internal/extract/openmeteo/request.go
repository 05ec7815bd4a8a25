package openmeteo

import (
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/landing"
)

const (
	firstYear    = 1991 // of the normal period 1991-2020
	trailingDays = 21   // asked for again in every run
	finalAfter   = 90   // days after the end of a year until it counts as final
	endpoint     = "https://archive-api.open-meteo.com/v1/archive"
)

// variable is a daily variable, the unit in which it must come, and what no place
// on earth has less or more of.
type variable struct {
	name, unit  string
	least, most float64
}

// variables are asked for in this order.
func variables() []variable {
	return []variable{
		{"temperature_2m_max", "°C", -60, 60}, {"temperature_2m_min", "°C", -60, 60}, {"temperature_2m_mean", "°C", -60, 60},
		{"precipitation_sum", "mm", 0, 2000}, {"et0_fao_evapotranspiration", "mm", 0, 40}, {"relative_humidity_2m_mean", "%", 0, 100},
		{"soil_moisture_0_to_7cm_mean", "m³/m³", 0, 1}, {"soil_moisture_7_to_28cm_mean", "m³/m³", 0, 1}, {"soil_moisture_28_to_100cm_mean", "m³/m³", 0, 1},
		{"shortwave_radiation_sum", "MJ/m²", 0, 60}, {"wind_speed_10m_max", "km/h", 0, 450},
	}
}

// request is one region and a span of days in one year, both ends inclusive.
type request struct {
	region   Region
	from, to time.Time
	final    bool // a whole year that upstream changes no more
}

func (r request) url() string {
	names := make([]string, 0, len(variables()))
	for _, v := range variables() {
		names = append(names, v.name)
	}
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	return fmt.Sprintf("%s?latitude=%s&longitude=%s&elevation=%d&start_date=%s&end_date=%s&daily=%s&models=era5_seamless&timezone=%s",
		endpoint, number(r.region.Latitude), number(r.region.Longitude), r.region.ElevationM,
		r.from.Format(time.DateOnly), r.to.Format(time.DateOnly), strings.Join(names, ","), url.QueryEscape(r.region.TimeZone))
}

func (r request) days() int { return int(r.to.Sub(r.from).Hours()/24) + 1 }

// weight is what the request counts against the limits.
func (r request) weight() float64 { return weight(len(variables()), r.days()) }

// weight of a request for one location (Open-Meteo's own formula).
func weight(variables, days int) float64 {
	v := float64(variables) / 10
	return max(1, v, float64(days)/14*v)
}

func (r request) name() string { return fmt.Sprintf("%s %d", r.region.ID, r.from.Year()) }

func (r request) folder() string { return fmt.Sprintf("weather/%s/%d/", r.region.ID, r.from.Year()) }

// requests is what is missing of the window, newest year first and all regions of
// a year together.
func requests(regions []Region, w extract.Window, now time.Time, landed []landing.Entry, settled func(url string) (bool, error)) ([]request, error) {
	today := midnight(now)
	from, to := day(firstYear, time.January, 1), today
	if !w.Since.IsZero() {
		from = midnight(w.Since)
	}
	if !w.Until.IsZero() && w.Until.Before(to) {
		to = midnight(w.Until)
	}
	var list []request
	for year := to.Year(); year >= from.Year() && !from.After(to); year-- {
		first, last := day(year, time.January, 1), day(year, time.December, 31)
		for _, region := range regions {
			r := request{region: region, from: first, to: last}
			if final := last.AddDate(0, 0, finalAfter); !final.After(today) {
				r.final = true
				done, err := had(r, final, landed, settled)
				if err != nil {
					return nil, err
				}
				if !done {
					list = append(list, r)
				}
				continue
			}
			r.from, r.to = later(first, from), earlier(last, to)
			if r, ok := r.missing(landed, to); ok {
				list = append(list, r)
			}
		}
	}
	return list, nil
}

// had says that a final year was asked for whole once it was final. A region, a
// variable or an elevation that changes makes another URL, so it is asked again.
func had(r request, final time.Time, landed []landing.Entry, settled func(url string) (bool, error)) (bool, error) {
	url := r.url()
	for _, e := range landed {
		if e.URL == url && !e.LandedAt.Before(final) {
			return true, nil
		}
	}
	return settled(url)
}

// missing shortens the request to the days that have not landed and those that
// may still change before the window's end; false where there is none.
func (r request) missing(landed []landing.Entry, end time.Time) (request, bool) {
	had := map[time.Time]bool{}
	for _, e := range landed {
		if !strings.HasPrefix(e.Path, r.folder()) {
			continue
		}
		from, to, ok := span(e)
		for d := from; ok && !d.After(to); d = d.AddDate(0, 0, 1) {
			had[d] = true
		}
	}
	trailing := end.AddDate(0, 0, 1-trailingDays)
	open := func(d time.Time) bool { return !had[d] || !d.Before(trailing) }
	for !r.from.After(r.to) && !open(r.from) {
		r.from = r.from.AddDate(0, 0, 1)
	}
	for r.to.After(r.from) && !open(r.to) {
		r.to = r.to.AddDate(0, 0, -1)
	}
	return r, !r.from.After(r.to)
}

// span is the days that a landed file has: from the first it was asked for to the
// newest with a value, which is its name. False for a file of unknown provenance.
func span(e landing.Entry) (from, to time.Time, ok bool) {
	from, _, ok = asked(e.URL)
	plain, _ := landing.PlainPath(e.Path)
	to, err := time.Parse(time.DateOnly, strings.TrimSuffix(path.Base(plain), ".json.gz"))
	return from, to, ok && err == nil
}

// asked is the days that an archive URL asks for.
func asked(address string) (from, to time.Time, ok bool) {
	u, err := url.Parse(address)
	if err != nil {
		return from, to, false
	}
	from, err1 := time.Parse(time.DateOnly, u.Query().Get("start_date"))
	to, err2 := time.Parse(time.DateOnly, u.Query().Get("end_date"))
	return from, to, err1 == nil && err2 == nil
}

// sameRequest says that two URLs ask for the same region and year, whatever its
// days: they move with the day of asking.
func sameRequest(a, b string) bool {
	fromA, _, okA := asked(a)
	fromB, _, okB := asked(b)
	undated := func(address string) string {
		u, err := url.Parse(address)
		if err != nil {
			return address
		}
		q := u.Query()
		q.Del("start_date")
		q.Del("end_date")
		u.RawQuery = q.Encode()
		return u.String()
	}
	return okA && okB && fromA.Year() == fromB.Year() && undated(a) == undated(b)
}

func day(year int, month time.Month, d int) time.Time {
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC)
}

func midnight(t time.Time) time.Time { return day(t.Date()) }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
