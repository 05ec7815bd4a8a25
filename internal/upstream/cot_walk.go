package upstream

import (
	"math"
	"time"
)

// futures is a contract in the disaggregated report. interest is a middling
// number of open contracts.
type futures struct {
	name, code, market, region, commodity, units, subgroup string
	interest                                               float64
}

// reported are the contracts in the files, in their order: by code.
var reported = [...]futures{
	{"WHEAT-SRW - CHICAGO BOARD OF TRADE", "001602", "CBT ", "00", "001 ", "(CONTRACTS OF 5,000 BUSHELS)", "A10", 400e3},
	{"CORN - CHICAGO BOARD OF TRADE", "002602", "CBT ", "00", "002 ", "(CONTRACTS OF 5,000 BUSHELS)", "A10", 1500e3},
	{"SOYBEANS - CHICAGO BOARD OF TRADE", "005602", "CBT ", "00", "005 ", "(CONTRACTS OF 5,000 BUSHELS)", "A30", 700e3},
	{"COTTON NO. 2 - ICE FUTURES U.S.", "033661", "ICUS", "01", "033 ", "(CONTRACTS OF 50,000 POUNDS)", "A40", 220e3},
	{"FRZN CONCENTRATED ORANGE JUICE - ICE FUTURES U.S.", "040701", "ICUS", "01", "040 ", "(CONTRACTS OF 15,000 POUNDS)", "A50", 15e3},
	{"COCOA - ICE FUTURES U.S.", "073732", "ICUS", "01", "073 ", "(CONTRACTS OF 10 METRIC TONS)", "A50", 220e3},
	{"SUGAR NO. 11 - ICE FUTURES U.S.", "080732", "ICUS", "01", "080 ", "(CONTRACTS OF 112,000 POUNDS)", "A50", 850e3},
	{"COFFEE C - ICE FUTURES U.S.", "083731", "ICUS", "01", "083 ", "(CONTRACTS OF 37,500 POUNDS)", "A50", 220e3},
}

// cotWeek is one report: its date and the day it comes out.
type cotWeek struct {
	number    int // since the first, of 2006-06-13
	report    time.Time
	published time.Time
}

// cotWeeks are the reports out at the server's moment, oldest first. A report is
// of Tuesday, or of Monday where Tuesday is a holiday, and comes out on the third
// business day after at 15:30. Shutdowns are not played.
func (s *Server) cotWeeks() []cotWeek {
	now := s.options.Now()
	var all []cotWeek
	for number := 0; ; number++ {
		w := cotWeek{number: number, report: day(2006, time.June, 13).AddDate(0, 0, 7*number)}
		if isFederalHoliday(w.report) {
			w.report = w.report.AddDate(0, 0, -1)
		}
		out := w.report
		for business := 0; business < 3; {
			if out = out.AddDate(0, 0, 1); !isWeekend(out) && !isFederalHoliday(out) {
				business++
			}
		}
		w.published = time.Date(out.Year(), out.Month(), out.Day(), 15, 30, 0, 0, s.newYork)
		if w.published.After(now) {
			return all
		}
		all = append(all, w)
	}
}

// isFederalHoliday is isHoliday for offices in place of the exchange: open on
// Good Friday, closed on two days more.
func isFederalHoliday(d time.Time) bool {
	nth := (d.Day()-1)/7 + 1
	switch {
	case d.Month() == time.October && d.Weekday() == time.Monday && nth == 2: // Columbus
		return true
	case d.Month() == time.November && (d.Day() == 11 && !isWeekend(d) || d.Day() == 10 && d.Weekday() == time.Friday || d.Day() == 12 && d.Weekday() == time.Monday): // Veterans
		return true
	case d.Equal(easter(d.Year()).AddDate(0, 0, -2)):
		return false
	}
	return isHoliday(d)
}

// mood is how the market stands in a week: the open interest, and the shares of
// it that funds hold long and short, that swap dealers hold long, and of the old
// crop.
type mood struct{ interest, fundsLong, fundsShort, swapsLong, old float64 }

// moods walks a contract's mood from the first report to the last of weeks.
// Each is drawn back to its middle, slowly, so that it swings over a year or two.
func (s *Server) moods(f *futures, weeks []cotWeek) []mood {
	drift := throw(s.options.Seed, "first mood "+f.code)
	interest, tilt, heat, swaps := 0.25*drift.normal(), 1.2*drift.normal(), drift.normal(), drift.normal()
	all := make([]mood, len(weeks))
	for i, w := range weeks {
		d := throw(s.options.Seed, "mood "+f.code, w.number)
		interest += -0.02*interest + 0.025*d.normal()
		tilt += -0.03*tilt + 0.28*d.normal() // how much funds lean long
		heat += -0.02*heat + 0.2*d.normal()  // how much they hold at all
		swaps += -0.02*swaps + 0.15*d.normal()
		both := within(0.30+0.03*heat, 0.18, 0.42)
		long := within(0.5+0.17*tilt, 0.08, 0.92)
		// The old crop is all there is in summer, and runs off to spring.
		season := float64(w.report.YearDay()) / 366
		all[i] = mood{
			interest:   f.interest * math.Exp(interest) * (0.7 + 0.3*math.Min(1, float64(w.report.Year()-2006)/15)),
			fundsLong:  both * long,
			fundsShort: both * (1 - long),
			swapsLong:  within(0.22+0.03*swaps, 0.12, 0.3),
			old:        within(0.95-0.5*math.Mod(season+0.4, 1), 0.3, 0.95),
		}
	}
	return all
}

func within(x, low, high float64) float64 { return math.Min(math.Max(x, low), high) }
