package extract

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// FuzzHeaders: whatever a server puts into its headers, a wait is never negative, a
// redirect stays on the host and on https, a release is never in the future, and
// what is said of a body is short and printable.
func FuzzHeaders(f *testing.F) {
	f.Add("120", "Sun, 01 Feb 2026 12:00:00 GMT", "/new/b.zip", `W/"x"`, "<html><title>Sorry</title>")
	f.Add("Sun, 01 Feb 2026 12:00:30 GMT", "Sun, 01 Feb 2026 12:00:00 GMT", "https://evil.example/", `"x"`, "Edge: Too Many Requests")
	f.Add("-1", "yesterday", "//evil.example/x", "", "\x00\xff")
	f.Add("99999999999999999999", "Thu, 01 Jan 1970 00:00:00 GMT", "http://data.example/x", "W/", "")
	f.Add("1e3", "", "https://data.example:443@evil.example/", `W/"`, "<!--")
	now := time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)
	live := NewClient(ClientOptions{Now: func() time.Time { return now }})
	standIn := NewClient(ClientOptions{Upstream: "http://127.0.0.1:8000/base", Now: func() time.Time { return now }})
	from, err := url.Parse("https://data.example/files/a.zip")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, retry, date, location, etag, body string) {
		h := http.Header{"Retry-After": {retry}, "Date": {date}, "Location": {location}, "Last-Modified": {date}, "Etag": {etag}}
		for _, c := range []*Client{live, standIn} {
			if d := c.retryAfter(h); d < 0 {
				t.Fatalf("wait %v", d)
			}
			asked, err := url.Parse(c.physical(from))
			if err != nil {
				t.Fatal(err)
			}
			next, err := c.follow(from, &http.Response{StatusCode: 302, Header: h, Request: &http.Request{URL: asked}})
			if err == nil && (next.Scheme != "https" || !strings.EqualFold(next.Host, from.Host)) {
				t.Fatalf("followed to %s", next)
			}
		}
		if at := released(h, now); at != nil && at.After(now.Add(24*time.Hour)) {
			t.Fatalf("released %v", at)
		}
		contradicts(request{etag: etag, lastModified: date}, h)
		text := says([]byte(body))
		if len(text) > 123 || strings.ContainsAny(text, "\x00\n\r\x1b") {
			t.Fatalf("says %q", text)
		}
	})
}
