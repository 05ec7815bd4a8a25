package web

import (
	"fmt"
	"strings"
	"time"
)

// riskWord is a region's risk in the words of the board, riskClass its colour.
func (r region) RiskWord() string {
	words := map[string][2]string{"frost": {"near frost", "frost"}, "drought": {"dry", "drought"}, "wet": {"wet", "very wet"}, "heat": {"hot", "hot"}}
	switch {
	case !r.Risk.Valid:
		return "not known"
	case r.Risk.V == 0:
		return "usual"
	}
	return words[r.Reason][min(int(r.Risk.V), 2)-1]
}

func (r region) RiskClass() string {
	if !r.Risk.Valid || r.Risk.V == 0 {
		return "risk"
	}
	return fmt.Sprintf("risk grade-%.0f", r.Risk.V)
}

// SpeciesWords is the species as a page prints it.
func (r region) SpeciesWords() string {
	if r.Species == "both" {
		return "arabica and robusta"
	}
	return r.Species
}

// SeasonStart is the first day of the season that the newest day is in.
func (r region) SeasonStart() date {
	if !r.SeasonYear.Valid {
		return date{}
	}
	return date{V: time.Date(int(r.SeasonYear.V), time.Month(r.SeasonMonth), 1, 0, 0, 0, 0, time.UTC), Valid: true}
}

// weatherHeadline names what the gravest risks are and where.
func weatherHeadline(all []region, b riskBoard) string {
	if b.Known == 0 {
		return "No region's weather can be judged yet"
	}
	if b.AtRisk == 0 {
		return fmt.Sprintf("No coffee region stands out: %s within the usual for frost, drought, rain and heat", allOf(b.Known))
	}
	grade := 1.0
	if b.Grave > 0 {
		grade = 2
	}
	var groups []string
	for _, reason := range []struct{ key, mild, grave string }{{"frost", "near frost in", "frost in"}, {"drought", "dry in", "drought in"}, {"wet", "wet in", "too much rain in"}, {"heat", "heat in", "heat in"}} {
		var names []string
		for _, r := range all {
			if r.Risk.Valid && r.Risk.V == grade && r.Reason == reason.key {
				names = append(names, r.Name)
			}
		}
		if len(names) > 3 {
			names = append(names[:2], fmt.Sprintf("%d more regions", len(names)-2))
		}
		words := reason.mild
		if grade == 2 {
			words = reason.grave
		}
		if len(names) > 0 {
			groups = append(groups, words+" "+joined(names))
		}
	}
	text := strings.Join(groups, ", ")
	return strings.ToUpper(text[:1]) + text[1:]
}

func allOf(n int64) string {
	if n == 1 {
		return "the one that is known is"
	}
	return fmt.Sprintf("all %d that are known are", n)
}

// rainBoardTitle says how many regions' rain stands in the outer tenths.
func rainBoardTitle(b riskBoard) string {
	are := func(n int64) string {
		if n == 1 {
			return "1 is"
		}
		return fmt.Sprintf("%d are", n)
	}
	over := fmt.Sprintf("Over 90 days, of %s", count(b.Compared, "region"))
	switch {
	case b.Driest == 0 && b.Wettest == 0:
		return over + " none is as dry or as wet as one year in ten of 1991–2020"
	case b.Wettest == 0:
		return over + fmt.Sprintf(" %s among the driest tenth of 1991–2020", are(b.Driest))
	case b.Driest == 0:
		return over + fmt.Sprintf(" %s among the wettest tenth of 1991–2020", are(b.Wettest))
	}
	return over + fmt.Sprintf(" %s among the driest tenth of 1991–2020 and %s among the wettest", are(b.Driest), are(b.Wettest))
}

const toldRegions = 4

// weatherFindings is how many regions stand out and why the first of them do.
func weatherFindings(all []region, b riskBoard) []string {
	if b.Known == 0 {
		return []string{"The rules need nights, or thirty years of rain to compare with; neither is there yet."}
	}
	out, crop := "stand out", "together they stand for"
	if b.AtRisk == 1 {
		out, crop = "stands out", "it stands for"
	}
	first := fmt.Sprintf("%d of %s %s", b.AtRisk, count(b.Known, "coffee region"), out)
	if b.AtRisk > 0 && b.ShareAtRisk.Valid {
		first += fmt.Sprintf("; %s %s of the world's crop of %s", crop, percent(b.ShareAtRisk, 1), b.Season)
	}
	said := []string{first + "."}
	for _, r := range all {
		if len(said) <= toldRegions && r.Risk.Valid && r.Risk.V > 0 {
			said = append(said, r.Name+": "+r.riskSentence())
		}
	}
	return said
}

// riskSentence is what the rule of the region's risk found, in numbers.
func (r region) riskSentence() string {
	switch r.Reason {
	case "frost":
		nights, limit := r.FrostNights, "2"
		if r.Risk.V < 2 {
			nights, limit = r.WatchNights, "4"
		}
		return fmt.Sprintf("%s of %s\u202f°C or colder in the 14 days to %s, the coldest %s\u202f°C.", count(int64(nights.V), "night"), limit, longDate(r.AsOf), fixed(r.LowestNight, 1))
	case "heat":
		return fmt.Sprintf("%s of %s\u202f°C or hotter in the 30 days to %s.", count(int64(r.HeatDays.V), "day"), fixed(r.HeatFrom, 0), longDate(r.AsOf))
	}
	return r.rainSentence()
}

// rainSentence compares 90 days of rain with the same days of 1991 to 2020.
func (r region) rainSentence() string {
	if !r.Rain90.Valid {
		return "rain of the last 90 days is not known in full."
	}
	text := fmt.Sprintf("%s mm of rain in the 90 days to %s", fixed(r.Rain90, 0), longDate(r.AsOf))
	if !r.Rain90Pct.Valid || !r.Rain90Rank.Valid {
		return text + "; there is no normal to compare it with."
	}
	return text + fmt.Sprintf(", %s of normal, %s.", percent(r.Rain90Pct, 0), rankWordsOf(r.Rain90Rank.V))
}

// rankWordsOf places a percentile among the thirty years.
func rankWordsOf(percentile float64) string {
	switch {
	case percentile <= 0:
		return "less than in any of the years 1991–2020"
	case percentile >= 100:
		return "as much as or more than in every year of 1991–2020"
	}
	return fmt.Sprintf("as much as or more than in %s of the years 1991–2020", percent(known(percentile), 0))
}

// seasonHeadline says how the season's rain stands.
func seasonHeadline(r region) string {
	switch {
	case !r.AsOf.Valid:
		return "No weather of " + r.Name + " is known yet"
	case !r.SeasonRain.Valid:
		return r.Name + ": the season's rain is not known in full"
	}
	text := fmt.Sprintf("%s has had %s mm of rain since %s", r.Name, fixed(r.SeasonRain, 0), r.SeasonStart().V.Format("2 January 2006"))
	if !r.SeasonNormal.Valid || r.SeasonNormal.V < 1 {
		return text
	}
	off := 100 * (r.SeasonRain.V/r.SeasonNormal.V - 1)
	switch {
	case isZero(off, 0):
		return text + ", as much as normal"
	case off > 0:
		return text + fmt.Sprintf(", %s more than normal", percent(known(off), 0))
	}
	return text + fmt.Sprintf(", %s less than normal", percent(known(-off), 0))
}

// regionFindings is the region in sentences: season, 90 days, water balance,
// nights, heat, dry days.
func regionFindings(r region) []string {
	var said []string
	if r.SeasonRain.Valid && r.SeasonLow.Valid && r.SeasonHigh.Valid {
		where := "inside the band in which eight of ten seasons of 1991–2020 lie"
		switch {
		case r.SeasonRain.V < r.SeasonLow.V:
			where = "below the band in which eight of ten seasons of 1991–2020 lie"
		case r.SeasonRain.V > r.SeasonHigh.V:
			where = "above the band in which eight of ten seasons of 1991–2020 lie"
		}
		said = append(said, fmt.Sprintf("The season's rain is %s, %s to %s mm.", where, fixed(r.SeasonLow, 0), fixed(r.SeasonHigh, 0)))
	}
	rain := r.rainSentence()
	said = append(said, strings.ToUpper(rain[:1])+rain[1:])
	if r.Balance90.Valid {
		said = append(said, fmt.Sprintf("Rain less reference evapotranspiration is %s mm %s than normal over those days.", fixed(abs(r.Balance90), 0), moreLess(r.Balance90.V)))
	}
	if r.LowestNight.Valid {
		said = append(said, fmt.Sprintf("The coldest night of the last 14 days had %s\u202f°C.", fixed(r.LowestNight, 1)))
	}
	if r.HeatDays.Valid && r.HeatDays.V > 0 {
		said = append(said, fmt.Sprintf("%s of the last 30 reached %s\u202f°C.", count(int64(r.HeatDays.V), "day"), fixed(r.HeatFrom, 0)))
	}
	if r.DrySpell.Valid && r.DrySpell.V > 1 {
		said = append(said, fmt.Sprintf("It has not rained 1 mm in a day for %s.", count(int64(r.DrySpell.V), "day")))
	}
	return said
}

// frostTitle, heatTitle, rainTitle, dryTitle and spiTitle say what a calendar
// shows.
func frostTitle(r region, p regionPast) string {
	switch {
	case !p.Coldest.Valid:
		return "No night is known"
	case p.Watch.V == 0:
		return fmt.Sprintf("No night of 4\u202f°C or colder since %s; the coldest had %s\u202f°C, on %s", shortDate(r.First), fixed(p.Coldest, 1), longDate(p.ColdestDate))
	case p.Frost.V == 0:
		return fmt.Sprintf("%s of 4\u202f°C or colder since %s, none of 2\u202f°C; the coldest had %s\u202f°C, on %s", count(int64(p.Watch.V), "night"), shortDate(r.First), fixed(p.Coldest, 1), longDate(p.ColdestDate))
	}
	return fmt.Sprintf("%s of 2\u202f°C or colder since %s, the last on %s; the coldest had %s\u202f°C, on %s",
		count(int64(p.Frost.V), "night"), shortDate(r.First), longDate(p.LastFrost), fixed(p.Coldest, 1), longDate(p.ColdestDate))
}

func heatTitle(r region, p regionPast) string {
	if !p.HeatDays.Valid {
		return fmt.Sprintf("Days of %s\u202f°C or hotter", fixed(r.HeatFrom, 0))
	}
	text := fmt.Sprintf("%s of %s\u202f°C or hotter in %.0f", count(int64(p.HeatDays.V), "day"), fixed(r.HeatFrom, 0), p.HeatYear.V)
	if p.HeatNormal.Valid {
		text += fmt.Sprintf("; %s in a normal year", fixed(p.HeatNormal, 1))
	}
	return text
}

func rainTitle(months []weatherMonth) string {
	var newest *weatherMonth
	for i, m := range months {
		if m.RainPct.Valid && (newest == nil || m.Start.After(newest.Start)) {
			newest = &months[i]
		}
	}
	if newest == nil {
		return "Monthly rain; there is no normal to compare it with"
	}
	return fmt.Sprintf("%s had %s mm of rain, %s of normal", newest.Start.Format("January 2006"), fixed(newest.Rain, 0), percent(newest.RainPct, 0))
}

func dryTitle(r region, p regionPast) string {
	if !p.LongestSpell.Valid || p.LongestSpell.V == 0 {
		return "No dry spell is known"
	}
	return fmt.Sprintf("The longest dry spell since %s had %s and ended on %s", shortDate(r.First), count(int64(p.LongestSpell.V), "day"), longDate(p.LongestSpellEnd))
}

func spiTitle(r region) string {
	if !r.SPI3.Valid {
		return "SPI-3 is not known: it needs 24 years of 1991–2020"
	}
	word := "near normal"
	switch v := r.SPI3.V; {
	case v <= -1.5:
		word = "severely dry"
	case v <= -1:
		word = "moderately dry"
	case v >= 1.5:
		word = "very wet"
	case v >= 1:
		word = "moderately wet"
	}
	return fmt.Sprintf("SPI-3 stands at %s, %s, on %s", signed(r.SPI3, 1), word, longDate(r.AsOf))
}
