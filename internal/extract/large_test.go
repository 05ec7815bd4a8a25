package extract

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"beanflows.coffee/materia/internal/landing"
)

func long() bool { return os.Getenv("MATERIA_LONG") != "" }

// highWater is the most memory, in bytes, that this process held since the last
// call of forget.
func highWater(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skipf("SKIPPED: the memory of a process cannot be measured here: %v", err)
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.Fields(kb)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatal("no VmHWM in /proc/self/status")
	return 0
}

func forget(t *testing.T) {
	t.Helper()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		t.Skipf("SKIPPED: the high-water mark of memory cannot be reset here: %v", err)
	}
}

// noise is n bytes that do not compress, made as they are read.
func noise(n int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{7}), n)
}

// landMember lands the only file of a ZIP, as a source does.
func landMember(ctx context.Context, s *Session, name string) error {
	r, err := s.Get(ctx, "https://data.example/"+name, GetOptions{})
	if err != nil {
		return err
	}
	defer r.Close()
	m, err := r.UnzipOne()
	if err != nil {
		return err
	}
	defer m.Close()
	d, err := s.NewDraft(".csv.gz")
	if err != nil {
		return err
	}
	defer d.Discard()
	if err := m.CopyTo(ctx, d, io.Discard); err != nil {
		return err
	}
	_, err = s.Land(ctx, d, landing.Entry{Path: "test/" + name + ".csv.gz", Rows: 1}, r)
	return err
}

// TestFaultLargeBody: a body of 1 GB (here 192 MB) passes through the client, the ZIP, the
// draft and the zone in constant memory: at most 64 MiB more than before.
func TestFaultLargeBody(t *testing.T) {
	size := int64(192 << 20)
	switch {
	case long():
		size = 1 << 30
	case raceDetector: // which makes every byte dear, and memory is not measured
		size = 24 << 20
	}
	b := newBench(t, func(w http.ResponseWriter, _ *http.Request) {
		z := zip.NewWriter(w)
		f, err := z.CreateHeader(&zip.FileHeader{Name: "a.csv", Method: zip.Store})
		if err == nil {
			_, err = io.Copy(f, noise(size))
		}
		if err != nil || z.Close() != nil {
			panic(http.ErrAbortHandler)
		}
	})
	b.deps.Client.limits.BodyBytes, b.deps.Client.limits.UnzippedBytes = 2<<30, 2<<30
	if _, _, err := b.run(t.Context(), func(ctx context.Context, s *Session, _ Window) error { return nil }); err != nil {
		t.Fatal(err)
	}
	forget(t)
	before := highWater(t)
	res, _, err := b.run(t.Context(), func(ctx context.Context, s *Session, _ Window) error { return landMember(ctx, s, "large") })
	if err != nil || len(res.Landed) != 1 || res.Landed[0].Bytes != size {
		t.Fatalf("%+v, %v", res, err)
	}
	grew := highWater(t) - before
	t.Logf("%d MB landed, memory grew by %d MB", size>>20, grew>>20)
	if most := int64(64 << 20); grew > most && !raceDetector {
		t.Errorf("memory grew by %d bytes, more than %d", grew, most)
	}
}

// TestFaultLargeBodyIsCapped: more than the cap is refused while it streams, however the length is announced.
func TestFaultLargeBodyIsCapped(t *testing.T) {
	sent := int64(0)
	b := newBench(t, func(w http.ResponseWriter, _ *http.Request) { sent, _ = io.Copy(w, noise(1<<30)) })
	b.deps.Client.limits.BodyBytes = 8 << 20
	res, row, err := b.run(t.Context(), func(ctx context.Context, s *Session, _ Window) error { return landMember(ctx, s, "large") })
	if err == nil || !strings.Contains(err.Error(), "larger than allowed: more than 8388608 bytes") || len(res.Landed) != 0 || row.Error == "" {
		t.Errorf("%+v, %v", res, err)
	}
	b.server.Close() // waits for the handler
	if sent > 64<<20 {
		t.Errorf("%d bytes were taken", sent)
	}
}

// bomb is a ZIP that unpacks to size zeros.
func bomb(t *testing.T, size int64) []byte {
	t.Helper()
	const block = 1 << 20
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, block)
	w.Write(zeros)
	w.Flush()
	first := packed.Len()
	w.Write(zeros)
	w.Flush()
	// Blocks after the first are equal and end on a whole byte, so they can be repeated.
	again := bytes.Clone(packed.Bytes()[first:])
	for range size/block - 2 {
		packed.Write(again)
	}
	packed.Write([]byte{3, 0}) // an empty last block
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	raw, err := z.CreateRaw(&zip.FileHeader{Name: "a.csv", Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(zeros), CompressedSize64: uint64(packed.Len()), UncompressedSize64: uint64(size)})
	if err != nil {
		t.Fatal(err)
	}
	raw.Write(packed.Bytes())
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestFaultTenGigabyteBomb is refused at the cap, by a whole run, with nothing landed and the memory of any other run.
func TestFaultTenGigabyteBomb(t *testing.T) {
	size := int64(10 << 30)
	body := bomb(t, size)
	b := newBench(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(body) })
	if !long() {
		b.deps.Client.limits.UnzippedBytes = 128 << 20 // the cap of 2 GiB takes seconds
		if raceDetector {
			b.deps.Client.limits.UnzippedBytes = 16 << 20
		}
	}
	forget(t)
	before := highWater(t)
	res, _, err := b.run(t.Context(), func(ctx context.Context, s *Session, _ Window) error { return landMember(ctx, s, "bomb") })
	if err == nil || !strings.Contains(err.Error(), "unpacks to more than") || len(res.Landed) != 0 {
		t.Errorf("%+v, %v", res, err)
	}
	if grew := highWater(t) - before; grew > 64<<20 && !raceDetector {
		t.Errorf("memory grew by %d bytes", grew)
	}
	held, err := Quarantined(b.deps.Zone, "test")
	if err != nil || len(held) != 1 || held[0].Bytes != int64(len(body)) {
		t.Errorf("quarantine %+v, %v", held, err)
	}
}
