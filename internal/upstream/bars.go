package upstream

import (
	"math"
	"sync"
	"time"
)

const tick = 0.05 // US cents per pound

// bar is one trading day. A holiday that the feed shows without figures is
// empty.
type bar struct {
	day                    time.Time
	stamp                  int64 // epoch seconds: midnight in New York, or the moment of an open session
	open, high, low, close float64
	volume                 int64
	empty                  bool
}

// Prices stay roughly within these, in US cents per pound.
const (
	lowest, middling, highest = 60.0, 155.0, 400.0
	dailyVolatility           = 0.019
)

// spot is a walk of the logarithm that is drawn back to the middle, slowly, and
// turned back at the edges.
type spot struct{ log float64 }

func (p *spot) step(d *dice) {
	shock := d.normal()
	if d.chance(0.03) { // a frost, a report
		shock *= 2.2
	}
	p.log += 0.0015*(math.Log(middling)-p.log) + dailyVolatility*shock
	if edge := math.Log(highest * 0.95); p.log > edge {
		p.log = 2*edge - p.log
	}
	if edge := math.Log(lowest * 1.05); p.log < edge {
		p.log = 2*edge - p.log
	}
}

// priceCache keeps the bars of the day last asked for.
type priceCache struct {
	mu      sync.Mutex
	through time.Time
	bars    []bar
}

// bars are all settled days before today, and today's as it will settle, each
// the same whenever it is asked for.
func (s *Server) bars(today time.Time) []bar {
	s.prices.mu.Lock()
	defer s.prices.mu.Unlock()
	if !s.prices.through.Equal(today) {
		s.prices.bars, s.prices.through = s.walk(today), today
	}
	return s.prices.bars
}

func (s *Server) walk(today time.Time) []bar {
	months := contracts(s.options.Since, today.Year()+1)
	price := spot{math.Log(middling) + 0.3*throw(s.options.Seed, "first price").normal()}
	var all []bar
	front, before := 0, 0.0
	for d := day(s.options.Since, time.January, 1); !d.After(today); d = d.AddDate(0, 0, 1) {
		number := int(d.Unix() / 86400)
		stamp := time.Date(d.Year(), d.Month(), d.Day(), 0, 0, 0, 0, s.newYork).Unix()
		if isWeekend(d) {
			continue
		}
		if isHoliday(d) {
			if throw(s.options.Seed, "empty bar", number).chance(0.15) {
				all = append(all, bar{day: d, stamp: stamp, empty: true})
			}
			continue
		}
		for d.After(months[front].lastTrading) {
			front++
		}
		dice := throw(s.options.Seed, "bar", number)
		price.step(dice)
		b := bar{day: d, stamp: stamp}
		b.close = ticks(math.Exp(price.log + s.carry(months[front], d)))
		b.trade(months[front], before, dice)
		before = b.close
		all = append(all, b)
	}
	return all
}

// carry is how far, in logarithms, a contract stands from spot: its own premium
// or discount, gone by its last trading day. So the splice jumps at each roll,
// the day after the last trading day, and does not drift.
func (s *Server) carry(c contract, d time.Time) float64 {
	left := c.lastTrading.Sub(d).Hours() / c.lastTrading.Sub(c.front).Hours()
	return (0.006 + 0.018*throw(s.options.Seed, "carry "+c.name).normal()) * left
}

// trade makes up how the day came to its settlement.
func (b *bar) trade(c contract, before float64, d *dice) {
	if before == 0 {
		before = b.close
	}
	leaving := !b.day.Before(c.noticeFrom) && b.day.Before(c.lastTrading)
	rolling := b.day.Equal(c.lastTrading)
	b.volume = b.lots(c, leaving, rolling, d)
	if quiet := d.unit(); rolling && quiet < 0.7 || leaving && quiet < 0.12 {
		b.open, b.high, b.low = b.close, b.close, b.close // one trade, or none
		if leaving && d.chance(0.4) {
			b.close = ticks(b.close + tick*math.Round(12*d.normal())) // settled by the spread to the next month
		}
		return
	}
	b.open = ticks(before * (1 + 0.003*d.normal()))
	reach := b.close * dailyVolatility * 0.6
	b.high = ticks(max(b.open, b.close) + reach*d.unit())
	b.low = ticks(min(b.open, b.close) - reach*d.unit())
	if d.chance(0.12) { // the settlement is no trade and may lie outside
		off := tick * (1 + math.Floor(6*d.unit()))
		if b.close >= b.open {
			b.high = ticks(b.close - off)
		} else {
			b.low = ticks(b.close + off)
		}
		b.open = ticks(min(max(b.open, min(b.low, b.high)), max(b.low, b.high)))
		b.low, b.high = min(b.low, b.open, b.high), max(b.high, b.open, b.low)
	}
}

// lots is the volume: thousands in the front month, next to nothing once
// notices go out, and on the last trading day already the next contract's.
func (b *bar) lots(c contract, leaving, rolling bool, d *dice) int64 {
	size := 5000 + 13000*math.Min(1, float64(b.day.Year()-2000)/20)
	full := int64(max(4000, size*math.Exp(0.35*d.normal())))
	switch {
	case rolling:
		return full
	case leaving && d.chance(0.08), !leaving && d.chance(0.01):
		return 0
	case leaving:
		days := b.day.Sub(c.noticeFrom).Hours() / 24
		return int64(1 + 300*math.Exp(-days/3)*d.unit() + 60*d.unit())
	}
	return full
}

// ticks rounds to the tick, in a way that gives the nearest float to the
// decimal number.
func ticks(price float64) float64 { return math.Round(price/tick) / (1 / tick) }
