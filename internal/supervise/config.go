package supervise

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// Workflow is one [[workflow]] of workflows.toml: a pipeline and when it is due.
type Workflow struct {
	Name      string
	Pipeline  string   // as `materia pipeline run` knows it
	DependsOn []string // those run first when due in the same tick; one that failed holds this one back
	Timeout   time.Duration
	Retries   int // further attempts at a slot after the first, each in a later tick

	schedule Schedule
}

// Schedule is when the workflow is due.
func (w Workflow) Schedule() Schedule { return w.schedule }

// The stations after the workflows of a tick. They are no workflows: they run
// when a workflow has ended well that they have not seen.
const (
	Transform = "transform"
	Export    = "export_serving"
)

const (
	defaultTimeout = time.Hour
	maxTimeout     = 24 * time.Hour
	defaultRetries = 2
	maxRetries     = 10
)

var workflowName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// ConfigError is everything that is wrong with a file, a line each.
type ConfigError struct {
	Path     string
	Problems []Problem
}

// Problem is one thing that is wrong; Line counts from 1.
type Problem struct {
	Line int
	Text string
}

func (e *ConfigError) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s:%d: %s", e.Path, p.Line, p.Text)
	}
	return b.String()
}

// Load reads the workflows of a file. isPipeline says whether a pipeline of
// that name exists; nil accepts any. A file that is wrong is a *ConfigError
// that names every problem at once.
func Load(path string, isPipeline func(string) bool) ([]Workflow, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("supervise: read workflows: %w", err)
	}
	return Parse(path, text, isPipeline)
}

// Parse is Load of a text.
func Parse(path string, text []byte, isPipeline func(string) bool) ([]Workflow, error) {
	var file struct {
		Workflow []struct {
			Name      string   `toml:"name"`
			Schedule  string   `toml:"schedule"`
			Pipeline  string   `toml:"pipeline"`
			DependsOn []string `toml:"depends_on"`
			Timeout   string   `toml:"timeout"`
			Retries   *int     `toml:"retries"`
		} `toml:"workflow"`
	}
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&file); err != nil {
		return nil, &ConfigError{Path: path, Problems: syntaxProblems(err)}
	}
	lines := keyLines(text)
	var list []Workflow
	var problems []Problem
	for i, raw := range file.Workflow {
		at := func(key string) int { return lines.of(i, key) }
		bad := func(key, format string, args ...any) {
			problems = append(problems, Problem{at(key), fmt.Sprintf("workflow %q: ", raw.Name) + fmt.Sprintf(format, args...)})
		}
		w := Workflow{Name: raw.Name, Pipeline: raw.Pipeline, DependsOn: raw.DependsOn, Timeout: defaultTimeout, Retries: defaultRetries}
		switch {
		case !workflowName.MatchString(w.Name):
			bad("name", "name: want a-z, 0-9 and _, beginning with a letter")
		case w.Name == Transform || w.Name == Export:
			bad("name", "name: %s is the name of a station that follows the workflows by itself", w.Name)
		case slices.ContainsFunc(list, func(o Workflow) bool { return o.Name == w.Name }):
			bad("name", "the name is there twice")
		}
		switch {
		case w.Pipeline == "":
			bad("pipeline", "pipeline is missing (materia pipeline list names them)")
		case isPipeline != nil && !isPipeline(w.Pipeline):
			bad("pipeline", "no pipeline is called %q (materia pipeline list names them)", w.Pipeline)
		}
		var err error
		if w.schedule, err = ParseSchedule(raw.Schedule); err != nil {
			bad("schedule", "schedule %q: %v", raw.Schedule, err)
		}
		if raw.Timeout != "" {
			if w.Timeout, err = time.ParseDuration(raw.Timeout); err != nil || w.Timeout < time.Second || w.Timeout > maxTimeout {
				bad("timeout", "timeout %q: want a duration from 1s to 24h, such as 30m", raw.Timeout)
			}
		}
		if raw.Retries != nil {
			if w.Retries = *raw.Retries; w.Retries < 0 || w.Retries > maxRetries {
				bad("retries", "retries %d: want 0 to %d", w.Retries, maxRetries)
			}
		}
		list = append(list, w)
	}
	if len(list) == 0 {
		problems = append(problems, Problem{1, "no [[workflow]] in the file"})
	}
	problems = append(problems, dependencyProblems(list, lines)...)
	if len(problems) > 0 {
		slices.SortStableFunc(problems, func(a, b Problem) int { return a.Line - b.Line })
		return nil, &ConfigError{Path: path, Problems: problems}
	}
	return list, nil
}

func dependencyProblems(list []Workflow, lines fileLines) (problems []Problem) {
	index := map[string]int{}
	for i, w := range list {
		index[w.Name] = i
	}
	for i, w := range list {
		for _, d := range w.DependsOn {
			if _, ok := index[d]; !ok {
				problems = append(problems, Problem{lines.of(i, "depends_on"), fmt.Sprintf("workflow %q: depends_on %q: no such workflow", w.Name, d)})
			}
		}
	}
	if len(problems) > 0 {
		return problems
	}
	if circle := findCircle(list, index); circle != nil {
		problems = append(problems, Problem{lines.of(index[circle[0]], "depends_on"), "depends_on goes in a circle: " + strings.Join(circle, " -> ")})
	}
	return problems
}

// findCircle returns the names along a circle of dependencies, or nil.
func findCircle(list []Workflow, index map[string]int) []string {
	const onPath, done = 1, 2
	marks := make([]int, len(list))
	var path []string
	var visit func(i int) []string
	visit = func(i int) []string {
		path = append(path, list[i].Name)
		marks[i] = onPath
		for _, d := range list[i].DependsOn {
			switch marks[index[d]] {
			case onPath:
				from := slices.Index(path, d)
				return append(slices.Clone(path[from:]), d)
			case done:
			default:
				if circle := visit(index[d]); circle != nil {
					return circle
				}
			}
		}
		marks[i] = done
		path = path[:len(path)-1]
		return nil
	}
	for i := range list {
		if marks[i] == 0 {
			if circle := visit(i); circle != nil {
				return circle
			}
		}
	}
	return nil
}

func syntaxProblems(err error) []Problem {
	var missing *toml.StrictMissingError
	if errors.As(err, &missing) {
		var list []Problem
		for _, e := range missing.Errors {
			line, _ := e.Position()
			list = append(list, Problem{line, fmt.Sprintf("%s: no such key; known are name, schedule, pipeline, depends_on, timeout, retries in [[workflow]]", strings.Join(e.Key(), "."))})
		}
		return list
	}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		line, _ := decode.Position()
		return []Problem{{line, strings.TrimPrefix(decode.Error(), "toml: ")}}
	}
	return []Problem{{1, err.Error()}}
}

// fileLines holds, for each [[workflow]] in order, the line of its header under
// "" and of each of its keys.
type fileLines []map[string]int

func (l fileLines) of(workflow int, key string) int {
	if workflow >= len(l) {
		return 1
	}
	if line, ok := l[workflow][key]; ok {
		return line
	}
	return l[workflow][""]
}

// keyLines finds the lines in a text that has been decoded without an error.
func keyLines(text []byte) (lines fileLines) {
	var p unstable.Parser
	p.Reset(text)
	for p.NextExpression() {
		e := p.Expression()
		if e.Kind != unstable.ArrayTable && e.Kind != unstable.KeyValue {
			continue
		}
		key := e.Key()
		if !key.Next() {
			continue
		}
		line := p.Shape(key.Node().Raw).Start.Line
		switch {
		case e.Kind == unstable.ArrayTable:
			lines = append(lines, map[string]int{"": line})
		case len(lines) > 0:
			lines[len(lines)-1][string(key.Node().Data)] = line
		}
	}
	return lines
}
