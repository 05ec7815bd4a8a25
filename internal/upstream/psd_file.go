package upstream

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"io"
	"sync"
	"time"
)

const (
	coffeeFile  = "psd_coffee_csv"
	alldataFile = "psd_alldata_csv"
)

// pack writes one release's file: a ZIP with one member, psd_coffee.csv or
// psd_alldata.csv.
func (s *Server) pack(name string, r release) []byte {
	return zipped(member(name), r.published, func(w io.Writer) { s.writePSD(w, name, r, false) })
}

// packEdited is pack with a fault in the content; never cached.
func (s *Server) packEdited(name string, r release, fault Fault) []byte {
	var csv bytes.Buffer
	s.writePSD(&csv, name, r, fault.Kind == Revise)
	return zipped(member(name), r.published, func(w io.Writer) { _, _ = w.Write(fault.editCSV(csv.Bytes())) })
}

func member(name string) string { return name[:len(name)-len("_csv")] + ".csv" }

func (s *Server) writePSD(w io.Writer, name string, r release, revised bool) {
	_, _ = io.WriteString(w, psdHeader)
	if name == alldataFile {
		s.writeOthers(w, r)
	}
	s.writeCoffee(w, r, revised)
}

// zipped makes a ZIP archive of one deflated member as USDA's is made: version
// 2.0, sizes and CRC in the local header, no data descriptor, no extra fields,
// the time as the DOS clock in New York shows it. archive/zip's own writer puts
// a data descriptor and a Unix time in, which theirs lack.
func zipped(name string, at time.Time, content func(io.Writer)) []byte {
	const local, central, end = 30, 46, 22
	var out bytes.Buffer
	out.Grow(1 << 20)
	out.Write(make([]byte, local))
	out.WriteString(name)
	start := out.Len()
	sum, deflate := crc32.NewIEEE(), deflater(&out)
	size := &counter{w: io.MultiWriter(sum, deflate)}
	content(size)
	_ = deflate.Close() // writes to memory only
	packed := out.Len() - start

	le := binary.LittleEndian
	common := le.AppendUint16(nil, 20) // version needed
	common = le.AppendUint16(common, 0)
	common = le.AppendUint16(common, 8) // deflate
	common = le.AppendUint16(common, uint16(at.Hour()<<11|at.Minute()<<5|at.Second()/2))
	common = le.AppendUint16(common, uint16((at.Year()-1980)<<9|int(at.Month())<<5|at.Day()))
	common = le.AppendUint32(common, sum.Sum32())
	common = le.AppendUint32(common, uint32(packed))
	common = le.AppendUint32(common, uint32(size.n))
	common = le.AppendUint16(common, uint16(len(name)))
	common = le.AppendUint16(common, 0) // extra field

	head := le.AppendUint32(nil, 0x04034b50)
	head = append(head, common...)
	copy(out.Bytes(), head)

	directory := out.Len()
	tail := le.AppendUint32(nil, 0x02014b50)
	tail = le.AppendUint16(tail, 20) // made by
	tail = append(tail, common...)
	tail = append(tail, make([]byte, 14)...) // comment, disk, attributes; the member starts at 0
	tail = append(tail, name...)
	tail = le.AppendUint32(tail, 0x06054b50)
	tail = le.AppendUint32(tail, 0) // disks
	tail = le.AppendUint16(tail, 1)
	tail = le.AppendUint16(tail, 1)
	tail = le.AppendUint32(tail, uint32(central+len(name)))
	tail = le.AppendUint32(tail, uint32(directory))
	tail = le.AppendUint16(tail, 0)
	out.Write(tail)
	return out.Bytes()
}

func deflater(w io.Writer) *flate.Writer {
	d, err := flate.NewWriter(w, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant that flate knows
	}
	return d
}

// counter counts what passes.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return c.w.Write(p)
}

// fileCache keeps packed files, each made once however many ask at once.
type fileCache struct {
	mu    sync.Mutex
	files map[fileKey]*packedFile
	order []fileKey // oldest first
}

type fileKey struct {
	name        string
	year, month int
}

type packedFile struct {
	once sync.Once
	body []byte
}

// maxCached bounds memory: 128 files are ten years of coffee and its months.
const maxCached = 128

func (c *fileCache) get(key fileKey, pack func() []byte) []byte {
	c.mu.Lock()
	f := c.files[key]
	if f == nil {
		if c.files == nil {
			c.files = map[fileKey]*packedFile{}
		}
		if len(c.order) == maxCached {
			delete(c.files, c.order[0])
			c.order = c.order[1:]
		}
		f = &packedFile{}
		c.files[key] = f
		c.order = append(c.order, key)
	}
	c.mu.Unlock()
	f.once.Do(func() { f.body = pack() })
	return f.body
}
