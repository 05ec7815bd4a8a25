package upstream

import (
	"bytes"
	"io"
	"regexp"
	"strconv"
	"strings"
)

var legacyPath = regexp.MustCompile(`^files/dea/history/deacot((?:19|20)\d\d)\.zip$`)

// cotLegacy serves CFTC's legacy report, futures only: a ZIP a year with the same
// weeks and contracts as the disaggregated one.
func (s *Server) cotLegacy(year string, fault Fault) answer {
	number, _ := strconv.Atoi(year) // four digits
	weeks := s.cotWeeks()
	from, to := 0, len(weeks)
	for from < to && weeks[from].report.Year() < number {
		from++
	}
	for to > from && weeks[to-1].report.Year() > number {
		to--
	}
	if from == to {
		return notFound()
	}
	newest := weeks[to-1]
	a := answer{status: 200, kind: "application/x-zip-compressed", modified: newest.published}
	write := func(w io.Writer) { s.writeLegacy(w, weeks[:to], from, fault.Kind == Revise) }
	if fault.editsContent() {
		a.modified = later(a.modified)
		var csv bytes.Buffer
		write(&csv)
		a.body = zipped("annual.txt", newest.published, func(w io.Writer) { _, _ = w.Write(fault.editCSV(csv.Bytes())) })
	} else {
		key := fileKey{"deacot" + year + newest.report.Format(" 2006-01-02"), number, 0}
		a.body = s.files.get(key, func() []byte { return zipped("annual.txt", newest.published, write) })
	}
	a.etag = etagOf(a.body)
	return a
}

// legacyNames are the 129 columns, upstream's own in spelling and blanks.
func legacyNames() []string {
	names := []string{"Market and Exchange Names", "As of Date in Form YYMMDD", "As of Date in Form YYYY-MM-DD", "CFTC Contract Market Code",
		"CFTC Market Code in Initials", "CFTC Region Code", "CFTC Commodity Code"}
	crops := []string{"(All)", "(Old)", "(Other)"}
	parts := []string{"Noncommercial%-Long", "Noncommercial%-Short", "Noncommercial%-Spreading", "Commercial%-Long", "Commercial%-Short",
		"Total Reportable%-Long", "Total Reportable%-Short", "Nonreportable%-Long", "Nonreportable%-Short"}
	block := func(parts []string, prefix, middle, crop string) {
		for _, p := range parts {
			names = append(names, prefix+strings.Replace(p, "%", middle, 1)+" "+crop)
		}
	}
	for _, crop := range crops {
		names = append(names, "Open Interest "+crop)
		block(parts, "", " Positions", crop)
	}
	for n, name := range names {
		if name == "Total Reportable Positions-Long (All)" {
			names[n] = " " + name
		}
	}
	names = append(names, "Change in Open Interest (All)")
	block(parts, "Change in ", "", "(All)")
	for _, crop := range crops {
		gap := " "
		if crop == "(Old)" {
			gap = ""
		}
		names = append(names, "% of Open Interest (OI)"+gap+crop)
		block(parts, "% of OI-", "", crop)
	}
	for _, crop := range crops {
		names = append(names, "Traders-Total "+crop)
		block(parts[:7], "Traders-", "", crop)
	}
	for _, crop := range crops {
		for _, kind := range []string{"Gross", "Net"} {
			for _, most := range []string{"4", "8"} {
				equal, gap := " LT =", " "
				if crop == "(All)" && kind == "Gross" && most == "4" {
					equal = " LT = "
				}
				names = append(names, "Concentration-"+kind+equal+most+" TDR-Long "+crop)
				if equal = " LT ="; crop == "(Other)" && kind == "Gross" {
					gap = ""
				}
				names = append(names, "Concentration-"+kind+equal+most+" TDR-Short"+gap+crop)
			}
		}
	}
	return append(names, "Contract Units", "CFTC Contract Market Code (Quotes)", "CFTC Market Code in Initials (Quotes)", "CFTC Commodity Code (Quotes)")
}

// legacyColumns are a market's positions in the order of the file: funds and other
// reportables are noncommercial, producers and swap dealers commercial, whose
// spreads count on both sides.
func (p *positions) legacyColumns() []int64 {
	commercial := holdings{long: p[producers].long + p[swapDealers].long + p[swapDealers].spread,
		short: p[producers].short + p[swapDealers].short + p[swapDealers].spread}
	all := p.reportables()
	return []int64{p[managedMoney].long + p[otherReportables].long, p[managedMoney].short + p[otherReportables].short,
		p[managedMoney].spread + p[otherReportables].spread, commercial.long, commercial.short, all.long, all.short,
		p[nonReportables].long, p[nonReportables].short}
}

// writeLegacy writes the reports of weeks[from:], contracts by code, the newest
// report of each first.
func (s *Server) writeLegacy(w io.Writer, weeks []cotWeek, from int, revised bool) {
	_, _ = io.WriteString(w, `"`+strings.Join(legacyNames(), `","`)+"\"\r\n") // into memory
	row := cotRow{}
	for i := range reported {
		f := &reported[i]
		moods := s.moods(f, weeks)
		for n := len(weeks) - 1; n >= from; n-- {
			r := s.cotReport(f, weeks[n], moods[n])
			if revised && n == len(weeks)-1 {
				r = r.revised()
			}
			var before *cotReport
			if n > 0 {
				b := s.cotReport(f, weeks[n-1], moods[n-1])
				before = &b
			}
			row.text = row.text[:0]
			row.writeLegacy(f, r, before, s.options.Seed)
			_, _ = w.Write(row.text) // into memory
		}
	}
}

func (r *cotRow) writeLegacy(f *futures, report cotReport, before *cotReport, seed uint64) {
	date := report.week.report
	r.quoted(f.name)
	r.plain(date.Format("060102"))
	r.field(date.Format("2006-01-02"))
	r.plain(f.code)
	r.plain(f.market)
	r.plain(f.region)
	r.field(f.commodity)
	for i, interest := range report.interest {
		r.count(interest)
		for _, n := range report.crop(i).legacyColumns() {
			r.count(n)
		}
	}
	now := append([]int64{report.interest[0]}, report.all.legacyColumns()...)
	for i, n := range now {
		if before == nil {
			r.padded(".", 8)
			continue
		}
		r.count(n - append([]int64{before.interest[0]}, before.all.legacyColumns()...)[i])
	}
	for i, interest := range report.interest {
		r.percent(interest, interest, 7)
		for _, n := range report.crop(i).legacyColumns() {
			r.percent(n, interest, 7)
		}
	}
	for i, interest := range report.interest {
		for _, n := range append([]int64{interest * 2}, report.crop(i).legacyColumns()[:7]...) {
			switch t := traders(n, interest); {
			case t > 0 && t < 4:
				r.padded(".", 7)
			default:
				r.padded(strconv.Itoa(t), 7)
			}
		}
	}
	for i := range report.interest {
		r.concentration(throw(seed, "concentration "+f.code, report.week.number, i))
	}
	r.quoted(f.units)
	r.quoted(f.code)
	r.quoted(f.market)
	r.text = append(r.text, `"`+f.commodity+"\"\r\n"...)
}
