package model

import (
	"cmp"
	"slices"
	"strings"
)

// didYouMean is a hint naming the closest of names, or all of them if they are
// few and none is close. Empty if there is nothing to say.
func didYouMean(got string, names []string) string {
	if close := closest(got, names, 3); len(close) > 0 {
		return "did you mean " + strings.Join(close, ", ") + "?"
	}
	if len(names) == 0 || len(names) > 20 {
		return ""
	}
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	return "one of " + strings.Join(sorted, ", ")
}

// closest gives up to n names within a third of got's length, nearest first.
func closest(got string, names []string, n int) []string {
	type scored struct {
		name string
		d    int
	}
	got = strings.ToLower(got)
	_, table, qualified := strings.Cut(got, ".")
	var near []scored
	for _, name := range names {
		low := strings.ToLower(name)
		d := editDistance(got, low)
		if _, t, ok := strings.Cut(low, "."); ok && !qualified && t == got || ok && qualified && t == table {
			d = min(d, 1) // the schema is missing or another one
		}
		if d <= max(1, len(got)/3) {
			near = append(near, scored{name, d})
		}
	}
	slices.SortFunc(near, func(a, b scored) int { return cmp.Or(cmp.Compare(a.d, b.d), cmp.Compare(a.name, b.name)) })
	var names2 []string
	for _, s := range near[:min(n, len(near))] {
		names2 = append(names2, s.name)
	}
	return names2
}

// editDistance counts insertions, deletions, replacements and swaps of
// neighbours (optimal string alignment).
func editDistance(a, b string) int {
	if d := len(a) - len(b); d > 12 || d < -12 {
		return 99
	}
	before, last, now := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(b)]
}
