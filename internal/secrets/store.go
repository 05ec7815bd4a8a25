package secrets

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const (
	keyVariable = "SOPS_AGE_KEY_FILE"
	maxFile     = 1 << 20
	decryptTime = 30 * time.Second
)

// Store is one encrypted file and the identity that opens it.
type Store struct {
	File    string // .env.prod.sops
	KeyFile string // age identity
	// SharedKey says that the identity is public on purpose (development) and
	// may be readable by all.
	SharedKey bool
	Program   string // sops; empty: the one in PATH
}

var nameForm = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

// Decrypt returns the values of the file. Everything that can be wrong is found
// before sops runs or said by name: missing file or key, a key that others can
// read, variables that would steer sops.
func (s Store) Decrypt(ctx context.Context) (Values, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, decryptTime)
	defer cancel()
	out, err := s.output(ctx, "decrypt", "--input-type", "dotenv", "--output-type", "json", filepath.Base(s.File))
	if err != nil {
		return nil, err
	}
	return parse(s.File, out)
}

// parse reads sops's JSON. The decoder's own errors quote their input, so they
// are not passed on.
func parse(file string, out []byte) (Values, error) {
	var raw map[string]any
	if err := json.Unmarshal(out, &raw); err != nil {
		return nil, fmt.Errorf("secrets: %s: sops answered something other than a JSON object", file)
	}
	values := Values{}
	for name, v := range raw {
		text, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("secrets: %s: %s is not a text", file, name)
		}
		if !nameForm.MatchString(name) {
			return nil, fmt.Errorf("secrets: %s: a name has other characters than A-Z, 0-9 and _; lower-case or quoted names are not read", file)
		}
		if strings.ContainsRune(text, 0) {
			return nil, fmt.Errorf("secrets: %s: %s holds a NUL byte", file, name)
		}
		values[name] = Value{text}
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("secrets: %s: decrypts to nothing; an empty file is refused", file)
	}
	return values, nil
}

// check is all that can be said without sops.
func (s Store) check() error {
	info, err := os.Stat(s.File)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("secrets: %s: no such file", s.File)
	case err != nil:
		return fmt.Errorf("secrets: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("secrets: %s: not a regular file", s.File)
	case info.Size() == 0:
		return fmt.Errorf("secrets: %s: empty file", s.File)
	case info.Size() > maxFile:
		return fmt.Errorf("secrets: %s: %d bytes, at most %d are read", s.File, info.Size(), maxFile)
	}
	if err := s.checkKey(); err != nil {
		return err
	}
	return strayVariables(os.Environ())
}

func (s Store) checkKey() error {
	info, err := os.Stat(s.KeyFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("secrets: age identity %s: no such file (setup_server.sh makes one; %s names another)", s.KeyFile, keyVariable)
	case err != nil:
		return fmt.Errorf("secrets: age identity: %w", err)
	case !s.SharedKey && info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("secrets: age identity %s: mode %04o lets others read it; chmod 600 it", s.KeyFile, info.Mode().Perm())
	}
	return nil
}

// strayVariables refuses what would steer sops from outside. They are not
// passed on either; but someone set them and believes that they count.
func strayVariables(environ []string) error {
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "SOPS_") && name != keyVariable {
			return fmt.Errorf("secrets: %s is set and would be ignored: only %s counts; unset it", name, keyVariable)
		}
	}
	return nil
}

// output runs sops and returns what it prints.
func (s Store) output(ctx context.Context, args ...string) ([]byte, error) {
	var out, messages bytes.Buffer
	cmd, err := s.command(ctx, args...)
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = &out, &messages
	if err := cmd.Run(); err != nil {
		return nil, s.explain(ctx, err, messages.String())
	}
	return out.Bytes(), nil
}

// command is sops with a clean environment: no home (where it would look for
// further keys), no key but the one named.
func (s Store) command(ctx context.Context, args ...string) (*exec.Cmd, error) {
	program := s.Program
	if program == "" {
		program = "sops"
	}
	found, err := exec.LookPath(program)
	if err == nil {
		found, err = filepath.Abs(found)
	}
	if err != nil {
		return nil, errors.New("secrets: the program sops is not installed: go install github.com/getsops/sops/v3/cmd/sops@v3.13.3")
	}
	key, err := filepath.Abs(s.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("secrets: %w", err)
	}
	cmd := exec.CommandContext(ctx, found, args...)
	// sops looks for .sops.yaml from its working folder upwards.
	cmd.Dir = filepath.Dir(s.File)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "XDG_CONFIG_HOME=/nonexistent", "LANG=C.UTF-8", keyVariable + "=" + key}
	cmd.WaitDelay = 5 * time.Second
	return cmd, nil
}

// explain says in our words what went wrong. What sops prints may quote the
// file, so none of it is passed on.
func (s Store) explain(ctx context.Context, err error, messages string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("secrets: sops on %s: %w", s.File, ctx.Err())
	}
	for _, known := range []struct{ says, means string }{
		{"no identity matched any of the recipients", "the identity in " + s.KeyFile + " is not among its recipients; ask a holder to add its public key to .sops.yaml and run: materia secrets updatekeys"},
		{"failed to parse", s.KeyFile + " or the file is not well formed"},
		{"malformed secret key", s.KeyFile + " holds no age identity"},
		{"no age identity found", s.KeyFile + " holds no age identity"},
		{"MAC mismatch", "its content was changed after it was encrypted, or it is truncated"},
		{"could not decrypt data key", "the identity in " + s.KeyFile + " does not open it"},
		{"Failed to get the data key", "the identity in " + s.KeyFile + " does not open it"},
		{"metadata not found", "it is not encrypted by sops, or truncated"},
		{"Error unmarshalling", "it is not a dotenv file encrypted by sops, or truncated"},
		{"invalid dotenv", "it is not a dotenv file encrypted by sops, or truncated"},
	} {
		if strings.Contains(messages, known.says) {
			return fmt.Errorf("secrets: %s: %s", s.File, known.means)
		}
	}
	return fmt.Errorf("secrets: sops on %s: %w (its own messages may quote the file and are not shown)", s.File, err)
}

// Edit opens the decrypted file in the person's editor through sops.
func (s Store) Edit(ctx context.Context, in io.Reader, out, messages io.Writer) error {
	if err := s.checkKey(); err != nil {
		return err
	}
	if err := strayVariables(os.Environ()); err != nil {
		return err
	}
	cmd, err := s.command(ctx, "edit", "--input-type", "dotenv", "--output-type", "dotenv", filepath.Base(s.File))
	if err != nil {
		return err
	}
	// sops starts the editor, which needs a terminal and a place for its file.
	for _, name := range []string{"EDITOR", "TERM", "TMPDIR"} {
		if v, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, messages
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) && exit.ExitCode() == exitUnchanged {
		return nil
	} else if err != nil {
		return fmt.Errorf("secrets: sops edit %s: %w", s.File, err)
	}
	return nil
}

// exitUnchanged is sops's code for an edit that changed nothing.
const exitUnchanged = 200

// UpdateKeys encrypts the file's key to the recipients that .sops.yaml names.
func (s Store) UpdateKeys(ctx context.Context, messages io.Writer) error {
	if err := s.check(); err != nil {
		return err
	}
	cmd, err := s.command(ctx, "updatekeys", "--yes", "--input-type", "dotenv", filepath.Base(s.File))
	if err != nil {
		return err
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = messages, &said
	if err := cmd.Run(); err != nil {
		return s.explain(ctx, err, said.String())
	}
	return nil
}
