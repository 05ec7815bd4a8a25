// Command materia extracts public coffee data, lands it, transforms it with SQL
// models, publishes the result and serves the dashboard.
//
// It composes the internal packages and holds no logic of theirs: which pipeline
// calls what in which order, how long it may take, what a person is told, and
// how the process exits.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// version is set by the linker (make build).
var version = "dev"

func main() {
	a := &app{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv,
		terminal: term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd())),
	}
	ctx, stop := untilSignal(context.Background())
	err := a.run(ctx, os.Args[1:])
	stop()
	os.Exit(exitCode(err))
}

// app is what every verb works with. Flags of all verbs and the environment fill
// it before a verb runs; nothing is kept in package variables.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	terminal       bool // a person is there to answer and to watch

	quiet, verbose bool
	brief          bool // count what upstream does not have in place of naming it
	logFormat      string
	lockWait       time.Duration

	config
	log *slog.Logger
}

// verbs is the list of commands. A new verb is a file cmd_<verb>.go and a line.
func verbs(a *app) []*cobra.Command {
	return []*cobra.Command{
		pipelineCmd(a),
		extractCmd(a),
		planCmd(a),
		runCmd(a),
		testCmd(a),
		formatCmd(a),
		lintCmd(a),
		lineageCmd(a),
		createTestCmd(a),
		renderCmd(a),
		auditCmd(a),
		diffCmd(a),
		rollbackCmd(a),
		janitorCmd(a),
		queryCmd(a),
		landingCmd(a),
		stateCmd(a),
		secretsCmd(a),
		deployCmd(a),
		webCmd(a),
		supervisorCmd(a),
		backupCmd(a),
		doctorCmd(a),
		demoCmd(a),
		versionCmd(a),
	}
}

// run is the whole program but for the process around it. It prints the error
// that it returns.
func (a *app) run(ctx context.Context, args []string) error {
	root, begun := rootCmd(a)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return nil
	}
	if !*begun { // the command line did not even lead to a verb
		err = usage(err)
	}
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.Canceled) {
		err = cause
	}
	fmt.Fprintf(a.stderr, "materia: %v\n", err)
	if errors.As(err, new(*usageError)) {
		fmt.Fprintln(a.stderr, "Run materia --help, or materia VERB --help for examples.")
	}
	return err
}

func rootCmd(a *app) (root *cobra.Command, begun *bool) {
	begun = new(bool)
	root = &cobra.Command{
		Use:   "materia",
		Short: "Public coffee data, from the publishers' files to a dashboard",
		Long: `materia extracts public coffee data into an immutable landing zone, turns it
into figures with SQL models, publishes them in one file and serves a dashboard.

Environment:
  LANDING_DIR          landing zone (data/landing)
  DUCKDB_PATH          lakehouse; only transformation writes it (local.duckdb)
  SERVING_DUCKDB_PATH  published copy; the dashboard reads nothing else (analytics.duckdb)
  MATERIA_UPSTREAM     base URL that stands in for every publisher
  MATERIA_NOW          RFC 3339; fixes today and time stamps

Exit codes: 0 done or nothing to do, 1 failed, 2 usage, 3 some sources failed and
the rest landed, 10 changes pending, 11 locked by another process, 130 interrupted.`,
		Example: `  materia demo                                  # sample data, then http://localhost:8080
  materia pipeline run all --since 2020-01-01   # extract, transform, publish
  materia query "SELECT * FROM serving.commodity_metrics LIMIT 5"`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(a.configure(), cmd.ValidateRequiredFlags()); err != nil {
				return err
			}
			*begun = true
			return nil
		},
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	f := root.PersistentFlags()
	f.BoolVarP(&a.quiet, "quiet", "q", false, "warnings and results only")
	f.BoolVarP(&a.verbose, "verbose", "v", false, "say everything")
	f.StringVar(&a.logFormat, "log-format", "plain", "messages on stderr: plain or json")
	f.StringVar(&a.projectDir, "project", "transform", "folder of the SQL project")
	f.DurationVar(&a.lockWait, "lock-wait", 10*time.Second, "how long to wait for another process")
	root.AddCommand(verbs(a)...)
	nameArguments(root)
	return root, begun
}

// nameArguments makes a wrong number of arguments say which ones are wanted.
func nameArguments(c *cobra.Command) {
	for _, sub := range c.Commands() {
		nameArguments(sub)
	}
	if check := c.Args; check != nil && !c.HasSubCommands() {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return fmt.Errorf("%w; want: %s", err, strings.TrimSuffix(cmd.UseLine(), " [flags]"))
			}
			return nil
		}
	}
}

// configure reads the environment and sets up what verbs share.
func (a *app) configure() error {
	c, err := loadConfig(a.getenv, a.projectDir)
	if err != nil {
		return usage(err)
	}
	a.config = c
	level := slog.LevelInfo
	switch {
	case a.quiet:
		level = slog.LevelWarn
	case a.verbose:
		level = slog.LevelDebug
	}
	switch a.logFormat {
	case "plain":
		a.log = slog.New(&plainHandler{w: a.stderr, mu: newLock(), level: level})
	case "json":
		a.log = slog.New(slog.NewJSONHandler(a.stderr, &slog.HandlerOptions{Level: level}))
	default:
		return usage(fmt.Errorf("--log-format %s: want plain or json", a.logFormat))
	}
	return nil
}

// group is a verb that only holds other verbs.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return fmt.Errorf("%s: which? one of %s", cmd.Name(), subNames(cmd))
		}
		return fmt.Errorf("%s: unknown command %q; one of %s", cmd.Name(), args[0], subNames(cmd))
	}, RunE: func(*cobra.Command, []string) error { return nil }}
	c.AddCommand(subs...)
	return c
}

func subNames(cmd *cobra.Command) string {
	names := ""
	for _, s := range cmd.Commands() {
		if names != "" {
			names += ", "
		}
		names += s.Name()
	}
	return names
}

// untilSignal ends the context at the first SIGINT or SIGTERM; a second one ends
// the process at once, as it would without us.
func untilSignal(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			cancel(&interruptedError{s})
		case <-ctx.Done():
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel(nil) }
}
