package model

import (
	"context"
	"fmt"
	"strings"

	"beanflows.coffee/materia/internal/duck"
)

// compare checks the contract: the same names, in the same order, of the same
// types. Only one kind of difference is reported for a column.
func (b *binder) compare(p *parsedModel, want, got []Column) {
	errs := b.l.errs
	place := map[string]int{}
	for i, c := range got {
		place[strings.ToLower(c.Name)] = i
	}
	declared := map[string]bool{}
	complete := len(want) == len(got)
	for i, w := range want {
		d := p.columns[i]
		declared[strings.ToLower(w.Name)] = true
		at, ok := place[strings.ToLower(w.Name)]
		switch {
		case !ok:
			errs.add(p.f, d.at, didYouMean(w.Name, columnNames(got)), "column %s is declared, but the query does not return it", w.Name)
			complete = false
		case got[at].Type != w.Type:
			errs.add(p.f, d.typeAt, fmt.Sprintf("CAST(... AS %s) in the query, or declare %s", w.Type, got[at].Type), "column %s is declared %s, the query returns %s", w.Name, w.Type, got[at].Type)
		}
	}
	for _, c := range got {
		if !declared[strings.ToLower(c.Name)] {
			errs.add(p.f, p.columnsAt, c.Name+" "+c.Type, "the query returns column %s, which columns does not declare", c.Name)
			complete = false
		}
	}
	if !complete {
		return
	}
	for i, w := range want {
		if at := place[strings.ToLower(w.Name)]; at != i {
			errs.add(p.f, p.columns[i].at, "order: "+strings.Join(columnNames(got), ", "), "column %s is declared as number %d, the query returns it as number %d", w.Name, i+1, at+1)
			return
		}
	}
}

// needsBinding says whether an audit holds more than column names, so that
// DuckDB has to look at it.
func needsBinding(a AuditCall) bool {
	if _, ok := builtins[a.Name]; !ok {
		return true
	}
	for name := range a.Args {
		if name != "columns" && name != "column" {
			return true
		}
	}
	return false
}

// audits checks every audit of a bound model against its columns.
func (b *binder) audits(ctx context.Context, p *parsedModel) error {
	for _, a := range p.m.Audits {
		unknown := false
		for _, arg := range []string{"columns", "column"} {
			for _, text := range listItems(a.Args[arg]) {
				name, _ := Lex(text)[0].name()
				if _, custom := b.l.audits[a.Name]; !custom && !hasColumn(p.m.Columns, name) {
					b.l.errs.add(p.f, a.at, didYouMean(name, columnNames(p.m.Columns)), "audit %s names column %s, which the query does not return", a.Name, name)
					unknown = true
				}
			}
		}
		if unknown || !needsBinding(a) {
			continue
		}
		if ok, err := b.ensure(ctx, p.name); !ok {
			return err
		}
		if err := b.audit(ctx, p, a); err != nil {
			return err
		}
	}
	return nil
}

func (b *binder) audit(ctx context.Context, p *parsedModel, a AuditCall) error {
	def, custom := b.l.audits[a.Name]
	if !custom {
		sql, _ := builtinSQL(a, bindTable(p.name))
		if _, err := b.query(ctx, sql); err != nil {
			if ctx.Err() != nil {
				return err
			}
			msg, hint := explain(err)
			b.l.errs.add(p.f, a.at, hint, "audit %s: %s", a.Name, msg)
		}
		return nil
	}
	sc := def.def.scope(a.Args, bindTable(p.name))
	before := len(b.l.errs.Errors)
	x := expand(def.f, def.query, sc, b.l.errs)
	if len(b.l.errs.Errors) > before {
		return nil
	}
	q := newQueryText(def.f, x)
	trees, err := duck.SerializeSQL(ctx, b.l.db, []string{x.text})
	if err != nil {
		return err
	}
	if trees[0].Err != nil {
		b.l.syntaxError(q, trees[0].Err)
		return nil
	}
	tree, err := readTree(trees[0].JSON)
	if err != nil {
		return err
	}
	if def.check(&tree, q, bindTable(p.name), b.l.errs); len(b.l.errs.Errors) > before {
		return nil
	}
	if _, err := b.query(ctx, x.text); err != nil {
		if ctx.Err() != nil {
			return err
		}
		at := q.tokens[0].Span()
		if e, ok := duck.ParseError(err); ok && e.Position >= len(describe) {
			at = q.tokenSpan(e.Position - len(describe))
		}
		msg, hint := explain(err)
		b.l.errs.add(def.f, q.origin(at), hint, "audit %s of %s: %s", a.Name, p.name, msg)
	}
	return nil
}

func hasColumn(columns []Column, name string) bool {
	for _, c := range columns {
		if strings.EqualFold(c.Name, name) {
			return true
		}
	}
	return false
}
