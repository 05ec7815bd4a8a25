package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"beanflows.coffee/materia/internal/serving"
)

const (
	maxQueryBytes = 512 // the longest own query has a dozen
	maxPathBytes  = 256
	maxOtherPages = 256              // renderings kept a snapshot besides the default pages
	maxRenders    = 4                // pages written at the same time
	renderTimeout = 15 * time.Second // for all queries of a page together
)

// Options are what the dashboard needs besides its data.
type Options struct {
	Log     *slog.Logger
	Now     func() time.Time // what is late is judged by it
	Version string           // printed in the footer
}

type site struct {
	reader  *serving.Reader
	log     *slog.Logger
	now     func() time.Time
	version string
	build   string

	pages     map[string]*page
	templates *templates
	assets    *assets
	renders   chan struct{}

	mu  sync.Mutex
	gen *generation
}

// New returns the dashboard over r: pages, static files and /healthz. It panics
// when the files compiled into it do not parse, which its tests rule out.
func New(r *serving.Reader, o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &site{reader: r, log: o.Log, now: o.Now, version: o.Version, pages: map[string]*page{}, renders: make(chan struct{}, maxRenders)}
	var err error
	if s.assets, err = loadAssets(); err == nil {
		if s.templates, err = loadTemplates(sitePages()); err == nil {
			s.build, err = buildHash(program(o.Version))
		}
	}
	if err != nil {
		panic(err)
	}
	for _, p := range sitePages() {
		s.pages[p.path] = &p
	}
	return s
}

// program names the code that writes the pages. A build of uncommitted code has
// no name of its own, so it takes the moment of its start.
func program(version string) string {
	revision, dirty := "", true
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				revision = s.Value
			case "vcs.modified":
				dirty = s.Value != "false"
			}
		}
	}
	if revision == "" || dirty {
		revision += time.Now().String()
	}
	return version + " " + revision
}

// ServeHTTP answers GET and HEAD; everything else is refused by name.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setSecurityHeaders(w.Header())
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler { //nolint:errorlint // the documented sentinel
				panic(p)
			}
			s.log.Error("page panicked", "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			s.refuse(w, r, refusalBroken)
		}
	}()
	if len(r.URL.RawQuery) > maxQueryBytes || len(r.URL.Path) > maxPathBytes {
		s.refuse(w, r, refusalTooLong)
		return
	}
	file, isFile := s.assets.byPath[r.URL.Path]
	p, name := s.find(r.URL.Path)
	isPage := p != nil
	isHealth := r.URL.Path == "/healthz"
	if !isFile && !isPage && !isHealth {
		if p, name := s.find(strings.TrimRight(r.URL.Path, "/")); p != nil {
			http.Redirect(w, r, p.path+name, http.StatusMovedPermanently)
			return
		}
		s.refuse(w, r, refusalUnknownPage)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		s.refuse(w, r, refusalMethod)
		return
	}
	switch {
	case isFile:
		s.assets.serve(w, r, file)
	case isHealth:
		s.health(w, r)
	default:
		s.page(w, r, p, name)
	}
}

// find is the page of an address and, for a page that stands for many, the last
// part of the address; nil where there is none.
func (s *site) find(path string) (p *page, name string) {
	if p = s.pages[path]; p != nil && !p.under {
		return p, ""
	}
	cut := strings.LastIndexByte(path, '/') + 1
	if p = s.pages[path[:cut]]; p != nil && p.under && cut < len(path) {
		return p, path[cut:]
	}
	return nil, ""
}

func setSecurityHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
}

// page answers from the newest snapshot, rendering only what nobody asked for
// since it was published.
func (s *site) page(w http.ResponseWriter, r *http.Request, p *page, name string) {
	snap, err := s.reader.Acquire(r.Context())
	if errors.Is(err, serving.ErrNoData) {
		s.emptyPage(w, r, p)
		return
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	defer snap.Release()
	gen, err := s.generation(r.Context(), snap)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	var par params
	if p.params != nil {
		q, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			s.refuse(w, r, refusalQuery)
			return
		}
		if p.under {
			q.Set("name", name)
		}
		var no *refusal
		if par, no = p.params(q, gen); no != nil {
			s.refuse(w, r, *no)
			return
		}
	}
	answer, err := s.answer(r.Context(), snap, gen, p, par)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-cache") // keep it, but ask whether it still holds
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", answer.etag)
	if matches(r, answer.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	writeBody(w, r, http.StatusOK, answer.gzip, nil)
}

// generation returns the current one, replacing it when the file rotated or
// the day changed. Requests still at work on the old one keep it.
func (s *site) generation(ctx context.Context, snap *serving.Snapshot) (*generation, error) {
	today := s.now().UTC().Truncate(day)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gen != nil && s.gen.snapshot == snap.ID && s.gen.today.Equal(today) {
		return s.gen, nil
	}
	g, err := loadGeneration(context.WithoutCancel(ctx), snap, today)
	if err != nil {
		return nil, err
	}
	s.gen = g
	return g, nil
}

func (s *site) answer(ctx context.Context, snap *serving.Snapshot, gen *generation, p *page, par params) (*rendered, error) {
	key := p.path + "?" + par.canonical
	slot, mine := gen.cache.claim(key, par.canonical == "")
	if !mine {
		select {
		case <-slot.done:
			return slot.page, slot.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	var answer *rendered
	err := errors.New("web: the rendering was abandoned")
	// In a defer, so that a panic in a template does not leave others waiting.
	defer func() { gen.cache.fill(key, slot, answer, err) }()
	// Others wait for this rendering: it goes on when its first reader leaves.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renderTimeout)
	defer cancel()
	select {
	case s.renders <- struct{}{}:
		defer func() { <-s.renders }()
	case <-ctx.Done():
		err = ctx.Err()
		return nil, err
	}
	answer, err = s.render(ctx, &reading{db: snap.DB, meta: snap.Meta, gen: gen, params: par, today: gen.today}, p)
	return answer, err
}

func (s *site) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		s.log.Error("page failed", "path", r.URL.Path, "error", err)
	}
	s.refuse(w, r, refusalBroken)
}
