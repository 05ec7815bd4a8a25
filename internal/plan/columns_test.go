package plan

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// psdColumns are the columns of USDA's file, in its order.
var psdColumns = []string{"Commodity_Code", "Commodity_Description", "Country_Code", "Country_Name", "Market_Year", "Calendar_Year",
	"Month", "Attribute_ID", "Attribute_Description", "Unit_ID", "Unit_Description", "Value"}

// psdRows is a small release: two countries, two seasons, all that Arabica and the totals need.
func psdRows(edit func(row []string) []string) string {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	w.UseCRLF = true
	w.Write(edit(slices.Clone(psdColumns)))
	for _, country := range [][2]string{{"BR", "Brazil"}, {"VM", "Vietnam"}} {
		for year := 2021; year <= 2022; year++ {
			for id, name := range map[string]string{"020": "Beginning Stocks", "028": "Production", "086": "Total Supply", "178": "Total Distribution", "176": "Ending Stocks"} {
				w.Write(edit([]string{"0711100", "Coffee, Green", country[0], country[1], fmt.Sprint(year), "2022", "12", id, name, "02", "(1000 60 KG BAGS)", fmt.Sprintf("%s.0000", id[1:])}))
			}
		}
	}
	w.Flush()
	return out.String()
}

// TestFaultColumnsOfPSD: a release with its columns in another order, or with a new
// one, gives the figures of the plain one; one without its Value stops the plan.
func TestFaultColumnsOfPSD(t *testing.T) {
	read := func(edit func(row []string) []string) (*house, error) {
		h := &house{t: t, root: t.TempDir()}
		h.paths()
		var err error
		if h.project, err = filepath.Abs("../../transform"); err != nil {
			t.Fatal(err)
		}
		h.land("psd/2022/12/0123456789ab.csv.gzip", psdRows(edit))
		line, err := json.Marshal(map[string]any{"path": "psd/2022/12/0123456789ab.csv.gzip", "source": "psd", "sha256": strings.Repeat("0", 64), "bytes": 1, "rows": 20,
			"landed_at": "2026-02-01T00:00:00Z", "released_at": "2022-12-20T15:02:00Z", "url": "https://apps.fas.usda.gov/x", "origin": "replay", "run": "20260201T000000Z-psd-00000000"})
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(h.landing, ".manifest/2026/20260201T000000Z-psd-00000000.jsonl"), append(line, '\n'))
		_, _, err = h.tryApply(Prod)
		return h, err
	}
	const figures = `SELECT usda_country_code AS c, market_year_label AS y, attribute_id AS a, value AS v FROM staging.raw_psd ORDER BY ALL`
	plain, err := read(func(row []string) []string { return row })
	if err != nil {
		t.Fatal(err)
	}
	want := plain.query(figures)
	if len(want) != 20 {
		t.Fatalf("%d rows of 20", len(want))
	}
	for name, edit := range map[string]func([]string) []string{
		"reversed": func(row []string) []string { slices.Reverse(row); return row },
		"added":    func(row []string) []string { return slices.Insert(row, 3, "Flag") },
	} {
		h, err := read(edit)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		equal(t, name, h.query(figures), want)
	}
	_, err = read(func(row []string) []string {
		if row[11] == "Value" {
			row[11] = "Amount"
		}
		return row
	})
	if err == nil || !strings.Contains(err.Error(), "raw_psd") {
		t.Errorf("without Value: %v", err)
	}
}

// TestRealLegacyCOT reads CFTC's own file of 2021: 51 reports about coffee, the last
// with the figures that stand in its line.
func TestRealLegacyCOT(t *testing.T) {
	body := realZIP(t, "cot/legacy_fut/deacot2021_asof_2021-12-21.zip")
	h := &house{t: t, root: t.TempDir()}
	h.paths()
	var err error
	if h.project, err = filepath.Abs("../../transform"); err != nil {
		t.Fatal(err)
	}
	const path, run = "cot_legacy/2021/2021-12-21.csv.gz", "20260201T000000Z-cot_legacy-00000000"
	h.land(path, string(body))
	line, err := json.Marshal(map[string]any{"path": path, "source": "cot_legacy", "sha256": strings.Repeat("0", 64), "bytes": len(body), "rows": 13038,
		"landed_at": "2026-02-01T00:00:00Z", "released_at": nil, "url": "https://www.cftc.gov/x", "origin": "replay", "run": run})
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(h.landing, ".manifest/2026/"+run+".jsonl"), append(line, '\n'))
	h.apply(Prod)
	equal(t, "reports", h.query(`SELECT count(*) AS n, CAST(min(report_date) AS VARCHAR) AS a, CAST(max(report_date) AS VARCHAR) AS z FROM staging.stg_cot_legacy`),
		[]string{`{"n":51,"a":"2021-01-05","z":"2021-12-21"}`})
	equal(t, "the last", h.query(`SELECT open_interest::INT AS oi, noncommercial_long::INT AS nl, noncommercial_short::INT AS ns, noncommercial_spread::INT AS sp,
		commercial_long::INT AS cl, commercial_short::INT AS cs, reportable_long::INT AS rl, nonreportable_short::INT AS nr FROM staging.stg_cot_legacy ORDER BY report_date DESC LIMIT 1`),
		[]string{`{"oi":258871,"nl":69794,"ns":13660,"sp":55480,"cl":124465,"cs":182449,"rl":249739,"nr":7282}`})
}
