package web

import (
	"strings"
	"testing"
)

func TestPositioningSentencesInEveryCase(t *testing.T) {
	c := cotReport{Date: on("2024-12-31"), Released: on("2025-01-06"), Assumed: true, Interest: known(192111), ProducerShortPct: known(40.69),
		ProducerShortMean: known(49.8), MeanReports: 261, ReportsSince: on("2019-12-31")}
	c.Funds = holding{Long: known(60796), Short: known(3888), LongChange: known(-662), ShortChange: known(-51), Net: known(56908), NetChange: known(-611), NetPct: known(29.62),
		Index: [3]num{known(34.72), known(43.33), known(85.93)}, Rank: [3]num{known(34.62), known(44.23), known(80.77)}}
	got := strings.Join(cotFindings(c), " ")
	want := "At the close of 31 December 2024 managed money was net long 56,908 lots, 29.6\u202f% of open interest, or 16.13 million bags. " +
		"The net is as high as or higher than in 35\u202f% of the last 26, 44\u202f% of the last 52 and 81\u202f% of the last 156 reports. " +
		"In the week funds sold 662 lots of longs and bought back 51 lots of shorts. By its calendar CFTC published this on 6 January 2025."
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, h := range []struct {
		net, change num
		want        string
	}{
		{known(56908), known(-611), "Funds are net long 56,908 lots of arabica, down 611 on the week"},
		{known(56908), known(611), "Funds are net long 56,908 lots of arabica, up 611 on the week"},
		{known(-20000), known(-500), "Funds are net short 20,000 lots of arabica, up 500 on the week"},
		{known(-20000), known(500), "Funds are net short 20,000 lots of arabica, down 500 on the week"},
		{known(-200), known(-500), "Funds are net short 200 lots of arabica, having been net long a week ago"},
		{known(300), known(500), "Funds are net long 300 lots of arabica, having been net short a week ago"},
		{known(300), known(300), "Funds are net long 300 lots of arabica, up 300 on the week"},
		{known(300), known(0), "Funds are net long 300 lots of arabica, unchanged on the week"},
		{known(300), num{}, "Funds are net long 300 lots of arabica"},
		{known(0), known(-40), "Funds hold as many arabica longs as shorts, having been net long 40 lots a week ago"},
		{known(0), known(0), "Funds hold as many arabica longs as shorts, unchanged on the week"},
		{num{}, known(1), "What funds hold in arabica is not known"},
	} {
		x := c
		x.Funds.Net, x.Funds.NetChange = h.net, h.change
		if got := cotHeadline(x); got != h.want {
			t.Errorf("%q, want %q", got, h.want)
		}
	}
	for _, f := range []struct {
		long, short num
		flow, word  string
	}{
		{known(1), known(2000), "In the week funds bought 1 lot of new longs and added 2,000 lots of shorts.", "new longs, new shorts"},
		{known(-1), known(0), "In the week funds sold 1 lot of longs.", "liquidation"},
		{known(0), known(-7), "In the week funds bought back 7 lots of shorts.", "covering"},
		{known(0), known(0), "In the week funds changed neither longs nor shorts.", "none"},
		{num{}, known(0), "", unknown},
	} {
		h := holding{LongChange: f.long, ShortChange: f.short}
		if cotFlow(h) != f.flow || flowWord(h) != f.word {
			t.Errorf("%q %q, want %q %q", cotFlow(h), flowWord(h), f.flow, f.word)
		}
	}
	for want, h := range map[string]holding{
		"There are too few reports in a row to say how that compares: 26 are needed.":   {},
		"The net is as high as or higher than in 50\u202f% of the last 26 reports.":     {Rank: [3]num{known(50)}},
		"from the lowest to the highest of 156 it stands at 90, an extreme.":            {Rank: [3]num{known(50)}, Index: [3]num{{}, {}, known(90)}},
		"on a scale from the lowest to the highest of 156 it stands at 10, an extreme.": {Rank: [3]num{known(50)}, Index: [3]num{{}, {}, known(10)}},
		"The net is as high as or higher than in 100\u202f% of the last 26 reports.":    {Rank: [3]num{known(100)}, Index: [3]num{{}, {}, known(89.9)}},
	} {
		if got := cotStanding(h); !strings.HasSuffix(got, want) {
			t.Errorf("%q, want it to end in %q", got, want)
		}
	}
	for _, p := range []struct {
		position num
		share    num
		want     string
	}{
		{known(0), known(0), "managed money was neither net long nor net short."},
		{known(-10), num{}, "managed money was net short 10 lots."},
		{num{}, num{}, "managed money held a position that is not known."},
	} {
		x := c
		x.Funds.Net, x.Funds.NetPct = p.position, p.share
		if got := cotPosition(x); !strings.HasSuffix(got, p.want) {
			t.Errorf("%q, want it to end in %q", got, p.want)
		}
	}
	late := cotReport{Date: on("2018-12-24"), Released: on("2019-02-01")}
	if got := cotPublished(late); got != "CFTC published this on 1 February 2019, 39 days after the close it tells of." {
		t.Error(got)
	}
	if got := hedgersHeadline(c); got != "Producers and merchants are short 40.7\u202f% of open interest, 9.1 points less than on average since December 2019" {
		t.Error(got)
	}
	c.ProducerShortMean = known(40.71)
	if got := hedgersHeadline(c); got != "Producers and merchants are short 40.7\u202f% of open interest, as on average since December 2019" {
		t.Error(got)
	}
	if c.ProducerShortMean = (num{}); hedgersHeadline(c) != "Producers and merchants are short 40.7\u202f% of open interest" {
		t.Error(hedgersHeadline(c))
	}
	if got := hedgersHeadline(cotReport{}); got != "What origins have sold forward is not known" {
		t.Error(got)
	}
	if got := indexHeadline(holding{Index: [3]num{known(34.72), {}, {}}}); got != "The COT index over 26 reports is 35: 0 is the lowest net of them, 100 the highest" {
		t.Error(got)
	}
	if got := indexHeadline(holding{}); got != "No COT index is known: too few reports in a row, or all of them equal" {
		t.Error(got)
	}
	for want, after := range map[string][]cotAfter{
		"What followed past extremes is not known yet":                                                                 {{Side: "high", Count: 1}},
		"After the one time that the index of 156 reports reached 90 the price was lower 13 weeks later in that one":   {{Side: "high", Known: [3]int64{1, 1, 0}, Lower: [3]int64{0, 1, 0}}},
		"After the 5 times that the index of 156 reports reached 10 the price was lower 13 weeks later in none":        {{Side: "high"}, {Side: "low", Known: [3]int64{5, 5, 5}}},
		"After the 5 times that the index of 156 reports reached 90 the price was lower 13 weeks later in all of them": {{Side: "high", Known: [3]int64{5, 5, 5}, Lower: [3]int64{0, 5, 0}}},
	} {
		if got := extremesHeadline(after); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
