package doctor

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func one(t *testing.T, c Check) Finding {
	t.Helper()
	all := Run(t.Context(), []Check{c})
	if len(all) != 1 {
		t.Fatalf("%d findings: %+v", len(all), all)
	}
	return all[0]
}

func verdict(t *testing.T, c Check, want string) Finding {
	t.Helper()
	f := one(t, c)
	if f.Verdict != want {
		t.Errorf("%+v, want %s", f, want)
	}
	if f.Verdict == Fail && f.Do == "" {
		t.Errorf("%s fails without a word on what to do", f.Check)
	}
	return f
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	verdict(t, Folder("landing", dir), OK)
	verdict(t, Folder("landing", filepath.Join(dir, "none")), Warn)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	verdict(t, Folder("landing", file), Fail)
	verdict(t, Folder("landing", "/proc/sys"), Fail) // nobody makes a file there, not even root
}

func TestPrivate(t *testing.T) {
	key := filepath.Join(t.TempDir(), "age-key.txt")
	verdict(t, Private("age", key, ""), Skip)
	verdict(t, Private("age", key, "make one"), Warn)
	if err := os.WriteFile(key, []byte("k"), 0o600); err != nil {
		t.Fatal(err)
	}
	verdict(t, Private("age", key, ""), OK)
	if err := os.Chmod(key, 0o640); err != nil {
		t.Fatal(err)
	}
	if f := verdict(t, Private("age", key, ""), Fail); !strings.Contains(f.Do, "chmod 600") {
		t.Errorf("%+v", f)
	}
}

func TestClockBehindTheFiles(t *testing.T) {
	verdict(t, Clock(func() time.Time { return time.Now().Add(48 * time.Hour) }), Fail)
	if f := one(t, Clock(func() time.Time { return time.Now().Add(-time.Hour) })); f.Verdict == Fail {
		t.Errorf("%+v", f)
	}
}

func TestProgram(t *testing.T) {
	if f := verdict(t, Program("sh", true, "", "-c", "echo 1.2.3; echo more"), OK); f.Says != "1.2.3" {
		t.Errorf("%+v", f)
	}
	verdict(t, Program("no-such-program", true, "why"), Warn)
	verdict(t, Program("no-such-program", false, "why"), Skip)
	verdict(t, Program("sh", true, "", "-c", "exit 3"), Warn)
}

func TestForecast(t *testing.T) {
	now := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	var daily []Growth
	for d := range 90 {
		daily = append(daily, Growth{now.AddDate(0, 0, -d), 1 << 20})
	}
	if days, perDay, ok := Forecast(daily, 40<<30, now); !ok || perDay != 4<<20 || days != 10240 {
		t.Errorf("%d days at %d a day, %v", days, perDay, ok)
	}
	if _, _, ok := Forecast(daily[:3], 1<<30, now); ok {
		t.Error("three days are a history")
	}
	if _, perDay, ok := Forecast(daily[60:], 1<<30, now); !ok || perDay != 0 {
		t.Errorf("nothing for two months: %d %v", perDay, ok)
	}
	verdict(t, Space("/data", 40<<30, 100<<30, 5<<30, false, daily, now), OK)
	verdict(t, Space("/data", 200<<20, 100<<30, 1<<20, false, daily, now), Warn) // 50 days
	verdict(t, Space("/data", 4<<30, 100<<30, 5<<30, false, nil, now), Fail)
	verdict(t, Space("/data", 40<<30, 100<<30, 5<<30, true, nil, now), Fail)
}

// TestSlowCheckIsBounded: a check sees its deadline.
func TestSlowCheckIsBounded(t *testing.T) {
	f := one(t, func(ctx context.Context) []Finding {
		at, ok := ctx.Deadline()
		if !ok || time.Until(at) > checkTime {
			t.Error("no deadline")
		}
		return []Finding{{Verdict: OK}}
	})
	if Failed([]Finding{f}) || !Failed([]Finding{f, {Verdict: Fail}}) {
		t.Error("Failed")
	}
}
