package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/plan"
)

func rollbackCmd(a *app) *cobra.Command {
	var to string
	var list, asJSON bool
	c := &cobra.Command{
		Use:   "rollback ENV",
		Short: "Let an environment show what an earlier plan showed",
		Long: `Move the views of ENV back to an earlier plan, in one transaction. Nothing is built and
nothing is lost: the next plan leads forward again. Without --to it is the plan before
the current one. --list shows the plans whose tables are kept.`,
		Example: `  materia rollback prod --list
  materia rollback prod                  # one plan back; the same again undoes it
  materia rollback prod --to 4f1c88d0`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeEnvironments,
		RunE: func(cmd *cobra.Command, args []string) error {
			env, err := a.named(args)
			if err != nil {
				return err
			}
			if list {
				return a.listPlans(cmd, env, asJSON)
			}
			if err := a.haveLakehouse(); err != nil {
				return err
			}
			lake, err := plan.Open(cmd.Context(), a.lakehouse, a.lakeOptions())
			if err != nil {
				return err
			}
			shown, err := plan.Rollback(cmd.Context(), lake, env, to)
			if err = errors.Join(err, lake.Close()); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(shown)
			}
			fmt.Fprintf(a.stdout, "`%s` shows plan %s of %s again\n", env, shown.ID, shown.CreatedAt.Format(time.RFC3339))
			return nil
		},
	}
	c.Flags().StringVar(&to, "to", "", "the plan, by its ID or the first digits of it")
	c.Flags().BoolVar(&list, "list", false, "list the plans that are kept, newest first")
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return c
}

func (a *app) listPlans(cmd *cobra.Command, env string, asJSON bool) error {
	lake, err := plan.OpenReadOnly(cmd.Context(), a.lakehouse, a.lakeOptions())
	if err != nil {
		return err
	}
	all, err := lake.Plans(cmd.Context(), env)
	if err = errors.Join(err, lake.Close()); err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("%w %s", plan.ErrNoEnvironment, env)
	}
	if asJSON {
		return writeIndented(a.stdout, all)
	}
	for _, p := range all {
		mark := " "
		if p.Current {
			mark = "*"
		}
		fmt.Fprintf(a.stdout, "%s %s  %s  %-4s  %s\n", mark, p.ID, p.CreatedAt.Format(time.RFC3339), p.Kind, p.Headline)
	}
	return nil
}
