package web

import (
	"fmt"
)

// bags prints a number of bags.
func bags(n num) string {
	if !n.Valid {
		return "an unknown number of bags"
	}
	return fixed(n, 0) + " " + plural(int(n.V), "bag")
}

// certifiedHeadline says the total and its change in one line.
func certifiedHeadline(d stockDay) string {
	if !d.Certified.Valid {
		return "Certified arabica stocks are not known for " + longDate(d.Date)
	}
	s := "Certified arabica stocks stand at " + bags(d.Certified)
	switch {
	case !d.Change.Valid:
		return s
	case isZero(d.Change.V, 0):
		return s + ", unchanged on the day"
	case d.Change.V > 0:
		return s + ", up " + fixed(d.Change, 0) + " on the day"
	}
	return s + ", down " + fixed(abs(d.Change), 0) + " on the day"
}

// certifiedFindings are the sentences of /stocks; what is unknown is said to be.
func certifiedFindings(d stockDay, rank stockRank, ports []storedBags) []string {
	said := []string{certifiedMove(d), certifiedRange(d)}
	if s := certifiedRank(rank); s != "" {
		said = append(said, s)
	}
	if s := whereStored(d, ports); s != "" {
		said = append(said, s)
	}
	said = append(said, gradingFinding(d))
	if s := transitionFinding(d); s != "" {
		said = append(said, s)
	}
	return said
}

func certifiedMove(d stockDay) string {
	on := "On " + longDate(d.Date) + " ICE "
	switch {
	case !d.Certified.Valid:
		return on + "told no total."
	case !d.Change.Valid:
		return fmt.Sprintf("%sheld %s ready for delivery; the report before it is missing, so the day's change is not known.", on, bags(d.Certified))
	case isZero(d.Change.V, 0):
		return fmt.Sprintf("%sheld %s ready for delivery, as many as in the report before.", on, bags(d.Certified))
	}
	return fmt.Sprintf("%sheld %s ready for delivery, %s %s than in the report before.", on, bags(d.Certified), fixed(abs(d.Change), 0), moreFewer(d.Change.V))
}

func moreFewer(change float64) string {
	if change > 0 {
		return "more"
	}
	return "fewer"
}

func certifiedRange(d stockDay) string {
	var s string
	switch {
	case !d.Drawdown.Valid:
		return "Its 52-week high is not known: a year of reports without a gap is not loaded."
	case isZero(d.Drawdown.V, 1):
		s = "That is the most in 52 weeks"
	default:
		s = fmt.Sprintf("That is %s below the 52-week high of %s", percent(abs(d.Drawdown), 1), bags(d.High52))
	}
	if !d.Mean30.Valid || !d.Certified.Valid {
		return s + "."
	}
	switch change := d.Certified.V - d.Mean30.V; {
	case isZero(change, 0):
		return s + " and equal to the mean of the last 30 reports."
	case change > 0:
		return fmt.Sprintf("%s and above the mean of the last 30 reports, %s.", s, bags(d.Mean30))
	}
	return fmt.Sprintf("%s and below the mean of the last 30 reports, %s.", s, bags(d.Mean30))
}

func certifiedRank(rank stockRank) string {
	if !rank.Percentile.Valid || rank.Reports < 2 {
		return ""
	}
	of := fmt.Sprintf("the %s reports since %s", number(float64(rank.Reports), 0), longDate(rank.Since))
	switch {
	case rank.Lower == 0 && rank.Higher == 0:
		return "It was the same in all of " + of + "."
	case rank.Lower == 0:
		return "None of " + of + " shows fewer."
	case rank.Higher == 0:
		return "None of " + of + " shows more."
	}
	return fmt.Sprintf("It is as many as or more than in %s of %s.", percent(rank.Percentile, 0), of)
}

// whereStored says how the stock is split over the Atlantic, and its largest port.
func whereStored(d stockDay, ports []storedBags) string {
	if !d.Certified.Valid || d.Certified.V <= 0 || !d.Europe.Valid || !d.US.Valid {
		return ""
	}
	share := func(n num) string { return percent(known(100*n.V/d.Certified.V), 0) }
	s := fmt.Sprintf("Europe stores %s (%s), the United States %s (%s)", bags(d.Europe), share(d.Europe), bags(d.US), share(d.US))
	if len(ports) > 0 && ports[0].Share.Valid {
		s += fmt.Sprintf("; %s alone has %s", ports[0].Name, percent(ports[0].Share, 0))
	}
	return s + "."
}

func gradingFinding(d stockDay) string {
	waits := "How many bags wait to be graded is not known"
	switch {
	case d.Pending.Valid && d.Pending.V == 0:
		waits = "No bags wait to be graded"
	case d.Pending.Valid && d.Pending.V == 1:
		waits = "1 bag waits to be graded"
	case d.Pending.Valid:
		waits = fmt.Sprintf("%s wait to be graded", bags(d.Pending))
	}
	switch {
	case !d.Passed.Valid || !d.Failed.Valid:
		return waits + "; the report does not say what passed and failed that day."
	case d.Passed.V == 0 && d.Failed.V == 0:
		return waits + "; none passed and none failed that day."
	}
	return fmt.Sprintf("%s; %s passed and %s failed that day.", waits, orNone(d.Passed), orNone(d.Failed))
}

func orNone(n num) string {
	if n.V == 0 {
		return "none"
	}
	return fixed(n, 0)
}

func transitionFinding(d stockDay) string {
	if !d.Transition.Valid || !d.Certified.Valid || d.Certified.V <= 0 {
		return ""
	}
	return fmt.Sprintf("Of the total, %s (%s) are transition bags, which meet a discount from 2027 on.", bags(d.Transition), percent(known(100*d.Transition.V/d.Certified.V), 0))
}

func useHeadline(d stockDay) string {
	if !d.DaysOfUse.Valid {
		return "How long the stock would last is not known: no consumption is loaded"
	}
	return fmt.Sprintf("The stock would last the world %s", count1(d.DaysOfUse, "day"))
}

// count1 prints a number with one decimal and its noun: 1.0 days.
func count1(n num, noun string) string { return fixed(n, 1) + " " + noun + "s" }

// useNote says whose use the days are of.
func useNote(d stockDay) string {
	if !d.DaysOfUse.Valid || !d.UseYear.Valid {
		return ""
	}
	return fmt.Sprintf("World consumption of all coffee in %s, %s million bags a year by USDA PSD: it is not split by species.", season(d.UseYear.V), number(d.YearlyUse.V/1e6, 2))
}

func regionHeadline(d stockDay) string {
	switch {
	case !d.Europe.Valid || !d.US.Valid:
		return "The split between Europe and the United States is not known"
	case d.Europe.V+d.US.V == 0:
		return "Neither Europe nor the United States stores any"
	case d.Europe.V >= d.US.V:
		return fmt.Sprintf("Europe stores %s of what the two sides of the Atlantic hold", percent(known(100*d.Europe.V/(d.Europe.V+d.US.V)), 0))
	}
	return fmt.Sprintf("The United States store %s of what the two sides of the Atlantic hold", percent(known(100*d.US.V/(d.Europe.V+d.US.V)), 0))
}

func portsHeadline(ports []storedBags) string {
	if len(ports) == 0 || !ports[0].Share.Valid {
		return "Where the bags lie is not known"
	}
	return fmt.Sprintf("%s holds %s of the certified bags", ports[0].Name, percent(ports[0].Share, 0))
}

func originsHeadline(origins []storedBags) string {
	var named []storedBags
	for _, o := range origins {
		if o.Name != "" && o.Bags.Valid && o.Bags.V > 0 {
			named = append(named, o)
		}
	}
	if len(named) == 0 {
		return "Where the bags come from is not known"
	}
	var top []string
	for _, o := range named[:min(3, len(named))] {
		top = append(top, fmt.Sprintf("%s %s", o.Name, percent(o.Share, 0)))
	}
	return "By origin: " + joined(top)
}

func ageHeadline(months []ageMonth) string {
	if len(months) == 0 {
		return "How old the stock is, is not known: no ageing report is loaded"
	}
	last := months[len(months)-1]
	s := fmt.Sprintf("%s of the bags had been graded more than a year before, at the end of %s", percent(last.Older, 0), last.Date.V.Format("January 2006"))
	if len(months) < 2 || !last.Older.Valid {
		return s
	}
	before := months[len(months)-2]
	switch change := last.Older.V - before.Older.V; {
	case !before.Older.Valid:
	case isZero(change, 0):
		s += ", as at the month end before"
	default:
		s += fmt.Sprintf(", %s than at the month end before (%s)", moreLess(change), percent(before.Older, 0))
	}
	return s
}

// agesHeadline names the largest band.
func agesHeadline(bands []ageBand) string {
	if len(bands) == 0 {
		return "The age profile is not known"
	}
	largest := bands[0]
	for _, b := range bands {
		if b.Bags.V > largest.Bags.V {
			largest = b
		}
	}
	return fmt.Sprintf("The largest part, %s, was graded %s before", percent(largest.Share, 0), largest.Name)
}

func monthEndsHeadline(all []monthEnd) string {
	if len(all) == 0 {
		return "No history of month ends is loaded"
	}
	most := all[0]
	for _, m := range all {
		if m.Bags.V > most.Bags.V {
			most = m
		}
	}
	return fmt.Sprintf("Month ends since %s: the most was %s in %s", all[0].Date.V.Format("2006"), bags(most.Bags), most.Date.V.Format("January 2006"))
}
