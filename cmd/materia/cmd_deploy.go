package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/deploy"
)

func deployCmd(a *app) *cobra.Command {
	c := group("deploy", "Releases on this server: what runs, go back, hold",
		deployStatusCmd(a), deployRollbackCmd(a), deployPinCmd(a), deployPollCmd(a))
	c.Long = `A server with SUPERVISOR_GIT_PULL set (to anything) looks for a new release tag every
60 seconds, verifies, builds and tests it beside the running release, and switches.

Environment:
  MATERIA_HOME            releases, clone, current link (/opt/materia)
  DEPLOY_REMOTE           what git fetches from
  DEPLOY_BRANCH           protected branch that releases are on (main)
  DEPLOY_ALLOWED_SIGNERS  ssh-keygen's file of allowed signers, outside the repository; with it,
                          a tag or its commit must be signed
  DEPLOY_ARTEFACTS        folder or https address of releases that CI built and signed
  DEPLOY_SECRETS          prod or dev: which .sops file a release must be able to read (prod)
  DEPLOY_WEB_URL          where the web answers (http://127.0.0.1:8080)`
	c.Example = `  materia deploy status
  materia deploy rollback --why "stocks page shows no ports"
  materia deploy pin v41 --why "until the fix"`
	return c
}

// deployConfig reads where releases come from and go to.
func (a *app) deployConfig() (deploy.Config, error) {
	env := cmp.Or(a.getenv("DEPLOY_SECRETS"), "prod")
	store, err := a.secretStore(env)
	if err != nil {
		return deploy.Config{}, err
	}
	home := cmp.Or(a.getenv("MATERIA_HOME"), "/opt/materia")
	key := cmp.Or(a.getenv("SOPS_AGE_KEY_FILE"), filepath.Join(home, store.KeyFile))
	keyEnv := []string{"SOPS_AGE_KEY_FILE=" + key}
	c := deploy.Config{
		Root:           home,
		Remote:         a.getenv("DEPLOY_REMOTE"),
		Branch:         cmp.Or(a.getenv("DEPLOY_BRANCH"), "main"),
		AllowedSigners: a.getenv("DEPLOY_ALLOWED_SIGNERS"),
		Artefacts:      a.getenv("DEPLOY_ARTEFACTS"),
		Build:          []string{"make", "build"},
		BuildTime:      20 * time.Minute,
		Checks: []deploy.Check{
			{Name: "self-check", Args: []string{"bin/materia", "version"}, Time: time.Minute},
			{Name: "model tests", Args: []string{"bin/materia", "test"}},
			{Name: "secrets check", Args: []string{"bin/materia", "secrets", "test", "--env", env}, Env: keyEnv, Time: time.Minute},
			{Name: "secrets for the web", Args: []string{"bin/materia", "secrets", "write", "--env", env, "--out", "web.env"}, Env: keyEnv, Time: time.Minute},
		},
		Keep: 3,
		Now:  a.now,
		Log:  a.log,
	}
	if _, err := os.Stat(a.lakehouse); err == nil { // a new server has nothing to plan against
		c.Checks = append(c.Checks, deploy.Check{Name: "plan against live data", Args: []string{"bin/materia", "plan", "prod", "--explain"}, Env: a.dataEnviron()})
	}
	return c, nil
}

// dataEnviron are the paths of live data, absolute, for a process that runs in
// another folder.
func (a *app) dataEnviron() []string {
	var env []string
	for name, path := range map[string]string{"LANDING_DIR": a.landingDir, "DUCKDB_PATH": a.lakehouse, "SERVING_DUCKDB_PATH": a.servingPath} {
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
		env = append(env, name+"="+path)
	}
	slices.Sort(env)
	return env
}

// releaseName is the release that this very program belongs to; empty outside
// one.
func releaseName() string {
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	if self, err = filepath.EvalSymlinks(self); err != nil {
		return ""
	}
	dir := filepath.Dir(filepath.Dir(self))
	if filepath.Base(filepath.Dir(dir)) != "releases" {
		return ""
	}
	return filepath.Base(dir)
}

// webProcess is the web as a deploy restarts it and asks it. It belongs to
// systemd: a path unit watches run/restart-web and restarts it, so the
// supervisor needs no right over other units.
func (a *app) webProcess() deploy.Web {
	home := cmp.Or(a.getenv("MATERIA_HOME"), "/opt/materia")
	url := cmp.Or(a.getenv("DEPLOY_WEB_URL"), "http://127.0.0.1:8080")
	return deploy.Web{
		Restart: func(context.Context) error {
			return os.WriteFile(filepath.Join(home, "run", "restart-web"), []byte(releaseName()+"\n"), 0o644)
		},
		Healthy: func(ctx context.Context, release string) error { return webHealthy(ctx, url, release) },
	}
}

// webHealthTime is well below the 60 s after which start-materia goes back.
const webHealthTime = 45 * time.Second

// webHealthy asks until the web answers healthy from the release. The web of a
// server without data yet answers 503 and is told apart by its reason.
func webHealthy(ctx context.Context, url, release string) error {
	ctx, cancel := context.WithTimeout(ctx, webHealthTime)
	defer cancel()
	last := errors.New("no answer")
	for {
		var err error
		if err = askHealth(ctx, url, release); err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return last
		case <-time.After(250 * time.Millisecond):
		}
	}
}

func askHealth(ctx context.Context, url, release string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/healthz", nil)
	if err != nil {
		return err
	}
	req.Close = true // the next answer must not come over the old process's connection
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct{ Status, Reason, Version string }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return fmt.Errorf("%s/healthz: %s", url, resp.Status)
	}
	if answer.Status != "ok" {
		return fmt.Errorf("%s/healthz: %s: %s", url, answer.Status, answer.Reason)
	}
	if _, at, _ := strings.Cut(answer.Version, "@"); release != "" && at != release {
		return fmt.Errorf("%s/healthz: answered by %q, want release %s", url, answer.Version, release)
	}
	return nil
}

func deployStatusCmd(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "status",
		Short:   "What runs, what ran before, which tags were seen and what became of them",
		Example: "  materia deploy status --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			conf, err := a.deployConfig()
			if err != nil {
				return err
			}
			s, err := conf.Status()
			if err != nil {
				return err
			}
			if asJSON {
				return writeIndented(a.stdout, s)
			}
			a.printDeploy(s)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

func (a *app) printDeploy(s deploy.Status) {
	release := func(r *deploy.Release) string {
		if r == nil {
			return "none"
		}
		return fmt.Sprintf("%s (%.12s, built %s)", r.Tag, r.Commit, r.BuiltAt.Format(time.DateTime))
	}
	fmt.Fprintf(a.stdout, "current:  %s\nprevious: %s\n", release(s.Current), release(s.Previous))
	if s.Trial != "" {
		fmt.Fprintf(a.stdout, "on trial: %s\n", s.Trial)
	}
	if s.Pin != "" {
		fmt.Fprintf(a.stdout, "pinned:   %s (deploy pin --clear lets go)\n", s.Pin)
	}
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, name := range deploy.Newest(s.Tags, 20) {
		verdict := cmp.Or(s.Tags[name].Verdict, "waits")
		if moved := s.Tags[name].Moved; moved != "" {
			verdict += fmt.Sprintf("; moved to %.12s later, which was refused", moved)
		}
		fmt.Fprintf(t, "%s\t%.12s\t%s\n", name, s.Tags[name].Object, verdict)
	}
	t.Flush()
	for _, act := range s.Acts {
		fmt.Fprintf(a.stdout, "%s %s: %s (%s)\n", act.At.Format(time.DateTime), act.Who, act.What, act.Why)
	}
}

func deployRollbackCmd(a *app) *cobra.Command {
	var why string
	c := &cobra.Command{
		Use:   "rollback",
		Short: "Go back to the release before; what ran is never deployed again by itself",
		Long: `Point the current link to the release before, remember the commit that ran as bad, and
ask the supervisor to start again.`,
		Example: `  materia deploy rollback --why "stocks page shows no ports"`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			conf, err := a.deployConfig()
			if err != nil {
				return err
			}
			back, err := conf.Rollback(cmd.Context(), whoami(), why)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "deploy: current is %s; restart: systemctl restart materia-supervisor\n", back.Tag)
			return nil
		},
	}
	c.Flags().StringVar(&why, "why", "", "the reason, kept on record")
	_ = c.MarkFlagRequired("why") // the flag exists
	return c
}

func deployPinCmd(a *app) *cobra.Command {
	var why string
	var free bool
	c := &cobra.Command{
		Use:   "pin [TAG]",
		Short: "Hold this server at a tag, or let go",
		Example: `  materia deploy pin v41 --why "until the fix"
  materia deploy pin --clear --why "v43 has it"`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if free == (len(args) == 1) {
				return usage(errors.New("deploy pin: either a tag or --clear"))
			}
			conf, err := a.deployConfig()
			if err != nil {
				return err
			}
			tag := strings.Join(args, "")
			if err := conf.Pin(tag, whoami(), why); err != nil {
				return err
			}
			if free {
				fmt.Fprintln(a.stdout, "deploy: no pin; the next poll takes the newest tag")
			} else {
				fmt.Fprintf(a.stdout, "deploy: pinned; the next poll brings this server to %s\n", tag)
			}
			return nil
		},
	}
	c.Flags().StringVar(&why, "why", "", "the reason, kept on record")
	c.Flags().BoolVar(&free, "clear", false, "take the pin out")
	_ = c.MarkFlagRequired("why") // the flag exists
	return c
}

func deployPollCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "poll",
		Short: "Look for a new tag once and deploy it, as the supervisor does every 60 s",
		Long: `Look for a new tag once; verify, build, test and switch to it. The supervisor does the
same every 60 seconds when SUPERVISOR_GIT_PULL is set. A first release on a new server
comes this way.`,
		Example: "  materia deploy poll",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			conf, err := a.deployConfig()
			if err != nil {
				return err
			}
			if err := conf.Validate(); err != nil {
				return usage(err)
			}
			out, err := conf.Poll(cmd.Context())
			for _, n := range out.Notices {
				fmt.Fprintf(a.stdout, "deploy: %s: %s\n", n.Title, n.Text)
			}
			switch {
			case err != nil:
				return err
			case out.Switched != "":
				fmt.Fprintf(a.stdout, "deploy: current is %s\n", out.Switched)
			case len(out.Notices) > 0:
				return errors.New("deploy: nothing was deployed")
			default:
				fmt.Fprintln(a.stdout, "deploy: nothing new")
			}
			return nil
		},
	}
}

// whoami is the person behind sudo, or the user of this process.
func whoami() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}
