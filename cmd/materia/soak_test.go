package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/alert"
	"beanflows.coffee/materia/internal/state"
	"beanflows.coffee/materia/internal/supervise"
	"beanflows.coffee/materia/internal/upstream"
)

// soakSpeed is how much faster than the machine's the clock of the soak runs: a
// day in about half a minute, in which the pipelines of a day have room.
const soakSpeed = 3000

// soakTime is how long the soak lasts, or zero.
func soakTime() time.Duration {
	if minutes, err := strconv.ParseFloat(os.Getenv("MATERIA_SOAK_MINUTES"), 64); err == nil {
		return time.Duration(minutes * float64(time.Minute))
	}
	if os.Getenv("MATERIA_LONG") != "" {
		return 30 * time.Minute
	}
	return 0
}

// fastClock is a wall clock that several processes read alike.
type fastClock struct {
	from, began time.Time // it showed from when the machine's showed began
	jumps       string    // file with the nanoseconds that it was moved by
}

func (c fastClock) elapsed() time.Duration { return time.Since(c.began) * soakSpeed }

func (c fastClock) now() time.Time {
	text, _ := os.ReadFile(c.jumps)
	moved, _ := strconv.ParseInt(string(text), 10, 64)
	return c.from.Add(c.elapsed() + time.Duration(moved)).Truncate(time.Second)
}

func (c fastClock) jump(by time.Duration) error {
	text, _ := os.ReadFile(c.jumps)
	moved, _ := strconv.ParseInt(string(text), 10, 64)
	if err := os.WriteFile(c.jumps+".new", strconv.AppendInt(nil, moved+int64(by), 10), 0o644); err != nil {
		return err
	}
	return os.Rename(c.jumps+".new", c.jumps)
}

// fastSupervisor is the supervisor as a process of its own, on the clock of its
// arguments; it tells its goroutines and heap twice a second.
func fastSupervisor() {
	if err := runFastSupervisor(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func runFastSupervisor(from, began, jumps, workflows, project string) error {
	at, err := time.Parse(time.RFC3339, from)
	if err != nil {
		return err
	}
	nanoseconds, err := strconv.ParseInt(began, 10, 64)
	if err != nil {
		return err
	}
	clock := fastClock{at, time.Unix(0, nanoseconds), jumps}
	list, err := supervise.Load(workflows, nil)
	if err != nil {
		return err
	}
	zone := os.Getenv("LANDING_DIR")
	lock, err := supervise.TakeLock(filepath.Join(zone, ".supervisor.lock"), clock.now())
	if err != nil {
		return err
	}
	defer lock.Release()
	j, err := state.OpenJournal(filepath.Join(zone, ".journal.sqlite"))
	if err != nil {
		return err
	}
	defer j.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		for ; ; time.Sleep(500 * time.Millisecond) {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			fmt.Println(runtime.NumGoroutine(), m.HeapAlloc>>10)
		}
	}()
	children := supervise.Children{Output: io.Discard, Command: func(pipeline string) *exec.Cmd {
		c := exec.Command("materia", "--project", project, "--lock-wait", "1m", "pipeline", "run", pipeline)
		c.Env = append(os.Environ(), "MATERIA_NOW="+clock.now().Format(time.RFC3339))
		return c
	}}
	return supervise.Run(ctx, supervise.Options{Workflows: list, Journal: j, Alerts: &alert.Desk{Journal: j, Now: clock.now}, RunJob: children.Run,
		Clock: supervise.Clock{Now: clock.now, Elapsed: clock.elapsed, Pulse: supervise.SystemClock().Pulse,
			Wait: func(ctx context.Context, d time.Duration) {
				select {
				case <-ctx.Done():
				case <-time.After(max(d/soakSpeed, time.Millisecond)):
				}
			}}})
}

// soak is a supervisor on a fast clock, real pipelines, a web under load, and
// what is measured of them.
type soak struct {
	t *testing.T
	h *house
	fastClock

	mu         sync.Mutex
	supervisor *os.Process
	goroutines int // as the supervisor told
	heapKiB    int
	kills      int // of children
	stops      int // of the supervisor
	leaps      int // of the clock

	answers, failures atomic.Int64
	samples           []soakSample
}

type soakSample struct{ webFiles, webKiB, files, goroutines, heapKiB int }

// TestSoak lives through weeks in minutes: every source daily on the sample
// upstream, transform and export after them, the dashboard asked all the while
// over each rotation. At random the upstream answers badly, children and the
// supervisor itself are killed, and the clock jumps. Nothing grows, no answer
// fails, every failure and every slot without a run has its reason in the status,
// and in the end the figures are to the last bit those of a house that had the
// same days undisturbed.
func TestSoak(t *testing.T) {
	length := soakTime()
	if length == 0 {
		t.Skip("SKIPPED: the soak runs in the long form only (make soak, or MATERIA_SOAK_MINUTES=3)")
	}
	day, err := time.Parse(time.RFC3339, today)
	must(t, err)
	s := &soak{t: t, fastClock: fastClock{from: day, began: time.Now(), jumps: filepath.Join(t.TempDir(), "jumps")}}
	var fixed atomic.Pointer[time.Time]
	fixed.Store(&day)
	sample := upstream.New(upstream.Options{Since: 2025, FirstArchive: day.AddDate(0, -3, 0), ExtraRows: 100, Now: func() time.Time {
		if at := fixed.Load(); at != nil {
			return *at
		}
		return s.now()
	}})
	must(t, sample.AddFaults(fewRows))
	server := httptest.NewServer(sample)
	t.Cleanup(func() { sample.Close(); server.Close() })

	s.h = newHouse(t, "MATERIA_UPSTREAM="+server.URL)
	s.h.run("pipeline", "run", "all", "--since", "2025-12-01")
	twin := s.h.copyHouse(t)
	s.began = time.Now()
	fixed.Store(nil)
	st := s.live(sample, length)
	s.judge(st)

	// The same days again, undisturbed.
	must(t, sample.SetFaults(fewRows))
	last := s.now()
	for _, e := range s.landings() {
		fixed.Store(&e.at)
		c := twin.command("pipeline", "run", pipelineOf(e.source))
		c.Env = append(c.Env, "MATERIA_NOW="+e.at.Format(time.RFC3339))
		if r := finish(t, c); r.code != 0 {
			t.Fatalf("undisturbed %s at %s: %s", e.source, e.at, r)
		}
	}
	fixed.Store(&last)
	for _, h := range []*house{twin, s.h} {
		h.env = append(h.env, "MATERIA_NOW="+last.Format(time.RFC3339))
		h.run("pipeline", "run", "all")
	}
	sameTables(t, twin, s.h)
}

// soakLanding is a run that landed something.
type soakLanding struct {
	source string
	at     time.Time
}

// landings are the runs of the soak that landed something, in order, by their
// manifests: also those that a kill cut off.
func (s *soak) landings() (list []soakLanding) {
	names, err := filepath.Glob(s.h.path("landing/.manifest/*/*.jsonl"))
	must(s.t, err)
	written := map[soakLanding]time.Time{}
	for _, name := range names {
		info, err := os.Stat(name)
		must(s.t, err)
		part := strings.SplitN(filepath.Base(name), "-", 3)
		at, err := time.Parse("20060102T150405Z", part[0])
		must(s.t, err)
		if at.After(s.from) {
			e := soakLanding{part[1], at}
			list, written[e] = append(list, e), info.ModTime()
		}
	}
	slices.SortFunc(list, func(a, b soakLanding) int { return written[a].Compare(written[b]) })
	return list
}

// live is the soak itself.
func (s *soak) live(sample *upstream.Server, length time.Duration) supervise.Status {
	t := s.t
	var text strings.Builder
	hour := 0
	for _, src := range sources() {
		fmt.Fprintf(&text, "[[workflow]]\nname = %q\nschedule = \"0 %d * * *\"\npipeline = %q\nretries = 5\n", src.Name, hour%3, src.Pipeline)
		hour++
	}
	file := s.h.path("soak.toml")
	must(t, os.WriteFile(file, []byte(text.String()), 0o644))
	workflows, err := supervise.Load(file, nil)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	web, url := s.h.startWeb()
	var beside sync.WaitGroup
	for range 4 {
		beside.Go(func() { s.ask(ctx, url) })
	}
	begun := sync.OnceFunc(func() {
		beside.Go(func() { s.disturb(ctx, sample, length/3) })
		beside.Go(func() { s.measure(ctx, web.Process.Pid) })
	})
	for ctx.Err() == nil {
		s.supervise(ctx, file, begun)
	}
	beside.Wait()
	must(t, web.Process.Signal(syscall.SIGTERM))
	j, err := state.OpenJournal(s.h.path("landing/.journal.sqlite"))
	must(t, err)
	defer j.Close()
	st, err := supervise.Look(t.Context(), j, workflows, s.h.path("landing/.supervisor.lock"), s.now())
	must(t, err)
	runs, err := j.WorkflowRuns(t.Context(), 0)
	must(t, err)
	ends, exports := map[string]int{}, 0
	for _, r := range runs {
		ends[r.Status]++
		if r.Workflow == supervise.Export && r.Status == state.Success {
			exports++
		}
		if r.Status != state.Success && r.Status != state.Interrupted && r.Message == "" {
			t.Errorf("%s %s %s without a reason", r.Workflow, r.Slot, r.Status)
		}
	}
	gaps, err := j.Gaps(t.Context(), 0)
	must(t, err)
	s.explained(runs, gaps)
	t.Logf("%s: %d simulated days, runs %v (%d exports), %d gaps, %d children and %d supervisors ended, %d clock jumps, %d answers", length, int(s.now().Sub(s.from).Hours()/24), ends, exports,
		len(gaps), s.kills, s.stops, s.leaps, s.answers.Load())
	return st
}

// supervise lives one life of a supervisor's process; begun is told of it.
func (s *soak) supervise(ctx context.Context, workflows string, begun func()) {
	c := exec.Command("fast-supervisor", s.from.Format(time.RFC3339), strconv.FormatInt(s.began.UnixNano(), 10), s.jumps, workflows, s.h.project)
	c.Dir, c.Env = s.h.dir, s.h.command().Env
	var said strings.Builder
	c.Stderr = &said
	out, err := c.StdoutPipe()
	must(s.t, err)
	must(s.t, c.Start())
	s.mu.Lock()
	s.supervisor = c.Process
	s.mu.Unlock()
	begun()
	stop := context.AfterFunc(ctx, func() { _ = c.Process.Signal(syscall.SIGTERM) })
	defer stop()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		s.mu.Lock()
		_, err := fmt.Sscan(lines.Text(), &s.goroutines, &s.heapKiB)
		s.mu.Unlock()
		must(s.t, err)
	}
	if err := c.Wait(); err != nil && c.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		s.t.Errorf("the supervisor ended: %v\n%s", err, said.String())
	}
}

// explained wants each day of each source run, or told why it was not.
func (s *soak) explained(runs []state.WorkflowRun, gaps []state.Gap) {
	known := map[string]bool{}
	for _, r := range runs {
		known[r.Workflow+r.Slot.Format(time.DateOnly)] = true
	}
	for _, g := range gaps {
		if g.Reason == "" {
			s.t.Errorf("gap of %s from %s without a reason", g.Workflow, g.FirstSlot)
		}
		for at := g.FirstSlot; !at.After(g.LastSlot); at = at.AddDate(0, 0, 1) {
			known[g.Workflow+at.Format(time.DateOnly)] = true
		}
	}
	for _, src := range sources() {
		for day := s.from.AddDate(0, 0, 1); day.Before(s.now().AddDate(0, 0, -3)); day = day.AddDate(0, 0, 1) {
			if !known[src.Name+day.Format(time.DateOnly)] {
				s.t.Errorf("%s on %s was neither run nor explained", src.Name, day.Format(time.DateOnly))
			}
		}
	}
}

// startWeb starts a dashboard on a free port and waits until it answers.
func (h *house) startWeb() (*exec.Cmd, string) {
	h.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(h.t, err)
	addr := l.Addr().String()
	must(h.t, l.Close())
	web, _ := h.start("web", "--addr", addr)
	for range 600 {
		if resp, err := http.Get("http://" + addr + "/healthz"); err == nil {
			resp.Body.Close()
			return web, "http://" + addr
		}
		time.Sleep(100 * time.Millisecond)
	}
	h.t.Fatal("the web does not answer")
	return nil, ""
}

// ask reads pages until the end; every answer has to be a page.
func (s *soak) ask(ctx context.Context, url string) {
	pages := []string{"/", "/price", "/supply", "/methodology", "/status"}
	for i := 0; ctx.Err() == nil; i++ {
		resp, err := http.Get(url + pages[i%len(pages)])
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if s.answers.Add(1); err != nil || resp.StatusCode != http.StatusOK {
			if s.failures.Add(1) < 5 {
				s.t.Errorf("%s: %v %v", pages[i%len(pages)], resp, err)
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// disturb breaks the upstream, kills pipelines and moves the clock, again and
// again, each time for a while: retries of the same day can succeed. In the
// beginning it kills supervisors, too; the last one lives long enough to leak.
func (s *soak) disturb(ctx context.Context, sample *upstream.Server, beginning time.Duration) {
	coins := rand.New(rand.NewPCG(uint64(os.Getpid()), 1))
	hosts := []string{"/apps.fas.usda.gov/", "/query1.finance.yahoo.com/", "/query2.finance.yahoo.com/", "/www.cftc.gov/", "/www.ice.com/", "/archive-api.open-meteo.com/"}
	kinds := []upstream.Kind{upstream.Status, upstream.HTML200, upstream.Truncate, upstream.Corrupt, upstream.WrongMagic} // none that is an answer to land
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(1000+coins.IntN(8000)) * time.Millisecond):
		}
		switch n := coins.IntN(20); {
		case n < 11:
			f := upstream.Fault{Path: hosts[coins.IntN(len(hosts))], Kind: kinds[coins.IntN(len(kinds))], Times: 1 + coins.IntN(8)}
			if err := sample.SetFaults(f, fewRows); err != nil {
				s.t.Error(err)
			}
		case n < 15:
			if pid := s.anyChild(coins); pid > 0 && syscall.Kill(-pid, syscall.SIGKILL) == nil {
				s.kills++
			}
		case n < 18:
			if time.Since(s.began) < beginning {
				s.stops++
				s.mu.Lock()
				_ = s.supervisor.Signal([]os.Signal{syscall.SIGKILL, syscall.SIGKILL, syscall.SIGTERM}[coins.IntN(3)])
				s.mu.Unlock()
			}
		default:
			s.leaps++
			by := time.Duration(2+coins.IntN(48)) * time.Hour
			if s.now().Hour() >= 3 && coins.IntN(2) == 0 { // not over midnight, lest a day be told twice
				by = -time.Duration(10+coins.IntN(80)) * time.Minute
			}
			if err := s.jump(by); err != nil {
				s.t.Error(err)
			}
		}
	}
}

// anyChild is a pipeline that the supervisor started, or 0: a child whose process
// group is its own and whose command line says "pipeline run".
func (s *soak) anyChild(coins *rand.Rand) int {
	s.mu.Lock()
	supervisor := s.supervisor.Pid
	s.mu.Unlock()
	var found []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", supervisor))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for _, f := range strings.Fields(string(text)) {
			line, _ := os.ReadFile("/proc/" + f + "/cmdline")
			if pid, err := strconv.Atoi(f); err == nil && strings.Contains(string(line), "pipeline\x00run") {
				found = append(found, pid)
			}
		}
	}
	if len(found) == 0 {
		return 0
	}
	return found[coins.IntN(len(found))]
}

func (s *soak) measure(ctx context.Context, web int) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(2 * time.Second):
		}
		s.mu.Lock()
		s.samples = append(s.samples, soakSample{openFiles(web), residentKiB(web), openFiles(s.supervisor.Pid), s.goroutines, s.heapKiB})
		s.mu.Unlock()
	}
}

func openFiles(pid int) int {
	list, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(list)
}

func residentKiB(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	n, _ := strconv.Atoi(strings.Fields(rest + " 0")[0])
	return n
}

// judge compares the medians of the soak's second and last quarters: what grows
// with time is a leak.
func (s *soak) judge(st supervise.Status) {
	if s.failures.Load() > 0 {
		s.t.Errorf("%d of %d answers failed", s.failures.Load(), s.answers.Load())
	}
	for _, c := range st.Conditions {
		if c.Title == "" || c.Body == "" {
			s.t.Errorf("alert without words: %+v", c)
		}
	}
	for _, w := range st.Workflows {
		if w.LastStatus == state.Failed && w.Message == "" {
			s.t.Errorf("%s failed without a reason", w.Name)
		}
		if w.LastGood.IsZero() {
			s.t.Errorf("%s never ended well: %s %s", w.Name, w.LastStatus, w.Message)
		}
	}
	n := len(s.samples) / 4
	if n < 2 {
		s.t.Fatalf("%d samples", len(s.samples))
	}
	median := func(list []soakSample, of func(soakSample) int) int {
		var v []int
		for _, x := range list {
			v = append(v, of(x))
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	for name, c := range map[string]struct {
		of       func(soakSample) int
		absolute int
		factor   float64
	}{
		"descriptors of the web":        {func(x soakSample) int { return x.webFiles }, 8, 1.1},
		"memory of the web, KiB":        {func(x soakSample) int { return x.webKiB }, 48 << 10, 1.25},
		"descriptors of the supervisor": {func(x soakSample) int { return x.files }, 12, 1.1},
		"goroutines of the supervisor":  {func(x soakSample) int { return x.goroutines }, 12, 1.1},
		"heap of the supervisor, KiB":   {func(x soakSample) int { return x.heapKiB }, 8 << 10, 1.25},
	} {
		early, late := median(s.samples[n:2*n], c.of), median(s.samples[3*n:], c.of)
		s.t.Logf("%s: %d, then %d", name, early, late)
		if float64(late) > float64(early)*c.factor+float64(c.absolute) {
			s.t.Errorf("%s grew from %d to %d", name, early, late)
		}
	}
}
