package upstream

import (
	"bytes"
	"encoding/binary"
	"math"
	"time"
	"unicode/utf16"
)

// xlsCell is one value of a worksheet: text, or a number, or a day.
type xlsCell struct {
	row, col int
	text     string
	number   float64
	isNumber bool
	isDay    bool // number is a day number, shown as a date
}

// xlsGrid collects the cells of a sheet, row by row.
type xlsGrid struct{ cells []xlsCell }

func (g *xlsGrid) text(row, col int, text string) {
	g.cells = append(g.cells, xlsCell{row: row, col: col, text: text})
}

func (g *xlsGrid) number(row, col int, n float64) {
	g.cells = append(g.cells, xlsCell{row: row, col: col, number: n, isNumber: true})
}

// day writes a date as Excel does: days since the eve of 1900, whose year it
// takes for a leap year.
func (g *xlsGrid) day(row, col int, d time.Time) {
	days := d.Sub(day(1899, time.December, 30)).Hours() / 24
	g.cells = append(g.cells, xlsCell{row: row, col: col, number: days, isNumber: true, isDay: true})
}

const (
	sectorSize     = 512
	maxRecord      = 8224 // bytes of a record's body; longer ones are continued
	smallestStream = 4096 // shorter ones would have to lie among the small sectors
	styleXFs       = 15
	plainXF        = styleXFs
	dayXF          = styleXFs + 1
)

// writeXLS makes an Excel 97-2003 workbook of one sheet: BIFF8 records in an
// OLE2 compound file, as far as readers need them (MS-XLS, MS-CFB).
func writeXLS(sheet string, g xlsGrid) []byte {
	return compoundFile(workbook(sheet, g))
}

// biff writes records.
type biff struct{ bytes.Buffer }

func (b *biff) record(id uint16, parts ...any) {
	var body bytes.Buffer
	for _, part := range parts {
		_ = binary.Write(&body, binary.LittleEndian, part) // sized values only: cannot fail
	}
	head := binary.LittleEndian.AppendUint16(nil, id)
	b.Write(binary.LittleEndian.AppendUint16(head, uint16(body.Len())))
	b.Write(body.Bytes())
}

// workbook is the stream of records: globals, then the sheet.
func workbook(sheet string, g xlsGrid) []byte {
	texts, numbers := sharedTexts(g)
	var b biff
	b.record(0x0809, []uint16{0x0600, 0x0005, 0x0dbb, 0x07cc}, uint32(0), uint32(6)) // BOF, globals
	b.record(0x0042, uint16(1200))                                                   // CODEPAGE: UTF-16
	b.record(0x003d, []uint16{0, 0, 0x4000, 0x2000, 0x38, 0, 0, 1, 0x258})           // WINDOW1
	b.record(0x0022, uint16(0))                                                      // DATE1904: no
	for range 4 {
		b.record(0x0031, []uint16{200, 0, 0x7fff, 400, 0}, []byte{0, 0, 0, 0, 5, 0}, []byte("Arial")) // FONT
	}
	for n := range styleXFs {
		b.record(0x00e0, uint16(0), uint16(0), uint16(0xfff5), []byte{0x20, 0, 0, 0xf4 * byte(min(n, 1))}, make([]byte, 10))
	}
	for _, format := range []uint16{0, 14} { // General, and Excel's own short date
		b.record(0x00e0, uint16(0), format, uint16(1), []byte{0x20, 0, 0, 0}, make([]byte, 10))
	}
	b.record(0x0293, uint16(0x8000), []byte{0, 0xff}) // STYLE: Normal
	name := unicodeText(sheet, 1)
	place := b.Len() + 4 // of the sheet's offset, filled in below
	b.record(0x0085, uint32(0), uint16(0), name)
	b.Write(texts)
	b.record(0x000a)
	out := b.Bytes()
	binary.LittleEndian.PutUint32(out[place:], uint32(len(out)))
	return append(out, worksheet(g, numbers)...)
}

func worksheet(g xlsGrid, texts map[string]uint32) []byte {
	rows, cols := 0, 0
	for _, c := range g.cells {
		rows, cols = max(rows, c.row+1), max(cols, c.col+1)
	}
	var b biff
	b.record(0x0809, []uint16{0x0600, 0x0010, 0x0dbb, 0x07cc}, uint32(0), uint32(6)) // BOF, worksheet
	b.record(0x0200, uint32(0), uint32(rows), uint16(0), uint16(cols), uint16(0))    // DIMENSIONS
	for i := 0; i < len(g.cells); i++ {
		c := g.cells[i]
		if !c.isNumber {
			b.record(0x00fd, uint16(c.row), uint16(c.col), uint16(plainXF), texts[c.text]) // LABELSST
			continue
		}
		// Whole numbers beside each other share a record, as in ICE's own files.
		last := i
		for last+1 < len(g.cells) && packs(g.cells[last]) && packs(g.cells[last+1]) && g.cells[last+1].row == c.row && g.cells[last+1].col == g.cells[last].col+1 {
			last++
		}
		switch {
		case last > i:
			parts := []any{uint16(c.row), uint16(c.col)}
			for _, n := range g.cells[i : last+1] {
				parts = append(parts, xfOf(n), rkOf(n.number))
			}
			b.record(0x00bd, append(parts, uint16(g.cells[last].col))...) // MULRK
			i = last
		case packs(c):
			b.record(0x027e, uint16(c.row), uint16(c.col), xfOf(c), rkOf(c.number)) // RK
		default:
			b.record(0x0203, uint16(c.row), uint16(c.col), xfOf(c), c.number) // NUMBER
		}
	}
	b.record(0x023e, []uint16{0x06b6, 0, 0, 0x40, 0, 0, 0, 0, 0}) // WINDOW2
	b.record(0x000a)
	return b.Bytes()
}

// packs says whether a number fits the 30 bits of an RK value.
func packs(c xlsCell) bool {
	return c.isNumber && c.number == math.Trunc(c.number) && math.Abs(c.number) < 1<<29
}

func rkOf(n float64) uint32 { return uint32(int32(n))<<2 | 2 }

func xfOf(c xlsCell) uint16 {
	if c.isDay {
		return dayXF
	}
	return plainXF
}

// sharedTexts is the SST record with its continuations, and where each text
// stands in it. A text is never cut: the next record begins with it.
func sharedTexts(g xlsGrid) (records []byte, place map[string]uint32) {
	place = map[string]uint32{}
	var bodies [][]byte
	body, uses := make([]byte, 8), uint32(0)
	for _, c := range g.cells {
		if c.isNumber {
			continue
		}
		uses++
		if _, known := place[c.text]; known {
			continue
		}
		place[c.text] = uint32(len(place))
		text := unicodeText(c.text, 2)
		if len(body)+len(text) > maxRecord {
			bodies, body = append(bodies, body), nil
		}
		body = append(body, text...)
	}
	bodies = append(bodies, body)
	binary.LittleEndian.PutUint32(bodies[0], uses)
	binary.LittleEndian.PutUint32(bodies[0][4:], uint32(len(place)))
	var b biff
	for i, body := range bodies {
		b.record(map[bool]uint16{true: 0x00fc, false: 0x003c}[i == 0], body)
	}
	return b.Bytes(), place
}

// unicodeText is a text with its length in one or two bytes: Latin-1 where it
// fits, else UTF-16.
func unicodeText(s string, countBytes int) []byte {
	units := utf16.Encode([]rune(s))
	wide := byte(0)
	for _, u := range units {
		if u > 0xff {
			wide = 1
		}
	}
	out := []byte{byte(len(units))}
	if countBytes == 2 {
		out = append(out, byte(len(units)>>8))
	}
	out = append(out, wide)
	for _, u := range units {
		out = append(out, byte(u))
		if wide == 1 {
			out = append(out, byte(u>>8))
		}
	}
	return out
}

// compoundFile wraps one stream, Workbook: header, the stream's sectors, the
// directory's one sector, and the table that chains them.
func compoundFile(stream []byte) []byte {
	const free, end, tableMark = 0xffffffff, 0xfffffffe, 0xfffffffd
	stream = append(stream, make([]byte, max(0, smallestStream-len(stream)))...)
	size := len(stream)
	stream = append(stream, make([]byte, -size&(sectorSize-1))...)
	data := len(stream) / sectorSize
	tables := 1
	for tables*sectorSize/4 < data+1+tables {
		tables++
	}
	if tables > 109 {
		panic("upstream: a workbook of more than 7 MB needs a list of tables, which this writer does not write")
	}
	le := binary.LittleEndian
	head := make([]byte, sectorSize)
	copy(head, []byte{0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1})
	for i, v := range []uint16{0x3e, 3, 0xfffe, 9, 6} {
		le.PutUint16(head[24+2*i:], v)
	}
	for i, v := range []uint32{uint32(tables), uint32(data), 0, smallestStream, end, 0, end, 0} {
		le.PutUint32(head[44+4*i:], v)
	}
	for i := range 109 {
		le.PutUint32(head[76+4*i:], free)
	}
	table := make([]byte, 0, tables*sectorSize)
	for n := range data {
		next := uint32(n + 1)
		if n == data-1 {
			next = end
		}
		table = le.AppendUint32(table, next)
	}
	table = le.AppendUint32(table, end) // the directory
	for n := range tables {
		table = le.AppendUint32(table, tableMark)
		le.PutUint32(head[76+4*n:], uint32(data+1+n))
	}
	for len(table) < tables*sectorSize {
		table = le.AppendUint32(table, free)
	}
	var out bytes.Buffer
	out.Write(head)
	out.Write(stream)
	out.Write(directoryEntry("Root Entry", 5, 1, end, 0))
	out.Write(directoryEntry("Workbook", 2, free, 0, uint32(size)))
	out.Write(directoryEntry("", 0, free, 0, 0))
	out.Write(directoryEntry("", 0, free, 0, 0))
	out.Write(table)
	return out.Bytes()
}

func directoryEntry(name string, kind byte, child, first, size uint32) []byte {
	le := binary.LittleEndian
	e := make([]byte, 128)
	units := utf16.Encode([]rune(name))
	for i, u := range units {
		le.PutUint16(e[2*i:], u)
	}
	if name != "" {
		le.PutUint16(e[64:], uint16(2*len(units)+2))
	}
	e[66], e[67] = kind, 1 // black
	le.PutUint32(e[68:], 0xffffffff)
	le.PutUint32(e[72:], 0xffffffff)
	le.PutUint32(e[76:], child)
	le.PutUint32(e[116:], first)
	le.PutUint32(e[120:], size)
	return e
}
