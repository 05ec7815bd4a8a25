package xls

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/realdata"
	"beanflows.coffee/materia/internal/upstream"
)

// Every cell of ICE's own file is what another decoder saw in it, and no other.
func TestEveryCellOfTheRealFile(t *testing.T) {
	book, err := Read(realdata.Read(t, "ice_stocks/coffee_cert_stock_20251226.xls"))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(realdata.Read(t, "ice_stocks/coffee_cert_stock_20251226.cells.csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := rows[1:]
	if len(book.Sheets) != 1 || book.Sheets[0].Name != "Sheet1" || book.Since04 {
		t.Fatalf("%d sheets, the first %q, since 1904: %v", len(book.Sheets), book.Sheets[0].Name, book.Since04)
	}
	got := book.Sheets[0].Cells
	if len(got) != 340 || len(want) != 340 {
		t.Errorf("%d cells, want %d, which is 340", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if line := asLine(got[i]); line != strings.Join(want[i], ",") {
			t.Errorf("cell %d is %s, want %s", i, line, strings.Join(want[i], ","))
		}
	}
}

// asLine writes a cell as row,col,type,value.
func asLine(c Cell) string {
	if c.Kind == Text {
		return fmt.Sprintf("%d,%d,s,%s", c.Row, c.Col, c.Text)
	}
	return fmt.Sprintf("%d,%d,n,%s", c.Row, c.Col, strconv.FormatFloat(c.Number, 'f', -1, 64))
}

// sample is a workbook of the sample upstream: texts, numbers and dates.
func sample() []byte {
	months := []upstream.MonthEnd{}
	for i := range 60 {
		months = append(months, upstream.MonthEnd{Date: time.Date(2001, time.Month(i+1), 28, 0, 0, 0, 0, time.UTC), Bags: []int{1000 * i, 1 << 30}})
	}
	return upstream.HistoryXLS([]string{"ANT", "NY"}, months)
}

func TestDatesOfAWrittenWorkbook(t *testing.T) {
	book, err := Read(sample())
	if err != nil {
		t.Fatal(err)
	}
	dates := 0
	for _, c := range book.Sheets[0].Cells {
		if !c.Dated {
			continue
		}
		dates++
		want := time.Date(2001, time.Month(c.Row-2), 28, 0, 0, 0, 0, time.UTC)
		if at, ok := book.Time(c.Number); !ok || !at.Equal(want) || c.Col != 1 {
			t.Errorf("row %d column %d: %v, want %v", c.Row, c.Col, at, want)
		}
	}
	if dates != 59 { // one of the sixty is typed by hand
		t.Errorf("%d dates", dates)
	}
	if at, ok := (Workbook{Since04: true}).Time(0.5); !ok || !at.Equal(time.Date(1904, 1, 1, 12, 0, 0, 0, time.UTC)) {
		t.Errorf("half a day since 1904 is %v", at)
	}
	for _, n := range []float64{-1, 1e9, math.NaN(), math.Inf(1)} {
		if at, ok := book.Time(n); ok {
			t.Errorf("%v is %v", n, at)
		}
	}
}

// The sample's workbooks are what others read them as: python3-xlrd sees the
// same cells as this package.
func TestOthersReadTheSameCells(t *testing.T) {
	python := os.Getenv("MATERIA_XLRD_PYTHON")
	if python == "" {
		python = "python3"
	}
	if err := exec.Command(python, "-c", "import xlrd").Run(); err != nil {
		t.Skip("SKIPPED: python3-xlrd is not installed (or set MATERIA_XLRD_PYTHON to a Python that has it), so nobody else read the workbooks")
	}
	report := upstream.StockReport{AsOf: time.Date(2025, 12, 26, 13, 31, 2, 0, time.UTC), Certified: wideTable(), Transition: wideTable(), Passed: wideTable(), Pending: wideTable()}
	ages := upstream.AgeingReport{AsOf: time.Date(2026, 7, 31, 0, 0, 0, 0, time.UTC), Ports: []string{"ANT"}, Rows: []upstream.AgeRow{{From: 0, To: 120, Bags: []int{7}}}}
	files := map[string][]byte{"history": sample(), "ages": ages.XLS()}
	for _, layout := range []upstream.StockLayout{upstream.Layout2016, upstream.Layout2021, upstream.Layout2023} {
		files[fmt.Sprintf("daily%d", layout)] = report.XLS(layout)
	}
	for name, body := range files {
		path := filepath.Join(t.TempDir(), name+".xls")
		if err := os.WriteFile(path, body, 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(python, "-c", `
import sys, xlrd
sheet = xlrd.open_workbook(sys.argv[1], formatting_info=True).sheet_by_index(0)
for row in range(sheet.nrows):
    for col in range(sheet.ncols):
        c = sheet.cell(row, col)
        if c.ctype == xlrd.XL_CELL_TEXT: print("%d,%d,s,%s" % (row, col, c.value))
        elif c.ctype in (xlrd.XL_CELL_NUMBER, xlrd.XL_CELL_DATE): print("%d,%d,n,%d" % (row, col, c.value))
`, path).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		book, err := Read(body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var lines []string
		for _, c := range book.Sheets[0].Cells {
			lines = append(lines, asLine(c))
		}
		if got, want := strings.Join(lines, "\n"), strings.TrimSpace(string(out)); got != want {
			t.Errorf("%s: this package and xlrd differ:\n%s\n--- xlrd:\n%s", name, got, want)
		}
	}
}

// wideTable has so many and so long names that the texts fill more than one
// record, and letters beyond Latin-1.
func wideTable() upstream.StockTable {
	t := upstream.StockTable{Ports: []string{"ANT", "NY"}}
	for i := range 150 {
		t.Rows = append(t.Rows, upstream.StockRow{Origin: fmt.Sprintf("Ürsprung %03d %s Ω", i, strings.Repeat("x", 40)), Bags: []int{i, 600_000_000 + i}})
	}
	return t
}

func TestTextsAcrossRecords(t *testing.T) {
	want := wideTable()
	book, err := Read(upstream.StockReport{AsOf: time.Date(2025, 12, 26, 13, 31, 2, 0, time.UTC), Certified: want}.XLS(upstream.Layout2023))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, c := range book.Sheets[0].Cells {
		if c.Col == 0 && strings.HasPrefix(c.Text, "Ürsprung") {
			if c.Text != want.Rows[found].Origin {
				t.Fatalf("row %d: %q, want %q", c.Row, c.Text, want.Rows[found].Origin)
			}
			found++
		}
	}
	if found != 150 {
		t.Errorf("%d names", found)
	}
}

// rec is one record by hand.
func rec(id uint16, body ...byte) []byte {
	head := binary.LittleEndian.AppendUint16(nil, id)
	return append(binary.LittleEndian.AppendUint16(head, uint16(len(body))), body...)
}

func f64(v float64) []byte {
	return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v))
}

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

var (
	bofGlobals = rec(recBOF, 0, 6, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	bofSheet   = rec(recBOF, 0, 6, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	bofChart   = rec(recBOF, 0, 6, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	eof        = rec(recEOF)
)

// book makes a stream of records with one sheet and reads it.
func book(globals, sheet []byte) (Workbook, error) {
	name := []byte{1, 0, 'S'}
	before := cat(bofGlobals, globals)
	offset := len(before) + 4 + 6 + len(name) + len(eof)
	bound := rec(recBoundSheet, cat(binary.LittleEndian.AppendUint32(nil, uint32(offset)), []byte{0, 0}, name)...)
	p := parser{stream: cat(before, bound, eof, bofSheet, sheet, eof), formats: map[uint16]string{}}
	if err := p.globals(); err != nil {
		return Workbook{}, err
	}
	for _, at := range p.sheetsAt {
		if err := p.sheet(at.name, at.offset); err != nil {
			return Workbook{}, err
		}
	}
	return p.book, nil
}

// Records as MS-XLS describes them, which ICE's file does not have.
func TestKindsOfRecords(t *testing.T) {
	xf := func(format byte) []byte { return rec(recXF, cat([]byte{0, 0, format, 0}, make([]byte, 16))...) }
	globals := cat(
		rec(recDate1904, 0, 0),
		rec(recFormat, cat([]byte{164, 0, 11, 0, 0}, []byte(`[Red]0"day"`))...),
		rec(recFormat, cat([]byte{165, 0, 8, 0, 0}, []byte(`mmm\-yy;`))...),
		xf(0), xf(14), xf(164), xf(165),
		// Two texts: one cut after its second letter and then wide, one with runs and phonetics.
		rec(recSST, cat([]byte{2, 0, 0, 0, 2, 0, 0, 0}, []byte{4, 0, 0}, []byte("ab"))...),
		rec(recContinue, cat([]byte{1}, []byte{0xa9, 0x03, 'd', 0}, []byte{2, 0, 12, 1, 0, 3, 0, 0, 0}, []byte("hi"), []byte{0, 0, 1, 0}, []byte{9, 9, 9})...),
	)
	at := func(row, col, xf byte) []byte { return []byte{row, 0, col, 0, xf, 0} }
	sheet := cat(
		rec(recLabelSST, cat(at(0, 0, 0), []byte{0, 0, 0, 0})...),
		rec(recLabelSST, cat(at(0, 1, 0), []byte{1, 0, 0, 0})...),
		rec(recLabel, cat(at(0, 2, 0), []byte{2, 0, 0}, []byte("ok"))...),
		rec(recNumber, cat(at(1, 0, 0), f64(-2.5))...),
		rec(recNumber, cat(at(1, 1, 1), f64(36526))...),
		rec(recNumber, cat(at(1, 2, 2), f64(1))...),
		rec(recNumber, cat(at(1, 3, 3), f64(36526.5))...),
		rec(recRK, cat(at(2, 0, 0), binary.LittleEndian.AppendUint32(nil, 123456<<2|3))...),                       // 1,234.56
		rec(recRK, cat(at(2, 1, 0), binary.LittleEndian.AppendUint32(nil, uint32(0xffffffff)&^3|2))...),           // -1
		rec(recRK, cat(at(2, 2, 0), binary.LittleEndian.AppendUint32(nil, uint32(math.Float64bits(1.5)>>32)))...), // 1.5
		rec(recMulRK, cat([]byte{3, 0, 4, 0}, []byte{0, 0, 6, 0, 0, 0}, []byte{0, 0, 10, 0, 0, 0}, []byte{5, 0})...),
		rec(recFormula, cat(at(4, 0, 0), f64(7), make([]byte, 8))...),
		rec(recFormula, cat(at(4, 1, 0), []byte{0, 0, 0, 0, 0, 0, 0xff, 0xff}, make([]byte, 8))...),
		rec(0x04bc, 1, 2, 3), // SHRFMLA: between a formula and its text
		rec(recString, cat([]byte{3, 0, 0}, []byte("sum"))...),
		rec(recFormula, cat(at(4, 2, 0), []byte{1, 0, 1, 0, 0, 0, 0xff, 0xff}, make([]byte, 8))...),
		rec(recFormula, cat(at(4, 3, 0), []byte{2, 0, 7, 0, 0, 0, 0xff, 0xff}, make([]byte, 8))...),
		rec(recFormula, cat(at(4, 4, 0), []byte{3, 0, 0, 0, 0, 0, 0xff, 0xff}, make([]byte, 8))...), // an empty text
		rec(recBoolErr, cat(at(5, 0, 0), []byte{1, 0})...),
		rec(recBoolErr, cat(at(5, 1, 0), []byte{42, 1})...),
		bofChart, rec(recNumber, cat(at(9, 9, 0), f64(9))...), eof, // a chart's numbers are not the sheet's
	)
	got, err := book(globals, sheet)
	if err != nil {
		t.Fatal(err)
	}
	want := []Cell{
		{Row: 0, Col: 0, Text: "abΩd"}, {Row: 0, Col: 1, Text: "hi"}, {Row: 0, Col: 2, Text: "ok"},
		{Row: 1, Col: 0, Kind: Number, Number: -2.5}, {Row: 1, Col: 1, Kind: Number, Number: 36526, Dated: true},
		{Row: 1, Col: 2, Kind: Number, Number: 1}, {Row: 1, Col: 3, Kind: Number, Number: 36526.5, Dated: true},
		{Row: 2, Col: 0, Kind: Number, Number: 1234.56}, {Row: 2, Col: 1, Kind: Number, Number: -1}, {Row: 2, Col: 2, Kind: Number, Number: 1.5},
		{Row: 3, Col: 4, Kind: Number, Number: 1}, {Row: 3, Col: 5, Kind: Number, Number: 2},
		{Row: 4, Col: 0, Kind: Number, Number: 7}, {Row: 4, Col: 1, Text: "sum"}, {Row: 4, Col: 2, Kind: Bool, Number: 1}, {Row: 4, Col: 3, Kind: Fault, Number: 7},
		{Row: 5, Col: 0, Kind: Bool, Number: 1}, {Row: 5, Col: 1, Kind: Fault, Number: 42},
	}
	cells := got.Sheets[0].Cells
	if len(cells) != len(want) {
		t.Fatalf("%d cells, want %d: %+v", len(cells), len(want), cells)
	}
	for i, c := range cells {
		if c != want[i] {
			t.Errorf("cell %d is %+v, want %+v", i, c, want[i])
		}
	}
	if at, ok := got.Time(36526.5); !ok || !at.Equal(time.Date(2000, 1, 1, 12, 0, 0, 0, time.UTC)) {
		t.Errorf("36526.5 is %v", at)
	}
}

func TestDamageIsAnError(t *testing.T) {
	good := sample()
	le := binary.LittleEndian
	edit := func(at int, v uint32) []byte {
		b := bytes.Clone(good)
		le.PutUint32(b[at:], v)
		return b
	}
	table := 512 + int(le.Uint32(good[76:]))*512 // the table of sectors
	directory := 512 + int(le.Uint32(good[48:]))*512
	for _, c := range []struct {
		name string
		body []byte
		want string
	}{
		{"nothing", nil, "not an OLE2 file"},
		{"a page", []byte("<html>"), "not an OLE2 file"},
		{"the magic alone", good[:8], "not an OLE2 file"},
		{"the header alone", good[:512], "sector"},
		{"half a file", good[:len(good)/2], "sector"},
		{"a circle of sectors", edit(table, 0), "runs in a circle"},
		{"a circle of two", edit(table+4, 0), "runs in a circle"},
		{"a sector beyond the file", edit(table, 0xffff), "sector"},
		{"a directory in a circle", edit(table+4*int(le.Uint32(good[48:])), le.Uint32(good[48:])), "runs in a circle"},
		{"a list of tables in a circle", edit(68, 0), "circle"},
		{"a stream longer than its sectors", edit(directory+128+120, 1<<30), "ends after"},
		{"a small stream without small sectors", edit(directory+128+120, 100), "small sector"},
		{"sector size of another kind", edit(30, 5), "sector shifts"},
		{"no stream of that name", edit(directory+128, 0x41), "no stream Workbook"},
		{"another version of records", edit(512+4, 0x00050500), "BIFF version"},
	} {
		_, err := Read(c.body)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	for _, c := range []struct {
		name           string
		globals, sheet []byte
		want           string
	}{
		{"encrypted", rec(recFilePass, 0, 0), nil, "encrypted"},
		{"a text that is not there", nil, rec(recLabelSST, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0), "text 9 of 0"},
		{"a cell too short", nil, rec(recNumber, 0, 0), "a cell"},
		{"columns that do not fit", nil, rec(recMulRK, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0), "columns 0 to 9"},
		{"more texts than bytes", rec(recSST, 0, 0, 0, 0, 255, 255, 255, 255), nil, "text 0 of 4294967295"},
		{"a text longer than its record", rec(recSST, 0, 0, 0, 0, 1, 0, 0, 0, 200, 0, 0, 'a'), nil, "ends after"},
		{"a text cut in a wide letter", rec(recSST, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 'a'), nil, "cut within"},
		{"formatting runs that are not there", rec(recSST, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 8, 9, 0, 'a'), nil, "formatting"},
		{"more sheets than there are", bytes.Repeat(rec(recBoundSheet, 0, 0, 0, 0, 0, 0, 1, 0, 'S'), 65), nil, "more than 64 sheets"},
		{"a record that ends the file", nil, []byte{3, 2, 255, 255}, "a record of"},
	} {
		if _, err := book(c.globals, c.sheet); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := Read(edit(table, 0)); !errors.Is(err, errDamaged) {
		t.Errorf("a circle is no damage: %v", err)
	}
}

// Texts cut into a hundred thousand pieces take time in proportion.
func TestManySmallPieces(t *testing.T) {
	const n = 100_000
	globals := rec(recSST, cat([]byte{0, 0, 0, 0}, binary.LittleEndian.AppendUint32(nil, n))...)
	globals = append(globals, bytes.Repeat(cat(rec(recContinue, 1), rec(recContinue, 0, 0), rec(recContinue, 'a')), n)...)
	if _, err := book(globals, nil); err == nil { // each text's letter lies in a piece of its own, without the flags it needs
		t.Error("no error")
	}
	globals = rec(recSST, cat([]byte{0, 0, 0, 0}, binary.LittleEndian.AppendUint32(nil, n))...)
	globals = append(globals, bytes.Repeat(cat(rec(recContinue, 1), rec(recContinue, 0, 0, 'a')), n)...)
	got, err := book(globals, rec(recLabelSST, 0, 0, 0, 0, 0, 0, 0x9f, 0x86, 1, 0)) // text 99,999
	if err != nil || got.Sheets[0].Cells[0].Text != "a" {
		t.Errorf("%v, %+v", err, got.Sheets)
	}
}

// FuzzRead finds that no bytes make it panic, hang or give more than MaxCells.
func FuzzRead(f *testing.F) {
	good := sample()
	f.Add(good)
	f.Add(upstream.StockReport{Certified: wideTable()}.XLS(upstream.Layout2023))
	f.Add(good[:len(good)/2])
	f.Fuzz(func(t *testing.T, body []byte) {
		book, err := Read(body)
		cells := 0
		for _, s := range book.Sheets {
			cells += len(s.Cells)
		}
		if err == nil && cells > MaxCells || cells > 0 && cells > 50*len(body) {
			t.Errorf("%d cells of %d bytes", cells, len(body))
		}
	})
}

// FuzzRecords fuzzes the records without the file system around them, where
// random bytes hardly ever get to.
func FuzzRecords(f *testing.F) {
	stream, err := workbookStream(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(stream)
	f.Fuzz(func(t *testing.T, stream []byte) {
		p := parser{stream: stream, formats: map[uint16]string{}}
		if p.globals() != nil {
			return
		}
		for _, at := range p.sheetsAt {
			if p.sheet(at.name, at.offset) != nil {
				return
			}
		}
		if p.cells > MaxCells {
			t.Errorf("%d cells", p.cells)
		}
	})
}
