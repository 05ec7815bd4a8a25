package model

import (
	"cmp"
	"slices"
)

// Expansion is one macro of a model's query and what became of it.
type Expansion struct {
	Macro string `json:"macro"` // as written
	File  string `json:"file"`
	Line  int    `json:"line"` // from 1, as Col
	Col   int    `json:"col"`
	SQL   string `json:"sql"`
}

// Expand is the query with its macros replaced and models under their own
// names; times are those of the interval. Where each macro stood is told
// besides, for a model that was loaded from files.
func (m *Model) Expand(at Interval) (sql string, macros []Expansion, err error) {
	edits := make([]edit, len(m.TimeMacros))
	times := map[int]string{}
	for i, t := range m.TimeMacros {
		times[t.Span.Start] = timeValue(t.Name, at)
		edits[i] = edit{t.Span, times[t.Span.Start]}
	}
	r, err := apply(m.Name, m.Query, edits)
	if err != nil {
		return "", nil, err
	}
	if m.parsed != nil && m.parsed.expanded != nil {
		f := m.parsed.f
		uses := slices.Clone(m.parsed.expanded.uses)
		slices.SortStableFunc(uses, func(a, b macroUse) int { return cmp.Or(a.from.Start-b.from.Start, b.from.End-a.from.End) })
		for _, u := range uses {
			x := Expansion{Macro: f.text[u.from.Start:u.from.End], File: f.shown, SQL: m.Query[u.to.Start:u.to.End]}
			x.Line, x.Col = f.position(u.from.Start)
			if value, is := times[u.to.Start]; is {
				x.SQL = value
			}
			macros = append(macros, x)
		}
	}
	return r.SQL, macros, nil
}
