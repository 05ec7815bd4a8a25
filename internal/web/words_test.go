package web

import (
	"strings"
	"testing"
	"time"
)

func on(s string) date {
	d, err := time.Parse(time.DateOnly, s)
	return date{V: d, Valid: err == nil}
}

func TestPriceMoveIsRightInEveryCase(t *testing.T) {
	d := priceDay{Date: on("2025-06-30"), Close: known(306.75)}
	for _, c := range []struct {
		change            num
		roll              bool
		headline, finding string
	}{
		{known(1.234), false, "up 1.23\u202f% on the day", "1.23\u202f% higher than the trading day before."},
		{known(-6.3), false, "down 6.30\u202f% on the day", "6.30\u202f% lower than the trading day before."},
		{known(0), false, "unchanged on the day", "unchanged from the trading day before."},
		{known(-0.004), false, "unchanged on the day", "unchanged from the trading day before."},
		{num{}, false, "306.75 cents a pound", "no trading day before it to compare with."},
		{known(-2), true, "its first day in a new contract", "the change of −2.00\u202f% is between two contracts and not a move of the price."},
	} {
		d.Return, d.AfterRoll = c.change, c.roll
		if got := priceHeadline(d); !strings.HasSuffix(got, c.headline) {
			t.Errorf("headline %q, want it to end in %q", got, c.headline)
		}
		if got := priceMove(d); !strings.HasSuffix(got, c.finding) || !strings.HasPrefix(got, "On 30 June 2025") {
			t.Errorf("finding %q, want it to end in %q", got, c.finding)
		}
	}
	if got := priceMove(priceDay{Date: on("2025-06-30")}); got != "On 30 June 2025 the front-month series KC=F has no close." {
		t.Error(got)
	}
}

func TestAveragesAndRangeInEveryCase(t *testing.T) {
	d := priceDay{Close: known(300), SMA20: known(310), SMA50: known(290), SMA200: known(300)}
	if got := priceAverages(d); got != "The close is above its 50-day (290.00) average, at its 200-day (300.00) average and below its 20-day (310.00) average." {
		t.Error(got)
	}
	d.SMA50, d.SMA200 = known(320), num{}
	if got := priceAverages(d); got != "The close is below its 20-day (310.00) and 50-day (320.00) averages. There are too few days for the 200-day average." {
		t.Error(got)
	}
	if got := priceAverages(priceDay{Close: known(1)}); got != "There are too few days for the 20-day, 50-day and 200-day averages." {
		t.Error(got)
	}
	for _, c := range []struct {
		high, low num
		want      string
	}{
		{known(400), known(200), "It stands 50\u202f% of the way up"},
		{known(290), known(200), "The close lies above the 52-week range"},
		{known(400), known(310), "The close lies below the 52-week range"},
		{known(300), known(300), "Every price of the last 52 weeks was 300.00."},
		{num{}, num{}, "Its 52-week range is not known yet"},
	} {
		d.High52, d.Low52 = c.high, c.low
		if got := priceRange(d); !strings.HasPrefix(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	for _, c := range []struct {
		rank float64
		want string
	}{{100, "None of the 1,000 closes since 1 January 2021 was higher."}, {0.1, "It is the lowest of the 1,000 closes since 1 January 2021."},
		{37.2, "It is as high as or higher than 37\u202f% of the 1,000 closes since 1 January 2021."}} {
		if got := priceRank(d, priceRanks{Since: on("2021-01-01"), Days: 1000, Close: known(c.rank)}); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestSupplySentencesInEveryCase(t *testing.T) {
	before := balance{Code: world, Country: "World", Season: "2021/22", Production: known(166174), Consumption: known(167183), EndingStocks: known(32565)}
	now := balance{Code: world, Country: "World", Season: "2022/23", Production: known(172750), Consumption: known(167945), EndingStocks: known(34114), StocksToUse: known(20.31)}
	rank := stocksRank{Seasons: 21, Lower: 5, Higher: 15}
	rank.Since.V = "2002/03"
	got := strings.Join(supplyFindings(now, &before, rank), " ")
	want := "USDA puts world production in 2022/23 at 172.75 million bags, 6.58 million bags (4.0\u202f%) more than in 2021/22. " +
		"USDA puts world consumption in 2022/23 at 167.95 million bags, 0.76 million bags (0.5\u202f%) more than in 2021/22. " +
		"Ending stocks rise from 32.57 to 34.11 million bags, 20.3\u202f% of a year's consumption, lower than in 15 of the 21 seasons since 2002/03."
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := supplyHeadline(now); got != "The world grows 4.81 million bags more than it drinks in 2022/23" {
		t.Error(got)
	}
	now.Consumption = known(180000)
	if got := supplyHeadline(now); got != "The world drinks 7.25 million bags more than it grows in 2022/23" {
		t.Error(got)
	}
	now.Consumption = now.Production
	if got := supplyHeadline(now); got != "The world grows as much coffee as it drinks in 2022/23" {
		t.Error(got)
	}
	for _, c := range []struct {
		now, before num
		want        string
	}{
		{known(100), known(100), "at 0.10 million bags, unchanged from 2021/22."},
		{known(100), known(0), "at 0.10 million bags, after none in 2021/22."},
		{known(100), num{}, "at 0.10 million bags; there is no season before to compare with."},
		{known(50), known(100), "0.05 million bags (50.0\u202f%) less than in 2021/22."},
		{num{}, known(1), "No figure for world production in 2022/23 is known."},
	} {
		b := before
		b.Production = c.before
		if got := quantityFinding("production", c.now, &b, func(x balance) num { return x.Production }, now); !strings.HasSuffix(got, c.want) {
			t.Errorf("%q, want it to end in %q", got, c.want)
		}
	}
	for _, c := range []struct {
		rank stocksRank
		want string
	}{
		{stocksRank{Seasons: 1}, ""},
		{stocksRank{Seasons: 3}, ", the same in all 3 seasons since "},
		{stocksRank{Seasons: 3, Higher: 2}, ", the lowest of the 3 seasons since "},
		{stocksRank{Seasons: 3, Lower: 2}, ", the highest of the 3 seasons since "},
	} {
		if got := rankWords(c.rank); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	if got := stocksFinding(balance{Season: "2022/23"}, nil, rank); got != "Ending stocks of 2022/23 are not known." {
		t.Error(got)
	}
	if got := supplyHeadline(balance{Code: "GM", Country: "Germany", Season: "2022/23", Production: known(0)}); got != "Germany grows no coffee that USDA counts in 2022/23" {
		t.Error(got)
	}
}

func TestFreshnessInEveryCase(t *testing.T) {
	today := on("2025-12-10").V
	good := freshness{Title: "S", Files: 1, LastStatus: "success", LastChecked: on("2025-12-10"), AsOf: on("2025-12-09"), ExpectedNext: on("2025-12-10")}
	for _, c := range []struct {
		change     func(*freshness)
		word, said string
	}{
		{func(*freshness) {}, "fresh", "S is up to date; the next release is expected by 10 December 2025."},
		{func(f *freshness) { f.ExpectedNext = on("2025-12-09") }, "late", "S is late: news was expected by 9 December 2025, 1 day ago; the newest it has is of 9 December 2025."},
		{func(f *freshness) { f.ExpectedNext = date{} }, "unknown", "S reaches 9 December 2025; when its next release is due is not known."},
		{func(f *freshness) { f.LastChecked = on("2025-12-01") }, "late", "S may be out of date: nobody has asked it for news for 9 days."},
		{func(f *freshness) { f.LastStatus, f.LastError = "failed", "status 503" }, "failed", "The last attempt to load S, on 10 December 2025, failed: status 503. What is shown was known before."},
		{func(f *freshness) { f.Files = 0 }, "missing", "S has never been loaded."},
		{func(f *freshness) { f.Files, f.LastStatus = 0, "failed" }, "missing", "S has never been loaded; the last attempt, on 10 December 2025, failed: no reason was recorded."},
	} {
		f := good
		c.change(&f)
		if got := f.state(today); got.Word != c.word || got.Sentence != c.said {
			t.Errorf("got %q %q, want %q %q", got.Word, got.Sentence, c.word, c.said)
		}
	}
}

func TestRevisionsHeadlineInEveryCase(t *testing.T) {
	r, b := on("2023-12-21"), on("2022-12-20")
	for want, v := range map[string]revisions{
		"No release is loaded, so no revision is known":                                           {},
		"The release of 21 December 2023 is the first one loaded: nothing to compare it with yet": {Release: r},
		"The release of 21 December 2023 changed no figure that the one of 20 December 2022 had":  {Release: r, Before: b},
		"The release of 21 December 2023 changed 1 figure":                                        {Release: r, Before: b, Values: 1},
		"The release of 21 December 2023 changed 1,902 figures":                                   {Release: r, Before: b, Values: 1902},
	} {
		if got := revisionsHeadline(v, world, "World"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for want, got := range map[string]string{
		"1,234,567.89": number(1234567.89, 2), "−1,000": number(-1000, 0), "0.00": number(-0.001, 2), "999": number(999, 0), "–": fixed(num{}, 2),
		"+1.5": signed(known(1.5), 1), "0.0": signed(known(0.01), 1), "−0.1": signed(known(-0.1), 1), "167.95 million bags": millions(known(167945)),
		"471.2 kB": byteSize(471225), "1 file": count(1, "file"), "2,000 files": count(2000, "file"), "a, b and c": joined([]string{"a", "b", "c"}),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestCertifiedSentencesInEveryCase(t *testing.T) {
	d := stockDay{Date: on("2025-12-26"), Certified: known(456477)}
	for _, c := range []struct {
		change            num
		headline, finding string
	}{
		{known(1250), "456,477 bags, up 1,250 on the day", "1,250 more than in the report before."},
		{known(-3), "456,477 bags, down 3 on the day", "3 fewer than in the report before."},
		{known(0), "456,477 bags, unchanged on the day", "as many as in the report before."},
		{num{}, "456,477 bags", "so the day's change is not known."},
	} {
		d.Change = c.change
		if got := certifiedHeadline(d); !strings.HasSuffix(got, c.headline) {
			t.Errorf("headline %q, want it to end in %q", got, c.headline)
		}
		if got := certifiedMove(d); !strings.HasSuffix(got, c.finding) || !strings.HasPrefix(got, "On 26 December 2025 ICE held 456,477 bags") {
			t.Errorf("finding %q, want it to end in %q", got, c.finding)
		}
	}
	for _, c := range []struct {
		drawdown, mean num
		want           string
	}{
		{num{}, known(1), "Its 52-week high is not known: a year of reports without a gap is not loaded."},
		{known(0), num{}, "That is the most in 52 weeks."},
		{known(-0.04), known(456477), "That is the most in 52 weeks and equal to the mean of the last 30 reports."},
		{known(-48.5), known(440000), "That is 48.5\u202f% below the 52-week high of 886,115 bags and above the mean of the last 30 reports, 440,000 bags."},
		{known(-48.5), known(460000), "That is 48.5\u202f% below the 52-week high of 886,115 bags and below the mean of the last 30 reports, 460,000 bags."},
	} {
		d.Drawdown, d.Mean30, d.High52 = c.drawdown, c.mean, known(886115)
		if got := certifiedRange(d); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	rank := stockRank{Reports: 100, Since: on("2021-01-04"), Percentile: known(37), Lower: 36, Higher: 63}
	for _, c := range []struct {
		lower, higher int64
		want          string
	}{
		{36, 63, "It is as many as or more than in 37\u202f% of the 100 reports since 4 January 2021."},
		{0, 99, "None of the 100 reports since 4 January 2021 shows fewer."},
		{99, 0, "None of the 100 reports since 4 January 2021 shows more."},
		{0, 0, "It was the same in all of the 100 reports since 4 January 2021."},
	} {
		rank.Lower, rank.Higher = c.lower, c.higher
		if got := certifiedRank(rank); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	for _, c := range []struct {
		pending, passed, failed num
		want                    string
	}{
		{known(8210), known(0), known(0), "8,210 bags wait to be graded; none passed and none failed that day."},
		{known(1), known(825), known(0), "1 bag waits to be graded; 825 passed and none failed that day."},
		{known(0), known(0), known(275), "No bags wait to be graded; none passed and 275 failed that day."},
		{num{}, num{}, known(1), "How many bags wait to be graded is not known; the report does not say what passed and failed that day."},
	} {
		d.Pending, d.Passed, d.Failed = c.pending, c.passed, c.failed
		if got := gradingFinding(d); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	d.Europe, d.US, d.Transition = known(408801), known(47676), known(399871)
	if got := whereStored(d, []storedBags{{Name: "Antwerp", Share: known(81.99)}}); got != "Europe stores 408,801 bags (90\u202f%), the United States 47,676 bags (10\u202f%); Antwerp alone has 82\u202f%." {
		t.Error(got)
	}
	if got := transitionFinding(d); got != "Of the total, 399,871 bags (88\u202f%) are transition bags, which meet a discount from 2027 on." {
		t.Error(got)
	}
}
