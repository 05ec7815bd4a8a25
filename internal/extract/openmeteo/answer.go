package openmeteo

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"beanflows.coffee/materia/internal/extract"
)

// farthest is how many degrees the grid cell's centre may lie from the point.
const farthest = 0.5

// values of one day, in the order of variables. nil is null.
type values []*float64

// answer is a document taken apart.
type answer struct {
	latitude, longitude float64 // of the grid cell
	timeZone            string
	days                []dayValues
	newest              string // day with a value; empty where all is null
	sha256              string // of the document without generationtime_ms
}

type dayValues struct {
	date   string // YYYY-MM-DD, local
	values values
}

// document is the part of the API's envelope that is relied on.
type document struct {
	Error      bool
	Reason     string
	Latitude   *float64
	Longitude  *float64
	Timezone   string
	DailyUnits map[string]string          `json:"daily_units"`
	Daily      map[string]json.RawMessage `json:"daily"`
}

// parse takes a document apart and checks what every document must have: all
// variables, in their units, as many values as days.
func parse(body []byte) (answer, error) {
	var d document
	if err := json.Unmarshal(body, &d); err != nil {
		if bytes.Contains(body, []byte("Unexpected error while streaming data")) {
			return answer{}, errors.New("the answer broke off: upstream says \"Unexpected error while streaming data\" inside it")
		}
		return answer{}, fmt.Errorf("not the archive API's JSON: %w", err)
	}
	switch {
	case d.Error:
		return answer{}, fmt.Errorf("the archive API says: %s", d.Reason)
	case d.Latitude == nil || d.Longitude == nil:
		return answer{}, errors.New("no coordinates")
	}
	a := answer{latitude: *d.Latitude, longitude: *d.Longitude, timeZone: d.Timezone}
	var dates []string
	if err := json.Unmarshal(d.Daily["time"], &dates); err != nil || len(dates) == 0 {
		return answer{}, errors.New("no days in daily.time")
	}
	a.days = make([]dayValues, len(dates))
	for n, date := range dates {
		a.days[n] = dayValues{date, make(values, len(variables()))}
	}
	for i, v := range variables() {
		if unit, ok := d.DailyUnits[v.name]; !ok || unit != v.unit {
			return answer{}, fmt.Errorf("%s is in %q, want %q", v.name, unit, v.unit)
		}
		var column []*float64
		if err := json.Unmarshal(d.Daily[v.name], &column); err != nil {
			return answer{}, fmt.Errorf("%s: not a list of numbers and nulls: %w", v.name, err)
		}
		if len(column) != len(dates) {
			return answer{}, fmt.Errorf("%d days and %d values of %s", len(dates), len(column), v.name)
		}
		for n, x := range column {
			if a.days[n].values[i] = x; x != nil {
				a.newest = max(a.newest, dates[n])
			}
		}
	}
	var err error
	a.sha256, err = canonicalHash(body)
	return a, err
}

// answers checks that the document is about what was asked: the place, its zone,
// and every day of the span.
func (a answer) answers(r request) error {
	if math.Abs(a.latitude-r.region.Latitude) > farthest || math.Abs(a.longitude-r.region.Longitude) > farthest {
		return fmt.Errorf("the grid cell %g, %g is not at %g, %g", a.latitude, a.longitude, r.region.Latitude, r.region.Longitude)
	}
	if a.timeZone != r.region.TimeZone {
		return fmt.Errorf("days of %q, want %q", a.timeZone, r.region.TimeZone)
	}
	if len(a.days) != r.days() {
		return fmt.Errorf("%d days, want the %d from %s to %s", len(a.days), r.days(), r.from.Format(time.DateOnly), r.to.Format(time.DateOnly))
	}
	for n, d := range a.days {
		if want := r.from.AddDate(0, 0, n).Format(time.DateOnly); d.date != want {
			return fmt.Errorf("day %d is %q, want %s", n+1, d.date, want)
		}
	}
	return nil
}

// findings is what the values break of their contract: bounds, and a night that
// is warmer than its day. Nulls break nothing.
func (a answer) findings() []extract.Finding {
	var contract extract.Contract
	var header []string
	for _, v := range variables() {
		header = append(header, v.name)
		contract.Columns = append(contract.Columns, extract.Column{Name: v.name, Kind: extract.Number, Bounded: true, Least: v.least, Most: v.most})
	}
	check := contract.Over(header)
	fields := make([][]byte, len(header))
	for n, d := range a.days {
		for i, x := range d.values {
			if fields[i] = fields[i][:0]; x != nil {
				fields[i] = strconv.AppendFloat(fields[i], *x, 'g', -1, 64)
			}
		}
		check.Row(int64(n+1), fields)
		if high, low := d.values[0], d.values[1]; high != nil && low != nil && *low > *high {
			check.Note("identity", "temperature_2m_min is above temperature_2m_max", int64(n+1), d.date)
		}
	}
	return check.Findings()
}

// empty says that all is null: the day is not there yet, or never was.
func (v values) empty() bool {
	for _, x := range v {
		if x != nil {
			return false
		}
	}
	return true
}

func (v values) equal(o values) bool {
	for n := range v {
		if (v[n] == nil) != (o[n] == nil) || v[n] != nil && *v[n] != *o[n] {
			return false
		}
	}
	return true
}

// canonicalHash is the hex SHA-256 of the document with sorted keys, without
// space, and without generationtime_ms.
func canonicalHash(body []byte) (string, error) {
	var d map[string]any
	if err := json.Unmarshal(body, &d); err != nil {
		return "", err
	}
	delete(d, "generationtime_ms")
	text, err := json.Marshal(d) // sorts keys; floats have one form
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}
