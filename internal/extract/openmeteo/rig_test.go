package openmeteo

import (
	"compress/gzip"
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/state"
)

// today is after every real file here.
var today = time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)

// rig is a landing zone, a state file and an upstream to extract from.
type rig struct {
	t      testing.TB
	root   string
	answer http.HandlerFunc
	onStep func(step string) error
	limits extract.Limits
	now    time.Time
	state  *state.Store

	mu    sync.Mutex
	asked []string        // method and path of each request
	slept []time.Duration // between tries
}

func newRig(t testing.TB, answer http.HandlerFunc) *rig {
	t.Helper()
	r := &rig{t: t, root: filepath.Join(t.TempDir(), "landing"), answer: answer, now: today}
	if _, err := landing.Open(r.root, landing.Options{}); err != nil {
		t.Fatal(err)
	}
	st, err := state.Open(filepath.Join(r.root, ".state.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	r.state = st
	return r
}

func (r *rig) run(w extract.Window) (extract.Result, error) {
	r.t.Helper()
	deps, done := r.deps()
	defer done()
	return extract.Run(r.t.Context(), deps, Source(), w)
}

// deps is what a run works with; done ends its upstream.
func (r *rig) deps() (d extract.Deps, done func()) {
	r.t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.asked = append(r.asked, req.URL.Path+"?"+req.URL.RawQuery)
		r.mu.Unlock()
		r.answer(w, req)
	}))
	r.asked, r.slept = nil, nil
	now := func() time.Time { return r.now }
	zone, err := landing.Open(r.root, landing.Options{Now: now, OnStep: r.onStep})
	if err != nil {
		r.t.Fatal(err)
	}
	client := extract.NewClient(extract.ClientOptions{Upstream: server.URL, Now: now, Limits: r.limits,
		Sleep: func(ctx context.Context, d time.Duration) error { r.slept = append(r.slept, d); return ctx.Err() }})
	return extract.Deps{Zone: zone, State: r.state, Client: client, Now: now, Log: slog.New(slog.NewTextHandler(r.t.Output(), nil))}, server.Close
}

// files lists landed files, quarantined ones and temporaries: all but locks,
// manifests and the state.
func (r *rig) files() []string {
	r.t.Helper()
	var list []string
	err := filepath.WalkDir(r.root, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(r.root, path)
		if err == nil && !d.IsDir() && !strings.HasPrefix(name, ".lock") && !strings.HasPrefix(name, ".manifest") && !strings.HasPrefix(name, ".state") {
			list = append(list, name)
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	sort.Strings(list)
	return list
}

func (r *rig) manifests() int {
	list, err := filepath.Glob(filepath.Join(r.root, ".manifest", "*", "*.jsonl"))
	if err != nil {
		r.t.Fatal(err)
	}
	return len(list)
}

// realFile is a publisher's file, or a loud skip.
func realFile(t testing.TB, name string) []byte {
	t.Helper()
	data := os.Getenv("MATERIA_REAL_DATA")
	if data == "" {
		root, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for ; ; root = filepath.Dir(root) {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			} else if root == filepath.Dir(root) {
				t.Fatal("no go.mod above the test")
			}
		}
		data = filepath.Join(root, "..", "shared", "data")
	}
	body, err := os.ReadFile(filepath.Join(data, name))
	if err != nil {
		t.Skipf("SKIPPED: real upstream files not found at %s (set MATERIA_REAL_DATA): %v", data, err)
	}
	return body
}

// gunzip is the content of a landed file.
func (r *rig) gunzip(name string) []byte {
	r.t.Helper()
	f, err := os.Open(filepath.Join(r.root, name))
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		r.t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		r.t.Fatal(err)
	}
	return text
}

func (r *rig) remove(name string) {
	r.t.Helper()
	if err := os.Remove(filepath.Join(r.root, name)); err != nil {
		r.t.Fatal(err)
	}
}
