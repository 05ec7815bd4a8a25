package upstream

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Kind names what goes wrong.
type Kind string

// The kinds. Those that edit content keep the rest of the file whole: a PSD
// file is zipped again with the right CRC, a chart stays valid JSON, a stock
// report a workbook whose columns are its ports (default ANT).
const (
	Status         Kind = "status"          // answers Status (default 500), with RetryAfter and Location if set
	HTML200        Kind = "html200"         // a page of apology with status 200 and text/html
	Redirect       Kind = "redirect"        // Status (default 302) to Location
	Truncate       Kind = "truncate"        // sends the first Bytes bytes of the promised length, then cuts the connection
	Stall          Kind = "stall"           // sends the head and Bytes bytes, then nothing until the client gives up
	Drip           Kind = "drip"            // sends Bytes bytes (default 1) every EveryMS milliseconds (default 100)
	Short          Kind = "short"           // a file that itself ends after Bytes bytes, its length honestly announced
	Corrupt        Kind = "corrupt"         // inverts 16 bytes in the middle of the file
	WrongMagic     Kind = "wrong_magic"     // a file that is something else from its first byte on
	NoValidators   Kind = "no_validators"   // neither ETag nor Last-Modified
	WrongETag      Kind = "wrong_etag"      // an ETag that says nothing: "same" for all content
	WrongType      Kind = "wrong_type"      // Column (default Value or close) holds To (default n/a; in JSON a number stays one), in the first Rows rows (default all)
	RenameColumn   Kind = "rename_column"   // Column (default Value or close) is called To (default Amount)
	DropColumn     Kind = "drop_column"     // Column (default Value or close) is gone
	AddColumn      Kind = "add_column"      // a column To (default Note) follows the others
	ReorderColumns Kind = "reorder_columns" // the columns run backwards
	FewerRows      Kind = "fewer_rows"      // the first Rows rows or bars only (default a tenth)
	Revise         Kind = "revise"          // the newest figures are others
	Limit          Kind = "limit"           // weather: 429 of the counter To: Minutely (default), Hourly or Daily
	BrokenJSON     Kind = "broken_json"     // weather: 200, and an error's text inside a document that breaks off
	Header         Kind = "header"          // the header To, "Name: value"; without a value it is left out
	Duplicates     Kind = "duplicates"      // the first Rows rows or bars (default a tenth) again at the end
	Empty          Kind = "empty"           // a valid file without rows or bars
	BOM            Kind = "bom"             // the text begins with a byte order mark
	CP1252         Kind = "cp1252"          // a character of the text is not UTF-8
)

// Fault is one thing that goes wrong with answers whose /HOST/PATH?QUERY begins
// with Path, the next Times of them (0: until cleared). The first fault that fits an
// answer is the only one that it suffers.
type Fault struct {
	Path       string `json:"path"`
	Kind       Kind   `json:"kind"`
	Times      int    `json:"times,omitempty"`
	Status     int    `json:"status,omitempty"`
	Location   string `json:"location,omitempty"`
	RetryAfter string `json:"retry_after,omitempty"` // seconds or a date, sent as it stands
	Bytes      int    `json:"bytes,omitempty"`
	EveryMS    int    `json:"every_ms,omitempty"`
	Column     string `json:"column,omitempty"` // as in the CSV header, or open, high, low, close, volume, timestamp
	To         string `json:"to,omitempty"`
	Rows       int    `json:"rows,omitempty"`
}

var kinds = [...]Kind{Status, HTML200, Redirect, Truncate, Stall, Drip, Short, Corrupt, WrongMagic, NoValidators,
	WrongETag, WrongType, RenameColumn, DropColumn, AddColumn, ReorderColumns, FewerRows, Revise,
	Limit, BrokenJSON, Header, Duplicates, Empty, BOM, CP1252}

func (f Fault) check() error {
	switch {
	case !slices.Contains(kinds[:], f.Kind):
		return fmt.Errorf("upstream: fault kind %q is none of %v", f.Kind, kinds)
	case f.Kind == Redirect && f.Location == "":
		return fmt.Errorf("upstream: fault redirect needs a location")
	case f.Kind == Header && !strings.Contains(f.To, ":"):
		return fmt.Errorf("upstream: fault header needs to: \"Name: value\"")
	case f.Times < 0 || f.Bytes < 0 || f.EveryMS < 0 || f.Rows < 0:
		return fmt.Errorf("upstream: fault %s: negative times, bytes, every_ms or rows", f.Kind)
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("upstream: fault %s: status %d is not in 200 to 599", f.Kind, f.Status)
	}
	return nil
}

// SetFaults replaces all faults; without arguments all is well again. One that
// makes no sense is an error and changes nothing.
func (s *Server) SetFaults(faults ...Fault) error {
	for _, f := range faults {
		if err := f.check(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = slices.Clone(faults)
	return nil
}

// AddFaults adds faults after those that stand.
func (s *Server) AddFaults(faults ...Fault) error {
	for _, f := range faults {
		if err := f.check(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
	return nil
}

// Faults is a copy of what stands; Times counts what is left.
func (s *Server) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Fault{}, s.faults...)
}

// takeFault finds the fault of a request and uses it once. The zero Fault does
// nothing.
func (s *Server) takeFault(asked *url.URL) Fault {
	address := asked.Path + "?" + asked.RawQuery
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if !strings.HasPrefix(address, "/"+strings.TrimPrefix(f.Path, "/")) {
			continue
		}
		switch f.Times {
		case 0: // for good
		case 1:
			s.faults = slices.Delete(s.faults, i, i+1)
		default:
			s.faults[i].Times--
		}
		return f
	}
	return Fault{}
}

func (s *Server) serveFaults(w http.ResponseWriter, r *http.Request) {
	refuse := func(status int, err error) { writeJSON(w, status, map[string]string{"error": err.Error()}) }
	switch r.Method {
	case http.MethodGet:
	case http.MethodDelete:
		_ = s.SetFaults() // nothing to refuse
	case http.MethodPost:
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			refuse(http.StatusBadRequest, err)
			return
		}
		if text = bytes.TrimSpace(text); !bytes.HasPrefix(text, []byte("[")) {
			text = slices.Concat([]byte("["), text, []byte("]"))
		}
		var faults []Fault
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err = d.Decode(&faults); err == nil {
			err = s.AddFaults(faults...)
		}
		if err != nil {
			refuse(http.StatusBadRequest, err)
			return
		}
	default:
		refuse(http.StatusMethodNotAllowed, fmt.Errorf("upstream: %s /__faults: GET, POST and DELETE only", r.Method))
		return
	}
	writeJSON(w, http.StatusOK, s.Faults())
}

// instead is the answer of a fault that needs no content.
func (f Fault) instead() (answer, bool) {
	a := answer{kind: "text/html", header: map[string]string{}}
	if f.RetryAfter != "" {
		a.header["Retry-After"] = f.RetryAfter
	}
	if f.Location != "" {
		a.header["Location"] = f.Location
	}
	switch f.Kind {
	case Status:
		a.status, a.kind = cmp.Or(f.Status, http.StatusInternalServerError), "text/plain"
		a.body = []byte(http.StatusText(a.status) + "\r\n")
	case HTML200:
		a.status = http.StatusOK
		a.body = []byte("<!DOCTYPE html><html><head><title>Service unavailable</title></head><body><h1>We will be back soon</h1></body></html>")
	case Redirect:
		a.status = cmp.Or(f.Status, http.StatusFound)
	default:
		return answer{}, false
	}
	if a.status == http.StatusNoContent || a.status == http.StatusNotModified {
		a.body = nil // neither may carry one
	}
	return a, true
}

// spoil damages a whole answer. Errors keep their own words.
func (f Fault) spoil(a answer) answer {
	if a.status != http.StatusOK {
		return a
	}
	switch f.Kind {
	case Short:
		a.body = a.body[:min(f.Bytes, len(a.body))]
	case Corrupt:
		a.body = slices.Clone(a.body) // the cache has the original
		middle := len(a.body) / 2
		for i := middle; i < min(middle+16, len(a.body)); i++ {
			a.body[i] ^= 0xff
		}
	case WrongMagic:
		a.body = []byte("%PDF-1.7 this is not the file you wanted\n")
	case NoValidators:
		a.etag, a.modified = "", time.Time{}
		return a
	case WrongETag:
		a.etag = `"same"`
		return a
	default:
		return a
	}
	if a.etag != "" {
		a.etag = etagOf(a.body)
	}
	a.modified = later(a.modified) // other bytes: an If-Modified-Since must not hide them
	return a
}

// later is when content that a fault changed was published: an hour after the
// original, so still in its month.
func later(published time.Time) time.Time {
	if published.IsZero() {
		return published
	}
	return published.Add(time.Hour)
}

// length is how many bytes of a body leave the house.
func (f Fault) length(whole int) int {
	if f.Kind == Truncate || f.Kind == Stall {
		return min(f.Bytes, whole)
	}
	return whole
}

// deliver writes the body in the manner of the fault. Fewer bytes than the
// promised length make net/http cut the connection.
func (s *Server) deliver(w http.ResponseWriter, r *http.Request, body []byte, f Fault) {
	flush := http.NewResponseController(w).Flush
	switch f.Kind {
	case Stall:
		_, _ = w.Write(body[:f.length(len(body))])
		_ = flush()
		select {
		case <-r.Context().Done():
		case <-s.closed:
		}
	case Drip:
		tick := time.NewTicker(time.Duration(cmp.Or(f.EveryMS, 100)) * time.Millisecond)
		defer tick.Stop()
		for chunk := range slices.Chunk(body, cmp.Or(f.Bytes, 1)) {
			select {
			case <-r.Context().Done():
				return
			case <-s.closed:
				return
			case <-tick.C:
			}
			if _, err := w.Write(chunk); err != nil {
				return
			}
			_ = flush()
		}
	default:
		_, _ = w.Write(body[:f.length(len(body))]) // a client that left is no concern of ours
	}
}
