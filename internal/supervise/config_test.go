package supervise

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseWorkflows(t *testing.T) {
	list, err := Parse("w.toml", []byte(`
[[workflow]]
name = "psd"
schedule = "daily"
pipeline = "extract_psd"

[[workflow]]
name = "cot"
schedule = "35 20 * * 5"
pipeline = "extract_cot"
depends_on = ["psd"]
timeout = "30m"
retries = 0
`), func(p string) bool { return p == "extract_psd" || p == "extract_cot" })
	must(t, err)
	if len(list) != 2 || list[0].Timeout != time.Hour || list[0].Retries != 2 || list[1].Timeout != 30*time.Minute || list[1].Retries != 0 ||
		!cmp.Equal(list[1].DependsOn, []string{"psd"}) || list[1].Schedule().String() != "35 20 * * 5" {
		t.Errorf("%+v", list)
	}
}

// TestWorkflowsProblems: every problem of a file comes at once, each with the
// line it stands on.
func TestWorkflowsProblems(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"many at once": {`# comment
[[workflow]]
name = "psd"
schedule = "0 0 31 2 *"
pipeline = "extract_tea"

[[workflow]]
name = "psd"
schedule = "fortnightly"
pipeline = "extract_psd"
timeout = "-3m"
retries = 99
depends_on = ["nobody"]
`, []string{
			`w.toml:4: workflow "psd": schedule "0 0 31 2 *": it never comes: no such day in any month named`,
			`w.toml:5: workflow "psd": no pipeline is called "extract_tea" (materia pipeline list names them)`,
			`w.toml:8: workflow "psd": the name is there twice`,
			`w.toml:9: workflow "psd": schedule "fortnightly": want hourly, daily, weekly, monthly or five cron fields in UTC: expected exactly 5 fields, found 1: [fortnightly]`,
			`w.toml:11: workflow "psd": timeout "-3m": want a duration from 1s to 24h, such as 30m`,
			`w.toml:12: workflow "psd": retries 99: want 0 to 10`,
			`w.toml:13: workflow "psd": depends_on "nobody": no such workflow`,
		}},
		"a circle": {`[[workflow]]
name = "a"
schedule = "daily"
pipeline = "extract_psd"
depends_on = ["b"]
[[workflow]]
name = "b"
schedule = "daily"
pipeline = "extract_psd"
depends_on = ["a"]
`, []string{`w.toml:5: depends_on goes in a circle: a -> b -> a`}},
		"unknown key":   {"[[workflow]]\nname = \"a\"\nscedule = \"daily\"\n", []string{`w.toml:3: workflow.scedule: no such key; known are name, schedule, pipeline, depends_on, timeout, retries in [[workflow]]`}},
		"wrong type":    {"[[workflow]]\nname = 3\n", []string{`w.toml:2: cannot decode TOML integer into struct field supervise.Workflow.name of type string`}},
		"no TOML":       {"[[workflow]]\nname = \"a\nschedule=", []string{`w.toml:2: `}},
		"empty":         {"", []string{`w.toml:1: no [[workflow]] in the file`}},
		"nothing given": {"\n[[workflow]]\n", []string{`w.toml:2: workflow "": name: want a-z, 0-9 and _, beginning with a letter`, `w.toml:2: workflow "": pipeline is missing (materia pipeline list names them)`, `w.toml:2: workflow "": schedule "": is missing: want hourly, daily, weekly, monthly or five cron fields in UTC`}},
		"a station":     {"[[workflow]]\nname = \"transform\"\nschedule=\"daily\"\npipeline=\"extract_psd\"\n", []string{`w.toml:2: workflow "transform": name: transform is the name of a station that follows the workflows by itself`}},
	} {
		_, err := Parse("w.toml", []byte(c.text), func(p string) bool { return p == "extract_psd" })
		var config *ConfigError
		if !errors.As(err, &config) {
			t.Errorf("%s: %v, want a ConfigError", name, err)
			continue
		}
		var got []string
		for _, p := range config.Problems {
			got = append(got, fmt.Sprintf("w.toml:%d: %s", p.Line, p.Text))
		}
		if name == "no TOML" || name == "wrong type" { // the library's words
			if len(got) != 1 || len(got[0]) < 9 || got[0][:9] != c.want[0][:9] {
				t.Errorf("%s: %q", name, got)
			}
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestShippedWorkflows(t *testing.T) {
	list, err := Load(filepath.Join("..", "..", "infra", "supervisor", "workflows.toml"), nil)
	must(t, err)
	if len(list) < 2 {
		t.Errorf("%d workflows", len(list))
	}
	if _, err := Load("nowhere.toml", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestSchedules(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse("2006-01-02 15:04", s)
		must(t, err)
		return v
	}
	for _, c := range []struct{ schedule, now, latest, next string }{
		{"hourly", "2026-03-01 10:30", "2026-03-01 10:00", "2026-03-01 11:00"},
		{"hourly", "2026-03-01 10:00", "2026-03-01 10:00", "2026-03-01 11:00"},
		{"daily", "2026-03-01 10:30", "2026-03-01 00:00", "2026-03-02 00:00"},
		{"weekly", "2026-03-01 10:30", "2026-02-23 00:00", "2026-03-02 00:00"}, // the 1st is a Sunday
		{"monthly", "2026-03-31 10:30", "2026-03-01 00:00", "2026-04-01 00:00"},
		{"0 12 29 2 *", "2026-03-31 10:30", "2024-02-29 12:00", "2028-02-29 12:00"},
		{"30 2 * * *", "2026-03-29 02:29", "2026-03-28 02:30", "2026-03-29 02:30"}, // summer time begins in Europe: not here
	} {
		s, err := ParseSchedule(c.schedule)
		must(t, err)
		if got := s.Latest(at(c.now)); !got.Equal(at(c.latest)) {
			t.Errorf("%s at %s: latest %s, want %s", c.schedule, c.now, got, c.latest)
		}
		if got := s.Next(at(c.now).In(time.FixedZone("NY", -4*3600))); !got.Equal(at(c.next)) || got.Location() != time.UTC {
			t.Errorf("%s at %s: next %s, want %s", c.schedule, c.now, got, c.next)
		}
	}
	for _, bad := range []string{"", "0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6 *", "@daily", "@every 1h", "CRON_TZ=Asia/Tokyo 0 0 * * *", "* * * *", "61 * * * *", "0 0 0 0 0 0"} {
		if s, err := ParseSchedule(bad); err == nil {
			t.Errorf("%q was accepted: next %s", bad, s.Next(at("2026-01-01 00:00")))
		}
	}
	hourly, err := ParseSchedule("hourly")
	must(t, err)
	n, first, last := hourly.Between(at("2026-03-01 10:00"), at("2026-03-01 13:00"))
	if n != 2 || !first.Equal(at("2026-03-01 11:00")) || !last.Equal(at("2026-03-01 12:00")) {
		t.Errorf("between: %d, %s to %s", n, first, last)
	}
}

// FuzzParse: no text panics, and what is accepted has slots.
func FuzzParse(f *testing.F) {
	f.Add([]byte(simulated))
	f.Add([]byte(yearly))
	f.Add([]byte("[[workflow]]\nname = \"a\"\nschedule = \"0 0 31 2 *\"\npipeline = \"p\"\nretries = -1\n"))
	f.Add([]byte("workflow = [{name = \"a\", schedule = \"daily\", pipeline = \"p\"}]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := Parse("w.toml", text, nil)
		if err != nil {
			return
		}
		for _, w := range list {
			if w.schedule.Next(june).IsZero() && w.schedule.Latest(june).IsZero() {
				t.Errorf("%q is accepted and never comes", w.schedule)
			}
		}
	})
}
