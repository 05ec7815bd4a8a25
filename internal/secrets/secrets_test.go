package secrets

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The value that must show up nowhere.
const sentinel = "S3NT1NEL-do-not-print"

// vault is a folder with a file encrypted by the real sops to a real identity.
type vault struct {
	t     *testing.T
	dir   string
	store Store
}

func newVault(t *testing.T, plain string) *vault {
	t.Helper()
	for _, program := range []string{"sops", "age-keygen"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("SKIPPED, NOTHING WAS TESTED: %s is not installed", program)
		}
	}
	v := &vault{t: t, dir: t.TempDir()}
	v.store = Store{File: filepath.Join(v.dir, ".env.prod.sops"), KeyFile: v.key("age-key.txt")}
	v.recipients("age-key.txt")
	v.write("plain.env", plain)
	text := v.sh("sops encrypt --input-type dotenv --output-type dotenv --filename-override .env.prod.sops plain.env")
	v.write(".env.prod.sops", text+"\n")
	if err := os.Remove(filepath.Join(v.dir, "plain.env")); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *vault) sh(line string) string {
	v.t.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = v.dir
	var messages bytes.Buffer
	cmd.Stderr = &messages
	out, err := cmd.Output()
	if err != nil {
		v.t.Fatalf("%s: %v\n%s", line, err, messages.String())
	}
	return strings.TrimSpace(string(out))
}

func (v *vault) write(name, text string) {
	v.t.Helper()
	if err := os.WriteFile(filepath.Join(v.dir, name), []byte(text), 0o600); err != nil {
		v.t.Fatal(err)
	}
}

// key makes an identity of mode 0600.
func (v *vault) key(name string) string {
	v.t.Helper()
	v.sh("umask 077 && age-keygen -o " + name + " 2>/dev/null")
	return filepath.Join(v.dir, name)
}

// recipients writes .sops.yaml for the identities in files.
func (v *vault) recipients(files ...string) {
	v.t.Helper()
	var keys []string
	for _, f := range files {
		keys = append(keys, v.sh("age-keygen -y "+f))
	}
	v.write(".sops.yaml", fmt.Sprintf("creation_rules:\n  - path_regex: \\.env\\.prod\\.sops$\n    age: %s\n", strings.Join(keys, ",")))
}

func TestDecrypt(t *testing.T) {
	v := newVault(t, "A_URL=https://x.example/a?b=c#d\nEMPTY=\nPASS=p@ss w0rd $HOME `x` \"q\"\n")
	got, err := v.store.Decrypt(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"A_URL": "https://x.example/a?b=c#d", "EMPTY": "", "PASS": "p@ss w0rd $HOME `x` \"q\""}
	if len(got) != len(want) {
		t.Errorf("names %v", got.Names())
	}
	for name, value := range want {
		if got[name].Reveal() != value {
			t.Errorf("%s = %q, want %q", name, got[name].Reveal(), value)
		}
	}
	// What is written is read alike by a shell.
	out := filepath.Join(v.dir, ".env")
	if err := got.Write(out); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(out)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if read := v.sh(`. ./.env; printf %s "$PASS"`); read != want["PASS"] {
		t.Errorf("a shell reads %q", read)
	}
}

// The way a new server gets access: its key is made, its public key added by
// somebody who can read the file, the file's keys updated.
func TestKeyWorkflow(t *testing.T) {
	v := newVault(t, "TOKEN="+sentinel+"\n")
	script, err := filepath.Abs("../../infra/setup_server.sh")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(v.dir, "server"), 0o700); err != nil {
		t.Fatal(err)
	}
	said := v.sh("cd server && " + script + " --key-only")
	_, public, found := strings.Cut(said, "public key: ")
	if !found || public != v.sh("age-keygen -y server/age-key.txt") {
		t.Fatalf("setup_server.sh printed %q", said)
	}
	if again := v.sh("cd server && " + script + " --key-only"); !strings.Contains(again, public) {
		t.Fatal("a second run made another key")
	}
	server := v.store
	server.KeyFile = filepath.Join(v.dir, "server", "age-key.txt")
	if _, err := server.Decrypt(t.Context()); err == nil || !strings.Contains(err.Error(), "does not open it") && !strings.Contains(err.Error(), "not among its recipients") {
		t.Fatalf("before its key is added: %v", err)
	}
	v.recipients("age-key.txt", "server/age-key.txt")
	if err := server.UpdateKeys(t.Context(), &bytes.Buffer{}); err == nil {
		t.Fatal("the new server let itself in")
	}
	var said2 bytes.Buffer
	if err := v.store.UpdateKeys(t.Context(), &said2); err != nil {
		t.Fatal(err)
	}
	got, err := server.Decrypt(t.Context())
	if err != nil || got["TOKEN"].Reveal() != sentinel {
		t.Fatalf("after updatekeys: %v", err)
	}
}

// Everything that is refused says what is wrong and shows nothing.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*vault)
		says  string
	}{
		{"no file", func(v *vault) { v.store.File += ".gone" }, "no such file"},
		{"no key", func(v *vault) { v.store.KeyFile += ".gone" }, "no such file"},
		{"wrong key", func(v *vault) { v.store.KeyFile = v.key("other.txt") }, "other.txt"},
		{"key that others read", func(v *vault) { v.sh("chmod 644 age-key.txt") }, "chmod 600"},
		{"key file with no key", func(v *vault) { v.write("age-key.txt", "# nothing\n") }, "age-key.txt"},
		{"empty file", func(v *vault) { v.write(".env.prod.sops", "") }, "empty file"},
		{"plain file", func(v *vault) { v.write(".env.prod.sops", "TOKEN="+sentinel+"\n") }, "not encrypted"},
		{"truncated file", func(v *vault) { v.sh("head -c 150 .env.prod.sops > x; mv x .env.prod.sops") }, "truncated"},
		{"value taken out", func(v *vault) { v.sh("sed -i /^OTHER/d .env.prod.sops") }, "changed after it was encrypted"},
		{"stray SOPS_AGE_KEY", func(v *vault) { v.t.Setenv("SOPS_AGE_KEY", "AGE-SECRET-KEY-1") }, "SOPS_AGE_KEY is set"},
		{"stray SOPS_AGE_KEY_CMD", func(v *vault) { v.t.Setenv("SOPS_AGE_KEY_CMD", "echo") }, "SOPS_AGE_KEY_CMD is set"},
		{"no sops", func(v *vault) { v.store.Program = "sops-is-not-here" }, "not installed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := newVault(t, "TOKEN="+sentinel+"\nOTHER=x\n")
			v.t = t
			c.spoil(v)
			values, err := v.store.Decrypt(t.Context())
			if err == nil || values != nil {
				t.Fatalf("decrypted: %v", values.Names())
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v: does not say %q", err, c.says)
			}
			if strings.Contains(err.Error(), sentinel) {
				t.Errorf("the error shows the value")
			}
		})
	}
}

// sops sees nothing of the caller's environment but what it needs.
func TestCleanEnvironment(t *testing.T) {
	v := newVault(t, "TOKEN="+sentinel+"\n")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "x")
	t.Setenv("HOME", v.dir)
	v.write("fake", "#!/bin/sh\nenv > seen\necho '{\"A\": \"b\"}'\n")
	v.sh("chmod 700 fake")
	v.store.Program = filepath.Join(v.dir, "fake")
	if _, err := v.store.Decrypt(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := v.sh("grep -v '^PWD=\\|^_=\\|^SHLVL=\\|^OLDPWD=' seen | cut -d= -f1 | sort | tr '\\n' ' '")
	if seen != "HOME LANG PATH SOPS_AGE_KEY_FILE XDG_CONFIG_HOME" {
		t.Errorf("sops saw %s", seen)
	}
}

func TestValuesNeverShow(t *testing.T) {
	v := Values{"TOKEN": NewValue(sentinel)}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "values", v, "value", v["TOKEN"])
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "values", v, "value", v["TOKEN"])
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	all := log.String() + string(text) + fmt.Sprint(v, v["TOKEN"]) + fmt.Sprintf("%v %+v %#v %s %q %x %d", v, v, v, v["TOKEN"], v["TOKEN"], v["TOKEN"], v["TOKEN"])
	if strings.Contains(all, sentinel) || strings.Contains(all, fmt.Sprintf("%x", sentinel)) {
		t.Errorf("shown: %s", all)
	}
}

func TestEnvironRefusesAnotherValue(t *testing.T) {
	v := Values{"TOKEN": NewValue(sentinel)}
	if _, err := v.Environ([]string{"TOKEN=other"}); err == nil || !strings.Contains(err.Error(), "TOKEN") || strings.Contains(err.Error(), sentinel) {
		t.Errorf("%v", err)
	}
	got, err := v.Environ([]string{"PATH=/bin"})
	if err != nil || len(got) != 2 {
		t.Errorf("%d, %v", len(got), err)
	}
}

func TestCheckNamesProblems(t *testing.T) {
	v := Values{"HERE": NewValue("x"), "EMPTY": NewValue(""), "HOOK": NewValue("CHANGE_ME"), "QUOTED": NewValue(`"x"`), "SLASH": NewValue(`a\b`)}
	var got []string
	for _, p := range v.Check([]string{"HERE", "EMPTY", "GONE"}) {
		got = append(got, p.Name)
	}
	if strings.Join(got, " ") != "EMPTY GONE HOOK QUOTED SLASH" {
		t.Errorf("problems %v", got)
	}
}

// A write that fails leaves the old file and no other.
func TestWriteIsWholeOrNot(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(target, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	v := Values{"TOKEN": NewValue(sentinel)}
	if err := v.Write(target); err == nil || strings.Contains(err.Error(), sentinel) {
		t.Errorf("%v", err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind %v", left)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"A":"b"}`))
	f.Add([]byte(`{"a":{"b":1}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		values, err := parse("f", text)
		if err != nil && values != nil || err == nil && len(values) == 0 {
			t.Errorf("%d values, %v", len(values), err)
		}
	})
}
