package xls

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
)

// Sector numbers from endOfChain's neighbourhood upwards are markers.
const (
	maxSector  = 0xfffffffa
	endOfChain = 0xfffffffe
)

// magic begins every compound file.
var magic = []byte{0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1}

// errDamaged is what every error about the file's structure wraps.
var errDamaged = errors.New("damaged workbook")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errDamaged}, args...)...)
}

// IsWorkbook says whether the bytes begin as a compound file does. Publishers
// answer error pages in its place.
func IsWorkbook(body []byte) bool { return bytes.HasPrefix(body, magic) }

// compound is a file system in a file: sectors chained by a table (FAT), and a
// stream of small sectors for small streams.
type compound struct {
	body        []byte // without the header
	sectorSize  int
	miniSize    int
	miniCutoff  uint32 // shorter streams lie in the mini stream
	fat         []uint32
	miniFAT     []uint32
	miniStream  []byte
	directory   []byte
	sectorCount int
}

const (
	headerSize  = 512
	entrySize   = 128 // of a directory entry
	kindStream  = 2
	kindRoot    = 5
	headerDIFAT = 109 // FAT sectors that the header itself lists
)

// workbookStream is the content of the stream that holds a workbook.
func workbookStream(file []byte) ([]byte, error) {
	c, err := openCompound(file)
	if err != nil {
		return nil, err
	}
	for entry := c.directory; len(entry) >= entrySize; entry = entry[entrySize:] {
		if entry[66] == kindStream && strings.EqualFold(entryName(entry), "Workbook") {
			return c.stream(binary.LittleEndian.Uint32(entry[116:]), binary.LittleEndian.Uint32(entry[120:]))
		}
	}
	return nil, errors.New("no stream Workbook in it: not an Excel 97-2003 workbook")
}

func entryName(entry []byte) string {
	n := int(binary.LittleEndian.Uint16(entry[64:])) // bytes with the closing zero
	if n < 2 || n > 64 {
		return ""
	}
	units := make([]uint16, n/2-1)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(entry[2*i:])
	}
	return string(utf16.Decode(units))
}

func openCompound(file []byte) (*compound, error) {
	if !IsWorkbook(file) || len(file) < headerSize {
		return nil, errors.New("not an OLE2 file")
	}
	le := binary.LittleEndian
	shift, mini := le.Uint16(file[30:]), le.Uint16(file[32:])
	if le.Uint16(file[28:]) != 0xfffe || shift != 9 && shift != 12 || mini != 6 {
		return nil, damaged("byte order %#x, sector shifts %d and %d", le.Uint16(file[28:]), shift, mini)
	}
	c := &compound{sectorSize: 1 << shift, miniSize: 1 << mini, miniCutoff: le.Uint32(file[56:])}
	c.body = file[min(len(file), c.sectorSize):] // the header fills one sector
	c.sectorCount = (len(c.body) + c.sectorSize - 1) / c.sectorSize
	if err := c.readFAT(file); err != nil {
		return nil, err
	}
	var err error
	if c.directory, err = c.chain(le.Uint32(file[48:]), "directory"); err != nil {
		return nil, err
	}
	return c, c.readMini(file)
}

// readFAT joins the sectors of the table: the first 109 are listed in the
// header, further ones in a chain of lists.
func (c *compound) readFAT(file []byte) error {
	le := binary.LittleEndian
	var list []uint32
	add := func(sectors []byte) {
		for ; len(sectors) >= 4; sectors = sectors[4:] {
			if n := le.Uint32(sectors); n <= maxSector {
				list = append(list, n)
			}
		}
	}
	add(file[76 : 76+4*headerDIFAT])
	for next, seen := le.Uint32(file[68:]), 0; next <= maxSector; seen++ {
		sector, err := c.sector(next)
		if err != nil {
			return err
		}
		if seen >= c.sectorCount || len(sector) < c.sectorSize {
			return damaged("the list of its tables runs in a circle")
		}
		add(sector[:c.sectorSize-4])
		next = le.Uint32(sector[c.sectorSize-4:])
	}
	if len(list) > c.sectorCount {
		return damaged("%d tables in %d sectors", len(list), c.sectorCount)
	}
	for _, n := range list {
		sector, err := c.sector(n)
		if err != nil {
			return err
		}
		for ; len(sector) >= 4; sector = sector[4:] {
			c.fat = append(c.fat, le.Uint32(sector))
		}
	}
	return nil
}

// readMini reads the table of small sectors and the stream that they lie in.
func (c *compound) readMini(file []byte) error {
	le := binary.LittleEndian
	if le.Uint32(file[64:]) == 0 {
		return nil
	}
	table, err := c.chain(le.Uint32(file[60:]), "table of small sectors")
	if err != nil {
		return err
	}
	for ; len(table) >= 4; table = table[4:] {
		c.miniFAT = append(c.miniFAT, le.Uint32(table))
	}
	if len(c.directory) < entrySize || c.directory[66] != kindRoot {
		return damaged("the directory has no root")
	}
	c.miniStream, err = c.chain(le.Uint32(c.directory[116:]), "stream of small sectors")
	return err
}

// sector is one sector's bytes; the last of a file may be short.
func (c *compound) sector(n uint32) ([]byte, error) {
	if int64(n) >= int64(c.sectorCount) {
		return nil, damaged("sector %d of %d", n, c.sectorCount)
	}
	at := int(n) * c.sectorSize
	return c.body[at:min(at+c.sectorSize, len(c.body))], nil
}

// chain joins the sectors that follow each other from first.
func (c *compound) chain(first uint32, what string) ([]byte, error) {
	var all []byte
	for n, seen := first, 0; n != endOfChain; seen++ {
		if seen >= c.sectorCount {
			return nil, damaged("the %s runs in a circle", what)
		}
		sector, err := c.sector(n)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		if int(n) >= len(c.fat) {
			return nil, damaged("%s: sector %d is in no table", what, n)
		}
		all = append(all, sector...)
		n = c.fat[n]
	}
	return all, nil
}

// stream is the content of a stream of that size.
func (c *compound) stream(first, size uint32) ([]byte, error) {
	if size >= c.miniCutoff {
		all, err := c.chain(first, "workbook")
		if err == nil && int64(len(all)) < int64(size) {
			err = damaged("the workbook ends after %d of %d bytes", len(all), size)
		}
		if err != nil {
			return nil, err
		}
		return all[:size], nil
	}
	var all []byte
	for n, seen := first, 0; n != endOfChain && len(all) < int(size); seen++ {
		at := int64(n) * int64(c.miniSize)
		if int64(n) >= int64(len(c.miniFAT)) || at+int64(c.miniSize) > int64(len(c.miniStream)) {
			return nil, damaged("small sector %d of %d", n, len(c.miniFAT))
		}
		if seen >= len(c.miniFAT) {
			return nil, damaged("the workbook runs in a circle")
		}
		all = append(all, c.miniStream[at:at+int64(c.miniSize)]...)
		n = c.miniFAT[n]
	}
	if len(all) < int(size) {
		return nil, damaged("the workbook ends after %d of %d bytes", len(all), size)
	}
	return all[:size], nil
}
