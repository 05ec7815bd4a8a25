package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func newStore(t *testing.T) *Store {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), ".state.sqlite"))
}

func file(n int, source, run string) File {
	released := noon.Add(-time.Duration(n) * time.Hour)
	f := File{Path: fmt.Sprintf("%s/2026/%04d.csv.gz", source, n), Source: source, SHA256: fmt.Sprintf("%064x", n),
		URL: fmt.Sprintf("https://example.org/%d", n), ETag: fmt.Sprintf(`"%d"`, n), LastModified: "Fri, 30 Jan 2026 23:00:00 GMT",
		Origin: "replay", RunID: run, Bytes: int64(n) * 10, Rows: int64(n), LandedAt: noon.Add(time.Duration(n) * time.Second)}
	if n%2 == 0 {
		f.ReleasedAt = &released
	}
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestExtractionRunsTable holds the table that other programs read to the
// interface's words.
func TestExtractionRunsTable(t *testing.T) {
	s := newStore(t)
	rows, err := s.db.Query(`SELECT name FROM pragma_table_info('extraction_runs') ORDER BY cid`)
	must(t, err)
	defer rows.Close()
	var got []string
	for rows.Next() {
		var name string
		must(t, rows.Scan(&name))
		got = append(got, name)
	}
	want := strings.Split("run_id source started_at finished_at status files bytes rows etag last_modified content_hash warnings error", " ")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	rows.Close()
	for _, status := range []string{"running", "success", "unchanged", "partial", "failed", "crashed"} {
		if _, err := s.db.Exec(`INSERT INTO extraction_runs (run_id, source, started_at, status) VALUES (?, 'psd', '2026-02-01T12:00:00.000Z', ?)`, status, status); err != nil {
			t.Errorf("status %s: %v", status, err)
		}
	}
	if _, err := s.db.Exec(`INSERT INTO extraction_runs (run_id, source, started_at, status) VALUES ('x', 'psd', '', 'done')`); err == nil {
		t.Error("status done was accepted")
	}
}

func TestRunFromStartToFinish(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	if _, ok, err := s.LastRun(ctx, "psd"); ok || err != nil {
		t.Errorf("last run of an empty file: %v %v", ok, err)
	}
	start := Run{ID: "r1", Source: "psd", StartedAt: noon.In(time.FixedZone("NY", -5*3600))}
	must(t, s.StartRun(ctx, start))
	got, ok, err := s.LastRun(ctx, "psd")
	if want := (Run{ID: "r1", Source: "psd", StartedAt: noon, Status: Running}); err != nil || !ok || !cmp.Equal(got, want) {
		t.Errorf("running: %v %v\n%s", ok, err, cmp.Diff(want, got))
	}
	var text string
	must(t, s.db.QueryRow(`SELECT started_at FROM extraction_runs WHERE finished_at IS NULL AND error IS NULL`).Scan(&text))
	if text != "2026-02-01T12:00:00.000Z" {
		t.Errorf("started_at is %q", text)
	}
	if err := s.StartRun(ctx, start); err == nil {
		t.Error("one run started twice")
	}

	done := Run{ID: "r1", Source: "psd", StartedAt: noon, FinishedAt: noon.Add(1500 * time.Millisecond), Status: Partial, Files: 2, Bytes: 30, Rows: 3,
		ETag: `"e"`, LastModified: "Fri", ContentHash: "beef", Warnings: 4, Error: "one month failed"}
	files := []File{file(1, "psd", "r1"), file(2, "psd", "r1")}
	must(t, s.FinishRun(ctx, done, files))
	if got, _, err = s.LastRun(ctx, "psd"); err != nil || !cmp.Equal(got, done) {
		t.Errorf("finished: %v\n%s", err, cmp.Diff(done, got))
	}
	if back, err := s.FilesOf(ctx, "psd"); err != nil || !cmp.Equal(back, files) {
		t.Errorf("files: %v\n%s", err, cmp.Diff(files, back))
	}

	must(t, s.StartRun(ctx, Run{ID: "r2", Source: "prices", StartedAt: noon})) // the same second
	must(t, s.StartRun(ctx, Run{ID: "r3", Source: "psd", StartedAt: noon.Add(time.Hour)}))
	runs, err := s.Runs(ctx, 2)
	if err != nil || len(runs) != 2 || runs[0].ID != "r3" || runs[1].ID != "r2" {
		t.Errorf("newest two: %v %v", runs, err)
	}
	if all, err := s.Runs(ctx, 0); err != nil || len(all) != 3 {
		t.Errorf("all runs: %v %v", all, err)
	}
}

// TestFinishRunIsOneTransaction: a run that cannot be closed indexes nothing.
func TestFinishRunIsOneTransaction(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	must(t, s.StartRun(ctx, Run{ID: "r1", Source: "psd", StartedAt: noon}))
	for name, r := range map[string]Run{
		"never started":  {ID: "r9", Source: "psd", Status: Success, FinishedAt: noon},
		"another source": {ID: "r1", Source: "prices", Status: Success, FinishedAt: noon},
		"unknown status": {ID: "r1", Source: "psd", Status: "done", FinishedAt: noon},
	} {
		if err := s.FinishRun(ctx, r, []File{file(1, "psd", "r1")}); err == nil {
			t.Errorf("%s: finished", name)
		}
		if files, err := s.Files(ctx); err != nil || len(files) != 0 {
			t.Errorf("%s: indexed %v %v", name, files, err)
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.FinishRun(cancelled, Run{ID: "r1", Source: "psd", Status: Success}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if r, _, err := s.LastRun(ctx, "psd"); err != nil || r.Status != Running {
		t.Errorf("the run is %+v %v, want running", r, err)
	}
}

func TestMarkCrashed(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	must(t, s.StartRun(ctx, Run{ID: "r1", Source: "psd", StartedAt: noon}))
	must(t, s.StartRun(ctx, Run{ID: "r2", Source: "psd", StartedAt: noon}))
	must(t, s.FinishRun(ctx, Run{ID: "r2", Source: "psd", StartedAt: noon, FinishedAt: noon, Status: Unchanged}, nil))
	must(t, s.StartRun(ctx, Run{ID: "r3", Source: "prices", StartedAt: noon}))
	if n, err := s.MarkCrashed(ctx, "psd", noon.Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("marked %d %v, want 1", n, err)
	}
	if n, err := s.MarkCrashed(ctx, "psd", noon.Add(time.Hour)); n != 0 || err != nil {
		t.Errorf("marked %d %v again", n, err)
	}
	runs, err := s.Runs(ctx, 0)
	must(t, err)
	got := map[string]string{}
	for _, r := range runs {
		got[r.ID] = r.Status
		if r.Status == Crashed && (!r.FinishedAt.Equal(noon.Add(time.Hour)) || r.Error == "") {
			t.Errorf("crashed run %+v", r)
		}
	}
	if want := map[string]string{"r1": Crashed, "r2": Unchanged, "r3": Running}; !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

func TestFilesIndex(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	if origin, err := s.Origin(ctx); origin != "" || err != nil {
		t.Errorf("origin of nothing: %q %v", origin, err)
	}
	files := []File{file(3, "psd", "r"), file(1, "psd", "r"), file(2, "prices", "r")}
	must(t, s.AddFiles(ctx, files))
	must(t, s.AddFiles(ctx, files)) // again, as after a recovery
	paths := func(files []File, err error) []string {
		t.Helper()
		must(t, err)
		var list []string
		for _, f := range files {
			list = append(list, f.Path)
		}
		return list
	}
	for name, c := range map[string]struct{ got, want []string }{
		"all":          {paths(s.Files(ctx)), []string{"psd/2026/0001.csv.gz", "prices/2026/0002.csv.gz", "psd/2026/0003.csv.gz"}},
		"of psd":       {paths(s.FilesOf(ctx, "psd")), []string{"psd/2026/0001.csv.gz", "psd/2026/0003.csv.gz"}},
		"under psd":    {paths(s.FilesUnder(ctx, "psd", 0)), []string{"psd/2026/0003.csv.gz", "psd/2026/0001.csv.gz"}},
		"newest":       {paths(s.FilesUnder(ctx, "psd/2026/", 1)), []string{"psd/2026/0003.csv.gz"}},
		"under all":    {paths(s.FilesUnder(ctx, "", 2)), []string{"psd/2026/0003.csv.gz", "prices/2026/0002.csv.gz"}},
		"not a prefix": {paths(s.FilesUnder(ctx, "p", 0)), nil},
		"no pattern":   {paths(s.FilesUnder(ctx, "ps_", 0)), nil},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	if f, ok, err := s.FileBySHA(ctx, "psd", files[0].SHA256); !ok || err != nil || !cmp.Equal(f, files[0]) {
		t.Errorf("by content: %v %v\n%s", ok, err, cmp.Diff(files[0], f))
	}
	if _, ok, err := s.FileBySHA(ctx, "prices", files[0].SHA256); ok || err != nil {
		t.Errorf("another source's content: %v %v", ok, err)
	}
	changed := files[0]
	changed.SHA256 = strings.Repeat("f", 64)
	if err := s.AddFiles(ctx, []File{file(9, "psd", "r"), changed}); err == nil || !strings.Contains(err.Error(), changed.Path) {
		t.Errorf("a landed path changed its content: %v", err)
	}
	if all := paths(s.Files(ctx)); len(all) != 3 {
		t.Errorf("a refused batch left %v", all)
	}
	if origin, err := s.Origin(ctx); origin != "replay" || err != nil {
		t.Errorf("origin: %q %v", origin, err)
	}
	live := file(10, "psd", "r")
	live.Origin = "live"
	must(t, s.AddFiles(ctx, []File{live}))
	if _, err := s.Origin(ctx); err == nil {
		t.Error("two origins went unnoticed")
	}
}

func TestRequestsAreRemembered(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	if _, _, _, ok, err := s.Validators(ctx, "u"); ok || err != nil {
		t.Errorf("unknown URL: %v %v", ok, err)
	}
	must(t, s.SetValidators(ctx, "u", "e1", "m1", "s1", noon))
	must(t, s.SetValidators(ctx, "u", "e2", "", "s2", noon))
	if etag, modified, sha, ok, err := s.Validators(ctx, "u"); etag != "e2" || modified != "" || sha != "s2" || !ok || err != nil {
		t.Errorf("validators %q %q %q %v %v", etag, modified, sha, ok, err)
	}
	if is, err := s.Settled(ctx, "u"); is || err != nil {
		t.Errorf("settled: %v %v", is, err)
	}
	must(t, s.Settle(ctx, "u", 404, noon))
	must(t, s.Settle(ctx, "u", 410, noon))
	if is, err := s.Settled(ctx, "u"); !is || err != nil {
		t.Errorf("settled: %v %v", is, err)
	}
}

// TestRebuildForgetsNoPipelineAtWork: a transform does not fail because somebody
// rebuilt the state beneath it.
func TestRebuildForgetsNoPipelineAtWork(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	p := PipelineRun{ID: "p1", Pipeline: "transform", StartedAt: noon}
	must(t, s.StartPipeline(ctx, p))
	must(t, s.Rebuild(ctx, nil))
	p.Status, p.FinishedAt, p.Message = Success, noon.Add(time.Hour), "3 models built"
	must(t, s.FinishPipeline(ctx, p))
	if got, err := s.PipelineRuns(ctx, 0); err != nil || !cmp.Equal(got, []PipelineRun{p}) {
		t.Errorf("%v %+v", err, got)
	}
}

func TestPipelineRuns(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	p := PipelineRun{ID: "p1", Pipeline: "transform", StartedAt: noon}
	must(t, s.StartPipeline(ctx, p))
	must(t, s.StartPipeline(ctx, PipelineRun{ID: "p2", Pipeline: "export_serving", StartedAt: noon.Add(time.Minute)}))
	p.Status, p.FinishedAt, p.Message = Success, noon.Add(time.Hour), "3 models built"
	must(t, s.FinishPipeline(ctx, p))
	if err := s.FinishPipeline(ctx, PipelineRun{ID: "p9", Status: Success}); err == nil {
		t.Error("a pipeline that never started was finished")
	}
	got, err := s.PipelineRuns(ctx, 0)
	want := []PipelineRun{{ID: "p2", Pipeline: "export_serving", StartedAt: noon.Add(time.Minute), Status: Running}, p}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got))
	}
	if got, err = s.PipelineRuns(ctx, 1); err != nil || len(got) != 1 || got[0].ID != "p2" {
		t.Errorf("newest: %v %v", got, err)
	}
}

// TestRebuildEqualsOriginal: the index made from the manifests' entries is the
// one that the runs made, and each run that landed something has a row.
func TestRebuildEqualsOriginal(t *testing.T) {
	ctx := t.Context()
	original := newStore(t)
	var entries []File
	n := 0
	for r := range 4 {
		run := Run{ID: fmt.Sprintf("r%d", r), Source: []string{"psd", "prices"}[r%2], StartedAt: noon}
		must(t, original.StartRun(ctx, run))
		var files []File
		for range r { // r0 lands nothing
			n++
			files = append(files, file(n, run.Source, run.ID))
			run.Bytes, run.Rows = run.Bytes+files[len(files)-1].Bytes, run.Rows+files[len(files)-1].Rows
			run.ContentHash, run.ETag, run.LastModified = files[len(files)-1].SHA256, files[len(files)-1].ETag, files[len(files)-1].LastModified
		}
		run.Status, run.Files, run.FinishedAt = Success, len(files), noon.Add(time.Minute)
		if len(files) == 0 {
			run.Status = Unchanged
		}
		must(t, original.FinishRun(ctx, run, files))
		entries = append(entries, files...)
	}
	rebuilt := newStore(t)
	must(t, rebuilt.StartRun(ctx, Run{ID: "old", Source: "psd", StartedAt: noon})) // all of this goes
	must(t, rebuilt.AddFiles(ctx, []File{file(99, "psd", "old")}))
	must(t, rebuilt.Settle(ctx, "u", 404, noon))
	must(t, rebuilt.SetValidators(ctx, "u", "e", "m", "s", noon))
	for range 2 { // rebuilding twice is rebuilding once
		must(t, rebuilt.Rebuild(ctx, entries))
	}
	want, err := original.Files(ctx)
	must(t, err)
	got, err := rebuilt.Files(ctx)
	must(t, err)
	if len(want) != 6 || !cmp.Equal(want, got) {
		t.Errorf("index (-original +rebuilt):\n%s", cmp.Diff(want, got))
	}
	if is, _ := rebuilt.Settled(ctx, "u"); is {
		t.Error("a settled URL outlived the rebuild")
	}

	wantRuns, err := original.Runs(ctx, 0)
	must(t, err)
	wantRuns = slices.DeleteFunc(wantRuns, func(r Run) bool { return r.Files == 0 })
	gotRuns, err := rebuilt.Runs(ctx, 0)
	must(t, err)
	for i := range gotRuns {
		if gotRuns[i].StartedAt.After(gotRuns[i].FinishedAt) || gotRuns[i].StartedAt.Before(noon) {
			t.Errorf("run %+v: times", gotRuns[i])
		}
		gotRuns[i].StartedAt, gotRuns[i].FinishedAt = noon, noon.Add(time.Minute) // the manifests do not know them
	}
	if diff := cmp.Diff(wantRuns, gotRuns); diff != "" {
		t.Errorf("runs (-original +rebuilt):\n%s", diff)
	}

	// A manifest that names one path twice with different content is no basis.
	twice := entries[0]
	twice.SHA256 = strings.Repeat("e", 64)
	if err := rebuilt.Rebuild(ctx, append(slices.Clone(entries), twice)); err == nil {
		t.Error("contradicting entries were taken")
	}
	if after, err := rebuilt.Files(ctx); err != nil || !cmp.Equal(after, want) {
		t.Errorf("a failed rebuild changed the index: %v", err)
	}
}

// TestTwoStores: two open Stores (as two processes have) and many goroutines
// write one file. Nobody is told "locked", nothing is lost.
func TestTwoStores(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".state.sqlite")
	stores := []*Store{open(t, path), open(t, path)}
	ctx := t.Context()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			s := stores[w%2]
			for i := range 20 {
				n := w*1000 + i
				r := Run{ID: fmt.Sprint(n), Source: "psd", StartedAt: noon}
				err := errors.Join(s.StartRun(ctx, r))
				r.Status, r.FinishedAt = Success, noon
				err = errors.Join(err, s.FinishRun(ctx, r, []File{file(n, "psd", r.ID)}))
				if _, e := s.FilesOf(ctx, "psd"); e != nil {
					err = errors.Join(err, e)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for i, s := range stores {
		files, err := s.Files(ctx)
		if err != nil || len(files) != 160 {
			t.Errorf("store %d sees %d files: %v", i, len(files), err)
		}
	}
}

// TestOpenedAtOnce: many Stores open a file that does not exist yet.
func TestOpenedAtOnce(t *testing.T) {
	for range 5 {
		path := filepath.Join(t.TempDir(), ".state.sqlite")
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				s, err := Open(path)
				if err != nil {
					t.Error(err)
					return
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}

func TestOthersCannotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".state.sqlite")
	must(t, os.WriteFile(path, nil, 0o644)) // an older program was less careful
	s := open(t, path)
	must(t, s.Settle(t.Context(), "u", 404, noon))
	files, err := filepath.Glob(path + "*")
	must(t, err)
	if len(files) != 3 {
		t.Errorf("files %v, want the database, -wal and -shm", files)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", f, info.Mode())
		}
	}
}

func TestStrangePath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?c=d%41#e&f")
	must(t, os.Mkdir(dir, 0o755))
	path := filepath.Join(dir, ".state.sqlite")
	s := open(t, path)
	must(t, s.Settle(t.Context(), "u", 404, noon))
	must(t, s.Close())
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Errorf("the file is elsewhere: %v", err)
	}
	if is, err := open(t, path).Settled(t.Context(), "u"); !is || err != nil {
		t.Errorf("after reopening: %v %v", is, err)
	}
	if _, err := Open(filepath.Join(dir, "missing", "x")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}
}

func TestFresh(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".state.sqlite")
	s := open(t, path)
	if !s.Fresh() {
		t.Error("a new file is not fresh")
	}
	must(t, s.Close())
	s = open(t, path) // the process died before it rebuilt
	if !s.Fresh() {
		t.Error("an empty file is not fresh")
	}
	must(t, s.StartRun(t.Context(), Run{ID: "r", Source: "psd", StartedAt: noon}))
	must(t, s.Close())
	if open(t, path).Fresh() {
		t.Error("a file with a run is fresh")
	}
}

func raw(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	must(t, err)
	defer db.Close()
	_, err = db.Exec(statement)
	must(t, err)
}
