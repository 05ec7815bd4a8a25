package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/modeltest"
	"beanflows.coffee/materia/internal/plan"
)

type createTestOptions struct {
	name, file, env string
	limit           int
	queries, vars   []string
	overwrite       bool
}

// createTestCmd is in this file because Go takes cmd_create_test.go for a test.
func createTestCmd(a *app) *cobra.Command {
	var o createTestOptions
	c := &cobra.Command{
		Use:   "create_test MODEL",
		Short: "Write a unit test of a model from real rows",
		Long: `Read a few rows of everything that MODEL reads, as an environment has them, run the
model on them, and write both as a test in SQLMesh's YAML. The test passes when it is
written, so it holds what the model does today: check the rows by other means before
you trust them. Inputs follow the rows of the one that the query begins with, where
columns have the same name; --query chooses other rows.`,
		Example: `  materia create_test foundation.dim_country
  materia create_test serving.coffee_prices --limit 30 --name test_coffee_prices_window
  materia create_test foundation.fct_price_daily \
    --query "staging.stg_prices=SELECT * FROM staging.stg_prices WHERE trade_date >= DATE '2021-07-15' LIMIT 8"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.createTest(cmd.Context(), strings.ToLower(args[0]), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.name, "name", "", "of the test (test_<table>)")
	f.StringVar(&o.file, "file", "", "where it is written, below tests/ (<name>.yaml); - prints it")
	f.StringVar(&o.env, "env", plan.Prod, "environment whose rows are read")
	f.IntVar(&o.limit, "limit", 10, "rows of each input")
	f.StringArrayVar(&o.queries, "query", nil, "INPUT=SELECT ..., the rows of one input; may stand several times")
	f.StringArrayVar(&o.vars, "var", nil, "NAME=VALUE for the test's vars, such as execution_time; may stand several times")
	f.BoolVar(&o.overwrite, "overwrite", false, "replace a file that exists")
	return c
}

func (a *app) createTest(ctx context.Context, name string, o createTestOptions) error {
	if err := plan.ValidateEnv(o.env); err != nil {
		return usage(err)
	}
	if o.limit < 1 {
		return usage(errors.New("create_test: --limit: want at least 1"))
	}
	project, err := a.loadProject(ctx, nil)
	if err != nil {
		return err
	}
	m := project.Models[name]
	if m == nil {
		return usage(fmt.Errorf("create_test: no model %s in %s", name, a.projectDir))
	}
	if o.name == "" {
		o.name = "test_" + m.Table
	}
	path, err := a.testFile(o)
	if err != nil {
		return err
	}
	made := modeltest.CreateOptions{Name: o.name, Limit: o.limit}
	if made.Queries, err = pairs("query", o.queries); err != nil {
		return err
	}
	if made.Vars, err = pairs("var", o.vars); err != nil {
		return err
	}
	planID, views, err := a.views(ctx, o.env)
	if err != nil {
		return err
	}
	made.Comment = fmt.Sprintf("Rows of `%s`, plan %s. What is expected is what the model made of them: check it by other means.", o.env, planID)
	db, err := a.readLakehouse(ctx)
	if err != nil {
		return err
	}
	text, err := modeltest.Create(ctx, project, m, db, func(input string) string { return views[input] }, made)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if path == "-" {
		_, err := fmt.Fprint(a.stdout, text)
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, path)
	return nil
}

// testFile is where the test goes: a name that tests are found by, not taken.
func (a *app) testFile(o createTestOptions) (string, error) {
	if o.file == "-" {
		return "-", nil
	}
	file := o.file
	if file == "" {
		file = o.name + ".yaml"
	}
	ext := filepath.Ext(file)
	if !filepath.IsLocal(file) || !strings.HasPrefix(filepath.Base(file), "test") || ext != ".yaml" && ext != ".yml" {
		return "", usage(fmt.Errorf("create_test: --file %s: want a file below tests/ named test*.yaml", file))
	}
	path := filepath.Join(a.projectDir, "tests", file)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) && !o.overwrite {
		return "", fmt.Errorf("create_test: %s is there already; --overwrite replaces it, --file names another", path)
	}
	return path, nil
}

// views are the names that env's models are read by.
func (a *app) views(ctx context.Context, env string) (planID string, views map[string]string, err error) {
	lake, err := plan.OpenReadOnly(ctx, a.lakehouse, a.lakeOptions())
	if err != nil {
		return "", nil, err
	}
	planID, models, err := lake.Environment(ctx, env)
	if err = errors.Join(err, lake.Close()); err != nil {
		return "", nil, err
	}
	if planID == "" {
		return "", nil, fmt.Errorf("%w %s", plan.ErrNoEnvironment, env)
	}
	views = map[string]string{}
	for _, m := range models {
		views[m.Model.Name] = m.View
	}
	return planID, views, nil
}

// pairs reads NAME=VALUE of a flag.
func pairs(flag string, list []string) (map[string]string, error) {
	all := map[string]string{}
	for _, s := range list {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" || value == "" {
			return nil, usage(fmt.Errorf("create_test: --%s %s: want NAME=VALUE", flag, s))
		}
		all[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	return all, nil
}
