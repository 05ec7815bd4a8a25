package psdonline

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/extract/extracttest"
	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/realdata"
	"beanflows.coffee/materia/internal/state"
)

const header = "Commodity_Code,Commodity_Description,Country_Code,Country_Name,Market_Year,Calendar_Year,Month,Attribute_ID,Attribute_Description,Unit_ID,Unit_Description,Value\r\n"
const row = `0711100,"Coffee, Green",BR,"Brazil",2022,2022,12,028,"Production",02,"(1000 60 KG BAGS)",62600.0000` + "\r\n"

// rows are n rows about different countries and years.
func rows(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Replace(strings.Replace(row, "BR,", fmt.Sprintf("C%d,", i/100), 1), "2022,2022", fmt.Sprintf("%d,2022", 1960+i%100), 1))
	}
	return b.String()
}

// bytesOf answers every request with these bytes.
func bytesOf(body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Last-Modified", decemberRelease.Format(http.TimeFormat))
		w.Write(body)
	}
}

// TestFaultRefused: each fault fails the run with source, URL and reason in its row,
// leaves nothing in the zone but what a person may look at in quarantine, and is
// over once upstream is well.
func TestFaultRefused(t *testing.T) {
	good := extracttest.Zip(t, "psd_coffee.csv", header+row)
	csv := func(text string) http.HandlerFunc { return bytesOf(extracttest.Zip(t, "psd_coffee.csv", text)) }
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		reason string
	}{
		{"HTML with status 200", bytesOf([]byte("<!DOCTYPE html><html><head><title>Down for\n maintenance</title></head></html>")), `answered HTML, not a ZIP: "Down for maintenance"`},
		{"nothing", bytesOf(nil), "answered nothing, not a ZIP"},
		{"gzip", bytesOf([]byte("\x1f\x8b\x08rest")), "not a ZIP"},
		{"empty ZIP", bytesOf(extracttest.Zip(t)), "ZIP with 0 files"},
		{"two files", bytesOf(extracttest.Zip(t, "psd_coffee.csv", header+row, "readme.txt", "hello")), "ZIP with 2 files"},
		{"a file twice", bytesOf(extracttest.Zip(t, "psd_coffee.csv", header+row, "psd_coffee.csv", header+row)), "ZIP with 2 files"},
		{"a path that climbs", bytesOf(extracttest.Zip(t, "../../etc/cron.d/x", header+row)), `"../../etc/cron.d/x"`},
		{"an absolute path", bytesOf(extracttest.Zip(t, "/etc/passwd", header+row)), `"/etc/passwd"`},
		{"a backslash path", bytesOf(extracttest.Zip(t, `..\x.csv`, header+row)), "plain file's name"},
		{"another commodity", bytesOf(realdata.Read(t, "psd/psd_russiabreakdown_area_prod_csv_2025-11-14.zip")), "none of its 156 rows is about coffee"},
		{"a column renamed", csv(strings.Replace(header, "Value", "Amount", 1) + row), `missing ["Value"], unknown ["Amount"]`},
		{"a column missing", csv("Commodity_Code,Value\r\n0711100,1\r\n"), `"Country_Code"`},
		{"a column twice", csv(strings.Replace(header, "Value", "Value,Value", 1) + row), "stands twice"},
		{"another CSV", csv("Commodity,Country\r\n0711100,BR\r\n"), `missing ["Commodity_Code"`},
		{"a header alone", csv(header), "a header and no rows"},
		{"half a row", csv(header + row + row[:40]), "row 2"},
		{"a field more", csv(header + row + strings.Replace(row, "BR", "B,R", 1)), "row 2 has 13 fields, the header 12"},
		{"an open quote", csv(header + row + strings.Replace(row, `"Brazil"`, `"Brazil`, 1)), "row 2"},
		{"CP1252", csv(header + row + strings.Replace(row, "Brazil", "Br\xe1sil", 1)), "not UTF-8"},
		{"a zero byte", csv(header + row + strings.Replace(row, "Brazil", "Bra\x00il", 1)), "zero byte"},
		{"a bomb", bytesOf(extracttest.Zip(t, "psd_coffee.csv", header+strings.Repeat(row, 400_000))), "unpacks to more than 200 times its compressed size"},
		{"forbidden", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "Access Denied", http.StatusForbidden) }, `HTTP 403 Forbidden: "Access Denied"`},
		{"gone", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, "HTTP 404"},
		{"always 503", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, "HTTP 503"},
		{"another host", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/psd.zip", http.StatusFound)
		}, "redirect refused: to another host"},
		{"no https", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://apps.fas.usda.gov/psd.zip", http.StatusFound)
		}, "not https"},
		{"in circles", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, "more than 5 in a row"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, c.answer)
			checkRefused(t, r, c.reason)
			r.Answer = file(good, decemberRelease)
			if res, err := r.Run(extract.Window{}); err != nil || len(res.Landed) != 1 {
				t.Errorf("upstream is well again: %+v, %v", res, err)
			}
		})
	}
}

func checkRefused(t *testing.T, r *rig, reason string) {
	t.Helper()
	res, err := r.Run(extract.Window{})
	run := r.LastRun()
	if err == nil || res.Status != "failed" || run.Status != "failed" || run.FinishedAt.IsZero() {
		t.Fatalf("%+v, %v, row %+v", res, err, run)
	}
	for _, want := range []string{"current: https://apps.fas.usda.gov/psdonline/downloads/psd_coffee_csv.zip: ", reason} {
		if !strings.Contains(run.Error, want) || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in the row %q and the error %q", want, run.Error, err)
		}
	}
	if !strings.HasPrefix(err.Error(), "psd: ") {
		t.Errorf("the error %q does not name the source", err)
	}
	for _, name := range r.Files() {
		if !strings.HasPrefix(name, ".quarantine/"+res.RunID+"-") {
			t.Errorf("left behind: %s", name)
		}
	}
	if r.Manifests() != 0 {
		t.Error("a manifest of nothing")
	}
	if _, _, _, ok, err := r.State.Validators(t.Context(), downloads+coffeeFile); ok || err != nil {
		t.Errorf("validators of refused content are kept: %v", err)
	}
}

// TestFaultTruncatedZIP cuts the real file at many lengths.
func TestFaultTruncatedZIP(t *testing.T) {
	good := realdata.Read(t, "psd/"+december)
	for _, n := range []int{1, 3, 4, 30, 500, 64 << 10, len(good) / 2, len(good) - 200, len(good) - 22, len(good) - 1} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			checkRefused(t, newRig(t, bytesOf(good[:n])), "ZIP")
		})
	}
	t.Run("a bit flipped", func(t *testing.T) {
		bad := bytes.Clone(good)
		bad[len(bad)/2] ^= 4
		checkRefused(t, newRig(t, bytesOf(bad)), "") // as a ZIP or as a CSV, whichever shows first
	})
	t.Run("a wrong CRC", func(t *testing.T) {
		bad := bytes.Clone(good)
		bad[bytes.LastIndex(bad, []byte("PK\x01\x02"))+16] ^= 1
		checkRefused(t, newRig(t, bytesOf(bad)), "wrong checksum")
	})
	t.Run("the connection cut", func(t *testing.T) {
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(good)))
			w.Write(good[:len(good)/2])
		})
		checkRefused(t, r, "cut off after")
		if len(r.Asked) != 5 || len(r.Slept) != 4 {
			t.Errorf("asked %d times, waited %v", len(r.Asked), r.Slept)
		}
	})
}

func TestRefusedContentIsKeptOnce(t *testing.T) {
	r := newRig(t, bytesOf([]byte("<html><title>Sorry</title></html>")))
	for range 3 {
		if _, err := r.Run(extract.Window{}); err == nil {
			t.Fatal("an error page was taken for data")
		}
	}
	kept := r.Files()
	if len(kept) != 2 || !strings.HasSuffix(kept[1], ".reason.txt") {
		t.Fatalf("kept %q, want the page and its reason", kept)
	}
	if page, err := os.ReadFile(filepath.Join(r.Root, kept[0])); err != nil || string(page) != "<html><title>Sorry</title></html>" {
		t.Errorf("kept %q, %v", page, err)
	}
}

// TestWarnedAndLanded: harmless differences land with a warning.
func TestWarnedAndLanded(t *testing.T) {
	for name, c := range map[string]struct{ csv, warning string }{
		"a new column": {strings.Replace(header, "Value", "Value,Flag", 1) + strings.Replace(row, ".0000", ".0000,E", 1), `new columns ["Flag"]`},
		"a BOM":        {"\ufeff" + header + row, "byte order mark"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, bytesOf(extracttest.Zip(t, "psd_coffee.csv", c.csv)))
			res, err := r.Run(extract.Window{})
			if err != nil || len(res.Landed) != 1 || len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], c.warning) {
				t.Fatalf("%+v, %v", res, err)
			}
			if got := r.Read(res.Landed[0].Path); string(got) != c.csv {
				t.Errorf("landed %q", got)
			}
			if run := r.LastRun(); run.Warnings != 1 {
				t.Errorf("row %+v", run)
			}
		})
	}
}

// TestOneMonthFailsAndTheOthersLand is what status partial is for.
func TestOneMonthFailsAndTheOthersLand(t *testing.T) {
	body := realdata.Read(t, "psd/"+december)
	r := newRig(t, serve(map[string]http.HandlerFunc{
		"archives/2022/11/" + coffeeFile: bytesOf([]byte("<html><title>Oops</title></html>")),
		"archives/2022/12/" + coffeeFile: file(body, decemberRelease),
		coffeeFile:                       file(body, decemberRelease),
	}))
	res, err := r.Run(extract.Window{Since: day(2022, 11, 1), Until: day(2022, 12, 31)})
	if err != nil || res.Status != "partial" || len(res.Landed) != 1 || res.Unchanged != 1 || len(res.Failed) != 1 {
		t.Fatalf("%+v, %v", res, err)
	}
	if !strings.HasPrefix(res.Failed[0], "2022/11: https://") || !strings.Contains(r.LastRun().Error, "Oops") {
		t.Errorf("failed %q, row %q", res.Failed, r.LastRun().Error)
	}
}

func TestFaultUpstreamDown(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	res, err := r.Run(extract.Window{Since: day(2006, 1, 1)})
	if err == nil || res.Status != "failed" || !strings.Contains(err.Error(), "3 in a row could not be had") {
		t.Fatalf("%+v, %v", res, err)
	}
	if len(r.Asked) != 3*5 {
		t.Errorf("asked %d times", len(r.Asked))
	}
}

// TestFaultDiskAtEveryStep lets the n-th operation on the disk fail. The row says
// so, no torn file is left, and the next run ends as an undisturbed one.
func TestFaultDiskAtEveryStep(t *testing.T) {
	t.Parallel()
	body := extracttest.Zip(t, "psd_coffee.csv", header+rows(1000))
	steps := 0
	r := newRig(t, file(body, decemberRelease))
	r.OnStep = func(string) error { steps++; return nil }
	if _, err := r.Run(extract.Window{}); err != nil {
		t.Fatal(err)
	}
	want := r.landed()
	if steps < 20 {
		t.Fatalf("%d steps only", steps)
	}
	for n := 1; n <= steps; n++ {
		r := newRig(t, file(body, decemberRelease))
		calls, at := 0, ""
		r.OnStep = func(step string) error {
			if calls++; calls == n {
				at = step
				return syscall.ENOSPC
			}
			return nil
		}
		_, err := r.Run(extract.Window{})
		if err == nil {
			if at == "" || !strings.Contains(at, "lock") && !strings.Contains(at, "remove") && !strings.Contains(at, "discard") {
				t.Errorf("step %d (%s) failed in silence", n, at)
			}
		} else if !strings.Contains(err.Error(), "no space left on device") {
			t.Errorf("step %d (%s): %v", n, at, err)
		}
		if run, ok, _ := r.State.LastRun(t.Context(), "psd"); err != nil && ok && (run.Status != "failed" && run.Status != "partial" || !strings.Contains(run.Error, "no space left")) {
			t.Errorf("step %d (%s): row %+v", n, at, run)
		}
		for _, name := range r.landed() {
			if extracttest.Hash(r.Read(name))[:12] != filepath.Base(name)[:12] {
				t.Errorf("step %d (%s): torn file %s", n, at, name)
			}
		}
		r.OnStep = nil
		if res, err := r.Run(extract.Window{}); err != nil || res.Status != "success" && res.Status != "unchanged" {
			t.Errorf("after step %d (%s): %+v, %v", n, at, res, err)
		}
		if got := r.Files(); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("after step %d (%s): files %q, want %q", n, at, got, want)
		}
		if f, err := r.State.FilesOf(t.Context(), "psd"); err != nil || len(f) != 1 {
			t.Errorf("after step %d (%s): the index has %d files, %v", n, at, len(f), err)
		}
	}
}

// TestLostFileComesBack: the index and the validators know it, the disk does not.
func TestLostFileComesBack(t *testing.T) {
	body := realdata.Read(t, "psd/"+december)
	r := newRig(t, file(body, decemberRelease))
	if _, err := r.Run(extract.Window{}); err != nil {
		t.Fatal(err)
	}
	name := r.landed()[0]
	if err := os.Remove(filepath.Join(r.Root, name)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Run(extract.Window{}); err != nil {
		t.Fatal(err)
	}
	if got := r.landed(); len(got) != 1 || got[0] != name || extracttest.Hash(r.Read(name)) != extracttest.Hash(extracttest.Unzip(t, body)) {
		t.Errorf("landed %q", got)
	}
}

// TestFaultValidatorsNeverDecide: an ETag that changes, or one that stays, over equal
// and other content.
func TestFaultValidatorsNeverDecide(t *testing.T) {
	text := header + rows(10)
	first, second := extracttest.Zip(t, "psd_coffee.csv", text), extracttest.Zip(t, "psd_coffee.csv", header+rows(11))
	same := extracttest.Zip(t, "renamed.csv", text)
	r := newRig(t, nil)
	answer := func(etag string, body []byte) (extract.Result, error) {
		r.Answer = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", etag)
			w.Header().Set("Last-Modified", decemberRelease.Format(http.TimeFormat))
			w.Write(body)
		}
		return r.Run(extract.Window{})
	}
	for _, c := range []struct {
		etag   string
		body   []byte
		status string
	}{
		{`"a"`, first, "success"}, {`"b"`, first, "unchanged"}, {`W/"b"`, same, "unchanged"},
		{`"b"`, second, "success"}, {`garbage`, second, "unchanged"}, {"", second, "unchanged"},
	} {
		if res, err := answer(c.etag, c.body); err != nil || res.Status != c.status {
			t.Errorf("etag %s: %+v, %v, want %s", c.etag, res, err, c.status)
		}
	}
	if len(r.landed()) != 2 {
		t.Errorf("landed %q", r.landed())
	}
}

// A "not modified" that is about another version, by its ETag or its date, is no
// answer to what was asked.
func TestFaultWrongNotModified(t *testing.T) {
	text := header + rows(10)
	for name, later := range map[string]func(h http.Header){
		"another ETag":         func(h http.Header) { h.Set("ETag", `"two"`) },
		"the ETag of old, new": func(h http.Header) { h.Set("Last-Modified", decemberRelease.AddDate(0, 6, 0).Format(http.TimeFormat)) },
	} {
		body, change := extracttest.Zip(t, "psd_coffee.csv", text), func(http.Header) {}
		r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("ETag", `"one"`)
			w.Header().Set("Last-Modified", decemberRelease.Format(http.TimeFormat))
			if change(w.Header()); req.Header.Get("If-None-Match") != "" {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			w.Write(body)
		})
		for _, want := range []string{"success", "unchanged"} {
			if res, err := r.Run(extract.Window{}); err != nil || res.Status != want || len(r.Asked) != 1 {
				t.Errorf("%s: %+v, %v, asked %q", name, res, err, r.Asked)
			}
		}
		body, change = extracttest.Zip(t, "psd_coffee.csv", header+rows(11)), later
		if res, err := r.Run(extract.Window{}); err != nil || res.Status != "success" || len(r.Asked) != 2 {
			t.Errorf("%s: %+v, %v, asked %q", name, res, err, r.Asked)
		}
	}
}

// TestFaultAnotherOrigin before anything is written.
func TestFaultAnotherOrigin(t *testing.T) {
	sample := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Materia-Origin", "sample")
		bytesOf(extracttest.Zip(t, "psd_coffee.csv", header+row))(w, r)
	}
	r := newRig(t, sample)
	if res, err := r.Run(extract.Window{}); err != nil || res.Landed[0].Origin != "sample" {
		t.Fatalf("%+v, %v", res, err)
	}
	before := r.Files()
	r.Answer = bytesOf(extracttest.Zip(t, "psd_coffee.csv", header+rows(2)))
	res, err := r.Run(extract.Window{Since: day(2020, 1, 1)})
	if err == nil || res.Status != "failed" || !strings.Contains(err.Error(), "holds sample data") || len(r.Asked) != 1 {
		t.Errorf("%+v, %v, asked %d times", res, err, len(r.Asked))
	}
	if after := r.Files(); len(after) != len(before) {
		t.Errorf("files %q", after)
	}
}

// TestFaultDeadRun: a process that died left a row, a journal and a
// temporary; another died between its manifest and its row.
func TestFaultDeadRun(t *testing.T) {
	body := extracttest.Zip(t, "psd_coffee.csv", header+row)
	r := newRig(t, bytesOf(body))
	// The first run's state vanishes after it: all is as if it died before its row.
	if _, err := r.Run(extract.Window{}); err != nil {
		t.Fatal(err)
	}
	if err := r.State.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	dead := landing.NewRunID("psd", r.Now.Add(-time.Hour))
	if err := r.State.StartRun(t.Context(), state.Run{ID: dead, Source: "psd", StartedAt: r.Now}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.Root, ".tmp", "psd", "answer-123"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	res, err := r.Run(extract.Window{})
	if err != nil || res.Status != "unchanged" {
		t.Fatalf("%+v, %v", res, err)
	}
	runs, err := r.State.Runs(t.Context(), 0)
	if err != nil || len(runs) != 2 || runs[1].Status != "crashed" {
		t.Errorf("runs %+v, %v", runs, err)
	}
	if f := r.indexed(); len(f) != 1 {
		t.Errorf("the index has %d files", len(f))
	}
	if got := r.Files(); len(got) != 1 {
		t.Errorf("files %q", got)
	}
}
