package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// server is a machine that deploys itself: a remote with signed tags, a root
// with releases, and what systemd does there. It holds the web's port, restarts
// the supervisor when it ends and the web when it is asked to.
type server struct {
	*house
	home, remote, work string
	port               *os.File
	url                string

	stop chan struct{}
	done sync.WaitGroup
	mu   sync.Mutex
	web  *exec.Cmd
	sup  *exec.Cmd
}

// newServer has data published already, release v1 current, and nothing running.
func newServer(t *testing.T, realBuilds bool) *server {
	t.Helper()
	for _, program := range []string{"git", "ssh-keygen", "sops", "make", "tar"} {
		if _, err := exec.LookPath(program); err != nil {
			loudSkip(t, "%s is not installed", program)
		}
	}
	_, upstream := smallUpstream(t)
	s := &server{house: newHouse(t, "MATERIA_UPSTREAM="+upstream.URL), stop: make(chan struct{})}
	s.project = cutProject(t, "serving.coffee_prices")
	s.run("pipeline", "run", "extract_prices")
	s.run("pipeline", "run", "transform")
	s.run("pipeline", "run", "export_serving")
	s.home, s.remote, s.work = s.path("home"), s.path("remote.git"), s.path("work")
	s.sh(s.dir, "git init --quiet --bare -b main remote.git && git clone --quiet remote.git work 2>/dev/null && git -C work checkout --quiet -b main")
	s.sh(s.dir, `ssh-keygen -q -t ed25519 -N '' -C ana@example.org -f signer && printf 'ana@example.org namespaces="git" %s\n' "$(cat signer.pub)" > allowed_signers`)
	s.sh(s.dir, "mkdir -p home/run home/bin empty")
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	s.sh(root, "install -m 600 infra/dev-only.agekey "+s.path("age-key.txt"))
	s.sh(root, "install -m 755 infra/supervisor/start-materia "+filepath.Join(s.home, "bin", "start-materia"))
	s.sh(root, "git ls-files -z | xargs -0 cp --parents -t "+s.work)
	if !realBuilds {
		// Models that lead to one table: every release runs their tests.
		s.sh(s.work, "rm -r transform && cp -R "+s.project+" transform")
		s.sh(root, "mkdir -p "+s.work+"/transform/tests && cp transform/tests/test_price_*.yaml "+s.work+"/transform/tests/")
		// The program is this very binary, as in all tests of the command line;
		// what a release adds is the way it came.
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		s.write("Makefile", "build:\n\ttest ! -f broken\n\tmkdir -p bin\n\tln -f "+self+" bin/materia || cp "+self+" bin/materia\n")
	}
	s.env = append(s.env, "MATERIA_HOME="+s.home, "DEPLOY_REMOTE="+s.remote, "DEPLOY_ALLOWED_SIGNERS="+s.path("allowed_signers"),
		"DEPLOY_SECRETS=dev", "SOPS_AGE_KEY_FILE="+s.path("age-key.txt"), "SUPERVISOR_GIT_PULL=1")
	s.tag(1)
	s.run("deploy", "poll")
	return s
}

func (s *server) sh(dir, line string) string {
	s.t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=ana", "GIT_AUTHOR_EMAIL=ana@example.org",
		"GIT_COMMITTER_NAME=ana", "GIT_COMMITTER_EMAIL=ana@example.org")
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (s *server) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.work, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		s.t.Fatal(err)
	}
}

// tag commits the work tree and pushes it as v<n>, signed.
func (s *server) tag(n int) {
	s.t.Helper()
	s.sh(s.work, fmt.Sprintf(`git add -A && git commit --quiet --allow-empty -m v%d && git push --quiet origin main &&
		git -c gpg.format=ssh -c user.signingkey=%s tag -s -m v%d v%d && git push --quiet origin v%d`, n, s.path("signer"), n, n, n))
}

// start is boot: the port, the web, the supervisor, the path unit.
func (s *server) start() {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	if s.port, err = l.(*net.TCPListener).File(); err != nil {
		s.t.Fatal(err)
	}
	s.url = "http://" + l.Addr().String()
	l.Close() // the copy holds the port
	s.env = append(s.env, "DEPLOY_WEB_URL="+s.url)
	s.done.Go(func() { s.keep(&s.web, s.webCommand) })
	s.done.Go(func() { s.keep(&s.sup, s.supervisorCommand) })
	s.done.Go(s.restartWebWhenAsked)
	s.t.Cleanup(func() {
		close(s.stop)
		s.signal(&s.web, syscall.SIGTERM)
		s.signal(&s.sup, syscall.SIGKILL)
		s.done.Wait()
		s.port.Close()
	})
}

func (s *server) webCommand() *exec.Cmd {
	// systemd names the process that a socket is for by its pid, which only the
	// process itself knows before exec.
	c := exec.Command("sh", "-c", `LISTEN_FDS=1 LISTEN_PID=$$ exec "$1/current/bin/materia" web`, "web", s.home)
	c.Dir, c.Env = filepath.Join(s.home, "current"), s.command().Env
	c.ExtraFiles = []*os.File{s.port}
	return c
}

func (s *server) supervisorCommand() *exec.Cmd {
	c := exec.Command(filepath.Join(s.home, "bin", "start-materia"), s.home, "supervisor", "--deploy-every", "1s")
	c.Dir, c.Env = filepath.Join(s.home, "current"), append(s.command().Env, "TRIAL_SECONDS=60")
	return c
}

// keep restarts a process whenever it ends, and ends what it left.
func (s *server) keep(slot **exec.Cmd, command func() *exec.Cmd) {
	for {
		select {
		case <-s.stop:
			return
		default:
		}
		c := command()
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		c.Stdout, c.Stderr = s.log(), s.log()
		s.mu.Lock()
		err := c.Start()
		*slot = c
		s.mu.Unlock()
		if err != nil {
			s.t.Error(err)
			return
		}
		_ = c.Wait()                                      // that it fails is part of what is tested
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // the rest of the unit
		time.Sleep(50 * time.Millisecond)
	}
}

func (s *server) signal(slot **exec.Cmd, sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *slot != nil && (*slot).Process != nil {
		_ = syscall.Kill((*slot).Process.Pid, sig)
	}
}

func (s *server) restartWebWhenAsked() {
	seen := ""
	for {
		select {
		case <-s.stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
		info, err := os.Stat(filepath.Join(s.home, "run", "restart-web"))
		// An empty file is one that is being written: a second TERM for the same
		// wish would end the web at once.
		if err == nil && info.Size() > 0 && info.ModTime().String() != seen {
			seen = info.ModTime().String()
			s.signal(&s.web, syscall.SIGTERM)
		}
	}
}

func (s *server) log() io.Writer {
	f, err := os.OpenFile(s.path("journal"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		s.t.Error(err)
		return io.Discard
	}
	s.t.Cleanup(func() { f.Close() })
	return f
}

// verdict is what became of a tag; empty while that is open.
func (s *server) verdict(tag string) string {
	s.t.Helper()
	var d struct {
		Tags map[string]struct{ Verdict string }
	}
	if err := json.Unmarshal([]byte(s.run("deploy", "status", "--json").stdout), &d); err != nil {
		s.t.Fatal(err)
	}
	return d.Tags[tag].Verdict
}

// wait polls until ok. Its bound is for a machine that hangs, not a slow one.
func (s *server) wait(what string, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if ok() {
			return
		}
	}
	journal, _ := os.ReadFile(s.path("journal"))
	s.t.Fatalf("never came: %s\n%s", what, journal)
}

// settled says whether release v<n> is current and off trial.
func (s *server) settled(n int) bool {
	to, err := os.Readlink(filepath.Join(s.home, "current"))
	if err != nil || !strings.HasPrefix(filepath.Base(to), fmt.Sprintf("%d-", n)) {
		return false
	}
	_, err = os.Stat(filepath.Join(s.home, "trial"))
	return errors.Is(err, os.ErrNotExist)
}

// visitors ask for the front page all the time, each over a connection of its
// own, and count what was not answered with 200.
func (s *server) visitors() (stop func() (asked, failed int64, last string)) {
	var asked, failed atomic.Int64
	var last atomic.Value
	last.Store("")
	end := make(chan struct{})
	var all sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Minute}
	for range 2 {
		all.Go(func() {
			for {
				select {
				case <-end:
					return
				case <-time.After(50 * time.Millisecond):
				}
				asked.Add(1)
				resp, err := client.Get(s.url + "/")
				if err == nil {
					_, err = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					if resp.StatusCode != http.StatusOK {
						err = errors.New(resp.Status)
					}
				}
				if err != nil {
					failed.Add(1)
					last.Store(err.Error())
				}
			}
		})
	}
	return func() (int64, int64, string) {
		close(end)
		all.Wait()
		return asked.Load(), failed.Load(), last.Load().(string)
	}
}

// Tags good and bad, with visitors all the while: each good one runs in the end,
// each bad one leaves the release before it, and no visitor notices.
func TestDeployWithVisitors(t *testing.T) {
	s := newServer(t, false)
	s.start()
	s.wait("v1 healthy", func() bool { return s.settled(1) && webHealthy(t.Context(), s.url, "") == nil })
	stop := s.visitors()
	tags, last := 2, 1
	if os.Getenv("MATERIA_LONG") != "" {
		tags = 200
	}
	for n := 2; n <= tags+1; n++ {
		name := fmt.Sprintf("v%d", n)
		switch n % 5 {
		case 0: // does not build
			s.write("broken", name)
		case 3: // models fail their tests
			s.write("transform/models/foundation/half.sql", "MODEL (name foundation.half, kind FULL);\nSELECT")
		case 2: // the web runs from something new
			s.write("cmd/materia/web", name)
		}
		s.tag(n)
		if n%5 == 0 || n%5 == 3 {
			s.wait(name+" refused", func() bool { return strings.HasPrefix(s.verdict(name), "failed") })
			s.sh(s.work, "rm -f broken transform/models/foundation/half.sql")
			if !s.settled(last) {
				t.Errorf("%s failed and v%d does not run", name, last)
			}
			continue
		}
		last = n
		s.wait(name, func() bool { return s.settled(n) })
	}
	s.unnoticed(stop())
	left, err := os.ReadDir(filepath.Join(s.home, "releases"))
	if err != nil || len(left) > 7 {
		t.Errorf("%d releases are kept, %v", len(left), err)
	}
}

// The web alone, restarted again and again: requests that come meanwhile wait
// in the socket's queue.
func TestWebRestartsUnderVisitors(t *testing.T) {
	restarts := 3
	if os.Getenv("MATERIA_LONG") != "" {
		restarts = 300
	}
	s := newServer(t, false)
	s.start()
	s.wait("the web healthy", func() bool { return webHealthy(t.Context(), s.url, "") == nil })
	stop := s.visitors()
	for n := range restarts {
		before := s.webPid()
		s.signal(&s.web, syscall.SIGTERM)
		s.wait(fmt.Sprintf("restart %d", n), func() bool { return s.webPid() != before && webHealthy(t.Context(), s.url, "") == nil })
	}
	s.unnoticed(stop())
}

// unnoticed wants that no visitor was turned away.
func (s *server) unnoticed(asked, failed int64, why string) {
	s.t.Helper()
	if failed > 0 || asked < 5 {
		journal, _ := os.ReadFile(s.path("journal"))
		s.t.Errorf("visitors: %d of %d requests failed, the last with %s\n%s", failed, asked, why, journal)
	}
	s.t.Logf("%d requests, %d failed", asked, failed)
}

func (s *server) webPid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.web == nil || s.web.Process == nil {
		return 0
	}
	return s.web.Process.Pid
}

// The same with releases that are built, from this repository's own files. It
// takes minutes, so it runs in the long form only.
func TestDeployRealBuilds(t *testing.T) {
	if os.Getenv("MATERIA_LONG") == "" {
		t.Skip("ten real builds take minutes: make long")
	}
	s := newServer(t, true)
	s.start()
	s.wait("v1 healthy", func() bool { return s.settled(1) && webHealthy(t.Context(), s.url, "") == nil })
	stop := s.visitors()
	for n := 2; n <= 11; n++ {
		s.write("internal/web/release.go", fmt.Sprintf("package web\n\n// Release %d.\n", n))
		began := time.Now()
		s.tag(n)
		name := fmt.Sprintf("v%d", n)
		s.wait(name, func() bool { return s.settled(n) })
		t.Logf("%s healthy after %.0f s", name, time.Since(began).Seconds())
	}
	s.unnoticed(stop())
}
