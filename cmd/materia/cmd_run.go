package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/plan"
)

func runCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "run [ENV]",
		Short: "Give an environment the data that is new, with the code it was planned with",
		Long: `Build what new landing files make due, with the code that the environment has on
record: changed files of the project are never applied, that is what plan is for.
ENV is prod if it is not named. Without news nothing is written.`,
		Example: `  materia run
  materia run dev_ann`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeEnvironments,
		RunE: func(cmd *cobra.Command, args []string) error {
			env := plan.Prod
			if len(args) > 0 {
				env = args[0]
			}
			if err := plan.ValidateEnv(env); err != nil {
				return usage(err)
			}
			p, applied, err := a.runEnvironment(cmd.Context(), env)
			if err != nil {
				return err
			}
			if err := p.WriteText(a.stdout); err != nil {
				return err
			}
			if p.Changes() {
				fmt.Fprintf(a.stdout, "`%s` updated: built %s in %.1f s, plan %s\n", env, plural(len(applied.Built), "model"), applied.Seconds, applied.PlanID)
			}
			for _, w := range applied.Warnings {
				fmt.Fprintf(a.stderr, "warning: %s\n", w)
			}
			return nil
		},
	}
}
