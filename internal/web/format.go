package web

import (
	"database/sql"
	"fmt"
	"math"
	"strings"
	"time"
)

// num is a number that may be unknown; an unknown one prints as a dash and
// changes the sentence it stands in.
type num = sql.Null[float64]

// date is a day (or a moment) that may be unknown.
type date = sql.Null[time.Time]

const unknown = "–"

func known(v float64) num { return num{V: v, Valid: true} }

// value is n for a chart: NaN where unknown.
func value(n num) float64 {
	if !n.Valid {
		return math.NaN()
	}
	return n.V
}

// number prints v with thousands separators and a true minus sign.
func number(v float64, decimals int) string {
	s := fmt.Sprintf("%.*f", decimals, math.Abs(v))
	whole, fraction, dotted := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if dotted {
		whole += "." + fraction
	}
	if v < 0 && strings.ContainsAny(s, "123456789") {
		return "−" + whole
	}
	return whole
}

func fixed(n num, decimals int) string {
	if !n.Valid || math.IsNaN(n.V) || math.IsInf(n.V, 0) {
		return unknown
	}
	return number(n.V, decimals)
}

// signed prints a change with its sign, and nothing before a zero.
func signed(n num, decimals int) string {
	s := fixed(n, decimals)
	if n.Valid && n.V > 0 && strings.ContainsAny(s, "123456789") {
		return "+" + s
	}
	return s
}

// percent is fixed with the sign after a thin no-break space.
func percent(n num, decimals int) string {
	if s := fixed(n, decimals); s != unknown {
		return s + "\u202f%"
	}
	return unknown
}

func signedPercent(n num, decimals int) string {
	if s := signed(n, decimals); s != unknown {
		return s + "\u202f%"
	}
	return unknown
}

// millions prints thousand bags as million bags, halves away from zero: 167,945
// is 167.95, which dividing first would print as 167.94.
func millions(n num) string {
	if !n.Valid {
		return "an unknown number of bags"
	}
	return inMillions(n.V) + " million bags"
}

func inMillions(thousandBags float64) string { return number(math.Round(thousandBags/10)/100, 2) }

// season names the market year that STARTS in year: 2022 is 2022/23.
func season(year int) string { return fmt.Sprintf("%d/%02d", year, (year+1)%100) }

// longDate and shortDate print days without a time zone, as the sources do.
func longDate(d date) string {
	if !d.Valid {
		return "an unknown day"
	}
	return d.V.Format("2 January 2006")
}

func shortDate(d date) string {
	if !d.Valid {
		return unknown
	}
	return d.V.Format("2 Jan 2006")
}

func moment(d date) string {
	if !d.Valid {
		return unknown
	}
	return d.V.UTC().Format("2 Jan 2006 15:04 UTC")
}

func isoDate(d date) string {
	if !d.Valid {
		return ""
	}
	return d.V.Format("2006-01-02")
}

// count prints a whole number with its noun: 1 file, 2 files.
func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number(float64(n), 0) + " " + noun + "s"
}

// joined joins words as a sentence does: a, b and c.
func joined(words []string) string {
	switch len(words) {
	case 0:
		return ""
	case 1:
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// byteSize prints a size in decimal units.
func byteSize(n int64) string {
	switch {
	case n >= 1e9:
		return number(float64(n)/1e9, 1) + " GB"
	case n >= 1e6:
		return number(float64(n)/1e6, 1) + " MB"
	case n >= 1e3:
		return number(float64(n)/1e3, 1) + " kB"
	}
	return number(float64(n), 0) + " B"
}
