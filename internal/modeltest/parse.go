package modeltest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/model"
)

// testCase is one test as its file has it.
type testCase struct {
	name, model string
	file        string // shown
	line        int
	inputs      []input
	query       *output // nil if only CTEs are checked
	ctes        []output
	vars        map[string]string // SQL literals, lower-case names
	now         string            // execution_time, empty without
	types       bool              // an input has types of its own
}

// input is the content of one table.
type input struct {
	model   string
	line    int
	columns map[string]string // types the test gives
	rows    []value           // objects
	query   string            // in the place of rows
}

// output is what is expected of the query or of a CTE.
type output struct {
	cte     string // empty: the query
	line    int
	partial bool
	rows    []value
	query   string
}

// problem is a test that cannot run.
type problem struct {
	line int
	msg  string
}

func (p *problem) Error() string { return p.msg }

func bad(line int, format string, args ...any) error {
	return &problem{line, fmt.Sprintf(format, args...)}
}

var timeWords = []string{"start", "end", "execution_time", "latest"}

// parseCase reads one test. name is its key in the file.
func parseCase(root, file, name string, v *value) (*testCase, error) {
	t := &testCase{name: name, file: file, line: v.line, vars: map[string]string{}}
	if v.kind != object {
		return t, bad(v.line, "a test has the keys model, inputs and outputs")
	}
	for _, k := range v.keys {
		if !slices.Contains([]string{"model", "description", "schema", "gateway", "inputs", "outputs", "vars"}, k) {
			return t, bad(v.get(k).line, "unknown key %s; known are model, description, inputs, outputs, vars", k)
		}
	}
	if m := v.get("model"); m == nil || m.kind != text {
		return t, bad(v.line, "model is missing")
	} else {
		t.model = strings.ToLower(m.text)
	}
	if in := v.get("inputs"); in != nil && in.kind != null {
		if in.kind != object {
			return t, bad(in.line, "inputs has one key a model")
		}
		for i, name := range in.keys {
			x := input{model: strings.ToLower(name), line: in.items[i].line}
			rows, query, err := readRows(root, file, name, &in.items[i], &x)
			if err != nil {
				return t, err
			}
			x.rows, x.query = rows, query
			t.types = t.types || len(x.columns) > 0
			t.inputs = append(t.inputs, x)
		}
	}
	if err := t.parseVars(v.get("vars")); err != nil {
		return t, err
	}
	return t, t.parseOutputs(root, file, v)
}

func (t *testCase) parseVars(vars *value) error {
	if vars == nil || vars.kind == null {
		return nil
	}
	if vars.kind != object {
		return bad(vars.line, "vars has names and values")
	}
	if err := t.parseTimes(vars); err != nil {
		return err
	}
	for i, k := range vars.keys {
		x := vars.items[i]
		name := strings.ToLower(k)
		switch {
		case x.kind == list || x.kind == object:
			return bad(x.line, "variable %s: only a string, a number, a boolean or null", name)
		case name == "execution_time":
			t.now = x.text
		case slices.Contains(timeWords, name): // see parseTimes
		default:
			t.vars[name] = x.sql("")
		}
	}
	return nil
}

// parseTimes turns start, end and execution_time into the macros that tell
// them. As in SQLMesh an end that is a date includes its day, and what is not
// given is the first day of 1970.
func (t *testCase) parseTimes(vars *value) error {
	start := time.Unix(0, 0).UTC()
	at := model.Interval{Start: start, End: start.AddDate(0, 0, 1), Execution: start}
	given := false
	for i, k := range vars.keys {
		x := vars.items[i]
		var err error
		switch strings.ToLower(k) {
		case "start":
			at.Start, err = model.ParseTime(x.text)
		case "end":
			at.End, err = model.ParseEnd(x.text)
		case "execution_time", "latest":
			at.Execution, err = model.ParseTime(x.text)
		default:
			continue
		}
		if given = true; err != nil {
			return bad(x.line, "vars: %s: %v", k, err)
		}
	}
	if given {
		maps.Copy(t.vars, model.TimeVariables(at))
	}
	return nil
}

func (t *testCase) parseOutputs(root, file string, v *value) error {
	out := v.get("outputs")
	if out == nil || out.kind != object || len(out.keys) == 0 {
		return bad(v.line, "outputs is missing")
	}
	for i, k := range out.keys {
		if !slices.Contains([]string{"query", "ctes", "partial"}, k) {
			return bad(out.items[i].line, "unknown key outputs.%s; known are query, ctes, partial", k)
		}
	}
	all := isTrue(out.get("partial"))
	one := func(name string, v *value) (output, error) {
		o := output{line: v.line, partial: all || isTrue(v.get("partial"))}
		var err error
		o.rows, o.query, err = readRows(root, file, name, v, nil)
		if err == nil && o.query != "" && all && !isTrue(v.get("partial")) {
			err = bad(v.line, "%s: SQLMesh does not apply outputs.partial to a query: write partial: true beside the query", name)
		}
		return o, err
	}
	if q := out.get("query"); q != nil {
		o, err := one("query", q)
		if err != nil {
			return err
		}
		t.query = &o
	}
	if c := out.get("ctes"); c != nil && c.kind == object {
		for i, name := range c.keys {
			o, err := one(name, &c.items[i])
			if err != nil {
				return err
			}
			o.cte = strings.ToLower(name)
			t.ctes = append(t.ctes, o)
		}
	}
	if t.query == nil && len(t.ctes) == 0 {
		return bad(out.line, "outputs needs query or ctes")
	}
	return nil
}

func isTrue(v *value) bool { return v != nil && v.kind == boolean && v.text == "TRUE" }

// readRows reads what SQLMesh allows for a table: a list of rows, or an object
// with rows, query, format, path, csv_settings and, in an input, columns.
func readRows(root, file, name string, v *value, in *input) (rows []value, query string, err error) {
	if v.kind == list {
		return checkRows(name, v)
	}
	if v.kind != object {
		return nil, "", bad(v.line, "%s needs rows or a query", name)
	}
	known := []string{"rows", "query", "format", "path", "csv_settings", "partial", "columns"}
	for i, k := range v.keys {
		if !slices.Contains(known, k) {
			return nil, "", bad(v.items[i].line, "%s: unknown key %s; known are %s", name, k, strings.Join(known, ", "))
		}
	}
	if c := v.get("columns"); c != nil && in != nil {
		if c.kind != object {
			return nil, "", bad(c.line, "%s: columns has names and types", name)
		}
		in.columns = map[string]string{}
		for i, k := range c.keys {
			in.columns[strings.ToLower(k)] = c.items[i].text
		}
	}
	r, q, path := v.get("rows"), v.get("query"), v.get("path")
	switch {
	case q != nil && r != nil:
		return nil, "", bad(q.line, "%s: either rows or a query", name)
	case q != nil:
		return nil, strings.TrimRight(strings.TrimSpace(q.text), ";"), nil
	}
	format := "yaml"
	if f := v.get("format"); f != nil {
		format = f.text
	}
	source := r
	if path != nil {
		content, err := readBeside(root, file, path.text)
		if err != nil {
			return nil, "", bad(path.line, "%s: %v", name, err)
		}
		if format == "csv" {
			source = &value{kind: text, text: content, line: path.line}
		} else if source, err = yamlRows(content); err != nil {
			return nil, "", bad(path.line, "%s: %s: %v", name, path.text, err)
		}
	}
	switch {
	case source == nil:
		return nil, "", bad(v.line, "%s has neither rows nor a query", name)
	case format == "csv":
		rows, err := csvRows(source, v.get("csv_settings"))
		if err != nil {
			return nil, "", bad(source.line, "%s: %v", name, err)
		}
		return rows, "", nil
	case format != "yaml":
		return nil, "", bad(v.get("format").line, "%s: format %s is not supported, only yaml and csv", name, format)
	}
	return checkRows(name, source)
}

// checkRows makes sure that rows are a list of objects. Nothing is no rows.
func checkRows(name string, v *value) ([]value, string, error) {
	if v.kind == null {
		return nil, "", nil
	}
	if v.kind != list {
		return nil, "", bad(v.line, "%s: rows is a list", name)
	}
	rows := make([]value, len(v.items))
	for i, x := range v.items {
		if x.kind != object {
			return nil, "", bad(x.line, "%s: a row has column names and values", name)
		}
		low := value{kind: object, items: x.items, line: x.line}
		for _, k := range x.keys {
			low.keys = append(low.keys, strings.ToLower(k))
		}
		rows[i] = low
	}
	return rows, "", nil
}

// readBeside reads a fixture: by its path from the project's root, as SQLMesh
// run there does, or from the test's own directory.
func readBeside(root, file, path string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		if raw, err = os.ReadFile(filepath.Join(filepath.Dir(file), path)); err != nil {
			return "", fmt.Errorf("cannot read %s", path)
		}
	}
	return string(raw), nil
}

func yamlRows(text string) (*value, error) {
	v, err := readYAML([]byte(text))
	if err != nil {
		return nil, err
	}
	if r := v.get("rows"); r != nil {
		return r, nil
	}
	return &v, nil
}

// csvRows reads CSV as pandas does: what looks like a number is one, and its
// usual words for missing are NULL.
func csvRows(source, settings *value) ([]value, error) {
	if source.kind != text {
		return nil, fmt.Errorf("rows of format csv are a text")
	}
	delimiter := ","
	if settings != nil {
		for _, k := range settings.keys {
			if k != "sep" && k != "delimiter" {
				return nil, fmt.Errorf("csv setting %s is not supported, only sep", k)
			}
			delimiter = settings.get(k).text
		}
	}
	if len(delimiter) != 1 {
		return nil, fmt.Errorf("a separator is one character")
	}
	records, err := model.ReadCSV(source.text, delimiter[0], '"')
	if err != nil {
		return nil, err
	}
	var rows []value
	for i, r := range records[1:] {
		row := value{kind: object, line: source.line + i + 2}
		for j, cell := range r {
			v := scalar(cell)
			if model.IsPandasNA(cell) {
				v = value{kind: null, text: "NULL"}
			}
			row.keys, row.items = append(row.keys, strings.ToLower(strings.TrimSpace(records[0][j]))), append(row.items, v)
		}
		rows = append(rows, row)
	}
	return rows, nil
}
