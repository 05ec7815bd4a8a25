// Package extracttest is what the tests of every source stand on: a landing zone
// and a state file of their own, and an upstream on loopback that hears what is
// asked.
//
// It knows no source, and nothing that ships may import it.
package extracttest

import (
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/state"
)

// Rig is a source with a zone, a state and an upstream. Its fields may change
// between runs.
type Rig struct {
	T      testing.TB
	Source extract.Source
	Root   string // of the zone
	State  *state.Store
	Now    time.Time
	Answer http.HandlerFunc // the upstream, asked for /HOST/PATH
	Limits extract.Limits
	OnStep func(step string) error // of the zone

	// Of the last run: what was asked, without the beginning Trim, and the waits
	// between tries.
	Trim  string
	Asked []string
	Slept []time.Duration

	mu sync.Mutex // over Asked: the upstream answers on goroutines of its own
}

// Today is a day after every real file.
func Today() time.Time { return time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC) }

// New makes a rig that lives on Today.
func New(t testing.TB, src extract.Source, answer http.HandlerFunc) *Rig {
	t.Helper()
	r := &Rig{T: t, Source: src, Root: filepath.Join(t.TempDir(), "landing"), Answer: answer, Now: Today()}
	if _, err := landing.Open(r.Root, landing.Options{}); err != nil {
		t.Fatal(err)
	}
	st, err := state.Open(filepath.Join(r.Root, ".state.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	r.State = st
	return r
}

// Run extracts once, with an upstream that ends with the run.
func (r *Rig) Run(w extract.Window) (extract.Result, error) {
	r.T.Helper()
	deps, done := r.open()
	defer done()
	return extract.Run(r.T.Context(), deps, r.Source, w)
}

// Deps is what a run works with; its upstream ends with the test.
func (r *Rig) Deps() extract.Deps {
	r.T.Helper()
	deps, done := r.open()
	r.T.Cleanup(done)
	return deps
}

func (r *Rig) open() (deps extract.Deps, done func()) {
	r.T.Helper()
	r.Asked, r.Slept = nil, nil
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		asked := req.URL.Path
		if req.URL.RawQuery != "" {
			asked += "?" + req.URL.RawQuery
		}
		r.mu.Lock()
		r.Asked = append(r.Asked, strings.TrimPrefix(asked, r.Trim))
		r.mu.Unlock()
		r.Answer(w, req)
	}))
	now := func() time.Time { return r.Now }
	zone, err := landing.Open(r.Root, landing.Options{Now: now, OnStep: r.OnStep})
	if err != nil {
		r.T.Fatal(err)
	}
	client := extract.NewClient(extract.ClientOptions{Upstream: server.URL, Now: now, Limits: r.Limits,
		Sleep: func(ctx context.Context, d time.Duration) error { r.Slept = append(r.Slept, d); return ctx.Err() }})
	return extract.Deps{Zone: zone, State: r.State, Client: client, Now: now, Log: slog.New(slog.NewTextHandler(r.T.Output(), nil))}, server.Close
}

// Query is a parameter of the nth request of the last run.
func (r *Rig) Query(n int, name string) string {
	r.T.Helper()
	if n >= len(r.Asked) {
		r.T.Fatalf("asked %q only", r.Asked)
	}
	u, err := url.Parse(r.Asked[n])
	if err != nil {
		r.T.Fatal(err)
	}
	return u.Query().Get(name)
}

// Files lists landed files, quarantined ones and temporaries: all but locks,
// manifests and the state.
func (r *Rig) Files() []string {
	r.T.Helper()
	var list []string
	err := filepath.WalkDir(r.Root, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(r.Root, path)
		if err == nil && !d.IsDir() && !strings.HasPrefix(name, ".lock") && !strings.HasPrefix(name, ".manifest") && !strings.HasPrefix(name, ".state") {
			list = append(list, name)
		}
		return err
	})
	if err != nil {
		r.T.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// Manifests counts them.
func (r *Rig) Manifests() int {
	r.T.Helper()
	list, err := filepath.Glob(filepath.Join(r.Root, ".manifest", "*", "*.jsonl"))
	if err != nil {
		r.T.Fatal(err)
	}
	return len(list)
}

// LastRun is the source's newest row.
func (r *Rig) LastRun() state.Run {
	r.T.Helper()
	run, ok, err := r.State.LastRun(r.T.Context(), r.Source.Name)
	if err != nil || !ok {
		r.T.Fatalf("last run: %v %v", ok, err)
	}
	return run
}

// Read is the uncompressed content of a landed file.
func (r *Rig) Read(name string) []byte {
	r.T.Helper()
	body, err := os.ReadFile(filepath.Join(r.Root, name))
	if err == nil && (strings.HasSuffix(name, "gz") || strings.HasSuffix(name, "gzip")) {
		body, err = gunzip(body)
	}
	if err != nil {
		r.T.Fatal(err)
	}
	return body
}

// Remove loses a file of the zone.
func (r *Rig) Remove(name string) {
	r.T.Helper()
	if err := os.Remove(filepath.Join(r.Root, name)); err != nil {
		r.T.Fatal(err)
	}
}
