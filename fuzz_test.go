package materia_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFuzzScriptTellsFindingsFromItsOwnTime: what Go's coordinator says at the end
// of -fuzztime begins a target again, whatever a target finds ends the script.
func TestFuzzScriptTellsFindingsFromItsOwnTime(t *testing.T) {
	const overtime = "--- FAIL: FuzzOne (11.19s)\n    context deadline exceeded\nFAIL\nexit status 1\nFAIL\tpkg\t11.193s\n"
	const finding = "--- FAIL: FuzzOne (0.05s)\n    --- FAIL: FuzzOne (0.00s)\n        one_test.go:9: context deadline exceeded\n    \n" +
		"    Failing input written to testdata/fuzz/FuzzOne/582528ddfad69eb5\nFAIL\nexit status 1\nFAIL\tpkg\t0.054s\n"
	const broken = "# pkg\n./one_test.go:9:2: undefined: x\nFAIL\tpkg [build failed]\nFAIL\n"
	for name, c := range map[string]struct {
		says     []string // by the target's runs in turn; "" passes
		code     int
		attempts int
	}{
		"passes":                  {[]string{""}, 0, 1},
		"out of time once":        {[]string{overtime, ""}, 0, 2},
		"out of time three times": {[]string{overtime, overtime, overtime}, 1, 3},
		"finding":                 {[]string{finding}, 1, 1},
		"finding after its time":  {[]string{overtime, finding}, 1, 2},
		"does not build":          {[]string{broken}, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for n, words := range c.says {
				if err := os.WriteFile(filepath.Join(dir, "says."+string(rune('1'+n))), []byte(words), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			stand := `#!/bin/sh
case "$*" in
list*) echo pkg ;;
*-list*) echo FuzzOne; echo ok ;;
*) echo >>` + dir + `/runs; says=` + dir + `/says.$(wc -l <` + dir + `/runs | tr -d ' '); cat "$says"; [ ! -s "$says" ] ;;
esac
`
			if err := os.WriteFile(filepath.Join(dir, "go"), []byte(stand), 0o755); err != nil {
				t.Fatal(err)
			}
			script := exec.Command("scripts/fuzz.sh", "10s", "./...")
			script.Env = append(os.Environ(), "GO="+filepath.Join(dir, "go"))
			out, err := script.CombinedOutput()
			if code := script.ProcessState.ExitCode(); code != c.code {
				t.Errorf("exit code %d, want %d: %v\n%s", code, c.code, err, out)
			}
			if runs, _ := os.ReadFile(filepath.Join(dir, "runs")); strings.Count(string(runs), "\n") != c.attempts {
				t.Errorf("%d attempts, want %d\n%s", strings.Count(string(runs), "\n"), c.attempts, out)
			}
		})
	}
}
