package model

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Unit is the length of the intervals that an incremental model is filled by.
// As in SQLMesh it is the longest one that its cron is not finer than, so
// there are no weeks: a weekly model is filled by days, once a week.
type Unit string

// The units, in SQLMesh's words for interval_unit.
const (
	Year        Unit = "year"
	Month       Unit = "month"
	Day         Unit = "day"
	Hour        Unit = "hour"
	HalfHour    Unit = "half_hour"
	QuarterHour Unit = "quarter_hour"
	FiveMinute  Unit = "five_minute"
)

var units = []struct {
	unit  Unit
	least time.Duration
}{{Year, 365 * 24 * time.Hour}, {Month, 28 * 24 * time.Hour}, {Day, 24 * time.Hour}, {Hour, time.Hour}, {HalfHour, 30 * time.Minute}, {QuarterHour, 15 * time.Minute}, {FiveMinute, 5 * time.Minute}}

// unitOf infers the unit of a cron from five ticks of it, as SQLMesh does.
func unitOf(schedule cron.Schedule) (Unit, bool) {
	shortest := time.Duration(0)
	at := schedule.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC))
	for range 4 {
		next := schedule.Next(at)
		if next.IsZero() {
			return "", false // a day that no year has
		}
		if gap := next.Sub(at); shortest == 0 || gap < shortest {
			shortest = gap
		}
		at = next
	}
	for _, u := range units {
		if u.least <= shortest {
			return u.unit, true
		}
	}
	return "", false
}

func (u Unit) length() time.Duration {
	for _, x := range units {
		if x.unit == u {
			return x.least
		}
	}
	return 24 * time.Hour
}

// Floor is the beginning of the interval that t is in, UTC.
func (u Unit) Floor(t time.Time) time.Time {
	t = t.UTC()
	switch u {
	case Year:
		return time.Date(t.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	case Month:
		return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	return t.Truncate(u.length()) // the zero time, which it counts from, is a midnight
}

// Add is n intervals after the beginning t of one.
func (u Unit) Add(t time.Time, n int) time.Time {
	switch u {
	case Year:
		return t.AddDate(n, 0, 0)
	case Month:
		return t.AddDate(0, n, 0)
	}
	return t.Add(time.Duration(n) * u.length())
}

// Incremental says whether the model is filled interval by interval.
func (m *Model) Incremental() bool {
	return m.Kind == IncrementalByTimeRange || m.Kind == IncrementalByUniqueKey
}

// Range is what an incremental model covers at a time: from its start up to
// the last interval that was over when its cron last ticked.
func (m *Model) Range(now time.Time) (Interval, error) {
	schedule, err := cron.ParseStandard(m.Cron)
	if err != nil {
		return Interval{}, fmt.Errorf("model: %s: cron %s: %w", m.Name, m.Cron, err)
	}
	start, err := ParseTime(m.Start)
	if err != nil {
		return Interval{}, fmt.Errorf("model: %s: start: %w", m.Name, err)
	}
	r := Interval{Start: m.Unit.Floor(start)}
	r.End = m.Unit.Floor(lastTick(schedule, now))
	if r.End.Before(r.Start) {
		r.End = r.Start
	}
	return r, nil
}

// lastTick is the latest tick not after now; zero if none was in four years.
func lastTick(schedule cron.Schedule, now time.Time) time.Time {
	now = now.UTC()
	for _, back := range []time.Duration{time.Hour, 25 * time.Hour, 8 * 24 * time.Hour, 32 * 24 * time.Hour, 367 * 24 * time.Hour, 1500 * 24 * time.Hour} {
		tick := schedule.Next(now.Add(-back))
		if tick.IsZero() || tick.After(now) {
			continue
		}
		for next := schedule.Next(tick); !next.IsZero() && !next.After(now); next = schedule.Next(tick) {
			tick = next
		}
		return tick
	}
	return time.Time{}
}

// Interval is a time from Start up to but not including End, and the time at
// which it is evaluated.
type Interval struct{ Start, End, Execution time.Time }

// timeForms are how start, --start and tests write a time.
var timeForms = []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04:05.999999",
	"2006-01-02T15:04:05.999999", time.RFC3339Nano, "2006-01-02 15:04:05.999999Z07:00", "2006-01-02 15:04:05.999999 MST", "20060102"}

// ParseTime reads a date or a time; without a zone it is UTC.
func ParseTime(text string) (time.Time, error) {
	for _, form := range timeForms {
		if t, err := time.Parse(form, strings.TrimSpace(text)); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no date or time: write 2026-01-31 or 2026-01-31 12:00:00", text)
}

// ParseEnd reads the end of a range: a date includes its whole day.
func ParseEnd(text string) (time.Time, error) {
	t, err := ParseTime(text)
	if text = strings.TrimSpace(text); err == nil && (len(text) == len("2006-01-02") || len(text) == len("20060102")) {
		t = t.AddDate(0, 0, 1)
	}
	return t, err
}

// timeMacro says whether a name is one of SQLMesh's macros for time, and of
// which: start, end, execution, or latest, which is an older word for it.
func timeMacro(name string) bool {
	prefix, suffix, ok := strings.Cut(name, "_")
	return ok && contains([]string{"start", "end", "execution", "latest"}, prefix) &&
		contains([]string{"dt", "dtntz", "date", "ds", "ts", "tstz", "epoch", "millis", "hour"}, suffix)
}

// timeValue is a time macro as SQL. The end is inclusive, to the microsecond.
func timeValue(name string, at Interval) string {
	prefix, suffix, _ := strings.Cut(name, "_")
	t := at.Execution
	switch prefix {
	case "start":
		t = at.Start
	case "end":
		t = at.End.Add(-time.Microsecond)
	}
	t = t.UTC().Truncate(time.Microsecond)
	stamp := t.Format("2006-01-02 15:04:05")
	if t.Nanosecond() > 0 {
		stamp = t.Format("2006-01-02 15:04:05.000000")
	}
	switch suffix {
	case "dt":
		return "CAST('" + stamp + "+00:00' AS TIMESTAMPTZ)"
	case "dtntz":
		return "CAST('" + stamp + "' AS TIMESTAMP)"
	case "date":
		return "CAST('" + stamp[:10] + "' AS DATE)"
	case "ds":
		return "'" + stamp[:10] + "'"
	case "ts":
		return "'" + stamp + "'"
	case "tstz":
		return "'" + stamp + "+00:00'"
	case "epoch":
		return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64)
	case "millis":
		return strconv.FormatInt(t.UnixMilli(), 10)
	}
	return strconv.Itoa(t.Hour())
}

// epoch is the interval that stands in for one where none is given, as in
// SQLMesh: the first day of 1970.
func epoch() Interval {
	start := time.Unix(0, 0).UTC()
	return Interval{Start: start, End: start.AddDate(0, 0, 1), Execution: start}
}

// TimeVariables are all time macros as SQL, by name without @.
func TimeVariables(at Interval) map[string]string {
	all := map[string]string{}
	for _, prefix := range []string{"start", "end", "execution", "latest"} {
		for _, suffix := range []string{"dt", "dtntz", "date", "ds", "ts", "tstz", "epoch", "millis", "hour"} {
			all[prefix+"_"+suffix] = timeValue(prefix+"_"+suffix, at)
		}
	}
	return all
}

// TimeMacro is one time macro in Query, where it has its value of epoch.
type TimeMacro struct {
	Name string `json:"name"` // without @
	Span Span   `json:"span"`
}
