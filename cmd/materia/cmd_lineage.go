package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/lineage"
	"beanflows.coffee/materia/internal/model"
	"beanflows.coffee/materia/internal/plan"
)

// shownFiles is how many files of a model lineage lists unless it is asked for all.
const shownFiles = 10

func lineageCmd(a *app) *cobra.Command {
	var asJSON, allFiles bool
	var env string
	c := &cobra.Command{
		Use:   "lineage MODEL[.COLUMN]",
		Short: "Show what a model or a column is computed from, down to the landing files",
		Long: `Follow a column, or a model, through the project's queries up to the models that read
landing files and to seeds, and list those files with their hashes as the environment
has them on record. A column comes from the columns in its expression; what only
chooses rows (WHERE, ON, GROUP BY) counts for the rows of a model.`,
		Example: `  materia lineage serving.commodity_metrics.stocks_to_use_pct
  materia lineage serving.coffee_prices --files
  materia lineage serving.coffee_prices.close --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			start, err := lineageStart(args[0])
			if err != nil {
				return usage(err)
			}
			if err := plan.ValidateEnv(env); err != nil {
				return usage(err)
			}
			project, err := a.loadProject(cmd.Context(), nil)
			if err != nil {
				return err
			}
			steps, err := lineage.Trace(cmd.Context(), project, start)
			if err != nil {
				return err
			}
			files, err := a.filesOf(cmd.Context(), env, project, steps)
			if err != nil {
				return err
			}
			if asJSON {
				return writeIndented(a.stdout, struct {
					Env   string           `json:"env"`
					Steps []lineage.Step   `json:"steps"`
					Files []lineageSources `json:"files"`
				}{env, steps, files})
			}
			if err := lineage.WriteTree(a.stdout, steps); err != nil {
				return err
			}
			a.tellFiles(files, allFiles)
			return nil
		},
	}
	f := c.Flags()
	f.BoolVar(&asJSON, "json", false, "steps and files as JSON")
	f.BoolVar(&allFiles, "files", false, "list every file")
	f.StringVar(&env, "env", plan.Prod, "environment whose files are listed")
	return c
}

// lineageStart reads schema.model or schema.model.column.
func lineageStart(name string) (lineage.Source, error) {
	parts := strings.SplitN(name, ".", 3)
	if len(parts) < 2 {
		return lineage.Source{}, fmt.Errorf("lineage: %s is no model: schema.model, or schema.model.column", name)
	}
	s := lineage.Source{Model: strings.ToLower(parts[0] + "." + parts[1])}
	if len(parts) == 3 {
		s.Column = parts[2]
	}
	return s, nil
}

// lineageSources are the files that one model reads.
type lineageSources struct {
	Model string           `json:"model"`
	Files []plan.InputFile `json:"files"`
}

// filesOf lists what the models among steps read: landing files as env has
// them on record, and seeds of the project.
func (a *app) filesOf(ctx context.Context, env string, project *model.Project, steps []lineage.Step) ([]lineageSources, error) {
	lake, err := plan.OpenReadOnly(ctx, a.lakehouse, a.lakeOptions())
	if err != nil {
		return nil, err
	}
	planID, models, err := lake.Environment(ctx, env)
	if err = errors.Join(err, lake.Close()); err != nil {
		return nil, err
	}
	recorded := map[string][]plan.InputFile{}
	for _, m := range models {
		recorded[m.Model.Name] = m.Files
	}
	all := []lineageSources{}
	seen := map[string]bool{}
	unknown := false
	for _, s := range steps {
		m := project.Models[s.Model]
		if seen[s.Model] {
			continue
		}
		seen[s.Model] = true
		switch {
		case m.Kind == model.Seed:
			root, err := filepath.Abs(project.Root)
			if err != nil {
				return nil, err
			}
			path := strings.TrimPrefix(filepath.ToSlash(m.SeedPath), filepath.ToSlash(root)+"/")
			all = append(all, lineageSources{m.Name, []plan.InputFile{{Path: path, SHA256: m.SeedSHA256}}})
		case len(m.Readers) > 0:
			files, known := recorded[m.Name]
			unknown = unknown || !known
			if files == nil {
				files = []plan.InputFile{}
			}
			all = append(all, lineageSources{m.Name, files})
		}
	}
	switch {
	case planID == "":
		a.log.Warn(fmt.Sprintf("`%s` was never planned, so no landing files are on record", env))
	case unknown:
		a.log.Warn(fmt.Sprintf("`%s` does not have every model yet; plan it to record their files", env))
	}
	return all, nil
}

func (a *app) tellFiles(all []lineageSources, every bool) {
	for _, s := range all {
		fmt.Fprintf(a.stdout, "\n%s read %s\n", s.Model, plural(len(s.Files), "file"))
		for i, f := range s.Files {
			if i == shownFiles && !every {
				fmt.Fprintf(a.stdout, "  and %s more (--files lists all)\n", grouped(int64(len(s.Files)-i)))
				break
			}
			fmt.Fprintf(a.stdout, "  %s sha256 %s\n", f.Path, f.SHA256)
		}
	}
}
