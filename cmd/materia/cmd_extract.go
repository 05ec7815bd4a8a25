package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/state"
)

func extractCmd(a *app) *cobra.Command {
	return group("extract", "How extraction stands (pipeline run extract runs it)", extractStatusCmd(a))
}

// sourceStatus is how one source stands.
type sourceStatus struct {
	Source       string     `json:"source"`
	Title        string     `json:"title"`
	LastRun      *time.Time `json:"last_run"`
	LastStatus   string     `json:"last_status"` // of that run; never where there was none
	LastError    string     `json:"last_error,omitempty"`
	Warnings     []string   `json:"warnings"`
	Files        int64      `json:"files"`
	AsOf         *time.Time `json:"as_of"`    // newest date in the content
	Released     *time.Time `json:"released"` // newest release that upstream gave evidence of
	ExpectedNext *time.Time `json:"expected_next"`
	Late         bool       `json:"late"` // the expected day is over
	Pinned       string     `json:"pinned,omitempty"`
	Quarantined  int        `json:"quarantined"`
}

func extractStatusCmd(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Each source's last run, newest data, next release, and whether it is late",
		Long: `Each source's last run, newest data, next expected release, and whether that is
late. Exit code 0, whatever the sources say: alerts are the supervisor's.`,
		Example: "  materia extract status\n  materia extract status --json | jq -r '.[] | select(.late).source'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			var list []sourceStatus
			err := a.withDeps(cmd.Context(), func(d extract.Deps) (err error) {
				list, err = a.sourceStatuses(cmd.Context(), d)
				return err
			})
			if err != nil {
				return err
			}
			if asJSON {
				return writeIndented(a.stdout, list)
			}
			return a.writeStatuses(list)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as a JSON array")
	return c
}

func (a *app) sourceStatuses(ctx context.Context, d extract.Deps) ([]sourceStatus, error) {
	list := []sourceStatus{}
	for _, src := range sources() {
		f, err := freshness(ctx, d.State, src, "")
		if err != nil {
			return nil, err
		}
		s := sourceStatus{Source: src.Name, Title: src.Title, LastStatus: "never", Files: f.Files, Warnings: []string{},
			AsOf: known(f.AsOf), Released: known(f.ReleasedAt), ExpectedNext: known(f.ExpectedNext)}
		s.Late = s.ExpectedNext != nil && a.now().After(s.ExpectedNext.AddDate(0, 0, 1))
		last, ok, err := d.State.LastRun(ctx, src.Name)
		if err != nil {
			return nil, err
		}
		if ok {
			s.LastRun, s.LastStatus, s.LastError = known(last.StartedAt), last.Status, last.Error
			said, err := d.State.WarningsOf(ctx, last.ID)
			if err != nil {
				return nil, err
			}
			s.Warnings = append(s.Warnings, said...)
		}
		held, err := extract.Quarantined(d.Zone, src.Name)
		if err != nil {
			return nil, err
		}
		for _, h := range held {
			if !h.Released {
				s.Quarantined++
			}
		}
		if s.Pinned, err = d.Zone.Pinned(src.Name); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// known is nil for the zero time.
func known(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}

func (a *app) writeStatuses(list []sourceStatus) error {
	date := func(at *time.Time, layout string) string {
		if at == nil {
			return "-"
		}
		return at.UTC().Format(layout)
	}
	t := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SOURCE\tLAST RUN (UTC)\tSTATUS\tFILES\tNEWEST DATA\tNEXT EXPECTED\t")
	for _, s := range list {
		next := date(s.ExpectedNext, time.DateOnly)
		if s.Late {
			next += " LATE"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t\n", s.Source, date(s.LastRun, time.DateTime), s.LastStatus, grouped(s.Files), date(s.AsOf, time.DateOnly), next)
	}
	errs := []error{t.Flush()}
	tell := func(source, text string) {
		_, err := fmt.Fprintf(a.stdout, "%s: %s\n", source, text)
		errs = append(errs, err)
	}
	for _, s := range list {
		if s.LastError != "" && s.LastStatus != state.Success {
			tell(s.Source, strings.ReplaceAll(s.LastError, "\n", "\n    "))
		}
		for _, w := range s.Warnings {
			tell(s.Source, "warning: "+w)
		}
		if s.Pinned != "" {
			tell(s.Source, "pinned to "+s.Pinned)
		}
		if s.Quarantined > 0 {
			tell(s.Source, plural(s.Quarantined, "refused answer")+" in quarantine (materia landing quarantine)")
		}
	}
	return errors.Join(errs...)
}
