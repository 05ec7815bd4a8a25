package cftccot

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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
	asked []string        // name of each file
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
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.asked = append(r.asked, strings.TrimPrefix(req.URL.Path, "/www.cftc.gov/files/dea/history/"))
		r.mu.Unlock()
		r.answer(w, req)
	}))
	defer server.Close()
	r.asked, r.slept = nil, nil
	now := func() time.Time { return r.now }
	zone, err := landing.Open(r.root, landing.Options{Now: now, OnStep: r.onStep})
	if err != nil {
		r.t.Fatal(err)
	}
	client := extract.NewClient(extract.ClientOptions{Upstream: server.URL, Now: now, Limits: r.limits,
		Sleep: func(ctx context.Context, d time.Duration) error { r.slept = append(r.slept, d); return ctx.Err() }})
	return extract.Run(r.t.Context(), extract.Deps{Zone: zone, State: r.state, Client: client, Now: now,
		Log: slog.New(slog.NewTextHandler(r.t.Output(), nil))}, Source(), w)
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

func (r *rig) lastRun() state.Run {
	r.t.Helper()
	run, ok, err := r.state.LastRun(r.t.Context(), "cot")
	if err != nil || !ok {
		r.t.Fatalf("last run: %v %v", ok, err)
	}
	return run
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

// publish answers like the publisher: one ZIP a name, 404 for others.
func publish(files map[string][]byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, ok := files[filepath.Base(r.URL.Path)]
		if !ok {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, "<!DOCTYPE html><html><title>Page not found</title></html>")
			return
		}
		sum := sha256.Sum256(body)
		etag := `"` + hex.EncodeToString(sum[:8]) + `"`
		w.Header().Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Write(body)
	}
}

func zipOf(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("f_year.txt")
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unzip(t testing.TB, body []byte) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// madeRow is a row of the newest form with every position 1 and the open
// interest that makes them add up.
func madeRow(code, day string) []string {
	row := make([]string, 0, len(columns()))
	for _, name := range columns() {
		switch {
		case name == dateColumn:
			row = append(row, day)
		case name == "CFTC_Contract_Market_Code":
			row = append(row, code)
		case name == "Open_Interest_All":
			row = append(row, "       8")
		case name == "Contract_Units":
			row = append(row, `"(CONTRACTS OF 37,500 POUNDS)"`)
		case strings.Contains(name, "Positions"):
			row = append(row, "       1")
		default:
			row = append(row, "      .")
		}
	}
	return row
}

// madeFile is a file of coffee and another contract, newest report first.
func madeFile(days ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\r\n", strings.Join(columns(), ","))
	for _, code := range []string{"001602", coffeeCode} {
		for _, day := range days {
			fmt.Fprintf(&b, "%s\r\n", strings.Join(madeRow(code, day), ","))
		}
	}
	return b.String()
}
