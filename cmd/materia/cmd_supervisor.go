package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/alert"
	"beanflows.coffee/materia/internal/backup"
	"beanflows.coffee/materia/internal/deploy"
	"beanflows.coffee/materia/internal/state"
	"beanflows.coffee/materia/internal/supervise"
)

// defaultWorkflows is looked for beside the project, wherever that is.
const defaultWorkflows = "infra/supervisor/workflows.toml"

// workflowsVariable tells a child which file its supervisor runs.
const workflowsVariable = "MATERIA_WORKFLOWS"

func supervisorCmd(a *app) *cobra.Command {
	var workflows, metrics string
	var deployEvery time.Duration
	c := &cobra.Command{
		Use:   "supervisor",
		Short: "Run what is due, for years; status and check are its parts",
		Long: `Run the workflows of workflows.toml when they are due, each as a process of its own, and
transform and export after them. One run a slot; a slot that was missed gets one run. A second
supervisor on the same landing zone exits 11 and names the first.

Environment, besides what every verb reads:
  ALERT_WEBHOOK_URL     where alerts go; nothing is sent without it
  ALERT_WEBHOOK_FORMAT  ntfy (default) or json
  HEARTBEAT_URL         asked every 5 minutes while the loop advances: an outside dead-man check
  BACKUP_S3_...         materia backup --help; with them the backup's age is watched
  SUPERVISOR_GIT_PULL   set: deploy new release tags (materia deploy --help)`,
		Example: `  materia supervisor
  materia supervisor --metrics 127.0.0.1:9464      # Prometheus metrics at /metrics
  materia supervisor status
  materia supervisor check                         # is workflows.toml right?`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.supervise(cmd.Context(), workflows, metrics, deployEvery)
		},
	}
	c.PersistentFlags().StringVar(&workflows, "workflows", defaultWorkflows, "what runs when")
	c.Flags().StringVar(&metrics, "metrics", "", "address to serve Prometheus metrics on; empty: none")
	c.Flags().DurationVar(&deployEvery, "deploy-every", time.Minute, "how often to look for a new release tag")
	c.AddCommand(supervisorStatusCmd(a, &workflows), supervisorCheckCmd(a, &workflows))
	return c
}

func supervisorCheckCmd(a *app, workflows *string) *cobra.Command {
	return &cobra.Command{
		Use:     "check",
		Short:   "Say everything that is wrong with workflows.toml, by line",
		Example: "  materia supervisor check --workflows infra/supervisor/workflows.toml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := a.loadWorkflows(*workflows)
			if err != nil {
				return err
			}
			t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "WORKFLOW\tSCHEDULE\tNEXT (UTC)\tPIPELINE\tAFTER\tTIMEOUT\tRETRIES")
			for _, w := range list {
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\n", w.Name, w.Schedule(), minute(w.Schedule().Next(a.now())), w.Pipeline, strings.Join(w.DependsOn, ", "), w.Timeout, w.Retries)
			}
			return t.Flush()
		},
	}
}

func supervisorStatusCmd(a *app, workflows *string) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "What the supervisor does and did, and what is wrong",
		Long:  `What the supervisor does and did, what was missed and why, what is wrong. Exit code 1 if none is running.`,
		Example: `  materia supervisor status
  materia supervisor status --json | jq '.conditions'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			st, err := a.supervisorStatus(cmd.Context(), *workflows)
			if err != nil {
				return err
			}
			if asJSON {
				err = writeIndented(a.stdout, st)
			} else {
				err = a.printSupervisor(st)
			}
			if err == nil && !st.Running {
				err = errors.New("supervisor: none is running on this landing zone")
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

func (a *app) printSupervisor(st supervise.Status) error {
	if st.Running {
		fmt.Fprintf(a.stdout, "supervisor %s, pid %d, since %s: %s (last progress %s)\n", st.Version, st.PID, minute(st.StartedAt), st.Doing, minute(st.ProgressedAt))
	} else {
		fmt.Fprintf(a.stdout, "supervisor: %s; last progress %s\n", st.Doing, minute(st.ProgressedAt))
	}
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nWORKFLOW\tSCHEDULE\tLAST\tSTATUS\tLAST GOOD\tNEXT (UTC)\t")
	for _, w := range st.Workflows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t\n", w.Name, w.Schedule, minute(w.LastStarted), w.LastStatus, minute(w.LastGood), minute(w.Next))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, w := range st.Workflows {
		if bad := w.LastStatus != "" && w.LastStatus != state.Success && w.LastStatus != state.Running; bad {
			fmt.Fprintf(a.stdout, "%s %s (attempt %d): %s\n", w.Name, w.LastStatus, w.Attempts, indented(w.Message))
		}
	}
	if len(st.Conditions) == 0 {
		fmt.Fprintln(a.stdout, "\nno alert is open")
	}
	for _, c := range st.Conditions {
		fmt.Fprintf(a.stdout, "\n%s since %s: %s\n    %s\n", strings.ToUpper(c.Severity), minute(c.Since), c.Title, indented(c.Body))
	}
	if st.Unsent > 0 {
		why := ""
		if a.getenv("ALERT_WEBHOOK_URL") == "" {
			why = " (ALERT_WEBHOOK_URL is not set here)"
		}
		fmt.Fprintf(a.stdout, "%s not sent yet%s\n", plural(st.Unsent, "message"), why)
	}
	for _, g := range st.Gaps {
		fmt.Fprintf(a.stdout, "not run: %s of %s, %s to %s: %s\n", plural(g.Slots, "slot"), g.Workflow, minute(g.First), minute(g.Last), g.Reason)
	}
	if !st.Backup.LastGood.IsZero() || st.Backup.LastStatus != "" {
		fmt.Fprintf(a.stdout, "backup: last good %s, last %s; verified %s\n", minute(st.Backup.LastGood), st.Backup.LastStatus, minute(st.Backup.LastVerified))
	}
	return nil
}

// minute is a moment for a table; a dash for one that never was.
func minute(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func indented(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n    ") }

func (a *app) loadWorkflows(path string) ([]supervise.Workflow, error) {
	names := map[string]bool{}
	for _, p := range a.pipelines() {
		names[p.name] = true
	}
	list, err := supervise.Load(path, func(name string) bool { return names[name] })
	if errors.As(err, new(*supervise.ConfigError)) {
		return nil, usage(err)
	}
	return list, err
}

func (a *app) supervisorLock() string { return filepath.Join(a.landingDir, ".supervisor.lock") }
func (a *app) journalPath() string    { return filepath.Join(a.landingDir, ".journal.sqlite") }

// openJournal opens the supervisor's diary. One that is damaged is moved away
// and begun anew: each workflow then runs once more. Not under the feet of a
// supervisor that has it open: it would go on with the file that was moved.
func (a *app) openJournal(ctx context.Context) (*state.Journal, error) {
	zone, err := a.zone() // makes the folder
	if err != nil {
		return nil, err
	}
	// A status may be asked for while the supervisor starts: one of them begins or
	// mends it, and the other waits, see openState.
	lock, err := zone.Lock(ctx, "journal", stateMending)
	if err != nil {
		return nil, err
	}
	defer lock.Unlock()
	path := a.journalPath()
	damaged, moved := emptied(path, path+"-wal"), ""
	j, err := state.OpenJournal(path)
	if errors.Is(err, state.ErrCorrupt) {
		if pid, _, running := supervise.Running(a.supervisorLock()); running && pid != os.Getpid() {
			return nil, fmt.Errorf("%w (the supervisor, PID %d, has it open; it mends it when it is started again: systemctl restart materia-supervisor)", err, pid)
		}
		damaged = true
		if moved, err = state.Quarantine(path); err == nil {
			j, err = state.OpenJournal(path)
		}
	}
	if err == nil && damaged {
		const what, mended = "the supervisor's journal", "begun anew: each workflow runs once more, and alerts that were open are forgotten"
		a.logDamage(what, moved, mended)
		a.noticeDamage(ctx, j, what, moved, mended)
	}
	return j, err
}

// checkJournal reads the journal as another process would: what the supervisor
// itself has of it in memory hides that the file was damaged.
func (a *app) checkJournal(context.Context) error {
	j, err := state.OpenJournal(a.journalPath())
	switch {
	case errors.Is(err, state.ErrCorrupt):
		return fmt.Errorf("%w; started again, it is moved aside and begun anew", err)
	case err != nil:
		a.log.Warn("the journal could not be checked", "error", err.Error())
		return nil
	}
	return j.Close()
}

func (a *app) supervisorStatus(ctx context.Context, workflows string) (supervise.Status, error) {
	list, err := a.loadWorkflows(workflows)
	if err != nil {
		return supervise.Status{}, err
	}
	j, err := a.openJournal(ctx)
	if err != nil {
		return supervise.Status{}, err
	}
	st, err := supervise.Look(ctx, j, list, a.supervisorLock(), a.now())
	return st, errors.Join(err, j.Close())
}

// supervise is the supervisor's process: it takes the lock, opens the journal,
// sets up what runs beside the loop, and runs the loop.
func (a *app) supervise(ctx context.Context, workflows, metrics string, deployEvery time.Duration) error {
	list, err := a.loadWorkflows(workflows)
	if err != nil {
		return err
	}
	_, bucket, err := backup.ConfigFrom(a.getenv)
	if err != nil {
		return usage(err)
	}
	if _, err := a.zone(); err != nil {
		return err
	}
	lock, err := supervise.TakeLock(a.supervisorLock(), time.Now())
	if err != nil {
		return err
	}
	defer lock.Release()
	j, err := a.openJournal(ctx)
	if err != nil {
		return err
	}
	defer j.Close()
	clock := a.supervisorClock()
	sender, err := alert.NewSender(j, a.getenv("ALERT_WEBHOOK_URL"), a.getenv("ALERT_WEBHOOK_FORMAT"), a.log, clock.Now)
	if err != nil {
		return usage(err)
	}
	desk := &alert.Desk{Journal: j, Log: a.log, Now: clock.Now, Wake: sender.Wake}
	besides, stop := context.WithCancel(ctx)
	defer stop()
	go sender.Run(besides)
	if metrics != "" {
		if err := a.serveMetrics(besides, metrics, supervise.Metrics{Version: version, Folders: a.dataFolders(),
			Look: func(ctx context.Context) (supervise.Status, error) {
				return supervise.Look(ctx, j, list, a.supervisorLock(), clock.Now())
			}}); err != nil {
			return err
		}
	}
	children, err := a.children(workflows)
	if err != nil {
		return err
	}
	var notify supervise.Notifier
	beat := &supervise.Heartbeat{URL: a.getenv("HEARTBEAT_URL"), Every: 5 * time.Minute, Log: a.log}
	tending := supervise.Tending{Journal: j, Alerts: desk, Now: clock.Now, Folders: a.dataFolders(), Backup: bucket, BackupSince: clock.Now()}
	o := supervise.Options{Workflows: list, Journal: j, Alerts: desk, Log: a.log, Clock: clock, Version: version, RunJob: children.Run, AskEvery: deployEvery,
		StationTimeout: transformLimit + stopGrace,
		CheckJournal:   a.checkJournal,
		AfterTick: func(ctx context.Context) {
			tending.Look(ctx)
			sender.Wake() // for what children wrote into the outbox
		},
		Progressed: func(doing string) { notify.Progressed(doing); beat.Beat() }}
	if a.getenv("SUPERVISOR_GIT_PULL") != "" {
		if o.NewVersion, err = a.newVersions(ctx, desk); err != nil {
			return err
		}
	}
	a.log.Info(fmt.Sprintf("supervising %s from %s", plural(len(list), "workflow"), workflows))
	err = supervise.Run(ctx, o)
	notify.Stopping()
	if errors.Is(err, supervise.ErrRestart) {
		a.log.Info("a new version is current: ending, so that it is started")
		return nil
	}
	return err
}

// supervisorClock is the machine's, or begins at MATERIA_NOW and goes on from
// there.
func (a *app) supervisorClock() supervise.Clock {
	clock := supervise.SystemClock()
	if a.fixedNow != "" {
		from := a.now()
		clock.Now = func() time.Time { return from.Add(clock.Elapsed()).UTC() }
	}
	return clock
}

// children runs pipelines with this very program: after a deploy, a supervisor
// that has not ended yet goes on with its own release.
func (a *app) children(workflows string) (supervise.Children, error) {
	self, err := os.Executable()
	if err != nil {
		return supervise.Children{}, fmt.Errorf("supervisor: find my own program: %w", err)
	}
	return supervise.Children{Output: a.stderr, Command: func(pipeline string) *exec.Cmd {
		cmd := exec.Command(self, "--project", a.projectDir, "--log-format", a.logFormat, "--lock-wait", a.lockWait.String(), "pipeline", "run", pipeline)
		cmd.Env = append(childEnviron(os.Environ()), workflowsVariable+"="+workflows)
		return cmd
	}}, nil
}

// childEnviron is the environment without what a pipeline has no use for:
// systemd's sockets and the keys to bucket and webhook.
func childEnviron(all []string) (env []string) {
	for _, v := range all {
		name, _, _ := strings.Cut(v, "=")
		switch {
		case name == "NOTIFY_SOCKET", strings.HasPrefix(name, "WATCHDOG_"), strings.HasPrefix(name, "LISTEN_"),
			strings.HasPrefix(name, "BACKUP_S3_"), strings.HasPrefix(name, "ALERT_"), name == "HEARTBEAT_URL", name == "SOPS_AGE_KEY_FILE":
		default:
			env = append(env, v)
		}
	}
	return env
}

// dataFolders are the folders that are written to and exist.
func (a *app) dataFolders() (list []string) {
	for _, f := range []string{a.landingDir, filepath.Dir(a.lakehouse), filepath.Dir(a.servingPath)} {
		if info, err := os.Stat(f); err == nil && info.IsDir() {
			list = append(list, f)
		}
	}
	return list
}

func (a *app) serveMetrics(ctx context.Context, addr string, m supervise.Metrics) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("supervisor: metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.log.Error("metrics", "error", err.Error())
		}
	}()
	context.AfterFunc(ctx, func() { server.Close() })
	a.log.Info("metrics on http://" + l.Addr().String() + "/metrics")
	return nil
}

// newVersions settles the release that this process belongs to, and returns how
// to look for the next one.
func (a *app) newVersions(ctx context.Context, desk *alert.Desk) (func(context.Context) bool, error) {
	conf, err := a.deployConfig()
	if err != nil {
		return nil, err
	}
	if err := conf.Validate(); err != nil {
		return nil, usage(err)
	}
	tell := func(out deploy.Outcome) {
		for _, n := range out.Notices {
			desk.Notice(ctx, n.Key, alert.Error, n.Title, n.Text)
		}
	}
	out, err := conf.Settle(ctx, a.webProcess())
	tell(out)
	if err != nil {
		return nil, fmt.Errorf("supervisor: this release must not run: %w", err)
	}
	return func(ctx context.Context) bool {
		out, err := conf.Poll(ctx)
		tell(out)
		switch {
		case err != nil && ctx.Err() == nil:
			desk.Raise(ctx, "deploy", alert.Warning, "New releases cannot be looked for", err.Error())
		case err == nil:
			desk.Resolve(ctx, "deploy", "The remote answers again.")
		}
		return out.Switched != ""
	}, nil
}
