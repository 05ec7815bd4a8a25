package psdonline

import (
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"beanflows.coffee/materia/internal/extract/extracttest"
	"beanflows.coffee/materia/internal/realdata"
)

// scanAll feeds text in pieces of n bytes.
func scanAll(text string, n int) (*scanner, error) {
	s := &scanner{}
	for at := 0; at < len(text); at += n {
		if _, err := s.Write([]byte(text[at:min(len(text), at+n)])); err != nil {
			return s, err
		}
	}
	return s, s.Close()
}

func TestScanRealFiles(t *testing.T) {
	for name, c := range map[string]struct{ rows, coffee int64 }{
		"psd_coffee_csv_2022-12-20.zip":                    {77957, 77957},
		"psd_russiabreakdown_area_prod_csv_2025-11-14.zip": {156, 0},
		"psd_grains_pulses_csv_2025-11-14.zip":             {572385, 0},
	} {
		s, err := scanAll(string(extracttest.Unzip(t, realdata.Read(t, "psd/"+name))), 256<<10)
		if err != nil || s.rows != c.rows || s.coffeeRows != c.coffee || len(s.findings) != 0 {
			t.Errorf("%s: %d rows, %d of coffee, %v, %q", name, s.rows, s.coffeeRows, err, s.findings)
		}
	}
}

// TestScanPieces: where a piece ends makes no difference.
func TestScanPieces(t *testing.T) {
	const text = "\ufeff" + header + row + "\r\n" + row + `0711100,"a ""quoted"", name",Ö1,"two` + "\r\n" + `lines",5,6,7,8,"ñandú",10,"€",` + "\r\n" +
		`"0711100",,,,,,,,,,,` + "\r\n" + `0711101,,,,,,,,,,,` + "\r\n" + `07111000,,,,,,,,,,,` + "\r\n\r\n" + `0711100,b,c,d,e,f,g,h,i,j,k,l`
	unix := strings.ReplaceAll(text, "\r\n", "\n")
	for n := 1; n <= len(text); n++ {
		if s, err := scanAll(unix, n); err != nil || s.rows != 7 || s.coffeeRows != 5 {
			t.Fatalf("pieces of %d, bare line feeds: %d rows, %d of coffee, %v", n, s.rows, s.coffeeRows, err)
		}
		s, err := scanAll(text, n)
		if err != nil || s.rows != 7 || s.coffeeRows != 5 || len(s.findings) != 1 {
			t.Fatalf("pieces of %d: %d rows, %d of coffee, %v, %q", n, s.rows, s.coffeeRows, err, s.findings)
		}
	}
}

func TestScanRefuses(t *testing.T) {
	fields := func(last string) string { return "0711100,b,c,d,e,f,g,h,i,j,k," + last }
	for name, c := range map[string]struct{ text, reason string }{
		"empty":                       {"", "no header line"},
		"blank":                       {"\r\n", "no header line"},
		"a field less":                {header + "0711100,b,c,d,e,f,g,h,i,j,k\r\n", "row 1 has 11 fields, the header 12"},
		"a quote inside":              {header + fields(`5" pipe`), "row 1 has a quote inside an unquoted field"},
		"text after a quote":          {header + fields(`"l"l`), "row 1 has text after a closing quote"},
		"a lone return":               {header + fields("l\rm"), "row 1 has a carriage return that ends no line"},
		"a bare line feed":            {header + row + fields("l") + "\n", "row 2 ends in another line break"},
		"one after a quote":           {header + fields(`"l"`) + "\n", "row 1 ends in another line break"},
		"a return too much":           {strings.TrimSuffix(header, "\r\n") + "\n" + row, "row 1 ends in another line break"},
		"open quotes":                 {header + row + fields(`"l`+"\n"), "row 2 ends inside quotes"},
		"an endless row":              {header + fields(strings.Repeat("l", maxRow)) + "\r\n", "row 1 is longer than"},
		"an endless header":           {strings.Repeat("l", maxHeader+1), "no header"},
		"half a character at the end": {header + fields("\xc3"), "row 1 ends inside a character"},
		"a surrogate":                 {header + fields("\xed\xa0\x80"), "not UTF-8"},
		"CP1252 in the header":        {"Commodit\xe9_Code," + header, "not UTF-8"},
		"a broken header":             {`Commodity_Code,"a"b` + "\r\n", "header"},
	} {
		for _, n := range []int{1, 2, 7, 1 << 20} {
			if _, err := scanAll(c.text, n); err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("%s, pieces of %d: %v, want %q", name, n, err, c.reason)
			}
		}
	}
}

// FuzzScan compares with encoding/csv: what the scanner accepts is UTF-8 and has
// as many rows and fields there; pieces make no difference.
func FuzzScan(f *testing.F) {
	f.Add([]byte(header+row+row), 3)
	f.Add([]byte("\ufeff"+header+"\r\n"+`0711100,"x ""y"", z",,,,,,,,,,`+"\r\n"), 1)
	f.Add([]byte(header+`"a`+"\r\n"+`b",,,,,,,,,,,"c"`+"\r\n"), 5)
	f.Add([]byte(strings.Replace(header, "Value", "Value,Flag", 1)+",,,,,,,,,,,,"), 7)
	f.Add([]byte("Commodity_Code,\xc9"), -64) // ends in the header, inside a character
	f.Fuzz(func(t *testing.T, text []byte, n int) {
		// Most inputs would fail at the header: give them a good one too.
		for _, in := range []string{string(text), header + string(text), strings.Replace(header, "\r", "", 1) + string(text)} {
			whole, err := scanAll(in, len(in)+1)
			pieces, perr := scanAll(in, 1+(n&0xff))
			if (err == nil) != (perr == nil) || err == nil && (whole.rows != pieces.rows || whole.coffeeRows != pieces.coffeeRows) {
				t.Fatalf("whole: %d rows, %v; in pieces: %d rows, %v", whole.rows, err, pieces.rows, perr)
			}
			if err != nil {
				continue
			}
			if !utf8.ValidString(in) {
				t.Fatal("accepted what is not UTF-8")
			}
			r := csv.NewReader(strings.NewReader(strings.TrimPrefix(in, "\ufeff")))
			r.FieldsPerRecord = whole.fields
			rows, coffee := int64(-1), int64(0)
			for {
				record, err := r.Read()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("encoding/csv refuses what was accepted: %v", err)
				}
				if rows++; rows > 0 && record[whole.code] == coffeeCode {
					coffee++
				}
			}
			if rows != whole.rows || coffee != whole.coffeeRows {
				t.Fatalf("%d rows, %d of coffee; encoding/csv reads %d, %d", whole.rows, whole.coffeeRows, rows, coffee)
			}
		}
	})
}
