package extract

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/landing"
)

const (
	// downInARow is how many parts may fail by the network, one after another,
	// before a source is taken to be down: a long window would else try for hours.
	downInARow = 3
	// settledAfter is when an absent month counts as final.
	settledAfter = 60 * 24 * time.Hour
	// progressEvery is how often a long window tells how far it is.
	progressEvery = 5 * time.Second
)

// Session is a source's run. One goroutine uses it.
type Session struct {
	Log *slog.Logger

	source Source
	deps   Deps
	batch  *landing.Batch
	result *Result

	origin  string          // of what the zone holds, or of this run's first answer
	put     []landing.Entry // by this run
	earlier []landing.Entry // before this run; nil until asked for
	down    int             // parts in a row that failed by the network
	told    time.Time       // of the last progress line

	window    Window
	decisions []landing.Decision // nil until asked for
	began     time.Time          // of the first progress

	pending []remembered // what upstream said, for after the run's row
	last    landing.Validators
	lastSHA string
}

// remembered is what saves a request next time.
type remembered struct {
	url        string
	validators landing.Validators
	sha        string
	status     int // not 0: this answer is final
}

// GetOptions say how to ask.
type GetOptions struct {
	Accept string
	// Conditional asks for the content only if it differs from what landed from
	// this URL; else the answer is NotModified.
	Conditional bool
	// Tries of the URL; 0: the client's.
	Tries int
	// Month is the month that the URL is about. Once it is old, a 404 is final and
	// the URL is not asked again. Zero: always ask.
	Month time.Time
	// Spacing is the least time between two requests to the host, where that is
	// more than the client's delay. A stand-in on this machine needs none.
	Spacing time.Duration
}

// Now is the time for dates and stamps.
func (s *Session) Now() time.Time { return s.deps.Now().UTC() }

// Get asks for an https URL and returns the whole answer, or an error that names
// source, URL and reason. It wraps ErrNotFound for HTTP 404.
func (s *Session) Get(ctx context.Context, url string, o GetOptions) (*Response, error) {
	r := &Response{URL: url, session: s}
	if s.deps.kept != nil {
		return s.deps.kept.replay(r)
	}
	if err := s.checkOrigin(s.deps.Client.originBefore()); err != nil {
		return nil, r.error(err)
	}
	if !o.Month.IsZero() {
		if is, err := s.deps.State.Settled(ctx, url); err != nil {
			return nil, &stopError{err}
		} else if is {
			return nil, r.error(ErrNotFound)
		}
	}
	ask := request{url: url, accept: o.Accept, tries: o.Tries, spacing: o.Spacing}
	if o.Conditional {
		var err error
		if ask.etag, ask.lastModified, err = s.validators(ctx, url); err != nil {
			return nil, &stopError{err}
		}
	}
	got, err := s.transfer(ctx, ask, r)
	if err == nil && got.status == http.StatusNotModified && contradicts(ask, got.header) {
		s.Log.Debug("not modified, but with other validators: asking for the whole", "url", url)
		ask.etag, ask.lastModified = "", ""
		got, err = s.transfer(ctx, ask, r)
	}
	if got.header != nil {
		if oerr := s.checkOrigin(s.deps.Client.origin(got.header)); oerr != nil {
			r.Close()
			return nil, r.error(oerr)
		}
	}
	if err != nil {
		r.Close()
		if errors.Is(err, ErrNotFound) && !o.Month.IsZero() && s.Now().Sub(o.Month.AddDate(0, 1, 0)) > settledAfter {
			s.pending = append(s.pending, remembered{url: url, status: http.StatusNotFound})
		}
		return nil, r.error(err)
	}
	r.Size, r.NotModified = got.size, got.status == http.StatusNotModified
	r.ContentType = got.header.Get("Content-Type")
	r.Validators = landing.Validators{ETag: got.header.Get("ETag"), LastModified: got.header.Get("Last-Modified")}
	if r.NotModified && r.Validators == (landing.Validators{}) {
		r.Validators = landing.Validators{ETag: ask.etag, LastModified: ask.lastModified}
	}
	r.Released = released(got.header, s.Now())
	return r, nil
}

// transfer asks and spools the body into a file without a name in the zone: it
// goes with the process. A crash before the name is removed leaves a temporary
// that the next run sweeps.
func (s *Session) transfer(ctx context.Context, ask request, r *Response) (answer, error) {
	if r.file == nil {
		dir := filepath.Join(s.deps.Zone.Root(), ".tmp", s.source.Name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return answer{}, &stopError{err}
		}
		f, err := os.CreateTemp(dir, "answer-")
		if err != nil {
			return answer{}, &stopError{err}
		}
		r.file = f
		if err := os.Remove(f.Name()); err != nil {
			return answer{}, &stopError{err}
		}
	}
	return s.deps.Client.fetch(ctx, ask, r.file)
}

// contradicts says that a "not modified" names another version than was asked
// about, by its ETag or by its date: then it says nothing about our content. A
// publisher whose ETag is the same for everything is found out by its date.
func contradicts(ask request, h http.Header) bool {
	etag, modified := h.Get("ETag"), h.Get("Last-Modified")
	return etag != "" && ask.etag != "" && weak(etag) != weak(ask.etag) ||
		modified != "" && ask.lastModified != "" && modified != ask.lastModified
}

func weak(etag string) string {
	if len(etag) > 2 && etag[:2] == "W/" {
		return etag[2:]
	}
	return etag
}

// validators of the content that landed from this URL; empty where there is
// none, or its file is lost: then the content itself is wanted.
func (s *Session) validators(ctx context.Context, url string) (etag, lastModified string, err error) {
	etag, lastModified, sha, ok, err := s.deps.State.Validators(ctx, url)
	if err != nil {
		return "", "", err
	}
	if ok {
		f, landed, err := s.deps.State.FileBySHA(ctx, s.source.Name, sha)
		if err != nil || !landed || !s.lies(f.Path) {
			return "", "", err
		}
		return etag, lastModified, nil
	}
	// The state was rebuilt, or a run died before it could say: the manifests know.
	for _, e := range slices.Backward(s.put) {
		if e.URL == url && s.lies(e.Path) {
			return e.Validators.ETag, e.Validators.LastModified, nil
		}
	}
	files, err := s.deps.State.FilesOfURL(ctx, s.source.Name, url)
	if err != nil {
		return "", "", err
	}
	for _, f := range files {
		if s.lies(f.Path) {
			return f.ETag, f.LastModified, nil
		}
	}
	return "", "", nil
}

// lies says whether a landed file is where its manifest says, or set aside.
func (s *Session) lies(path string) bool {
	_, _, err := s.deps.Zone.File(path)
	return err == nil
}

// SetAside says that an operator took a landed file from the readers: it is no
// measure of what a good answer is.
func (s *Session) SetAside(e landing.Entry) bool {
	_, aside, err := s.deps.Zone.File(e.Path)
	return err == nil && aside
}

// checkOrigin refuses answers of another origin than the zone's. Sample data
// beside live data would end in one table.
func (s *Session) checkOrigin(origin string) error {
	if origin == "" || s.origin == "" || s.origin == origin {
		if s.origin == "" {
			s.origin = origin
		}
		return nil
	}
	return &stopError{fmt.Errorf("%w: this landing zone holds %s data and the origin of the answer is %s; use another LANDING_DIR, or set MATERIA_UPSTREAM as it was",
		errOrigin, s.origin, origin)}
}

// originBefore is the origin of every answer where it is known before asking:
// without a stand-in all is live.
func (c *Client) originBefore() string {
	if c.upstream == nil {
		return "live"
	}
	return ""
}

func (c *Client) origin(h http.Header) string {
	switch {
	case c.upstream == nil:
		return "live"
	case h.Get("X-Materia-Origin") == "sample":
		return "sample"
	}
	return "replay"
}

// Absent notes something that upstream does not have. It is no failure.
func (s *Session) Absent(name string) {
	if s.deps.kept != nil {
		return // nobody was asked
	}
	s.down = 0 // it answered
	s.result.Absent = append(s.result.Absent, name)
}

// Warn notes something that a person should know of data that landed all the
// same.
func (s *Session) Warn(format string, args ...any) {
	s.result.Warnings = append(s.result.Warnings, fmt.Sprintf(format, args...))
}

// Fail notes that a part failed and returns nil where the others may go on. It
// returns an error, to be returned by the source, where they cannot: the time is
// over, the disk fails, the zone is another origin's, or upstream is down.
//
// A part that fails is told to Fail; a source with a single part returns its
// error instead.
func (s *Session) Fail(name string, err error) error {
	if Fatal(err) {
		return err
	}
	if s.deps.kept != nil && errors.Is(err, errNotAsked) {
		return nil
	}
	// Who reads the list knows the source, which the error says for those who do not.
	reason := strings.TrimPrefix(err.Error(), s.source.Name+": ")
	s.result.Failed = append(s.result.Failed, name+": "+reason)
	s.Log.Info("failed", "name", name, "reason", reason)
	var transfer *transferError
	if !errors.As(err, &transfer) {
		s.down = 0
		return nil
	}
	if s.down++; s.down >= downInARow {
		return fmt.Errorf("%s: %d in a row could not be had; the rest was not asked: %w", s.source.Name, s.down, err)
	}
	return nil
}

// Progress says now and then how far a long window is, and how long the rest will
// take at this pace. unit is a plural: months. done counts from 0.
func (s *Session) Progress(done, all int, unit string) {
	now := time.Now()
	if s.began.IsZero() || done == 0 {
		s.began, s.told = now, now
	}
	if now.Sub(s.told) < progressEvery {
		return
	}
	s.told = now
	s.Log.Info(progress(done, all, unit, len(s.put), now.Sub(s.began)))
}

func progress(done, all int, unit string, landed int, took time.Duration) string {
	text := fmt.Sprintf("%d of %d %s, landed %d", done, all, unit, landed)
	if done > 0 && done < all {
		left := took / time.Duration(done) * time.Duration(all-done)
		text += ", about " + max(left.Round(time.Second), time.Second).String() + " left"
	}
	return text
}
