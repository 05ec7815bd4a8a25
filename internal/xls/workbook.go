package xls

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// MaxCells bounds a workbook, all sheets together.
const MaxCells = 1 << 20

// maxSheets bounds the work: many sheets may begin at one place in the file.
const maxSheets = 64

// Workbook is what a file holds.
type Workbook struct {
	Sheets  []Sheet
	Since04 bool // day numbers count from 1904, not 1900
}

// Sheet is a worksheet with its cells as the file has them: by row and column,
// in files that Excel saved. Cells without a value are not in it.
type Sheet struct {
	Name  string
	Cells []Cell
}

// Kind is what a cell holds.
type Kind uint8

// The kinds.
const (
	Text Kind = iota
	Number
	Bool
	Fault // an error such as #DIV/0!
)

// Cell is one value. Row and Col count from 0.
type Cell struct {
	Row, Col int
	Kind     Kind
	Text     string
	Number   float64 // also 0 or 1 of a Bool, and the code of a Fault
	Dated    bool    // a Number that is shown as a date or a time
}

// Time is the moment that a day number means, without a time zone, as UTC, to
// the second. ok is false for one that no calendar has.
func (w Workbook) Time(serial float64) (at time.Time, ok bool) {
	epoch := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC) // right from 1900-03-01 on: Excel has a 29 February 1900
	if w.Since04 {
		epoch = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if !(serial >= 0 && serial < 2958466) { // the year 10000
		return time.Time{}, false
	}
	days, part := math.Modf(serial)
	return epoch.AddDate(0, 0, int(days)).Add(time.Duration(math.Round(part*86400)) * time.Second), true
}

// Record types (MS-XLS 2.3).
const (
	recFormula    = 0x0006
	recEOF        = 0x000a
	recDate1904   = 0x0022
	recFilePass   = 0x002f
	recContinue   = 0x003c
	recBoundSheet = 0x0085
	recMulRK      = 0x00bd
	recRString    = 0x00d6
	recXF         = 0x00e0
	recSST        = 0x00fc
	recLabelSST   = 0x00fd
	recNumber     = 0x0203
	recLabel      = 0x0204
	recBoolErr    = 0x0205
	recString     = 0x0207
	recRK         = 0x027e
	recFormat     = 0x041e
	recBOF        = 0x0809
)

// Read takes a workbook apart.
func Read(file []byte) (Workbook, error) {
	stream, err := workbookStream(file)
	if err != nil {
		return Workbook{}, fmt.Errorf("xls: %w", err)
	}
	p := parser{stream: stream, formats: map[uint16]string{}}
	if err := p.globals(); err != nil {
		return Workbook{}, fmt.Errorf("xls: %w", err)
	}
	for _, at := range p.sheetsAt {
		if err := p.sheet(at.name, at.offset); err != nil {
			return Workbook{}, fmt.Errorf("xls: sheet %q: %w", at.name, err)
		}
	}
	return p.book, nil
}

type parser struct {
	stream   []byte
	book     Workbook
	sheetsAt []sheetAt
	texts    []string          // shared by all sheets
	formats  map[uint16]string // number formats of the file's own
	dated    []bool            // by XF: shown as a date
	cells    int
}

type sheetAt struct {
	name   string
	offset uint32
}

// record is one BIFF record; rest are the bodies of the CONTINUE records after it.
type record struct {
	id   uint16
	body []byte
	rest [][]byte
}

func (r record) pieces() *pieces { return &pieces{append([][]byte{r.body}, r.rest...)} }

// next reads the record at an offset and returns where the one after begins.
func (p *parser) next(at int) (record, int, error) {
	one := func(at int) (record, int, error) {
		if at < 0 || at+4 > len(p.stream) {
			return record{}, 0, damaged("the records end without their end mark")
		}
		size := int(binary.LittleEndian.Uint16(p.stream[at+2:]))
		if at+4+size > len(p.stream) {
			return record{}, 0, damaged("a record of %d bytes at %d of %d", size, at, len(p.stream))
		}
		return record{id: binary.LittleEndian.Uint16(p.stream[at:]), body: p.stream[at+4 : at+4+size]}, at + 4 + size, nil
	}
	r, at, err := one(at)
	if err != nil {
		return r, at, err
	}
	for {
		more, after, err := one(at)
		if err != nil || more.id != recContinue {
			return r, at, nil // what is wrong there is told when it is read
		}
		r.rest, at = append(r.rest, more.body), after
	}
}

// globals reads what all sheets share, and where they begin.
func (p *parser) globals() error {
	at, err := p.begin(0, 0x0005)
	if err != nil {
		return err
	}
	var styles []uint16 // format of each XF
	for {
		var r record
		if r, at, err = p.next(at); err != nil {
			return err
		}
		le, short := binary.LittleEndian, false
		switch r.id {
		case recEOF:
			for _, format := range styles {
				p.dated = append(p.dated, p.isDate(format))
			}
			return nil
		case recFilePass:
			return errors.New("the workbook is encrypted")
		case recDate1904:
			if short = len(r.body) < 2; !short {
				p.book.Since04 = r.body[0] != 0
			}
		case recBoundSheet:
			err = p.boundSheet(r)
		case recFormat:
			if short = len(r.body) < 2; !short {
				text := record{body: r.body[2:], rest: r.rest}.pieces()
				p.formats[le.Uint16(r.body)], err = text.text(2)
			}
		case recXF:
			if short = len(r.body) < 4; !short {
				styles = append(styles, le.Uint16(r.body[2:]))
			}
		case recSST:
			err = p.sharedTexts(r)
		}
		if short {
			err = damaged("record %#x of %d bytes", r.id, len(r.body))
		}
		if err != nil {
			return err
		}
	}
}

// begin checks that a substream of that type begins at an offset, and returns
// where its records go on.
func (p *parser) begin(at int, want uint16) (int, error) {
	r, after, err := p.next(at)
	if err != nil {
		return 0, err
	}
	le := binary.LittleEndian
	if r.id != recBOF || len(r.body) < 4 {
		return 0, damaged("record %#x where a part should begin", r.id)
	}
	if version := le.Uint16(r.body); version != 0x0600 {
		return 0, fmt.Errorf("BIFF version %#x, want 0x600 (Excel 97-2003)", version)
	}
	if kind := le.Uint16(r.body[2:]); kind != want {
		return 0, damaged("part of type %#x, want %#x", kind, want)
	}
	return after, nil
}

// boundSheet notes a worksheet; charts and macros are passed over.
func (p *parser) boundSheet(r record) error {
	if len(r.body) < 8 {
		return damaged("a sheet without its name")
	}
	if r.body[5] != 0 {
		return nil
	}
	if len(p.sheetsAt) == maxSheets {
		return damaged("more than %d sheets", maxSheets)
	}
	name, err := record{body: r.body[6:], rest: r.rest}.pieces().text(1)
	p.sheetsAt = append(p.sheetsAt, sheetAt{name, binary.LittleEndian.Uint32(r.body)})
	return err
}

func (p *parser) sharedTexts(r record) error {
	if len(r.body) < 8 {
		return damaged("a table of texts of %d bytes", len(r.body))
	}
	count := binary.LittleEndian.Uint32(r.body[4:])
	rest := record{body: r.body[8:], rest: r.rest}.pieces()
	for n := range count {
		text, err := rest.text(2)
		if err != nil {
			return fmt.Errorf("text %d of %d: %w", n, count, err)
		}
		p.texts = append(p.texts, text)
	}
	return nil
}

// isDate says whether a number format shows a date or a time: one of Excel's
// own, or one with letters of dates outside of quotes, brackets and escapes.
func (p *parser) isDate(format uint16) bool {
	text, own := p.formats[format]
	if !own {
		return format >= 14 && format <= 22 || format >= 27 && format <= 36 || format >= 45 && format <= 47 || format >= 50 && format <= 58
	}
	quoted, bracketed, escaped := false, false, false
	for _, c := range strings.ToLower(text) {
		switch {
		case escaped:
			escaped = false
		case c == '\\' || c == '_' || c == '*':
			escaped = true
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[':
			bracketed = true
		case c == ']':
			bracketed = false
		case bracketed:
		case c == ';':
			return false // the first part is what positive numbers show
		case strings.ContainsRune("dmyhs", c):
			return true
		}
	}
	return false
}
