package extract

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// refuseShare is how much of a table may break its contract and land with a
// warning. A few slips are the publisher's; more say that a column is not what it was.
const refuseShare = 0.01

// Finding is what a contract holds against an answer: the rule, and the
// difference between what was expected and what came. Equal faults have equal
// findings, so that a person can accept one for good.
type Finding struct {
	Rule   string `json:"rule"` // columns, rows, type, range, key, identity
	Detail string `json:"detail"`
	Refuse bool   `json:"refuse"` // else it lands with a warning
}

func (f Finding) String() string { return f.Rule + ": " + f.Detail }

// Kind of the values in a column.
type Kind int

// The kinds.
const (
	Text   Kind = iota
	Number      // decimal, finite; no NaN, no infinity
	Day         // YYYY-MM-DD
)

// Column is what a contract says of one column.
type Column struct {
	Name        string
	Kind        Kind
	Needed      bool // a blank is a violation
	Least, Most float64
	// Bounded says that Least and Most count.
	Bounded bool
}

// Contract is what must hold for the rows of a table, whatever the order of its
// columns. A zero field says nothing.
type Contract struct {
	Columns []Column
	Key     []string // columns whose values are unique together
}

// CompareColumns is what a header differs in from the names it must have: missing
// names are refused, more are a warning, another order is fine.
func CompareColumns(want, got []string) []Finding {
	var missing, more []string
	for _, name := range want {
		if !slices.Contains(got, name) {
			missing = append(missing, name)
		}
	}
	for _, name := range got {
		if !slices.Contains(want, name) {
			more = append(more, name)
		}
	}
	switch {
	case len(missing) > 0:
		return []Finding{{Rule: "columns", Refuse: true,
			Detail: fmt.Sprintf("columns differ: missing %q, unknown %q", missing, more)}}
	case len(more) > 0:
		return []Finding{{Rule: "columns", Detail: fmt.Sprintf("new columns %q", more)}}
	}
	return nil
}

// MissingColumns is CompareColumns for a source that reads a few of many columns:
// others may come and go.
func MissingColumns(needed, got []string) []Finding {
	var missing []string
	for _, name := range needed {
		if !slices.Contains(got, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return []Finding{{Rule: "columns", Refuse: true, Detail: fmt.Sprintf("columns differ: missing %q among %d", missing, len(got))}}
}

// FewerRows refuses a table with less than share of the rows of the one before;
// before 0 is none. Upstreams that break often send a part.
func FewerRows(rows, before int64, share float64) []Finding {
	least := int64(math.Ceil(float64(before) * share))
	if rows >= least {
		return nil
	}
	return []Finding{{Rule: "rows", Refuse: true, Detail: fmt.Sprintf("%d rows, fewer than %d, which is %.0f %% of the %d of the newest landed file",
		rows, least, share*100, before)}}
}

// Check applies a contract to rows as they come. Memory grows with the number of
// rows only where the contract has a key, by some 20 bytes a row.
type Check struct {
	contract Contract
	columns  []int // of each contract column in a row; -1: not there
	key      []int
	rows     int64
	seed     maphash.Seed
	keys     map[uint64]struct{} // hashes: two of a million keys share one once in 40 million tables
	broken   []violation
}

// violation counts one way to break the contract.
type violation struct {
	rule, what string
	n          int64
	row        int64 // of the first
	value      string
}

// Over starts a check of rows whose columns have these names.
func (c Contract) Over(header []string) *Check {
	k := &Check{contract: c, seed: maphash.MakeSeed(), keys: map[uint64]struct{}{}}
	for _, col := range c.Columns {
		k.columns = append(k.columns, slices.Index(header, col.Name))
	}
	for _, name := range c.Key {
		if i := slices.Index(header, name); i >= 0 {
			k.key = append(k.key, i)
		}
	}
	return k
}

// Row checks one row; its fields are not kept. row is its number in the file,
// for a person who looks for it.
func (k *Check) Row(row int64, fields [][]byte) {
	k.rows++
	for n, col := range k.contract.Columns {
		at := k.columns[n]
		if at < 0 || at >= len(fields) {
			continue // CompareColumns has said so
		}
		if rule, what := col.judge(fields[at]); rule != "" {
			k.note(rule, "column "+col.Name+" "+what, row, string(fields[at]))
		}
	}
	if len(k.key) == 0 || len(k.key) < len(k.contract.Key) {
		return
	}
	var h maphash.Hash
	h.SetSeed(k.seed)
	for _, at := range k.key {
		h.Write(fields[at])
		h.WriteByte(0)
	}
	sum := h.Sum64()
	if _, twice := k.keys[sum]; twice {
		k.note("key", "("+strings.Join(k.contract.Key, ", ")+") stands twice", row, string(fields[k.key[len(k.key)-1]]))
	}
	k.keys[sum] = struct{}{}
}

// Note counts a violation that the source found by itself, such as of an identity.
func (k *Check) Note(rule, what string, row int64, value string) { k.note(rule, what, row, value) }

func (k *Check) note(rule, what string, row int64, value string) {
	for n := range k.broken {
		if v := &k.broken[n]; v.rule == rule && v.what == what {
			v.n++
			return
		}
	}
	if len(value) > 60 {
		value = strings.ToValidUTF8(value[:60], "") + "..."
	}
	k.broken = append(k.broken, violation{rule, what, 1, row, value})
}

// Findings is what the rows so far break, in order of the first of each.
func (k *Check) Findings() []Finding {
	var list []Finding
	for _, v := range k.broken {
		list = append(list, Finding{Rule: v.rule, Refuse: float64(v.n) > refuseShare*float64(k.rows) && v.n > 1 || k.rows == v.n,
			Detail: fmt.Sprintf("%s in %d of %d rows, first in row %d: %q", v.what, v.n, k.rows, v.row, v.value)})
	}
	return list
}

// judge says how a value breaks its column's rules; rule is empty for a good one.
func (c Column) judge(value []byte) (rule, what string) {
	value = bytes.TrimSpace(value)
	if len(value) == 0 {
		if c.Needed {
			return "type", "is blank"
		}
		return "", ""
	}
	switch c.Kind {
	case Number:
		n, err := strconv.ParseFloat(string(value), 64)
		switch {
		case err != nil || value[0] == '0' && len(value) > 1 && (value[1] == 'x' || value[1] == 'X'):
			return "type", "is no number"
		case math.IsNaN(n) || math.IsInf(n, 0):
			return "type", "is not finite"
		case c.Bounded && n < c.Least:
			return "range", fmt.Sprintf("is below %v", c.Least)
		case c.Bounded && n > c.Most:
			return "range", fmt.Sprintf("is above %v", c.Most)
		}
	case Day:
		if _, err := time.Parse(time.DateOnly, string(value)); err != nil {
			return "type", "is no date YYYY-MM-DD"
		}
	}
	return "", ""
}
