package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The test binary is also the supervisor of the releases under test: a
// release's program is a script that runs it with the release's folder.
func TestMain(m *testing.M) {
	if os.Getenv("DEPLOY_TEST_CONFIG") != "" && len(os.Args) == 2 {
		superviseForTest(os.Args[1])
	}
	os.Exit(m.Run())
}

// superviseForTest is a supervisor reduced to deploying: settle, then poll until
// something was switched to. The release's file "behaviour" says what is wrong
// with it.
func superviseForTest(release string) {
	var c Config
	if err := json.Unmarshal([]byte(os.Getenv("DEPLOY_TEST_CONFIG")), &c); err != nil {
		panic(err)
	}
	c.Now, c.Log = time.Now, slog.New(slog.DiscardHandler)
	behaviour, _ := os.ReadFile(filepath.Join(release, "behaviour"))
	web := healthyWeb()
	switch strings.TrimSpace(string(behaviour)) {
	case "crash":
		os.Exit(1)
	case "hang":
		time.Sleep(time.Hour)
	case "unhealthy":
		web.Healthy = func(context.Context, string) error { return errors.New("answers 503") }
	}
	out, err := c.Settle(context.Background(), web)
	tell(c, out)
	if err != nil && !errors.Is(err, ErrBusy) {
		os.Exit(1)
	}
	for range 600 {
		out, err := c.Poll(context.Background())
		tell(c, out)
		if err == nil && out.Switched != "" {
			os.Exit(0)
		}
		time.Sleep(50 * time.Millisecond)
	}
	os.Exit(2)
}

func tell(c Config, out Outcome) {
	f, err := os.OpenFile(c.path("..", "told"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		panic(err)
	}
	for _, n := range out.Notices {
		fmt.Fprintln(f, n.Key)
	}
	f.Close()
}

// machine restarts the supervisor whenever it ends, as systemd does.
type machine struct {
	stop chan struct{}
	done sync.WaitGroup

	mu           sync.Mutex
	running      *os.Process
	trialSeconds int // of what is started next
}

func (m *machine) setTrial(seconds int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trialSeconds = seconds
}

func (r *rig) start(trialSeconds int) *machine {
	r.t.Helper()
	script, err := filepath.Abs("../../infra/supervisor/start-materia")
	if err != nil {
		r.t.Fatal(err)
	}
	plain := r.config
	plain.Now, plain.Log = nil, nil
	text, err := json.Marshal(struct {
		Root, Remote, Branch, AllowedSigners string
		Build                                []string
		Checks                               []Check
		Keep                                 int
	}{plain.Root, plain.Remote, plain.Branch, plain.AllowedSigners, plain.Build, plain.Checks, plain.Keep})
	if err != nil {
		r.t.Fatal(err)
	}
	m := &machine{stop: make(chan struct{}), trialSeconds: trialSeconds}
	m.done.Go(func() {
		for {
			select {
			case <-m.stop:
				return
			default:
			}
			m.mu.Lock()
			trialSeconds := m.trialSeconds
			m.mu.Unlock()
			cmd := exec.Command(script, r.config.Root, "supervisor")
			cmd.Env = append(os.Environ(), "DEPLOY_TEST_CONFIG="+string(text), "DEPLOY_TEST_PROGRAM="+os.Args[0], fmt.Sprintf("TRIAL_SECONDS=%d", trialSeconds))
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			if err := cmd.Start(); err != nil {
				r.t.Error(err)
				return
			}
			m.mu.Lock()
			m.running = cmd.Process
			m.mu.Unlock()
			_ = cmd.Wait() // a supervisor that fails is part of the trial
			// systemd ends what else runs in the unit.
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			time.Sleep(20 * time.Millisecond)
		}
	})
	r.t.Cleanup(func() { close(m.stop); m.kill(); m.done.Wait() })
	return m
}

func (m *machine) kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running != nil {
		_ = syscall.Kill(-m.running.Pid, syscall.SIGKILL)
	}
}

// waitFor polls until ok. Its bound is there for a machine that hangs, not for
// one that is slow.
func (r *rig) waitFor(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	r.t.Fatalf("never came: %s", what)
}

func (r *rig) told() string {
	text, _ := os.ReadFile(filepath.Join(r.dir, "told"))
	return string(text)
}

// settled says whether tag runs and no trial is open.
func (r *rig) settled(tag string) bool {
	current, err := r.config.current()
	if err != nil || current.Tag != tag {
		return false
	}
	_, err = os.Stat(r.config.path("trial"))
	return os.IsNotExist(err)
}

// A release that crashes, hangs or leaves the web unhealthy is taken back by the
// start script, told once, and never tried again.
func TestBadReleaseIsTakenBack(t *testing.T) {
	for _, behaviour := range []string{"crash", "hang", "unhealthy"} {
		t.Run(behaviour, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.release("v1")
			r.poll()
			r.settle()
			m := r.start(3) // so that one that hangs is taken back soon
			r.write("behaviour", behaviour)
			r.write("internal/web/page", "second")
			r.release("v2")
			bad := r.sh(r.work, "git rev-parse HEAD")
			r.waitFor("the notice that v2 was taken back", func() bool { return strings.Contains(r.told(), "deploy-failed-"+bad) })
			r.waitFor("v1 again", func() bool { return r.settled("v1") })
			m.setTrial(60) // a good one has the usual time, which a loaded machine needs
			r.write("behaviour", "good")
			r.release("v3")
			r.waitFor("v3", func() bool { return r.settled("v3") })
			if n := strings.Count(r.told(), "deploy-failed-"+bad); n != 1 {
				t.Errorf("told %d times", n)
			}
		})
	}
}

// Killed at random moments of deploying, the current link always points to a
// whole release, and the machine comes to the newest one.
func TestKilledWhileDeploying(t *testing.T) {
	kills := 15
	if os.Getenv("MATERIA_LONG") != "" {
		kills = 300
	}
	r := newRig(t)
	r.write("build.sh", buildScript+"sleep 0.05\n")
	r.release("v1")
	r.poll()
	r.settle()
	m := r.start(60)
	random := rand.New(rand.NewPCG(1, 2))
	for n := range kills {
		r.release(fmt.Sprintf("v%d", n+2))
		time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond)
		m.kill()
		current, err := r.config.current()
		if err != nil {
			t.Fatalf("kill %d: current: %v", n, err)
		}
		if _, err := os.Stat(r.config.path("current", "bin", "materia")); err != nil {
			t.Fatalf("kill %d: %s is not whole: %v", n, current.Name(), err)
		}
	}
	last := fmt.Sprintf("v%d", kills+1)
	r.waitFor(last, func() bool { return r.settled(last) }) // killed once, tried once more
}
