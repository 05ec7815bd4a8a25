package plan

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestFailingBlockingAuditLeavesTheEnvironment(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	before := h.content(Prod)
	h.land("trades/b.csv.gzip", "day,code,bags\n2026-01-03,BR,\n2026-01-04,CO,3\n")
	_, applied, err := Run(context.Background(), h.path, h.options(), Prod, frozen(h.inputs()), nil)
	var failed *AuditError
	if !errors.As(err, &failed) || len(failed.Failures) != 1 {
		t.Fatalf("error: %v", err)
	}
	f := failed.Failures[0]
	if f.Model != "foundation.trade" || f.FailingRows != 1 || f.Audit != "not_null(columns := (day, bags))" || !f.Blocking {
		t.Errorf("failure: %+v", f)
	}
	row := `{"day":"2026-01-03","code":"BR","title":"Brazil","bags":null}`
	if !strings.Contains(err.Error(), row) || !strings.Contains(err.Error(), "models/foundation/trade.sql") {
		t.Errorf("the error does not show the row and the file: %v", err)
	}
	if got := h.content(Prod); got != before {
		t.Errorf("prod changed:\n%s", got)
	}
	equal(t, "kept rows", h.query("SELECT failing_row::VARCHAR AS r FROM materia.audit_failures"), []string{`{"r":"{\"day\":\"2026-01-03\",\"code\":\"BR\",\"title\":\"Brazil\",\"bags\":null}"}`})
	if len(applied.Built) != 1 || applied.Built[0].Model != "staging.trades" {
		t.Errorf("built: %+v", applied.Built)
	}

	// With the file mended, what stood is used and the failure is forgotten.
	h.land("trades/b.csv.gzip", "day,code,bags\n2026-01-03,BR,1\n2026-01-04,CO,3\n")
	h.run(Prod)
	equal(t, "bags", h.query("SELECT bags FROM serving.by_country"), []string{`{"bags":11}`, `{"bags":8}`})
	equal(t, "kept rows", h.query("SELECT count(*) AS n FROM materia.audit_failures"), []string{`{"n":0}`})
}

func TestAuditErrorNamesTheLine(t *testing.T) {
	h := newHouse(t)
	h.land("trades/b.csv.gzip", "day,code,bags\n2026-01-03,BR,\n")
	_, _, err := h.tryApply(Prod)
	if err == nil || !strings.Contains(err.Error(), "models/foundation/trade.sql:6: audit not_null(columns := (day, bags)) of foundation.trade: 1 failing row") {
		t.Errorf("error: %v", err)
	}
	if got := h.content(Prod); got != "" {
		t.Errorf("prod exists:\n%s", got)
	}
}

func TestNonBlockingAuditWarns(t *testing.T) {
	h := newHouse(t)
	var rows strings.Builder
	for i := range 150 {
		fmt.Fprintf(&rows, "2026-01-03,BR,%d\n", -i-1)
	}
	h.land("trades/b.csv.gzip", "day,code,bags\n"+rows.String())
	_, applied := h.apply(Prod)
	if len(applied.Warnings) != 1 || applied.Warnings[0].FailingRows != 150 || applied.Warnings[0].Blocking || applied.Warnings[0].Line != 7 {
		t.Fatalf("warnings: %+v", applied.Warnings)
	}
	if s := applied.Warnings[0].String(); strings.Count(s, "\n") != maxShownRows+1 || !strings.Contains(s, "and 145 more") {
		t.Errorf("shown:\n%s", s)
	}
	lake, err := OpenReadOnly(context.Background(), h.path, h.options())
	if err != nil {
		t.Fatal(err)
	}
	defer lake.Close()
	audits, err := lake.Audits(context.Background(), Prod)
	if err != nil || len(audits) != 2 {
		t.Fatalf("%v %v", audits, err)
	}
	for _, a := range audits {
		switch a.Audit {
		case "not_null(columns := (day, bags))":
			if !a.Blocking || a.FailingRows != 0 || len(a.Rows) != 0 {
				t.Errorf("%+v", a)
			}
		case "accepted_range(column := bags, min_v := 0)":
			if a.Blocking || a.FailingRows != 150 || len(a.Rows) != maxKeptRows {
				t.Errorf("%+v", a)
			}
		default:
			t.Errorf("unexpected %+v", a)
		}
	}
}

func TestChangedAuditIsAskedOfStandingTables(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	before := h.content(Prod)
	h.edit("models/foundation/trade.sql", "not_null(columns := (day, bags))", "not_null(columns := (day, bags)), accepted_range(column := bags, max_v := 7)")
	p, _, err := h.tryApply(Prod)
	if len(p.MetadataUpdated) != 1 || p.MetadataUpdated[0].Model != "foundation.trade" || len(p.Builds) != 0 {
		t.Errorf("metadata %+v, builds %v", p.MetadataUpdated, p.Builds)
	}
	var failed *AuditError
	if !errors.As(err, &failed) || failed.Failures[0].FailingRows != 1 {
		t.Fatalf("a new audit that fails: %v", err)
	}
	if _, _, again := h.tryApply(Prod); !errors.As(again, &failed) { // its recorded failure is no excuse
		t.Errorf("the second time: %v", again)
	}
	if got := h.content(Prod); got != before {
		t.Errorf("prod changed:\n%s", got)
	}
	h.edit("models/foundation/trade.sql", "max_v := 7", "max_v := 10")
	_, applied := h.apply(Prod)
	if len(applied.Built) != 0 {
		t.Errorf("an audit rebuilt %v", applied.Built)
	}
	if q := h.plan(Prod); q.Changes() {
		t.Errorf("not settled: %s", text(t, q))
	}
	h.land("trades/b.csv.gzip", "day,code,bags\n2026-01-03,BR,11\n") // run uses the audit that was planned
	if _, _, err := Run(context.Background(), h.path, h.options(), Prod, frozen(h.inputs()), nil); !errors.As(err, &failed) {
		t.Errorf("run with a failing recorded audit: %v", err)
	}
}

func TestSQLAuditIsRecordedWithItsModel(t *testing.T) {
	h := newHouse(t)
	h.write("audits/few_bags.sql", "AUDIT (name few_bags);\nSELECT * FROM @this_model WHERE bags > @most;\n")
	h.edit("models/foundation/trade.sql", "not_null(columns := (day, bags))", "few_bags(most := 10)")
	h.apply(Prod)
	h.remove("audits/few_bags.sql")
	h.land("trades/b.csv.gzip", "day,code,bags\n2026-01-03,BR,11\n")
	_, _, err := Run(context.Background(), h.path, h.options(), Prod, frozen(h.inputs()), nil)
	var failed *AuditError
	if !errors.As(err, &failed) || failed.Failures[0].Audit != "few_bags(most := 10)" {
		t.Errorf("error: %v", err)
	}
}

func TestContractClashIsRefusedBeforeAnyWrite(t *testing.T) {
	h := newHouse(t)
	h.apply(Prod)
	// The reader finds its columns in the files, so the clash shows in the build.
	h.edit("models/staging/rates.sql", "MODEL (name staging.rates, kind FULL)", "MODEL (name staging.rates, kind FULL, columns (day DATE, rate DECIMAL(10,4)))")
	h.apply(Prod)
	before, physicals := h.content(Prod), h.physicals()
	p := h.plan("dev")
	for _, tgt := range p.targets {
		if tgt.model.Name == "staging.rates" {
			tgt.model.Columns[1].Type = "DOUBLE" // as if the project had been loaded against other files
			tgt.version = strings.Repeat("0", 64)
		}
	}
	p.changes = true
	lake, err := Open(context.Background(), h.path, h.options())
	if err != nil {
		t.Fatal(err)
	}
	_, err = Apply(context.Background(), lake, p, nil)
	if err := errors.Join(lake.Close()); err != nil {
		t.Fatal(err)
	}
	if err == nil || !strings.Contains(err.Error(), "columns contract: column rate is DECIMAL(10,4), not DOUBLE") {
		t.Errorf("error: %v", err)
	}
	if got := h.content(Prod); got != before {
		t.Errorf("prod changed:\n%s", got)
	}
	equal(t, "tables", h.physicals(), physicals)
}
