package upstream

// dice is a source of chance that depends on what it is thrown for alone: the
// same seed, name and numbers give the same throws, whatever was thrown before.
// That is what keeps yesterday's data in place when a day is added.
type dice struct{ state uint64 }

// throw makes dice for one thing: FNV-1a over its name and numbers.
func throw(seed uint64, about string, keys ...int) *dice {
	const prime = 1099511628211
	h := uint64(14695981039346656037) ^ seed*prime
	for i := range len(about) {
		h = (h ^ uint64(about[i])) * prime
	}
	for _, k := range keys {
		for shift := 0; shift < 32; shift += 8 {
			h = (h ^ uint64(byte(k>>shift))) * prime
		}
	}
	return &dice{h}
}

// next is SplitMix64 (Steele, Lea, Flood 2014).
func (d *dice) next() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// unit is uniform in [0, 1).
func (d *dice) unit() float64 { return float64(d.next()>>11) / (1 << 53) }

// normal is nearly standard normal, within 6: the sum of twelve uniforms less
// six, which needs no logarithm and so gives the same bits everywhere.
func (d *dice) normal() float64 {
	sum := -6.0
	for range 12 {
		sum += d.unit()
	}
	return sum
}

// chance is true with probability p.
func (d *dice) chance(p float64) bool { return d.unit() < p }
