package upstream

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // a machine without zone files still knows New York's midnight
)

// OriginHeader says on every answer where its data comes from: Origin.
const (
	OriginHeader = "X-Materia-Origin"
	Origin       = "sample"
)

// Options says what to invent. The zero value serves today.
type Options struct {
	Today        time.Time        // the day that is served (its date; the clock stands at 13:00 New York); zero: the machine's
	Now          func() time.Time // a clock in its place, for a server that lives through days; Today is then not read
	Since        int              // first year of prices; zero: 2000
	Seed         uint64           // other seed, other figures
	FirstArchive time.Time        // month of the oldest PSD archive; zero: five years before today
	ExtraRows    int              // at least so many rows of other commodities in psd_alldata_csv; zero: 3,000
}

// Request is one answered request. Path is /HOST/PATH?QUERY as asked; Bytes is
// the length of the body sent, 0 for HEAD and 304.
type Request struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Status int    `json:"status"`
	Bytes  int    `json:"bytes"`
}

// Server answers like the publishers. It is safe for concurrent use.
type Server struct {
	options Options
	newYork *time.Location
	closed  chan struct{}
	closing sync.Once

	mu       sync.Mutex
	requests []Request
	faults   []Fault

	files  fileCache
	prices priceCache

	warehouses stockCache
}

var _ http.Handler = (*Server)(nil)

// New makes a server. It generates nothing before it is asked.
func New(o Options) *Server {
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		panic(fmt.Sprintf("upstream: the embedded time zones lack New York: %v", err))
	}
	if o.Now == nil {
		today := o.Today
		if today.IsZero() {
			today = time.Now().In(newYork)
		}
		moment := time.Date(today.Year(), today.Month(), today.Day(), 13, 0, 0, 0, newYork)
		o.Now = func() time.Time { return moment }
	}
	o.Since = cmp.Or(o.Since, 2000)
	o.ExtraRows = cmp.Or(o.ExtraRows, 3000)
	if o.FirstArchive.IsZero() {
		o.FirstArchive = o.Now().AddDate(-5, 0, 0)
	}
	return &Server{options: o, newYork: newYork, closed: make(chan struct{})}
}

// Close lets go of answers that stall on purpose; the server goes on answering.
func (s *Server) Close() error {
	s.closing.Do(func() { close(s.closed) })
	return nil
}

// Requests is a copy of what was asked so far, in order of answer. Requests to
// the server's own /__ pages are not in it.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *Server) log(r *http.Request, status, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{r.Method, r.URL.RequestURI(), status, bytes})
}

// answer is what a publisher says, before anything goes wrong on the way.
type answer struct {
	status   int
	kind     string // Content-Type
	body     []byte
	etag     string // empty: none is sent
	modified time.Time
	header   map[string]string // further headers
}

// ServeHTTP answers GET and HEAD at /HOST/PATH?QUERY.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(OriginHeader, Origin)
	switch r.URL.Path {
	case "/__requests":
		writeJSON(w, http.StatusOK, append([]Request{}, s.Requests()...))
		return
	case "/__faults":
		s.serveFaults(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		s.send(w, r, answer{status: http.StatusMethodNotAllowed, kind: "text/plain", body: []byte("Method Not Allowed\r\n")}, Fault{})
		return
	}
	fault := s.takeFault(r.URL)
	a, ok := fault.instead()
	if !ok {
		a = fault.spoil(s.answer(r, fault))
	}
	s.send(w, r, a, fault)
}

// answer finds the publisher by host.
func (s *Server) answer(r *http.Request, fault Fault) answer {
	host, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch host {
	case "apps.fas.usda.gov":
		return s.psd(path, fault)
	case "query1.finance.yahoo.com", "query2.finance.yahoo.com":
		return s.chart(path, r, fault)
	case "www.cftc.gov":
		if year := legacyPath.FindStringSubmatch(path); year != nil {
			return s.cotLegacy(year[1], fault)
		}
		return s.cot(path, fault)
	case "archive-api.open-meteo.com":
		return s.archive(path, r, fault)
	case "www.ice.com":
		return s.ice(path, fault)
	}
	return notFound()
}

func notFound() answer {
	return answer{status: http.StatusNotFound, kind: "text/html",
		body: []byte("<!DOCTYPE html><html><body><h1>404 - Not Found</h1></body></html>")}
}

// send writes the answer, or 304 where the client has it, and logs it.
func (s *Server) send(w http.ResponseWriter, r *http.Request, a answer, fault Fault) {
	h := w.Header()
	for name, value := range a.header {
		h.Set(name, value)
	}
	if a.etag != "" {
		h.Set("ETag", a.etag)
	}
	if !a.modified.IsZero() {
		h.Set("Last-Modified", a.modified.UTC().Format(http.TimeFormat))
	}
	if a.status == http.StatusOK && unchanged(r, a) {
		fault.setHeader(h)
		w.WriteHeader(http.StatusNotModified)
		s.log(r, http.StatusNotModified, 0)
		return
	}
	h.Set("Content-Type", a.kind)
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	fault.setHeader(h)
	w.WriteHeader(a.status)
	if r.Method == http.MethodHead {
		s.log(r, a.status, 0)
		return
	}
	// Logged before the body: a client that has its answer finds it in the log.
	s.log(r, a.status, fault.length(len(a.body)))
	s.deliver(w, r, a.body, fault)
}

// unchanged reports whether the client's validators hold. If-None-Match wins
// over If-Modified-Since (RFC 9110, 13.2.2).
func unchanged(r *http.Request, a answer) bool {
	if match := r.Header.Get("If-None-Match"); match != "" && a.etag != "" {
		for one := range strings.SplitSeq(match, ",") {
			one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
			if one == a.etag || one == "*" {
				return true
			}
		}
		return false
	}
	since, err := http.ParseTime(r.Header.Get("If-Modified-Since"))
	return err == nil && !a.modified.IsZero() && !a.modified.Truncate(time.Second).After(since)
}

// etagOf is a strong validator of the bytes.
func etagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:8]) + `"`
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // a client that left is no concern of ours
}
