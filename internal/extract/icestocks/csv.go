package icestocks

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// columns of every CSV of this source, in order.
func columns(ofAge bool) []string {
	all := []string{"report_date", "as_of", "section", "origin", "port_code", "port_name", "bags"}
	if ofAge {
		all = append(all, "age_from_days", "age_to_days")
	}
	return all
}

// writeCSV writes the report's records, in the order in which the workbook has
// them. The same workbook gives the same bytes.
func (r report) writeCSV(w io.Writer, ofAge bool) error {
	out := csv.NewWriter(w)
	if err := out.Write(columns(ofAge)); err != nil {
		return err
	}
	for _, x := range r.records {
		fields := []string{x.date, r.asOf, x.section, x.origin, x.code, x.name, strconv.FormatInt(x.bags, 10)}
		if ofAge {
			fields = append(fields, x.ageFrom, x.ageTo)
		}
		if err := out.Write(fields); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// certifiedBags sums the certified bags in a daily CSV.
func certifiedBags(body io.Reader) (int64, error) {
	in := csv.NewReader(body)
	head, err := in.Read()
	if err != nil {
		return 0, err
	}
	section, bags := slices.Index(head, "section"), slices.Index(head, "bags")
	if section < 0 || bags < 0 {
		return 0, fmt.Errorf("columns %q", head)
	}
	var sum int64
	for {
		row, err := in.Read()
		if err == io.EOF {
			return sum, nil
		}
		if err != nil {
			return 0, err
		}
		if row[section] != certified {
			continue
		}
		n, err := strconv.ParseInt(row[bags], 10, 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
}
