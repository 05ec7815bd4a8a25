package extract

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// readRows feeds text in pieces of n bytes and returns header and rows as text.
func readRows(text string, n int) (all []string, r *Rows, err error) {
	r = &Rows{Header: func(names []string) error { all = append(all, fmt.Sprintf("%q", names)); return nil },
		Row: func(_ int64, fields [][]byte) error { all = append(all, fmt.Sprintf("%q", fields)); return nil }}
	for at := 0; at < len(text); at += n {
		if _, err := r.Write([]byte(text[at:min(len(text), at+n)])); err != nil {
			return all, r, err
		}
	}
	return all, r, r.Close()
}

func TestRows(t *testing.T) {
	text := "\ufeff" + `"A","b, c" , d` + "\r\n" + `"COFFEE, C " ,  131231 ,.` + "\r\n" + `é,,"x"`
	want := []string{`["A" "b, c" "d"]`, `["COFFEE, C" "131231" "."]`, `["é" "" "x"]`}
	for n := 1; n <= len(text); n++ {
		if got, r, err := readRows(text, n); err != nil || !slices.Equal(got, want) || r.Count != 2 || !r.BOM {
			t.Fatalf("pieces of %d: %q, %d rows, %v", n, got, r.Count, err)
		}
	}
	for name, c := range map[string]struct{ text, reason string }{
		"empty":           {"", "an empty file"},
		"twice":           {"a,b,a\n", `"a" stands twice`},
		"short":           {"a,b\n1\n", "row 1 has 1 fields, the header 2"},
		"open":            {"a,b\n1,2\n\"1,2\n", "row 2 has an open quote"},
		"after":           {"a,b\n\"1\"x,2\n", "row 1 has text after a closing quote"},
		"inside":          {"a,b\n1\"1,2\n", "row 1 has a quote inside a field"},
		"two breaks":      {"a,b\r\n1,2\n", "row 1 ends in another line break"},
		"control":         {"a,b\n1,\x002\n", "row 1 has a control character"},
		"tab":             {"a,b\n1,\t2\n", "row 1 has a control character"},
		"CP1252":          {"a,b\n1,\xe9\n", "row 1 is not UTF-8"},
		"an endless line": {"a,b\n" + strings.Repeat("x", maxLine+1), "row 1 is longer than"},
	} {
		for _, n := range []int{1, 3, 1 << 20} {
			if _, _, err := readRows(c.text, n); err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("%s, pieces of %d: %v, want %q", name, n, err, c.reason)
			}
		}
	}
}

// FuzzRows: pieces make no difference, and where quotes stand only around whole
// fields encoding/csv reads the same.
func FuzzRows(f *testing.F) {
	f.Add("a,b\r\n1,\"2,3\"\r\n", 3)
	f.Add("\ufeff\"a\" ,b\n\"x\" ,  1\n", 1)
	f.Add("a\n\n", 2)
	f.Fuzz(func(t *testing.T, text string, n int) {
		whole, r, err := readRows(text, len(text)+1)
		pieces, _, perr := readRows(text, 1+(n&0xff))
		if (err == nil) != (perr == nil) || err == nil && !slices.Equal(whole, pieces) {
			t.Fatalf("whole %q, %v; in pieces %q, %v", whole, err, pieces, perr)
		}
		if err != nil || r.columns == 1 || strings.Contains(text, `" `) || strings.Contains(text, ` "`) {
			return // what is ours alone: blanks around quotes, and lines of one field, which may be empty
		}
		in := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
		in.FieldsPerRecord = r.columns
		for i := 0; ; i++ {
			record, err := in.Read()
			if errors.Is(err, io.EOF) {
				if int64(i) != r.Count+1 {
					t.Fatalf("%d lines, encoding/csv reads %d", r.Count+1, i)
				}
				return
			}
			if err != nil {
				t.Fatalf("encoding/csv refuses what was accepted: %v", err)
			}
			for n := range record {
				record[n] = strings.TrimSpace(record[n])
			}
			if got := fmt.Sprintf("%q", record); got != whole[i] {
				t.Fatalf("line %d: %s, encoding/csv reads %s", i+1, whole[i], got)
			}
		}
	})
}
