package upstream

import (
	"math"
	"slices"
	"sync"
	"time"
)

// The sample's warehouses. Origins and ports are facts; the shares are round.
var (
	stockPorts   = [...]string{"ANT", "BAR", "HA/BR", "HOU", "MIAMI", "NOLA", "NY", "VA"}
	portShares   = [...]float64{56, 2, 14, 9, 5, 5, 7, 2}
	stockOrigins = [...]string{"Brazil", "Burundi", "Colombia", "Costa Rica", "El Salvador", "Guatemala", "Honduras", "India", "Kenya", "Mexico",
		"Nicaragua", "Papua New Guinea", "Peru", "Rwanda", "Tanzania", "Uganda", "Venezuela"}
	originShares = [...]float64{24, 3, 2, 1, 2, 3, 30, 3, 2, 9, 7, 3, 6, 2, 2, 2, 1}
)

// transitionPorts are the ports with transition bags: the first three.
const transitionPorts = 3

// parcel is bags that came together.
type parcel struct {
	origin, port int
	bags         int
	day          time.Time // of grading; while it waits, of the grading to come
}

// matrix is bags by origin and port.
type matrix [len(stockOrigins)][len(stockPorts)]int32

// stockDay is a day's report.
type stockDay struct {
	day                                            time.Time
	certified, transition, passed, failed, pending matrix
}

// stockMonth is a month's last business day, with the parcels then in store.
type stockMonth struct {
	day     time.Time
	parcels []parcel
}

// stockCache keeps the walk up to the day last asked for.
type stockCache struct {
	mu      sync.Mutex
	through time.Time
	days    []stockDay   // since firstStockDay
	months  []stockMonth // since November 1996
}

func firstStockDay() time.Time { return day(2016, time.January, 4) }

// stocks are all days and month ends up to a day, each the same whenever it is
// asked for.
func (s *Server) stocks(today time.Time) ([]stockDay, []stockMonth) {
	s.warehouses.mu.Lock()
	defer s.warehouses.mu.Unlock()
	if !s.warehouses.through.Equal(today) {
		s.warehouses.days, s.warehouses.months = s.walkStocks(today)
		s.warehouses.through = today
	}
	return s.warehouses.days, s.warehouses.months
}

// store is the state of the walk.
type store struct {
	held, waiting []parcel
	bags          int
}

func (s *Server) walkStocks(today time.Time) (days []stockDay, months []stockMonth) {
	var w store
	for month := day(1996, time.November, 1); !month.After(today); month = month.AddDate(0, 1, 0) {
		work := businessDays(month.Year(), month.Month())
		for n, d := range work {
			if d.After(today) {
				return days, months
			}
			dice := throw(s.options.Seed, "warehouses", int(d.Unix()/86400))
			report := stockDay{day: d}
			w.grade(&report, dice)
			w.submit(d, dice)
			w.withdraw(d, dice)
			if !d.Before(firstStockDay()) {
				w.count(&report)
				days = append(days, report)
			}
			if n == len(work)-1 {
				months = append(months, stockMonth{d, slices.Clone(w.held)})
			}
		}
	}
	return days, months
}

// grade moves the parcels whose day has come into store, or out of it.
func (w *store) grade(r *stockDay, d *dice) {
	w.waiting = slices.DeleteFunc(w.waiting, func(p parcel) bool {
		if p.day.After(r.day) {
			return false
		}
		if d.chance(0.22) {
			r.failed[p.origin][p.port] += int32(p.bags)
			return true
		}
		r.passed[p.origin][p.port] += int32(p.bags)
		p.day = r.day
		w.held, w.bags = append(w.held, p), w.bags+p.bags
		return true
	})
}

// target is the level that the market draws stocks to: a cycle of six years.
func target(d time.Time) float64 {
	years := d.Sub(day(1996, time.November, 1)).Hours() / 24 / 365.25
	return 1_150_000 + 750_000*math.Sin(2*math.Pi*(years/6.1-0.2)) + 180_000*math.Sin(2*math.Pi*years/1.7)
}

// submit brings parcels to be graded three to twelve days later.
func (w *store) submit(d time.Time, dice *dice) {
	missing := (target(d)-float64(w.bags))*0.02 + float64(w.bags)*0.0035
	for bags := missing * 2 * dice.unit(); bags > 300; {
		lots := 1 + int(12*dice.unit())
		p := parcel{origin: pick(originShares[:], dice), port: pick(portShares[:], dice), bags: int(float64(lots) * 283.5)}
		if p.port == 5 && d.Year() >= 2019 && d.Year() < 2023 { // New Orleans rested
			p.port = 7
		}
		p.day = d.AddDate(0, 0, 3+int(10*dice.unit()))
		w.waiting = append(w.waiting, p)
		bags -= float64(p.bags)
	}
}

// withdraw takes bags out, of any parcel, the old ones sooner.
func (w *store) withdraw(d time.Time, dice *dice) {
	surplus := max(0, float64(w.bags)-target(d))
	for bags := (surplus*0.02 + float64(w.bags)*0.0035) * 2 * dice.unit(); bags > 50 && len(w.held) > 0; {
		n := int(float64(len(w.held)) * math.Pow(dice.unit(), 1.3))
		take := w.held[n].bags
		if dice.chance(0.5) {
			take = min(take, 25*(1+int(40*dice.unit())))
		}
		w.held[n].bags -= take
		w.bags -= take
		bags -= float64(take)
		if w.held[n].bags == 0 {
			w.held = slices.Delete(w.held, n, n+1)
		}
	}
}

// count takes stock at the end of the day.
func (w *store) count(r *stockDay) {
	loading := day(2023, time.June, 29)
	for _, p := range w.held {
		r.certified[p.origin][p.port] += int32(p.bags)
		if p.port < transitionPorts && !p.day.Before(loading) {
			r.transition[p.origin][p.port] += int32(p.bags)
		}
	}
	for _, p := range w.waiting {
		r.pending[p.origin][p.port] += int32(p.bags)
	}
}

// pick is an index with the probability of its share.
func pick(shares []float64, d *dice) int {
	all := 0.0
	for _, s := range shares {
		all += s
	}
	at := d.unit() * all
	for i, s := range shares {
		if at -= s; at < 0 {
			return i
		}
	}
	return len(shares) - 1
}
