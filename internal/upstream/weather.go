package upstream

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	weatherLag   = 5  // days until a day's values are there; null before
	weatherFinal = 14 // days until they change no more
)

// weatherVariable is a daily variable of the archive API, as it is written.
type weatherVariable struct {
	name, unit string
	decimals   int
	get        func(weatherDay) float64
}

// weatherVariables are those that the sample has.
var weatherVariables = [...]weatherVariable{
	{"temperature_2m_max", "°C", 1, func(d weatherDay) float64 { return d.high }},
	{"temperature_2m_min", "°C", 1, func(d weatherDay) float64 { return d.low }},
	{"temperature_2m_mean", "°C", 1, func(d weatherDay) float64 { return d.mean }},
	{"precipitation_sum", "mm", 2, func(d weatherDay) float64 { return math.Round(d.rain*10) / 10 }}, // a tenth, written with two
	{"et0_fao_evapotranspiration", "mm", 2, func(d weatherDay) float64 { return d.evaporation }},
	{"relative_humidity_2m_mean", "%", 0, func(d weatherDay) float64 { return d.humidity }},
	{"soil_moisture_0_to_7cm_mean", "m³/m³", 3, func(d weatherDay) float64 { return d.soil[0] }},
	{"soil_moisture_7_to_28cm_mean", "m³/m³", 3, func(d weatherDay) float64 { return d.soil[1] }},
	{"soil_moisture_28_to_100cm_mean", "m³/m³", 3, func(d weatherDay) float64 { return d.soil[2] }},
	{"shortwave_radiation_sum", "MJ/m²", 2, func(d weatherDay) float64 { return d.radiation }},
	{"wind_speed_10m_max", "km/h", 1, func(d weatherDay) float64 { return d.wind }},
}

// archive serves v1/archive, daily variables of one location a request.
func (s *Server) archive(path string, r *http.Request, fault Fault) answer {
	if path != "v1/archive" {
		return notFound()
	}
	if fault.Kind == Limit {
		return weatherError(http.StatusTooManyRequests, limitReason(fault.To))
	}
	q := r.URL.Query()
	from, to, reason := s.span(q)
	if reason != "" {
		return weatherError(http.StatusBadRequest, reason)
	}
	latitude, err1 := strconv.ParseFloat(q.Get("latitude"), 64)
	longitude, err2 := strconv.ParseFloat(q.Get("longitude"), 64)
	switch {
	case err1 != nil || err2 != nil: // lists of locations are not in this sample
		return weatherError(http.StatusBadRequest, "Parameter 'latitude' and 'longitude' must have the same number of elements")
	case math.Abs(latitude) > 90:
		return weatherError(http.StatusBadRequest, fmt.Sprintf("Latitude must be in range of -90 to 90°. Given: %v.", latitude))
	}
	var chosen []weatherVariable
	for name := range strings.SplitSeq(q.Get("daily"), ",") {
		i := slices.IndexFunc(weatherVariables[:], func(v weatherVariable) bool { return v.name == name })
		if i < 0 {
			return weatherError(http.StatusBadRequest, fmt.Sprintf("Data corrupted at path ''. Cannot initialize ForecastVariableDaily from invalid String value %s.", name))
		}
		chosen = append(chosen, weatherVariables[i])
	}
	zone, err := time.LoadLocation(q.Get("timezone"))
	if err != nil {
		return weatherError(http.StatusBadRequest, "Invalid timezone")
	}
	p := placeNear(latitude, longitude)
	if p == nil {
		return weatherError(http.StatusBadRequest, "No data is available for this location")
	}
	body := s.weatherBody(p, q, latitude, longitude, zone, from, to, chosen, fault)
	return answer{status: http.StatusOK, kind: "application/json; charset=utf-8", body: body}
}

// span reads and checks start_date and end_date; reason is the API's own.
func (s *Server) span(q url.Values) (from, to time.Time, reason string) {
	from, err1 := time.Parse(time.DateOnly, q.Get("start_date"))
	to, err2 := time.Parse(time.DateOnly, q.Get("end_date"))
	last := day(s.options.Now().UTC().Date()).AddDate(0, 0, 1)
	for _, one := range []struct {
		name string
		at   time.Time
	}{{"start_date", from}, {"end_date", to}} {
		if one.at.Before(day(1940, time.January, 1)) || one.at.After(last) {
			reason = fmt.Sprintf("Parameter '%s' is out of allowed range from 1940-01-01 to %s", one.name, last.Format(time.DateOnly))
		}
	}
	switch {
	case err1 != nil || err2 != nil:
		reason = "Invalid date format. Make sure to use 'YYYY-MM-DD'"
	case reason == "" && to.Before(from):
		reason = "End-date must be larger or equals than start-date"
	}
	return from, to, reason
}

func weatherError(status int, reason string) answer {
	return answer{status: status, kind: "application/json; charset=utf-8", body: fmt.Appendf(nil, `{"error":true,"reason":%q}`, reason)}
}

func limitReason(counter string) string {
	switch counter {
	case "Hourly":
		return "Hourly API request limit exceeded. Please try again in the next hour."
	case "Daily":
		return "Daily API request limit exceeded. Please try again tomorrow."
	}
	return "Minutely API request limit exceeded. Please try again in one minute."
}

// weatherBody writes the document by hand: numbers keep the API's decimals.
func (s *Server) weatherBody(p *place, q url.Values, latitude, longitude float64, zone *time.Location, from, to time.Time, chosen []weatherVariable, fault Fault) []byte {
	s.mu.Lock()
	asked := len(s.requests)
	s.mu.Unlock()
	elevation := p.meters
	if given, err := strconv.ParseFloat(q.Get("elevation"), 64); err == nil {
		elevation = given
	}
	grid := func(x float64) float64 { return math.Round(x*10) / 10 } // ERA5-Land's cells
	name, offset := time.Date(to.Year(), to.Month(), to.Day(), 12, 0, 0, 0, zone).Zone()
	b := fmt.Appendf(nil, `{"latitude":%.1f,"longitude":%.1f,"generationtime_ms":%v,"utc_offset_seconds":%d,"timezone":%q,"timezone_abbreviation":%q,"elevation":%.1f,"daily_units":{"time":"iso8601"`,
		grid(latitude), grid(longitude), 0.1+float64(asked%977)/64, offset, zone.String(), name, elevation)
	for _, v := range chosen {
		b = fmt.Appendf(b, `,%q:%q`, fault.column(v.name), v.unit)
	}
	b = append(b, `},"daily":{"time":[`...)
	days := s.weatherDays(p, from, to, elevation, fault)
	for n := range days {
		if n > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = from.AddDate(0, 0, n).AppendFormat(b, time.DateOnly)
		b = append(b, '"')
	}
	b = append(b, ']')
	for _, v := range chosen {
		if fault.Kind == DropColumn && fault.Column == v.name {
			continue
		}
		b = fmt.Appendf(b, `,%q:[`, fault.column(v.name))
		for n, d := range days {
			if n > 0 {
				b = append(b, ',')
			}
			switch {
			case d == nil:
				b = append(b, "null"...)
			case fault.Kind == WrongType && fault.Column == v.name:
				text, _ := json.Marshal(fault.jsonValue()) // a string or a finite number
				b = append(b, text...)
			default:
				b = strconv.AppendFloat(b, v.get(*d)+0, 'f', v.decimals, 64)
			}
		}
		b = append(b, ']')
	}
	if fault.Kind == BrokenJSON {
		return append(b[:len(b)*2/3], "Unexpected error while streaming data: timeoutReached"...)
	}
	return append(b, "}}"...)
}

// column is what a variable is called under a fault that renames it.
func (f Fault) column(name string) string {
	if f.Kind == RenameColumn && f.Column == name {
		return f.To
	}
	return name
}

// weatherDays makes the span's days; nil is a day that is not there yet.
func (s *Server) weatherDays(p *place, from, to time.Time, elevation float64, fault Fault) []*weatherDay {
	today := int(day(s.options.Now().UTC().Date()).Unix() / 86400)
	first, last := int(from.Unix()/86400), int(to.Unix()/86400)
	lapse := (p.meters - elevation) * 0.0065 // °C
	days := make([]*weatherDay, 0, last-first+1)
	for n := first; n <= last; n++ {
		if n > today-weatherLag {
			days = append(days, nil)
			continue
		}
		d := s.weatherDay(p, n)
		if n > today-weatherFinal || fault.Kind == Revise {
			s.revise(p, &d)
		}
		d.high, d.low, d.mean = d.high+lapse, d.low+lapse, d.mean+lapse
		days = append(days, &d)
	}
	return days
}

func dateOfDay(n int) time.Time { return time.Unix(int64(n)*86400, 0).UTC() }
