package model

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"beanflows.coffee/materia/internal/duck"
)

// batch is how many queries are parsed in one round trip; their trees take
// about 10 kB each.
const batch = 200

// analyse parses all queries with DuckDB, in few round trips, and fills each
// model's references and readers. The calls are returned for the hashes.
func (l *loader) analyse(ctx context.Context) (map[string][]readerCall, error) {
	var texts []string
	var of []*parsedModel
	for _, p := range l.models {
		if p.enabled && p.expanded != nil {
			texts = append(texts, p.m.Query)
			of = append(of, p)
		}
	}
	names := l.names()
	calls := map[string][]readerCall{}
	for start := 0; start < len(of); start += batch {
		end := min(start+batch, len(of))
		trees, err := duck.SerializeSQL(ctx, l.db, texts[start:end])
		if err != nil {
			return nil, err
		}
		for i, p := range of[start:end] {
			q := newQueryText(p.f, p.expanded)
			if trees[i].Err != nil {
				if !p.wrong { // a macro that was left standing is no syntax error of its own
					l.syntaxError(q, trees[i].Err)
				}
				p.wrong = true
				continue
			}
			tree, err := readTree(trees[i].JSON)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
			before := len(l.errs.Errors)
			calls[p.name] = l.analyseQuery(p, q, &tree, names)
			p.m.RowWise = p.kind == Full && len(calls[p.name]) > 0 && len(p.m.Refs) == 0 && len(p.dependsOn) == 0 && rowWise(&tree)
			p.wholes = wholes(&tree)
			if p.m.TimeColumn != "" || len(p.m.UniqueKey) > 0 {
				p.m.TimeBound = p.timeBound(&tree)
			}
			p.wrong = p.wrong || len(l.errs.Errors) > before
		}
	}
	if err := l.globs(ctx, of, calls); err != nil {
		return nil, err
	}
	for _, p := range l.models {
		l.dependencies(p)
	}
	return calls, nil
}

func (l *loader) names() []string {
	var names []string
	for name, p := range l.byName {
		if p.enabled {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// known is true for models, and for names that a broken file claims: those are
// reported already.
func (l *loader) known(name string) bool {
	p, ok := l.byName[name]
	return ok && p.enabled || l.broken[name]
}

func (l *loader) analyseQuery(p *parsedModel, q *queryText, tree *node, names []string) []readerCall {
	f := mentions(tree)
	if f.shows {
		l.errs.add(p.f, q.origin(q.tokens[0].Span()), "write a SELECT", "DESCRIBE, SHOW and SUMMARIZE are not supported in a model")
		return nil
	}
	p.m.Refs, p.m.Deletions = q.references(f, func(name string) bool {
		if other := l.byName[name]; other != nil && !other.enabled {
			return false
		}
		return l.known(name)
	}, names, l.errs)
	for _, r := range p.m.Refs {
		if r.Model == p.name {
			l.errs.add(p.f, q.origin(r.Span), "", "model %s reads itself", p.name)
		}
	}
	calls := q.readers(f, l.errs)
	if len(calls) > 0 && p.m.Schema != "staging" {
		l.errs.add(p.f, q.origin(calls[0].whole), "read the landing zone in a model of schema staging, and that model here", "model %s reads files, only models in schema staging may", p.name)
		return nil
	}
	return calls
}

func (l *loader) syntaxError(q *queryText, e *duck.Error) {
	first := q.tokens[0].Span()
	if strings.Contains(e.Message, "Only SELECT statements") {
		l.errs.add(q.f, q.origin(first), "a model is one SELECT; PIVOT as a statement is SELECT ... FROM t PIVOT (...)", "not a SELECT statement")
		return
	}
	at := Span{len(q.x.text), len(q.x.text)}
	if e.Position >= 0 && e.Position < len(q.x.text) {
		at = q.tokenSpan(e.Position)
	} else if e.Position < 0 {
		at = first
	} else if n := len(q.tokens); n > 0 {
		at = q.tokens[n-1].Span() // "at end of input": point at what stands last
	}
	l.errs.add(q.f, q.origin(at), "", "%s", e.Message)
}

// dependencies are the models of the query and those the header adds.
func (l *loader) dependencies(p *parsedModel) {
	if !p.enabled {
		return
	}
	var all []string
	for _, r := range p.m.Refs {
		if r.Model != p.name {
			all = append(all, r.Model)
		}
	}
	for _, d := range p.dependsOn {
		switch {
		case d.name == p.name:
			l.errs.add(p.f, d.at, "", "model %s depends on itself", p.name)
		case !l.known(d.name):
			l.errs.add(p.f, d.at, didYouMean(d.name, l.names()), "unknown model %s", d.name)
		default:
			all = append(all, d.name)
		}
	}
	slices.Sort(all)
	p.m.DependsOn = slices.Compact(all)
}

// globs evaluates the readers' paths, all in one query if none is wrong.
func (l *loader) globs(ctx context.Context, of []*parsedModel, calls map[string][]readerCall) error {
	type place struct {
		p    *parsedModel
		call readerCall
	}
	var places []place
	var exprs []string
	for _, p := range of {
		for _, c := range calls[p.name] {
			places = append(places, place{p, c})
			exprs = append(exprs, "CAST(("+p.m.Query[c.arg.Start:c.arg.End]+"\n) AS VARCHAR)")
		}
	}
	values, err := l.evaluate(ctx, exprs)
	for i, at := range places {
		if err != nil {
			one, err := l.evaluate(ctx, exprs[i:i+1])
			if err != nil {
				if ctx.Err() != nil {
					return err
				}
				l.errs.add(at.p.f, at.p.expanded.origin.origin(at.call.arg), "write a string, or variables joined by ||", "the path is not a constant: %s", firstLine(err))
				at.p.wrong = true
				continue
			}
			values = append(values[:i:i], one...)
		}
		glob := values[i]
		if glob == "" || strings.HasPrefix(glob, "[") || strings.Contains(glob, "://") {
			l.errs.add(at.p.f, at.p.expanded.origin.origin(at.call.arg), "one path or glob on this machine", "cannot read the path %q", glob)
			at.p.wrong = true
			continue
		}
		abs, err := filepath.Abs(glob)
		if err != nil {
			return err
		}
		at.p.m.Readers = append(at.p.m.Readers, Reader{at.call.function, filepath.ToSlash(abs), at.call.arg})
	}
	return nil
}

func (l *loader) evaluate(ctx context.Context, exprs []string) ([]string, error) {
	if len(exprs) == 0 {
		return nil, nil
	}
	values := make([]string, len(exprs))
	into := make([]any, len(exprs))
	for i := range values {
		into[i] = &nullable{&values[i]}
	}
	if err := l.db.QueryRowContext(ctx, "SELECT "+strings.Join(exprs, ", ")).Scan(into...); err != nil {
		return make([]string, len(exprs)), err
	}
	return values, nil
}

// nullable scans NULL as "".
type nullable struct{ to *string }

func (n *nullable) Scan(v any) error {
	*n.to = ""
	if s, ok := v.(string); ok {
		*n.to = s
	}
	return nil
}

// firstLine is DuckDB's message without its kind ("Binder Error: ") and hints.
func firstLine(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	if kind, rest, ok := strings.Cut(text, " Error: "); ok && !strings.ContainsAny(kind, "\"'(") {
		text = rest
	}
	return text
}
