package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/model"
)

func renderCmd(a *app) *cobra.Command {
	var positions, asJSON bool
	var start, end string
	c := &cobra.Command{
		Use:   "render MODEL",
		Short: "Print a model's query with its macros replaced",
		Long: `Print the query of a model with every macro replaced. An incremental model is shown for
the interval from --start to --end, both included; without them for the first day of 1970.`,
		Example: `  materia render staging.raw_psd
  materia render foundation.fct_price_daily --start 2026-01-01 --end 2026-01-31
  materia render staging.raw_psd --positions     # where each macro stands, and what became of it`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := interval(start, end)
			if err != nil {
				return err
			}
			project, err := a.loadProject(cmd.Context(), nil)
			if err != nil {
				return err
			}
			m := project.Models[strings.ToLower(args[0])]
			if m == nil {
				return usage(fmt.Errorf("render: no model %s in %s", args[0], a.projectDir))
			}
			sql, macros, err := m.Expand(at)
			if err != nil {
				return err
			}
			switch {
			case asJSON:
				if macros == nil {
					macros = []model.Expansion{}
				}
				return writeIndented(a.stdout, struct {
					Model  string            `json:"model"`
					SQL    string            `json:"sql"`
					Macros []model.Expansion `json:"macros"`
				}{m.Name, sql, macros})
			case positions:
				for _, x := range macros {
					fmt.Fprintf(a.stdout, "%s:%d:%d: %s -> %s\n", x.File, x.Line, x.Col, x.Macro, x.SQL)
				}
				return nil
			}
			fmt.Fprintln(a.stdout, strings.TrimSpace(sql))
			return nil
		},
	}
	c.Flags().BoolVar(&positions, "positions", false, "print each macro's place and what became of it, not the query")
	c.Flags().BoolVar(&asJSON, "json", false, "query and macros as JSON")
	c.Flags().StringVar(&start, "start", "", "first day or time of the interval")
	c.Flags().StringVar(&end, "end", "", "last day, or the time up to which")
	return c
}

// interval reads --start and --end; what is not given is the first day of 1970.
func interval(start, end string) (model.Interval, error) {
	if start == "" {
		start = "1970-01-01"
	}
	if end == "" {
		end = start
	}
	from, err1 := model.ParseTime(start)
	to, err2 := model.ParseEnd(end)
	switch {
	case err1 != nil || err2 != nil:
		return model.Interval{}, usage(errors.Join(err1, err2))
	case !from.Before(to):
		return model.Interval{}, usage(fmt.Errorf("--start %s lies after --end %s", start, end))
	}
	return model.Interval{Start: from, End: to, Execution: from}, nil
}
