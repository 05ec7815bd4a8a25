package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/state"
	"beanflows.coffee/materia/internal/supervise"
	"beanflows.coffee/materia/internal/upstream"
)

// damages are ways in which a file can stop to be what it was, all in place: its
// name and inode stay.
var damages = []struct {
	name string
	do   func(path string, size int64) error
}{
	{"overwritten header", func(path string, size int64) error { return scribble(path, 0, min(size, 32<<10)) }},
	{"truncated", func(path string, size int64) error { return os.Truncate(path, size/2) }},
	{"random bytes in the middle", func(path string, size int64) error { return scribble(path, size/4, size/2) }},
	{"emptied", func(path string, size int64) error { return os.Truncate(path, 0) }},
}

// scribble writes random bytes over a part of a file.
func scribble(path string, from, n int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	noise := make([]byte, n)
	coins := rand.New(rand.NewPCG(uint64(n), 1))
	for i := range noise {
		noise[i] = byte(coins.Uint32())
	}
	_, err = f.WriteAt(noise, from)
	return errors.Join(err, f.Close())
}

// TestCorruptFilesAreBuiltAgain damages each file that can be built again, one a
// day, beneath a web that visitors ask all the time. The day's tick of a real
// supervisor moves it aside and builds it again, one alert says so, the figures
// are those of a house without damage, and no visitor notices.
func TestCorruptFilesAreBuiltAgain(t *testing.T) {
	day, err := time.Parse(time.RFC3339, today)
	must(t, err)
	var days atomic.Int64
	now := func() time.Time { return day.AddDate(0, 0, int(days.Load())) }
	sample := upstream.New(upstream.Options{Now: now, Since: 2025, FirstArchive: day.AddDate(0, -3, 0), ExtraRows: 100})
	must(t, sample.AddFaults(fewRows))
	server := httptest.NewServer(sample)
	t.Cleanup(func() { sample.Close(); server.Close() })
	var mu sync.Mutex
	var told []string
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		told = append(told, r.Header.Get("Title")+": "+string(body))
	}))
	t.Cleanup(hook.Close)

	h := newHouse(t, "MATERIA_UPSTREAM="+server.URL, "ALERT_WEBHOOK_URL="+hook.URL)
	h.project = partProject(t, "serving.coffee_prices", "serving.commodity_metrics")
	twin := newHouse(t, h.env[:1]...)
	twin.project = h.project
	must(t, os.WriteFile(h.path("workflows.toml"), []byte("[[workflow]]\nname = \"psd\"\nschedule = \"daily\"\npipeline = \"extract_psd\"\n"+
		"[[workflow]]\nname = \"prices\"\nschedule = \"daily\"\npipeline = \"extract_prices\"\n"), 0o644))
	twinTick := func() {
		twin.env = []string{h.env[0], "MATERIA_NOW=" + now().Format(time.RFC3339)}
		for _, p := range []string{"extract_psd", "extract_prices", "transform", "export_serving"} {
			twin.run("pipeline", "run", p)
		}
	}
	h.tick(now())
	twinTick()
	_, url := h.startWeb()
	country := h.query("SELECT min(country_code) AS c FROM serving.commodity_metrics WHERE country_code <> 'WORLD'")[0]["c"].(string)
	var answers, failures atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var visitors sync.WaitGroup
	for n := range 3 {
		visitors.Go(func() { visit(ctx, t, url, country, n, &answers, &failures) })
	}

	for at, name := range []string{"landing/.state.sqlite", "lakehouse.duckdb", "analytics.duckdb", "landing/.journal.sqlite"} {
		for way, damage := range damages {
			if way != at && os.Getenv("MATERIA_LONG") == "" {
				continue // one way each in the short form
			}
			t.Run(damage.name+" "+filepath.Base(name), func(t *testing.T) {
				mu.Lock()
				told = nil
				mu.Unlock()
				info, err := os.Stat(h.path(name))
				must(t, err)
				must(t, damage.do(h.path(name), info.Size()))
				time.Sleep(300 * time.Millisecond) // visitors meet it
				days.Add(1)
				h.tick(now())
				twinTick()
				sameTables(t, twin, h)
				mu.Lock()
				defer mu.Unlock()
				if len(told) != 1 || !strings.Contains(told[0], "was corrupt") {
					t.Errorf("want one alert of it, got %q", told)
				}
				if moved, _ := filepath.Glob(h.path(name) + ".corrupt-*"); len(moved) == 0 && !strings.Contains(strings.Join(told, ""), "was empty") {
					t.Error("it is not kept aside")
				}
			})
		}
	}
	stop()
	visitors.Wait()
	if failures.Load() > 0 || answers.Load() < 100 {
		t.Errorf("%d of %d answers of the web failed", failures.Load(), answers.Load())
	}
	t.Logf("%d answers of the web, %d failed", answers.Load(), failures.Load())
	resp, err := http.Get(url + "/price")
	must(t, err)
	page, err := io.ReadAll(resp.Body)
	must(t, errors.Join(err, resp.Body.Close()))
	newest := h.query("SELECT CAST(max(trade_date) AS VARCHAR) AS day FROM serving.coffee_prices")[0]["day"].(string)
	if !strings.Contains(string(page), newest) {
		t.Errorf("the price page does not show %s", newest)
	}
}

// An export that finds the lakehouse damaged, when there is nothing new for a
// transform to find it first, has it built again.
func TestExportMendsLakehouse(t *testing.T) {
	_, server := smallUpstream(t)
	h := newHouse(t, "MATERIA_UPSTREAM="+server.URL)
	h.project = priceProject(t)
	for _, s := range stations {
		h.run(s...)
	}
	twin := h.copyHouse(t)
	must(t, os.Remove(h.path("analytics.duckdb")))
	info, err := os.Stat(h.path("lakehouse.duckdb"))
	must(t, err)
	must(t, scribble(h.path("lakehouse.duckdb"), info.Size()/8, info.Size()*7/8))
	if r := h.run("pipeline", "run", "export_serving"); !strings.Contains(r.stderr, "the lakehouse was corrupt: moved aside") {
		t.Errorf("it does not say so: %s", r)
	}
	sameTables(t, twin, h)
}

// A supervisor learns that its open journal was damaged on the disk although its
// own connection does not see it, and ends, so that its next start begins another.
func TestOpenJournalIsChecked(t *testing.T) {
	h := newHouse(t)
	a := h.app()
	j, err := a.openJournal(t.Context())
	must(t, err)
	defer j.Close()
	must(t, a.checkJournal(t.Context()))
	for n := range 300 { // some pages
		must(t, j.Enqueue(t.Context(), state.Message{Key: fmt.Sprint(n), Kind: state.NoticeMessage, Title: strings.Repeat("t", 500), CreatedAt: time.Now()}))
	}
	must(t, a.checkJournal(t.Context()))
	info, err := os.Stat(a.journalPath())
	must(t, err)
	must(t, scribble(a.journalPath(), 4096, info.Size()-4096))
	must(t, os.Truncate(a.journalPath()+"-wal", 0)) // its frames would hide it
	if err := a.checkJournal(t.Context()); !errors.Is(err, state.ErrCorrupt) {
		t.Errorf("damage was not seen: %v", err)
	}
}

// However many open a journal at once, one of them begins it, which is no damage,
// or mends it, and says so once.
func TestOneMendsTheJournal(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(path string, size int64) error
		want   int
	}{
		{"absent", func(path string, _ int64) error { return os.Remove(path) }, 0},
		{"emptied", damages[3].do, 1},
		{"overwritten header", damages[0].do, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newHouse(t).app()
			for range 10 {
				j, err := a.openJournal(t.Context())
				must(t, err)
				must(t, j.Close())
				info, err := os.Stat(a.journalPath())
				must(t, err)
				must(t, c.damage(a.journalPath(), info.Size()))
				var openers sync.WaitGroup
				for range 8 {
					openers.Go(func() {
						j, err := a.openJournal(t.Context())
						if err == nil {
							err = j.Close()
						}
						if err != nil {
							t.Error(err)
						}
					})
				}
				openers.Wait()
				j, err = a.openJournal(t.Context())
				must(t, err)
				unsent, err := j.Unsent(t.Context(), 0)
				must(t, errors.Join(err, j.Close()))
				if len(unsent) != c.want {
					t.Fatalf("%d notices of it, want %d: %+v", len(unsent), c.want, unsent)
				}
				must(t, os.Remove(a.journalPath()))
			}
		})
	}
}

// TestOneFillsTheState: of sources that meet a lost or damaged state at once, one
// fills it from the manifests; none wipes the run that another has begun since.
func TestOneFillsTheState(t *testing.T) {
	_, server := smallUpstream(t)
	h := newHouse(t, "MATERIA_UPSTREAM="+server.URL)
	h.run("pipeline", "run", "extract_prices")
	a := h.app()
	for _, c := range []struct {
		name   string
		damage func(path string, size int64) error
	}{
		{"absent", func(path string, _ int64) error { return os.Remove(path) }},
		{"emptied", damages[3].do},
		{"overwritten header", damages[0].do},
	} {
		t.Run(c.name, func(t *testing.T) {
			for round := range 10 {
				path := h.path("landing/.state.sqlite")
				info, err := os.Stat(path)
				must(t, err)
				must(t, c.damage(path, info.Size()))
				var openers sync.WaitGroup
				for n := range 8 {
					openers.Go(func() {
						time.Sleep(time.Duration(n) * time.Millisecond) // some come while it is being filled
						if err := beginAndEnd(t.Context(), a, fmt.Sprintf("%d-%d", round, n)); err != nil {
							t.Error(err)
						}
					})
				}
				openers.Wait()
				_, st, err := a.openLanding(t.Context())
				must(t, err)
				files, err := st.Files(t.Context())
				must(t, err)
				runs, err := st.Runs(t.Context(), 0)
				must(t, errors.Join(err, st.Close()))
				if len(files) == 0 || len(runs) != 9 {
					t.Fatalf("the state knows %d files and %d runs, want those of the manifests and 8 more", len(files), len(runs))
				}
			}
		})
	}
}

// beginAndEnd records a run that finds nothing new.
func beginAndEnd(ctx context.Context, a *app, id string) error {
	_, st, err := a.openLanding(ctx)
	if err != nil {
		return err
	}
	r := state.Run{ID: id, Source: id, StartedAt: a.now()}
	err = st.StartRun(ctx, r)
	time.Sleep(20 * time.Millisecond)
	r.Status, r.FinishedAt = state.Unchanged, a.now()
	return errors.Join(err, st.FinishRun(ctx, r, nil), st.Close())
}

// tick starts a supervisor at a moment of its clock, waits until it has nothing
// more to do and to say, and stops it.
func (h *house) tick(now time.Time) {
	h.t.Helper()
	c := h.command("supervisor", "--workflows", h.path("workflows.toml"))
	c.Env = append(c.Env, "MATERIA_NOW="+now.Format(time.RFC3339))
	var said strings.Builder
	c.Stderr = &said
	must(h.t, c.Start())
	for deadline := time.Now().Add(3 * time.Minute); ; {
		time.Sleep(100 * time.Millisecond)
		look := h.command("supervisor", "status", "--json", "--workflows", h.path("workflows.toml"))
		look.Env = append(look.Env, "MATERIA_NOW="+now.Format(time.RFC3339))
		var st supervise.Status
		idle := json.Unmarshal([]byte(finish(h.t, look).stdout), &st) == nil && st.Running && st.Doing == "waiting" && st.Unsent == 0
		for _, w := range st.Workflows {
			idle = idle && w.LastStatus == "success" && !w.LastEnded.Before(now.Truncate(24*time.Hour))
		}
		if idle {
			break
		}
		if time.Now().After(deadline) {
			c.Process.Kill()
			c.Wait()
			h.t.Fatalf("the tick of %s does not end: %+v\n%s", now, st, said.String())
		}
	}
	must(h.t, c.Process.Signal(syscall.SIGTERM))
	must(h.t, c.Wait())
}

// visit asks pages until the end, of the cache and not; every answer is to be 200.
func visit(ctx context.Context, t *testing.T, url, country string, n int, answers, failures *atomic.Int64) {
	for i := n; ctx.Err() == nil; i++ {
		path := []string{"/", "/price", "/price?range=5y", "/supply", "/supply?country=" + country, "/status", "/methodology"}[i%7]
		resp, err := http.Get(url + path)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if answers.Add(1); err != nil || resp.StatusCode != http.StatusOK {
			if failures.Add(1) < 5 {
				t.Errorf("%s: %v %v", path, resp, err)
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
}
