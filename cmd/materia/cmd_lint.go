package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/lint"
	"beanflows.coffee/materia/internal/model"
	"beanflows.coffee/materia/internal/modeltest"
)

func lintCmd(a *app) *cobra.Command {
	var asJSON bool
	var rules strings.Builder
	for _, r := range lint.Rules() {
		fmt.Fprintf(&rules, "  %-18s %s\n", r[0], r[1])
	}
	c := &cobra.Command{
		Use:   "lint [MODEL...]",
		Short: "Say what is doubtful in the models",
		Long: `Look at the models of the project, or those named, and print every place where a rule
does not hold. Fails if there is one. The rules:

` + rules.String() + `
A header's ignored_rules (RULE) passes over a rule in the whole model, a comment
"-- noqa: RULE (why)" in its line.`,
		Example: `  materia lint
  materia lint serving.coffee_prices
  materia lint --json`,
		RunE: func(cmd *cobra.Command, models []string) error {
			project, err := a.loadProject(cmd.Context(), nil)
			if err != nil {
				return err
			}
			for _, name := range models {
				if project.Models[name] == nil {
					return usage(fmt.Errorf("lint: no model %s in %s", name, a.projectDir))
				}
			}
			found, err := lintProject(project)
			if err != nil {
				return err
			}
			if len(models) > 0 {
				found = slices.DeleteFunc(found, func(f lint.Finding) bool { return !slices.Contains(models, f.Model) })
			}
			return a.tellFindings(found, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as a JSON array")
	return c
}

// lintProject looks at every model. No finding stops a plan.
func lintProject(project *model.Project) ([]lint.Finding, error) {
	tested, err := modeltest.Tested(project.Root)
	if err != nil {
		return nil, err
	}
	return lint.Project(project, tested)
}

// warnFindings says before a plan what lint would say.
func (a *app) warnFindings(project *model.Project) error {
	found, err := lintProject(project)
	if err != nil {
		return err
	}
	for _, f := range found {
		a.log.Warn("lint: " + f.String())
	}
	return nil
}

func (a *app) tellFindings(found []lint.Finding, asJSON bool) error {
	if asJSON {
		if found == nil {
			found = []lint.Finding{}
		}
		if err := writeIndented(a.stdout, found); err != nil {
			return err
		}
	} else {
		for _, f := range found {
			fmt.Fprintln(a.stdout, f)
		}
	}
	if len(found) > 0 {
		return fmt.Errorf("lint: %s", plural(len(found), "finding"))
	}
	return nil
}
