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
	says := func(r result, all ...string) {
		t.Helper()
		for _, want := range all {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("no %q in %s", want, r)
			}
		}
	}
	var held []struct {
		Name, Reason string
		Released     bool
	}
	list := func(args ...string) {
		t.Helper()
		held = nil
		if err := json.Unmarshal([]byte(h.run(append([]string{"landing", "quarantine", "--json"}, args...)...).stdout), &held); err != nil {
			t.Fatal(err)
		}
	}
	if list(); len(held) != 1 || held[0].Released {
		t.Fatalf("quarantine %+v", held)
	}
	says(h.run("landing", "accept", held[0].Name, "--by", "ann", "--why", "renamed by USDA"), `accepted for psd: columns: columns differ: missing ["Unit_ID"], unknown ["Unit"]`)
	says(h.run("landing", "release", held[0].Name[:30], "--by", "ann", "--why", "the same figures"), "psd: success: landed 1 file")
	if list(); len(held) != 0 {
		t.Errorf("released, and still listed: %+v", held)
	}
	if list("--all"); len(held) != 1 || !held[0].Released {
		t.Errorf("quarantine %+v", held)
	}
	says(h.run("pipeline", "run", "extract_psd"), "psd: unchanged")
	says(h.run("landing", "log"), "ann  accept psd columns", "ann  release psd "+held[0].Name)
}
