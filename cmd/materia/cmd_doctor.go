package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/backup"
	"beanflows.coffee/materia/internal/doctor"
	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/plan"
	"beanflows.coffee/materia/internal/serving"
	"beanflows.coffee/materia/internal/state"
	"beanflows.coffee/materia/internal/supervise"
)

func doctorCmd(a *app) *cobra.Command {
	var asJSON bool
	var workflows string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look at this machine: what is right, what is wrong, what to do",
		Long: `Look at paths, permissions, space, clock, locks, keys, remotes, units and versions, and say what
to do about what is wrong. It changes nothing. Exit code 1 if something fails.`,
		Example: `  materia doctor
  sudo -u materia materia secrets exec --env prod -- materia doctor --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			all := doctor.Run(cmd.Context(), a.doctorChecks(workflows))
			if asJSON {
				if err := writeIndented(a.stdout, all); err != nil {
					return err
				}
			} else if err := a.printFindings(all); err != nil {
				return err
			}
			if doctor.Failed(all) {
				return errors.New("doctor: something has to be done; see above")
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as a JSON array")
	c.Flags().StringVar(&workflows, "workflows", defaultWorkflows, "what the supervisor runs")
	return c
}

func (a *app) printFindings(all []doctor.Finding) error {
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, f := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\n", strings.ToUpper(f.Verdict), f.Check, f.Says)
		if f.Do != "" {
			fmt.Fprintf(t, "\t\t-> %s\n", f.Do)
		}
	}
	return t.Flush()
}

func (a *app) doctorChecks(workflows string) []doctor.Check {
	checks := []doctor.Check{
		doctor.Folder("LANDING_DIR", a.landingDir),
		doctor.Folder("DUCKDB_PATH's folder", filepath.Dir(a.lakehouse)),
		doctor.Folder("SERVING_DUCKDB_PATH's folder", filepath.Dir(a.servingPath)),
		a.checkSpace,
		a.checkFiles,
		doctor.Clock(a.newestLanding()),
		a.checkLocks,
		doctor.Private("age identity", cmp.Or(a.getenv("SOPS_AGE_KEY_FILE"), filepath.Join(cmp.Or(a.getenv("MATERIA_HOME"), "/opt/materia"), prodKeyFile)), ""),
		a.checkSettings,
		a.checkWorkflows(workflows),
		a.checkSupervisor(workflows),
		a.checkBucket,
		doctor.Units("materia-supervisor.service", "materia-web.service", "materia-web.socket", "materia-backup.timer", "materia-backup-verify.timer"),
		func(context.Context) []doctor.Finding {
			return []doctor.Finding{{Check: "version", Verdict: doctor.OK, Says: "materia " + runningVersion() + ", " + runtime.Version() + ", " + runtime.GOOS + "/" + runtime.GOARCH}}
		},
		doctor.Program("git", a.getenv("SUPERVISOR_GIT_PULL") != "", "deploys need it", "--version"),
		doctor.Program("sops", a.getenv("SUPERVISOR_GIT_PULL") != "", "encrypted settings need it", "--version"),
		doctor.Program("go", false, "deploys that build here need it", "version"),
	}
	return checks
}

// newestLanding is when the newest run landed something; nil where none did.
func (a *app) newestLanding() func() time.Time {
	st, err := a.peekState()
	if err != nil || st == nil {
		return nil
	}
	defer st.Close()
	files, err := st.FilesUnder(context.Background(), "", 1)
	if err != nil || len(files) == 0 {
		return nil
	}
	return func() time.Time { return files[0].LandedAt }
}

// peekState opens the state where there is one: a doctor makes no file.
func (a *app) peekState() (*state.Store, error) {
	path := filepath.Join(a.landingDir, ".state.sqlite")
	if _, err := os.Stat(path); err != nil {
		return nil, nil
	}
	return state.Open(path)
}

func (a *app) checkSpace(ctx context.Context) []doctor.Finding {
	spaces, err := supervise.SpaceOf(a.dataFolders())
	if err != nil {
		return []doctor.Finding{{Check: "space", Verdict: doctor.Fail, Says: err.Error(), Do: "see that the folders can be reached"}}
	}
	var history []doctor.Growth
	if st, err := a.peekState(); err == nil && st != nil {
		files, ferr := st.Files(ctx)
		st.Close()
		for _, f := range files {
			if ferr == nil {
				at, err := os.Stat(filepath.Join(a.landingDir, filepath.FromSlash(f.Path)))
				if err == nil {
					history = append(history, doctor.Growth{Day: f.LandedAt, Bytes: at.Size()})
				}
			}
		}
	}
	var all []doctor.Finding
	for _, s := range spaces {
		least := s.LeastFreeBytes()
		inodes := s
		inodes.FreeBytes = least
		all = append(all, doctor.Space(s.Folder, s.FreeBytes, s.Bytes, least, inodes.Low(), history, a.now())(ctx)...)
	}
	return all
}

// checkFiles opens state, lakehouse and published file as their readers do.
func (a *app) checkFiles(ctx context.Context) (all []doctor.Finding) {
	rebuilt := "it is moved aside and built again from the landing zone by the next run: materia pipeline run all"
	report := func(name, path string, err error) {
		f := doctor.Finding{Check: "file: " + name, Verdict: doctor.OK, Says: path}
		switch {
		case isLocked(err):
			f.Says = path + ": in use: " + err.Error()
		case err != nil:
			f.Verdict, f.Says, f.Do = doctor.Fail, err.Error(), rebuilt
			if path != a.servingPath && !errors.Is(err, state.ErrCorrupt) && !errors.Is(err, plan.ErrCorrupt) {
				f.Do = "see what it says, and the lines on paths and space"
			}
		default:
			if _, serr := os.Stat(path); serr != nil {
				f.Verdict, f.Says, f.Do = doctor.Warn, path+" is not there yet", "materia pipeline run all"
			}
		}
		all = append(all, f)
	}
	st, err := a.peekState()
	if st != nil {
		err = st.Close()
	}
	report("state", filepath.Join(a.landingDir, ".state.sqlite"), err)
	lake, err := plan.OpenReadOnly(ctx, a.lakehouse, a.lakeOptions())
	if lake != nil {
		err = lake.Close()
	}
	report("lakehouse", a.lakehouse, err)
	_, err = os.Stat(a.servingPath)
	if err == nil {
		var r *serving.Reader
		if r, err = serving.OpenReader(a.servingPath, serving.ReaderOptions{Threads: 1}); err == nil {
			var s *serving.Snapshot
			if s, err = r.Acquire(ctx); err == nil {
				s.Release()
			}
			r.Close()
		}
	} else {
		err = nil
	}
	report("published file", a.servingPath, err)
	return append(all, doctor.SameDisk("link beside the published file", a.servingPath, filepath.Join(filepath.Dir(a.servingPath), ".open", "x"),
		"readers open the published file under a hard link in .open beside it: keep both on one file system")(ctx)...)
}

// checkLocks says who works right now; a lock whose holder is gone is none.
func (a *app) checkLocks(ctx context.Context) (all []doctor.Finding) {
	if _, err := os.Stat(a.landingDir); err != nil {
		return nil
	}
	f := doctor.Finding{Check: "locks", Verdict: doctor.OK, Says: "nobody works at the moment"}
	zone, err := a.zone()
	if err != nil {
		return []doctor.Finding{{Check: "locks", Verdict: doctor.Fail, Says: err.Error(), Do: "see the path's own line"}}
	}
	var held []string
	for _, src := range sources() {
		l, err := zone.Lock(ctx, src.Name, 0)
		var locked *landing.LockedError
		if errors.As(err, &locked) {
			held = append(held, fmt.Sprintf("%s by pid %d since %s", src.Name, locked.Holder.PID, minute(locked.Holder.Since)))
		} else if err == nil {
			l.Unlock()
		}
	}
	if len(held) > 0 {
		f.Says = "held: " + strings.Join(held, "; ")
	}
	return []doctor.Finding{f}
}

func (a *app) checkSettings(context.Context) (all []doctor.Finding) {
	f := doctor.Finding{Check: "alerts", Verdict: doctor.OK, Says: "ALERT_WEBHOOK_URL is set"}
	if a.getenv("ALERT_WEBHOOK_URL") == "" {
		f = doctor.Finding{Check: "alerts", Verdict: doctor.Warn, Says: "ALERT_WEBHOOK_URL is not set: nobody hears of failures",
			Do: "set it to an ntfy topic or a JSON webhook (materia supervisor --help); run the doctor with `materia secrets exec --env prod --`"}
	}
	all = append(all, f)
	f = doctor.Finding{Check: "heartbeat", Verdict: doctor.OK, Says: "HEARTBEAT_URL is set"}
	if a.getenv("HEARTBEAT_URL") == "" {
		f = doctor.Finding{Check: "heartbeat", Verdict: doctor.Warn, Says: "HEARTBEAT_URL is not set: nobody notices when this machine is gone",
			Do: "set it to the URL of an outside dead-man check"}
	}
	return append(all, f)
}

func (a *app) checkWorkflows(path string) doctor.Check {
	return func(context.Context) []doctor.Finding {
		list, err := a.loadWorkflows(path)
		f := doctor.Finding{Check: "workflows", Verdict: doctor.OK, Says: fmt.Sprintf("%s: %s", path, plural(len(list), "workflow"))}
		if err != nil {
			f.Verdict, f.Says, f.Do = doctor.Fail, err.Error(), "mend the lines; materia supervisor check looks again"
		}
		return []doctor.Finding{f}
	}
}

func (a *app) checkSupervisor(workflows string) doctor.Check {
	return func(ctx context.Context) []doctor.Finding {
		f := doctor.Finding{Check: "supervisor", Verdict: doctor.OK}
		if _, err := os.Stat(a.journalPath()); err != nil {
			f.Verdict, f.Says, f.Do = doctor.Warn, "none has run on this landing zone yet", "systemctl enable --now materia-supervisor, or: materia supervisor"
			return []doctor.Finding{f}
		}
		st, err := a.supervisorStatus(ctx, workflows)
		switch {
		case err != nil:
			f.Verdict, f.Says, f.Do = doctor.Fail, err.Error(), "see the lines on workflows and files"
		case !st.Running:
			f.Verdict, f.Says, f.Do = doctor.Fail, "not running: "+st.Doing, "systemctl start materia-supervisor; journalctl -u materia-supervisor -n 50"
		case a.supervisorClock().Now().Sub(st.ProgressedAt) > 5*time.Minute:
			f.Verdict, f.Says, f.Do = doctor.Fail, fmt.Sprintf("pid %d has not moved since %s", st.PID, minute(st.ProgressedAt)), "systemd's watchdog restarts it; without systemd: kill -ABRT, and keep the stack"
		default:
			f.Says = fmt.Sprintf("pid %d: %s", st.PID, st.Doing)
		}
		all := []doctor.Finding{f}
		for _, c := range st.Conditions {
			all = append(all, doctor.Finding{Check: "alert: " + c.Key, Verdict: doctor.Fail, Says: c.Title + " since " + minute(c.Since), Do: strings.ReplaceAll(c.Body, "\n", " ")})
		}
		return all
	}
}

// checkBucket asks the bucket for its list, with the key that the backup uses.
func (a *app) checkBucket(ctx context.Context) []doctor.Finding {
	f := doctor.Finding{Check: "remote: bucket", Verdict: doctor.OK}
	c, ok, err := backup.ConfigFrom(a.getenv)
	switch {
	case err != nil:
		f.Verdict, f.Says, f.Do = doctor.Fail, err.Error(), "set all of them: materia backup --help"
		return []doctor.Finding{f}
	case !ok:
		f.Verdict, f.Says, f.Do = doctor.Warn, "no bucket is configured: a lost disk is lost data", "materia backup --help; run the doctor with `materia secrets exec --env prod --`"
		return []doctor.Finding{f}
	}
	bucket, err := backup.Open(c)
	if err == nil {
		err = bucket.Reach(ctx)
	}
	f.Says = fmt.Sprintf("%s at %s answers", c.Bucket, c.Endpoint)
	if err != nil {
		f.Verdict, f.Says, f.Do = doctor.Fail, err.Error(), "is the endpoint right, the key still valid, the bucket there? The next backup that succeeds catches up"
	}
	return []doctor.Finding{f}
}
