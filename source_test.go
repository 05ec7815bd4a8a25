package materia_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	sourceCall  = regexp.MustCompile(`\b([a-z]+)\.Source\(\)`)
	sourceName  = regexp.MustCompile(`Name:\s+"([a-z_]+)", Pipeline: "(extract_[a-z_]+)"`)
	docHost     = regexp.MustCompile(`https://([a-z0-9.-]+)/`)
	readsFolder = regexp.MustCompile(`@landing_dir \|\| '/([a-z_]+)/`)
	readsModel  = regexp.MustCompile(`\b(?:FROM|JOIN) staging\.([a-z0-9_]+)`)
	testedModel = regexp.MustCompile(`(?m)^  model: staging\.([a-z0-9_]+)$`)
	backticked  = regexp.MustCompile("`([^`]+)`")
)

// TestAddingADataSource walks README's list for every source there is: what it
// asks a new source to bring, the present ones have, and they have nothing else
// that the list does not tell of.
func TestAddingADataSource(t *testing.T) {
	section := readmeSection(t, "## Adding a data source")
	for _, m := range backticked.FindAllStringSubmatch(section, -1) {
		path, _, variable := strings.Cut(m[1], "<")
		if _, err := os.Stat(path); strings.Contains(m[1], "/") && (err != nil || variable && !strings.HasSuffix(path, "/")) {
			t.Errorf("README names %s, which is not there", m[1])
		}
	}
	for _, place := range []string{"internal/extract/<package>/", "cmd/materia/sources.go", "internal/upstream/", "transform/models/staging/", "transform/tests/", "transform/seeds/", "infra/supervisor/workflows.toml", "imports_test.go"} {
		if !strings.Contains(section, "`"+place+"`") {
			t.Errorf("README's list lacks %s, where this test looks", place)
		}
	}

	packages := sourceCall.FindAllStringSubmatch(read(t, "cmd/materia/sources.go"), -1)
	if len(packages) < 5 {
		t.Fatalf("sources.go lists %d sources", len(packages))
	}
	servers := readAll(t, "internal/upstream/*.go")
	staging := map[string]string{} // model by name
	for path, text := range readAll(t, "transform/models/staging/*.sql") {
		staging[strings.TrimSuffix(filepath.Base(path), ".sql")] = text
	}
	tested := map[string]bool{}
	for _, text := range readAll(t, "transform/tests/*.yaml") {
		for _, m := range testedModel.FindAllStringSubmatch(text, -1) {
			tested[m[1]] = true
		}
	}
	workflows := read(t, "infra/supervisor/workflows.toml")
	imported := list(t)
	for _, m := range packages {
		pkg := m[1]
		t.Run(pkg, func(t *testing.T) {
			dir := "internal/extract/" + pkg
			code := readAll(t, dir+"/*.go")
			all, tests := "", 0
			for path, text := range code {
				if strings.HasSuffix(path, "_test.go") {
					tests++
				} else {
					all += text
				}
			}
			id := sourceName.FindStringSubmatch(all)
			if id == nil || id[2] != "extract_"+id[1] {
				t.Fatalf("%s: no Name and Pipeline that belong together: %q", dir, id)
			}
			name := id[1]

			// 1. The package: its contract, its source, its tests.
			doc := code[dir+"/doc.go"]
			for _, part := range []string{"// Package " + pkg + " is the source \"" + name + "\"", "// # URL", "// # Cadence", "// # Window", "// # Content", "never"} {
				if !strings.Contains(doc, part) {
					t.Errorf("%s/doc.go, the source's contract, lacks %q", dir, part)
				}
			}
			if tests == 0 || !strings.Contains(all, "func Source() extract.Source") {
				t.Errorf("%s: %d test files, or no Source()", dir, tests)
			}

			// 2. The line in sources.go is the only place that imports it.
			for _, p := range imported {
				if slices.Contains(p.Imports, module+dir) && p.ImportPath != module+"cmd/materia" {
					t.Errorf("%s imports %s: the design leaks", p.ImportPath, dir)
				}
			}

			// 3. The sample upstream answers for one of its hosts.
			hosts := docHost.FindAllStringSubmatch(doc, -1)
			spoken := slices.ContainsFunc(hosts, func(h []string) bool {
				for path, text := range servers {
					if !strings.HasSuffix(path, "_test.go") && strings.Contains(text, `"`+h[1]+`"`) {
						return true
					}
				}
				return false
			})
			if !spoken {
				t.Errorf("internal/upstream answers for none of %q", hosts)
			}

			// 4. Reader models of its folders and of its manifests, and tested models over them.
			readers := map[string]bool{}
			for model, text := range staging {
				folder := readsFolder.FindStringSubmatch(text)
				if strings.Contains(text, "'/.manifest/*/*-"+name+"-*.jsonl'") || folder != nil && regexp.MustCompile(`"`+folder[1]+`(/|")`).MatchString(all) {
					readers[model] = true
				}
			}
			if len(readers) < 2 {
				t.Errorf("reader models %v: want one of the manifests and one of the files", readers)
			}
			over := 0
			for model, text := range staging {
				for _, m := range readsModel.FindAllStringSubmatch(text, -1) {
					if !readers[m[1]] {
						continue
					}
					if over++; !tested[model] && !readers[model] {
						t.Errorf("staging.%s reads staging.%s and has no unit test in transform/tests", model, m[1])
					}
				}
			}
			if over == 0 {
				t.Errorf("no staging model reads any of %v", readers)
			}

			// 5 and 6. Its schedule, and its import rule.
			if !strings.Contains(workflows, `pipeline = "extract_`+name+`"`) {
				t.Errorf("infra/supervisor/workflows.toml does not schedule extract_%s", name)
			}
			ruled := false
			for _, rule := range allowed {
				ruled = ruled || rule.pkg == dir && rule.why != ""
			}
			if !ruled {
				t.Errorf("imports_test.go has no row for %s", dir)
			}
		})
	}
}

// readmeSection is the text under a heading of README.md, up to the next.
func readmeSection(t *testing.T, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(read(t, "README.md"), heading+"\n")
	if !found {
		t.Fatalf("README has no %q", heading)
	}
	section, _, _ := strings.Cut(rest, "\n## ")
	return section
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// readAll is the texts of the files that a pattern names, by path.
func readAll(t *testing.T, pattern string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
	}
	texts := map[string]string{}
	for _, p := range paths {
		texts[p] = read(t, p)
	}
	return texts
}
