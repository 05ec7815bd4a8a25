package psdonline

import (
	"bytes"
	"math"
	"slices"
	"strconv"

	"beanflows.coffee/materia/internal/extract"
)

// contract is what the coffee rows of every file must hold. Bounds are far from
// what was seen (0 to 97,806 thousand bags, 1960 to 2023), near enough to find another unit.
func contract() extract.Contract {
	year := extract.Column{Kind: extract.Number, Needed: true, Bounded: true, Least: 1950, Most: 2100}
	return extract.Contract{
		Columns: []extract.Column{
			{Name: "Country_Code", Needed: true},
			{Name: "Country_Name", Needed: true},
			{Name: "Market_Year", Kind: year.Kind, Needed: true, Bounded: true, Least: year.Least, Most: year.Most},
			{Name: "Calendar_Year", Kind: year.Kind, Needed: true, Bounded: true, Least: year.Least, Most: year.Most},
			{Name: "Month", Kind: extract.Number, Needed: true, Bounded: true, Least: 0, Most: 12},
			{Name: "Attribute_ID", Kind: extract.Number, Needed: true, Bounded: true, Least: 1, Most: 999},
			{Name: "Value", Kind: extract.Number, Needed: true, Bounded: true, Least: 0, Most: 1_000_000},
		},
		Key: []string{"Country_Code", "Market_Year", "Attribute_ID"},
	}
}

const (
	totalSupply       = "086"
	totalDistribution = "178"
)

// coffee checks the rows about coffee against the contract and, by country and
// year, that what a country has is what it uses, sells or keeps.
type coffee struct {
	check  *extract.Check
	fields [][]byte

	country, year, attribute, value int // indexes; -1: not there
	totals                          map[string]float64
}

func newCoffee(header []string) *coffee {
	at := func(name string) int { return slices.Index(header, name) }
	return &coffee{check: contract().Over(header), totals: map[string]float64{},
		country: at("Country_Code"), year: at("Market_Year"), attribute: at("Attribute_ID"), value: at("Value")}
}

// row checks a whole row; number counts rows of the file.
func (c *coffee) row(number int64, line []byte) {
	c.fields = split(c.fields[:0], line)
	c.check.Row(number, c.fields)
	if min(c.country, c.year, c.attribute, c.value) < 0 {
		return
	}
	is := string(c.fields[c.attribute])
	if is != totalSupply && is != totalDistribution {
		return
	}
	value, err := strconv.ParseFloat(string(c.fields[c.value]), 64)
	if err != nil {
		return // the contract says so
	}
	key := string(c.fields[c.country]) + " " + string(c.fields[c.year])
	other, second := c.totals[key]
	if !second {
		c.totals[key] = value
	} else if delete(c.totals, key); math.Abs(other-value) > 0.00005 {
		c.check.Note("identity", "total supply is not total distribution", number, key)
	}
}

// split cuts a row that the scanner accepted into its fields, without quotes and
// line break. A doubled quote stays doubled: no column of ours has one.
func split(fields [][]byte, line []byte) [][]byte {
	line = bytes.TrimRight(line, "\r\n")
	start, quoted := 0, false
	for i, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			fields = append(fields, unquote(line[start:i]))
			start = i + 1
		}
	}
	return append(fields, unquote(line[start:]))
}

func unquote(field []byte) []byte {
	if len(field) > 1 && field[0] == '"' {
		return field[1 : len(field)-1]
	}
	return field
}
