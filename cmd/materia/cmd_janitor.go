package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/plan"
)

func janitorCmd(a *app) *cobra.Command {
	var keep int
	var drop []string
	var list bool
	c := &cobra.Command{
		Use:   "janitor",
		Short: "Drop tables that no environment and no kept plan shows",
		Long: `Drop environments that are named with --drop, and then every table that no environment and
no kept plan shows. The current and the previous plan of each environment are always kept,
and prod is never dropped. plan and run do the same at their end with the usual number of
plans, so this is for getting space back earlier, and for environments that are done with.`,
		Example: `  materia janitor --environments
  materia janitor --drop dev_ann
  materia janitor --keep 2               # plans to which rollback can return`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if list {
				return a.listEnvironments(cmd)
			}
			o := a.lakeOptions()
			o.KeepPlans = keep
			if err := a.haveLakehouse(); err != nil {
				return err
			}
			lake, err := plan.Open(cmd.Context(), a.lakehouse, o)
			if err != nil {
				return err
			}
			n, err := plan.Janitor(cmd.Context(), lake, drop)
			if err = errors.Join(err, lake.Close()); err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "dropped %s and %s\n", plural(len(drop), "environment"), plural(n, "table"))
			return nil
		},
	}
	c.Flags().IntVar(&keep, "keep", keptPlans, "plans of each environment to keep")
	c.Flags().StringSliceVar(&drop, "drop", nil, "environments to drop, not prod")
	c.Flags().BoolVar(&list, "environments", false, "list the environments; drop nothing")
	return c
}

func (a *app) listEnvironments(cmd *cobra.Command) error {
	lake, err := plan.OpenReadOnly(cmd.Context(), a.lakehouse, a.lakeOptions())
	if err != nil {
		return err
	}
	all, err := lake.Environments(cmd.Context())
	if err = errors.Join(err, lake.Close()); err != nil {
		return err
	}
	for _, env := range all {
		fmt.Fprintln(a.stdout, env)
	}
	return nil
}
