package icestocks

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/state"
	"beanflows.coffee/materia/internal/upstream"
)

// spoilt is the sample upstream with something wrong at some of its addresses.
func spoilt(t *testing.T, now time.Time, faults ...upstream.Fault) *upstream.Server {
	t.Helper()
	s := upstream.New(upstream.Options{Now: func() time.Time { return now }})
	t.Cleanup(func() { s.Close() })
	if err := s.SetFaults(faults...); err != nil {
		t.Fatal(err)
	}
	return s
}

const dailyPath = "www.ice.com/publicdocs/futures_us_reports/coffee/coffee_cert_stock_"

// A bad day is named and lands nothing; the others land, and nothing takes the bad
// day for one without a report.
func TestABadDayDoesNotStopTheOthers(t *testing.T) {
	server := spoilt(t, at(thursday)) // one for all: it makes up its history at the first request
	for _, c := range []struct {
		fault upstream.Fault
		why   string
	}{
		{upstream.Fault{Kind: upstream.HTML200}, "answered HTML, not an Excel workbook"},
		{upstream.Fault{Kind: upstream.WrongMagic}, "not an Excel workbook"},
		{upstream.Fault{Kind: upstream.Status, Status: 403}, "HTTP 403"},
		{upstream.Fault{Kind: upstream.Status, Status: 429}, "HTTP 429"},
		{upstream.Fault{Kind: upstream.Status, Status: 500}, "HTTP 500"},
		{upstream.Fault{Kind: upstream.Redirect, Location: "https://elsewhere.example/"}, "redirect refused"},
		{upstream.Fault{Kind: upstream.Truncate, Bytes: 5000}, "cut off"},
		{upstream.Fault{Kind: upstream.Short, Bytes: 5000}, "damaged workbook"},
		{upstream.Fault{Kind: upstream.FewerRows}, "the rows sum to"},
		{upstream.Fault{Kind: upstream.WrongType}, "is no number of bags"},
		{upstream.Fault{Kind: upstream.DropColumn}, "the ports sum to"},
	} {
		t.Run(string(c.fault.Kind)+fmt.Sprint(c.fault.Status), func(t *testing.T) {
			c.fault.Path = dailyPath + "20251202"
			if err := server.SetFaults(c.fault); err != nil {
				t.Fatal(err)
			}
			r := newRig(t, server, at(thursday))
			res, err := r.Run(days("2025-12-01", "2025-12-03"))
			if err != nil || res.Status != state.Partial || len(res.Failed) != 1 || !strings.HasPrefix(res.Failed[0], "certified stocks 2025-12-02: ") || !strings.Contains(res.Failed[0], c.why) {
				t.Fatalf("%s, %v, failed %q, want %q", res.Status, err, res.Failed, c.why)
			}
			if len(res.Absent) > 0 || slices.Contains(r.Files(), "ice_stocks/2025-12-02.csv.gz") || !slices.Contains(r.Files(), "ice_stocks/2025-12-03.csv.gz") {
				t.Errorf("absent %q, files %q", res.Absent, r.Files())
			}
			if err := server.SetFaults(); err != nil {
				t.Fatal(err)
			}
			if res, err = r.Run(days("2025-12-01", "2025-12-03")); err != nil || res.Status != state.Success || len(res.Landed) != 2 {
				t.Errorf("mended: %s, %v, landed %d", res.Status, err, len(res.Landed))
			}
		})
	}
}

// An old day that failed is asked again: only its 404 settles it.
func TestOldFailuresAreNotSettled(t *testing.T) {
	server := spoilt(t, at(thursday), upstream.Fault{Path: dailyPath + "20250603", Kind: upstream.HTML200, Times: 1})
	r := newRig(t, server, at(thursday))
	if res, err := r.Run(days("2025-06-02", "2025-06-04")); err != nil || res.Status != state.Partial {
		t.Fatalf("%s, %v", res.Status, err)
	}
	res, err := r.Run(days("2025-06-02", "2025-06-04"))
	if err != nil || len(res.Landed) != 2 {
		t.Fatalf("%v, landed %d", err, len(res.Landed))
	}
	equal(t, "asked again", r.Asked, []string{"coffee_cert_stock_20250603.xls", "EOM_KC_cert_stox_by_port_nov96-present.xls"})
}

// A publisher that refuses everything is not asked for every day of ten years.
func TestARefusingPublisherIsLeftAlone(t *testing.T) {
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }), at(thursday))
	res, err := r.Run(days("2016-01-01", "2025-12-04"))
	if err == nil || res.Status != state.Failed || !strings.Contains(err.Error(), "5 answers in a row were no reports") || len(r.Asked) != 5 {
		t.Errorf("%s, %v, asked %d", res.Status, err, len(r.Asked))
	}
}

// ICE posted reports again two days later: the newest days are asked again, and
// what changed lands beside what was there.
func TestARePostLandsBeside(t *testing.T) {
	server := spoilt(t, at(thursday))
	r := newRig(t, server, at(thursday))
	if _, err := r.Run(extract.Window{}); err != nil {
		t.Fatal(err)
	}
	if err := server.SetFaults(upstream.Fault{Path: dailyPath + "20251202", Kind: upstream.Revise}); err != nil {
		t.Fatal(err)
	}
	before := r.read("ice_stocks/2025-12-02.csv.gz")
	res, err := r.Run(extract.Window{})
	if err != nil || len(res.Landed) != 2 || len(res.Warnings) > 0 {
		t.Fatalf("%v, landed %d, warnings %q", err, len(res.Landed), res.Warnings)
	}
	figures := res.Landed[1].Path
	if !strings.HasPrefix(figures, "ice_stocks/2025-12-02.2025") || !strings.HasSuffix(figures, ".csv.gz") || r.read("ice_stocks/2025-12-02.csv.gz") != before || r.read(figures) == before {
		t.Errorf("landed %s", figures)
	}
}

// A crash between a report's two files leaves the workbook alone; the next run
// must not believe "not modified" and brings the figures.
func TestACrashBetweenWorkbookAndFigures(t *testing.T) {
	r := newRig(t, nil, at(thursday))
	boom, links := errors.New("the power went"), 0
	r.OnStep = func(step string) error {
		if step == "put link" {
			if links++; links == 2 {
				return boom
			}
		}
		return nil
	}
	if _, err := r.Run(extract.Window{}); !errors.Is(err, boom) {
		t.Fatalf("%v after %d links", err, links)
	}
	equal(t, "after the crash", r.Files(), []string{"ice_stocks/2025-11-28.xls"})
	r.OnStep = nil
	if _, err := r.Run(extract.Window{}); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(r.Files(), "ice_stocks/2025-11-28.csv.gz") {
		t.Errorf("no figures: %q", r.Files())
	}
}

// served answers one daily URL with a workbook and all others with 404.
func served(day string, body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "_"+day+".xls") {
			_, _ = w.Write(body)
			return
		}
		http.NotFound(w, req)
	})
}

// The report's own date counts: a re-post of the 2nd dated the 4th is told; one
// that is years off is another report.
func TestDatesThatDoNotFit(t *testing.T) {
	report := func(asOf string) []byte {
		return upstream.StockReport{AsOf: at(asOf), Certified: tableOf(map[string]int64{"Peru|ANT": 5})}.XLS(upstream.Layout2023)
	}
	r := newRig(t, served("20251202", report("2025-12-04 13:30")), at(thursday))
	res, err := r.Run(days("2025-12-01", "2025-12-04"))
	if err != nil || len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "as of 2025-12-04, asked for was 2025-12-02") || !slices.Contains(r.Files(), "ice_stocks/2025-12-04.csv.gz") {
		t.Errorf("%v, warnings %q, files %q", err, res.Warnings, r.Files())
	}
	for _, asOf := range []string{"2024-12-02 13:30", "2025-12-05 13:30"} { // a year ago; tomorrow
		r = newRig(t, served("20251202", report(asOf)), at(thursday))
		if res, err := r.Run(days("2025-12-01", "2025-12-04")); err == nil || len(res.Failed) != 1 || !strings.Contains(res.Failed[0], "asked for was 2025-12-02") {
			t.Errorf("%s: %v, failed %q", asOf, err, res.Failed)
		}
	}
}

// Ages that do not sum to the day's certified bags land, with a warning.
func TestAgesThatDoNotSumToTheDay(t *testing.T) {
	daily := upstream.StockReport{AsOf: at("2025-11-28 13:30"), Certified: tableOf(map[string]int64{"Peru|ANT": 500})}.XLS(upstream.Layout2023)
	ages := upstream.AgeingReport{AsOf: at("2025-11-28 00:00"), Ports: []string{"ANT"}, Rows: []upstream.AgeRow{{From: 0, To: 120, Bags: []int{480}}}}.XLS()
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case strings.HasSuffix(req.URL.Path, "coffee_cert_stock_20251128.xls"):
			_, _ = w.Write(daily)
		case strings.HasSuffix(req.URL.Path, "coffee_aging_20251128.xls"):
			_, _ = w.Write(ages)
		default:
			http.NotFound(w, req)
		}
	}), at(thursday))
	res, err := r.Run(days("2025-11-28", "2025-12-04"))
	if err != nil || len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "the ages sum to 480 bags, the day's report says 500") || !slices.Contains(r.Files(), "ice_aging/2025-11-28.csv.gz") {
		t.Errorf("%v, warnings %q, files %q", err, res.Warnings, r.Files())
	}
}

// ICE's own slip in a sum keeps a report out until a person lets it in.
func TestAPersonLetsAReportIn(t *testing.T) {
	server := spoilt(t, at(thursday), upstream.Fault{Path: dailyPath + "20251202", Kind: upstream.FewerRows})
	r := newRig(t, server, at(thursday))
	res, err := r.Run(days("2025-12-01", "2025-12-04"))
	if err != nil || len(res.Failed) != 1 || !strings.Contains(res.Failed[0], "identity: certified: ") {
		t.Fatalf("%v, failed %q", err, res.Failed)
	}
	zone, err := landing.Open(r.Root, landing.Options{Now: func() time.Time { return r.Now }})
	if err != nil {
		t.Fatal(err)
	}
	held, err := extract.Quarantined(zone, "ice")
	if err != nil || len(held) != 1 {
		t.Fatalf("%d held, %v", len(held), err)
	}
	deps := extract.Deps{Zone: zone, State: r.State, Client: extract.NewClient(extract.ClientOptions{}), Now: func() time.Time { return r.Now }}
	res, err = extract.ReleaseRefused(t.Context(), deps, Source(), held[0], "trader", "the total is right, two origins are missing")
	if err != nil || len(res.Landed) != 2 || len(res.Warnings) == 0 || !strings.Contains(res.Warnings[0], "let in by trader") {
		t.Errorf("%v, landed %d, warnings %q", err, len(res.Landed), res.Warnings)
	}
	if !slices.Contains(r.Files(), "ice_stocks/2025-12-02.csv.gz") {
		t.Errorf("files %q", r.Files())
	}
}

// A day that the default window held when it was refused can be released when the
// window has long moved on.
func TestReleaseAfterTheWindowMoved(t *testing.T) {
	server := spoilt(t, at(thursday), upstream.Fault{Path: dailyPath + "20251202", Kind: upstream.FewerRows})
	r := newRig(t, server, at(thursday))
	if res, err := r.Run(extract.Window{}); err != nil || res.Status != state.Partial {
		t.Fatalf("%+v, %v", res, err)
	}
	r.Now = r.Now.AddDate(0, 2, 0)
	deps := r.Deps()
	held, err := extract.Quarantined(deps.Zone, "ice")
	if err != nil || len(held) != 1 || held[0].Window.Until.Format(time.DateOnly) != thursday[:10] {
		t.Fatalf("%+v, %v", held, err)
	}
	res, err := extract.ReleaseRefused(t.Context(), deps, Source(), held[0], "ada", "two origins are gone")
	if err != nil || res.Status != state.Success || len(res.Landed) != 2 || res.Landed[1].Path != "ice_stocks/2025-12-02.csv.gz" || len(res.Absent)+len(res.Failed) != 0 {
		t.Errorf("%+v, %v", res, err)
	}
}
