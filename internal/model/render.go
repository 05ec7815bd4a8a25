package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"beanflows.coffee/materia/internal/duck"
)

// Rendered is executable text, and the way back to the query it was made of.
type Rendered struct {
	SQL    string
	origin sourceMap // of SQL in Model.Query
}

// QueryOffset is the byte of Model.Query that the byte of SQL came from.
func (r *Rendered) QueryOffset(at int) int { return r.origin.origin(Span{at, at + 1}).Start }

// Render gives the executable SELECT: every mention of a model replaced by
// table(model), which is SQL text ("schema"."name"), with the alias that keeps
// the query's meaning, and every landing reader's first argument replaced by
// the list files(glob) returns. Where nothing matches, files gives a stand-in
// without rows: DuckDB has no empty list of files.
func (m *Model) Render(table func(dep string) string, files func(glob string) []string) (string, error) {
	r, err := m.RenderMapped(table, files)
	if err != nil {
		return "", err
	}
	return r.SQL, nil
}

type edit struct {
	at  Span
	put string
}

// RenderMapped is Render with the way back from DuckDB's error positions.
func (m *Model) RenderMapped(table func(dep string) string, files func(glob string) []string) (*Rendered, error) {
	return m.RenderInterval(epoch(), table, files)
}

// RenderInterval is RenderMapped for one interval of an incremental model.
func (m *Model) RenderInterval(at Interval, table func(dep string) string, files func(glob string) []string) (*Rendered, error) {
	return m.renderWith(at, table, func(r Reader) []string {
		var list []string
		for _, path := range files(r.Glob) {
			list = append(list, literalGlob(path))
		}
		return list
	})
}

func (m *Model) renderWith(at Interval, table func(dep string) string, files func(Reader) []string) (*Rendered, error) {
	edits := make([]edit, 0, len(m.Refs)+len(m.Readers)+len(m.Deletions))
	for _, r := range m.Refs {
		name := table(r.Model)
		if name == "" {
			return nil, fmt.Errorf("model: render %s: no table for %s", m.Name, r.Model)
		}
		if r.Alias != "" {
			name += " AS " + duck.QuoteIdent(r.Alias)
		}
		edits = append(edits, edit{r.Span, name})
	}
	for _, r := range m.Readers {
		list := files(r)
		if len(list) == 0 {
			return nil, fmt.Errorf("model: render %s: no file and no stand-in for %s", m.Name, r.Glob)
		}
		quoted := make([]string, len(list))
		for i, path := range list {
			quoted[i] = duck.QuoteString(path)
		}
		edits = append(edits, edit{r.Span, "[" + strings.Join(quoted, ", ") + "]"})
	}
	for _, t := range m.TimeMacros {
		edits = append(edits, edit{t.Span, timeValue(t.Name, at)})
	}
	for _, d := range m.Deletions {
		edits = append(edits, edit{d, ""})
	}
	slices.SortFunc(edits, func(a, b edit) int { return cmp.Compare(a.at.Start, b.at.Start) })
	return apply(m.Name, m.Query, edits)
}

func apply(name, query string, edits []edit) (*Rendered, error) {
	r := &Rendered{}
	var out strings.Builder
	last := 0
	keep := func(to int) {
		if to > last {
			r.origin.pieces = append(r.origin.pieces, piece{out.Len(), Span{last, to}, true})
			out.WriteString(query[last:to])
		}
	}
	for _, e := range edits {
		if e.at.Start < last || e.at.End > len(query) {
			return nil, fmt.Errorf("model: render %s: overlapping spans at byte %d", name, e.at.Start)
		}
		keep(e.at.Start)
		if e.put != "" {
			r.origin.pieces = append(r.origin.pieces, piece{out.Len(), e.at, false})
			out.WriteString(e.put)
		}
		last = e.at.End
	}
	keep(len(query))
	r.SQL = out.String()
	return r, nil
}

// literalGlob writes a path so that DuckDB's glob matches it alone.
func literalGlob(path string) string {
	if !strings.ContainsAny(path, "*?[") {
		return path
	}
	return strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]").Replace(path)
}
