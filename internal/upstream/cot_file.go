package upstream

import (
	"bytes"
	"io"
	"regexp"
	"strconv"
)

var cotPath = regexp.MustCompile(`^files/dea/history/((fut|com)_disagg_txt_(?:hist_2006_2016|(20\d\d)))\.zip$`)

// cot serves CFTC's disaggregated reports: a ZIP a year from 2010, one of all
// years to 2016, futures only and combined. The file of a year without a report
// yet is not there.
func (s *Server) cot(path string, fault Fault) answer {
	m := cotPath.FindStringSubmatch(path)
	if m == nil {
		return notFound()
	}
	first, last := 2006, 2016
	combined := m[2] == "com"
	member := map[bool]string{false: "F_Disagg06_16.txt", true: "C_Disagg06_16.txt"}[combined]
	form := formOf(last, combined)
	if m[3] != "" {
		year, _ := strconv.Atoi(m[3]) // four digits
		if first, last = year, year; year < 2010 {
			return notFound()
		}
		member = map[bool]string{false: "f_year.txt", true: "c_year.txt"}[combined]
		form = formOf(year, combined)
	}
	weeks := s.cotWeeks()
	from, to := 0, len(weeks)
	for from < to && weeks[from].report.Year() < first {
		from++
	}
	for to > from && weeks[to-1].report.Year() > last {
		to--
	}
	if from == to {
		return notFound()
	}
	newest := weeks[to-1]
	write := func(w io.Writer) { s.writeCOT(w, form, weeks[:to], from, fault.Kind == Revise) }
	a := answer{status: 200, kind: "application/x-zip-compressed", modified: newest.published}
	if fault.editsContent() {
		a.modified = later(a.modified)
		var csv bytes.Buffer
		write(&csv)
		a.body = zipped(member, newest.published, func(w io.Writer) { _, _ = w.Write(fault.editCSV(csv.Bytes())) })
	} else {
		key := fileKey{m[1] + newest.report.Format(" 2006-01-02"), last, 0}
		a.body = s.files.get(key, func() []byte { return zipped(member, newest.published, write) })
	}
	a.etag = etagOf(a.body)
	return a
}

// writeCOT writes the reports of weeks[from:], contracts by code, the newest
// report of each first.
func (s *Server) writeCOT(w io.Writer, form cotForm, weeks []cotWeek, from int, revised bool) {
	form.writeHeader(w)
	row := cotRow{form: form}
	for i := range reported {
		f := &reported[i]
		moods := s.moods(f, weeks)
		report := func(n int) *cotReport {
			if n < 0 {
				return nil
			}
			r := s.cotReport(f, weeks[n], moods[n])
			if form.combined {
				r = r.combined(f, s.options.Seed)
			}
			if revised && n == len(weeks)-1 {
				r = r.revised()
			}
			return &r
		}
		for n, now := len(weeks)-1, report(len(weeks)-1); n >= from; n-- {
			before := report(n - 1)
			row.text = row.text[:0]
			row.write(f, *now, before, s.options.Seed)
			_, _ = w.Write(row.text) // into memory
			now = before
		}
	}
}
