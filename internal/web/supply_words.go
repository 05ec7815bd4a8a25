package web

import (
	"fmt"
	"strings"
)

// supplyHeadline says production against use in one line.
func supplyHeadline(now balance) string {
	if now.Code == world {
		return worldHeadline(now)
	}
	where, season := now.Country, now.Season
	switch {
	case !now.Production.Valid:
		return fmt.Sprintf("%s: no production is known for %s", where, season)
	case isZero(now.Production.V, 4):
		return fmt.Sprintf("%s grows no coffee that USDA counts in %s", where, season)
	case !now.ProductionChange.Valid:
		return fmt.Sprintf("%s grows %s in %s", where, millions(now.Production), season)
	case isZero(now.ProductionChange.V, 1):
		return fmt.Sprintf("%s grows %s in %s, as many as the season before", where, millions(now.Production), season)
	}
	return fmt.Sprintf("%s grows %s in %s, %s %s than the season before", where, millions(now.Production), season,
		percent(abs(now.ProductionChange), 1), moreLess(now.ProductionChange.V))
}

func worldHeadline(now balance) string {
	if !now.Production.Valid || !now.Consumption.Valid {
		return "World coffee in " + now.Season + ": production or consumption is not known"
	}
	surplus := known(now.Production.V - now.Consumption.V)
	switch {
	case isZero(surplus.V/1000, 2):
		return fmt.Sprintf("The world grows as much coffee as it drinks in %s", now.Season)
	case surplus.V > 0:
		return fmt.Sprintf("The world grows %s more than it drinks in %s", millions(surplus), now.Season)
	}
	return fmt.Sprintf("The world drinks %s more than it grows in %s", millions(abs(surplus)), now.Season)
}

// supplyFindings are the sentences of /supply; before is the season before and
// may be empty.
func supplyFindings(now balance, before *balance, rank stocksRank) []string {
	var said []string
	if s := quantityFinding("production", now.Production, before, func(b balance) num { return b.Production }, now); s != "" {
		said = append(said, s)
	}
	if now.Code == world {
		said = append(said, quantityFinding("consumption", now.Consumption, before, func(b balance) num { return b.Consumption }, now))
	} else if now.Exports.Valid && now.Exports.V > 0 {
		s := quantityFinding("exports", now.Exports, before, func(b balance) num { return b.Exports }, now)
		if now.ExportShare.Valid {
			s = strings.TrimSuffix(s, ".") + "; that is " + percent(now.ExportShare, 1) + " of the world's."
		}
		said = append(said, s)
	}
	return append(said, stocksFinding(now, before, rank))
}

func quantityFinding(what string, v num, before *balance, get func(balance) num, now balance) string {
	owner := now.Country + "'s "
	if now.Code == world {
		owner = "world "
	}
	if !v.Valid {
		return fmt.Sprintf("No figure for %s%s in %s is known.", owner, what, now.Season)
	}
	s := fmt.Sprintf("USDA puts %s%s in %s at %s", owner, what, now.Season, millions(v))
	if before == nil || !get(*before).Valid {
		return s + "; there is no season before to compare with."
	}
	was := get(*before)
	switch change := v.V - was.V; {
	case isZero(change/1000, 2):
		return fmt.Sprintf("%s, unchanged from %s.", s, before.Season)
	case was.V == 0:
		return fmt.Sprintf("%s, after none in %s.", s, before.Season)
	default:
		return fmt.Sprintf("%s, %s (%s) %s than in %s.", s, millions(abs(known(change))), percent(abs(known(100*change/was.V)), 1), moreLess(change), before.Season)
	}
}

func stocksFinding(now balance, before *balance, rank stocksRank) string {
	if !now.EndingStocks.Valid {
		return "Ending stocks of " + now.Season + " are not known."
	}
	verb := "are"
	if before != nil && before.EndingStocks.Valid {
		switch change := now.EndingStocks.V - before.EndingStocks.V; {
		case isZero(change/1000, 2):
			verb = "stay at"
		case change > 0:
			verb = "rise from " + inMillions(before.EndingStocks.V) + " to"
		default:
			verb = "fall from " + inMillions(before.EndingStocks.V) + " to"
		}
	}
	s := fmt.Sprintf("Ending stocks %s %s", verb, millions(now.EndingStocks))
	ratio := stocksToUse(now)
	if !ratio.Valid {
		return s + "; stocks-to-use is not known, since nothing is used."
	}
	s += ", " + percent(ratio, 1) + " of " + denominator(now.Code)
	return s + rankWords(rank) + "."
}

func rankWords(rank stocksRank) string {
	since := rank.Since.V
	switch {
	case rank.Seasons < 2:
		return ""
	case rank.Lower == 0 && rank.Higher == 0:
		return fmt.Sprintf(", the same in all %d seasons since %s", rank.Seasons, since)
	case rank.Lower == 0:
		return fmt.Sprintf(", the lowest of the %d seasons since %s", rank.Seasons, since)
	case rank.Higher == 0:
		return fmt.Sprintf(", the highest of the %d seasons since %s", rank.Seasons, since)
	}
	return fmt.Sprintf(", lower than in %d of the %d seasons since %s", rank.Higher, rank.Seasons, since)
}

// stocksToUse is the ratio in use for a country: the world's by consumption, an
// origin's by consumption and exports.
func stocksToUse(b balance) num {
	if b.Code == world {
		return b.StocksToUse
	}
	return b.StocksToUseWithExports
}

func denominator(code string) string {
	if code == world {
		return "a year's consumption"
	}
	return "a year's consumption and exports"
}

func stocksHeadline(now balance) string {
	ratio := stocksToUse(now)
	if !ratio.Valid {
		return "Stocks-to-use is not known for " + now.Season
	}
	return fmt.Sprintf("Stocks at the end of %s are %s of %s", now.Season, percent(ratio, 1), denominator(now.Code))
}

func speciesHeadline(now balance) string {
	if !now.Arabica.Valid || !now.Robusta.Valid || now.Arabica.V+now.Robusta.V == 0 {
		return "The split into arabica and robusta is not known for " + now.Season
	}
	share := known(100 * now.Arabica.V / (now.Arabica.V + now.Robusta.V))
	return fmt.Sprintf("Arabica is %s of the %s crop", percent(share, 1), now.Season)
}

func revisionsHeadline(v revisions, code, name string) string {
	of := ""
	if code != world {
		of = " for " + name
	}
	switch {
	case !v.Release.Valid:
		return "No release is loaded, so no revision is known"
	case !v.Before.Valid:
		return fmt.Sprintf("The release of %s is the first one loaded: nothing to compare it with yet", longDate(v.Release))
	case v.Values == 0:
		return fmt.Sprintf("The release of %s changed no figure that the one of %s had%s", longDate(v.Release), longDate(v.Before), of)
	}
	return fmt.Sprintf("The release of %s changed %s%s", longDate(v.Release), count(v.Values, "figure"), of)
}

// revisionsFinding names the largest change in words; empty without one.
func revisionsFinding(v revisions) string {
	if len(v.Largest) == 0 {
		return ""
	}
	l := v.Largest[0]
	word := "up"
	if l.Change.V < 0 {
		word = "down"
	}
	return fmt.Sprintf("The largest change of a total: %s of %s in %s, %s %s to %s.", strings.ToLower(l.Attribute), l.Country, l.Season,
		word, millions(abs(l.Change)), millions(l.Value))
}

func moreLess(change float64) string {
	if change > 0 {
		return "more"
	}
	return "less"
}
