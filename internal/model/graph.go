package model

import (
	"slices"
	"strings"
)

// sort gives the models so that each stands after those it reads, by name
// where that leaves a choice. Cycles are reported once each; their models and
// what depends on them are left out.
func (l *loader) sort() []string {
	waiting := map[string]int{} // unmet dependencies
	children := map[string][]string{}
	var ready []string
	for _, name := range l.names() {
		p := l.byName[name]
		for _, d := range p.m.DependsOn {
			if l.byName[d] != nil && l.byName[d].enabled {
				waiting[name]++
				children[d] = append(children[d], name)
			}
		}
		if waiting[name] == 0 {
			ready = append(ready, name)
		}
	}
	var order []string
	for len(ready) > 0 {
		name := ready[0]
		ready = ready[1:]
		order = append(order, name)
		for _, c := range children[name] {
			if waiting[c]--; waiting[c] == 0 {
				i, _ := slices.BinarySearch(ready, c)
				ready = slices.Insert(ready, i, c)
			}
		}
		delete(waiting, name)
	}
	l.reportCycles(waiting)
	return order
}

// reportCycles follows the first unmet dependency of each waiting model until
// one repeats. Each cycle is reported at the model that comes first by name.
func (l *loader) reportCycles(waiting map[string]int) {
	reported := map[string]bool{}
	for _, start := range l.names() {
		if waiting[start] == 0 {
			continue
		}
		seen := map[string]int{}
		var path []string
		at := start
		for {
			if i, again := seen[at]; again {
				path = path[i:]
				break
			}
			seen[at] = len(path)
			path = append(path, at)
			next := ""
			for _, d := range l.byName[at].m.DependsOn {
				if waiting[d] > 0 {
					next = d
					break
				}
			}
			if next == "" {
				path = nil
				break
			}
			at = next
		}
		if len(path) == 0 {
			continue
		}
		first := slices.Index(path, slices.Min(path))
		path = append(append([]string{}, path[first:]...), path[:first]...)
		text := strings.Join(append(path, path[0]), " -> ")
		if reported[text] {
			continue
		}
		reported[text] = true
		p := l.byName[path[0]]
		where := p.nameAt
		for _, r := range p.m.Refs {
			if r.Model == path[1%len(path)] {
				where = p.expanded.origin.origin(r.Span)
				break
			}
		}
		l.errs.add(p.f, where, "", "models read each other in a circle: %s", text)
	}
}
