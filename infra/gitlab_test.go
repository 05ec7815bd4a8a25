// Package infra_test runs what stands around the program: the GitLab jobs, the
// setup scripts, the units.
package infra_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

type job struct {
	Stage  string   `yaml:"stage"`
	Script []string `yaml:"script"`
}

func pipeline(t *testing.T) (stages []string, jobs map[string]job) {
	t.Helper()
	text, err := os.ReadFile("../.gitlab/.gitlab-ci.yml")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := yaml.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, s := range all["stages"].([]any) {
		stages = append(stages, s.(string))
	}
	jobs = map[string]job{}
	for name, value := range all {
		fields, ok := value.(map[string]any)
		if !ok || fields["script"] == nil {
			continue
		}
		part, err := yaml.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		var j job
		if err := yaml.Unmarshal(part, &j); err != nil {
			t.Fatal(err)
		}
		jobs[name] = j
	}
	return stages, jobs
}

func TestPipelineHasItsStages(t *testing.T) {
	stages, jobs := pipeline(t)
	if !slices.Equal(stages, []string{"test", "tag"}) {
		t.Errorf("stages %v", stages)
	}
	for name, stage := range map[string]string{"go-tests": "test", "model-tests": "test", "web-tests": "test", "supply-chain": "test", "tag": "tag"} {
		if jobs[name].Stage != stage {
			t.Errorf("job %s is in stage %q, want %s", name, jobs[name].Stage, stage)
		}
	}
	text, err := os.ReadFile("../.gitlab/.gitlab-ci.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"ssh", "SSH", "DEPLOY_", "PRIVATE"} {
		if strings.Contains(string(text), word) {
			t.Errorf("the pipeline speaks of %q: it needs no way into a server", word)
		}
	}
}

// forge is GitLab as far as the tag job sees it: a bare repository.
type forge struct {
	t   *testing.T
	dir string
}

const jobToken = "glcbt-SENTINEL"

func newForge(t *testing.T) *forge {
	t.Helper()
	f := &forge{t, t.TempDir()}
	f.sh("git init --quiet --bare -b main group/materia.git && git clone --quiet group/materia.git work 2>/dev/null && git -C work checkout --quiet -b main")
	f.commit()
	return f
}

func (f *forge) sh(line string) string {
	f.t.Helper()
	cmd := exec.Command("bash", "-c", line)
	cmd.Dir = f.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
	out, err := cmd.CombinedOutput()
	if err != nil {
		f.t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (f *forge) commit() string {
	f.t.Helper()
	return f.sh("git -C work commit --quiet --allow-empty -m change && git -C work push --quiet origin main && git -C work rev-parse HEAD")
}

// tagJob runs the tag job's script as GitLab's runner does: its lines, in the
// checkout, in one shell that stops at the first failure.
func (f *forge) tagJob(number, commit string) (string, error) {
	f.t.Helper()
	_, jobs := pipeline(f.t)
	root, err := filepath.Abs("..")
	if err != nil {
		f.t.Fatal(err)
	}
	cmd := exec.Command("bash", "-eo", "pipefail", "-c", strings.Join(jobs["tag"].Script, "\n"))
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CI_PIPELINE_IID="+number, "CI_COMMIT_SHA="+commit, "CI_JOB_TOKEN="+jobToken,
		"CI_SERVER_URL=file://"+f.dir, "CI_PROJECT_PATH=group/materia", "GIT_DIR="+filepath.Join(f.dir, "work", ".git"), "GIT_TRACE=1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (f *forge) tags() string {
	f.t.Helper()
	return f.sh("git -C group/materia.git tag | sort -V | tr '\\n' ' '")
}

func TestTagJob(t *testing.T) {
	f := newForge(t)
	first := f.sh("git -C work rev-parse HEAD")
	out, err := f.tagJob("9", first)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := f.sh("git -C group/materia.git rev-parse v9"); got != first {
		t.Errorf("v9 is at %s", got)
	}
	if strings.Contains(out, jobToken) {
		t.Error("the token shows in what git was called with")
	}
	if out, err := f.tagJob("9", first); err != nil || !strings.Contains(out, "there already") {
		t.Errorf("again: %v\n%s", err, out)
	}
	second := f.commit()
	if out, err := f.tagJob("9", second); err == nil || !strings.Contains(out, "never moves") {
		t.Errorf("a tag was moved: %v\n%s", err, out)
	}
	if out, err := f.tagJob("10", second); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	// A slow pipeline of an older commit comes last.
	if out, err := f.tagJob("8", first); err != nil || !strings.Contains(out, "later pipeline") {
		t.Errorf("%v\n%s", err, out)
	}
	if got := f.tags(); got != "v9 v10" {
		t.Errorf("tags %s", got)
	}
	if out, err := f.tagJob("1; true", first); err == nil {
		t.Errorf("a number that is none was taken\n%s", out)
	}
}
