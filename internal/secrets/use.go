package secrets

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Environ is environ with the values added. A name that is set already, to
// something else, is refused: nobody could tell which of the two was meant.
func (v Values) Environ(environ []string) ([]string, error) {
	for _, pair := range environ {
		name, set, _ := strings.Cut(pair, "=")
		if value, ok := v[name]; ok && value.text != set {
			return nil, fmt.Errorf("secrets: %s is set in the environment to something else than in the file; unset it", name)
		}
	}
	for _, name := range v.Names() {
		environ = append(environ, name+"="+v[name].text)
	}
	return environ, nil
}

// Problem is something about one secret that will not do.
type Problem struct {
	Name string `json:"name"`
	What string `json:"what"`
}

// Check names what is missing of required and what looks wrong: a placeholder,
// quotes that sops would keep as part of the value, backslashes that its dotenv
// form is known to change (getsops/sops#1435).
func (v Values) Check(required []string) []Problem {
	var found []Problem
	for _, name := range required {
		if value, ok := v[name]; !ok {
			found = append(found, Problem{name, "missing"})
		} else if value.Empty() {
			found = append(found, Problem{name, "empty"})
		}
	}
	for _, name := range v.Names() {
		text := v[name].text
		switch {
		case strings.Contains(text, "CHANGE_ME"):
			found = append(found, Problem{name, "still a placeholder"})
		case len(text) > 1 && (text[0] == '"' || text[0] == '\'') && text[len(text)-1] == text[0]:
			found = append(found, Problem{name, "in quotes, which sops keeps as part of the value"})
		case strings.ContainsAny(text, "\\\n"):
			found = append(found, Problem{name, "holds a backslash or a line break, which sops's dotenv form may change"})
		}
	}
	return found
}

// Write puts the values into path as lines that a shell and systemd's
// EnvironmentFile read alike, with mode 0600, whole or not at all.
func (v Values) Write(path string) (err error) {
	var b strings.Builder
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`")
	for _, name := range v.Names() {
		fmt.Fprintf(&b, "%s=\"%s\"\n", name, escape.Replace(v[name].text))
	}
	dir := filepath.Dir(path)
	// CreateTemp makes the file with mode 0600. A crash leaves it under a name
	// that nobody reads, still unreadable for others.
	f, err := os.CreateTemp(dir, ".env-*.tmp")
	if err != nil {
		return fmt.Errorf("secrets: write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("secrets: write %s: %w", path, err), os.Remove(f.Name()))
		}
	}()
	if _, err = f.WriteString(b.String()); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// ReadableBy says whether the file names the public key of the identity in
// keyFile among its recipients. Nothing is decrypted.
func (s Store) ReadableBy(keyFile string) (bool, error) {
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return false, fmt.Errorf("secrets: %w", err)
	}
	text, err := os.ReadFile(s.File)
	if err != nil {
		return false, fmt.Errorf("secrets: %w", err)
	}
	for line := range strings.Lines(string(key)) {
		public, ok := strings.CutPrefix(strings.TrimSpace(line), "# public key: ")
		if ok && strings.Contains(string(text), public) {
			return true, nil
		}
	}
	return false, nil
}
