package plan

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"beanflows.coffee/materia/internal/model"
)

const lz = "/lz"

// m makes a model of a project that has never been a file.
func m(name, code string, parents ...string) *model.Model {
	schema, table, _ := strings.Cut(name, ".")
	return &model.Model{Name: name, Schema: schema, Table: table, File: "models/" + name + ".sql", Kind: model.Full,
		SQL: code, Query: code, CodeHash: "code " + code, MetaHash: "meta", DependsOn: parents}
}

func reading(x *model.Model, globs ...string) *model.Model {
	for _, g := range globs {
		x.Readers = append(x.Readers, model.Reader{Function: "read_csv", Glob: lz + "/" + g})
	}
	return x
}

func project(models ...*model.Model) *model.Project {
	p := &model.Project{Models: map[string]*model.Model{}}
	for _, x := range models {
		p.Models[x.Name] = x
		p.Order = append(p.Order, x.Name)
	}
	return p
}

func files(pairs ...string) Inputs {
	in := Inputs{Root: lz}
	for i := 0; i < len(pairs); i += 2 {
		in.Files = append(in.Files, InputFile{lz + "/" + pairs[i], pairs[i+1]})
	}
	return in
}

// record is what a lakehouse would answer after p was applied.
func record(p *Plan) Recorded {
	r := Recorded{Env: p.Env, PlanID: p.ID, LandingRoot: p.landingRoot, Built: map[string]bool{}}
	for _, t := range p.targets {
		r.Built[t.version] = true
		r.Models = append(r.Models, RecordedModel{Version: t.version, CodeHash: t.model.CodeHash, MetaHash: t.model.MetaHash,
			Definition: Definition{Model: t.model}, Files: t.files})
	}
	return r
}

func must(t *testing.T, p *Plan, err error) *Plan {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestComputeDifferences(t *testing.T) {
	in := files("x/1.csv", "aa", "x/2.csv", "bb", "y/1.csv", "cc")
	base := func() []*model.Model {
		return []*model.Model{reading(m("a.x", "x"), "x/*.csv"), reading(m("a.y", "y"), "y/*.csv"), m("b.both", "both", "a.x", "a.y"), m("c.top", "top", "b.both"), m("c.ofy", "ofy", "a.y")}
	}
	first, err := Compute(project(base()...), in, Recorded{Env: Prod})
	must(t, first, err)
	recorded := record(first)
	for _, c := range []struct {
		name    string
		change  func(models []*model.Model) []*model.Model
		in      Inputs
		builds  []string
		reasons []string
		check   func(p *Plan) bool
	}{
		{name: "nothing", check: func(p *Plan) bool { return !p.Changes() && strings.HasPrefix(p.Headline, "No changes") }},
		{name: "files in another order", in: files("y/1.csv", "cc", "x/2.csv", "bb", "x/1.csv", "aa"), check: func(p *Plan) bool { return !p.Changes() }},
		{name: "a file that nobody reads", in: files("x/1.csv", "aa", "x/2.csv", "bb", "y/1.csv", "cc", "z/1.csv", "dd"), check: func(p *Plan) bool { return !p.Changes() }},
		{name: "code in the middle", change: func(l []*model.Model) []*model.Model { l[2].CodeHash = "other"; return l },
			builds: []string{"b.both", "c.top"}, reasons: []string{"code changed", "code changed in b.both"},
			check: func(p *Plan) bool {
				return len(p.DirectlyModified) == 1 && len(p.IndirectlyModified) == 1 && p.IndirectlyModified[0].Category == IndirectBreaking
			}},
		{name: "one new file", in: files("x/1.csv", "aa", "x/2.csv", "bb", "x/3.csv", "dd", "y/1.csv", "cc"),
			builds: []string{"a.x", "b.both", "c.top"}, reasons: []string{"1 new file", "new data in a.x", "new data in b.both"},
			check: func(p *Plan) bool {
				return len(p.DirectlyModified)+len(p.IndirectlyModified) == 0 && p.Headline == "New data for the `prod` environment:"
			}},
		{name: "other content of a file, another gone", in: files("x/1.csv", "ee", "y/1.csv", "cc"),
			builds: []string{"a.x", "b.both", "c.top"}, reasons: []string{"1 new file, 1 file gone", "new data in a.x", "new data in b.both"}},
		{name: "metadata", change: func(l []*model.Model) []*model.Model { l[0].MetaHash = "other"; return l },
			check: func(p *Plan) bool { return len(p.MetadataUpdated) == 1 && p.Changes() && len(p.Builds) == 0 }},
		{name: "added and removed", change: func(l []*model.Model) []*model.Model { return append(l[:4:4], m("d.new", "new", "a.x")) },
			builds: []string{"d.new"}, reasons: []string{"new model"},
			check: func(p *Plan) bool {
				return reflect.DeepEqual(p.Removed, []string{"c.ofy"}) && reflect.DeepEqual(p.Added, []string{"d.new"})
			}},
		{name: "code and data at once", change: func(l []*model.Model) []*model.Model { l[1].CodeHash = "other"; return l }, in: files("x/1.csv", "aa", "x/2.csv", "bb", "y/1.csv", "cc", "y/2.csv", "dd"),
			builds: []string{"a.y", "b.both", "c.top", "c.ofy"}, reasons: []string{"code changed; 1 new file", "code changed in a.y", "code changed in b.both", "code changed in a.y"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			models := base()
			if c.change != nil {
				models = c.change(models)
			}
			if c.in.Root == "" {
				c.in = in
			}
			p, err := Compute(project(models...), c.in, recorded)
			must(t, p, err)
			var names, reasons []string
			for _, b := range p.Builds {
				names, reasons = append(names, b.Model), append(reasons, b.Reason)
			}
			equal(t, "builds", names, c.builds)
			equal(t, "reasons", reasons, c.reasons)
			if c.check != nil && !c.check(p) {
				t.Errorf("plan:\n%s%+v", text(t, p), p)
			}
			again, err := Compute(project(models...), c.in, recorded)
			must(t, again, err)
			if again.ID != p.ID || p.Changes() && p.ID == first.ID {
				t.Errorf("IDs %s and %s, first %s", p.ID, again.ID, first.ID)
			}
		})
	}
}

func TestVersionsFollowContentOnly(t *testing.T) {
	of := func(in Inputs, models ...*model.Model) string {
		p, err := Compute(project(models...), in, Recorded{Env: Prod})
		return must(t, p, err).Models[len(models)-1].Version
	}
	in := files("x/1.csv", "aa")
	version := of(in, reading(m("a.x", "x"), "x/*"), m("b.y", "y", "a.x"))
	moved := Inputs{Root: "/elsewhere", Files: []InputFile{{"/elsewhere/x/1.csv", "aa"}}}
	there := m("a.x", "x")
	there.Readers = []model.Reader{{Glob: "/elsewhere/x/*"}}
	if of(moved, there, m("b.y", "y", "a.x")) != version {
		t.Error("the place of the landing zone counts")
	}
	for name, other := range map[string]string{
		"name":   of(in, reading(m("a.x", "x"), "x/*"), m("b.z", "y", "a.x")),
		"code":   of(in, reading(m("a.x", "x"), "x/*"), m("b.y", "y2", "a.x")),
		"parent": of(in, reading(m("a.x", "x2"), "x/*"), m("b.y", "y", "a.x")),
		"hash":   of(files("x/1.csv", "ab"), reading(m("a.x", "x"), "x/*"), m("b.y", "y", "a.x")),
		"path":   of(files("x/2.csv", "aa"), reading(m("a.x", "x"), "x/*"), m("b.y", "y", "a.x")),
	} {
		if other == version {
			t.Errorf("another %s gives the same version", name)
		}
	}
}

func TestComputeRefuses(t *testing.T) {
	in := files("x/1.csv", "aa")
	view := reading(m("a.v", "v"), "nothing/*")
	view.Kind = model.View
	for _, c := range []struct {
		env  string
		p    *model.Project
		in   Inputs
		want string
	}{
		{"Prod", project(m("a.x", "x")), in, "use a-z, 0-9 and _"},
		{"", project(m("a.x", "x")), in, "empty"},
		{"_x", project(m("a.x", "x")), in, "letter or digit first"},
		{strings.Repeat("x", 61), project(m("a.x", "x")), in, "at most 60"},
		{Prod, project(m("materia.x", "x")), in, "is taken"},
		{Prod, project(m("a__dev.x", "x")), in, "sets environments apart"},
		{Prod, project(m("a_.x", "x")), in, "sets environments apart"},
		{Prod, project(reading(m("a.x", "x"), "**/*.csv")), in, "** is not supported"},
		{Prod, project(reading(m("a.x", "x"), "x/[.csv")), in, "syntax error in pattern"},
		{Prod, project(reading(m("a.x", "x"), "../y/*")), in, "outside of the landing root"},
		{Prod, project(reading(m("a.x", "x"), "y/*")), in, "extract first"},
		{Prod, project(reading(m("a.x", "x"), "x/*"), view), in, "make it FULL"},
		{Prod, project(m("a.x", "x")), Inputs{Root: "landing"}, "not an absolute path"},
		{Prod, project(m("a.x", "x")), Inputs{Root: lz, Files: []InputFile{{"/etc/passwd", "aa"}}}, "outside of the landing root"},
		{Prod, project(m("a.x", "x")), files("x", "aa", "x", "bb"), "listed twice"},
		{Prod, project(m("a.x", "x")), files("x", ""), "no hash"},
	} {
		if _, err := Compute(c.p, c.in, Recorded{Env: c.env}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want %q, got %v", c.want, err)
		}
	}
}

func TestGlobs(t *testing.T) {
	in, err := files("psd/2025/01/aa.csv.gzip", "1", "psd/2025/02/bb.csv.gzip", "2", "psd/2025/02/bb.csv.gzip.bak", "3", "psd/2025/x.csv.gzip", "4",
		".manifest/2026/20260201T000000Z-psd-1a2b3c4d.jsonl", "5", ".manifest/2026/20260201T000000Z-prices-1a2b3c4d.jsonl", "6", "prices/KC=F/2025-12-09.json.gz", "7").list()
	if err != nil {
		t.Fatal(err)
	}
	for glob, want := range map[string]string{
		"psd/*/*/*.csv.gzip":          "12",
		"psd/2025/0?/*.csv.gzip":      "12",
		"psd/2025/02/bb.csv.gzip":     "2",
		"psd/*/*.csv.gzip":            "4",
		".manifest/*/*-psd-*.jsonl":   "5",
		"prices/*/*.json.gz":          "7",
		"prices/KC=[A-F]/2025*":       "7",
		"*/*/*":                       "4567",
		"psd/*":                       "",
		"prices/KC=F/2025-12-09.json": "",
	} {
		found, err := in.match(lz + "/" + glob)
		if err != nil {
			t.Errorf("%s: %v", glob, err)
		}
		got := ""
		for _, f := range found {
			got += f.SHA256
		}
		if !sameLetters(got, want) {
			t.Errorf("%s matches %q, want %q", glob, got, want)
		}
	}
}

func sameLetters(a, b string) bool {
	count := [256]int{}
	for i := range len(a) {
		count[a[i]]++
	}
	for i := range len(b) {
		count[b[i]]--
	}
	return count == [256]int{}
}

func TestCategories(t *testing.T) {
	for _, c := range []struct {
		before, now string
		want        Category
	}{
		{"SELECT a FROM t", "SELECT a, b AS c FROM t", NonBreaking},
		{"SELECT a FROM t", "select a, round(b * 2, 1) AS c, CASE WHEN b > 1 THEN 'x' END AS d\nFROM t -- more", NonBreaking},
		{"WITH q AS (SELECT DISTINCT x FROM t UNION ALL SELECT 1) SELECT x FROM q", "WITH q AS (SELECT DISTINCT x FROM t UNION ALL SELECT 1) SELECT x, 1 AS one FROM q", NonBreaking},
		{"SELECT a FROM t WHERE b > 1 ORDER BY a LIMIT 3", "SELECT a, 1 AS c FROM t WHERE b > 1 ORDER BY a LIMIT 3", NonBreaking},
		{"SELECT a FROM t ORDER BY b LIMIT 3", "SELECT a, -b AS b FROM t ORDER BY b LIMIT 3", Breaking}, // ORDER BY takes the alias
		{"SELECT a FROM t", "SELECT b AS c, a FROM t", Breaking},
		{"SELECT a FROM t", "SELECT a, count(*) AS n FROM t", Breaking},
		{"SELECT 1 AS a FROM t", "SELECT 1 AS a, sum(b) AS s FROM t", Breaking},
		{"SELECT a FROM t", "SELECT a, unnest([1, 2]) AS n FROM t", Breaking},
		{"SELECT a FROM t", "SELECT a, (SELECT 1) AS n FROM t", Breaking},
		{"SELECT DISTINCT a FROM t", "SELECT DISTINCT a, b AS c FROM t", Breaking},
		{"SELECT a FROM t GROUP BY ALL", "SELECT a, b AS c FROM t GROUP BY ALL", Breaking},
		{"SELECT a FROM t UNION SELECT a FROM u", "SELECT a, 1 AS c FROM t UNION SELECT a FROM u", Breaking},
		{"SELECT a FROM t", "SELECT a, b AS c FROM t WHERE c > 1", Breaking},
		{"SELECT a FROM t", "SELECT a, b AS c FROM u", Breaking},
		{"FROM t SELECT a", "FROM t SELECT a, b AS c", Breaking},
		{"SELECT a FROM t", "SELECT a, b FROM t", Breaking}, // no AS: not proved
		{"SELECT a IS DISTINCT FROM 1 AS a FROM t", "SELECT a IS DISTINCT FROM 1 AS a, 2 AS c FROM t", Breaking},
		{"SELECT 'x' AS a FROM t", "SELECT 'X' AS a, 2 AS c FROM t", Breaking},
	} {
		before, now := m("a.x", c.before), m("a.x", c.now)
		before.Columns = []model.Column{{Name: "a", Type: "INTEGER"}}
		now.Columns = []model.Column{{Name: "a", Type: "INTEGER"}, {Name: "c", Type: "INTEGER"}}
		if got := categorise(before, now); got != c.want {
			t.Errorf("%s -> %s: %s, want %s", c.before, c.now, got, c.want)
		}
		now.Columns[0].Type = "BIGINT"
		if got := categorise(before, now); got != Breaking {
			t.Errorf("%s -> %s with another type: %s", c.before, c.now, got)
		}
	}
}

func TestPlanAsJSON(t *testing.T) {
	p, err := Compute(project(m("a.x", "x")), files(), Recorded{Env: "dev"})
	must(t, p, err)
	body, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back map[string]any
	if err := json.Unmarshal(body, &back); err != nil {
		t.Fatal(err)
	}
	if back["env"] != "dev" || back["removed"] == nil || len(back["builds"].([]any)) != 1 {
		t.Errorf("%s", body)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("psd/*/x[a-c]?.csv", "psd/2025/xa1.csv")
	f.Fuzz(func(t *testing.T, glob, name string) {
		in := inputList{root: lz, files: []InputFile{{name, "1"}}}
		if found, err := in.match(lz + "/" + glob); err == nil && len(found) > 1 {
			t.Errorf("%q matches %q twice", glob, name)
		}
	})
}
