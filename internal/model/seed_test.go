package model

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"beanflows.coffee/materia/internal/duck"
)

// A seed gives the rows that SQLMesh 0.236 gives for the same file: each row
// below was taken from a plan of SQLMesh's.
func TestSeedRows(t *testing.T) {
	tests := []struct{ name, csv, columns, settings, want string }{
		{"Namibia stays", "code,name\nNA,Namibia\nNO,Norway\n", "code TEXT, name TEXT", "keep_default_na = false", "[(NA, Namibia), (NO, Norway)]"},
		{"Namibia is missing by default", "code,name\nNA,Namibia\nNO,Norway\n", "code TEXT, name TEXT", "", "[(NULL, Namibia), (NO, Norway)]"},
		{"an empty value stays empty", "a,b\nx,\n,y\n", "a TEXT, b TEXT", "keep_default_na = false", "[(x, ), (, y)]"},
		{"na_values alone", "a,b\nx,-\n,y\n", "a TEXT, b TEXT", "keep_default_na = false, na_values = ('-', '')", "[(x, NULL), (NULL, y)]"},
		{"other columns, another order, types", "b,c,A\n1.5,x,1\n2,y,\n", "a INT, b DECIMAL(9,2)", "", "[(1, 1.50), (NULL, 2.00)]"},
		{"delimiters, quotes and line ends", "a;b\r\n'x;''y';1\r\n'two\nlines';2\r\n", "a TEXT, b INT", "delimiter = ';', quotechar = ''''", "[(x;'y, 1), (two\nlines, 2)]"},
		{"tabs and quoted missing values", "a\tb\n\"NA\"\t1\nx\t2\n", "a TEXT, b INT", `delimiter = '\t'`, "[(NULL, 1), (x, 2)]"},
		{"dates and booleans", "d,f\n2024-01-02,true\n2024-02-29,False\n", "d DATE, f BOOLEAN", "", "[(2024-01-02, true), (2024-02-29, false)]"},
		{"a mark at the front", "\ufeffa\nx\n", "a TEXT", "", "[(x)]"},
		{"numbers beside a word keep their zeros", "a\n0711100\ntotal\n", "a TEXT", "", "[(0711100), (total)]"},
	}
	db, err := duck.Open("", duck.Options{ExternalAccess: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, tt := range tests {
		settings := ""
		if tt.settings != "" {
			settings = ", csv_settings (" + tt.settings + ")"
		}
		p := mustLoad(t, "-- seeds/s.csv --\n"+tt.csv+"-- models/staging/s.sql --\nMODEL (name staging.s, kind SEED (path '../../seeds/s.csv'"+settings+"), columns ("+tt.columns+"));\n")
		m := p.Models["staging.s"]
		var cells []string
		for _, c := range m.Columns {
			cells = append(cells, fmt.Sprintf("coalesce(%s::VARCHAR, 'NULL')", c.Name))
		}
		var got string
		sql, err := m.Render(nil, nil)
		if err == nil {
			err = db.QueryRow("SELECT '[' || string_agg('(' || " + strings.Join(cells, " || ', ' || ") + " || ')', ', ') || ']' FROM (" + sql + ")").Scan(&got)
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

// What str() gives of the column as pandas 2.3 reads it with keep_default_na
// false; where it differs from the file the seed is refused.
func TestTextThatPandasChanges(t *testing.T) {
	tests := []struct{ values, pandas string }{
		{"0711100 0230000", "711100 230000"},
		{"1 2", "1 2"},
		{"True FALSE", "True False"},
		{"true false", "True False"},
		{"1.50 2", "1.5 2.0"},
		{"1e3 2", "1000.0 2.0"},
		{"+1 2", "1 2"},
		{"1_000 2", "1_000 2"},
		{"123456789012345678901 2", "123456789012345678901 2"},
		{"- 2", "- 2"},
		{"inf 2", "inf 2.0"},
		{"nan 2", "nan 2"},
		{"0x10 1", "0x10 1"},
		{"18446744073709551615 1", "18446744073709551615 1"},
		{"-0 1", "0 1"},
		{"1. .5", "1.0 0.5"},
		{"1e16 1", "1e+16 1.0"},
		{"0.00001 1", "1e-05 1.0"},
		{"12345.25 100000", "12345.25 100000.0"},
	}
	for _, tt := range tests {
		values, want := strings.Fields(tt.values), strings.Fields(tt.pandas)
		rows := make([]csvRecord, len(values))
		for i, v := range values {
			rows[i] = csvRecord{fields: []string{v}}
		}
		errs := &ErrorList{}
		csvSettings{}.checkText(newFile("s.csv", "s.csv", ""), rows, 0, "c", errs)
		var first []string
		for i := range values {
			if values[i] != want[i] && first == nil {
				first = []string{fmt.Sprintf("column c holds text that SQLMesh would change: %s is read as %s", values[i], want[i])}
			}
		}
		var got []string
		for _, e := range errs.Errors {
			got = append(got, e.Msg)
		}
		if diff := cmp.Diff(first, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.values, diff)
		}
	}
	// An empty value beside numbers makes pandas read floats.
	errs := &ErrorList{}
	csvSettings{defaultNA: true}.checkText(newFile("s", "s", ""), []csvRecord{{fields: []string{"1"}}, {fields: []string{""}}}, 0, "c", errs)
	if len(errs.Errors) != 1 || !strings.HasSuffix(errs.Errors[0].Msg, "1 is read as 1.0") {
		t.Errorf("%v", errs.Errors)
	}
}
