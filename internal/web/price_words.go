package web

import (
	"fmt"
	"math"
)

// priceHeadline says the close and the day's change in one line.
func priceHeadline(d priceDay) string {
	if !d.Close.Valid {
		return fmt.Sprintf("No close is known for %s", longDate(d.Date))
	}
	close := fmt.Sprintf("Arabica closed at %s cents a pound", fixed(d.Close, 2))
	switch {
	case d.AfterRoll:
		return close + ", its first day in a new contract"
	case !d.Return.Valid:
		return close
	case isZero(d.Return.V, 2):
		return close + ", unchanged on the day"
	case d.Return.V > 0:
		return close + ", up " + percent(d.Return, 2) + " on the day"
	}
	return close + ", down " + percent(abs(d.Return), 2) + " on the day"
}

// priceFindings are the sentences of /price: each says the date it is of, and
// one that has no number says why it is missing.
func priceFindings(d priceDay, ranks priceRanks) []string {
	said := []string{priceMove(d), priceAverages(d), priceRange(d)}
	if s := priceRank(d, ranks); s != "" {
		said = append(said, s)
	}
	return said
}

func priceMove(d priceDay) string {
	on := "On " + longDate(d.Date) + " the front-month series KC=F "
	switch {
	case !d.Close.Valid:
		return on + "has no close."
	case !d.Return.Valid:
		return fmt.Sprintf("%sclosed at %s US cents a pound; there is no trading day before it to compare with.", on, fixed(d.Close, 2))
	case d.AfterRoll:
		return fmt.Sprintf("%sclosed at %s US cents a pound. It moved to the next contract that day, so the change of %s is between two contracts and not a move of the price.", on, fixed(d.Close, 2), signedPercent(d.Return, 2))
	case isZero(d.Return.V, 2):
		return fmt.Sprintf("%sclosed at %s US cents a pound, unchanged from the trading day before.", on, fixed(d.Close, 2))
	}
	return fmt.Sprintf("%sclosed at %s US cents a pound, %s %s than the trading day before.", on, fixed(d.Close, 2), percent(abs(d.Return), 2), higher(d.Return.V))
}

func priceAverages(d priceDay) string {
	var above, below, at, young []string
	for _, a := range []struct {
		name string
		v    num
	}{{"20", d.SMA20}, {"50", d.SMA50}, {"200", d.SMA200}} {
		named := a.name + "-day (" + fixed(a.v, 2) + ")"
		switch {
		case !a.v.Valid || !d.Close.Valid:
			young = append(young, a.name+"-day")
		case isZero(d.Close.V-a.v.V, 2):
			at = append(at, named)
		case d.Close.V > a.v.V:
			above = append(above, named)
		default:
			below = append(below, named)
		}
	}
	var parts []string
	for _, p := range []struct {
		word  string
		which []string
	}{{"above", above}, {"at", at}, {"below", below}} {
		if len(p.which) > 0 {
			parts = append(parts, p.word+" its "+joined(p.which)+plural(len(p.which), " average"))
		}
	}
	missing := ""
	if len(young) > 0 {
		missing = " There are too few days for the " + joined(young) + plural(len(young), " average") + "."
	}
	if len(parts) == 0 {
		return trimLeft(missing)
	}
	return "The close is " + joined(parts) + "." + missing
}

func priceRange(d priceDay) string {
	position, ok := rangePosition(d)
	switch {
	case ok && d.Close.V > d.High52.V:
		return fmt.Sprintf("The close lies above the 52-week range of traded prices, %s to %s: a close need not have been traded.", fixed(d.Low52, 2), fixed(d.High52, 2))
	case ok && d.Close.V < d.Low52.V:
		return fmt.Sprintf("The close lies below the 52-week range of traded prices, %s to %s: a close need not have been traded.", fixed(d.Low52, 2), fixed(d.High52, 2))
	case ok:
		return fmt.Sprintf("It stands %s of the way up its 52-week range of traded prices, %s to %s.", percent(known(position), 0), fixed(d.Low52, 2), fixed(d.High52, 2))
	case d.High52.Valid && d.Low52.Valid && d.Close.Valid:
		return fmt.Sprintf("Every price of the last 52 weeks was %s.", fixed(d.High52, 2))
	}
	return "Its 52-week range is not known yet: less than a year of prices is loaded."
}

// rangePosition is where the close lies in the 52-week range, in percent; not
// ok where the range is unknown or a single price.
func rangePosition(d priceDay) (float64, bool) {
	if !d.Close.Valid || !d.High52.Valid || !d.Low52.Valid || d.High52.V <= d.Low52.V {
		return 0, false
	}
	return 100 * (d.Close.V - d.Low52.V) / (d.High52.V - d.Low52.V), true
}

func priceRank(d priceDay, ranks priceRanks) string {
	if !ranks.Close.Valid || ranks.Days < 2 {
		return ""
	}
	closes := fmt.Sprintf("the %s closes since %s.", number(float64(ranks.Days), 0), longDate(ranks.Since))
	switch notAbove := math.Round(ranks.Close.V / 100 * float64(ranks.Days)); {
	case notAbove >= float64(ranks.Days):
		return "None of " + closes[:len(closes)-1] + " was higher."
	case notAbove <= 1:
		return "It is the lowest of " + closes
	}
	return "It is as high as or higher than " + percent(ranks.Close, 0) + " of " + closes
}

func volatilityHeadline(d priceDay, ranks priceRanks) string {
	if !d.Volatility.Valid {
		return "Volatility is not known: too few days without a contract roll"
	}
	s := "Realised volatility is " + percent(d.Volatility, 1) + " a year"
	if !ranks.Volatility.Valid || ranks.Days < 2 {
		return s
	}
	return fmt.Sprintf("%s, as high as or higher than on %s of the days since %s", s, percent(ranks.Volatility, 0), longDate(ranks.Since))
}

func drawdownHeadline(d priceDay, ranks priceRanks) string {
	switch {
	case !d.Drawdown.Valid:
		return "The distance from the high is not known"
	case isZero(d.Drawdown.V, 1):
		return "The close is at its highest since the series begins in " + ranks.FirstEver.V.Format("January 2006")
	case !ranks.HighestEver.Valid:
		return "The close is " + percent(abs(d.Drawdown), 1) + " below its highest"
	}
	return fmt.Sprintf("The close is %s below its highest, %s on %s", percent(abs(d.Drawdown), 1), fixed(ranks.HighestEver, 2), longDate(ranks.HighestEverOn))
}

func abs(n num) num { return num{V: math.Abs(n.V), Valid: n.Valid} }

// isZero says whether v prints as zero with that many decimals: a change that
// reads 0.00 must not be called a rise.
func isZero(v float64, decimals int) bool { return math.Abs(v) < 0.5*math.Pow10(-decimals) }

func higher(change float64) string {
	if change > 0 {
		return "higher"
	}
	return "lower"
}

func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

func trimLeft(s string) string {
	if s == "" {
		return s
	}
	return s[1:]
}
