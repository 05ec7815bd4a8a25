package icestocks

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

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/state"
	"beanflows.coffee/materia/internal/upstream"
)

// rig is a landing zone, a state file and an upstream to extract from.
type rig struct {
	t      testing.TB
	root   string
	answer http.Handler
	onStep func(step string) error
	now    time.Time
	state  *state.Store

	mu    sync.Mutex
	asked []string // path of each request
}

// newRig asks the sample upstream on a day after its report is out; nil stands
// for it.
func newRig(t testing.TB, answer http.Handler, now time.Time) *rig {
	t.Helper()
	if answer == nil {
		server := upstream.New(upstream.Options{Now: func() time.Time { return now }})
		t.Cleanup(func() { server.Close() })
		answer = server
	}
	r := &rig{t: t, root: filepath.Join(t.TempDir(), "landing"), answer: answer, now: now}
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
	return extract.Run(r.t.Context(), r.deps(), Source(), w)
}

func (r *rig) deps() extract.Deps {
	r.t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.asked = append(r.asked, strings.TrimPrefix(req.URL.Path, "/www.ice.com/publicdocs/futures_us_reports/coffee/"))
		r.mu.Unlock()
		r.answer.ServeHTTP(w, req)
	}))
	r.t.Cleanup(server.Close)
	r.asked = nil
	now := func() time.Time { return r.now }
	zone, err := landing.Open(r.root, landing.Options{Now: now, OnStep: r.onStep})
	if err != nil {
		r.t.Fatal(err)
	}
	client := extract.NewClient(extract.ClientOptions{Upstream: server.URL, Now: now, Limits: extract.Limits{Tries: 2},
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
	return extract.Deps{Zone: zone, State: r.state, Client: client, Now: now, Log: slog.New(slog.NewTextHandler(r.t.Output(), nil))}
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

// read is the content of a landed file.
func (r *rig) read(name string) string {
	r.t.Helper()
	f, err := os.Open(filepath.Join(r.root, name))
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(name, "gz") {
		if in, err = gzip.NewReader(f); err != nil {
			r.t.Fatal(err)
		}
	}
	text, err := io.ReadAll(in)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

func at(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err)
	}
	return t
}

func days(since, until string) extract.Window {
	return extract.Window{Since: at(since + " 00:00"), Until: at(until + " 00:00")}
}
