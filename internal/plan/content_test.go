package plan

import (
	"strings"
	"testing"
)

// columnHouse has a model of four columns and children that read some.
//
//	foundation.wide (day, code, bags, note) -> serving.noted (code, note), serving.total (day, bags), serving.all (*), serving.seen VIEW (bags)
//	serving.total -> serving.top
func columnHouse(t *testing.T) *house {
	h := newHouse(t)
	h.write("models/foundation/wide.sql", "MODEL (name foundation.wide, kind FULL);\nSELECT t.day, t.code, t.bags, lower(t.code) AS note FROM staging.trades AS t WHERE t.bags > 0")
	h.write("models/serving/noted.sql", "MODEL (name serving.noted, kind FULL);\nSELECT code, note FROM foundation.wide")
	h.write("models/serving/total.sql", "MODEL (name serving.total, kind FULL);\nSELECT w.day, sum(w.bags) AS bags FROM foundation.wide AS w GROUP BY w.day")
	h.write("models/serving/everything.sql", "MODEL (name serving.everything, kind FULL);\nSELECT * FROM foundation.wide")
	h.write("models/serving/seen.sql", "MODEL (name serving.seen, kind VIEW);\nSELECT bags FROM foundation.wide")
	h.write("models/serving/top.sql", "MODEL (name serving.top, kind FULL);\nSELECT max(bags) AS bags FROM serving.total")
	h.apply(Prod)
	return h
}

func TestOnlyReadersOfAChangedColumnAreRebuilt(t *testing.T) {
	h := columnHouse(t)
	total := h.query("SELECT version FROM materia.environment_models WHERE model IN ('serving.total', 'serving.top')")
	h.edit("models/foundation/wide.sql", "lower(t.code) AS note", "lower(t.code) || '!' AS note")
	p, _ := h.apply(Prod)
	equal(t, "builds", builds(p), []string{"foundation.wide", "serving.everything", "serving.noted", "serving.seen"})
	categories := []string{}
	for _, m := range p.IndirectlyModified {
		categories = append(categories, m.Model+" "+string(m.Category))
	}
	equal(t, "indirectly modified", categories, []string{"serving.everything Indirect Breaking", "serving.noted Indirect Breaking",
		"serving.seen Indirect Non-breaking", "serving.total Indirect Non-breaking", "serving.top Indirect Non-breaking"})
	equal(t, "versions", h.query("SELECT DISTINCT version FROM materia.environment_models WHERE model IN ('serving.total', 'serving.top')"), total)
	equal(t, "notes", h.query("SELECT note FROM serving.noted"), []string{`{"note":"br!"}`, `{"note":"co!"}`})
	for range 3 { // until nothing names the first wide any more
		h.edit("models/foundation/wide.sql", "'!'", "'!' || ''")
		h.apply(Prod)
	}
	equal(t, "top", h.query("SELECT bags FROM serving.top"), []string{`{"bags":10}`})
	equal(t, "seen", h.query("SELECT bags FROM serving.seen"), []string{`{"bags":10}`, `{"bags":5}`})
	if p := h.plan(Prod); p.Changes() {
		t.Errorf("nothing is left to do: %s", text(t, p))
	}
}

func TestAppendedColumnRebuildsNoReaderByName(t *testing.T) {
	h := columnHouse(t)
	h.edit("models/foundation/wide.sql", "AS note FROM", "AS note, upper(t.code) AS loud FROM")
	p, _ := h.apply("dev")
	equal(t, "builds", builds(p), []string{"foundation.wide", "serving.everything", "serving.seen"})
	p, applied := h.apply(Prod)
	if len(applied.Built) > 0 || len(p.Reused) != 3 {
		t.Errorf("promotion built %v, reused %v", applied.Built, p.Reused)
	}
}

func TestChangedRowsRebuildEveryReader(t *testing.T) {
	for name, change := range map[string][2]string{
		"a filter":          {"t.bags > 0", "t.bags > 5"},
		"a source":          {"FROM staging.trades", "FROM (SELECT * FROM staging.trades) "},
		"rows are repeated": {"AS note", "AS note, unnest([1, 2]) AS i"},
	} {
		h := columnHouse(t)
		h.edit("models/foundation/wide.sql", change[0], change[1])
		if p := h.plan(Prod); len(builds(p)) != 6 || !strings.Contains(text(t, p), "serving.total (Indirect Breaking)") {
			t.Errorf("%s: builds %v", name, builds(p))
		}
	}
}

// TestPartsHoldWhatTheyPromise changes one column after the other and looks
// whether every table is what a fresh build makes of the same project.
func TestPartsHoldWhatTheyPromise(t *testing.T) {
	h := columnHouse(t)
	for _, changes := range [][][2]string{
		{{"lower(t.code) AS note", "upper(t.code) AS note"}, {"t.day, t.code, t.bags", "t.day, 'x' || t.code AS code, t.bags"}},
		{{"t.bags, upper", "t.bags + 1 AS bags, upper"}, {"t.day, 'x'", "CAST(t.day + INTERVAL 1 DAY AS DATE) AS day, 'x'"}},
	} {
		for _, change := range changes {
			h.edit("models/foundation/wide.sql", change[0], change[1])
			h.apply(Prod)
		}
		fresh := h.clone()
		fresh.path = fresh.root + "/fresh.duckdb"
		fresh.apply(Prod)
		if got, want := h.content(Prod), fresh.content(Prod); got != want {
			t.Errorf("after %s:\n%s\na fresh build has\n%s", changes, got, want)
		}
	}
}
