package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/sqlfmt"
)

func formatCmd(a *app) *cobra.Command {
	var check, asJSON bool
	c := &cobra.Command{
		Use:   "format [FILE...]",
		Short: "Lay out model and audit files",
		Long: `Lay out the SQL files of the project, or those named: a clause a line, two spaces,
keywords in upper case, headers with one property a line. Every comment stays, and
DuckDB reads the same query after as before, or the file is left alone and named
with the reason. The files that were not formatted are printed.`,
		Example: `  materia format
  materia format transform/models/serving/coffee_prices.sql
  materia format --check          # write nothing; fail if a file is not formatted`,
		RunE: func(cmd *cobra.Command, files []string) error {
			if len(files) == 0 {
				var err error
				if files, err = sqlfmt.Files(a.projectDir); err != nil {
					return err
				}
			}
			results, err := sqlfmt.Run(cmd.Context(), files, check)
			if err != nil {
				return err
			}
			return a.tellFormatted(results, check, asJSON)
		},
	}
	f := c.Flags()
	f.BoolVar(&check, "check", false, "write nothing, and fail if a file is not formatted")
	f.BoolVar(&asJSON, "json", false, "every file as a JSON array")
	return c
}

func (a *app) tellFormatted(results []sqlfmt.Result, check, asJSON bool) error {
	changed, alone := 0, 0
	for _, r := range results {
		switch {
		case r.Reason != "":
			alone++
			fmt.Fprintf(a.stderr, "%s: left alone: %s\n", r.File, r.Reason)
		case r.Changed:
			changed++
			if !asJSON {
				fmt.Fprintln(a.stdout, r.File)
			}
		}
	}
	if asJSON {
		if err := writeIndented(a.stdout, results); err != nil {
			return err
		}
	}
	var errs []error
	if check && changed > 0 {
		errs = append(errs, fmt.Errorf("%s not formatted; run materia format", plural(changed, "file")))
	}
	if alone > 0 {
		errs = append(errs, fmt.Errorf("%s left alone", plural(alone, "file")))
	}
	if len(errs) == 0 {
		a.log.Info(fmt.Sprintf("%s looked at, %d changed", plural(len(results), "file"), changed))
	}
	return errors.Join(errs...)
}
