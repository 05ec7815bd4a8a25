package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"beanflows.coffee/materia/internal/upstream"
)

const psdURL = "https://apps.fas.usda.gov/psdonline/downloads/"

// TestOneBadSourceDoesNotStopTheOther: whatever an upstream answers, the run says
// source, URL and reason, leaves nothing half-written, and the other source is
// extracted, transformed and published. Once upstream is well, so is everything.
func TestOneBadSourceDoesNotStopTheOther(t *testing.T) {
	psd := "/apps.fas.usda.gov/"
	project := partProject(t, "serving.coffee_prices", "serving.commodity_metrics")
	for _, c := range []struct {
		name   string
		fault  upstream.Fault
		reason string
	}{
		{"html with status 200", upstream.Fault{Path: psd, Kind: upstream.HTML200}, "not a ZIP"},
		{"truncated zip", upstream.Fault{Path: psd, Kind: upstream.Short, Bytes: 3000}, "zip"},
		{"transfer cut off", upstream.Fault{Path: psd, Kind: upstream.Truncate, Bytes: 3000}, "unexpected EOF"},
		{"changed header", upstream.Fault{Path: psd, Kind: upstream.RenameColumn}, "Value"},
		{"server error", upstream.Fault{Path: psd, Kind: upstream.Status, Status: 503}, "HTTP 503"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, server := smallUpstream(t)
			if err := s.SetFaults(c.fault); err != nil {
				t.Fatal(err)
			}
			h := newHouse(t, "MATERIA_UPSTREAM="+server.URL)
			h.project = project
			h.oneSourceFails(c.reason)
			if err := s.SetFaults(fewRows); err != nil {
				t.Fatal(err)
			}
			h.run("pipeline", "run", "all", "--since", "2025-12-01")
			h.hasBoth()
		})
	}
}

// oneSourceFails wants PSD to fail for the reason and prices to go all the way.
func (h *house) oneSourceFails(reason string) {
	h.t.Helper()
	r := h.exits(exitSourcesFailed, "pipeline", "run", "all", "--since", "2025-12-01")
	for _, words := range []string{"materia: psd: ", psdURL, reason} {
		if !strings.Contains(r.stderr, words) {
			h.t.Errorf("the error does not say %q: %s", words, r)
		}
	}
	for path := range h.landingFiles() {
		if strings.HasPrefix(path, "psd/") {
			h.t.Errorf("%s landed", path)
		}
	}
	if left := h.leftovers(); len(left) > 0 {
		h.t.Errorf("left behind: %v", left)
	}
	if rows := h.query("SELECT 1 FROM serving.coffee_prices"); len(rows) < 30 {
		h.t.Errorf("%d prices were published", len(rows))
	}
	if rows := h.query("SELECT last_error FROM serving.data_freshness WHERE source = 'psd' AND last_status = 'failed'"); len(rows) != 1 {
		h.t.Errorf("the status page does not know of the failure: %v", rows)
	}
}

// hasBoth wants figures of both sources published.
func (h *house) hasBoth() {
	h.t.Helper()
	for _, table := range []string{"coffee_prices", "commodity_metrics"} {
		if rows := h.query("SELECT 1 FROM serving." + table + " LIMIT 30"); len(rows) < 30 {
			h.t.Errorf("%d rows of %s were published", len(rows), table)
		}
	}
}

// A publisher whose connections break before an answer.
func TestUnreachableSource(t *testing.T) {
	s, _ := smallUpstream(t)
	var up atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !up.Load() && strings.HasPrefix(r.URL.Path, "/apps.fas.usda.gov/") {
			panic(http.ErrAbortHandler)
		}
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	h := newHouse(t, "MATERIA_UPSTREAM="+server.URL)
	h.project = partProject(t, "serving.coffee_prices", "serving.commodity_metrics")
	h.oneSourceFails("EOF")
	up.Store(true)
	h.run("pipeline", "run", "all", "--since", "2025-12-01")
	h.hasBoth()

	// Nobody there at all: nothing to go on with, and what was published stays.
	h.env = append(h.env, "MATERIA_UPSTREAM=http://127.0.0.1:1")
	r := h.exits(exitFailed, "pipeline", "run", "extract")
	for _, words := range []string{"materia: psd: ", psdURL, "prices: https://query", "connection refused", "check MATERIA_UPSTREAM"} {
		if !strings.Contains(r.stderr, words) {
			t.Errorf("the error does not say %q: %s", words, r)
		}
	}
	h.hasBoth()
}
