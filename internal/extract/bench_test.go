package extract

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/state"
)

// BenchmarkHundredThousandFiles measures a zone after some twenty years: 100,000
// files of 20,000 runs. s-ready is what a process needs before its first request,
// s-unchanged a run that finds nothing new, s-rebuild the index from the manifests, and
// x-100 how much longer an unchanged run takes than in a zone of 1,000 files.
func BenchmarkHundredThousandFiles(b *testing.B) {
	large, small := bigZone(b, 20_000, 5), bigZone(b, 200, 5)
	for b.Loop() {
		began := time.Now()
		zone, st := openZone(b, large)
		if _, err := zone.Origin(); err != nil {
			b.Fatal(err)
		}
		ready := time.Since(began)
		began = time.Now()
		entries := 0
		var files []state.File
		for e, err := range zone.Entries() {
			if err != nil {
				b.Fatal(err)
			}
			entries++
			files = append(files, file(e))
		}
		if err := st.Rebuild(b.Context(), files); err != nil || entries != 100_000 {
			b.Fatal(entries, err)
		}
		rebuild := time.Since(began)
		st.Close()
		of := unchangedRun(b, large)
		b.ReportMetric(ready.Seconds(), "s-ready")
		b.ReportMetric(rebuild.Seconds(), "s-rebuild")
		b.ReportMetric(of.Seconds(), "s-unchanged")
		b.ReportMetric(float64(of)/float64(unchangedRun(b, small)), "x-100")
	}
}

func openZone(b *testing.B, root string) (*landing.Zone, *state.Store) {
	b.Helper()
	zone, err := landing.Open(root, landing.Options{})
	if err != nil {
		b.Fatal(err)
	}
	st, err := state.Open(filepath.Join(root, ".state.sqlite"))
	if err != nil {
		b.Fatal(err)
	}
	return zone, st
}

// unchangedRun is how long a run takes where upstream has nothing new.
func unchangedRun(b *testing.B, root string) time.Duration {
	b.Helper()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.Header.Get("If-None-Match") == "" {
			b.Error("the request is not conditional")
		}
		w.WriteHeader(http.StatusNotModified)
	}))
	defer server.Close()
	zone, st := openZone(b, root)
	defer st.Close()
	src := Source{Name: "test", Extract: func(ctx context.Context, s *Session, _ Window) error {
		r, err := s.Get(ctx, "https://data.example/newest", GetOptions{Conditional: true})
		if err != nil {
			return err
		}
		defer r.Close()
		s.Unchanged(r)
		return nil
	}}
	client := NewClient(ClientOptions{Upstream: server.URL})
	began := time.Now()
	res, err := Run(b.Context(), Deps{Zone: zone, State: st, Client: client, Now: time.Now}, src, Window{})
	took := time.Since(began)
	if err != nil || res.Status != state.Unchanged || asked != 1 {
		b.Fatal(res, err, asked)
	}
	return took
}

// bigZone has that many manifests; of its files only the newest exists, which is
// all that a run looks at.
func bigZone(b *testing.B, runs, files int) string {
	b.Helper()
	root := b.TempDir()
	at := time.Date(2006, 1, 1, 12, 0, 0, 0, time.UTC)
	for n := range runs {
		at = at.Add(8 * time.Hour)
		run := fmt.Sprintf("%s-test-%08x", at.Format("20060102T150405Z"), n)
		var text []byte
		for i := range files {
			e := landing.Entry{Path: fmt.Sprintf("test/%d/%d-%d.csv.gz", n%100, n, i), Source: "test", SHA256: fmt.Sprintf("%064x", n*files+i), Bytes: 1000, Rows: 10,
				LandedAt: at, URL: fmt.Sprintf("https://data.example/%d/%d", n, i), Validators: landing.Validators{ETag: `"e"`}, Origin: "replay", Run: run}
			if n == runs-1 && i == files-1 {
				e.URL = "https://data.example/newest"
				if err := os.MkdirAll(filepath.Join(root, filepath.Dir(e.Path)), 0o755); err != nil {
					b.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(root, e.Path), nil, 0o444); err != nil {
					b.Fatal(err)
				}
			}
			line, err := json.Marshal(e)
			if err != nil {
				b.Fatal(err)
			}
			text = append(append(text, line...), '\n')
		}
		dir := filepath.Join(root, ".manifest", at.Format("2006"))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, run+".jsonl"), text, 0o444); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, ".manifest", ".origin"), []byte("replay\n"), 0o444); err != nil {
		b.Fatal(err)
	}
	zone, st := openZone(b, root)
	defer st.Close()
	var index []state.File
	for e, err := range zone.Entries() {
		if err != nil {
			b.Fatal(err)
		}
		index = append(index, file(e))
	}
	if err := st.Rebuild(b.Context(), index); err != nil {
		b.Fatal(err)
	}
	return root
}
