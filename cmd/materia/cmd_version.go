package main

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/duck"
)

func versionCmd(a *app) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "version",
		Short:   "Print the versions of materia, Go and DuckDB",
		Example: "  materia version --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			db, err := duck.Open("", duck.Options{Threads: 1})
			if err != nil {
				return err
			}
			defer db.Close()
			library, err := duck.LibraryVersion(cmd.Context(), db)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(map[string]string{"materia": version, "go": runtime.Version(), "duckdb": library})
			}
			_, err = fmt.Fprintf(a.stdout, "materia %s (%s, DuckDB %s)\n", version, runtime.Version(), library)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as a JSON object")
	return c
}
