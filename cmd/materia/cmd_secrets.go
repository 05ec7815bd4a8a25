package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/secrets"
)

const (
	devKeyFile  = "infra/dev-only.agekey" // committed; protects nothing
	prodKeyFile = "age-key.txt"           // gitignored; setup_server.sh makes it
)

// prodSecrets are the names without which a server does not run.
func prodSecrets() []string {
	return []string{"LANDING_DIR", "DUCKDB_PATH", "SERVING_DUCKDB_PATH"}
}

func secretsCmd(a *app) *cobra.Command {
	var env string
	c := group("secrets", "Read and keep encrypted settings (sops, age)",
		secretsListCmd(a, &env), secretsTestCmd(a, &env), secretsExecCmd(a, &env), secretsWriteCmd(a, &env), secretsEditCmd(a, &env), secretsUpdateKeysCmd(a, &env))
	c.Long = `Settings with secrets stand encrypted in .env.dev.sops and .env.prod.sops. They are
decrypted in memory when needed; no command prints a value.

The identity is SOPS_AGE_KEY_FILE, or age-key.txt beside the file for prod and
` + devKeyFile + ` for dev, which is public on purpose and protects nothing.`
	c.Example = `  materia secrets list
  materia secrets test --env prod
  materia secrets exec --env prod -- materia pipeline run all`
	c.PersistentFlags().StringVar(&env, "env", "dev", "which file: dev or prod")
	return c
}

// secretStore is the file of env in the working folder, and what opens it.
func (a *app) secretStore(env string) (secrets.Store, error) {
	s := secrets.Store{KeyFile: a.getenv("SOPS_AGE_KEY_FILE")}
	switch env {
	case "dev":
		s.File = ".env.dev.sops"
		if s.KeyFile == "" {
			s.KeyFile, s.SharedKey = devKeyFile, true
		}
	case "prod":
		s.File = ".env.prod.sops"
		if s.KeyFile == "" {
			s.KeyFile = prodKeyFile
		}
	default:
		return s, usage(fmt.Errorf("--env %s: want dev or prod", env))
	}
	return s, nil
}

// decrypted are the values of env's file.
func (a *app) decrypted(ctx context.Context, env string) (secrets.Values, error) {
	store, err := a.secretStore(env)
	if err != nil {
		return nil, err
	}
	return store.Decrypt(ctx)
}

func secretsListCmd(a *app, env *string) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "Names of the settings, and which are empty; never a value",
		Example: "  materia secrets list --env prod --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			values, err := a.decrypted(cmd.Context(), *env)
			if err != nil {
				return err
			}
			type row struct {
				Name  string `json:"name"`
				Empty bool   `json:"empty"`
			}
			rows := []row{}
			for _, name := range values.Names() {
				rows = append(rows, row{name, values[name].Empty()})
			}
			if asJSON {
				return json.NewEncoder(a.stdout).Encode(rows)
			}
			for _, r := range rows {
				if r.Empty {
					r.Name += " (empty)"
				}
				fmt.Fprintln(a.stdout, r.Name)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as a JSON array")
	return c
}

func secretsTestCmd(a *app, env *string) *cobra.Command {
	return &cobra.Command{
		Use:     "test",
		Short:   "Decrypt the file and say what is missing or looks wrong",
		Example: "  materia secrets test --env prod",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			values, err := a.decrypted(cmd.Context(), *env)
			if err != nil {
				return err
			}
			problems := values.Check(prodSecrets())
			if *env == "prod" {
				if problems, err = a.refuseDevKey(problems); err != nil {
					return err
				}
			}
			for _, p := range problems {
				fmt.Fprintf(a.stdout, "%s: %s\n", p.Name, p.What)
			}
			if len(problems) > 0 {
				return fmt.Errorf("secrets: %s in the %s file; mend with: materia secrets edit --env %s", plural(len(problems), "problem"), *env, *env)
			}
			fmt.Fprintf(a.stdout, "secrets: %s, all readable\n", plural(len(values), "setting"))
			return nil
		},
	}
}

// refuseDevKey adds a problem if the public development identity can read the
// production file. Where that identity is not at hand there is nothing to ask.
func (a *app) refuseDevKey(problems []secrets.Problem) ([]secrets.Problem, error) {
	store, err := a.secretStore("prod")
	if err != nil {
		return nil, err
	}
	can, err := store.ReadableBy(devKeyFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if can {
		problems = append(problems, secrets.Problem{Name: store.File, What: "the public dev-only identity can read it: take its key out of .sops.yaml, updatekeys, and change every secret"})
	}
	return problems, nil
}

func secretsExecCmd(a *app, env *string) *cobra.Command {
	return &cobra.Command{
		Use:   "exec -- COMMAND [ARG ...]",
		Short: "Run a command with the settings in its environment",
		Long: `Replace this process by COMMAND with the settings in its environment. A setting that
the environment already has with another value is refused.`,
		Example: "  materia secrets exec --env prod -- materia backup run",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			program, err := exec.LookPath(args[0])
			if err != nil {
				return fmt.Errorf("secrets exec: %w", err)
			}
			values, err := a.decrypted(cmd.Context(), *env)
			if err != nil {
				return err
			}
			environ, err := values.Environ(os.Environ())
			if err != nil {
				return err
			}
			if err := syscall.Exec(program, args, environ); err != nil {
				return fmt.Errorf("secrets exec: %s: %w", program, err)
			}
			return nil
		},
	}
}

func secretsWriteCmd(a *app, env *string) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "write",
		Short: "Write the settings in the clear to a file of mode 0600",
		Long: `Write the settings in the clear, as a shell and systemd's EnvironmentFile read them.
The file replaces an older one whole, has mode 0600, and must be ignored by git.`,
		Example: "  materia secrets write --env dev --out .env",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := refuseTracked(cmd.Context(), out); err != nil {
				return err
			}
			values, err := a.decrypted(cmd.Context(), *env)
			if err != nil {
				return err
			}
			if err := values.Write(out); err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "secrets: %s written to %s\n", plural(len(values), "setting"), out)
			return nil
		},
	}
	c.Flags().StringVar(&out, "out", ".env", "file to write")
	return c
}

// refuseTracked says no to a path that git would commit. Outside a checkout, as
// in a release, there is nothing to commit to.
func refuseTracked(ctx context.Context, path string) error {
	git := exec.CommandContext(ctx, "git", "check-ignore", "--quiet", "--no-index", filepath.Base(path))
	git.Dir = filepath.Dir(path)
	err := git.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return fmt.Errorf("secrets write: git does not ignore %s: secrets in the clear would be committed", path)
	}
	return nil
}

func secretsEditCmd(a *app, env *string) *cobra.Command {
	return &cobra.Command{
		Use:     "edit",
		Short:   "Edit the file in $EDITOR; it is encrypted again when the editor ends",
		Example: "  EDITOR=nano materia secrets edit --env prod",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.secretStore(*env)
			if err != nil {
				return err
			}
			return store.Edit(cmd.Context(), a.stdin, a.stdout, a.stderr)
		},
	}
}

func secretsUpdateKeysCmd(a *app, env *string) *cobra.Command {
	return &cobra.Command{
		Use:   "updatekeys",
		Short: "Encrypt the file to the recipients that .sops.yaml names now",
		Long: `Encrypt the file to the recipients that .sops.yaml names now. Someone who can read
the file has to run it: add the new public key to .sops.yaml, run this, commit, push.`,
		Example: "  materia secrets updatekeys --env prod",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := a.secretStore(*env)
			if err != nil {
				return err
			}
			var said strings.Builder
			if err := store.UpdateKeys(cmd.Context(), &said); err != nil {
				return err
			}
			fmt.Fprintf(a.stdout, "secrets: %s is encrypted to the recipients of .sops.yaml\n", store.File)
			return nil
		},
	}
}
