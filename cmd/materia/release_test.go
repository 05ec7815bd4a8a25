package main

import (
	"encoding/json"
	"strings"
	"testing"

	"beanflows.coffee/materia/internal/upstream"
)

// TestRefusedAnswerLetIn: a renamed column refuses the file, a person accepts the
// change and lets the file in, and the next run takes it for what it is.
func TestRefusedAnswerLetIn(t *testing.T) {
	s, server := smallUpstream(t)
	h := newHouse(t, "MATERIA_UPSTREAM="+server.URL)
	if err := s.SetFaults(upstream.Fault{Path: "/apps.fas.usda.gov/", Kind: upstream.RenameColumn, Column: "Unit_ID", To: "Unit"}); err != nil {
		t.Fatal(err)
	}
	h.exits(exitFailed, "pipeline", "run", "extract_psd")
	held := h.quarantine()
	if len(held) != 1 || held[0].Released {
		t.Fatalf("quarantine %+v", held)
	}
	h.says(h.run("landing", "accept", held[0].Name, "--by", "ann", "--why", "renamed by USDA"), `accepted for psd: columns: columns differ: missing ["Unit_ID"], unknown ["Unit"]`)
	h.says(h.run("landing", "release", held[0].Name[:30], "--by", "ann", "--why", "the same figures"), "psd: success: landed 1 file")
	if held := h.quarantine(); len(held) != 0 {
		t.Errorf("released, and still listed: %+v", held)
	}
	if held := h.quarantine("--all"); len(held) != 1 || !held[0].Released {
		t.Errorf("quarantine %+v", held)
	}
	h.says(h.run("pipeline", "run", "extract_psd"), "psd: unchanged")
	h.says(h.run("landing", "log"), "ann  accept psd columns", "ann  release psd "+held[0].Name)
}

// says wants the words on stdout.
func (h *house) says(r result, all ...string) {
	h.t.Helper()
	for _, want := range all {
		if !strings.Contains(r.stdout, want) {
			h.t.Errorf("no %q in %s", want, r)
		}
	}
}

// heldAnswer is what landing quarantine --json says of one answer, as far as these
// tests go.
type heldAnswer struct {
	Name, Reason, Source string
	Released             bool
	Findings             []struct{ Refuse bool }
}

func (h *house) quarantine(args ...string) (held []heldAnswer) {
	h.t.Helper()
	if err := json.Unmarshal([]byte(h.run(append([]string{"landing", "quarantine", "--json"}, args...)...).stdout), &held); err != nil {
		h.t.Fatal(err)
	}
	return held
}

// TestOperatorsHandOnEverySource: a contract refuses the first answer of each
// source. In one house a person releases it and its rows come out at the other end;
// in the other a person accepts the difference, and the next run lands it.
func TestOperatorsHandOnEverySource(t *testing.T) {
	for _, c := range []struct {
		source string
		since  string // empty: the default window
		fault  upstream.Fault
		table  string
		shows  string // where it holds, the row is of the refused answer
	}{
		{"psd", "", upstream.Fault{Path: "/apps.fas.usda.gov/", Kind: upstream.WrongType, Column: "Month", To: "99"}, "serving.commodity_metrics", "production > 0"},
		{"prices", "", upstream.Fault{Path: "/query", Kind: upstream.WrongType, Column: "low", To: "5"}, "serving.coffee_prices", "low = 5"},
		{"cot", "2026-01-01", upstream.Fault{Path: "/www.cftc.gov/files/dea/history/fut_disagg_txt_2026", Kind: upstream.RenameColumn, Column: "CFTC_SubGroup_Code", To: "SubGroup"},
			"serving.cot_positioning", "report_date >= DATE '2026-01-01'"},
		{"cot_legacy", "2026-01-01", upstream.Fault{Path: "/www.cftc.gov/files/dea/history/deacot2026", Kind: upstream.Duplicates, Rows: 3}, "staging.stg_cot_legacy", "open_interest > 0"},
		{"ice", "", upstream.Fault{Path: "/www.ice.com/publicdocs/futures_us_reports/coffee/coffee_cert_stock_20260128", Kind: upstream.FewerRows}, "serving.ice_warehouse_stocks", "report_date = DATE '2026-01-28'"},
		{"weather", "2026-01-01", upstream.Fault{Path: "/archive-api.open-meteo.com/v1/archive?latitude=-21", Kind: upstream.WrongType, Column: "precipitation_sum", To: "2500"},
			"serving.weather_daily", "precipitation_mm = 2500"},
	} {
		t.Run(c.source, func(t *testing.T) {
			t.Parallel()
			s, server := smallUpstream(t)
			h := newHouse(t, "MATERIA_UPSTREAM="+server.URL)
			h.project = cutProject(t, c.table)
			if err := s.SetFaults(c.fault); err != nil {
				t.Fatal(err)
			}
			extract := []string{"pipeline", "run", "extract_" + c.source}
			if c.since != "" {
				extract = append(extract, "--since", c.since)
			}
			r := h.try(extract...)
			if r.code != exitFailed && r.code != exitSourcesFailed || strings.Contains(r.stderr, c.source+": "+c.source+":") {
				t.Fatalf("refused: %s", r)
			}
			held := h.quarantine()
			if len(held) == 0 || held[0].Source != c.source || len(held[0].Findings) == 0 {
				t.Fatalf("quarantine %+v", held)
			}
			accepting := h.copyHouse(t)

			h.says(h.run("landing", "release", held[0].Name, "--by", "ann", "--why", "seen in the circular"), c.source+": success: landed ", "let in by ann")
			h.run("pipeline", "run", "transform")
			query := []string{"query", "--csv", "SELECT count(*) AS n FROM " + c.table + " WHERE " + c.shows}
			if strings.HasPrefix(c.table, "serving.") {
				h.run("pipeline", "run", "export_serving")
			} else {
				query = append(query, "--db", "lakehouse")
			}
			if r := h.run(query...); r.stdout == "n\n0\n" {
				t.Errorf("the released rows do not show: %s", r)
			}
			if err := s.SetFaults(); err != nil {
				t.Fatal(err)
			}
			h.run(extract...) // the released answer is no obstacle to a good one
			h.run("landing", "verify")

			if err := s.SetFaults(c.fault); err != nil {
				t.Fatal(err)
			}
			for _, one := range accepting.quarantine() {
				accepting.says(accepting.run("landing", "accept", one.Name, "--by", "ann", "--why", "it stays so"), "accepted for "+c.source+": ")
			}
			accepting.says(accepting.run(extract...), c.source+": success: landed ", "let in by ann", "it stays so")
		})
	}
}
