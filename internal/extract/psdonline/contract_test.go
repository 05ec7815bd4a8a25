package psdonline

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/extract/extracttest"
	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/state"
)

// with is n good rows of which the first bad ones have one text replaced.
func with(n, bad int, old, new string) string {
	lines := strings.SplitAfter(rows(n), "\r\n")
	for i := range bad {
		lines[i] = strings.Replace(lines[i], old, new, 1)
	}
	return header + strings.Join(lines, "")
}

// TestFaultInValues: NULL, NaN, infinities, negatives, other text, duplicates and
// broken identities. A slip lands with a warning that counts it; more than one row in a
// hundred is refused with the same words. Nothing is coerced: what landed holds
// the publisher's text.
func TestFaultInValues(t *testing.T) {
	const n, slip, many = 300, 2, 30
	value := "62600.0000"
	for name, c := range map[string]struct{ old, new, says string }{
		"a blank":         {value, "", "type: column Value is blank in %d of 300 rows"},
		"NaN":             {value, "NaN", `type: column Value is not finite in %d of 300 rows, first in row 1: "NaN"`},
		"infinity":        {value, "-Infinity", "type: column Value is not finite in %d of 300 rows"},
		"an overflow":     {value, "1e999", "type: column Value is no number in %d of 300 rows"},
		"a negative":      {value, "-1.0000", `range: column Value is below 0 in %d of 300 rows, first in row 1: "-1.0000"`},
		"another unit":    {value, "62600000000.0000", "range: column Value is above 1e+06 in %d of 300 rows"},
		"text":            {value, "n/a", `type: column Value is no number in %d of 300 rows, first in row 1: "n/a"`},
		"a decimal comma": {value, `"62600,0"`, "type: column Value is no number in %d of 300 rows"},
		"a month 13":      {",12,028", ",13,028", "range: column Month is above 12 in %d of 300 rows"},
		"no country":      {"C0,", ",", "type: column Country_Code is blank in %d of 300 rows"},
		"a year 196":      {",196", ",16", "range: column Market_Year is below 1950 in %d of 300 rows"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := slip
			if name == "a year 196" {
				bad = 1
			}
			r := newRig(t, bytesOf(extracttest.Zip(t, "psd_coffee.csv", with(n, bad, c.old, c.new))))
			res, err := r.Run(extract.Window{})
			if err != nil || len(res.Landed) != 1 || len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], fmt.Sprintf(c.says, bad)) {
				t.Fatalf("a slip: %+v, %v", res, err)
			}
			if got := string(r.Read(res.Landed[0].Path)); got != with(n, bad, c.old, c.new) {
				t.Error("the landed text was changed")
			}
			if run := r.LastRun(); run.Warnings != 1 {
				t.Errorf("the run's row counts %d warnings", run.Warnings)
			}
			if texts, err := r.State.WarningsOf(t.Context(), res.RunID); err != nil || len(texts) != 1 || texts[0] != res.Warnings[0] {
				t.Errorf("kept warnings %q, %v", texts, err)
			}
			if name == "a year 196" {
				return
			}
			r = newRig(t, bytesOf(extracttest.Zip(t, "psd_coffee.csv", with(n, many, c.old, c.new))))
			checkRefused(t, r, fmt.Sprintf(c.says, many))
		})
	}
}

func TestFaultDuplicates(t *testing.T) {
	says := "key: (Country_Code, Market_Year, Attribute_ID) stands twice in %d of %d rows"
	r := newRig(t, bytesOf(extracttest.Zip(t, "psd_coffee.csv", header+rows(300)+rows(2))))
	res, err := r.Run(extract.Window{})
	if err != nil || len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], fmt.Sprintf(says, 2, 302)) {
		t.Errorf("%+v, %v", res, err)
	}
	checkRefused(t, newRig(t, bytesOf(extracttest.Zip(t, "psd_coffee.csv", header+rows(300)+rows(300)))), fmt.Sprintf(says, 300, 600))
}

func TestFaultBrokenIdentity(t *testing.T) {
	total := func(id, value string) string {
		return strings.Replace(strings.Replace(row, ",028,", ","+id+",", 1), "62600.0000", value, 1)
	}
	r := newRig(t, bytesOf(extracttest.Zip(t, "psd_coffee.csv", header+rows(300)+total("086", "5.0000")+total("178", "4.0000"))))
	res, err := r.Run(extract.Window{})
	if err != nil || len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], `identity: total supply is not total distribution in 1 of 302 rows, first in row 302: "BR 2022"`) {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestFaultColumnsReorderedAddedRenamed: fine, a warning, refused.
func TestFaultColumnsReorderedAddedRenamed(t *testing.T) {
	reverse := func(text string) string {
		var b strings.Builder
		for _, line := range strings.SplitAfter(text, "\r\n") {
			if line == "" {
				continue
			}
			f := split(nil, []byte(line))
			for i := len(f) - 1; i >= 0; i-- {
				if strings.ContainsAny(string(f[i]), ", ") {
					fmt.Fprintf(&b, "%q", f[i])
				} else {
					b.Write(f[i])
				}
				if i > 0 {
					b.WriteByte(',')
				}
			}
			b.WriteString("\r\n")
		}
		return b.String()
	}
	r := newRig(t, bytesOf(extracttest.Zip(t, "psd_coffee.csv", reverse(header+rows(300)))))
	if res, err := r.Run(extract.Window{}); err != nil || len(res.Landed) != 1 || res.Landed[0].Rows != 300 || len(res.Warnings) != 0 {
		t.Errorf("reordered: %+v, %v", res, err)
	}
	r = newRig(t, bytesOf(extracttest.Zip(t, "psd_coffee.csv", reverse(with(300, 50, "62600", "-1")))))
	checkRefused(t, r, "column Value is below 0 in 50 of 300 rows") // the contract reads by name
	added := strings.ReplaceAll(strings.Replace(header, "Value", "Value,Flag", 1)+rows(300), ".0000\r\n", ".0000,E\r\n")
	r = newRig(t, bytesOf(extracttest.Zip(t, "psd_coffee.csv", added)))
	if res, err := r.Run(extract.Window{}); err != nil || len(res.Landed) != 1 || len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], `new columns ["Flag"]`) {
		t.Errorf("added: %+v, %v", res, err)
	}
	renamed := strings.Replace(header, "Value", "Amount", 1) + rows(300)
	checkRefused(t, newRig(t, bytesOf(extracttest.Zip(t, "psd_coffee.csv", renamed))), `columns: columns differ: missing ["Value"], unknown ["Amount"]`)
}

// deps have no upstream: whatever asks it fails.
func (r *rig) deps() extract.Deps {
	d := r.Deps()
	d.Client = extract.NewClient(extract.ClientOptions{Upstream: "http://127.0.0.1:1", Sleep: func(context.Context, time.Duration) error { return nil }})
	return d
}

// TestReleaseFromQuarantine: a person lets a refused file in. It is judged from
// what was kept, without upstream; it lands with the decision in its warning, and the
// same content is not refused again.
func TestReleaseFromQuarantine(t *testing.T) {
	text := header + rows(100)
	r := newRig(t, file(extracttest.Zip(t, "psd_coffee.csv", header+rows(300)), decemberRelease))
	if _, err := r.Run(extract.Window{}); err != nil {
		t.Fatal(err)
	}
	short := extracttest.Zip(t, "psd_coffee.csv", text)
	r.Answer = file(short, decemberRelease.AddDate(0, 6, 0))
	if _, err := r.Run(extract.Window{}); err == nil {
		t.Fatal("a third of the rows landed")
	}
	d := r.deps()
	kept, err := extract.Quarantined(d.Zone, "psd")
	if err != nil || len(kept) != 1 || kept[0].SHA256 != extracttest.Hash(short) || kept[0].Released || !strings.Contains(kept[0].Reason, "100 rows, fewer than 270") {
		t.Fatalf("%+v, %v", kept, err)
	}
	if _, err := extract.ReleaseRefused(t.Context(), d, Source(), kept[0], "ada", ""); err == nil || !strings.Contains(err.Error(), "say why") {
		t.Errorf("without a reason: %v", err)
	}
	res, err := extract.ReleaseRefused(t.Context(), d, Source(), kept[0], "ada", "USDA dropped small countries, see circular")
	if err != nil || res.Status != state.Success || len(res.Landed) != 1 || len(res.Absent) != 0 || len(res.Failed) != 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	e := res.Landed[0]
	if e.ReleasedAt == nil || !e.ReleasedAt.Equal(decemberRelease.AddDate(0, 6, 0)) || e.Path != "psd/2023/06/"+extracttest.Hash([]byte(text))[:12]+".csv.gzip" || e.Origin != "replay" {
		t.Errorf("landed %+v", e)
	}
	if len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "let in by ada on 2026-02-01: USDA dropped small countries") {
		t.Errorf("warnings %q", res.Warnings)
	}
	if kept, err = extract.Quarantined(d.Zone, ""); err != nil || !kept[0].Released {
		t.Errorf("%+v, %v", kept, err)
	}
	if res, err := r.Run(extract.Window{}); err != nil || res.Status != state.Unchanged {
		t.Errorf("upstream has it still: %+v, %v", res, err)
	}
}

// What is no ZIP stays refused, whoever decides.
func TestReleasedGarbageStaysRefused(t *testing.T) {
	r := newRig(t, bytesOf([]byte("<html><title>Sorry</title></html>")))
	r.Run(extract.Window{})
	d := r.deps()
	kept, err := extract.Quarantined(d.Zone, "psd")
	if err != nil || len(kept) != 1 {
		t.Fatalf("%+v, %v", kept, err)
	}
	res, err := extract.ReleaseRefused(t.Context(), d, Source(), kept[0], "ada", "let me see")
	if err == nil || !strings.Contains(err.Error(), "answered HTML, not a ZIP") || len(res.Landed) != 0 || len(r.landed()) != 0 {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestReleaseOfAnArchive: what is judged again is the month that was refused.
func TestReleaseOfAnArchive(t *testing.T) {
	bad := extracttest.Zip(t, "psd_alldata.csv", strings.Replace(header, "Unit_ID,", "Unit,", 1)+rows(300))
	r := newRig(t, serve(map[string]http.HandlerFunc{
		"archives/2022/12/" + allFile: file(bad, decemberRelease),
		coffeeFile:                    file(extracttest.Zip(t, "psd_coffee.csv", header+rows(300)), decemberRelease),
	}))
	w := extract.Window{Since: day(2022, 11, 1), Until: day(2022, 12, 31)}
	if res, err := r.Run(w); err != nil || res.Status != "partial" {
		t.Fatalf("%+v, %v", res, err)
	}
	d := r.deps()
	kept, err := extract.Quarantined(d.Zone, "psd")
	if err != nil || len(kept) != 1 || len(kept[0].Findings) != 1 {
		t.Fatalf("%+v, %v", kept, err)
	}
	res, err := extract.ReleaseRefused(t.Context(), d, Source(), kept[0], "ada", "the unit is the same")
	if err != nil || res.Status != state.Success || len(res.Landed) != 1 || !strings.HasPrefix(res.Landed[0].Path, "psd/2022/12/") || len(res.Failed)+len(res.Absent) != 0 {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestAcceptSchemaChange: a renamed column that a person accepted is a warning in
// every later file; another difference is refused as before.
func TestAcceptSchemaChange(t *testing.T) {
	renamed := func(n int) []byte {
		return extracttest.Zip(t, "psd_coffee.csv", strings.Replace(header, "Unit_ID,", "Unit,", 1)+rows(n))
	}
	r := newRig(t, bytesOf(renamed(300)))
	checkRefused(t, r, `missing ["Unit_ID"], unknown ["Unit"]`)
	d := r.deps()
	kept, err := extract.Quarantined(d.Zone, "psd")
	if err != nil || len(kept) != 1 || len(kept[0].Findings) != 1 {
		t.Fatalf("%+v, %v", kept, err)
	}
	f := kept[0].Findings[0]
	if _, err := extract.Decide(t.Context(), d, landing.Decision{Source: "psd", Action: landing.Accept, Rule: f.Rule, Detail: f.Detail, By: "ada", Why: "renamed by USDA"}); err != nil {
		t.Fatal(err)
	}
	for n := 300; n < 302; n++ {
		r.Answer = bytesOf(renamed(n))
		res, err := r.Run(extract.Window{})
		if err != nil || len(res.Landed) != 1 || len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "let in by ada") {
			t.Errorf("%+v, %v", res, err)
		}
	}
	r.Answer = bytesOf(extracttest.Zip(t, "psd_coffee.csv", strings.Replace(header, "Value", "Amount", 1)+rows(303)))
	if res, err := r.Run(extract.Window{}); err == nil || !strings.Contains(err.Error(), `missing ["Value"]`) {
		t.Errorf("another difference: %+v, %v", res, err)
	}
}

// A file that an operator took from the readers is no measure of the next one.
func TestRetractedFileIsNoMeasure(t *testing.T) {
	r := newRig(t, file(extracttest.Zip(t, "psd_coffee.csv", header+rows(300)), decemberRelease))
	res, err := r.Run(extract.Window{})
	if err != nil {
		t.Fatal(err)
	}
	next := file(extracttest.Zip(t, "psd_coffee.csv", header+rows(100)), decemberRelease.AddDate(0, 6, 0))
	if _, err := extract.Decide(t.Context(), r.deps(), landing.Decision{Source: "psd", Action: landing.Retract, Path: res.Landed[0].Path, By: "ada", Why: "rows doubled"}); err != nil {
		t.Fatal(err)
	}
	r.Answer = next
	if res, err := r.Run(extract.Window{}); err != nil || len(res.Landed) != 1 {
		t.Errorf("%+v, %v", res, err)
	}
	if got := r.landed(); len(got) != 1 || !strings.HasPrefix(got[0], "psd/2023/06/") {
		t.Errorf("readers see %q", got)
	}
}
