package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/model"
	"beanflows.coffee/materia/internal/plan"
)

type planOptions struct {
	autoApply, explain, asJSON, detailed, skipTests bool
	start, end                                      string
}

func planCmd(a *app) *cobra.Command {
	var o planOptions
	c := &cobra.Command{
		Use:   "plan [ENV]",
		Short: "Show what differs from an environment, and apply it",
		Long: `Compare the SQL project and the landing zone with an environment, run the model
tests if code changed, show what differs and what has to be built, ask, and apply.
ENV is dev_<user> if it is not named. What was shown is what is done: if another
process changes the environment before the answer, nothing is done.`,
		Example: `  materia plan                        # dev_<user>, asks before it applies
  materia plan prod --auto-apply
  materia plan prod --explain         # only look
  materia plan --start 2026-01-01 --end 2026-01-31   # incremental models for that time only
  materia plan prod --detailed-exitcode; test $? -ne 10`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeEnvironments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.planVerb(cmd, args, o)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.autoApply, "auto-apply", false, "apply without asking")
	f.BoolVar(&o.explain, "explain", false, "show the plan and what each step would do; change nothing")
	f.BoolVar(&o.asJSON, "json", false, "print the plan as JSON; applies only with --auto-apply")
	f.BoolVar(&o.detailed, "detailed-exitcode", false, "exit 10 where changes are pending; applies only with --auto-apply")
	f.StringVar(&o.start, "start", "", "first day of what incremental models cover; not for prod")
	f.StringVar(&o.end, "end", "", "last day of it; not for prod")
	f.BoolVar(&o.skipTests, "skip-tests", false, "do not run the model tests first")
	return c
}

func (a *app) planVerb(cmd *cobra.Command, args []string, o planOptions) error {
	ctx := cmd.Context()
	env, err := a.environment(args)
	if err != nil {
		return err
	}
	if o.explain && o.autoApply {
		return usage(errors.New("plan: --explain changes nothing, --auto-apply does: choose one"))
	}
	limits, err := o.limits()
	if err != nil {
		return err
	}
	p, err := a.propose(ctx, env, limits)
	if err != nil {
		return err
	}
	if !o.skipTests && p.Changes() {
		if err := a.testChanges(ctx, p); err != nil {
			return err
		}
	}
	if err := a.showPlan(p.Plan, o); err != nil {
		return err
	}
	apply := o.autoApply
	switch {
	case !p.Changes():
		return nil
	case apply:
	case o.explain || o.asJSON || o.detailed:
		if o.detailed {
			return errPending
		}
		return nil
	case !a.terminal:
		return usage(errors.New("plan: nothing was applied: there is no terminal to ask at; add --auto-apply to apply, or --explain to only look"))
	default:
		if apply, err = a.ask(ctx, fmt.Sprintf("Apply to `%s`? [y/n]: ", env)); err != nil {
			return err
		}
	}
	if !apply {
		fmt.Fprintln(a.stderr, "Nothing was applied.")
		return nil
	}
	applied, err := a.apply(ctx, p)
	if err != nil {
		return err
	}
	a.tellPlanApplied(p.Plan, applied, o)
	return nil
}

// limits are what --start and --end say; zero where they say nothing.
func (o planOptions) limits() (at model.Interval, err error) {
	if o.start != "" {
		if at.Start, err = model.ParseTime(o.start); err != nil {
			return at, usage(fmt.Errorf("--start: %w", err))
		}
	}
	if o.end != "" {
		if at.End, err = model.ParseEnd(o.end); err != nil {
			return at, usage(fmt.Errorf("--end: %w", err))
		}
	}
	if o.start != "" && o.end != "" && !at.Start.Before(at.End) {
		return at, usage(fmt.Errorf("--start %s lies after --end %s", o.start, o.end))
	}
	return at, nil
}

// showPlan prints the plan: for a machine on stdout, for a person too.
func (a *app) showPlan(p *plan.Plan, o planOptions) error {
	if o.asJSON {
		return writeIndented(a.stdout, struct {
			*plan.Plan
			Changes bool `json:"changes"`
		}{p, p.Changes()})
	}
	if err := p.WriteText(a.stdout); err != nil {
		return err
	}
	if o.explain {
		explain(a, p)
	}
	return nil
}

// explain says in order what applying would do.
func explain(a *app, p *plan.Plan) {
	if !p.Changes() {
		return
	}
	fmt.Fprintln(a.stdout, "\nApplying would, in this order:")
	for i, b := range p.Builds {
		fmt.Fprintf(a.stdout, "%4d. build %s (%s, version %.12s) in a transaction of its own, then run its audits: %s\n", i+1, b.Model, b.Kind, b.Version, b.Reason)
	}
	fmt.Fprintf(a.stdout, "%4d. move the views of `%s` (%s) and record plan %s, in one transaction\n", len(p.Builds)+1, p.Env, plural(len(p.Models), "model"), p.ID)
	fmt.Fprintf(a.stdout, "%4d. drop tables that neither the current nor the previous plan of any environment names\n", len(p.Builds)+2)
	fmt.Fprintln(a.stdout, "Nothing was changed.")
}

func (a *app) tellPlanApplied(p *plan.Plan, applied plan.Applied, o planOptions) {
	for _, w := range applied.Warnings {
		fmt.Fprintf(a.stderr, "warning: %s\n", w)
	}
	text := fmt.Sprintf("`%s` updated: built %s in %.1f s, reused %d, plan %s",
		p.Env, plural(len(applied.Built), "model"), applied.Seconds, len(p.Reused), applied.PlanID)
	if o.asJSON {
		fmt.Fprintln(a.stderr, text)
		return
	}
	fmt.Fprintln(a.stdout, text)
}

// ask wants y or n; the end of input is n. Nothing is locked meanwhile, and an
// interrupt ends the waiting.
func (a *app) ask(ctx context.Context, question string) (bool, error) {
	answers := make(chan string)
	go func() { // ends with the process: a read cannot be called off
		defer close(answers)
		for in := bufio.NewScanner(a.stdin); in.Scan(); {
			answers <- strings.ToLower(strings.TrimSpace(in.Text()))
		}
	}()
	for {
		fmt.Fprint(a.stderr, question)
		select {
		case <-ctx.Done():
			fmt.Fprintln(a.stderr)
			return false, context.Cause(ctx)
		case answer, more := <-answers:
			switch {
			case !more:
				fmt.Fprintln(a.stderr)
				return false, nil
			case answer == "y" || answer == "yes":
				return true, nil
			case answer == "n" || answer == "no":
				return false, nil
			}
		}
	}
}

// environment is the one named, or the user's own.
func (a *app) environment(args []string) (string, error) {
	env := "dev_" + userName()
	if len(args) > 0 {
		env = args[0]
	}
	if err := plan.ValidateEnv(env); err != nil {
		return "", usage(err)
	}
	return env, nil
}

func (a *app) completeEnvironments(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{plan.Prod, "dev_" + userName()}, cobra.ShellCompDirectiveNoFileComp
}
