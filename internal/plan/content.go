package plan

import (
	"slices"
	"strings"

	"beanflows.coffee/materia/internal/model"
)

// contents names what models hold, so far as somebody reads it. A model's own
// version names all of it; a child takes part in only the columns it reads, so
// a change elsewhere in its parent is none for it. See docs/adr/0022.
type contents struct {
	models map[string]*model.Model
	extra  func(m *model.Model) (files []InputFile, more map[string]string) // what else goes into a model's content
	memo   map[string]string
	parts  parts
}

func newContents(models map[string]*model.Model, parts parts, extra func(*model.Model) ([]InputFile, map[string]string)) *contents {
	return &contents{models: models, extra: extra, memo: map[string]string{}, parts: parts}
}

// parts remembers what Model.Part gave, by model and columns: contents of the
// same models share it.
type parts map[*model.Model]map[string]part

type part struct {
	text  string
	cut   bool
	words map[string]bool
}

func (p parts) of(m *model.Model, columns []string) part {
	key := strings.Join(columns, "\x00")
	known, ok := p[m][key]
	if !ok {
		known.text, known.cut, known.words = m.Part(columns)
		if p[m] == nil {
			p[m] = map[string]part{}
		}
		p[m][key] = known
	}
	return known
}

// of is the content of some columns of a model, of all where columns is nil.
func (c *contents) of(name string, columns []string) string {
	key := name
	if columns != nil {
		key += "\x00" + strings.Join(columns, "\x00")
	}
	if known := c.memo[key]; known != "" {
		return known
	}
	m := c.models[name]
	if m == nil {
		return "" // a recorded model whose parent is gone
	}
	code, reads := m.CodeHash, m.Reads
	if columns != nil {
		part := c.parts.of(m, columns)
		if !part.cut {
			c.memo[key] = c.of(name, nil)
			return c.memo[key]
		}
		code, reads = "part "+part.text, map[string][]string{}
		for dep, list := range m.Reads {
			reads[dep] = slices.DeleteFunc(slices.Clone(list), func(column string) bool { return !part.words[column] })
		}
	}
	files, parents := c.extra(m)
	if parents == nil {
		parents = map[string]string{}
	}
	for _, dep := range m.DependsOn {
		parents[dep] = c.of(dep, reads[dep])
	}
	c.memo[key] = version(name, code, parents, files)
	return c.memo[key]
}

// codes are contents of code alone: without files and intervals. With whole,
// every parent counts whole, so that any change of any ancestor shows.
func codes(models map[string]*model.Model, order []string, parts parts, whole bool) map[string]string {
	none := func(*model.Model) ([]InputFile, map[string]string) { return nil, nil }
	if whole {
		blind := map[string]*model.Model{}
		for name, m := range models {
			x := *m
			x.Reads = nil
			blind[name] = &x
		}
		models = blind
	}
	c, all := newContents(models, parts, none), map[string]string{}
	for _, name := range order {
		all[name] = c.of(name, nil)
	}
	return all
}
