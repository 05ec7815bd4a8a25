package cftclegacy

import (
	"fmt"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/extract/extracttest"
	"beanflows.coffee/materia/internal/realdata"
	"beanflows.coffee/materia/internal/state"
	"beanflows.coffee/materia/internal/upstream"
)

func newRig(t *testing.T, answer http.HandlerFunc) *extracttest.Rig {
	t.Helper()
	r := extracttest.New(t, Source(), answer)
	r.Limits.Tries = 2
	return r
}

func unzip(t *testing.T, body []byte) string { return string(extracttest.Unzip(t, body)) }

// serve answers each year with its file, as its publisher does.
func serve(files map[int][]byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for year, body := range files {
			if strings.HasSuffix(r.URL.Path, fmt.Sprintf("/www.cftc.gov/files/dea/history/deacot%d.zip", year)) {
				w.Write(body)
				return
			}
		}
		w.WriteHeader(http.StatusNotFound)
	}
}

// The real file of 2021 lands whole; 13,038 rows and the newest report's date are SOURCE.md's
// figures, 106 rows of other contracts that miss the identity are no matter.
func TestRealYear(t *testing.T) {
	body := realdata.Read(t, "cot/legacy_fut/deacot2021_asof_2021-12-21.zip")
	r := newRig(t, serve(map[int][]byte{2021: body}))
	w := extract.Window{Since: time.Date(2020, 5, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2021, 12, 31, 0, 0, 0, 0, time.UTC)}
	res, err := r.Run(w)
	if err != nil || res.Status != state.Success || len(res.Landed) != 1 || len(res.Warnings) != 0 || !reflect.DeepEqual(res.Absent, []string{"2020"}) {
		t.Fatalf("%+v, %v", res, err)
	}
	e := res.Landed[0]
	if e.Path != "cot_legacy/2021/2021-12-21.csv.gz" || e.Rows != 13038 || e.Bytes != 14943467 {
		t.Errorf("landed %+v", e)
	}
	if string(r.Read(e.Path)) != unzip(t, body) {
		t.Error("a byte was changed")
	}
	if res, err := r.Run(w); err != nil || res.Status != state.Unchanged {
		t.Errorf("again: %+v, %v", res, err)
	}
}

// The file of a running year is written again every week: each landing is a vintage
// of its own, under the date of its newest report.
func TestRealVintages(t *testing.T) {
	r := newRig(t, nil)
	var paths []string
	for _, at := range []string{"2025-01-07", "2025-01-28", "2025-03-11"} {
		r.Answer = serve(map[int][]byte{2025: realdata.Read(t, "cot/vintages/deacot2025_asof_"+at+".zip")})
		res, err := r.Run(extract.Window{Since: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2025, 12, 31, 0, 0, 0, 0, time.UTC)})
		if err != nil || len(res.Landed) != 1 || len(res.Warnings) != 0 {
			t.Fatalf("%s: %+v, %v", at, res, err)
		}
		paths = append(paths, res.Landed[0].Path)
	}
	if want := []string{"cot_legacy/2025/2025-01-07.csv.gz", "cot_legacy/2025/2025-01-28.csv.gz", "cot_legacy/2025/2025-03-11.csv.gz"}; !reflect.DeepEqual(paths, want) {
		t.Errorf("landed %q", paths)
	}
	// An earlier vintage has too few rows to be a later state of the year.
	r.Answer = serve(map[int][]byte{2025: extracttest.Zip(t, "annual.txt", firstRows(unzip(t, realdata.Read(t, "cot/vintages/deacot2025_asof_2025-03-11.zip")), 2870))})
	if res, err := r.Run(extract.Window{Since: extracttest.Today().AddDate(-1, 0, 0)}); err == nil || !strings.Contains(strings.Join(res.Failed, " "), "2870 rows, fewer than 2871") {
		t.Errorf("fewer rows: %+v, %v", res, err)
	}
}

func firstRows(text string, n int) string {
	return strings.Join(strings.SplitAfter(text, "\n")[:n+1], "")
}

func TestFaultRefused(t *testing.T) {
	text := unzip(t, realdata.Read(t, "cot/vintages/deacot2025_asof_2025-01-28.zip"))
	for name, c := range map[string]struct{ text, reason string }{
		"renamed":        {strings.Replace(text, `"Open Interest (All)"`, `"OI (All)"`, 1), `missing ["Open Interest (All)"] among 129`},
		"no date":        {strings.Replace(text, dateColumn, "Date", 1), "no column"},
		"half a row":     {text[:len(text)-300], "fields, the header 129"},
		"another year":   {strings.ReplaceAll(text, "2025-01-28", "2024-12-31"), "do not belong in the file of 2025"},
		"the future":     {strings.ReplaceAll(text, "2025-01-28", "2026-12-31"), "do not belong"},
		"no coffee":      {strings.ReplaceAll(text, "083731", "083730"), "is about coffee"},
		"a header alone": {firstRows(text, 0), "a header and no rows"},
		"doubled":        {text + text[strings.IndexByte(text, '\n')+1:], "stands twice in 1271 of 2542 rows"},
		"not UTF-8":      {strings.Replace(text, "COFFEE", "CAF\xe9", 1), "not UTF-8"},
	} {
		r := newRig(t, serve(map[int][]byte{2025: extracttest.Zip(t, "annual.txt", c.text)}))
		res, err := r.Run(extract.Window{Since: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2025, 12, 31, 0, 0, 0, 0, time.UTC)})
		if err == nil || res.Status != state.Failed || len(res.Landed) != 0 || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %+v, %v, want %q", name, res, err, c.reason)
		}
	}
}

// The identity is coffee's: one report that misses it is a slip and lands with a warning.
func TestFaultBrokenIdentity(t *testing.T) {
	lines := strings.SplitAfter(unzip(t, realdata.Read(t, "cot/vintages/deacot2025_asof_2025-03-11.zip")), "\n")
	for n, line := range lines {
		if strings.Contains(line, ",2025-03-11,083731,") {
			f := strings.Split(line, ",")
			f[7] = "       1" // the open interest
			lines[n] = strings.Join(f, ",")
		}
	}
	r := newRig(t, serve(map[int][]byte{2025: extracttest.Zip(t, "annual.txt", strings.Join(lines, ""))}))
	res, err := r.Run(extract.Window{Since: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2025, 12, 31, 0, 0, 0, 0, time.UTC)})
	if err != nil || len(res.Landed) != 1 || len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], `the categories do not make the open interest in 1 of 10 rows`) || !strings.Contains(res.Warnings[0], "2025-03-11") {
		t.Errorf("%+v, %v", res, err)
	}
}

// The sample upstream speaks the format, and a run after a good one asks for this
// year and, in January, the last.
func TestSampleUpstream(t *testing.T) {
	s := upstream.New(upstream.Options{Today: extracttest.Today(), Since: 2025})
	r := newRig(t, s.ServeHTTP)
	res, err := r.Run(extract.Window{Since: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil || res.Status != state.Success || len(res.Landed) != 2 || len(res.Warnings) != 0 || res.Landed[0].Origin != "sample" {
		t.Fatalf("%+v, %v", res, err)
	}
	if res, err = r.Run(extract.Window{}); err != nil || res.Status != state.Unchanged || len(r.Asked) != 1 {
		t.Errorf("%+v, %v, asked %q", res, err, r.Asked)
	}
	real := unzip(t, realdata.Read(t, "cot/legacy_fut/deacot2021_asof_2021-12-21.zip"))
	ours := string(r.Read("cot_legacy/2025/" + filepath.Base(mustGlob(t, filepath.Join(r.Root, "cot_legacy/2025/*.csv.gz")))))
	if a, b := firstRows(real, 0), firstRows(ours, 0); a != b {
		t.Errorf("another header:\n%s\n%s", a, b)
	}
	// The same widths, field by field: a real coffee line of a plain week and ours.
	if a, b := widths(t, real), widths(t, ours); a != b {
		t.Errorf("another form:\n%s\n%s", a, b)
	}
}

func mustGlob(t *testing.T, pattern string) string {
	t.Helper()
	list, err := filepath.Glob(pattern)
	if err != nil || len(list) != 1 {
		t.Fatalf("%s: %q, %v", pattern, list, err)
	}
	return list[0]
}

// widths of the fields of the first coffee line without a missing value.
func widths(t *testing.T, text string) string {
	t.Helper()
	for _, line := range strings.Split(text, "\r\n") {
		if !strings.Contains(line, ",083731,") || strings.Contains(line, " .,") {
			continue
		}
		var w []string
		for _, f := range strings.Split(line[:strings.LastIndex(line, `"(`)], ",") {
			w = append(w, fmt.Sprint(len(f)))
		}
		return strings.Join(w, " ")
	}
	t.Fatal("no coffee line without a missing value")
	return ""
}

func TestExpect(t *testing.T) {
	for last, want := range map[string]string{
		"2024-08-06": "2024-08-19", // a report's date: its successor is out on Friday the 16th, or the Monday after
		"2024-08-09": "2024-08-19", // its release
	} {
		at, err := time.Parse(time.DateOnly, last)
		if err != nil {
			t.Fatal(err)
		}
		if got := expect(at).Format(time.DateOnly); got != want {
			t.Errorf("after %s: %s, want %s", last, got, want)
		}
	}
}

func TestYears(t *testing.T) {
	if got := years(extract.Window{}, extracttest.Today(), 0); got[0] != 2006 || got[len(got)-1] != 2026 {
		t.Errorf("first run: %v", got)
	}
	if got := years(extract.Window{}, extracttest.Today().AddDate(0, 0, -10), 2026); !reflect.DeepEqual(got, []int{2025, 2026}) {
		t.Errorf("in January: %v", got)
	}
	if got := years(extract.Window{}, extracttest.Today(), 2024); !reflect.DeepEqual(got, []int{2024, 2025, 2026}) {
		t.Errorf("after a pause: %v", got)
	}
	if got := years(extract.Window{Since: time.Unix(0, 0)}, extracttest.Today(), 2024); got[0] != 1986 {
		t.Errorf("from the beginning: %v", got)
	}
}
