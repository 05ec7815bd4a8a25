package extract

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"
)

func limits() Limits {
	l := Limits{}
	l.fill(true)
	return l
}

type member struct {
	name, text string
	mode       fs.FileMode
}

func zipOf(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range members {
		h := &zip.FileHeader{Name: m.name, Method: zip.Deflate, Modified: time.Date(2022, 12, 20, 15, 2, 0, 0, time.UTC)}
		if m.mode != 0 {
			h.SetMode(m.mode)
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, m.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func readOne(body []byte, l Limits) (string, error) {
	m, err := openOne(bytes.NewReader(body), int64(len(body)), l)
	if err != nil {
		return "", err
	}
	defer m.Close()
	text, err := io.ReadAll(m)
	return string(text), err
}

func TestZIPWithOneFile(t *testing.T) {
	for name, body := range map[string][]byte{
		"a file":            zipOf(t, member{name: "a.csv", text: "hello"}),
		"a file in folders": zipOf(t, member{name: "x/"}, member{name: "x/y/a.csv", text: "hello"}),
		"self-extracting":   append([]byte("some program"), zipOf(t, member{name: "a.csv", text: "hello"})...),
	} {
		if got, err := readOne(body, limits()); err != nil || got != "hello" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestFaultZIPNamesAndShapes(t *testing.T) {
	good := member{name: "a.csv", text: strings.Repeat("hello", 1000)}
	many := make([]member, 101)
	for n := range many {
		many[n].name = fmt.Sprintf("%d/", n)
	}
	for name, c := range map[string]struct {
		body   []byte
		reason string
	}{
		"no file":            {zipOf(t), "0 files"},
		"a folder":           {zipOf(t, member{name: "x/"}), "0 files"},
		"two":                {zipOf(t, good, member{name: "b.csv"}), "2 files"},
		"the same twice":     {zipOf(t, good, good), "2 files"},
		"climbing":           {zipOf(t, member{name: "../a.csv"}), `"../a.csv"`},
		"climbing inside":    {zipOf(t, member{name: "x/../../a.csv"}), "not a plain file's name"},
		"absolute":           {zipOf(t, member{name: "/a.csv"}), "not a plain file's name"},
		"a drive":            {zipOf(t, member{name: `C:\a.csv`}), "not a plain file's name"},
		"no name":            {zipOf(t, member{name: ""}), "not a plain file's name"},
		"a symbolic link":    {zipOf(t, member{name: "a.csv", text: "/etc/passwd", mode: fs.ModeSymlink | 0o777}), "not a plain file's name"},
		"too many entries":   {zipOf(t, many...), "101 entries"},
		"far too many":       {crowd(t), "directory is larger than"},
		"an unknown method":  {method(zipOf(t, good), 99), "unsupported compression"},
		"encrypted, garbage": {[]byte("PK\x03\x04 and nothing else"), "not a whole ZIP"},
		"a wrong length":     {central(zipOf(t, good), 24, 4999), "ZIP member"},
		"a wrong CRC":        {central(zipOf(t, good), 16, 1), "wrong checksum"},
	} {
		if got, err := readOne(c.body, limits()); err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %d bytes, %v, want %q", name, len(got), err, c.reason)
		}
	}
}

// crowd is a ZIP whose directory alone is larger than any honest one.
func crowd(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	name := strings.Repeat("n", 1000)
	for n := range 5000 {
		if _, err := z.CreateRaw(&zip.FileHeader{Name: fmt.Sprint(name, n)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// central changes a field of the first entry in the directory.
func central(body []byte, at int, value uint32) []byte {
	body = bytes.Clone(body)
	binary.LittleEndian.PutUint32(body[bytes.Index(body, []byte("PK\x01\x02"))+at:], value)
	return body
}

func method(body []byte, m uint16) []byte {
	body = bytes.Clone(body)
	binary.LittleEndian.PutUint16(body[bytes.Index(body, []byte("PK\x01\x02"))+10:], m)
	return body
}

// TestFaultZIPBomb: what counts is what comes out, whatever the directory says.
func TestFaultZIPBomb(t *testing.T) {
	const size = 64 << 20
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	sum, zeros := crc32.NewIEEE(), make([]byte, 1<<20)
	for range size / len(zeros) {
		w.Write(zeros)
		sum.Write(zeros)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, claimed := range map[string]uint64{"honest": size, "claims to be small": 1000} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		raw, err := z.CreateRaw(&zip.FileHeader{Name: "a.csv", Method: zip.Deflate, CRC32: sum.Sum32(), CompressedSize64: uint64(packed.Len()), UncompressedSize64: claimed})
		if err != nil {
			t.Fatal(err)
		}
		raw.Write(packed.Bytes())
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		for what, l := range map[string]Limits{"ratio": {UnzippedRatio: 100}, "bytes": {UnzippedBytes: 1 << 20, UnzippedRatio: 1 << 20}} {
			l.fill(true)
			text, err := readOne(b.Bytes(), l)
			if err == nil || len(text) > 10<<20 {
				t.Errorf("%s, %s: unpacked %d bytes, %v", name, what, len(text), err)
			}
			if claimed == size && err != nil && !strings.Contains(err.Error(), "unpacks to more than") {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
}

func FuzzZIP(f *testing.F) {
	good := zipOf(f, member{name: "a.csv", text: strings.Repeat("Commodity,Value\r\n", 50)})
	f.Add(good)
	f.Add(good[:len(good)-5])
	f.Add(zipOf(f, member{name: "../a"}, member{name: "b/"}))
	f.Add(zipOf(f))
	l := limits()
	l.UnzippedBytes, l.UnzippedRatio = 1<<20, 50
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := openOne(bytes.NewReader(body), int64(len(body)), l)
		if err != nil {
			return
		}
		defer m.Close()
		if strings.Contains(m.Name, "..") && !strings.Contains(strings.ReplaceAll(m.Name, "/", ""), "..") || strings.HasPrefix(m.Name, "/") || m.Name == "" {
			t.Fatalf("member %q", m.Name)
		}
		n, err := io.Copy(io.Discard, m)
		if n > l.UnzippedBytes+64<<10 {
			t.Fatalf("%d bytes came out", n)
		}
		if err != nil {
			return
		}
		// What was accepted, the standard library reads to the same length.
		z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
		if err != nil {
			t.Fatal(err)
		}
		r, err := z.Open(m.Name)
		if err != nil {
			return // a name that fs refuses
		}
		if std, err := io.Copy(io.Discard, r); err != nil || std != n {
			t.Fatalf("%d bytes, the standard library reads %d, %v", n, std, err)
		}
	})
}
