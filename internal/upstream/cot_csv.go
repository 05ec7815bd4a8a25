package upstream

import (
	"io"
	"math"
	"strconv"
	"strings"
)

// cotForm is how a year's file is written: CFTC changed it twice.
type cotForm struct {
	dateColumn string
	gap        string // after each text, also behind closing quotes
	combined   bool
}

func formOf(year int, combined bool) cotForm {
	form := cotForm{dateColumn: "Report_Date_as_YYYY-MM-DD", combined: combined}
	if year <= 2012 {
		form.dateColumn = "Report_Date_as_MM_DD_YYYY" // its values are ISO all the same
	}
	if year <= 2014 {
		form.gap = " "
	}
	return form
}

// cotNames are categories as columns call them, reportables in their place.
var cotNames = [...]string{"Prod_Merc", "Swap", "M_Money", "Other_Rept", "Tot_Rept", "NonRept"}

func cotSides(name string) []string {
	switch name {
	case "Swap", "M_Money", "Other_Rept":
		return []string{"Long", "Short", "Spread"}
	}
	return []string{"Long", "Short"}
}

// writeHeader writes the 191 names.
func (form cotForm) writeHeader(w io.Writer) {
	names := []string{"Market_and_Exchange_Names", "As_of_Date_In_Form_YYMMDD", form.dateColumn, "CFTC_Contract_Market_Code", "CFTC_Market_Code",
		"CFTC_Region_Code", "CFTC_Commodity_Code"}
	crops := []string{"All", "Old", "Other"}
	block := func(first string, of []string, column func(name, side, crop string) string, crops ...string) {
		for _, crop := range crops {
			names = append(names, first+crop)
			for _, name := range of {
				for _, side := range cotSides(name) {
					names = append(names, column(name, side, crop))
				}
			}
		}
	}
	plain := func(prefix string) func(name, side, crop string) string {
		return func(name, side, crop string) string { return prefix + name + "_" + side + "_" + crop }
	}
	position := func(name, side, crop string) string {
		if name == "Swap" && side != "Long" {
			name = "Swap_" // two underscores, upstream's own
		}
		return name + "_Positions_" + side + "_" + crop
	}
	block("Open_Interest_", cotNames[:], position, crops...)
	block("Change_in_Open_Interest_", cotNames[:], plain("Change_in_"), "All")
	block("Pct_of_Open_Interest_", cotNames[:], plain("Pct_of_OI_"), crops...)
	block("Traders_Tot_", cotNames[:5], plain("Traders_"), crops...)
	for _, crop := range crops {
		for _, kind := range []string{"Gross", "Net"} {
			for _, most := range []string{"4", "8"} {
				names = append(names, "Conc_"+kind+"_LE_"+most+"_TDR_Long_"+crop, "Conc_"+kind+"_LE_"+most+"_TDR_Short_"+crop)
			}
		}
	}
	names = append(names, "Contract_Units", "CFTC_Contract_Market_Code_Quotes", "CFTC_Market_Code_Quotes", "CFTC_Commodity_Code_Quotes",
		"CFTC_SubGroup_Code", "FutOnly_or_Combined")
	_, _ = io.WriteString(w, `"`+strings.Join(names, `","`)+"\"\r\n") // into memory
}

// cotRow collects the fields of a line.
type cotRow struct {
	form cotForm
	text []byte
}

func (r *cotRow) field(text string) { r.text = append(append(r.text, text...), ',') }

func (r *cotRow) plain(text string)  { r.field(text + r.form.gap) }
func (r *cotRow) quoted(text string) { r.field(`"` + text + `"` + r.form.gap) }
func (r *cotRow) padded(text string, width int) {
	r.field(strings.Repeat(" ", max(0, width-len(text))) + text)
}
func (r *cotRow) count(n int64) { r.padded(strconv.FormatInt(n, 10), 8) }

func (r *cotRow) percent(part, of int64, width int) {
	share := 0.0
	if of > 0 {
		share = math.Round(1000*float64(part)/float64(of)) / 10
	}
	r.padded(strconv.FormatFloat(share, 'f', 1, 64), width)
}

// columns of a market's positions in the order of the file.
func (p *positions) columns() (all []int64) {
	for c, h := range p {
		if c == nonReportables {
			r := p.reportables()
			all = append(all, r.long, r.short)
		}
		if all = append(all, h.long, h.short); spreading(c) {
			all = append(all, h.spread)
		}
	}
	return all
}

// write writes one line; before is the report of the week before, nil for the
// first there is.
func (r *cotRow) write(f *futures, report cotReport, before *cotReport, seed uint64) {
	date := report.week.report
	r.quoted(f.name)
	r.plain(date.Format("060102"))
	r.field(date.Format("2006-01-02"))
	r.plain(f.code)
	r.plain(f.market)
	r.plain(f.region)
	r.field(f.commodity) // padded to four
	for i, interest := range report.interest {
		r.count(interest)
		for _, n := range report.crop(i).columns() {
			r.count(n)
		}
	}
	r.changes(report, before)
	for i, interest := range report.interest {
		r.percent(interest, interest, 7)
		for _, n := range report.crop(i).columns() {
			r.percent(n, interest, 7)
		}
	}
	for i, interest := range report.interest {
		r.traders(report.crop(i), interest)
	}
	for i := range report.interest {
		r.concentration(throw(seed, "concentration "+f.code, report.week.number, i))
	}
	r.quoted(f.units)
	r.quoted(f.code)
	r.quoted(f.market)
	if r.form.gap == "" {
		r.quoted(f.commodity)
	} else {
		r.quoted(strings.TrimSpace(f.commodity))
	}
	r.quoted(f.subgroup)
	kind := "FutOnly"
	if r.form.combined {
		kind = "Combined"
	}
	r.text = append(r.text, `"`+kind+"\"\r\n"...)
}

func (r *cotRow) changes(report cotReport, before *cotReport) {
	now := append([]int64{report.interest[0]}, report.all.columns()...)
	if before == nil {
		for range now {
			r.padded(".", 8)
		}
		return
	}
	for i, n := range append([]int64{before.interest[0]}, before.all.columns()...) {
		r.count(now[i] - n)
	}
}

func (r *cotRow) traders(p *positions, interest int64) {
	all := p.columns()
	number := func(contracts int64) {
		switch n := traders(contracts, interest); {
		case n == 0:
			r.padded("0", 7)
		case n < 4:
			r.padded(".", 7)
		default:
			r.padded(strconv.Itoa(n), 7)
		}
	}
	number(interest * 2)
	for _, n := range all[:len(all)-2] { // not of those who need not report
		number(n)
	}
}

// concentration is what the largest four and eight traders hold, in percent:
// gross, then net of each trader's other side.
func (r *cotRow) concentration(d *dice) {
	var four, eight [2]float64
	for side := range four {
		four[side] = 14 + 14*d.unit()
		eight[side] = four[side] * (1.35 + 0.3*d.unit())
	}
	for _, net := range []float64{1, 0.8 + 0.15*d.unit()} {
		for _, largest := range [][2]float64{four, eight} {
			for _, share := range largest {
				r.padded(strconv.FormatFloat(share*net, 'f', 1, 64), 8)
			}
		}
	}
}
