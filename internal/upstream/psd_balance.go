package upstream

import "math"

// balance is one country's season in 1,000 60-kg bags. Totals are never stored:
// they are sums of the parts, so USDA's identities hold by construction.
type balance struct {
	season           int // start year
	changed          circular
	begin, end       int64
	arabica, robusta int64
	imports, exports trio
	roasted, soluble int64 // domestic consumption
}

// trio is trade in beans, roast & ground, soluble.
type trio [3]int64

func (t trio) sum() int64 { return t[0] + t[1] + t[2] }

func (b *balance) production() int64 { return b.arabica + b.robusta }
func (b *balance) use() int64        { return b.roasted + b.soluble }
func (b *balance) supply() int64     { return b.begin + b.production() + b.imports.sum() }

// uncertainty is the spread of an estimate by the circulars since the first
// forecast (June of the start year). After two and a half years it is settled.
var uncertainty = [...]float64{0.08, 0.055, 0.035, 0.02, 0.01}

const settledAfter = circular(len(uncertainty))

// skips reports whether a country's table was left alone in a circular: June
// revises all, December most.
func (s *Server) skips(c *country, at circular) bool {
	return at.december() && throw(s.options.Seed, c.code+" skipped", int(at)).chance(0.3)
}

// lastRevised is the newest circular up to at that touched the country.
func (s *Server) lastRevised(c *country, at circular) circular {
	if s.skips(c, at) {
		return at - 1
	}
	return at
}

// changedIn is the circular that last changed a season, as the file of circular
// at says it: never later than the one that settled it, never before the
// country was in the file.
func (s *Server) changedIn(c *country, season int, at circular) circular {
	settled := circular(2*season) + settledAfter
	if s.skips(c, settled) {
		settled++
	}
	return max(c.since, s.lastRevised(c, min(at, settled)))
}

// seasons makes up a country's balances as a circular has them, oldest first.
// Ending stocks of a season begin the next. revised stands for a correction of
// the last ten seasons.
func (s *Server) seasons(c *country, at circular, revised bool) []balance {
	at = s.lastRevised(c, at)
	last := at.season()
	if c.last != 0 {
		last = min(last, c.last)
	}
	var all []balance
	var stock int64
	for season := c.first; season <= last; season++ {
		b := balance{season: season, changed: s.changedIn(c, season, at), begin: stock}
		c.fill(s.options.Seed, &b, s.estimate(c, season, at, revised))
		stock = b.end
		if season < c.gapFrom || season > c.gapTo {
			all = append(all, b)
		}
	}
	return all
}

// estimate is how far a circular's view is from the settled one: factors around
// 1 for production, use and stocks.
func (s *Server) estimate(c *country, season int, at circular, revised bool) [3]float64 {
	factors := [3]float64{1, 1, 1}
	spread, salt := 0.0, 0
	if age := at - circular(2*season); age < settledAfter {
		spread = uncertainty[age]
	}
	if revised && at.season()-season < 10 {
		spread, salt = max(spread, 0.02), 1
	}
	if spread == 0 {
		return factors
	}
	d := throw(s.options.Seed, c.code+" estimate", season, int(at), salt)
	for i, part := range [...]float64{1, 0.3, 1} { // use is known better
		factors[i] = max(0.5, 1+spread*part*d.normal())
	}
	return factors
}

// fill makes the season's figures from magnitudes, trend, cycle and noise, and
// closes the balance: a producer exports what is left, an importer imports what
// is missing.
func (c *country) fill(seed uint64, b *balance, factor [3]float64) {
	d := throw(seed, c.code, b.season)
	weather := 1 + 0.05*d.normal()
	if d.chance(0.04) {
		weather *= 0.82 // frost or drought
	}
	trend := c.trend(b.season) * factor[0]
	cycle := 1.0
	if c.code == "BR" { // arabica bears more in every other season
		cycle = 1 + 0.11*float64(1-2*(b.season&1))
	}
	b.arabica = rounded(c.arabica * trend * weather * cycle)
	b.robusta = rounded(c.robusta * trend * max(0.5, 1+0.05*d.normal()))

	years := float64(b.season - 2022)
	habit := 1.0
	if !c.imports() { // where little grew, little was drunk
		habit = min(1, math.Sqrt(c.trend(b.season)))
	}
	use := rounded(c.use * habit * math.Exp(0.017*years) * (1 + 0.01*d.normal()) * factor[1])
	carried := c.stocks * max(0.3, 1+0.2*d.normal()) * factor[2]
	if c.imports() {
		c.closeImporter(b, use, rounded(carried*c.use*math.Exp(0.01*years)), d)
	} else {
		c.closeProducer(b, use, rounded(carried*float64(b.production())), d)
	}
	b.soluble = int64(float64(use) * c.habit(0.05, 0.4))
	b.roasted = use - b.soluble
	b.end = b.supply() - b.exports.sum() - b.use()
}

// imports reports whether a country lives on imports; the others live on what
// they grow, or have nothing at all.
func (c *country) imports() bool { return c.use+c.sold > c.arabica+c.robusta+c.bought }

func (c *country) closeImporter(b *balance, use, stock int64, d *dice) {
	years := float64(b.season - 2022)
	sold := rounded(c.sold * math.Exp(0.03*years) * max(0.5, 1+0.06*d.normal()))
	b.exports = c.split(sold, c.soluble)
	needed := max(0, use+sold+stock-b.begin-b.production())
	b.imports = c.split(needed, c.habit(0.02, 0.25))
}

func (c *country) closeProducer(b *balance, use, stock int64, d *dice) {
	years := float64(b.season - 2022)
	b.imports = c.split(rounded(c.bought*math.Exp(0.04*years)*max(0.5, 1+0.08*d.normal())), c.habit(0.1, 0.6))
	if short := use - b.supply(); short > 0 {
		// Nobody drinks what is not there: the gap is bought as beans.
		b.imports[0] += short
	}
	left := b.supply() - use
	b.exports = c.split(max(0, left-stock), c.soluble)
}

// trend is production relative to season 2022/23: a logistic way from early to
// 1, whose half lies at middle.
func (c *country) trend(season int) float64 {
	way := func(year int) float64 { return 1 / (1 + math.Exp(-float64(year-c.middle)/6)) }
	at := func(year int) float64 { return c.early + (1-c.early)*way(year) }
	return at(season) / at(2022)
}

// habit is a trait of a country between low and high, the same every season.
func (c *country) habit(low, high float64) float64 {
	return low + (high-low)*throw(0, c.code+" habit").unit()
}

// split divides a trade into beans, roast & ground and soluble.
func (c *country) split(total int64, soluble float64) trio {
	t := trio{2: int64(float64(total) * soluble)}
	t[1] = int64(float64(total-t[2]) * c.habit(0, 0.03))
	t[0] = total - t[1] - t[2]
	return t
}

// rounded is how an estimate looks: steps of 5 from 200 on, of 100 from 20,000.
func rounded(x float64) int64 {
	step := 1.0
	switch {
	case x >= 20000:
		step = 100
	case x >= 200:
		step = 5
	}
	return int64(max(0, math.Round(x/step)*step))
}
