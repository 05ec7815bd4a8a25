package web

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// compress returns body as gzip; it is done once a page, so at the best level.
func compress(body []byte) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		if _, err = z.Write(body); err == nil {
			err = z.Close()
		}
	}
	if err != nil {
		panic("web: gzip into memory: " + err.Error()) // a buffer takes every write
	}
	return b.Bytes()
}

// acceptsGzip reads Accept-Encoding; "gzip;q=0" refuses it.
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name = strings.TrimSpace(name); name != "gzip" && name != "*" {
			continue
		}
		weight, found := strings.CutPrefix(strings.ReplaceAll(q, " ", ""), "q=")
		v, err := strconv.ParseFloat(weight, 64)
		return !found || (err == nil && v > 0)
	}
	return false
}

// writeBody sends the packed bytes to those who can read them, else the plain
// ones, which are unpacked on the way when plain is nil.
func writeBody(w http.ResponseWriter, r *http.Request, status int, packed, plain []byte) {
	h := w.Header()
	if acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		h.Set("Content-Length", strconv.Itoa(len(packed)))
		w.WriteHeader(status)
		if r.Method != http.MethodHead {
			_, _ = w.Write(packed) // the reader went away: nobody is left to tell
		}
		return
	}
	if plain == nil {
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err == nil {
			plain, err = io.ReadAll(z)
		}
		if err != nil {
			panic("web: unpack an own page: " + err.Error())
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(plain)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(plain)
	}
}

// matches says whether If-None-Match names the tag, by weak comparison.
func matches(r *http.Request, etag string) bool {
	for candidate := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}
