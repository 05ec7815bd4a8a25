package cftccot

import (
	"encoding/csv"
	"os"
	"strings"
	"testing"
	"time"
)

// The seed that the models join and the rule that Expect uses are the same days,
// but for those that an executive order closed.
func TestClosuresAreTheSeeds(t *testing.T) {
	f, err := os.Open("../../../transform/seeds/seed_us_federal_closure.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	seed := map[string]string{}
	for _, r := range rows[1:] {
		seed[r[0]] = r[1]
	}
	holidays := 0
	for d := date(2006, time.January, 1); d.Year() < 2050; d = d.AddDate(0, 0, 1) {
		reason, closed := seed[d.Format(time.DateOnly)]
		ordered := strings.HasPrefix(reason, "Executive order") || strings.HasPrefix(reason, "Day of mourning")
		if isClosed(d) != (closed && !ordered) {
			t.Errorf("%s: by rule %v, in the seed %q", d.Format(time.DateOnly), isClosed(d), reason)
		}
		if isClosed(d) {
			holidays++
		}
	}
	if holidays < 10*44 {
		t.Errorf("%d holidays", holidays)
	}
}

// CFTC's calendar of 2024: Fridays, but for four Mondays.
func TestReleasesOf2024(t *testing.T) {
	mondays := map[string]string{"2024-06-18": "2024-06-24", "2024-07-02": "2024-07-08", "2024-11-26": "2024-12-02", "2024-12-24": "2024-12-30"}
	for tuesday := date(2024, time.January, 2); tuesday.Before(date(2024, time.December, 31)); tuesday = tuesday.AddDate(0, 0, 7) {
		want := tuesday.AddDate(0, 0, 3).Format(time.DateOnly)
		if delayed, ok := mondays[tuesday.Format(time.DateOnly)]; ok {
			want = delayed
		}
		if got := releaseDay(tuesday).Format(time.DateOnly); got != want {
			t.Errorf("%s: %s, want %s", tuesday.Format(time.DateOnly), got, want)
		}
	}
}

func TestExpect(t *testing.T) {
	for last, want := range map[string]string{
		"2024-08-06": "2024-08-16", // a report's date, Tuesday
		"2024-08-09": "2024-08-16", // its release
		"2024-08-15": "2024-08-23", // the file of the 13th's report, written a day ahead
		"2024-06-18": "2024-06-28", // its release was Monday the 24th
		"2024-06-24": "2024-06-28",
		"2024-06-11": "2024-06-24",
		"2023-06-27": "2023-07-07", // the next report is of Monday, 3 July
		"2023-07-03": "2023-07-14",
		"2024-12-24": "2025-01-06",
		"2024-12-30": "2025-01-06",
	} {
		at, err := time.Parse(time.DateOnly, last)
		if err != nil {
			t.Fatal(err)
		}
		if got := expect(at); got.Format("2006-01-02 15:04") != want+" 15:30" {
			t.Errorf("after %s: %s, want %s", last, got, want)
		}
	}
	for year, want := range map[int]string{2024: "2024-01-05", 2025: "2025-01-10", 2026: "2026-01-09", 2019: "2019-01-11"} {
		if got := firstRelease(year).Format(time.DateOnly); got != want {
			t.Errorf("first of %d: %s, want %s", year, got, want)
		}
	}
}
