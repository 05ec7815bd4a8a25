package extract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/state"
)

var noon = time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)

// bench is a zone with a state, and a source that is a function.
type bench struct {
	t      *testing.T
	deps   Deps
	server *httptest.Server
}

func newBench(t *testing.T, h http.HandlerFunc) *bench {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	now := func() time.Time { return noon }
	zone, err := landing.Open(filepath.Join(t.TempDir(), "landing"), landing.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	st, err := state.Open(filepath.Join(zone.Root(), ".state.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	client := NewClient(ClientOptions{Upstream: server.URL, Limits: Limits{Tries: 2},
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
	return &bench{t: t, server: server, deps: Deps{Zone: zone, State: st, Client: client, Now: now, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}}
}

func (b *bench) run(ctx context.Context, f func(ctx context.Context, s *Session, w Window) error) (Result, state.Run, error) {
	b.t.Helper()
	res, err := Run(ctx, b.deps, Source{Name: "test", Extract: f}, Window{})
	row, _, rerr := b.deps.State.LastRun(b.t.Context(), "test")
	if rerr != nil {
		b.t.Fatal(rerr)
	}
	return res, row, err
}

// land lands what a URL answers, as text.
func land(ctx context.Context, s *Session, name string) error {
	r, err := s.Get(ctx, "https://data.example/"+name, GetOptions{})
	if err != nil {
		return err
	}
	defer r.Close()
	body, err := r.Bytes(1 << 20)
	if err != nil {
		return err
	}
	d, err := s.NewDraft(".txt.gz")
	if err != nil {
		return err
	}
	defer d.Discard()
	if _, err := d.Write(body); err != nil {
		return Stop(r, err)
	}
	_, err = s.Land(ctx, d, landing.Entry{Path: "test/" + name + ".txt.gz", Rows: 1}, r)
	return err
}

func echo(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "content of "+r.URL.Path) }

func TestStatuses(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.Path, "bad"):
			w.WriteHeader(http.StatusForbidden)
		case strings.Contains(r.URL.Path, "down"):
			w.WriteHeader(http.StatusBadGateway)
		default:
			echo(w, r)
		}
	}
	broken := errors.New("the source is broken")
	for _, c := range []struct {
		name   string
		parts  string
		ends   error
		status string
		failed bool // Run returns an error
	}{
		{"all well", "a b", nil, state.Success, false},
		{"nothing asked", "", nil, state.Unchanged, false},
		{"one of two", "a bad1", nil, state.Partial, false},
		{"none of two", "bad1 bad2", nil, state.Failed, true},
		{"the end fails", "a", broken, state.Partial, true},
		{"all fails", "", broken, state.Failed, true},
		{"down at times", "down1 down2 a down3 down4", nil, state.Partial, false},
		{"down", "a down1 down2 down3 b", nil, state.Partial, true},
	} {
		b := newBench(t, h)
		res, row, err := b.run(t.Context(), func(ctx context.Context, s *Session, _ Window) error {
			for _, name := range strings.Fields(c.parts) {
				if err := land(ctx, s, name); err != nil {
					if err := s.Fail(name, err); err != nil {
						return err
					}
				}
			}
			return c.ends
		})
		if res.Status != c.status || row.Status != c.status || (err != nil) != c.failed || row.FinishedAt.IsZero() {
			t.Errorf("%s: %+v, row %+v, %v", c.name, res, row, err)
		}
		if (row.Error != "") != (c.failed || len(res.Failed) > 0) {
			t.Errorf("%s: the row says %q", c.name, row.Error)
		}
		for _, f := range res.Failed {
			if !strings.Contains(row.Error, f) || !strings.Contains(f, ": https://data.example/") || strings.Contains(f, "test: ") {
				t.Errorf("%s: failed %q, the row says %q", c.name, f, row.Error)
			}
		}
		files, ferr := b.deps.State.FilesOf(t.Context(), "test")
		if ferr != nil || len(files) != len(res.Landed) {
			t.Errorf("%s: index of %d files, landed %d, %v", c.name, len(files), len(res.Landed), ferr)
		}
		if strings.Contains(c.parts, "b") && c.name == "down" && len(res.Landed) != 1 {
			t.Errorf("asked after upstream was down: %+v", res.Landed)
		}
	}
}

func TestLockedSourceIsNoRun(t *testing.T) {
	b := newBench(t, echo)
	lock, err := b.deps.Zone.Lock(t.Context(), "test", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	var locked *landing.LockedError
	res, row, err := b.run(t.Context(), nil)
	if !errors.As(err, &locked) || locked.Holder.PID != os.Getpid() || res.RunID != "" || row.ID != "" {
		t.Errorf("%+v, %+v, %v", res, row, err)
	}
}

// A run that is told to stop closes its row and keeps what landed.
func TestFaultInterrupted(t *testing.T) {
	b := newBench(t, echo)
	ctx, cancel := context.WithCancel(t.Context())
	res, row, err := b.run(ctx, func(ctx context.Context, s *Session, _ Window) error {
		for n := range 10 {
			if n == 2 {
				cancel()
			}
			if err := land(ctx, s, fmt.Sprint(n)); err != nil {
				return s.Fail(fmt.Sprint(n), err)
			}
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || res.Status != state.Partial || len(res.Landed) != 2 || row.Status != state.Partial || row.Files != 2 {
		t.Errorf("%+v, %+v, %v", res, row, err)
	}
}

// Without a stand-in all data is live, and a zone of samples refuses before
// anything is asked.
func TestLiveIsRefusedBeforeAsking(t *testing.T) {
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Materia-Origin", "sample")
		echo(w, r)
	})
	one := func(ctx context.Context, s *Session, _ Window) error { return land(ctx, s, "a") }
	if res, _, err := b.run(t.Context(), one); err != nil || res.Landed[0].Origin != "sample" {
		t.Fatalf("%+v, %v", res, err)
	}
	b.deps.Client = NewClient(ClientOptions{})
	res, row, err := b.run(t.Context(), one)
	if !errors.Is(err, errOrigin) || !Fatal(err) || res.Status != state.Failed || !strings.Contains(row.Error, "sample") || !strings.Contains(row.Error, "live") {
		t.Errorf("%+v, %+v, %v", res, row, err)
	}
}

// Answers of two origins never land in one run either.
func TestOriginWithinARun(t *testing.T) {
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "a") {
			w.Header().Set("X-Materia-Origin", "sample")
		}
		echo(w, r)
	})
	res, _, err := b.run(t.Context(), func(ctx context.Context, s *Session, _ Window) error {
		return errors.Join(land(ctx, s, "a"), land(ctx, s, "b"))
	})
	if !errors.Is(err, errOrigin) || len(res.Landed) != 1 {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestAdoptedRunIsKnownInFull: the process died after the file was linked. The
// next run finds file and validators, and does not fetch the content again.
func TestAdoptedRunIsKnownInFull(t *testing.T) {
	sent := 0
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"one"`)
		if r.Header.Get("If-None-Match") == `"one"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		sent++
		echo(w, r)
	})
	died := errors.New("died")
	root := b.deps.Zone.Root()
	zone, err := landing.Open(root, landing.Options{Now: b.deps.Now, OnStep: func(step string) error {
		if strings.HasPrefix(step, "manifest") || strings.HasPrefix(step, "journal remove") {
			return died // as if from here on nothing happened any more
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	whole := b.deps.Zone
	b.deps.Zone = zone
	one := func(ctx context.Context, s *Session, _ Window) error { return land(ctx, s, "a") }
	if _, _, err := b.run(t.Context(), one); !errors.Is(err, died) {
		t.Fatalf("the first run: %v", err)
	}
	b.deps.Zone = whole
	res, _, err := b.run(t.Context(), func(ctx context.Context, s *Session, _ Window) error {
		r, err := s.Get(ctx, "https://data.example/a", GetOptions{Conditional: true})
		if err != nil {
			return err
		}
		defer r.Close()
		if !r.NotModified {
			t.Error("the content was sent again")
		}
		s.Unchanged(r)
		return nil
	})
	if err != nil || res.Status != state.Unchanged || sent != 1 {
		t.Errorf("%+v, %v, sent %d times", res, err, sent)
	}
	files, err := b.deps.State.FilesOf(t.Context(), "test")
	if err != nil || len(files) != 1 || files[0].ETag != `"one"` {
		t.Errorf("index %+v, %v", files, err)
	}
}

// A draft that the disk fails ends the run; what the check refuses does not.
func TestCopyToTellsDiskFromContent(t *testing.T) {
	body := zipOf(t, member{name: "a.csv", text: strings.Repeat("0123456789", 1<<20)}) // many pieces
	full := errors.New("no space left on device")
	wrong := errors.New("wrong content")
	for name, c := range map[string]struct {
		draft, check error
		after        int
		fatal        bool
	}{
		"disk at once":  {full, nil, 0, true},
		"disk later":    {full, nil, 3 << 20, true},
		"check at once": {nil, wrong, 0, false},
		"check later":   {nil, wrong, 3 << 20, false},
		"all well":      {nil, nil, 0, false},
	} {
		b := newBench(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(body) })
		_, row, err := b.run(t.Context(), func(ctx context.Context, s *Session, _ Window) error {
			r, err := s.Get(ctx, "https://data.example/a.zip", GetOptions{})
			if err != nil {
				return err
			}
			defer r.Close()
			m, err := r.UnzipOne()
			if err != nil {
				return err
			}
			defer m.Close()
			draft, check := &failing{err: c.draft, after: c.after}, &failing{err: c.check, after: c.after}
			err = m.CopyTo(ctx, draft, check)
			if err == nil && (draft.n != 10<<20 || check.n != 10<<20) {
				t.Errorf("%s: %d and %d bytes", name, draft.n, check.n)
			}
			return err
		})
		want := errors.Join(c.draft, c.check)
		if (err == nil) != (want == nil) || err != nil && (Fatal(err) != c.fatal || !errors.Is(err, full) && !errors.Is(err, wrong) || !strings.Contains(row.Error, "https://data.example/a.zip")) {
			t.Errorf("%s: %v, fatal %v", name, err, Fatal(err))
		}
	}
	// A run that is stopped stops here too.
	b := newBench(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(body) })
	ctx, cancel := context.WithCancel(t.Context())
	_, _, err := b.run(ctx, func(ctx context.Context, s *Session, _ Window) error {
		r, err := s.Get(ctx, "https://data.example/a.zip", GetOptions{})
		if err != nil {
			return err
		}
		defer r.Close()
		m, err := r.UnzipOne()
		if err != nil {
			return err
		}
		defer m.Close()
		return m.CopyTo(ctx, io.Discard, &failing{then: cancel})
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
}

// failing takes after bytes, then fails with err; then is called at each write.
type failing struct {
	err      error
	after, n int
	then     func()
}

func (f *failing) Write(p []byte) (int, error) {
	if f.then != nil {
		f.then()
	}
	if f.err != nil && f.n+len(p) > f.after {
		return 0, f.err
	}
	f.n += len(p)
	return len(p), nil
}

// A settled URL is not asked again, and not remembered in a zone that is empty:
// that may be another origin's next.
func TestSettledOnlyInAZoneWithData(t *testing.T) {
	n := 0
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "old") {
			n++
			w.WriteHeader(http.StatusNotFound)
			return
		}
		echo(w, r)
	})
	old := func(ctx context.Context, s *Session) error {
		_, err := s.Get(ctx, "https://data.example/old", GetOptions{Month: noon.AddDate(-1, 0, 0)})
		if !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("want not found: %w", err)
		}
		s.Absent("old")
		return nil
	}
	for range 2 {
		if res, _, err := b.run(t.Context(), func(ctx context.Context, s *Session, _ Window) error { return old(ctx, s) }); err != nil || res.Status != state.Unchanged || len(res.Absent) != 1 {
			t.Fatalf("%+v, %v", res, err)
		}
	}
	if n != 2 {
		t.Errorf("an empty zone remembers: asked %d times", n)
	}
	for range 2 {
		if _, _, err := b.run(t.Context(), func(ctx context.Context, s *Session, _ Window) error {
			return errors.Join(old(ctx, s), land(ctx, s, "a"))
		}); err != nil {
			t.Fatal(err)
		}
	}
	if n != 3 {
		t.Errorf("asked %d times", n)
	}
}

func TestReleased(t *testing.T) {
	for text, ok := range map[string]bool{
		"Tue, 20 Dec 2022 19:00:00 GMT": true,
		"Wed, 22 Jul 2037 19:00:00 GMT": false, // after noon of 2026-02-01
		"Thu, 01 Jan 1970 00:00:00 GMT": false,
		"2022-12-20":                    false,
		"":                              false,
	} {
		if got := released(http.Header{"Last-Modified": {text}}, noon); (got != nil) != ok {
			t.Errorf("%q: %v", text, got)
		}
	}
}
