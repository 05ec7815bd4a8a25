package modeltest

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// tolerance of doubles, absolute below 1 and relative above.
const tolerance = 1e-9

func isNumeric(typ string) bool {
	switch typ {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "BIGNUM":
		return true
	}
	return strings.HasPrefix(typ, "DECIMAL(")
}

// equal compares a wanted value with what DuckDB printed.
func equal(want cell, got *string, typ string) bool {
	float := typ == "DOUBLE" || typ == "FLOAT"
	if got != nil && float && strings.TrimPrefix(*got, "-") == "nan" {
		got = nil
	}
	if want.kind == null || float && want.shown == "nan" {
		return got == nil
	}
	if got == nil {
		return false
	}
	switch {
	case isNumeric(typ):
		return want.kind != boolean && equalNumbers(want.shown, *got, float)
	case typ == "BOOLEAN":
		return want.kind == boolean && strings.EqualFold(want.shown, *got)
	case want.kind == number || want.kind == boolean:
		return false // 1 is not '1'
	}
	return want.shown == *got
}

func equalNumbers(want, got string, float bool) bool {
	if float {
		a, err1 := strconv.ParseFloat(want, 64)
		b, err2 := strconv.ParseFloat(got, 64)
		if err1 != nil || err2 != nil {
			return false
		}
		return a == b || math.Abs(a-b) <= tolerance*max(1, math.Abs(a), math.Abs(b))
	}
	// big.Rat would happily expand 1e999999999.
	if _, exp, ok := strings.Cut(strings.ToLower(want), "e"); ok {
		if n, err := strconv.Atoi(exp); err != nil || n > 100 || n < -100 {
			return false
		}
	}
	a, ok1 := new(big.Rat).SetString(want)
	b, ok2 := new(big.Rat).SetString(got)
	return ok1 && ok2 && a.Cmp(b) == 0
}

// pair is an expected row beside an actual one; -1 where there is none.
type pair struct{ want, got int }

// match pairs rows. In order, row by row; otherwise equal rows first, and then
// what is left by the number of equal cells, so that the difference is short.
func match(want expected, got grid, ordered bool) (equalRows int, different []pair) {
	if ordered {
		for i := range max(len(want.rows), len(got.rows)) {
			switch {
			case i >= len(want.rows):
				different = append(different, pair{-1, i})
			case i >= len(got.rows):
				different = append(different, pair{i, -1})
			case score(want, got, i, i) == len(want.columns):
				equalRows++
			default:
				different = append(different, pair{i, i})
			}
		}
		return equalRows, different
	}
	taken := make([]bool, len(got.rows))
	var left []int
	for i := range want.rows {
		found := false
		for j := range got.rows {
			if !taken[j] && score(want, got, i, j) == len(want.columns) {
				taken[j], found = true, true
				equalRows++
				break
			}
		}
		if !found {
			left = append(left, i)
		}
	}
	for _, i := range left {
		best, at := 0, -1
		for j := range got.rows {
			if s := score(want, got, i, j); !taken[j] && s > best {
				best, at = s, j
			}
		}
		if at >= 0 {
			taken[at] = true
		}
		different = append(different, pair{i, at})
	}
	for j := range got.rows {
		if !taken[j] {
			different = append(different, pair{-1, j})
		}
	}
	return equalRows, different
}

// score counts equal cells.
func score(want expected, got grid, i, j int) int {
	n := 0
	for k, c := range want.columns {
		if equal(want.rows[i][k], got.rows[j][c], got.columns[c].Type) {
			n++
		}
	}
	return n
}

// maxDifferences limits what is printed of a test, not what is compared.
const maxDifferences = 50

// difference prints how the rows differ, row by row; empty if they do not.
func difference(t *testCase, what string, want expected, got grid, ordered bool) string {
	equalRows, different := match(want, got, ordered)
	if len(different) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d: %s: %s: expected %s, got %s, %d equal\n", t.file, t.line, t.name, what, count(len(want.rows)), count(len(got.rows)), equalRows)
	for n, p := range different {
		if n == maxDifferences {
			fmt.Fprintf(&b, "  and %d more\n", len(different)-n)
			break
		}
		switch {
		case p.got < 0:
			fmt.Fprintf(&b, "  %s:%d: missing row: %s\n", t.file, want.lines[p.want], wantRow(want, got, p.want))
		case p.want < 0:
			fmt.Fprintf(&b, "  unexpected row %d: %s\n", p.got+1, gotRow(want, got, p.got))
		default:
			fmt.Fprintf(&b, "  %s:%d: row %d%s differs:\n", t.file, want.lines[p.want], p.want+1, sameCells(want, got, p))
			for k, c := range want.columns {
				if w, g := want.rows[p.want][k], got.rows[p.got][c]; !equal(w, g, got.columns[c].Type) {
					fmt.Fprintf(&b, "    %s: expected %s, got %s (%s)\n", got.columns[c].Name, shownWant(w), shownGot(g, got.columns[c].Type), got.columns[c].Type)
				}
			}
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

func count(n int) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}

// sameCells names up to three equal cells, so that a reader knows the row.
func sameCells(want expected, got grid, p pair) string {
	var same []string
	for k, c := range want.columns {
		if w := want.rows[p.want][k]; w.kind != null && len(same) < 3 && equal(w, got.rows[p.got][c], got.columns[c].Type) {
			same = append(same, got.columns[c].Name+"="+w.shown)
		}
	}
	if len(same) == 0 {
		return ""
	}
	return " (" + strings.Join(same, ", ") + ")"
}

func wantRow(want expected, got grid, i int) string {
	var all []string
	for k, c := range want.columns {
		if want.rows[i][k].kind != null {
			all = append(all, got.columns[c].Name+"="+shownWant(want.rows[i][k]))
		}
	}
	return strings.Join(all, ", ")
}

func gotRow(want expected, got grid, j int) string {
	var all []string
	for _, c := range want.columns {
		if v := got.rows[j][c]; v != nil {
			all = append(all, got.columns[c].Name+"="+shownGot(v, got.columns[c].Type))
		}
	}
	return strings.Join(all, ", ")
}

func shownWant(c cell) string {
	if c.kind == text {
		return strconv.Quote(c.shown)
	}
	return c.shown
}

func shownGot(v *string, typ string) string {
	switch {
	case v == nil:
		return "NULL"
	case isNumeric(typ) || typ == "BOOLEAN":
		return *v
	}
	return strconv.Quote(*v)
}
