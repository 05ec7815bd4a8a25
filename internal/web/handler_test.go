package web

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestRefusals(t *testing.T) {
	h := smallSite(t)
	for _, c := range []struct {
		method, url string
		status      int
		want        string
	}{
		{"GET", "/nowhere", 404, "There is no such page"},
		{"GET", "/static/app.css", 404, "There is no such page"},
		{"GET", "/static/../format.go", 404, "There is no such page"},
		{"POST", "/price", 405, "This page can only be read"},
		{"DELETE", "/healthz", 405, "This page can only be read"},
		{"GET", "/price?range=2y", 400, "There is no such range"},
		{"GET", "/supply?country=br", 400, "That is no country code"},
		{"GET", "/supply?country=%27%3BDROP+TABLE", 400, "That is no country code"},
		{"GET", "/supply?country=ZZ", 404, "USDA has no coffee figures for ZZ"},
		{"GET", "/supply?country=%zz", 400, "The address cannot be read"},
		{"GET", "/price?" + strings.Repeat("a", 600), 414, "The address is too long"},
		{"GET", "/" + strings.Repeat("a", 300), 414, "The address is too long"},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(c.method, "/", nil)
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(c.url, "?")
		h.ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %.40s: %d, want %d and %q", c.method, c.url, w.Code, c.status, c.want)
		}
		if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Security-Policy") == "" {
			t.Errorf("%s %.40s: headers %v", c.method, c.url, w.Header())
		}
		if c.status == 405 && w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("405 without Allow")
		}
		checkHTML(t, c.url, w.Body.String())
	}
	if w := get(t, h, "/price/"); w.Code != 301 || w.Header().Get("Location") != "/price" {
		t.Errorf("/price/: %d to %q", w.Code, w.Header().Get("Location"))
	}
	if w := get(t, h, "/price?utm=1&range=5y"); w.Code != 200 || !strings.Contains(w.Body.String(), "Five years of closes") {
		t.Errorf("an unknown parameter is not ignored: %d", w.Code)
	}
}

func TestBrokenFileIsToldWithoutDetails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "analytics.duckdb")
	if err := os.WriteFile(path, []byte("not a database"), 0o644); err != nil {
		t.Fatal(err)
	}
	h := open(t, path, today)
	w := get(t, h, "/price")
	if w.Code != 500 || !strings.Contains(w.Body.String(), "could not be written") || strings.Contains(w.Body.String(), path) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := get(t, h, "/healthz"); w.Code != 503 {
		t.Errorf("/healthz: %d", w.Code)
	}
	if w := get(t, smallSite(t, "ALTER TABLE serving.coffee_prices DROP COLUMN sma_20"), "/price"); w.Code != 500 || strings.Contains(w.Body.String(), "sma_20") {
		t.Errorf("a lost column: %d", w.Code)
	}
}

func TestSecurityHeadersEverywhere(t *testing.T) {
	h := smallSite(t)
	for _, url := range []string{"/", "/healthz", "/nowhere", "/price/"} {
		hd := get(t, h, url).Header()
		csp := hd.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none';") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", url, csp)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin"} {
			if got := hd.Get(name); got != want {
				t.Errorf("%s: %s %q, want %q", url, name, got, want)
			}
		}
	}
	s := NewServer("127.0.0.1:0", h)
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 {
		t.Errorf("a limit is missing: %+v", s)
	}
}

func TestPagesAreCachedAndRevalidated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "analytics.duckdb")
	small(t, path)
	h := open(t, path, today)
	ask := func(method, url, encoding, tag string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, url, nil)
		r.Header.Set("Accept-Encoding", encoding)
		r.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	first := ask("GET", "/", "gzip, br", "")
	tag := first.Header().Get("ETag")
	if first.Code != 200 || !strings.Contains(tag, "0123456789abcdef") || first.Header().Get("Vary") != "Accept-Encoding" || first.Header().Get("Cache-Control") != "no-cache" {
		t.Fatalf("%d %v", first.Code, first.Header())
	}
	z, err := gzip.NewReader(first.Body)
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for _, encoding := range []string{"", "br", "gzip;q=0"} {
		plain := ask("GET", "/", encoding, "")
		if plain.Header().Get("Content-Encoding") != "" || !bytes.Equal(plain.Body.Bytes(), unpacked) {
			t.Errorf("Accept-Encoding %q: not the same page, plain", encoding)
		}
	}
	if w := ask("GET", "/", "gzip", tag); w.Code != 304 || w.Body.Len() != 0 || w.Header().Get("ETag") != tag {
		t.Errorf("revalidated: %d with %d bytes", w.Code, w.Body.Len())
	}
	if w := ask("GET", "/", "gzip", `"other", `+strings.TrimPrefix(tag, "W/")); w.Code != 304 {
		t.Errorf("a list of tags: %d", w.Code)
	}
	if w := ask("HEAD", "/", "gzip", ""); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "" {
		t.Errorf("HEAD: %d, %d bytes", w.Code, w.Body.Len())
	}
	small(t, path, "UPDATE serving.snapshot SET snapshot_id = 'fedcba', origin = 'sample'") // the file rotates
	if w := ask("GET", "/", "", tag); w.Code != 200 || !strings.Contains(w.Body.String(), "SAMPLE DATA.") {
		t.Errorf("after the rotation: %d", w.Code)
	}
	if w := ask("GET", "/nowhere", "", ""); w.Code != 404 || !strings.Contains(w.Body.String(), "SAMPLE DATA.") {
		t.Errorf("a refusal does not say SAMPLE: %d", w.Code)
	}
}

func TestWordsChangeWithTheDay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "analytics.duckdb")
	small(t, path)
	var mu sync.Mutex
	now := today
	h := openAt(t, path, func() time.Time { mu.Lock(); defer mu.Unlock(); return now })
	before := get(t, h, "/price")
	mu.Lock()
	now = today.AddDate(0, 0, 1)
	mu.Unlock()
	after := get(t, h, "/price")
	if strings.Contains(before.Body.String(), "Stale.") || !strings.Contains(after.Body.String(), "Stale.") || before.Header().Get("ETag") == after.Header().Get("ETag") {
		t.Error("a page outlived the day it was written on")
	}
}

func TestManyReadersAtOnceRenderOnce(t *testing.T) {
	h := smallSite(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	bodies := map[string]int{}
	for i := range 40 {
		wg.Go(func() {
			w := get(t, h, []string{"/", "/supply", "/supply?country=BR", "/price?range=max"}[i%4])
			mu.Lock()
			defer mu.Unlock()
			bodies[fmt.Sprint(w.Code, i%4, sha256.Sum256(w.Body.Bytes()))]++
		})
	}
	wg.Wait()
	if len(bodies) != 4 {
		t.Errorf("%d different answers to 4 questions", len(bodies))
	}
}

func TestOtherPagesAreBounded(t *testing.T) {
	c := newPageCache(2)
	fill := func(key string, canonical bool, err error) {
		if s, mine := c.claim(key, canonical); mine {
			c.fill(key, s, &rendered{}, err)
		}
	}
	fill("front", true, nil)
	for _, k := range []string{"a", "b", "a", "c"} {
		fill(k, false, nil)
	}
	for key, want := range map[string]bool{"front": true, "a": true, "b": false, "c": true} {
		if _, got := c.pages[key]; got != want {
			t.Errorf("%s kept: %v, want %v", key, got, want)
		}
	}
	fill("d", false, io.ErrUnexpectedEOF)
	if _, kept := c.pages["d"]; kept || c.other.Len() != 1 {
		t.Errorf("a failure is kept, or the list lies: %d", c.other.Len())
	}
}

func TestStaticFiles(t *testing.T) {
	h := smallSite(t)
	body := getPage(t, h, "/")
	urls := regexp.MustCompile(`/static/[a-z.]+\.[0-9a-f]{12}\.(css|js|svg)`).FindAllString(body, -1)
	if len(urls) != 3 {
		t.Fatalf("static files: %v", urls)
	}
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	for _, url := range urls {
		w := get(t, h, url)
		sum := sha256.Sum256(w.Body.Bytes())
		if w.Code != 200 || w.Header().Get("Content-Type") != types[filepath.Ext(url)] || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || !strings.Contains(url, hex.EncodeToString(sum[:6])) {
			t.Errorf("%s: %d %v", url, w.Code, w.Header())
		}
	}
}

// Vendored files are what was reviewed, byte for byte.
func TestVendoredFilesHaveTheirHash(t *testing.T) {
	f, err := os.Open("static/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := 0
	for s := bufio.NewScanner(f); s.Scan(); lines++ {
		want, name, _ := strings.Cut(s.Text(), "  ")
		body, err := os.ReadFile(filepath.Join("static", name))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s is not the file that was vendored", name)
		}
	}
	if lines == 0 {
		t.Error("no vendored file is listed")
	}
}

// BenchmarkCachedPage sets a page that was rendered before against a bare Go
// handler that writes the same bytes, both over a kept connection on loopback:
// "x-bare" is their ratio.
func BenchmarkCachedPage(b *testing.B) {
	h := smallSite(b)
	server := httptest.NewServer(h)
	defer server.Close()
	packed := compress([]byte(getPage(b, h, "/")))
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed)
	}))
	defer bare.Close()
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 8}}
	ask := func(url string) time.Duration {
		began := time.Now()
		r, _ := http.NewRequest(http.MethodGet, url, nil)
		r.Header.Set("Accept-Encoding", "gzip")
		answer, err := client.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		return time.Since(began)
	}
	const requests = 500 // in turns, so that a noisy moment meets both
	var page, least time.Duration
	for b.Loop() {
		for range requests {
			page += ask(server.URL + "/")
			least += ask(bare.URL + "/")
		}
	}
	b.ReportMetric(float64(page)/float64(least), "x-bare")
	b.ReportMetric(float64(page.Microseconds())/float64(requests*b.N), "us/page")
}
