package upstream

import "time"

// Days are midnights UTC: dates without a place.

func day(year int, month time.Month, d int) time.Time {
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC)
}

// isHoliday knows the exchange's holidays on weekdays, near enough: those of
// the New York exchanges without closures for mourning, storms or terror.
func isHoliday(d time.Time) bool {
	year, month, date := d.Date()
	observed := func(month time.Month, date int) bool {
		h := day(year, month, date)
		switch h.Weekday() {
		case time.Saturday:
			h = h.AddDate(0, 0, -1)
		case time.Sunday:
			h = h.AddDate(0, 0, 1)
		}
		return h.Equal(d)
	}
	nth := (date-1)/7 + 1
	switch {
	case month == time.January && (observed(time.January, 1) || d.Weekday() == time.Monday && nth == 3): // Martin Luther King
		return true
	case month == time.February && d.Weekday() == time.Monday && nth == 3: // Washington
		return true
	case month == time.May && d.Weekday() == time.Monday && date > 24: // Memorial Day
		return true
	case month == time.June && year >= 2022 && observed(time.June, 19):
		return true
	case month == time.July && observed(time.July, 4):
		return true
	case month == time.September && d.Weekday() == time.Monday && nth == 1: // Labor Day
		return true
	case month == time.November && d.Weekday() == time.Thursday && nth == 4: // Thanksgiving
		return true
	case month == time.December && observed(time.December, 25):
		return true
	}
	return d.Equal(easter(year).AddDate(0, 0, -2)) // Good Friday
}

// easter is Sunday by the Gregorian computus (Meeus, Jones, Butcher).
func easter(year int) time.Time {
	a, b, c := year%19, year/100, year%100
	h := (19*a + b - b/4 - (b-(b+8)/25+1)/3 + 15) % 30
	l := (32 + 2*(b%4) + 2*(c/4) - h - c%4) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return day(year, time.Month(n/31), n%31+1)
}

func isWeekend(d time.Time) bool { return d.Weekday() == time.Saturday || d.Weekday() == time.Sunday }

// businessDays are the trading days of a month, in order.
func businessDays(year int, month time.Month) []time.Time {
	var all []time.Time
	for d := day(year, month, 1); d.Month() == month; d = d.AddDate(0, 0, 1) {
		if !isWeekend(d) && !isHoliday(d) {
			all = append(all, d)
		}
	}
	return all
}

// contract is one delivery month of the coffee future.
type contract struct {
	name        string    // Mar 26
	front       time.Time // first day on which it is the front month
	noticeFrom  time.Time // first notice: seven business days before the first of the delivery month; traders leave
	lastTrading time.Time // eighth business day before the last of the delivery month
}

// contracts are the delivery months of some years (March, May, July, September,
// December), oldest first.
func contracts(from, to int) []contract {
	var all []contract
	for year := from; year <= to; year++ {
		for _, month := range []time.Month{time.March, time.May, time.July, time.September, time.December} {
			before, in := businessDays(year, month-1), businessDays(year, month)
			c := contract{name: day(year, month, 1).Format("Jan 06"), noticeFrom: before[len(before)-7], lastTrading: in[len(in)-9]}
			c.front = day(year-1, time.December, 20)
			if len(all) > 0 {
				c.front = all[len(all)-1].lastTrading.AddDate(0, 0, 1)
			}
			all = append(all, c)
		}
	}
	return all
}
