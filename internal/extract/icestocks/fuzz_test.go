package icestocks

import (
	"strconv"
	"strings"
	"testing"
)

// FuzzReports reads tables of any content with every parser: none panics, and
// what is not refused has a date, no negative bags and no port called a total.
func FuzzReports(f *testing.F) {
	f.Add("As of: Jan 4, 2016 1:31:00PM\n\tAntwerp\tNew York\tTotal\nPeru\t1\t2\t3\nTotal in Bags\t1\t2\t3\nNo Bags Passed Today\nPending Grading Report\n\tANT\tTotal\nTotal\t5\t5")
	f.Add("As of Delivery 7/31/2026\nDays\tANTWERP\tHAMBURG / BREMEN\tTotal\n0000 to 0120\t1\t2\t3\nOver 6000\t0\t1\t1\nTotal\t1\t3\t4")
	f.Add("\tDate\tAntwerp\tNew York\tTotal\n\tFebuary 28, 2001\t1\t2\t3\n\t36950\t1\t2\t3")
	f.Add("As of 1/1/0000\nANT\tHAM") // a heading, and nothing under it
	f.Fuzz(func(t *testing.T, text string) {
		var rows [][]any
		for line := range strings.SplitSeq(text, "\n") {
			var cells []any
			for cell := range strings.SplitSeq(line, "\t") {
				if n, err := strconv.ParseFloat(cell, 64); err == nil {
					cells = append(cells, n)
				} else {
					cells = append(cells, cell)
				}
			}
			rows = append(rows, cells)
		}
		for _, k := range []kind{dailyKind(), ageingKind(), historyKind()} {
			r, err := k.parse(sheet(rows...), zone(t))
			if err != nil {
				continue
			}
			if r.date == "" || len(r.records) == 0 {
				t.Errorf("%s: date %q, %d records, and no error", k.title, r.date, len(r.records))
			}
			for _, x := range r.records {
				if x.bags < 0 || isTotal(x.code) || isTotal(label(x.origin)) || x.section == "" {
					t.Errorf("%s: record %+v", k.title, x)
				}
			}
			var out strings.Builder
			if err := r.writeCSV(&out, k.title == ageingKind().title); err != nil {
				t.Error(err)
			}
		}
	})
}
