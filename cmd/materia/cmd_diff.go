package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/plan"
)

func diffCmd(a *app) *cobra.Command {
	var asJSON, detailed bool
	c := &cobra.Command{
		Use:   "diff ENV_A ENV_B",
		Short: "Compare what two environments show, model by model",
		Long: `List every model that two environments do not show alike: in one of them only, of other
code (with the difference), or of other data, with the number of rows that only one has.`,
		Example: `  materia diff prod dev_ann
  materia diff prod dev_ann --json
  materia diff prod dev_ann --detailed-exitcode   # 10 where they differ`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeEnvironments,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, env := range args {
				if err := plan.ValidateEnv(env); err != nil {
					return usage(err)
				}
			}
			lake, err := plan.OpenReadOnly(cmd.Context(), a.lakehouse, a.lakeOptions())
			if err != nil {
				return err
			}
			found, err := lake.Diff(cmd.Context(), args[0], args[1])
			if err = errors.Join(err, lake.Close()); err != nil {
				return err
			}
			if err := a.tellDifferences(args[0], args[1], found, asJSON); err != nil {
				return err
			}
			if detailed && len(found) > 0 {
				return errPending
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as a JSON array; a and b are the environments in the order named")
	c.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit 10 where the environments differ")
	return c
}

func (a *app) tellDifferences(left, right string, found []plan.Difference, asJSON bool) error {
	if asJSON {
		if found == nil {
			found = []plan.Difference{}
		}
		return writeIndented(a.stdout, found)
	}
	if len(found) == 0 {
		fmt.Fprintf(a.stdout, "`%s` and `%s` show the same\n", left, right)
		return nil
	}
	for _, d := range found {
		kind := strings.NewReplacer("only in a", "only in `"+left+"`", "only in b", "only in `"+right+"`", "code", "other code", "metadata", "other metadata", "data", "other data").Replace(d.Kind)
		fmt.Fprintf(a.stdout, "%s: %s", d.Model, kind)
		if d.RowsA >= 0 && d.RowsB >= 0 {
			fmt.Fprintf(a.stdout, "; %d and %s", d.RowsA, plural(int(d.RowsB), "row"))
			if d.OnlyRowsA >= 0 {
				fmt.Fprintf(a.stdout, ", only in `%s` %d, only in `%s` %d", left, d.OnlyRowsA, right, d.OnlyRowsB)
			}
		}
		fmt.Fprintln(a.stdout)
		if d.Diff != "" {
			fmt.Fprintln(a.stdout, d.Diff)
		}
	}
	return nil
}
