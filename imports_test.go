// Package materia_test holds what is tested about the repository as a whole.
package materia_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "beanflows.coffee/materia/"

// allowed lists, for each package, which of ours it may import, and why not
// more. A package that is not listed here is refused: decide its place first.
var allowed = []struct {
	pkg  string
	may  []string
	why  string
	only string // third-party import that this package alone may have
}{
	{pkg: "internal/landing", why: "a leaf: files that outlive every other package's ideas"},
	{pkg: "internal/state", why: "a leaf: all SQL of .state.sqlite stands here and knows nobody", only: "github.com/mattn/go-sqlite3"},
	{pkg: "internal/duck", why: "a leaf: one place that configures DuckDB", only: "github.com/duckdb/duckdb-go/v2"},
	{pkg: "internal/xls", why: "a leaf: reads a stranger's format and knows nobody"},
	{pkg: "internal/realdata", why: "a leaf: tests of many packages ask it where real files lie, and nothing that ships does"},
	{pkg: "internal/upstream", why: "stands in for strangers, so it knows nothing of us"},
	{pkg: "internal/upstream/s3bucket", why: "stands in for a stranger's bucket, so it shares no code with the client"},
	{pkg: "internal/extract", may: []string{"internal/landing", "internal/state"}, why: "what sources share; it never knows a source"},
	{pkg: "internal/extract/psdonline", may: []string{"internal/extract", "internal/landing"}, why: "sources never import each other"},
	{pkg: "internal/extract/coffeeprices", may: []string{"internal/extract", "internal/landing"}, why: "sources never import each other"},
	{pkg: "internal/extract/cftclegacy", may: []string{"internal/extract", "internal/landing"}, why: "sources never import each other"},
	{pkg: "internal/extract/cftccot", may: []string{"internal/extract", "internal/landing"}, why: "sources never import each other"},
	{pkg: "internal/extract/openmeteo", may: []string{"internal/extract", "internal/landing"}, why: "sources never import each other"},
	{pkg: "internal/extract/icestocks", may: []string{"internal/extract", "internal/landing", "internal/xls"}, why: "sources never import each other"},
	{pkg: "internal/extract/extracttest", may: []string{"internal/extract", "internal/landing", "internal/state"}, why: "what the tests of sources share; like extract it knows none, and nothing that ships imports it"},
	{pkg: "internal/model", may: []string{"internal/duck"}, why: "a model is text and what DuckDB says of it; it never touches data"},
	{pkg: "internal/modeltest", may: []string{"internal/model", "internal/duck"}, why: "tests run models, not plans"},
	{pkg: "internal/plan", may: []string{"internal/model", "internal/duck"}, why: "plans know models and the lakehouse, not where files come from"},
	{pkg: "internal/sqlfmt", may: []string{"internal/model", "internal/duck"}, why: "shares the lexer, and asks DuckDB whether the meaning stands; it never runs a model"},
	{pkg: "internal/lint", may: []string{"internal/model", "internal/sqlfmt"}, why: "reads texts only; which models have tests it is told"},
	{pkg: "internal/lineage", may: []string{"internal/model", "internal/duck"}, why: "follows names through queries; files and hashes it is not told"},
	{pkg: "internal/serving", may: []string{"internal/duck"}, why: "publishes what it is handed"},
	{pkg: "internal/secrets", why: "a leaf: opens encrypted files and knows nothing of what is in them"},
	{pkg: "scripts/s3bucket", may: []string{"internal/upstream/s3bucket"}, why: "the bucket as a program, for tests of whole machines"},
	{pkg: "infra", why: "tests of scripts and units; it runs them and imports nothing"},
	{pkg: "internal/deploy", why: "a leaf: it replaces the program, whatever the program is"},
	{pkg: "internal/alert", may: []string{"internal/state"}, why: "writes into the outbox and sends from it; it knows no reason to"},
	{pkg: "internal/supervise", may: []string{"internal/state", "internal/alert"}, why: "starts pipelines as processes, so it cannot do their work itself"},
	{pkg: "internal/doctor", why: "a leaf: looks at the machine; what is asked of our own files is asked by cmd"},
	{pkg: "internal/backup", may: []string{"internal/landing", "internal/state"}, why: "copies files and knows nothing of what they mean"},
	{pkg: "internal/web", may: []string{"internal/serving"}, why: "pages read the published file only; a page that could open the lakehouse one day would"},
}

type listed struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

func TestImportDirections(t *testing.T) {
	packages := list(t)
	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath, module)
		for _, i := range p.Imports {
			if strings.HasPrefix(i, module+"cmd/") {
				t.Errorf("%s imports %s: nobody imports cmd", name, i)
			}
		}
		if name == "cmd/materia" || name == strings.TrimSuffix(module, "/") {
			continue // cmd composes everything
		}
		rule := -1
		for n := range allowed {
			if allowed[n].pkg == name {
				rule = n
			}
		}
		if rule < 0 {
			t.Errorf("%s has no import rule: add a row that says what it may import and why not more", name)
			continue
		}
		for _, i := range p.Imports {
			own, ours := strings.CutPrefix(i, module)
			if ours && !contains(allowed[rule].may, own) {
				t.Errorf("%s imports %s; it may import %v, because: %s", name, own, allowed[rule].may, allowed[rule].why)
			}
			for _, other := range allowed {
				if other.only != "" && other.pkg != name && (i == other.only || strings.HasPrefix(i, other.only+"/")) {
					t.Errorf("%s imports %s; only %s may, because: %s", name, i, other.pkg, other.why)
				}
			}
		}
	}
}

func TestPackageNamesSaySomething(t *testing.T) {
	for _, p := range list(t) {
		parts := strings.Split(p.ImportPath, "/")
		switch last := parts[len(parts)-1]; last {
		case "util", "utils", "common", "helpers", "helper", "manager", "service", "misc":
			t.Errorf("%s: the name %q says nothing about what is inside", p.ImportPath, last)
		}
	}
}

func list(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		all = append(all, p)
	}
	if len(all) < 5 {
		t.Fatalf("go list found %d packages only", len(all))
	}
	return all
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
