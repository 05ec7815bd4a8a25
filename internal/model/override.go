package model

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"strings"

	"beanflows.coffee/materia/internal/duck"
)

// Override is the model with other values for some variables (SQL literals by
// lower-case name), as a unit test asks for. Hashes and columns stay those of
// the project. It needs a model that was loaded from files.
func (p *Project) Override(ctx context.Context, db *sql.DB, m *Model, variables map[string]string) (*Model, error) {
	if m.parsed == nil || m.parsed.expanded == nil {
		return nil, fmt.Errorf("model: %s has no query to put variables in", m.Name)
	}
	l := &loader{root: p.Root, errs: &ErrorList{}, db: db, byName: map[string]*parsedModel{}, broken: map[string]bool{}}
	for name, other := range p.Models {
		if other.parsed != nil {
			l.byName[name] = other.parsed
		}
	}
	vars := maps.Clone(p.Config.Variables)
	maps.Copy(vars, variables)
	pm, copied := *m.parsed, *m
	pm.m = &copied
	pm.expand(vars, l.errs)
	copied.Readers, copied.parsed = nil, &pm
	trees, err := duck.SerializeSQL(ctx, db, []string{copied.Query})
	if err != nil {
		return nil, err
	}
	q := newQueryText(pm.f, pm.expanded)
	if trees[0].Err != nil {
		l.syntaxError(q, trees[0].Err)
		return nil, l.errs.asError()
	}
	tree, err := readTree(trees[0].JSON)
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w", m.Name, err)
	}
	calls := map[string][]readerCall{m.Name: l.analyseQuery(&pm, q, &tree, l.names())}
	if err := l.globs(ctx, []*parsedModel{&pm}, calls); err != nil {
		return nil, err
	}
	if err := l.errs.asError(); err != nil {
		return nil, err
	}
	return &copied, nil
}

// Explain leads an error that DuckDB raised for executable text back to the
// model's file, if it says where (SET errors_as_json = true) and the model was
// loaded from files. before is how many bytes stood before the text.
func (m *Model) Explain(r *Rendered, before int, err error) error {
	e, ok := duck.ParseError(err)
	if !ok {
		return err
	}
	msg, hint := explain(err)
	if m.parsed == nil || m.parsed.expanded == nil || e.Position < before {
		return fmt.Errorf("%s: %s", m.File, strings.TrimSuffix(msg+"\n"+hint, "\n"))
	}
	q := newQueryText(m.parsed.f, m.parsed.expanded)
	errs := &ErrorList{}
	errs.add(m.parsed.f, q.origin(q.tokenSpan(r.QueryOffset(e.Position-before))), hint, "%s", msg)
	return errs.Errors[0]
}
