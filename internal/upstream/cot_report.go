package upstream

import "math"

// Categories of traders, in the order of the file. Reportables are the sum of
// the first four and stand between them and the rest.
const (
	producers = iota
	swapDealers
	managedMoney
	otherReportables
	nonReportables
	traderCategories
)

// spreading says whether a category can hold a long and a short at once.
func spreading(category int) bool {
	return category == swapDealers || category == managedMoney || category == otherReportables
}

// holdings are one category's contracts.
type holdings struct{ long, short, spread int64 }

// positions are one market, or one crop of it. Longs and spreads make the open
// interest, and so do shorts and spreads.
type positions [traderCategories]holdings

func (p *positions) longs() (n int64) {
	for _, h := range p {
		n += h.long + h.spread
	}
	return n
}

func (p *positions) shorts() (n int64) {
	for _, h := range p {
		n += h.short + h.spread
	}
	return n
}

// reportables are the first four categories; their spreads count on both sides.
func (p *positions) reportables() holdings {
	var r holdings
	for _, h := range p[:nonReportables] {
		r.long += h.long + h.spread
		r.short += h.short + h.spread
	}
	return r
}

// cotReport is a contract's report of one week. all.spread is more than that of
// both crops where a trader is long in one and short in the other.
type cotReport struct {
	week            cotWeek
	all, old, other positions
	interest        [3]int64 // of all, old and other crop
}

func (r *cotReport) crop(i int) *positions { return [...]*positions{&r.all, &r.old, &r.other}[i] }

// cotReport makes up a week from the market's mood.
func (s *Server) cotReport(f *futures, w cotWeek, m mood) cotReport {
	r := cotReport{week: w}
	total := math.Round(m.interest)
	old := math.Round(total * m.old)
	r.old = share(int64(old), m, throw(s.options.Seed, "old crop "+f.code, w.number))
	r.other = share(int64(total-old), m, throw(s.options.Seed, "other crop "+f.code, w.number))
	d := throw(s.options.Seed, "across crops "+f.code, w.number)
	for c := range r.all {
		a, b := r.old[c], r.other[c]
		across := int64(0)
		if spreading(c) {
			across = int64(d.unit() * 0.4 * float64(min(a.long, b.short)))
		}
		r.all[c] = holdings{a.long + b.long - across, a.short + b.short - across, a.spread + b.spread + across}
	}
	r.interest = [...]int64{r.all.longs(), r.old.longs(), r.other.longs()}
	return r
}

// share deals an open interest out to the categories; producers take what is
// left, at least a twentieth of either side.
func share(interest int64, m mood, d *dice) positions {
	var p positions
	part := func(of float64) int64 { return int64(float64(interest) * of * (0.9 + 0.2*d.unit())) }
	p[swapDealers] = holdings{part(m.swapsLong), part(0.05), part(0.03)}
	p[managedMoney] = holdings{part(m.fundsLong), part(m.fundsShort), part(0.1)}
	p[otherReportables] = holdings{part(0.07), part(0.06), part(0.05)}
	p[nonReportables] = holdings{long: part(0.045), short: part(0.04)}
	p[producers] = holdings{long: interest - p.longs(), short: interest - p.shorts()}
	return p
}

// combined adds options by their delta, each category rounded on its own: the
// sum of categories misses the open interest by a contract or two, as upstream's.
func (r cotReport) combined(f *futures, seed uint64) cotReport {
	for i := range r.interest {
		d := throw(seed, "options "+f.code, r.week.number, i)
		p := r.crop(i)
		factor := 1.25 + 0.1*d.unit()
		for c := range p {
			for _, n := range []*int64{&p[c].long, &p[c].short, &p[c].spread} {
				*n = int64(math.Round(float64(*n) * factor))
			}
		}
		p[producers].short += p.longs() - p.shorts()
		r.interest[i] = p.longs() + int64(3*d.unit()) - 1
	}
	return r
}

// revised moves some contracts from producers to funds, as a correction would.
func (r cotReport) revised() cotReport {
	for _, p := range []*positions{&r.all, &r.old} {
		moved := min(250, p[producers].long)
		p[producers].long -= moved
		p[managedMoney].long += moved
	}
	return r
}

// traders is how many persons hold contracts, by their share of the whole; fewer
// than four are confidential.
func traders(contracts, interest int64) int {
	if contracts <= 0 || interest <= 0 {
		return 0
	}
	return 1 + int(180*math.Sqrt(float64(contracts)/float64(interest))*math.Min(1, float64(interest)/60e3))
}
