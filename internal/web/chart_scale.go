package web

import (
	"math"
	"time"
)

// tick is one labelled position on an axis.
type tick struct {
	At    float64
	Label string
}

// scale maps a domain linearly onto pixels; from and to may run downwards.
type scale struct{ min, max, from, to float64 }

func (s scale) px(v float64) float64 {
	if s.max == s.min {
		return (s.from + s.to) / 2
	}
	return s.from + (v-s.min)/(s.max-s.min)*(s.to-s.from)
}

// niceStep is the smallest of 1, 2, 2.5, 5 times a power of ten that cuts span
// into at most n parts.
func niceStep(span float64, n int) float64 {
	if span <= 0 || n < 1 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(span/float64(n))))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if span/(power*m) <= float64(n)+1e-9 {
			return power * m
		}
	}
	return power * 10
}

// niceDomain widens [min, max] to whole steps and lists the ticks in it.
func niceDomain(min, max float64, n int) (lo, hi float64, ticks []float64) {
	if min == max { // a flat line still needs a height to be drawn in
		pad := math.Max(math.Abs(min)*0.1, 1)
		min, max = min-pad, max+pad
	}
	step := niceStep(max-min, n)
	lo, hi = math.Floor(min/step)*step, math.Ceil(max/step)*step
	for i := 0; ; i++ {
		v := lo + float64(i)*step
		if v > hi+step/2 {
			return lo, hi, ticks
		}
		ticks = append(ticks, math.Round(v/step)*step)
	}
}

const day = 24 * time.Hour

// dayNumber is a date as days since 1970-01-01, the x of daily charts.
func dayNumber(t time.Time) float64 { return float64(t.Unix()) / day.Seconds() }

func dateOf(n float64) time.Time { return time.Unix(int64(n*day.Seconds()), 0).UTC() }

// dateTicks lists starts of months or years between two day numbers, an n-th of
// the way apart or more.
func dateTicks(min, max float64, n int) []tick {
	from, to := dateOf(min), dateOf(max)
	months := (to.Year()-from.Year())*12 + int(to.Month()-from.Month())
	step := 240
	for _, s := range []int{1, 2, 3, 6, 12, 24, 36, 60, 120} {
		if months/s <= n {
			step = s
			break
		}
	}
	first := from.Year()*12 + int(from.Month()) - 1
	first -= first % step
	var ticks []tick
	for m := first; ; m += step {
		at := time.Date(m/12, time.Month(m%12+1), 1, 0, 0, 0, 0, time.UTC)
		if at.After(to) {
			return ticks
		}
		if at.Before(from) {
			continue
		}
		label := at.Format("Jan")
		switch {
		case step >= 12:
			label = at.Format("2006")
		case len(ticks) == 0 || at.Month() == time.January:
			label = at.Format("Jan 2006")
		}
		ticks = append(ticks, tick{dayNumber(at), label})
	}
}

// seasonTicks lists market years (START years) by their season names, an n-th of
// the way apart or more.
func seasonTicks(min, max float64, n int) []tick {
	step := 50
	for _, s := range []int{1, 2, 5, 10, 20} {
		if int(max-min)/s <= n {
			step = s
			break
		}
	}
	var ticks []tick
	for y := int(math.Ceil(min/float64(step))) * step; float64(y) <= max; y += step {
		ticks = append(ticks, tick{float64(y), season(y)})
	}
	return ticks
}
