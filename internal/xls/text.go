package xls

import (
	"encoding/binary"
	"unicode/utf16"
)

// pieces reads through a record and the CONTINUE records that follow it.
type pieces struct {
	all [][]byte // what is left; the first is the one being read
}

// bytes takes n bytes, across pieces; nil where fewer are left.
func (p *pieces) bytes(n int) []byte {
	p.skipEmpty()
	if n == 0 {
		return []byte{}
	}
	if len(p.all) == 0 {
		return nil
	}
	if first := p.all[0]; len(first) >= n {
		p.all[0] = first[n:]
		return first[:n]
	}
	left := 0
	for _, piece := range p.all { // no further than needed: there may be millions
		if left += len(piece); left >= n {
			break
		}
	}
	if left < n {
		return nil
	}
	joined := make([]byte, 0, n)
	for len(joined) < n {
		p.skipEmpty()
		take := min(n-len(joined), len(p.all[0]))
		joined = append(joined, p.all[0][:take]...)
		p.all[0] = p.all[0][take:]
	}
	return joined
}

func (p *pieces) skipEmpty() {
	for len(p.all) > 0 && len(p.all[0]) == 0 {
		p.all = p.all[1:]
	}
}

// text reads a Unicode string whose count of characters takes countBytes (1 or
// 2): flags, formatting runs and phonetics are skipped. Where the characters are
// cut by the end of a piece, the next begins with flags of its own, and may hold
// them in another width.
func (p *pieces) text(countBytes int) (string, error) {
	head := p.bytes(countBytes + 1)
	if head == nil {
		return "", damaged("a text without its length")
	}
	count := int(head[0])
	if countBytes == 2 {
		count = int(binary.LittleEndian.Uint16(head))
	}
	flags := head[countBytes]
	runs, phonetic := 0, 0
	if flags&8 != 0 {
		b := p.bytes(2)
		if b == nil {
			return "", damaged("a text without its runs")
		}
		runs = int(binary.LittleEndian.Uint16(b))
	}
	if flags&4 != 0 {
		b := p.bytes(4)
		if b == nil {
			return "", damaged("a text without its phonetics")
		}
		phonetic = int(binary.LittleEndian.Uint32(b) & 0x7fffffff)
	}
	units, err := p.characters(count, flags&1 != 0)
	if err != nil {
		return "", err
	}
	if p.bytes(4*runs) == nil || p.bytes(phonetic) == nil {
		return "", damaged("a text ends within its formatting")
	}
	return string(utf16.Decode(units)), nil
}

// characters reads UTF-16, or its low bytes where wide is false.
func (p *pieces) characters(count int, wide bool) ([]uint16, error) {
	var units []uint16
	for len(units) < count {
		if len(p.all) > 0 && len(p.all[0]) == 0 { // the end of a piece
			p.skipEmpty()
			if len(p.all) > 0 {
				wide = p.all[0][0]&1 != 0
				p.all[0] = p.all[0][1:]
			}
		}
		if len(p.all) == 0 || len(p.all[0]) == 0 {
			return nil, damaged("a text of %d characters ends after %d", count, len(units))
		}
		piece := p.all[0]
		if wide {
			if len(piece) < 2 {
				return nil, damaged("a text is cut within a character")
			}
			n := min(count-len(units), len(piece)/2)
			for i := range n {
				units = append(units, binary.LittleEndian.Uint16(piece[2*i:]))
			}
			p.all[0] = piece[2*n:]
			continue
		}
		n := min(count-len(units), len(piece))
		for _, b := range piece[:n] {
			units = append(units, uint16(b))
		}
		p.all[0] = piece[n:]
	}
	return units, nil
}
