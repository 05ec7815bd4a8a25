package extract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"code.dny.dev/ssrf"
)

const source = "https://data.example/files/a.zip"

// asked is a client before a stand-in, with waits recorded in place of waited.
type asked struct {
	client *Client
	server *httptest.Server
	spool  *os.File
	mu     sync.Mutex
	slept  []time.Duration
	n      atomic.Int32
}

func ask(t *testing.T, l Limits, h http.HandlerFunc) *asked {
	t.Helper()
	a := &asked{}
	a.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.n.Add(1)
		h(w, r)
	}))
	t.Cleanup(a.server.Close)
	a.client = NewClient(ClientOptions{Upstream: a.server.URL, Limits: l, Sleep: func(ctx context.Context, d time.Duration) error {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.slept = append(a.slept, d)
		return context.Cause(ctx)
	}})
	var err error
	if a.spool, err = os.Create(filepath.Join(t.TempDir(), "spool")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.spool.Close() })
	return a
}

func (a *asked) get(t *testing.T) (string, answer, error) {
	t.Helper()
	got, err := a.client.fetch(t.Context(), request{url: source}, a.spool)
	body, rerr := io.ReadAll(io.NewSectionReader(a.spool, 0, got.size))
	if rerr != nil {
		t.Fatal(rerr)
	}
	return string(body), got, err
}

func TestFaultRetryAfter(t *testing.T) {
	now := time.Now().UTC()
	for _, c := range []struct {
		header, date string
		least, most  time.Duration
	}{
		{"7", "", 7 * time.Second, 7 * time.Second},
		{"0", "", 10 * time.Millisecond, 31 * time.Millisecond}, // then the backoff: 20 ms and jitter
		{"99999", "", 2 * time.Minute, 2 * time.Minute},
		{"-5", "", 10 * time.Millisecond, 31 * time.Millisecond},
		{"soon", "", 10 * time.Millisecond, 31 * time.Millisecond},
		{now.Add(40 * time.Second).Format(http.TimeFormat), now.Format(http.TimeFormat), 40 * time.Second, 40 * time.Second},
		// The server's clock is an hour slow; it still means 30 s.
		{now.Add(30*time.Second - time.Hour).Format(http.TimeFormat), now.Add(-time.Hour).Format(http.TimeFormat), 30 * time.Second, 30 * time.Second},
		{now.Add(90 * 24 * time.Hour).Format(http.TimeFormat), now.Format(http.TimeFormat), 2 * time.Minute, 2 * time.Minute},
		{now.Add(-time.Hour).Format(http.TimeFormat), now.Format(http.TimeFormat), 10 * time.Millisecond, 31 * time.Millisecond},
	} {
		for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
			var a *asked
			a = ask(t, Limits{}, func(w http.ResponseWriter, _ *http.Request) {
				if a.n.Load() > 1 {
					io.WriteString(w, "data")
					return
				}
				w.Header().Set("Retry-After", c.header)
				if c.date != "" {
					w.Header().Set("Date", c.date)
				}
				w.WriteHeader(status)
			})
			body, _, err := a.get(t)
			if err != nil || body != "data" || len(a.slept) != 1 || a.slept[0] < c.least || a.slept[0] > c.most {
				t.Errorf("%d, Retry-After %q: %q, %v, slept %v, want %v to %v", status, c.header, body, err, a.slept, c.least, c.most)
			}
		}
	}
}

func TestFaultServerErrorBacksOffWithJitter(t *testing.T) {
	a := ask(t, Limits{Tries: 6, BackoffFirst: time.Second, BackoffMax: 6 * time.Second}, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "<html><title>Busy</title></html>", http.StatusServiceUnavailable)
	})
	_, _, err := a.get(t)
	if err == nil || !strings.Contains(err.Error(), `HTTP 503 Service Unavailable: "Busy"`) || a.n.Load() != 6 {
		t.Errorf("%v after %d tries", err, a.n.Load())
	}
	for n, base := range []time.Duration{1, 2, 4, 6, 6} {
		if d := a.slept[n]; d < base*time.Second/2 || d > base*time.Second*3/2 {
			t.Errorf("wait %d is %v, want %d s and half of it at most more or less", n+1, d, base)
		}
	}
	if a.slept[0] == time.Second && a.slept[1] == 2*time.Second {
		t.Error("no jitter")
	}
}

func TestFaultOtherClientErrors(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 410, 422, 204, 206, 304, 300} {
		a := ask(t, Limits{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		_, _, err := a.get(t)
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("HTTP %d", status)) || a.n.Load() != 1 {
			t.Errorf("%d: %v after %d tries", status, err, a.n.Load())
		}
		if errors.Is(err, ErrNotFound) != (status == 404) {
			t.Errorf("%d: ErrNotFound is %v", status, errors.Is(err, ErrNotFound))
		}
	}
}

// A body that was cut off is fetched again from its start.
func TestFaultCutBody(t *testing.T) {
	whole := strings.Repeat("0123456789", 20000)
	var a *asked
	a = ask(t, Limits{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(whole)))
		if a.n.Load() < 3 {
			io.WriteString(w, whole[:len(whole)-int(a.n.Load())])
			return
		}
		io.WriteString(w, whole)
	})
	if body, got, err := a.get(t); err != nil || body != whole || got.size != int64(len(whole)) || a.n.Load() != 3 {
		t.Errorf("%d bytes, %v, %d tries", len(body), err, a.n.Load())
	}
}

func TestFaultRedirects(t *testing.T) {
	for _, c := range []struct{ location, reason string }{
		{"/data.example/new/b.zip", ""},
		{"b.zip", ""},
		{"https://data.example/new/b.zip", ""},
		{"https://DATA.example/new/b.zip", ""},
		{"https://other.example/b.zip", "to another host"},
		{"https://127.0.0.1/b.zip", "to another host"},
		{"https://169.254.169.254/latest", "to another host"},
		{"/other.example/b.zip", "to another host"},
		{"//evil.example/b.zip", "not https"}, // the stand-in's scheme
		{"http://data.example/b.zip", "not https"},
		{"file:///etc/passwd", "not https"},
		{"https://data.example:8443/b.zip", "to another host"},
		{"", "without a Location"},
		{"https://%zz/", "Location"},
	} {
		var a *asked
		a = ask(t, Limits{}, func(w http.ResponseWriter, r *http.Request) {
			if a.n.Load() > 1 {
				io.WriteString(w, r.URL.Path)
				return
			}
			w.Header().Set("Location", c.location)
			w.WriteHeader(http.StatusMovedPermanently)
		})
		body, _, err := a.get(t)
		switch {
		case c.reason == "" && (err != nil || !strings.HasSuffix(body, "/b.zip")):
			t.Errorf("to %q: %q, %v", c.location, body, err)
		case c.reason != "" && (!errors.Is(err, errRedirect) || !strings.Contains(err.Error(), c.reason) || a.n.Load() != 1):
			t.Errorf("to %q: %v after %d requests, want %q", c.location, err, a.n.Load(), c.reason)
		}
	}
	a := ask(t, Limits{}, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path+"x", http.StatusFound) })
	if _, _, err := a.get(t); !errors.Is(err, errRedirect) || a.n.Load() != 6 {
		t.Errorf("a chain without end: %v after %d requests", err, a.n.Load())
	}
}

// Without a stand-in no address of this machine or network is ever dialled, by
// whatever name it goes.
func TestFaultPrivateAddresses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialled := make(chan bool, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			dialled <- true
			c.Close()
		}
	}()
	a := ask(t, Limits{}, nil)
	for upstream, hosts := range map[string][]string{
		"":                    {"localhost", "127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.169.254", "[::1]", "[fd00::1]", "0.0.0.0", l.Addr().String()},
		"http://10.0.0.1:80":  {"data.example"},
		"http://[fd00::1]:80": {"data.example"},
	} {
		c := NewClient(ClientOptions{Upstream: upstream, Sleep: func(context.Context, time.Duration) error { return nil }})
		for _, host := range hosts {
			_, err := c.fetch(t.Context(), request{url: "https://" + host + "/x"}, a.spool)
			if !errors.Is(err, ssrf.ErrProhibitedIP) && !errors.Is(err, ssrf.ErrProhibitedPort) {
				t.Errorf("%s by %q: %v", host, upstream, err)
			}
		}
	}
	if len(dialled) > 0 {
		t.Error("this machine was dialled")
	}
	c := NewClient(ClientOptions{})
	for _, url := range []string{"http://data.example/x", "ftp://data.example/x", "data.example/x", "https:///x", ":"} {
		if _, err := c.fetch(t.Context(), request{url: url}, a.spool); err == nil || !strings.Contains(err.Error(), "not an https URL") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestFaultSlowOrStalled(t *testing.T) {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	stall := func(first string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if first != "" {
				w.Header().Set("Content-Length", "1000")
				io.WriteString(w, first)
				w.(http.Flusher).Flush()
			}
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
	}
	drip := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			time.Sleep(5 * time.Millisecond)
		}
	}
	for name, c := range map[string]struct {
		limits Limits
		answer http.HandlerFunc
		reason string
		tries  int32
	}{
		// Long enough for the request to arrive, and the bytes, on a loaded machine.
		"header": {Limits{Header: 500 * time.Millisecond, Tries: 2}, stall(""), "timeout awaiting response headers", 2},
		"idle":   {Limits{Idle: 500 * time.Millisecond, Tries: 2}, stall("some"), "the answer stalled: no byte for 500ms after 4 bytes", 2},
		"total":  {Limits{Total: time.Second, Tries: 3}, drip, "the time limit of one request", 1},
	} {
		a := ask(t, c.limits, c.answer)
		began := time.Now()
		_, _, err := a.get(t)
		if err == nil || !strings.Contains(err.Error(), c.reason) || a.n.Load() != c.tries {
			t.Errorf("%s: %v after %d tries, want %q after %d", name, err, a.n.Load(), c.reason, c.tries)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%s took %v", name, took)
		}
	}
	// Who cancels gets that back, not a failure of upstream.
	a := ask(t, Limits{}, stall("some"))
	stopped := errors.New("asked to stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for a.n.Load() == 0 { // until it is asked
			time.Sleep(time.Millisecond)
		}
		cancel(stopped)
	}()
	if _, err := a.client.fetch(ctx, request{url: source}, a.spool); !errors.Is(err, stopped) || a.n.Load() != 1 {
		t.Errorf("cancelled: %v", err)
	}
}

func TestFaultOversizeBody(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"announced": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(int64(1)<<40))
			io.WriteString(w, "x")
		},
		"without end": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 32<<10)); err != nil {
					return
				}
			}
		},
	} {
		a := ask(t, Limits{BodyBytes: 1 << 20}, h)
		_, _, err := a.get(t)
		if !errors.Is(err, errTooLarge) || a.n.Load() != 1 {
			t.Errorf("%s: %v after %d tries", name, err, a.n.Load())
		}
		if info, err := a.spool.Stat(); err != nil || info.Size() > 1<<20 {
			t.Errorf("%s: spooled %d bytes, %v", name, info.Size(), err)
		}
	}
}

func TestWhoAsksAndWhere(t *testing.T) {
	var got *http.Request
	a := ask(t, Limits{}, func(_ http.ResponseWriter, r *http.Request) { got = r })
	const url = "https://query1.finance.yahoo.com/v8/finance/chart/KC=F?interval=1d&period1=0"
	if _, err := a.client.fetch(t.Context(), request{url: url, accept: "application/json", etag: `"e"`, lastModified: "L"}, a.spool); err != nil {
		t.Fatal(err)
	}
	if got.RequestURI != "/query1.finance.yahoo.com/v8/finance/chart/KC=F?interval=1d&period1=0" {
		t.Errorf("asked %s", got.RequestURI)
	}
	for name, want := range map[string]string{"User-Agent": DefaultUserAgent, "Accept": "application/json", "If-None-Match": `"e"`, "If-Modified-Since": "L"} {
		if got.Header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Header.Get(name), want)
		}
	}
}

// Requests to one host keep a distance, those to two hosts do not wait for each
// other, and a stand-in on this machine is asked at once.
func TestPoliteness(t *testing.T) {
	var slept []time.Duration
	c := NewClient(ClientOptions{Sleep: func(_ context.Context, d time.Duration) error { slept = append(slept, d); return nil }})
	for _, host := range []string{"a", "b", "a", "a"} {
		if err := c.polite(t.Context(), host, 0); err != nil {
			t.Fatal(err)
		}
	}
	if len(slept) != 2 || slept[0] < 900*time.Millisecond || slept[0] > time.Second || slept[1] < 1900*time.Millisecond || slept[1] > 2*time.Second {
		t.Errorf("slept %v", slept)
	}
	for _, of := range []struct {
		upstream    string
		least, most time.Duration
	}{{"", 19900 * time.Millisecond, 20 * time.Second}, {"http://localhost:1", 0, 0}} {
		slept = []time.Duration{0}
		c := NewClient(ClientOptions{Upstream: of.upstream, Sleep: func(_ context.Context, d time.Duration) error { slept = append(slept, d); return nil }})
		for range 2 {
			if err := c.polite(t.Context(), "wants 20 s", 20*time.Second); err != nil {
				t.Fatal(err)
			}
		}
		if wait := slept[len(slept)-1]; wait < of.least || wait > of.most {
			t.Errorf("%q: slept %v, want %v to %v", of.upstream, slept, of.least, of.most)
		}
	}
	for upstream, want := range map[string]time.Duration{"http://localhost:1": 0, "http://127.0.0.1:1": 0, "http://[::1]:1": 0, "http://127.9.9.9": 0, "http://mirror.example": time.Second, "": time.Second} {
		if got := NewClient(ClientOptions{Upstream: upstream}).limits.Delay; got != want {
			t.Errorf("%q: delay %v", upstream, got)
		}
	}
}

// A stand-in that writes head and body apart would cost 40 ms a request on a
// connection that is used again.
func TestStandInsGetANewConnectionEachTime(t *testing.T) {
	var from sync.Map // the client's address: another for each connection
	a := ask(t, Limits{}, func(w http.ResponseWriter, r *http.Request) {
		from.Store(r.RemoteAddr, true)
		io.WriteString(w, "x")
	})
	for range 3 {
		if _, _, err := a.get(t); err != nil {
			t.Fatal(err)
		}
	}
	connections := 0
	from.Range(func(any, any) bool { connections++; return true })
	if connections != 3 {
		t.Errorf("%d connections for 3 requests", connections)
	}
}

func TestSays(t *testing.T) {
	for body, want := range map[string]string{
		"<html><head><TITLE lang=en>Too &amp;\n busy</TITLE>": "Too & busy",
		"<html><style>p{}</style><p>Plain <b>words</b>":       "Plain words",
		"Edge: Too Many Requests\r\n":                         "Edge: Too Many Requests",
		"\x00\x01\xff\xfe":                                    "?",
		"":                                                    "",
		strings.Repeat("é", 100):                              strings.Repeat("é", 60) + "...",
	} {
		if got := says([]byte(body)); got != want {
			t.Errorf("%q says %q, want %q", body, got, want)
		}
	}
}
