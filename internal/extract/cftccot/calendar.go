package cftccot

import "time"

// expect is the release after the given one, which may also be told by the date
// of its report (a Tuesday, or a Monday before a holiday) or of its file, which is
// written up to two days before. Days that an executive order closes are not
// foreseen: then a release is expected a day too early.
func expect(last time.Time) time.Time {
	last = date(last.Year(), last.Month(), last.Day())
	tuesday := last
	switch {
	case last.Weekday() == time.Tuesday:
	case last.Weekday() == time.Monday && isClosed(last.AddDate(0, 0, 1)):
		tuesday = last.AddDate(0, 0, 1)
	default: // a release: of the newest report that was out by then
		for tuesday.Weekday() != time.Tuesday {
			tuesday = tuesday.AddDate(0, 0, -1)
		}
		if writtenAhead := last.Weekday() == time.Wednesday || last.Weekday() == time.Thursday; !writtenAhead && releaseDay(tuesday).After(last) {
			tuesday = tuesday.AddDate(0, 0, -7)
		}
	}
	return atRelease(releaseDay(tuesday.AddDate(0, 0, 7)))
}

// firstRelease is that of a year's first report.
func firstRelease(year int) time.Time {
	tuesday := date(year, time.January, 1)
	for tuesday.Weekday() != time.Tuesday || reportDay(tuesday).Year() != year {
		tuesday = tuesday.AddDate(0, 0, 1)
	}
	return atRelease(releaseDay(tuesday))
}

// reportDay is the day of the report in a Tuesday's week: Monday where Tuesday
// is a holiday.
func reportDay(tuesday time.Time) time.Time {
	if isClosed(tuesday) {
		return tuesday.AddDate(0, 0, -1)
	}
	return tuesday
}

// releaseDay is the third business day after the report.
func releaseDay(tuesday time.Time) time.Time {
	day := reportDay(tuesday)
	for business := 0; business < 3; {
		if day = day.AddDate(0, 0, 1); day.Weekday() != time.Saturday && day.Weekday() != time.Sunday && !isClosed(day) {
			business++
		}
	}
	return day
}

// atRelease is 15:30 in New York on a day.
func atRelease(day time.Time) time.Time {
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		zone = time.FixedZone("EST", -5*3600)
	}
	return time.Date(day.Year(), day.Month(), day.Day(), 15, 30, 0, 0, zone)
}

// isClosed knows the weekdays on which a legal holiday closes federal offices
// (5 U.S.C. 6103), as observed.
func isClosed(day time.Time) bool {
	year, month, d := day.Date()
	for _, fixed := range []time.Time{date(year, time.January, 1), date(year, time.June, 19), date(year, time.July, 4),
		date(year, time.November, 11), date(year, time.December, 25), date(year+1, time.January, 1)} {
		if fixed.Month() == time.June && year < 2021 {
			continue // Juneteenth is a holiday since 2021
		}
		switch fixed.Weekday() {
		case time.Saturday:
			fixed = fixed.AddDate(0, 0, -1)
		case time.Sunday:
			fixed = fixed.AddDate(0, 0, 1)
		}
		if day.Equal(fixed) {
			return true
		}
	}
	nth := (d-1)/7 + 1
	switch day.Weekday() {
	case time.Monday:
		return nth == 3 && (month == time.January || month == time.February) || month == time.May && d > 24 ||
			month == time.September && nth == 1 || month == time.October && nth == 2
	case time.Thursday:
		return month == time.November && nth == 4
	}
	return false
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}
