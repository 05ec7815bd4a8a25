package backup

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/state"
	"beanflows.coffee/materia/internal/upstream/s3bucket"
)

var noon = time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)

// machine is a landing zone with its state and journal, and a bucket.
type machine struct {
	t *testing.T
	Deps
	st   *state.Store
	root string
	now  time.Time
}

func newMachine(t *testing.T, c Config) *machine {
	t.Helper()
	m := &machine{t: t, root: filepath.Join(t.TempDir(), "landing"), now: noon}
	clock := func() time.Time { return m.now }
	zone, err := landing.Open(m.root, landing.Options{Now: clock})
	must(t, err)
	j, err := state.OpenJournal(filepath.Join(m.root, ".journal.sqlite"))
	must(t, err)
	t.Cleanup(func() { j.Close() })
	b, err := Open(c)
	must(t, err)
	m.Deps = Deps{Zone: zone, Journal: j, Bucket: b, Now: clock, Log: slog.New(slog.DiscardHandler)}
	return m
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (m *machine) state() *state.Store {
	m.t.Helper()
	if m.st == nil {
		st, err := state.Open(filepath.Join(m.root, ".state.sqlite"))
		must(m.t, err)
		m.t.Cleanup(func() { st.Close() })
		m.st = st
	}
	return m.st
}

// land lands n files in one run, for real: through the zone and the state.
func (m *machine) land(source string, n int) {
	m.t.Helper()
	m.now = m.now.Add(time.Hour)
	ctx := m.t.Context()
	lock, err := m.Zone.Lock(ctx, source, time.Second)
	must(m.t, err)
	defer lock.Unlock()
	run := landing.NewRunID(source, m.now)
	must(m.t, m.state().StartRun(ctx, state.Run{ID: run, Source: source, StartedAt: m.now}))
	batch, err := m.Zone.Begin(source, run)
	must(m.t, err)
	coins := rand.New(rand.NewPCG(uint64(m.now.Unix()), 7))
	var files []state.File
	for i := range n {
		d, err := batch.NewDraft(".csv.gz")
		must(m.t, err)
		fmt.Fprintf(d, "date,value\n%s,%d\n%s", m.now.Format(time.DateOnly), coins.Uint64(), strings.Repeat("x", coins.IntN(5000)))
		e, err := batch.Put(d, landing.Entry{Path: fmt.Sprintf("%s/%d/%s-%d.csv.gz", source, m.now.Year(), m.now.Format("2006-01-02T15"), i), Rows: 2, Origin: "sample", URL: "https://example.org/"})
		must(m.t, err)
		files = append(files, state.File{Path: e.Path, Source: e.Source, SHA256: e.SHA256, Origin: e.Origin, RunID: e.Run, Bytes: e.Bytes, Rows: e.Rows, LandedAt: e.LandedAt})
	}
	_, err = batch.Commit()
	must(m.t, err)
	must(m.t, m.state().FinishRun(ctx, state.Run{ID: run, Source: source, StartedAt: m.now, FinishedAt: m.now, Status: state.Success, Files: n}, files))
}

func (m *machine) backup() (Result, error) {
	m.t.Helper()
	m.now = m.now.Add(6 * time.Hour)
	return Run(m.t.Context(), m.Deps, m.state())
}

func (m *machine) backsUp(uploaded int64) {
	m.t.Helper()
	r, err := m.backup()
	if err != nil || r.Uploaded != uploaded {
		m.t.Fatalf("uploaded %d, want %d; %v %q", r.Uploaded, uploaded, err, r.Problems)
	}
}

// contents are all files of a zone that a backup has to bring back.
func contents(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, filepath.WalkDir(root, func(at string, f fs.DirEntry, err error) error {
		rel := strings.TrimPrefix(strings.TrimPrefix(at, root), "/")
		own := strings.HasPrefix(rel, ".manifest/2") || !strings.HasPrefix(rel, ".")
		if err != nil || f.IsDir() || !own {
			return err
		}
		text, err := os.ReadFile(at)
		all[rel] = string(text)
		return err
	}))
	return all
}

// TestRestoreDrill: everything is backed up; the machine is lost; another, empty
// one has the same files and the same state after it.
func TestRestoreDrill(t *testing.T) { restoreDrill(t, serveBucket(t).config()) }

func restoreDrill(t *testing.T, c Config) {
	old := newMachine(t, c)
	old.land("psd", 9)
	old.land("prices", 4)
	old.backsUp(9 + 4 + 2 + 1) // files, manifests, state
	old.backsUp(0)
	old.land("psd", 1)
	old.backsUp(3)
	want, files := contents(t, old.root), mustFiles(t, old.state())

	fresh := newMachine(t, c)
	r, err := Restore(t.Context(), fresh.Deps)
	must(t, err)
	if r.Files != 9+4+1+3 || r.Present != 0 || r.State == "" {
		t.Errorf("restored %+v", r)
	}
	if diff := cmp.Diff(want, contents(t, fresh.root)); diff != "" {
		t.Errorf("files differ (-old +restored):\n%.2000s", diff)
	}
	if diff := cmp.Diff(files, mustFiles(t, fresh.state())); diff != "" {
		t.Errorf("state differs (-old +restored):\n%.2000s", diff)
	}
	if r, err := Restore(t.Context(), fresh.Deps); err != nil || r.Files != 0 || r.Present != 17 {
		t.Errorf("the same again: %+v %v", r, err)
	}
	if r, err := fresh.backup(); err != nil || r.Uploaded > 1 { // goes on where the old one stopped; the state's bytes may differ
		t.Errorf("the backup after it: %+v %v", r, err)
	}
	fresh.land("psd", 1)
	fresh.backsUp(3)
}

func mustFiles(t *testing.T, s *state.Store) []state.File {
	t.Helper()
	files, err := s.Files(t.Context())
	must(t, err)
	return files
}

func TestWrongSecretIsRefused(t *testing.T) {
	s := serveBucket(t)
	c := s.config()
	wrongSecret(t, c)
	if len(s.Names()) != 0 {
		t.Errorf("the bucket took %q", s.Names())
	}
}

func wrongSecret(t *testing.T, c Config) {
	c.SecretKey += "x"
	m := newMachine(t, c)
	m.land("psd", 2)
	_, err := m.backup()
	if err == nil || strings.Contains(err.Error(), c.SecretKey) {
		t.Errorf("error %v", err)
	}
	_, last, lerr := m.Journal.LastBackup(t.Context(), "run")
	if lerr != nil || last.Status != state.Failed {
		t.Errorf("recorded %+v %v", last, lerr)
	}
}

// TestLocalLossStaysLocal: the landing zone is lost, wholly or in part; the next
// backup says so, fails, and leaves the bucket as it was.
func TestLocalLossStaysLocal(t *testing.T) {
	s := serveBucket(t)
	m := newMachine(t, s.config())
	m.land("psd", 5)
	m.backsUp(5 + 1 + 1)
	before := s.Objects
	for _, name := range []string{"one file", "all of it"} {
		if name == "one file" {
			must(t, os.Remove(first(t, filepath.Join(m.root, "psd/2026/*-0.csv.gz"))))
		} else {
			must(t, os.RemoveAll(filepath.Join(m.root, "psd")))
			must(t, os.RemoveAll(filepath.Join(m.root, ".manifest")))
		}
		_, err := m.backup()
		if err == nil || !strings.Contains(err.Error(), "backup restore") {
			t.Errorf("%s lost: %v", name, err)
		}
		for key, o := range before {
			if got, ok := s.Objects[key]; !ok || !bytes.Equal(got.Body, o.Body) {
				t.Errorf("%s lost: the bucket lost %s", name, key)
			}
		}
	}
	r, err := Restore(t.Context(), m.Deps)
	if err != nil || r.Files != 6 {
		t.Errorf("restore: %+v %v", r, err)
	}
	if r, err := m.backup(); err != nil {
		t.Errorf("after the restore: %+v %v", r, err)
	}
}

func first(t *testing.T, glob string) string {
	t.Helper()
	found, err := filepath.Glob(glob)
	if err != nil || len(found) == 0 {
		t.Fatalf("nothing matches %s", glob)
	}
	return found[0]
}

// TestTampering: a changed object is found by the verification; where the list
// shows it, by the next backup; and a restore refuses it, even where bytes,
// metadata and list have been made to fit each other.
func TestTampering(t *testing.T) {
	for name, all := range map[string]bool{"bytes only": false, "with metadata and list": true} {
		s := serveBucket(t)
		m := newMachine(t, s.config())
		m.land("psd", 5)
		m.backsUp(7)
		var target string
		for _, k := range s.Names() {
			if strings.Contains(k, "/psd/") {
				target = k
			}
		}
		must(t, s.Tamper(target, all))
		if _, err := m.backup(); all != (err != nil && strings.Contains(err.Error(), "changed in the bucket")) {
			t.Errorf("%s: backup: %v", name, err)
		}
		r, err := Verify(t.Context(), m.Deps, true)
		if err == nil || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], strings.TrimPrefix(target, "prod/")) {
			t.Errorf("%s: verify: %v %q", name, err, r.Problems)
		}
		fresh := newMachine(t, s.config())
		if _, err := Restore(t.Context(), fresh.Deps); err == nil {
			t.Errorf("%s: restored", name)
		}
		if bytes.Equal(s.Objects[target].Body, []byte(contents(t, m.root)[strings.TrimPrefix(target, "prod/landing/")])) {
			t.Errorf("%s: the object was overwritten", name)
		}
	}
}

// TestObjectGone: an object that somebody deleted is found by the verification,
// and uploaded again by the next backup.
func TestObjectGone(t *testing.T) {
	s := serveBucket(t)
	m := newMachine(t, s.config())
	m.land("psd", 3)
	m.backsUp(5)
	target := s.Names()[2]
	delete(s.Objects, target)
	if r, err := Verify(t.Context(), m.Deps, false); err == nil || len(r.Problems) != 1 {
		t.Errorf("verify: %v %+v", err, r)
	}
	m.backsUp(1)
	if _, ok := s.Objects[target]; !ok {
		t.Errorf("%s is not back", target)
	}
}

// TestRottenFileIsNotUploaded: what is not what its manifest says stays here.
func TestRottenFileIsNotUploaded(t *testing.T) {
	s := serveBucket(t)
	m := newMachine(t, s.config())
	m.land("psd", 2)
	at := first(t, filepath.Join(m.root, "psd/2026/*-0.csv.gz"))
	text, err := os.ReadFile(at)
	must(t, err)
	text[len(text)/2] ^= 1
	must(t, os.Chmod(at, 0o644))
	must(t, os.WriteFile(at, text, 0o444))
	r, err := m.backup()
	if err == nil || r.Uploaded != 3 || len(r.Problems) != 1 || !strings.Contains(r.Problems[0], "not uploaded") {
		t.Errorf("%v %+v", err, r)
	}
}

// TestJournalLost: without the journal the bucket's list is compared with the
// files, nothing is uploaded twice, and the next verification reads what was
// only compared by the list.
func TestJournalLost(t *testing.T) {
	s := serveBucket(t)
	m := newMachine(t, s.config())
	m.land("psd", 20)
	m.backsUp(22)
	puts := s.Puts
	must(t, m.Journal.Close())
	must(t, os.Remove(filepath.Join(m.root, ".journal.sqlite")))
	j, err := state.OpenJournal(filepath.Join(m.root, ".journal.sqlite"))
	must(t, err)
	t.Cleanup(func() { j.Close() })
	m.Journal = j
	m.backsUp(0)
	if s.Puts != puts {
		t.Errorf("%d objects were uploaded again", s.Puts-puts)
	}
	if r, err := Verify(t.Context(), m.Deps, false); err != nil || r.Checked != 21 || r.Oldest.IsZero() {
		t.Errorf("verify: %+v %v", r, err)
	}
}

// TestWeekWithoutBucket: every backup of the week fails quickly and says so;
// the first one after it brings all of the week.
func TestWeekWithoutBucket(t *testing.T) {
	s := serveBucket(t)
	m := newMachine(t, s.config())
	m.land("psd", 3)
	m.backsUp(5)
	s.Down = true
	for range 3 {
		m.land("psd", 2)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond) // the client would try four times over seconds
		if _, err := Run(ctx, m.Deps, m.state()); err == nil {
			t.Error("a backup without bucket is no failure")
		}
		cancel()
	}
	good, last, err := m.Journal.LastBackup(t.Context(), "run")
	must(t, err)
	if last.Status != state.Failed || last.Message == "" || !good.FinishedAt.Before(last.StartedAt) {
		t.Errorf("recorded %+v, good %+v", last, good)
	}
	s.Down = false
	m.backsUp(3*2 + 3 + 1)
}

// TestVerifyRotates: verified daily, every object is read back within 30 days,
// and no day reads more than a few.
func TestVerifyRotates(t *testing.T) {
	s := serveBucket(t)
	m := newMachine(t, s.config())
	m.land("psd", 60)
	m.backsUp(62)
	last := map[string]time.Time{}
	for day := range 75 {
		m.now = m.now.Add(24 * time.Hour)
		if day == 20 {
			m.land("prices", 10)
			m.backsUp(12)
		}
		r, err := Verify(t.Context(), m.Deps, false)
		must(t, err)
		if r.Checked == 0 || r.Checked > 9 {
			t.Errorf("day %d: %d read back", day, r.Checked)
		}
		list, err := m.Journal.BackupObjects(t.Context(), 0)
		must(t, err)
		for _, o := range list {
			if m.now.Sub(o.VerifiedAt) > Cycle {
				t.Fatalf("day %d: %s was last read %s", day, o.Key, o.VerifiedAt)
			}
			last[o.Key] = o.VerifiedAt
		}
	}
	for key, at := range last {
		if m.now.Sub(at) > Cycle {
			t.Errorf("%s: %s", key, at)
		}
	}
}

// TestRestoreIsCutOff: a restore that ends at any object leaves whole files and
// no manifest without its files; the next one ends like an undisturbed one.
func TestRestoreIsCutOff(t *testing.T) {
	s := serveBucket(t)
	m := newMachine(t, s.config())
	m.land("psd", 4)
	m.land("prices", 3)
	m.backsUp(10)
	want := contents(t, m.root)
	for at := 1; at < 20; at += 2 {
		fresh := newMachine(t, s.config())
		failGets(s, at)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // the client tries again and again
		go func() {
			for ctx.Err() == nil {
				s.Lock()
				cut := s.Gets > at
				s.Unlock()
				if cut {
					cancel()
				}
				time.Sleep(time.Millisecond)
			}
		}()
		_, cutErr := Restore(ctx, fresh.Deps)
		cancel()
		failGets(s, 0)
		if cutErr == nil && at < 10 {
			t.Fatalf("cut at %d: no error", at)
		}
		for rel, text := range contents(t, fresh.root) {
			if want[rel] != text {
				t.Errorf("cut at %d: %s is torn", at, rel)
			}
		}
		must(t, fresh.Zone.Verify(t.Context(), func(e landing.Entry, err error) {
			if err != nil {
				t.Errorf("cut at %d: %v", at, err)
			}
		}))
		if _, err := Restore(t.Context(), fresh.Deps); err != nil {
			t.Fatalf("after the cut at %d: %v", at, err)
		}
		if diff := cmp.Diff(want, contents(t, fresh.root)); diff != "" {
			t.Errorf("cut at %d (-want +got):\n%.1000s", at, diff)
		}
	}
}

// failGets locks: a request of the client that was cut off may still be answered.
func failGets(s *bucketServer, from int) {
	s.Lock()
	defer s.Unlock()
	s.Gets, s.FailGets = 0, from
}

// TestRestoreOverwritesNothing: a file that differs from the bucket's ends the
// restore before it writes.
func TestRestoreOverwritesNothing(t *testing.T) {
	s := serveBucket(t)
	m := newMachine(t, s.config())
	m.land("psd", 3)
	m.backsUp(5)
	fresh := newMachine(t, s.config())
	mine := filepath.Join(fresh.root, strings.TrimPrefix(first(t, filepath.Join(m.root, "psd/2026/*-1.csv.gz")), m.root))
	must(t, os.MkdirAll(filepath.Dir(mine), 0o755))
	must(t, os.WriteFile(mine, []byte("mine"), 0o444))
	if _, err := Restore(t.Context(), fresh.Deps); err == nil || !strings.Contains(err.Error(), "nothing was written") {
		t.Errorf("restore: %v", err)
	}
	if got := contents(t, fresh.root); len(got) != 1 {
		t.Errorf("%d files", len(got))
	}
}

// TestForeignNames: an object whose name would leave the zone, or be one of its
// own files, is refused by name.
func TestForeignNames(t *testing.T) {
	for _, name := range []string{"prod/landing/../../etc/cron.d/x", "prod/landing/.state.sqlite", "prod/landing/.lock/psd", "prod/landing/.manifest/.open/x.journal", "prod/landing/a//b.csv"} {
		s := serveBucket(t)
		s.Objects[name] = s3bucket.Object{Body: []byte("x"), ETag: "9dd4e461268c8034f5c8564e155c67a6"}
		m := newMachine(t, s.config())
		if r, err := Restore(t.Context(), m.Deps); err == nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestConfigFrom(t *testing.T) {
	env := map[string]string{}
	get := func(k string) string { return env[k] }
	if _, ok, err := ConfigFrom(get); ok || err != nil {
		t.Errorf("nothing set: %v %v", ok, err)
	}
	env["BACKUP_S3_ENDPOINT"], env["BACKUP_S3_SECRET_ACCESS_KEY"] = "https://x", "the-secret"
	if _, _, err := ConfigFrom(get); err == nil || !strings.Contains(err.Error(), "BACKUP_S3_BUCKET") || strings.Contains(err.Error(), "the-secret") {
		t.Errorf("half set: %v", err)
	}
	env["BACKUP_S3_BUCKET"], env["BACKUP_S3_ACCESS_KEY_ID"] = "b", "id"
	c, ok, err := ConfigFrom(get)
	if !ok || err != nil || c.Bucket != "b" {
		t.Errorf("set: %+v %v %v", c, ok, err)
	}
	for _, bad := range []string{"x.r2.cloudflarestorage.com", "https://x/bucket", "ftp://x"} {
		if _, err := Open(Config{Endpoint: bad, Bucket: "b"}); err == nil {
			t.Errorf("endpoint %s was accepted", bad)
		}
	}
}
