package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/plan"
)

func auditCmd(a *app) *cobra.Command {
	var filter string
	var asJSON bool
	c := &cobra.Command{
		Use:   "audit [ENV]",
		Short: "Ask the audits of what an environment shows, and show the rows that fail",
		Long: `Ask every audit of the models that ENV shows, as they were planned, on the rows that stand.
Failing rows are shown and kept in materia.audit_failures. Fails if a blocking audit
finds rows. ENV is prod if it is not named.`,
		Example: `  materia audit
  materia audit prod --filter serving.
  materia audit dev_ann --json`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeEnvironments,
		RunE: func(cmd *cobra.Command, args []string) error {
			env, err := a.named(args)
			if err != nil {
				return err
			}
			if err := a.haveLakehouse(); err != nil {
				return err
			}
			lake, err := plan.Open(cmd.Context(), a.lakehouse, a.lakeOptions())
			if err != nil {
				return err
			}
			show := newProgress(a.stderr, a.terminal, a.quiet)
			failed, asked, err := plan.AuditEnvironment(cmd.Context(), lake, env, filter, show.event)
			show.end()
			if err = errors.Join(err, lake.Close()); err != nil {
				return err
			}
			return a.tellAudits(env, failed, asked, asJSON)
		},
	}
	c.Flags().StringVar(&filter, "filter", "", "only models whose name holds this")
	c.Flags().BoolVar(&asJSON, "json", false, "failed audits as a JSON array")
	return c
}

func (a *app) tellAudits(env string, failed []plan.AuditFailure, asked int, asJSON bool) error {
	blocking := 0
	for _, f := range failed {
		if f.Blocking {
			blocking++
		}
	}
	if asJSON {
		type row struct {
			Model    string            `json:"model"`
			Audit    string            `json:"audit"`
			Blocking bool              `json:"blocking"`
			Failing  int64             `json:"failing_rows"`
			Rows     []json.RawMessage `json:"rows"`
		}
		rows := []row{}
		for _, f := range failed {
			r := row{f.Model, f.Audit, f.Blocking, f.FailingRows, []json.RawMessage{}}
			for _, text := range f.Rows {
				r.Rows = append(r.Rows, json.RawMessage(text))
			}
			rows = append(rows, r)
		}
		if err := writeIndented(a.stdout, rows); err != nil {
			return err
		}
	} else {
		for _, f := range failed {
			word := "warning"
			if f.Blocking {
				word = "FAIL"
			}
			fmt.Fprintf(a.stdout, "%s %s\n", word, f)
		}
		fmt.Fprintf(a.stdout, "%s of `%s` asked, %d found rows\n", plural(asked, "audit"), env, len(failed))
	}
	if blocking > 0 {
		return fmt.Errorf("audit: %s of `%s` found rows", plural(blocking, "blocking audit"), env)
	}
	return nil
}

// named is the environment that was named, or prod.
func (a *app) named(args []string) (string, error) {
	env := plan.Prod
	if len(args) > 0 {
		env = args[0]
	}
	if err := plan.ValidateEnv(env); err != nil {
		return "", usage(err)
	}
	return env, nil
}
