package psdonline

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/extract/extracttest"
	"beanflows.coffee/materia/internal/realdata"
)

const december = "psd_coffee_csv_2022-12-20.zip" // 77,957 rows, see SOURCE.md beside it

var decemberRelease = time.Date(2022, 12, 20, 19, 0, 0, 0, time.UTC)

// serve answers for one path below downloads and says 404 otherwise.
func serve(answers map[string]http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/apps.fas.usda.gov/psdonline/downloads/")
		if h, ok := answers[name]; ok {
			h(w, r)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}
}

func file(body []byte, modified time.Time) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { publish(w, r, body, modified) }
}

func TestCurrentReleaseLandsOnce(t *testing.T) {
	body := realdata.Read(t, "psd/"+december)
	r := newRig(t, serve(map[string]http.HandlerFunc{coffeeFile: file(body, decemberRelease)}))
	res, err := r.Run(extract.Window{})
	if err != nil || res.Status != "success" || len(res.Landed) != 1 {
		t.Fatalf("%+v, %v", res, err)
	}
	// The one break of an identity in the real file, off by 1 thousand bags.
	if len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], `total supply is not total distribution in 1 of 77957 rows`) || !strings.Contains(res.Warnings[0], `"SL 1968"`) {
		t.Errorf("warnings %q", res.Warnings)
	}
	content := extracttest.Unzip(t, body)
	e := res.Landed[0]
	if e.Rows != 77957 || e.Bytes != 8271017 || e.SHA256 != extracttest.Hash(content) || e.Origin != "replay" {
		t.Errorf("landed %+v", e)
	}
	if want := "psd/2022/12/" + extracttest.Hash(content)[:12] + ".csv.gzip"; e.Path != want {
		t.Errorf("path %s, want %s", e.Path, want)
	}
	if e.ReleasedAt == nil || !e.ReleasedAt.Equal(decemberRelease) {
		t.Errorf("released at %v, want Last-Modified", e.ReleasedAt)
	}
	if e.URL != "https://apps.fas.usda.gov/psdonline/downloads/psd_coffee_csv.zip" || e.Validators.ETag == "" {
		t.Errorf("provenance %s %+v", e.URL, e.Validators)
	}
	if got := r.Read(e.Path); string(got) != string(content) {
		t.Error("the landed file is not the publisher's CSV")
	}
	run := r.LastRun()
	if run.Status != "success" || run.Files != 1 || run.Rows != 77957 || run.Bytes != 8271017 || run.ContentHash != e.SHA256 || run.FinishedAt.IsZero() {
		t.Errorf("run row %+v", run)
	}

	for _, again := range []http.HandlerFunc{file(body, decemberRelease), plain(body, decemberRelease)} { // plain: upstream lost its ETag
		r.Answer = serve(map[string]http.HandlerFunc{coffeeFile: again})
		res, err = r.Run(extract.Window{})
		if err != nil || res.Status != "unchanged" || res.Unchanged != 1 || r.Manifests() != 1 || len(r.landed()) != 1 {
			t.Errorf("again: %+v, %v, %d manifests", res, err, r.Manifests())
		}
	}
}

// plain answers without an ETag and for every request in full.
func plain(body []byte, modified time.Time) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Last-Modified", modified.UTC().Format(http.TimeFormat))
		w.Write(body)
	}
}

func TestSecondRunAsksConditionally(t *testing.T) {
	body := realdata.Read(t, "psd/"+december)
	r := newRig(t, nil)
	sent := 0
	r.Answer = serve(map[string]http.HandlerFunc{coffeeFile: func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("If-None-Match") == "" {
			sent++
		}
		publish(w, req, body, decemberRelease)
	}})
	for range 3 {
		if _, err := r.Run(extract.Window{}); err != nil {
			t.Fatal(err)
		}
	}
	if sent != 1 {
		t.Errorf("sent %d times, want once", sent)
	}
	// The state is lost and rebuilt from the manifests: they know the validators.
	if err := r.State.Rebuild(t.Context(), r.indexed()); err != nil {
		t.Fatal(err)
	}
	if res, err := r.Run(extract.Window{}); err != nil || res.Unchanged != 1 || sent != 1 {
		t.Errorf("after a rebuild: %+v, %v, sent %d times", res, err, sent)
	}
}

func TestArchivesMonthByMonth(t *testing.T) {
	body := realdata.Read(t, "psd/"+december)
	text := extracttest.Unzip(t, body)
	november := extracttest.Zip(t, "psd_alldata.csv", string(firstLines(text, 1000))) // another content
	answers := map[string]http.HandlerFunc{
		"archives/2022/11/" + allFile:    file(november, time.Date(2022, 11, 10, 17, 0, 0, 0, time.UTC)),
		"archives/2022/12/" + coffeeFile: file(body, decemberRelease),
		coffeeFile:                       file(body, decemberRelease),
	}
	r := newRig(t, serve(answers))
	w := extract.Window{Since: time.Date(2022, 10, 15, 0, 0, 0, 0, time.UTC), Until: time.Date(2023, 1, 3, 0, 0, 0, 0, time.UTC)}
	res, err := r.Run(w)
	if err != nil || res.Status != "success" {
		t.Fatalf("%+v, %v", res, err)
	}
	if want := []string{"2022/10", "2023/01"}; !reflect.DeepEqual(res.Absent, want) {
		t.Errorf("absent %q, want %q", res.Absent, want)
	}
	if len(res.Landed) != 2 || res.Unchanged != 1 { // the current file is December's
		t.Fatalf("landed %d, unchanged %d", len(res.Landed), res.Unchanged)
	}
	if e := res.Landed[0]; !strings.HasPrefix(e.Path, "psd/2022/11/") || e.Rows != 999 || !strings.HasSuffix(e.URL, "/archives/2022/11/psd_alldata_csv.zip") {
		t.Errorf("November: %+v", e)
	}
	if e := res.Landed[1]; !strings.HasPrefix(e.Path, "psd/2022/12/") || e.Rows != 77957 || e.ReleasedAt == nil {
		t.Errorf("December: %+v", e)
	}
	const below = "/apps.fas.usda.gov/psdonline/downloads/"
	want := []string{
		below + "archives/2022/10/" + coffeeFile, below + "archives/2022/10/" + allFile,
		below + "archives/2022/11/" + coffeeFile, below + "archives/2022/11/" + allFile,
		below + "archives/2022/12/" + coffeeFile,
		below + "archives/2023/01/" + coffeeFile, below + "archives/2023/01/" + allFile,
		below + coffeeFile,
	}
	if !reflect.DeepEqual(r.Asked, want) {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(r.Asked, "\n"), strings.Join(want, "\n"))
	}

	// Months long past that were absent are not asked again, and still named.
	res, err = r.Run(w)
	if err != nil || res.Status != "unchanged" || res.Unchanged != 3 || len(res.Absent) != 2 || r.Manifests() != 1 {
		t.Errorf("again: %+v, %v", res, err)
	}
	if want := []string{below + "archives/2022/11/" + allFile, below + "archives/2022/12/" + coffeeFile, below + coffeeFile}; !reflect.DeepEqual(r.Asked, want) {
		t.Errorf("again asked %q, want %q", r.Asked, want)
	}
}

func TestYoungAbsentMonthIsAskedAgain(t *testing.T) {
	body := realdata.Read(t, "psd/"+december)
	r := newRig(t, serve(map[string]http.HandlerFunc{coffeeFile: file(body, decemberRelease)}))
	w := extract.Window{Since: time.Date(2025, 11, 1, 0, 0, 0, 0, time.UTC)} // today is 2026-02-01
	for range 2 {
		res, err := r.Run(w)
		if err != nil || len(res.Absent) != 4 {
			t.Fatalf("%+v, %v", res, err)
		}
	}
	// November ended 63 days ago and is settled; the later three are not.
	if len(r.Asked) != 3*2+1 {
		t.Errorf("asked %q", r.Asked)
	}
}

func TestReleaseMonthWithoutLastModified(t *testing.T) {
	body := realdata.Read(t, "psd/"+december)
	r := newRig(t, serve(map[string]http.HandlerFunc{coffeeFile: func(w http.ResponseWriter, _ *http.Request) { w.Write(body) }}))
	res, err := r.Run(extract.Window{})
	if err != nil || len(res.Landed) != 1 {
		t.Fatalf("%+v, %v", res, err)
	}
	// The member is stamped 2022-12-20 15:02 (SOURCE.md); a stamp evidences no release.
	if e := res.Landed[0]; !strings.HasPrefix(e.Path, "psd/2022/12/") || e.ReleasedAt != nil {
		t.Errorf("%+v", e)
	}
}

func TestArchiveMovedLaterIsNoEvidenceOfRelease(t *testing.T) {
	body := realdata.Read(t, "psd/"+december)
	r := newRig(t, serve(map[string]http.HandlerFunc{
		"archives/2022/12/" + coffeeFile: file(body, time.Date(2024, 3, 2, 0, 0, 0, 0, time.UTC)),
		coffeeFile:                       file(body, decemberRelease),
	}))
	res, err := r.Run(extract.Window{Since: day(2022, 12, 1), Until: day(2022, 12, 31)})
	if err != nil || len(res.Landed) != 1 || res.Landed[0].ReleasedAt != nil || !strings.HasPrefix(res.Landed[0].Path, "psd/2022/12/") {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestFaultFewerRows(t *testing.T) {
	body := realdata.Read(t, "psd/"+december)
	text := extracttest.Unzip(t, body)
	r := newRig(t, serve(map[string]http.HandlerFunc{coffeeFile: file(body, decemberRelease)}))
	if _, err := r.Run(extract.Window{}); err != nil {
		t.Fatal(err)
	}
	// 90 % of 77,957 is 70,161.3.
	next := func(rows int) (extract.Result, error) {
		short := extracttest.Zip(t, "psd_coffee.csv", string(firstLines(text, rows+1)))
		r.Answer = serve(map[string]http.HandlerFunc{coffeeFile: file(short, decemberRelease.AddDate(0, 6, 0))})
		return r.Run(extract.Window{})
	}
	res, err := next(70161)
	if err == nil || res.Status != "failed" || len(r.landed()) != 1 || !strings.Contains(err.Error(), "70161 rows, fewer than 70162") {
		t.Errorf("one row too few: %+v, %v", res, err)
	}
	if res, err = next(70162); err != nil || len(r.landed()) != 2 {
		t.Errorf("just enough rows: %+v, %v", res, err)
	}
}

func TestWindowBeginsWithTheArchives(t *testing.T) {
	got := months(extract.Window{Since: day(2000, 1, 1), Until: day(2006, 10, 31)}, extracttest.Today())
	if want := []time.Time{day(2006, 8, 1), day(2006, 9, 1), day(2006, 10, 1)}; !reflect.DeepEqual(got, want) {
		t.Errorf("months %v, want %v", got, want)
	}
	if got := months(extract.Window{Since: day(2025, 12, 31), Until: day(2030, 1, 1)}, extracttest.Today()); len(got) != 3 {
		t.Errorf("months up to today: %v", got)
	}
	if got := months(extract.Window{}, extracttest.Today()); got != nil {
		t.Errorf("default window has archives: %v", got)
	}
}

func TestExpect(t *testing.T) {
	for last, want := range map[time.Time]time.Time{
		day(2022, 12, 20): day(2023, 6, 25),
		day(2026, 7, 22):  day(2026, 12, 25),
		day(2025, 6, 20):  day(2025, 12, 25),
		day(2026, 11, 3):  day(2027, 6, 25),
	} {
		if got := expect(last); !got.Equal(want) {
			t.Errorf("after %s expect %s, want %s", last.Format(time.DateOnly), got, want)
		}
	}
}

func firstLines(text []byte, n int) []byte {
	at := 0
	for range n {
		next := strings.IndexByte(string(text[at:min(len(text), at+4096)]), '\n')
		at += next + 1
	}
	return text[:at]
}
