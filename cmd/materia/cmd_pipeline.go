package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/extract"
)

func pipelineCmd(a *app) *cobra.Command {
	return group("pipeline", "Run a pipeline, or list them", pipelineRunCmd(a), pipelineListCmd(a))
}

func pipelineRunCmd(a *app) *cobra.Command {
	var since, until string
	c := &cobra.Command{
		Use:   "run NAME",
		Short: "Run a pipeline once",
		Long: `Run a pipeline once. Without --since each source asks for its own default window,
which its documentation names; the same again finds nothing new and changes no file.
A pipeline that reaches its time limit is stopped, and killed where it does not stop.`,
		Example: `  materia pipeline run all
  materia pipeline run all --since 2020-01-01
  materia pipeline run extract_psd --since 2022-12-01 --until 2022-12-31`,
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return pipelineNames(a), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			w, err := window(since, until, a.now())
			if err != nil {
				return err
			}
			for _, p := range a.pipelines() {
				if p.name == args[0] {
					return a.withLimit(cmd.Context(), p, stopGrace, func(ctx context.Context) error { return p.run(ctx, w) })
				}
			}
			return usage(fmt.Errorf("pipeline run: unknown pipeline %q; one of %s", args[0], strings.Join(pipelineNames(a), ", ")))
		},
	}
	c.Flags().StringVar(&since, "since", "", "first day to ask for, YYYY-MM-DD")
	c.Flags().StringVar(&until, "until", "", "last day to ask for, YYYY-MM-DD (today)")
	return c
}

func pipelineListCmd(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List pipelines with their time limits",
		Example: "  materia pipeline list --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			type row struct {
				Name    string  `json:"name"`
				Does    string  `json:"does"`
				LimitS  float64 `json:"time_limit_s"`
				display time.Duration
			}
			var rows []row
			for _, p := range a.pipelines() {
				rows = append(rows, row{p.name, p.does, p.limit.Seconds(), p.limit})
			}
			if asJSON {
				return writeIndented(a.stdout, rows)
			}
			t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "PIPELINE\tTIME LIMIT\tDOES")
			for _, r := range rows {
				fmt.Fprintf(t, "%s\t%s\t%s\n", r.Name, r.display, r.Does)
			}
			return t.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as a JSON array")
	return c
}

func pipelineNames(a *app) []string {
	var names []string
	for _, p := range a.pipelines() {
		names = append(names, p.name)
	}
	return names
}

// window reads the days of --since and --until; nothing can be asked for that
// begins after today.
func window(since, until string, today time.Time) (w extract.Window, err error) {
	for _, d := range []struct {
		flag, text string
		at         *time.Time
	}{{"--since", since, &w.Since}, {"--until", until, &w.Until}} {
		if d.text == "" {
			continue
		}
		if *d.at, err = time.Parse(time.DateOnly, d.text); err != nil {
			return w, usage(fmt.Errorf("%s %s: want a day such as 2020-01-01", d.flag, d.text))
		}
	}
	if w.Since.After(today) {
		return w, usage(fmt.Errorf("--since %s lies after today, %s", since, today.UTC().Format(time.DateOnly)))
	}
	if !w.Since.IsZero() && !w.Until.IsZero() && w.Until.Before(w.Since) {
		return w, usage(fmt.Errorf("--until %s lies before --since %s", until, since))
	}
	return w, nil
}
