package model

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"golang.org/x/sync/errgroup"

	"beanflows.coffee/materia/internal/duck"
)

// binder asks DuckDB what every query returns, with empty tables in the place
// of the models it reads. One describes the models, parents first; others follow
// it side by side with what needs no more than the columns.
type binder struct {
	l       *loader
	c       *sql.Conn
	types   map[string]string // type as written to type as DuckDB has it; "" for no type
	standIn string            // directory of files without rows
	tables  *bindTables
	cut     string // schema of its own for tables that lack columns
	version string // of DuckDB
}

// bindTables are the models that have their empty table.
type bindTables struct {
	mu      sync.Mutex
	created map[string]bool
}

// maxBinders bounds how many models are looked into at once.
const maxBinders = 4

// bindTable is where a model stands while the project is bound. Refs are
// rendered to it, so that what Render changes is bound, not what was written.
func bindTable(name string) string {
	return `materia_bind.` + duck.QuoteIdent(strings.Replace(name, ".", "__", 1))
}

func (l *loader) bind(ctx context.Context, order []string) error {
	// A file without rows stands for the landing files: DuckDB wants one to
	// exist. A crash leaves an empty directory in the system's temporary one.
	dir, err := os.MkdirTemp("", "materia-bind-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := writeStandIns(dir); err != nil {
		return err
	}
	version, err := duck.LibraryVersion(ctx, l.db)
	if err != nil {
		return err
	}
	if _, err := l.db.ExecContext(ctx, "CREATE SCHEMA materia_bind"); err != nil {
		return err
	}
	shared := binder{l: l, types: map[string]string{}, standIn: dir, tables: &bindTables{created: map[string]bool{}}, version: version}
	described := make(chan *parsedModel, len(order))
	var found [maxBinders]ErrorList
	followers, following := errgroup.WithContext(ctx)
	for i := range min(runtime.NumCPU(), maxBinders) {
		followers.Go(func() error {
			own := *l
			own.errs = &found[i]
			b := shared
			b.l, b.cut = &own, fmt.Sprintf("materia_cut%d", i)
			return b.follow(following, described)
		})
	}
	err = shared.onConnection(ctx, func(b *binder) error {
		for _, name := range order {
			if bound, err := b.model(ctx, l.byName[name]); err != nil {
				return err
			} else if bound {
				described <- l.byName[name]
			}
		}
		return nil
	})
	close(described)
	err = errors.Join(err, followers.Wait())
	for i := range found {
		l.errs.Errors = append(l.errs.Errors, found[i].Errors...)
	}
	return err
}

// onConnection gives f a binder that may ask. Nothing is run on it, so nothing
// need be optimised.
func (b binder) onConnection(ctx context.Context, f func(*binder) error) error {
	c, err := b.l.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.ExecContext(ctx, "PRAGMA disable_optimizer; SET errors_as_json = true"); err != nil {
		return err
	}
	b.c = c
	return f(&b)
}

// follow looks into models that are described until there are no more. It takes
// a connection only if there is one.
func (b binder) follow(ctx context.Context, described <-chan *parsedModel) error {
	first, ok := <-described
	if !ok {
		return nil
	}
	return b.onConnection(ctx, func(b *binder) error {
		if _, err := b.c.ExecContext(ctx, "CREATE SCHEMA "+b.cut); err != nil {
			return err
		}
		for p := first; p != nil; p = <-described {
			if err := errors.Join(b.proveReads(ctx, p), b.audits(ctx, p)); err != nil {
				return err
			}
		}
		return nil
	})
}

func writeStandIns(dir string) error {
	if err := os.WriteFile(filepath.Join(dir, "empty"), nil, 0o600); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, "empty.gz"))
	if err != nil {
		return err
	}
	if err := gzip.NewWriter(f).Close(); err != nil {
		return err
	}
	return f.Close()
}

// model finds one model's columns. bound is false where they are not known, or
// where all about it is known already. The error is about the database as a whole.
func (b *binder) model(ctx context.Context, p *parsedModel) (bound bool, err error) {
	described := p.m.Columns // so far descriptions only
	p.m.Columns, p.m.Contract, p.m.BindKey = nil, len(p.columns) > 0, b.key(p)
	if b.l.recall != nil && p.m.BindKey != "" {
		if known, ok := b.l.recall(p.m.BindKey); ok {
			p.m.Columns, p.m.Reads = slices.Clone(known.Columns), known.Reads
			p.keepDescriptions(described, b.l.errs)
			return false, nil
		}
	}
	contract, ok, err := b.contract(ctx, p)
	if err != nil {
		return false, err
	}
	columns, err := b.describe(ctx, p)
	if err != nil {
		return false, err
	}
	if columns != nil && ok {
		b.compare(p, contract, columns)
	}
	if columns == nil && ok {
		columns = contract // children are checked against what the model promises
	}
	if columns == nil {
		return false, nil
	}
	p.m.Columns = columns
	p.keepDescriptions(described, b.l.errs)
	p.checkBound(b.l.errs)
	return true, nil
}

// key covers everything that binding looks at: the query, its readers, what the
// models it reads return, the contract, the audits, and DuckDB itself. Empty
// if a model it reads could not be bound.
func (b *binder) key(p *parsedModel) string {
	d := newDigest()
	d.add("duckdb", b.version)
	d.add("with what it reads")
	d.add("query", p.m.Query)
	d.add("kind", append([]string{p.m.TimeColumn, p.m.TimeFormat, string(p.m.Unit)}, p.m.UniqueKey...)...)
	for _, r := range p.m.Refs {
		parent := b.l.byName[r.Model]
		if parent == nil || len(parent.m.Columns) == 0 {
			return ""
		}
		d.add("reads", r.Model)
		for _, c := range parent.m.Columns {
			d.add("column", c.Name, c.Type)
		}
	}
	for _, r := range p.m.Readers {
		if strings.Contains(r.Function, "parquet") {
			return "" // its columns are in the files
		}
		d.add("reader", r.Function)
	}
	for _, c := range p.columns {
		d.add("contract", c.name, c.typ)
	}
	for _, a := range p.m.Audits {
		d.add("audit", a.Name, fmt.Sprint(a.Args)) // maps print sorted
		if def, ok := b.l.audits[a.Name]; ok {
			d.add("definition", def.def.SQL, fmt.Sprint(def.def.Defaults, def.def.Variables))
		}
	}
	return d.String()
}

// contract gives the declared columns in DuckDB's words. ok is false without
// a contract, or if a type is no type.
func (b *binder) contract(ctx context.Context, p *parsedModel) (columns []Column, ok bool, err error) {
	ok = len(p.columns) > 0
	for _, d := range p.columns {
		typ, known := b.types[d.typ]
		if !known {
			got, err := b.query(ctx, "SELECT CAST(NULL AS "+d.typ+") AS c")
			if err != nil && ctx.Err() != nil {
				return nil, false, err
			}
			if err == nil && len(got) == 1 {
				typ = got[0].Type
			}
			b.types[d.typ] = typ
		}
		if typ == "" {
			b.l.errs.add(p.f, d.typeAt, "", "%s is not a type of DuckDB", d.typ)
			ok = false
		}
		columns = append(columns, Column{Name: d.name, Type: typ})
	}
	return columns, ok, nil
}

// query describes a SELECT. Error positions count from the SELECT.
func (b *binder) query(ctx context.Context, text string) ([]Column, error) {
	rows, err := b.c.QueryContext(ctx, describe+text)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Column
	var null, key, def, extra any
	for rows.Next() {
		var c Column
		if err := rows.Scan(&c.Name, &c.Type, &null, &key, &def, &extra); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, rows.Err()
}

const describe = "DESCRIBE "

// describe gives what the model's query returns, nil if that cannot be known;
// why is reported, unless a model it reads is to blame.
func (b *binder) describe(ctx context.Context, p *parsedModel) ([]Column, error) {
	if p.m.Query == "" || p.wrong {
		return nil, nil
	}
	for _, r := range p.m.Refs {
		if ok, err := b.ensure(ctx, r.Model); !ok {
			return nil, err
		}
	}
	r, err := p.m.renderWith(epoch(), bindTable, b.standInFor(p))
	if err != nil {
		return nil, err
	}
	columns, err := b.query(ctx, r.SQL)
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		b.l.bindError(p, r, err)
		return nil, nil
	}
	seen := map[string]bool{}
	for _, c := range columns {
		if low := strings.ToLower(c.Name); seen[low] {
			b.l.errs.add(p.f, p.queryStart(), "give one of them another name", "the query returns two columns named %s", c.Name)
			return nil, nil
		} else {
			seen[low] = true
		}
	}
	return columns, nil
}

// standInFor chooses a file without rows of the same compression. A Parquet
// file tells its own columns, so only the real files can be bound.
func (b *binder) standInFor(p *parsedModel) func(Reader) []string {
	return func(r Reader) []string {
		if strings.Contains(r.Function, "parquet") {
			return []string{r.Glob}
		}
		name := "empty"
		if strings.HasSuffix(r.Glob, ".gz") || strings.HasSuffix(r.Glob, ".gzip") || strings.Contains(strings.ToLower(p.m.Query), "gzip") {
			name = "empty.gz"
		}
		return []string{filepath.Join(b.standIn, name)}
	}
}

func (p *parsedModel) queryStart() Span {
	if p.expanded == nil {
		return p.nameAt
	}
	tokens := significant(Lex(p.f.text[p.query.Start:p.query.End]))
	return Span{p.query.Start + tokens[0].Start, p.query.Start + tokens[0].End()}
}

// bindError leads DuckDB's error back to the file.
func (l *loader) bindError(p *parsedModel, r *Rendered, err error) {
	e, ok := duck.ParseError(err)
	at := p.queryStart()
	if ok && e.Position >= len(describe) && p.expanded != nil {
		q := newQueryText(p.f, p.expanded)
		at = q.origin(q.tokenSpan(r.QueryOffset(e.Position - len(describe))))
	}
	msg, hint := explain(err)
	l.errs.add(p.f, at, hint, "%s", msg)
}

// explain cuts DuckDB's message into what is wrong and what would be right.
func explain(err error) (msg, hint string) {
	e, ok := duck.ParseError(err)
	if !ok {
		msg, hint, _ = strings.Cut(err.Error(), "\n")
		return msg, strings.TrimSpace(hint)
	}
	msg, hint, _ = strings.Cut(e.Message, "\n")
	if len(e.Candidates) > 0 {
		hint = "did you mean " + strings.Join(e.Candidates[:min(3, len(e.Candidates))], ", ") + "?"
	}
	return msg, strings.TrimSpace(hint)
}

// ensure makes the empty table of a model that something is bound against. ok
// is false if its columns are not known.
func (b *binder) ensure(ctx context.Context, name string) (ok bool, err error) {
	p := b.l.byName[name]
	if p == nil || len(p.m.Columns) == 0 {
		return false, nil
	}
	b.tables.mu.Lock() // until the table stands: others are about to read it
	defer b.tables.mu.Unlock()
	if !b.tables.created[name] {
		b.tables.created[name] = true
		err = b.create(ctx, name, p.m.Columns)
	}
	return err == nil, err
}

func (b *binder) create(ctx context.Context, name string, columns []Column) error {
	if _, err := b.c.ExecContext(ctx, "CREATE TABLE "+bindTable(name)+" ("+columnDefs(columns)+")"); err != nil {
		return fmt.Errorf("bind %s: %w", name, err)
	}
	return nil
}

func columnDefs(columns []Column) string {
	defs := make([]string, len(columns))
	for i, c := range columns {
		defs[i] = duck.QuoteIdent(c.Name) + " " + c.Type
	}
	return strings.Join(defs, ", ")
}

// proveReads binds the query again, against parents that lack the columns it
// does not seem to read. Only if it returns the same is that what it reads.
func (b *binder) proveReads(ctx context.Context, p *parsedModel) error {
	reads := b.reads(p)
	if len(reads) == 0 {
		return nil
	}
	cut := func(name string) string { return strings.Replace(bindTable(name), "materia_bind", b.cut, 1) }
	for name, columns := range reads {
		left := slices.DeleteFunc(slices.Clone(b.l.byName[name].m.Columns), func(c Column) bool { return !contains(columns, strings.ToLower(c.Name)) })
		if _, err := b.c.ExecContext(ctx, "CREATE OR REPLACE TABLE "+cut(name)+" ("+columnDefs(left)+")"); err != nil {
			return fmt.Errorf("bind %s: %w", name, err)
		}
	}
	r, err := p.m.renderWith(epoch(), func(dep string) string {
		if reads[dep] != nil {
			return cut(dep)
		}
		return bindTable(dep)
	}, b.standInFor(p))
	if err != nil {
		return err
	}
	columns, err := b.query(ctx, r.SQL)
	if err != nil {
		return ctx.Err() // it reads more than it mentions
	}
	if slices.EqualFunc(columns, p.m.Columns, func(a, b Column) bool { return a.Name == b.Name && a.Type == b.Type }) {
		p.m.Reads = reads
	}
	return nil
}

// keepDescriptions puts the header's descriptions onto the bound columns.
func (p *parsedModel) keepDescriptions(described []Column, errs *ErrorList) {
	for _, d := range described {
		found := false
		for i := range p.m.Columns {
			if strings.EqualFold(p.m.Columns[i].Name, d.Name) {
				p.m.Columns[i].Description, found = d.Description, true
			}
		}
		if !found {
			errs.add(p.f, p.nameAt, didYouMean(d.Name, columnNames(p.m.Columns)), "column_descriptions names a column that the query does not return: %s", d.Name)
		}
	}
}

func columnNames(columns []Column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return names
}
