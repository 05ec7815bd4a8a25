package main

import (
	"context"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/plan"
)

func runCmd(a *app) *cobra.Command {
	var o planOptions
	c := &cobra.Command{
		Use:   "run [ENV]",
		Short: "Give an environment the data that is new, with the code it was planned with",
		Long: `Build what new landing files or intervals that are over make due, with the code that the
environment has on record, and say why for each model: changed files of the project are
never applied, that is what plan is for. ENV is prod if it is not named. Without news
nothing is written.`,
		Example: `  materia run
  materia run dev_ann
  materia run --explain                          # only look
  materia run --detailed-exitcode; test $? -ne 10`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeEnvironments,
		RunE: func(cmd *cobra.Command, args []string) error {
			env, err := a.named(args)
			if err != nil {
				return err
			}
			if o.explain || o.detailed {
				return a.lookForNews(cmd.Context(), env, o)
			}
			p, applied, err := a.runEnvironment(cmd.Context(), env)
			if err != nil {
				return err
			}
			if err := a.showPlan(p, o); err != nil {
				return err
			}
			if p.Changes() {
				a.tellPlanApplied(p, applied, o)
			}
			return nil
		},
	}
	f := c.Flags()
	f.BoolVar(&o.explain, "explain", false, "show what is due and why; change nothing")
	f.BoolVar(&o.asJSON, "json", false, "print what was due as JSON")
	f.BoolVar(&o.detailed, "detailed-exitcode", false, "exit 10 where something is due; change nothing")
	return c
}

// lookForNews shows what a run would do.
func (a *app) lookForNews(ctx context.Context, env string, o planOptions) error {
	in, err := a.inputs()
	if err != nil {
		return err
	}
	recorded, err := a.recordedEnvironment(ctx, env)
	if err != nil {
		return err
	}
	p, err := plan.ComputeRun(in, recorded)
	if err != nil {
		return err
	}
	if err := a.showPlan(p, o); err != nil {
		return err
	}
	if o.detailed && p.Changes() {
		return errPending
	}
	return nil
}
