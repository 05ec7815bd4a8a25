package icestocks

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/state"
	"beanflows.coffee/materia/internal/upstream"
	"beanflows.coffee/materia/internal/xls"
)

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// Thursday 4 December 2025, after the day's report.
const thursday = "2025-12-04 20:00"

func TestDefaultWindow(t *testing.T) {
	r := newRig(t, nil, at(thursday))
	res, err := r.Run(extract.Window{})
	if err != nil || res.Status != state.Success {
		t.Fatalf("%s, %v", res.Status, err)
	}
	equal(t, "asked", r.Asked, []string{"coffee_cert_stock_20251128.xls", "coffee_cert_stock_20251201.xls", "coffee_cert_stock_20251202.xls",
		"coffee_cert_stock_20251203.xls", "coffee_cert_stock_20251204.xls", "coffee_aging_20251031.xls", "coffee_aging_20251130.xls",
		"coffee_aging_20251128.xls", "EOM_KC_cert_stox_by_port_nov96-present.xls"})
	equal(t, "landed", r.Files(), []string{"ice_aging/2025-10-31.csv.gz", "ice_aging/2025-10-31.xls", "ice_aging/2025-11-28.csv.gz", "ice_aging/2025-11-28.xls",
		"ice_history/2025-11-28.csv.gz", "ice_history/2025-11-28.xls",
		"ice_stocks/2025-11-28.csv.gz", "ice_stocks/2025-11-28.xls", "ice_stocks/2025-12-01.csv.gz", "ice_stocks/2025-12-01.xls",
		"ice_stocks/2025-12-02.csv.gz", "ice_stocks/2025-12-02.xls", "ice_stocks/2025-12-03.csv.gz", "ice_stocks/2025-12-03.xls",
		"ice_stocks/2025-12-04.csv.gz", "ice_stocks/2025-12-04.xls"})
	if len(res.Warnings)+len(res.Failed)+len(res.Absent) > 0 {
		t.Errorf("warnings %q, failed %q, absent %q", res.Warnings, res.Failed, res.Absent)
	}
	res, err = r.Run(extract.Window{})
	if err != nil || res.Status != state.Unchanged || len(res.Landed) > 0 || res.Unchanged != 7 {
		t.Errorf("again: %s, landed %d, unchanged %d, %v", res.Status, len(res.Landed), res.Unchanged, err)
	}
	equal(t, "asked again", r.Asked[5:], []string{"coffee_aging_20251130.xls", "coffee_aging_20251128.xls", "EOM_KC_cert_stox_by_port_nov96-present.xls"})
}

// A machine that was down for weeks, and a day whose report failed while others
// landed: the next default run fills the hole, and asks for nothing that is there.
func TestMissedDays(t *testing.T) {
	r := newRig(t, nil, at(thursday))
	if _, err := r.Run(days("2025-10-14", "2025-10-15")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Run(days("2025-10-20", "2025-11-27")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Run(extract.Window{}); err != nil {
		t.Fatal(err)
	}
	equal(t, "asked", r.Asked[:3], []string{"coffee_cert_stock_20251016.xls", "coffee_cert_stock_20251017.xls", "coffee_cert_stock_20251127.xls"}) // the last is Thanksgiving
	if want := "coffee_cert_stock_20251128.xls"; r.Asked[3] != want {
		t.Errorf("asked %q, want %s next", r.Asked, want)
	}
	for _, day := range []string{"2025-10-16", "2025-10-17"} {
		if !slices.Contains(r.Files(), "ice_stocks/"+day+".csv.gz") {
			t.Errorf("%s did not land", day)
		}
	}
}

// The three kinds of report of the sample agree with each other, as ICE's do, in
// every layout; no report has anything to warn of.
func TestSampleReportsAgree(t *testing.T) {
	server := upstream.New(upstream.Options{Now: func() time.Time { return at(thursday) }})
	defer server.Close()
	get := func(url string, how func(xls.Workbook, *time.Location) (report, error)) (report, bool) {
		w := httptest.NewRecorder()
		server.ServeHTTP(w, httptest.NewRequest(http.MethodGet, strings.Replace(url, "https:/", "", 1), nil))
		if w.Code == http.StatusNotFound {
			return report{}, false
		}
		r, err := parse(t, w.Body.Bytes(), how)
		if err != nil || len(r.findings) > 0 {
			t.Fatalf("%s: %v, findings %v", url, err, r.findings)
		}
		return r, true
	}
	past, _ := get(historyURL, history)
	months := map[string]int64{}
	for _, x := range past.records {
		months[x.date] += x.bags
	}
	if len(months) != 12*29+1 { // November 1996 to November 2025
		t.Errorf("%d months in the history", len(months))
	}
	aged := 0
	for month := firstReport(); month.Before(at(thursday)); month = month.AddDate(0, 1, 0) {
		for _, doc := range ageingsOf(date(month.Year(), month.Month()+1, 0), at(thursday)) {
			day, is := get(dailyOf(doc.day).url, daily)
			if !is {
				continue
			}
			if got := day.sum(certified); got != months[day.date] || got == 0 {
				t.Errorf("%s: %d by day, %d in the history", day.date, got, months[day.date])
			}
			if day.sum(transition) > day.sum(certified) {
				t.Errorf("%s: more transition bags than certified ones", day.date)
			}
			if ages, is := get(doc.url, ageing); is {
				if aged++; ages.sum(ageingSection) != day.sum(certified) {
					t.Errorf("%s: %d by age, %d by day", day.date, ages.sum(ageingSection), day.sum(certified))
				}
			}
			break
		}
	}
	if aged != 59 { // since January 2021
		t.Errorf("%d months with ages", aged)
	}
}

func TestAbsentDaysAreNoFailure(t *testing.T) {
	r := newRig(t, http.NotFoundHandler(), at(thursday))
	res, err := r.Run(days("2024-12-01", "2025-12-04"))
	if err != nil || res.Status != state.Unchanged {
		t.Fatalf("%s, %v", res.Status, err)
	}
	equal(t, "absent", res.Absent, []string{"certified stocks 2024-12-02 to 2025-12-04 (264)", "ageing 2024-12 to 2025-11 (12)", "history month ends"})
}

// Only old days are taken to be absent for good, and only where a zone holds
// something; other failures say nothing about a day.
func TestSettledDays(t *testing.T) {
	r := newRig(t, nil, at(thursday))
	if _, err := r.Run(days("2025-05-26", "2025-05-27")); err != nil { // the 26th is Memorial Day
		t.Fatal(err)
	}
	if !slices.Contains(r.Asked, "coffee_cert_stock_20250526.xls") {
		t.Fatalf("asked %q", r.Asked)
	}
	res, err := r.Run(days("2025-05-26", "2025-05-27"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "asked again", r.Asked, []string{"EOM_KC_cert_stox_by_port_nov96-present.xls"})
	equal(t, "absent", res.Absent, []string{"certified stocks 2025-05-26"})

	if _, err := r.Run(days("2025-11-27", "2025-11-28")); err != nil { // Thanksgiving, too new
		t.Fatal(err)
	}
	if res, err = r.Run(days("2025-11-27", "2025-11-28")); err != nil || !slices.Contains(r.Asked, "coffee_cert_stock_20251127.xls") {
		t.Errorf("%v: asked %q, want the 27th again", err, r.Asked)
	}
	equal(t, "absent", res.Absent[:1], []string{"certified stocks 2025-11-27"})
}
