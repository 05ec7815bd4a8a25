package lineage

import (
	"context"
	"fmt"
	"io"
	"strings"

	"beanflows.coffee/materia/internal/model"
)

// Step is a model, or one of its columns, and what it is computed from.
type Step struct {
	Source
	Kind string   `json:"kind,omitempty"` // of the model
	From []Source `json:"from"`
}

// Trace follows a column, or a model where the column is empty, up to the
// models that read files, to seeds and to constants. Each step stands once, the
// first one is where it began.
func Trace(ctx context.Context, p *model.Project, start Source) ([]Step, error) {
	m := p.Models[start.Model]
	if m == nil {
		return nil, fmt.Errorf("lineage: unknown model %s", start.Model)
	}
	t := &tracer{p: p, seen: map[Source]bool{}}
	if start.Column != "" {
		start.Column = strings.ToLower(start.Column)
		if !hasColumn(m, start.Column) {
			return nil, fmt.Errorf("lineage: model %s has no column %s; it has %s", start.Model, start.Column, strings.Join(names(m), ", "))
		}
		var err error
		if t.columns, err = Columns(ctx, p, ancestors(p, start.Model)); err != nil {
			return nil, err
		}
	}
	t.follow(start)
	return t.steps, nil
}

type tracer struct {
	p       *model.Project
	columns map[string]map[string][]Source
	seen    map[Source]bool
	steps   []Step
}

func (t *tracer) follow(s Source) {
	if t.seen[s] || s.Model == "" {
		return
	}
	t.seen[s] = true
	m := t.p.Models[s.Model]
	step := Step{Source: s, Kind: string(m.Kind), From: []Source{}}
	switch s.Column {
	case "", Rows:
		for _, d := range m.DependsOn {
			step.From = append(step.From, Source{d, s.Column})
		}
		if len(m.Readers) > 0 && s.Column == Rows {
			step.From = append(step.From, Source{Column: Rows})
		}
	default:
		step.From = append(step.From, t.columns[s.Model][s.Column]...)
	}
	t.steps = append(t.steps, step)
	for _, from := range step.From {
		t.follow(from)
	}
}

// ancestors are a model and all that it reads, directly or not.
func ancestors(p *model.Project, name string) []string {
	wanted := map[string]bool{name: true}
	for i := len(p.Order) - 1; i >= 0; i-- { // readers come before what they read
		if wanted[p.Order[i]] {
			for _, d := range p.Models[p.Order[i]].DependsOn {
				wanted[d] = true
			}
		}
	}
	var all []string
	for _, n := range p.Order {
		if wanted[n] {
			all = append(all, n)
		}
	}
	return all
}

func names(m *model.Model) []string {
	all := make([]string, len(m.Columns))
	for i, c := range m.Columns {
		all[i] = c.Name
	}
	return all
}

func hasColumn(m *model.Model, name string) bool {
	for _, c := range m.Columns {
		if strings.EqualFold(c.Name, name) {
			return true
		}
	}
	return false
}

// WriteTree prints steps as a tree. What was shown above is not shown again.
func WriteTree(w io.Writer, steps []Step) error {
	t := treeWriter{w: w, byName: map[Source]Step{}, shown: map[Source]bool{}}
	for _, s := range steps {
		t.byName[s.Source] = s
	}
	t.write(steps[0].Source, "", "")
	return t.err
}

type treeWriter struct {
	w      io.Writer
	byName map[Source]Step
	shown  map[Source]bool
	err    error
}

// write prints a step behind lead, and what it comes from behind margin.
func (t *treeWriter) write(s Source, lead, margin string) {
	step, ok := t.byName[s]
	text := s.String()
	if ok && s.Column == "" {
		text += " (" + step.Kind + ")"
	}
	switch {
	case t.shown[s] && len(step.From) > 0:
		text += " (above)"
	case !ok || s.Column == "" || s.Column == Rows || len(step.From) > 0:
	case step.Kind == string(model.Seed):
		text += " (seed)"
	default:
		text += " (a constant)"
	}
	if _, err := fmt.Fprintln(t.w, lead+text); err != nil && t.err == nil {
		t.err = err
	}
	if t.shown[s] {
		return
	}
	t.shown[s] = true
	for i, from := range step.From {
		branch, below := "├─ ", "│  "
		if i == len(step.From)-1 {
			branch, below = "└─ ", "   "
		}
		t.write(from, margin+branch, margin+below)
	}
}

// String is schema.model.column, or what it stands for.
func (s Source) String() string {
	switch {
	case s.Model == "" && s.Column == Rows:
		return "the rows of its files"
	case s.Model == "":
		return s.Column + " in its files"
	case s.Column == Rows:
		return "the rows of " + s.Model
	case s.Column == "":
		return s.Model
	}
	return s.Model + "." + s.Column
}
