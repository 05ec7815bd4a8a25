package cftccot

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/extract/extracttest"
	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/realdata"
)

// rows and newest report of the real files, as counted by others.
var realFiles = []struct {
	year   int
	rows   int64
	newest string
}{
	{2010, 5547, "2010-12-28"}, {2013, 8270, "2013-12-31"}, {2024, 13601, "2024-12-31"},
}

// One real year of each form, and the combined report of 2024, land whole and
// byte for byte; what upstream does not have is listed and no failure.
func TestRealFilesLandWhole(t *testing.T) {
	served := map[string][]byte{"com_disagg_txt_2024.zip": realdata.Read(t, "cot/disagg_com/com_disagg_txt_2024_asof_2024-08-06.zip")}
	for _, f := range realFiles {
		name := fmt.Sprintf("fut_disagg_txt_%d.zip", f.year)
		served[name] = realdata.Read(t, "cot/disagg_fut/"+name)
	}
	r := newRig(t, publish(served))
	res, err := r.Run(extract.Window{Until: date(2024, time.December, 31)})
	if err != nil || res.Status != "success" || len(res.Landed) != len(realFiles)+1 || len(res.Warnings) != 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	for i, f := range realFiles {
		e := res.Landed[i]
		if want := fmt.Sprintf("cot/%d/%s.csv.gz", f.year, f.newest); e.Path != want || e.Rows != f.rows {
			t.Errorf("landed %s with %d rows, want %s with %d", e.Path, e.Rows, want, f.rows)
		}
		if string(r.Read(e.Path)) != string(extracttest.Unzip(t, served[fmt.Sprintf("fut_disagg_txt_%d.zip", f.year)])) {
			t.Errorf("%s is not the publisher's text", e.Path)
		}
	}
	if e := res.Landed[len(realFiles)]; e.Path != "cot_combined/2024/2024-08-06.csv.gz" || e.Rows != 8249 {
		t.Errorf("combined: %+v", e)
	}
	if want := []string{"2006-2016", "2011", "2012", "2014"}; !slices.Equal(res.Absent[:4], want) || !slices.Contains(res.Absent, "combined 2023") {
		t.Errorf("absent %q", res.Absent)
	}

	// The same again: nothing moves, and years long absent are not asked again.
	res, err = r.Run(extract.Window{Since: date(2006, time.January, 1), Until: date(2024, time.December, 31)})
	if err != nil || res.Status != "unchanged" || res.Unchanged != len(realFiles)+1 || len(res.Absent) != 13+15 || len(r.Asked) != len(realFiles)+1 || r.Manifests() != 1 {
		t.Errorf("again: %+v, %v, asked %q", res, err, r.Asked)
	}
}

// The file of the current year is written again every week: each vintage lands
// under the date of its newest report.
func TestRealVintagesOfOneYear(t *testing.T) {
	r := newRig(t, publish(map[string][]byte{"fut_disagg_txt_2020.zip": realdata.Read(t, "cot/vintages/fut_disagg_txt_2020_asof_2020-03-24.zip")}))
	year := extract.Window{Since: date(2020, time.January, 1), Until: date(2020, time.December, 31)}
	if res, err := r.Run(year); err != nil || len(res.Landed) != 1 || res.Landed[0].Path != "cot/2020/2020-03-24.csv.gz" || res.Landed[0].Rows != 2485 {
		t.Fatalf("%+v, %v", res, err)
	}
	r.Answer = publish(map[string][]byte{"fut_disagg_txt_2020.zip": realdata.Read(t, "cot/disagg_fut/fut_disagg_txt_2020.zip")})
	if res, err := r.Run(year); err != nil || len(res.Landed) != 1 || res.Landed[0].Path != "cot/2020/2020-12-29.csv.gz" {
		t.Fatalf("%+v, %v", res, err)
	}
	// And back: a file that lost most of its rows is refused.
	r.Answer = publish(map[string][]byte{"fut_disagg_txt_2020.zip": realdata.Read(t, "cot/vintages/fut_disagg_txt_2020_asof_2020-03-24.zip")})
	if res, err := r.Run(year); err == nil || !strings.Contains(err.Error(), "2485 rows, fewer than 9708") || len(res.Landed) != 0 {
		t.Fatalf("%+v, %v", res, err)
	}
}

func names(files []file) (list []string) {
	for _, f := range files {
		list = append(list, f.name)
	}
	return list
}

func TestWindow(t *testing.T) {
	main := reports()[0]
	landed := []landing.Entry{{Path: "cot/2025/2025-12-16.csv.gz"}, {Path: "cot_combined/2026/2026-01-06.csv.gz"}, {Path: "cot/2024/2024-12-31.csv.gz"}}
	for _, c := range []struct {
		what   string
		window extract.Window
		now    time.Time
		landed []landing.Entry
		want   string
	}{
		{"first run", extract.Window{}, date(2012, time.May, 1), nil, "2006-2016 2010 2011 2012"},
		{"a week", extract.Window{}, date(2025, time.December, 20), landed, "2025"},
		{"January", extract.Window{}, date(2026, time.January, 20), landed[:1], "2025 2026"},
		{"January, this year landed", extract.Window{}, date(2026, time.January, 20), []landing.Entry{{Path: "cot/2026/2026-01-06.csv.gz"}}, "2025 2026"},
		{"after a pause", extract.Window{}, date(2027, time.March, 1), landed, "2025 2026 2027"},
		{"since", extract.Window{Since: date(2024, time.July, 1)}, date(2026, time.March, 1), landed, "2024 2025 2026"},
		{"since before years", extract.Window{Since: date(2009, time.July, 1), Until: date(2011, time.July, 1)}, date(2026, time.March, 1), landed, "2006-2016 2010 2011"},
		{"until the future", extract.Window{Since: date(2025, time.July, 1), Until: date(2030, time.July, 1)}, date(2026, time.March, 1), nil, "2025 2026"},
		{"since the future", extract.Window{Since: date(2030, time.July, 1)}, date(2026, time.March, 1), nil, ""},
	} {
		if got := strings.Join(names(files(main, c.window, c.now, c.landed)), " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
	all := files(reports()[1], extract.Window{Since: date(2009, time.January, 1), Until: date(2010, time.January, 1)}, date(2026, time.March, 1), nil)
	if len(all) != 2 || all[0].name != "combined 2006-2016" || all[0].url != history+"com_disagg_txt_hist_2006_2016.zip" || all[1].url != history+"com_disagg_txt_2010.zip" {
		t.Errorf("combined: %+v", all)
	}
}

// An HTML page where a ZIP is due: not yet, until a week after the new year's
// first release; then, or for a year that landed, a failure.
func TestNewYear(t *testing.T) {
	page := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<!DOCTYPE html><html><title>CFTC</title></html>")
	}
	// 2026: the first Tuesday is the 6th, its report due on Friday the 9th.
	for _, c := range []struct {
		now    time.Time
		absent bool
	}{{date(2026, time.January, 2), true}, {date(2026, time.January, 15), true}, {date(2026, time.January, 17), false}, {date(2026, time.June, 1), false}} {
		r := newRig(t, page)
		r.Now = c.now
		res, err := r.Run(extract.Window{Since: date(2026, time.January, 1)})
		if c.absent && (err != nil || res.Status != "unchanged" || !slices.Equal(res.Absent, []string{"2026", "combined 2026"})) {
			t.Errorf("%s: %+v, %v", c.now.Format(time.DateOnly), res, err)
		}
		if !c.absent && (err == nil || !strings.Contains(err.Error(), "answered HTML, not a ZIP")) {
			t.Errorf("%s: %+v, %v", c.now.Format(time.DateOnly), res, err)
		}
		if kept := len(r.Files()); c.absent && kept > 0 {
			t.Errorf("%s: %q", c.now.Format(time.DateOnly), r.Files())
		}
	}
	r := newRig(t, publish(map[string][]byte{"fut_disagg_txt_2026.zip": zipOf(t, madeFile("2026-01-06"))}))
	r.Now = date(2026, time.January, 10)
	if res, err := r.Run(extract.Window{Since: r.Now}); err != nil || len(res.Landed) != 1 {
		t.Fatalf("%+v, %v", res, err)
	}
	r.Answer = page
	if res, err := r.Run(extract.Window{Since: r.Now}); err == nil || len(res.Failed) != 1 || !slices.Equal(res.Absent, []string{"combined 2026"}) {
		t.Errorf("a page in place of a file that landed: %+v, %v", res, err)
	}
	r.Answer = publish(nil)
	if res, err := r.Run(extract.Window{Since: r.Now}); err == nil || len(res.Failed) != 1 || !strings.Contains(res.Failed[0], "HTTP 404") {
		t.Errorf("a file that landed is gone: %+v, %v", res, err)
	}
}

// What is refused leaves nothing but its quarantine; the next good file lands.
func TestRefused(t *testing.T) {
	good := madeFile("2024-01-09", "2024-01-02")
	header, rows, _ := strings.Cut(good, "\r\n")
	row, _, _ := strings.Cut(rows, "\r\n")
	for name, c := range map[string]struct{ text, reason string }{
		"no rows":               {header + "\r\n", "a header and no rows"},
		"nothing":               {"", "an empty file"},
		"no coffee":             {strings.ReplaceAll(good, coffeeCode, "083732"), "is about coffee"},
		"a column renamed":      {strings.Replace(good, "Open_Interest_Old", "Open_Interest_Prior", 1), `missing ["Open_Interest_Old"], unknown ["Open_Interest_Prior"]`},
		"a column gone":         {strings.ReplaceAll(strings.Replace(good, "Open_Interest_Old,", "", 1), "       8,", ""), `missing ["Open_Interest_Old"]`},
		"a column twice":        {strings.Replace(good, "Open_Interest_Old", "Open_Interest_All", 1), `"Open_Interest_All" stands twice`},
		"another file":          {"date,close\r\n2024-01-02,1\r\n", `missing ["Market_and_Exchange_Names"`},
		"a field too few":       {strings.Replace(good, "8,", "", 1), "row 1 has 190 fields, the header 191"},
		"an unquoted comma":     {strings.Replace(good, `"(CONTRACTS OF 37,500 POUNDS)"`, "(CONTRACTS OF 37,500 POUNDS)", 1), "has 192 fields"},
		"an open quote":         {strings.Replace(good, `POUNDS)"`, "POUNDS)", 1), "has an open quote"},
		"text after a quote":    {strings.Replace(good, `POUNDS)"`, `POUNDS)"x`, 1), "text after a closing quote"},
		"a quote inside":        {strings.Replace(good, "      .", `    4".`, 1), "row 1 has a quote inside a field"},
		"no number":             {strings.ReplaceAll(good, "       8", "     n/a"), `column Open_Interest_All is no number in 4 of 4 rows, first in row 1: "n/a"`},
		"sums that fail":        {strings.ReplaceAll(good, "       8", "       9"), "identity: the categories do not make the open interest in 4 of 4 rows, first in row 1: \"001602 on 2024-01-09 by 1 contracts\""},
		"missing positions":     {strings.ReplaceAll(good, "       1", "       ."), `column Prod_Merc_Positions_Long_All is no number in 4 of 4 rows, first in row 1: "."`},
		"no date":               {strings.Replace(good, "2024-01-09", "01/09/2024", 1), `report date "01/09/2024"`},
		"another year":          {strings.Replace(good, "2024-01-09", "2023-01-10", 1), "reports of 2023-01-10 to 2024-01-09 do not belong in the file of 2024"},
		"another line break":    {strings.Replace(good, row+"\r\n", row+"\n", 1), "row 1 ends in another line break"},
		"a lone return":         {strings.Replace(good, row+"\r\n", row+"\r", 1), "control character"},
		"a tab":                 {strings.Replace(good, "POUNDS", "POU\tNDS", 1), "row 1 has a control character"},
		"a zero byte":           {strings.Replace(good, "POUNDS", "POU\x00NDS", 1), "control character"},
		"Latin-1":               {strings.Replace(good, "POUNDS", "POU\xe9NDS", 1), "is not UTF-8"},
		"cut in the middle":     {good[:len(good)-700], "row 4 has"},
		"no contract code":      {strings.Replace(good, "001602", "      ", 1), "row 1 has no contract code"},
		"a line without an end": {strings.Repeat("x", 70<<10), "longer than 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			served := map[string][]byte{"fut_disagg_txt_2024.zip": zipOf(t, c.text)}
			r := newRig(t, publish(served))
			w := extract.Window{Since: date(2024, time.January, 1), Until: date(2024, time.December, 31)}
			res, err := r.Run(w)
			if err == nil || res.Status != "failed" || !strings.Contains(err.Error(), c.reason) {
				t.Fatalf("%+v, %v, want %q", res, err, c.reason)
			}
			for _, f := range r.Files() {
				if !strings.HasPrefix(f, ".quarantine/") {
					t.Errorf("left %s", f)
				}
			}
			served["fut_disagg_txt_2024.zip"] = zipOf(t, good)
			if res, err = r.Run(w); err != nil || len(res.Landed) != 1 || r.LastRun().Status != "success" {
				t.Errorf("the good file after it: %+v, %v", res, err)
			}
		})
	}
}

// What lands with a warning.
func TestWarned(t *testing.T) {
	good := madeFile("2024-01-09", "2024-01-02")
	header, rows, _ := strings.Cut(good, "\r\n")
	row, _, _ := strings.Cut(rows, "\r\n")
	for name, c := range map[string]struct{ text, warning string }{
		"a repeated row":        {good + row + "\r\n", "(CFTC_Contract_Market_Code, Report_Date_as_YYYY-MM-DD) stands twice in 1 of 5 rows, first in row 5"},
		"a sum that fails":      {strings.Replace(good, "       8", "       9", 1), "the categories do not make the open interest in 1 of 4 rows, first in row 1: \"001602 on 2024-01-09 by 1 contracts\""},
		"a new column":          {header + ",New\r\n" + strings.ReplaceAll(rows, "\r\n", ",1\r\n"), `new columns ["New"]`},
		"one that is no number": {strings.Replace(good, "       8", "     n/a", 1), `column Open_Interest_All is no number in 1 of 4 rows, first in row 1: "n/a"`},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, publish(map[string][]byte{"fut_disagg_txt_2024.zip": zipOf(t, c.text)}))
			res, err := r.Run(extract.Window{Since: date(2024, time.January, 1), Until: date(2024, time.December, 31)})
			if err != nil || len(res.Landed) != 1 || len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], c.warning) {
				t.Fatalf("%+v, %v", res, err)
			}
			if string(r.Read(res.Landed[0].Path)) != c.text {
				t.Error("landed another text")
			}
		})
	}
}

// TestColumnsMoved: their order says nothing.
func TestColumnsMoved(t *testing.T) {
	text := moved(madeFile("2024-01-09", "2024-01-02"))
	r := newRig(t, publish(map[string][]byte{"fut_disagg_txt_2024.zip": zipOf(t, text)}))
	res, err := r.Run(extract.Window{Since: date(2024, time.January, 1), Until: date(2024, time.December, 31)})
	if err != nil || len(res.Landed) != 1 || len(res.Warnings) != 0 || string(r.Read(res.Landed[0].Path)) != text {
		t.Fatalf("%+v, %v", res, err)
	}
}

// moved puts the last column first.
func moved(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n")
	for i, line := range lines {
		at := strings.LastIndexByte(line, ',')
		lines[i] = line[at+1:] + "," + line[:at]
	}
	return strings.Join(lines, "\r\n") + "\r\n"
}

// One bad file stops no other, of its report or the other.
func TestOneFailsTheRestLands(t *testing.T) {
	served := map[string][]byte{
		"fut_disagg_txt_2023.zip": []byte("PK\x03\x04 and nothing else"),
		"fut_disagg_txt_2024.zip": zipOf(t, madeFile("2024-01-02")),
		"com_disagg_txt_2024.zip": zipOf(t, madeFile("2024-01-09")),
	}
	r := newRig(t, publish(served))
	res, err := r.Run(extract.Window{Since: date(2022, time.January, 1), Until: date(2024, time.December, 31)})
	if err != nil || res.Status != "partial" || len(res.Failed) != 1 || !strings.HasPrefix(res.Failed[0], "2023: https://") || len(res.Landed) != 2 {
		t.Fatalf("%+v, %v", res, err)
	}
	if res.Landed[1].Path != "cot_combined/2024/2024-01-09.csv.gz" || filepath.Ext(res.Landed[0].Path) != ".gz" {
		t.Errorf("landed %+v", res.Landed)
	}
}
