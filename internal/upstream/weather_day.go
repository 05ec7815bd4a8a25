package upstream

import "math"

// weatherDay is one local day at a place. Units are the API's.
type weatherDay struct {
	high, low, mean    float64    // °C at 2 m
	rain, evaporation  float64    // mm; ET0
	humidity           float64    // %
	soil               [3]float64 // m³/m³ at 0-7, 7-28 and 28-100 cm
	radiation          float64    // MJ/m²
	wind               float64    // km/h, the day's highest
	dayNumber, yearDay int
}

// drift is noise of unit variance that changes over so many days: values at
// knots, joined by straight lines. It depends on the day alone.
func (s *Server) drift(about string, dayNumber, days int) float64 {
	knot, part := dayNumber/days, float64(dayNumber%days)/float64(days)
	a, b := throw(s.options.Seed, about, days, knot).normal(), throw(s.options.Seed, about, days, knot+1).normal()
	return (a*(1-part) + b*part) / math.Sqrt((1-part)*(1-part)+part*part)
}

// weatherDay makes up a day: the season, a slow swing of wet and dry months, a
// spell of days, the day itself, and now and then a cold outbreak from the south.
func (s *Server) weatherDay(p *place, dayNumber int) weatherDay {
	date := dateOfDay(dayNumber)
	d := weatherDay{dayNumber: dayNumber, yearDay: date.YearDay()}
	dice := throw(s.options.Seed, "weather "+p.id, dayNumber)
	months, spell := s.drift("months "+p.id, dayNumber, 45), s.drift("spell "+p.id, dayNumber, 4)

	// Rain: how often it rains and how much follow the month's normal.
	normal := p.normalRain(d.yearDay)
	often := math.Min(0.92, 0.06+0.085*normal) * math.Exp(0.35*months+0.45*spell)
	if wet := dice.unit(); wet < math.Min(0.97, often) {
		d.rain = -math.Log(1-dice.unit()) * normal / math.Min(0.97, 0.06+0.085*normal) * 0.97
	}

	season := -p.swing * math.Cos(2*math.Pi*(float64(d.yearDay)-p.coldest)/365.25)
	warming := 0.022 * float64(date.Year()-2005)
	d.mean = p.mean + season + warming + 0.7*s.drift("warmth "+p.id, dayNumber, 20) + 0.9*dice.normal() - 0.4*spell
	spread := p.spread + 1.1*dice.normal()
	if d.rain > 1 {
		spread *= 0.72
	}
	spread = math.Max(4, spread)
	d.high, d.low = d.mean+0.52*spread, d.mean-0.48*spread
	if cold := s.outbreak(p, date.Year(), d.yearDay); cold > 0 {
		d.low, d.mean, d.high = d.low-cold, d.mean-0.7*cold, d.high-0.5*cold
	}

	sun := 22 + 4*math.Sin(2*math.Pi*(float64(d.yearDay)-80)/365.25)*math.Copysign(math.Min(1, math.Abs(p.latitude)/23), p.latitude)
	d.radiation = math.Max(4, sun-5.5*math.Min(1, d.rain/12)+1.8*dice.normal())
	d.evaporation = math.Max(0.6, 0.0023*0.408*1.35*d.radiation*(d.mean+17.8)*math.Sqrt(d.high-d.low))
	d.humidity = math.Max(28, math.Min(99, 62+14*math.Min(1, normal/7)+9*math.Min(1, d.rain/8)+4*spell))
	damp := math.Min(1, normal/7)
	for i, slow := range [3]float64{1, 0.7, 0.45} {
		d.soil[i] = math.Max(0.06, math.Min(0.46, 0.2+0.16*damp+0.03*float64(i)+slow*(0.03*months+0.03*math.Min(1, d.rain/15))))
	}
	d.wind = math.Max(3, 11+2.6*dice.normal()+1.5*spell)
	return d
}

// normalRain is mm a day around a day of the year: months' normals, joined in
// their middles.
func (p *place) normalRain(yearDay int) float64 {
	at := float64(yearDay)/30.4375 - 0.5
	if at < 0 {
		at += 12
	}
	month := int(at) % 12
	part := at - math.Floor(at)
	return (p.rain[month]*(1-part) + p.rain[(month+1)%12]*part) / 30.4375
}

// outbreak is by how many degrees a southern cold outbreak lowers a night: none
// on most, 4 to 11 on the worst of a handful around a day in winter.
func (s *Server) outbreak(p *place, year, yearDay int) float64 {
	if p.outbreaks == 0 || yearDay < 130 || yearDay > 260 {
		return 0
	}
	worst := 0.0
	dice := throw(s.options.Seed, "outbreaks "+p.id, year)
	for range 3 { // so many may come
		centre, depth := 150+int(80*dice.unit()), 4+7*dice.unit()
		if comes := dice.chance(p.outbreaks / 3); comes {
			away := float64(yearDay - centre)
			if away < 0 {
				away *= -1.6 // it comes faster than it goes
			}
			worst = math.Max(worst, depth*(1-away/4))
		}
	}
	return worst
}

// revise is what the first publication of a recent day says: near what it will
// say in the end.
func (s *Server) revise(p *place, d *weatherDay) {
	dice := throw(s.options.Seed, "first weather "+p.id, d.dayNumber)
	off := 0.3 * dice.normal()
	d.high, d.low, d.mean = d.high+off, d.low+off, d.mean+off
	d.rain *= 1 + 0.25*(dice.unit()-0.5)
}
