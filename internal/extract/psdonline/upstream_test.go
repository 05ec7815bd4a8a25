package psdonline

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/extract/extracttest"
	"beanflows.coffee/materia/internal/upstream"
)

// TestFaultOfEveryKind lets the sample upstream misbehave in each way that it
// knows, after a good release. What landed before is there afterwards, whatever
// happened; a refused answer says why; and once upstream is well again all is.
func TestFaultOfEveryKind(t *testing.T) {
	t.Parallel()
	s := upstream.New(upstream.Options{Today: extracttest.Today(), Since: 2024, ExtraRows: 1, FirstArchive: extracttest.Today()})
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("If-None-Match") // the body is wanted, not a 304
		r.Header.Del("If-Modified-Since")
		s.ServeHTTP(w, r)
	})
	r.Limits = extract.Limits{Tries: 2}
	good, err := r.Run(extract.Window{})
	if err != nil || len(good.Landed) != 1 || good.Landed[0].Origin != "sample" || len(good.Warnings) != 0 {
		t.Fatalf("%+v, %v", good, err)
	}
	landed := 1
	for _, c := range []struct {
		fault  upstream.Fault
		status string
		says   string // in the error or the warnings
	}{
		{upstream.Fault{Kind: upstream.Status, Status: 503, RetryAfter: "3"}, "failed", "HTTP 503"},
		{upstream.Fault{Kind: upstream.Status, Status: 429}, "failed", "wants fewer requests"},
		{upstream.Fault{Kind: upstream.Status, Status: 403}, "failed", "HTTP 403"},
		{upstream.Fault{Kind: upstream.HTML200}, "failed", "answered HTML, not a ZIP"},
		{upstream.Fault{Kind: upstream.Redirect, Location: "http://apps.fas.usda.gov/x"}, "failed", "not https"},
		{upstream.Fault{Kind: upstream.Redirect, Location: "https://127.0.0.1/x"}, "failed", "another host"},
		{upstream.Fault{Kind: upstream.Truncate, Bytes: 1000}, "failed", "cut off after 1000 bytes"},
		{upstream.Fault{Kind: upstream.Stall, Bytes: 100}, "failed", "stalled"},
		{upstream.Fault{Kind: upstream.Short, Bytes: 5000}, "failed", "not a whole ZIP"},
		{upstream.Fault{Kind: upstream.Corrupt}, "failed", ""},
		{upstream.Fault{Kind: upstream.WrongMagic}, "failed", "not a ZIP"},
		{upstream.Fault{Kind: upstream.NoValidators}, "unchanged", ""},
		{upstream.Fault{Kind: upstream.WrongETag}, "unchanged", ""},
		{upstream.Fault{Kind: upstream.Header, To: "Last-Modified: Fri, 01 Jan 2100 00:00:00 GMT"}, "unchanged", ""},
		{upstream.Fault{Kind: upstream.WrongType}, "failed", "column Value is no number"},
		{upstream.Fault{Kind: upstream.WrongType, To: "NaN", Rows: 2000}, "failed", "column Value is not finite in"},
		{upstream.Fault{Kind: upstream.RenameColumn}, "failed", `missing ["Value"], unknown ["Amount"]`},
		{upstream.Fault{Kind: upstream.DropColumn}, "failed", `missing ["Value"]`},
		{upstream.Fault{Kind: upstream.FewerRows}, "failed", "fewer than"},
		{upstream.Fault{Kind: upstream.Empty}, "failed", "a header and no rows"},
		{upstream.Fault{Kind: upstream.Duplicates}, "failed", "stands twice in"},
		{upstream.Fault{Kind: upstream.CP1252}, "failed", "not UTF-8"},
		{upstream.Fault{Kind: upstream.Drip, Bytes: 64 << 10, EveryMS: 1}, "unchanged", ""},
		{upstream.Fault{Kind: upstream.WrongType, To: "NaN", Rows: 3}, "success", "column Value is not finite in 3 of"},
		{upstream.Fault{Kind: upstream.AddColumn}, "success", `new columns ["Note"]`},
		{upstream.Fault{Kind: upstream.ReorderColumns}, "success", ""},
		{upstream.Fault{Kind: upstream.BOM}, "success", "byte order mark"},
		{upstream.Fault{Kind: upstream.Revise}, "success", ""},
	} {
		if raceDetector && os.Getenv("MATERIA_LONG") == "" && heavy(c.fault.Kind) {
			continue // 86,000 rows made, edited and read; the small files of contract_test.go go the same way
		}
		if err := s.SetFaults(c.fault); err != nil {
			t.Fatal(err)
		}
		r.Limits.Idle = 0 // the usual: a loaded machine is no stalled publisher
		if c.fault.Kind == upstream.Stall {
			r.Limits.Idle = 200 * time.Millisecond
		}
		res, err := r.Run(extract.Window{})
		said := strings.Join(res.Warnings, "\n")
		if err != nil {
			said = err.Error()
		}
		if res.Status != c.status || !strings.Contains(said, c.says) {
			t.Errorf("%+v: status %s, %q; want %s, %q", c.fault, res.Status, said, c.status, c.says)
		}
		if c.status == "success" {
			landed++
		}
		if files := r.landed(); len(files) != landed {
			t.Errorf("%+v: %d files, want %d", c.fault, len(files), landed)
		}
		if got := extracttest.Hash(r.Read(good.Landed[0].Path)); got != good.Landed[0].SHA256 {
			t.Errorf("%+v: the good release changed", c.fault)
		}
	}
	if err := s.SetFaults(); err != nil {
		t.Fatal(err)
	}
	if res, err := r.Run(extract.Window{}); err != nil || res.Status != "unchanged" {
		t.Errorf("all is well again: %+v, %v", res, err)
	}
}

// heavy kinds edit every row; one of each outcome is enough under the race detector.
func heavy(k upstream.Kind) bool {
	switch k {
	case upstream.WrongType, upstream.RenameColumn, upstream.DropColumn, upstream.FewerRows, upstream.Empty, upstream.CP1252, upstream.BOM, upstream.Revise:
		return true
	}
	return false
}
