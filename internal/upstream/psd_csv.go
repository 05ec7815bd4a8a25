package upstream

import (
	"io"
	"strconv"
)

const psdHeader = "Commodity_Code,Commodity_Description,Country_Code,Country_Name,Market_Year,Calendar_Year,Month," +
	"Attribute_ID,Attribute_Description,Unit_ID,Unit_Description,Value\r\n"

// coffeeAttributes stand in the order of the file, by name.
var coffeeAttributes = [...]struct{ id, name string }{
	{"029", "Arabica Production"}, {"090", "Bean Exports"}, {"058", "Bean Imports"}, {"020", "Beginning Stocks"},
	{"125", "Domestic Consumption"}, {"176", "Ending Stocks"}, {"088", "Exports"}, {"057", "Imports"},
	{"056", "Other Production"}, {"028", "Production"}, {"107", "Roast & Ground Exports"}, {"075", "Roast & Ground Imports"},
	{"053", "Robusta Production"}, {"141", "Rst,Ground Dom. Consum"}, {"154", "Soluble Dom. Cons."}, {"114", "Soluble Exports"},
	{"082", "Soluble Imports"}, {"178", "Total Distribution"}, {"086", "Total Supply"},
}

// values are a balance in the order of coffeeAttributes.
func (b *balance) values() [len(coffeeAttributes)]int64 {
	return [...]int64{
		b.arabica, b.exports[0], b.imports[0], b.begin,
		b.use(), b.end, b.exports.sum(), b.imports.sum(),
		0, b.production(), b.exports[1], b.imports[1],
		b.robusta, b.roasted, b.soluble, b.exports[2],
		b.imports[2], b.exports.sum() + b.use() + b.end, b.supply(),
	}
}

// oldHistory is the last season whose rows have no known change: Month is 00
// and Calendar_Year the season's own.
const oldHistory = 2001

// writeCoffee writes the coffee rows of a release: country by name, season,
// attribute by name.
func (s *Server) writeCoffee(w io.Writer, r release, revised bool) {
	var tails [len(coffeeAttributes)]string
	for i, a := range coffeeAttributes {
		tails[i] = "," + a.id + `,"` + a.name + `",02,"(1000 60 KG BAGS)",`
	}
	at, shift := r.circular(), 1
	if r.startLabels() {
		shift = 0
	}
	buf := make([]byte, 0, 256<<10)
	for i := range countries {
		c := &countries[i]
		if c.since > at {
			continue
		}
		head := []byte(`0711100,"Coffee, Green",` + c.code + `,"` + c.name + `",`)
		for _, b := range s.seasons(c, at, revised) {
			if b.season+shift < always {
				continue // the new labelling lost a row of the United States
			}
			year, month := b.changed.season(), b.changed.month()
			if b.season <= oldHistory {
				year, month = b.season, "00"
			}
			prefix := strconv.AppendInt(head, int64(b.season+shift), 10)
			prefix = strconv.AppendInt(append(prefix, ','), int64(year), 10)
			prefix = append(append(prefix, ','), month...)
			for n, value := range b.values() {
				buf = append(append(buf, prefix...), tails[n]...)
				buf = append(strconv.AppendInt(buf, value, 10), ".0000\r\n"...)
			}
		}
		if len(buf) > 128<<10 {
			_, _ = w.Write(buf) // into memory
			buf = buf[:0]
		}
	}
	_, _ = w.Write(buf)
}

// others are commodities that share alldata with coffee; their tables have
// attributes and units of their own.
var others = [...]struct{ code, name string }{
	{"0410000", "Wheat"}, {"0422110", "Rice, Milled"}, {"0430000", "Barley"}, {"0440000", "Corn"}, {"0451000", "Rye"},
	{"0452000", "Oats"}, {"0459100", "Millet"}, {"0459200", "Sorghum"}, {"0459900", "Mixed Grain"},
}

var grainAttributes = [...]string{
	`004,"Area Harvested",04,"(1000 HA)",`, `020,"Beginning Stocks",08,"(1000 MT)",`, `125,"Domestic Consumption",08,"(1000 MT)",`,
	`176,"Ending Stocks",08,"(1000 MT)",`, `088,"Exports",08,"(1000 MT)",`, `130,"Feed Dom. Consumption",08,"(1000 MT)",`,
	`192,"FSI Consumption",08,"(1000 MT)",`, `057,"Imports",08,"(1000 MT)",`, `028,"Production",08,"(1000 MT)",`,
	`178,"Total Distribution",08,"(1000 MT)",`, `086,"Total Supply",08,"(1000 MT)",`, `113,"TY Exports",08,"(1000 MT)",`,
	`084,"TY Imp. from U.S.",08,"(1000 MT)",`, `081,"TY Imports",08,"(1000 MT)",`, `184,"Yield",26,"(MT/HA)",`,
}

// writeOthers writes at least ExtraRows rows of other commodities: the grains,
// then as many invented ones as it takes. Their figures balance but mean less
// than coffee's: nothing reads them.
func (s *Server) writeOthers(w io.Writer, r release) {
	var buf []byte
	for rows, n := 0, 0; rows < s.options.ExtraRows; n++ {
		code, name := "99000"+pad2(n%100), "Sample Commodity "+strconv.Itoa(n)
		if n < len(others) {
			code, name = others[n].code, others[n].name
		} else if n > 99 {
			code = strconv.Itoa(9800000 + n)
		}
		for i := range countries {
			if rows >= s.options.ExtraRows {
				break
			}
			c := &countries[i]
			head := []byte(code + `,"` + name + `",` + c.code + `,"` + c.name + `",`)
			d := throw(s.options.Seed, code+c.code)
			var stock int64
			for year := always; year <= r.circular().season() && rows < s.options.ExtraRows; year++ {
				prefix := strconv.AppendInt(head, int64(year), 10)
				prefix = strconv.AppendInt(append(prefix, ','), int64(min(year+1, r.year)), 10)
				prefix = append(prefix, ",07,"...)
				values, end := grain(d, stock)
				stock = end
				for a, attribute := range grainAttributes {
					buf = append(append(buf, prefix...), attribute...)
					if a == len(grainAttributes)-1 {
						buf = strconv.AppendFloat(buf, float64(values[a])/100, 'f', 4, 64)
						buf = append(buf, "\r\n"...)
						continue
					}
					buf = append(strconv.AppendInt(buf, values[a], 10), ".0000\r\n"...)
				}
				rows += len(grainAttributes)
			}
			_, _ = w.Write(buf) // into memory
			buf = buf[:0]
		}
	}
}

func pad2(n int) string { return string([]byte{byte('0' + n/10), byte('0' + n%10)}) }

// grain is one balance in the order of grainAttributes.
func grain(d *dice, begin int64) (values [len(grainAttributes)]int64, end int64) {
	area := int64(50 + 2000*d.unit())
	crop := area * 2
	imports, exports, feed := int64(300*d.unit()), int64(float64(crop)*0.3*d.unit()), int64(float64(crop)*0.3*d.unit())
	supply := begin + crop + imports
	end = int64(float64(supply-exports) * 0.1 * d.unit())
	use := supply - exports - end
	feed = min(feed, use)
	return [...]int64{area, begin, use, end, exports, feed, use - feed, imports, crop, supply, supply, exports, 0, imports, 200}, end
}
