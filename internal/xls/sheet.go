package xls

import (
	"encoding/binary"
	"math"
)

// sheet reads the cells of the worksheet that begins at an offset.
func (p *parser) sheet(name string, offset uint32) error {
	if int64(offset) > int64(len(p.stream)) {
		return damaged("it begins at %d of %d", offset, len(p.stream))
	}
	at, err := p.begin(int(offset), 0x0010)
	if err != nil {
		return err
	}
	s := Sheet{Name: name}
	depth := 0                          // of parts inside, such as charts
	var waiting *struct{ row, col int } // a formula whose text comes in a record of its own
	for {
		var r record
		if r, at, err = p.next(at); err != nil {
			return err
		}
		switch {
		case r.id == recBOF:
			depth++
		case r.id == recEOF && depth > 0:
			depth--
		case r.id == recEOF:
			p.book.Sheets = append(p.book.Sheets, s)
			return nil
		case depth > 0:
		case r.id == recString && waiting != nil:
			text, err := r.pieces().text(2)
			if err != nil {
				return err
			}
			s.Cells = append(s.Cells, Cell{Row: waiting.row, Col: waiting.col, Text: text})
			waiting = nil
		case leastBytes(r.id) > 0:
			cells, later, err := p.cell(r)
			if err != nil {
				return err
			}
			if p.cells += len(cells) + 1; p.cells > MaxCells {
				return damaged("more than %d cells", MaxCells)
			}
			s.Cells = append(s.Cells, cells...)
			waiting = nil
			if later {
				waiting = &struct{ row, col int }{int(binary.LittleEndian.Uint16(r.body)), int(binary.LittleEndian.Uint16(r.body[2:]))}
			}
		}
	}
}

// leastBytes is how long a record of a cell is at least; 0 for other records.
func leastBytes(id uint16) int {
	switch id {
	case recFormula, recNumber:
		return 14
	case recMulRK:
		return 12
	case recLabelSST, recRK:
		return 10
	case recLabel, recRString:
		return 9
	case recBoolErr:
		return 8
	}
	return 0
}

// cell reads one record of a cell, or of several in a row. later says that the
// value is a text that follows.
func (p *parser) cell(r record) (cells []Cell, later bool, err error) {
	if len(r.body) < leastBytes(r.id) {
		return nil, false, damaged("a cell (record %#x) of %d bytes", r.id, len(r.body))
	}
	le, b := binary.LittleEndian, r.body
	c := Cell{Row: int(le.Uint16(b)), Col: int(le.Uint16(b[2:]))}
	style := le.Uint16(b[4:])
	switch r.id {
	case recLabelSST:
		n := le.Uint32(b[6:])
		if int64(n) >= int64(len(p.texts)) {
			return nil, false, damaged("text %d of %d", n, len(p.texts))
		}
		c.Text = p.texts[n]
	case recLabel, recRString:
		if c.Text, err = (record{body: b[6:], rest: r.rest}).pieces().text(2); err != nil {
			return nil, false, err
		}
	case recNumber:
		c.Kind, c.Number, c.Dated = Number, math.Float64frombits(le.Uint64(b[6:])), p.isDated(style)
	case recRK:
		c.Kind, c.Number, c.Dated = Number, rk(le.Uint32(b[6:])), p.isDated(style)
	case recBoolErr:
		c.Kind, c.Number = Bool, float64(b[6])
		if b[7] != 0 {
			c.Kind = Fault
		}
	case recMulRK:
		return p.row(c, b[4:])
	case recFormula:
		return p.formula(c, b[6:14], style)
	}
	return []Cell{c}, false, nil
}

// row reads neighbouring numbers: pairs of style and number, then the last column.
func (p *parser) row(c Cell, pairs []byte) ([]Cell, bool, error) {
	le := binary.LittleEndian
	last := int(le.Uint16(pairs[len(pairs)-2:]))
	pairs = pairs[:len(pairs)-2]
	if len(pairs)%6 != 0 || last-c.Col+1 != len(pairs)/6 {
		return nil, false, damaged("columns %d to %d in %d bytes", c.Col, last, len(pairs))
	}
	cells := make([]Cell, 0, len(pairs)/6)
	for ; len(pairs) > 0; pairs = pairs[6:] {
		cells = append(cells, Cell{Row: c.Row, Col: c.Col, Kind: Number, Number: rk(le.Uint32(pairs[2:])), Dated: p.isDated(le.Uint16(pairs))})
		c.Col++
	}
	return cells, false, nil
}

// formula takes the result that a formula had when the file was saved.
func (p *parser) formula(c Cell, result []byte, style uint16) (cells []Cell, later bool, err error) {
	if result[6] != 0xff || result[7] != 0xff {
		c.Kind, c.Number, c.Dated = Number, math.Float64frombits(binary.LittleEndian.Uint64(result)), p.isDated(style)
		return []Cell{c}, false, nil
	}
	switch result[0] {
	case 0:
		return nil, true, nil
	case 1:
		c.Kind, c.Number = Bool, float64(result[2])
	case 2:
		c.Kind, c.Number = Fault, float64(result[2])
	case 3: // an empty text
		return nil, false, nil
	default:
		return nil, false, damaged("the result of a formula is of type %d", result[0])
	}
	return []Cell{c}, false, nil
}

func (p *parser) isDated(style uint16) bool { return int(style) < len(p.dated) && p.dated[style] }

// rk unpacks a number of 30 bits: an integer, or the upper half of a float;
// either may be a hundred times the value.
func rk(v uint32) float64 {
	n := math.Float64frombits(uint64(v&^3) << 32)
	if v&2 != 0 {
		n = float64(int32(v) >> 2)
	}
	if v&1 != 0 {
		n /= 100
	}
	return n
}
