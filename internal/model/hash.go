package model

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// hashVersion changes when the same code would have to be built again.
const hashVersion = "1"

// canonical writes tokens so that blanks, comments and the case of words do
// not count.
func canonical(tokens []Token) string {
	var b strings.Builder
	for _, t := range tokens {
		if !t.Significant() {
			continue
		}
		text := t.Text
		switch t.Kind {
		case Ident, Macro:
			text = strings.ToLower(text)
		case String:
			if s, ok := t.str(); ok {
				text = duckString(s)
			}
		}
		b.WriteString(text)
		b.WriteByte(0)
	}
	return b.String()
}

func duckString(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// canonicalQuery is the query's tokens with variables replaced, except those
// that say where the landing zone is: a variable in a reader's call stands by
// name in the whole query, so that a moved data directory rebuilds nothing.
// What is read is hashed by content elsewhere.
// Times of an interval stand by name too.
func canonicalQuery(x *expanded, calls []readerCall, incremental bool) string {
	location := map[string]bool{}
	for _, u := range x.uses {
		if u.call {
			continue
		}
		location[u.name] = location[u.name] || incremental && timeMacro(u.name)
		for _, c := range calls {
			if u.to.Start >= c.whole.Start && u.to.End <= c.whole.End {
				location[u.name] = true
			}
		}
	}
	var b strings.Builder
	last := 0
	for _, u := range x.uses {
		if u.call || !location[u.name] {
			continue
		}
		b.WriteString(canonical(Lex(x.text[last:u.to.Start])))
		b.WriteString("@" + u.name + "\x00")
		last = u.to.End
	}
	b.WriteString(canonical(Lex(x.text[last:])))
	return b.String()
}

type digest struct{ h hash.Hash }

func newDigest() digest {
	d := digest{sha256.New()}
	d.add("version", hashVersion)
	return d
}

// add hashes a labelled value; lengths keep neighbours apart.
func (d digest) add(label string, values ...string) {
	fmt.Fprintf(d.h, "%s %d\n", label, len(values))
	for _, v := range values {
		fmt.Fprintf(d.h, "%d:%s\n", len(v), v)
	}
}

func (d digest) String() string { return hex.EncodeToString(d.h.Sum(nil)) }

// codeHash covers what changes the model's rows.
func (p *parsedModel) codeHash(calls []readerCall) string {
	d := newDigest()
	d.add("kind", string(p.kind))
	for _, c := range p.columns {
		d.add("column", strings.ToLower(c.name), canonical(Lex(c.typ)))
	}
	if p.kind == Seed {
		d.add("seed", p.m.SeedSHA256, p.seed.settings.canonical())
	} else {
		d.add("query", canonicalQuery(p.expanded, calls, p.m.Incremental()))
	}
	if p.m.Incremental() {
		d.add("incremental", append([]string{p.m.TimeColumn, p.m.TimeFormat}, p.m.UniqueKey...)...)
	}
	return d.String()
}

// metaHash covers what describes or checks the model.
func (m *Model) metaHash(audits map[string]*AuditDef) string {
	d := newDigest()
	d.add("text", m.Description, m.Owner, m.Cron, m.Start)
	d.add("grain", m.Grain...)
	d.add("tags", m.Tags...)
	if m.Incremental() {
		d.add("intervals", string(m.Unit), fmt.Sprint(m.BatchSize, m.Lookback))
	}
	for _, c := range m.Columns {
		if c.Description != "" {
			d.add("column", strings.ToLower(c.Name), c.Description)
		}
	}
	for _, a := range m.Audits {
		names := make([]string, 0, len(a.Args))
		for n := range a.Args {
			names = append(names, n)
		}
		slices.Sort(names)
		d.add("audit", a.Name, fmt.Sprint(a.Blocking))
		for _, n := range names {
			d.add("argument", n, canonical(Lex(a.Args[n])))
		}
		if def := audits[a.Name]; def != nil {
			d.add("definition", canonical(Lex(def.SQL)), fmt.Sprint(def.Blocking, def.Defaults, def.Variables)) // maps print sorted
		}
	}
	return d.String()
}
