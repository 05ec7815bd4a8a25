package psdonline

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/extract/extracttest"
	"beanflows.coffee/materia/internal/realdata"
)

// BenchmarkExtract lands 2 million rows, the real coffee file and 25 copies of it
// under other commodities' codes, and compares a whole run of the source (HTTP on loopback, checks,
// draft, read-back, manifest, state) with the least that must be done to the same
// bytes: unpack, hash, compress. The metric "x-baseline" is their ratio; reading
// the landed file back to verify it is outside the baseline.
func BenchmarkExtract(b *testing.B) {
	text := extracttest.Unzip(b, realdata.Read(b, "psd/"+december))
	large := append([]byte{}, text...)
	// As in a file of all commodities: coffee is one of many.
	for n := range 25 {
		other := bytes.ReplaceAll(text[bytes.IndexByte(text, '\n')+1:], []byte(coffeeCode+","), fmt.Appendf(nil, "08%05d,", n))
		large = append(large, other...)
	}
	body := extracttest.Zip(b, "psd_coffee.csv", string(large))
	var base, ours time.Duration
	for b.Loop() {
		start := time.Now()
		baseline(b, body)
		base += time.Since(start)

		r := newRig(b, func(w http.ResponseWriter, _ *http.Request) { w.Write(body) })
		start = time.Now()
		if _, err := r.Run(extract.Window{}); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
	}
	b.ReportMetric(float64(ours)/float64(base), "x-baseline")
	b.ReportMetric(float64(len(large))*float64(b.N)/ours.Seconds()/1e6, "MB/s")
}

func baseline(b *testing.B, body []byte) {
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		b.Fatal(err)
	}
	z.RegisterDecompressor(zip.Deflate, flate.NewReader)
	f, err := z.File[0].Open()
	if err != nil {
		b.Fatal(err)
	}
	sum, out := sha256.New(), gzip.NewWriter(io.Discard)
	if _, err := io.Copy(io.MultiWriter(sum, out), f); err != nil {
		b.Fatal(err)
	}
	if err := out.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkScan is the check alone.
func BenchmarkScan(b *testing.B) {
	text := extracttest.Unzip(b, realdata.Read(b, "psd/"+december))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s := &scanner{}
		for at := 0; at < len(text); at += 256 << 10 {
			if _, err := s.Write(text[at:min(len(text), at+256<<10)]); err != nil {
				b.Fatal(err)
			}
		}
		if err := s.Close(); err != nil || s.rows != 77957 {
			b.Fatal(s.rows, err)
		}
	}
}
