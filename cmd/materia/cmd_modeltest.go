package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/modeltest"
)

// testCmd is in this file because Go takes cmd_test.go for a test.
func testCmd(a *app) *cobra.Command {
	var filter string
	var asJSON bool
	c := &cobra.Command{
		Use:   "test",
		Short: "Run the models' unit tests",
		Long:  "Run the YAML tests of the SQL project in a database in memory. A failure shows the rows that differ.",
		Example: `  materia test
  materia test --filter stg_psd                # a part of a file's, test's or model's name
  materia test --filter 'foundation.*' --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			project, err := a.loadProject(cmd.Context(), nil)
			if err != nil {
				return err
			}
			report, err := modeltest.Run(cmd.Context(), project, modeltest.Options{Filter: filter})
			if err != nil {
				return err
			}
			if len(report.Results) == 0 {
				return fmt.Errorf("test: no test matches %q", filter)
			}
			if asJSON {
				return a.testsAsJSON(report)
			}
			for _, r := range report.Results {
				word := "ok  "
				if !r.Passed {
					word = "FAIL"
				}
				fmt.Fprintf(a.stdout, "%s %s::%s (%s) %.2f s\n", word, r.File, r.Name, r.Model, r.Duration.Seconds())
			}
			return a.tellTests(report)
		},
	}
	c.Flags().StringVar(&filter, "filter", "", "only tests whose file::name or model holds this, or matches it where it has a *")
	c.Flags().BoolVar(&asJSON, "json", false, "as a JSON array")
	return c
}

func (a *app) testsAsJSON(report modeltest.Report) error {
	type row struct {
		Name   string  `json:"name"`
		Model  string  `json:"model"`
		File   string  `json:"file"`
		Line   int     `json:"line"`
		Passed bool    `json:"passed"`
		TookS  float64 `json:"took_s"`
		Diff   string  `json:"diff,omitempty"`
	}
	rows := []row{}
	for _, r := range report.Results {
		rows = append(rows, row{r.Name, r.Model, r.File, r.Line, r.Passed, r.Duration.Seconds(), r.Diff})
	}
	if err := writeIndented(a.stdout, rows); err != nil {
		return err
	}
	if n := report.Failed(); n > 0 {
		return fmt.Errorf("%s of %d failed", plural(n, "model test"), len(report.Results))
	}
	return nil
}
