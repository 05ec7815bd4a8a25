package doctor

import (
	"context"
	"fmt"
	"time"
)

// Growth is what was written on one day.
type Growth struct {
	Day   time.Time
	Bytes int64 // as they lie on disk
}

// forecastDays is how far back the forecast looks.
const forecastDays = 30

// Forecast says how many days the space lasts at the pace of the last 30 days,
// with the lakehouse and the published file growing alongside: rebuilt files are
// about as large as what they are made from, so each landed byte is counted
// four times (landed, lakehouse, its rebuild, published). ok is false where
// there is no history of at least a week.
func Forecast(history []Growth, free int64, now time.Time) (days int, perDay int64, ok bool) {
	var first time.Time
	var sum int64
	from := now.AddDate(0, 0, -forecastDays)
	for _, g := range history {
		if first.IsZero() || g.Day.Before(first) {
			first = g.Day
		}
		if g.Day.After(from) {
			sum += g.Bytes
		}
	}
	if first.IsZero() || now.Sub(first) < 7*24*time.Hour {
		return 0, 0, false
	}
	over := min(forecastDays, max(7, int(now.Sub(first).Hours()/24)))
	perDay = 4 * sum / int64(over)
	if perDay == 0 {
		return 0, 0, true // nothing grows
	}
	return int(free / perDay), perDay, true
}

// Space checks what a file system has left, and how long that lasts.
func Space(folder string, free, size, least int64, inodesLow bool, history []Growth, now time.Time) Check {
	return func(context.Context) []Finding {
		gib := func(n int64) float64 { return float64(n) / (1 << 30) }
		f := Finding{Check: "space: " + folder, Verdict: OK, Says: fmt.Sprintf("%.1f of %.1f GiB free", gib(free), gib(size))}
		days, perDay, known := Forecast(history, free, now)
		switch {
		case known && perDay > 0:
			f.Says += fmt.Sprintf("; at %.1f MiB a day it lasts %d days", float64(perDay)/(1<<20), days)
		case known:
			f.Says += "; nothing grew in the last 30 days"
		default:
			f.Says += "; no history of a week yet for a forecast"
		}
		switch {
		case free < least || inodesLow:
			f.Verdict, f.Do = Fail, "docs/operations.md, 'The disk fills', says what may go"
		case known && perDay > 0 && days < 60:
			f.Verdict, f.Do = Warn, "plan a larger disk: docs/operations.md, 'The disk fills'"
		}
		return []Finding{f}
	}
}
