package web

import (
	"fmt"
	"math"
	"strings"
)

// bagsPerContract is 37,500 lb in bags of 60 kg.
const bagsPerContract = 283.495

// extremes of an index are as traders call them: 90 and more, 10 and less.
const extremeHigh, extremeLow = 90, 10

func extreme(index num) bool { return index.Valid && (index.V >= extremeHigh || index.V <= extremeLow) }

func cotHeadline(c cotReport) string {
	switch {
	case !c.Funds.Net.Valid:
		return "What funds hold in arabica is not known"
	case c.Funds.Net.V == 0 && c.Funds.NetChange.Valid && c.Funds.NetChange.V != 0:
		before := -c.Funds.NetChange.V
		return fmt.Sprintf("Funds hold as many arabica longs as shorts, having been %s %s lots a week ago", netSide(before), number(math.Abs(before), 0))
	case c.Funds.Net.V == 0:
		return "Funds hold as many arabica longs as shorts" + onTheWeek(c)
	}
	return fmt.Sprintf("Funds are %s %s lots of arabica%s", netSide(c.Funds.Net.V), number(math.Abs(c.Funds.Net.V), 0), onTheWeek(c))
}

func netSide(net float64) string {
	if net < 0 {
		return "net short"
	}
	return "net long"
}

// onTheWeek words the change in the direction of the position: a net short that
// grows is up.
func onTheWeek(c cotReport) string {
	change, net := c.Funds.NetChange, c.Funds.Net.V
	switch {
	case !change.Valid:
		return ""
	case change.V == 0:
		return ", unchanged on the week"
	case net*(net-change.V) < 0:
		return ", having been " + netSide(net-change.V) + " a week ago"
	case (change.V > 0) == (net > 0):
		return ", up " + number(math.Abs(change.V), 0) + " on the week"
	}
	return ", down " + number(math.Abs(change.V), 0) + " on the week"
}

// cotFindings are the sentences of /positioning.
func cotFindings(c cotReport) []string {
	var said []string
	for _, s := range []string{cotPosition(c), cotStanding(c.Funds), cotFlow(c.Funds), cotPublished(c)} {
		if s != "" {
			said = append(said, s)
		}
	}
	return said
}

func cotPosition(c cotReport) string {
	on := "At the close of " + longDate(c.Date) + " managed money "
	f := c.Funds
	switch {
	case !f.Net.Valid:
		return on + "held a position that is not known."
	case f.Net.V == 0:
		return on + "was neither net long nor net short."
	case !f.NetPct.Valid:
		return fmt.Sprintf("%swas %s %s lots.", on, netSide(f.Net.V), number(math.Abs(f.Net.V), 0))
	}
	return fmt.Sprintf("%swas %s %s lots, %s of open interest, or %s million bags.", on, netSide(f.Net.V), number(math.Abs(f.Net.V), 0), percent(abs(f.NetPct), 1),
		number(math.Abs(f.Net.V)*bagsPerContract/1e6, 2))
}

// cotStanding places the net among the last reports, by rank.
func cotStanding(h holding) string {
	var known []string
	for i, n := range windows {
		if h.Rank[i].Valid {
			known = append(known, fmt.Sprintf("%s of the last %d", percent(h.Rank[i], 0), n))
		}
	}
	if len(known) == 0 {
		return fmt.Sprintf("There are too few reports in a row to say how that compares: %d are needed.", windows[0])
	}
	s := "The net is as high as or higher than in " + joined(known) + " reports"
	if extreme(h.Index[2]) {
		s += fmt.Sprintf("; on a scale from the lowest to the highest of %d it stands at %s, an extreme", windows[2], number(h.Index[2].V, 0))
	}
	return s + "."
}

// cotFlow tells what longs and shorts did in the week, which a net hides.
func cotFlow(h holding) string {
	if !h.LongChange.Valid || !h.ShortChange.Valid {
		return ""
	}
	var did []string
	switch long := h.LongChange.V; {
	case long > 0:
		did = append(did, "bought "+count(int64(long), "lot")+" of new longs")
	case long < 0:
		did = append(did, "sold "+count(int64(-long), "lot")+" of longs")
	}
	switch short := h.ShortChange.V; {
	case short > 0:
		did = append(did, "added "+count(int64(short), "lot")+" of shorts")
	case short < 0:
		did = append(did, "bought back "+count(int64(-short), "lot")+" of shorts")
	}
	if len(did) == 0 {
		return "In the week funds changed neither longs nor shorts."
	}
	return "In the week funds " + joined(did) + "."
}

func cotPublished(c cotReport) string {
	if !c.Released.Valid {
		return ""
	}
	s := "CFTC published this on " + longDate(c.Released)
	if c.Assumed {
		s = "By its calendar CFTC published this on " + longDate(c.Released)
	}
	if days := c.Released.V.Sub(c.Date.V).Hours() / 24; days > 7 {
		s += fmt.Sprintf(", %s after the close it tells of", count(int64(days), "day"))
	}
	return s + "."
}

func hedgersHeadline(c cotReport) string {
	if !c.ProducerShortPct.Valid {
		return "What origins have sold forward is not known"
	}
	s := "Producers and merchants are short " + percent(c.ProducerShortPct, 1) + " of open interest"
	if !c.ProducerShortMean.Valid || c.MeanReports < int64(windows[1]) {
		return s
	}
	difference := c.ProducerShortPct.V - c.ProducerShortMean.V
	if isZero(difference, 1) {
		return s + ", as on average since " + c.ReportsSince.V.Format("January 2006")
	}
	return fmt.Sprintf("%s, %s points %s than on average since %s", s, number(math.Abs(difference), 1), moreOrLess(difference), c.ReportsSince.V.Format("January 2006"))
}

func moreOrLess(x float64) string {
	if x < 0 {
		return "less"
	}
	return "more"
}

func indexHeadline(h holding) string {
	for i := range windows {
		at := len(windows) - 1 - i // the longest window that is known
		if n := windows[at]; h.Index[at].Valid {
			return fmt.Sprintf("The COT index over %d reports is %s: 0 is the lowest net of them, 100 the highest", n, number(h.Index[at].V, 0))
		}
	}
	return "No COT index is known: too few reports in a row, or all of them equal"
}

// flowWord names what a change of longs and shorts is called at the desk.
func flowWord(h holding) string {
	if !h.LongChange.Valid || !h.ShortChange.Valid {
		return unknown
	}
	var words []string
	switch {
	case h.LongChange.V > 0:
		words = append(words, "new longs")
	case h.LongChange.V < 0:
		words = append(words, "liquidation")
	}
	switch {
	case h.ShortChange.V > 0:
		words = append(words, "new shorts")
	case h.ShortChange.V < 0:
		words = append(words, "covering")
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}

// extremesHeadline tells what followed highs over thirteen weeks, or lows where
// there were no highs.
func extremesHeadline(after []cotAfter) string {
	for _, a := range after {
		if n := a.Known[1]; n > 0 {
			reached := "90"
			if a.Side == "low" {
				reached = "10"
			}
			times := fmt.Sprintf("the %s that the index of 156 reports reached %s", count(n, "time"), reached)
			if n == 1 {
				times = "the one time that the index of 156 reports reached " + reached
			}
			return fmt.Sprintf("After %s the price was lower 13 weeks later in %s", times, ofThem(a.Lower[1], n))
		}
	}
	return "What followed past extremes is not known yet"
}

func ofThem(k, n int64) string {
	switch {
	case k == 0:
		return "none"
	case k == n && n == 1:
		return "that one"
	case k == n:
		return "all of them"
	}
	return number(float64(k), 0)
}

// sideWords is how an extreme is called in a table.
func sideWords(side string) string {
	if side == "low" {
		return "10 and less"
	}
	return "90 and more"
}
