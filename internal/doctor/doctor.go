// Package doctor looks at the machine that materia runs on and says, for each
// thing that has to be right, whether it is and what to do.
//
// It must never change anything: no file is made, no lock taken for longer than
// a look, nothing is repaired. Every check is bounded in time.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Verdicts of a check.
const (
	OK   = "ok"
	Warn = "warn" // works, but somebody should look
	Fail = "fail" // something does not work, or will be lost
	Skip = "skip" // does not apply here
)

// Finding is the result of one check.
type Finding struct {
	Check   string `json:"check"` // area: what
	Verdict string `json:"verdict"`
	Says    string `json:"says"`
	Do      string `json:"do,omitempty"`
}

// Check is one thing to look at.
type Check func(ctx context.Context) []Finding

// checkTime bounds one check.
const checkTime = 15 * time.Second

// Run looks at everything in order.
func Run(ctx context.Context, checks []Check) (all []Finding) {
	for _, c := range checks {
		limited, cancel := context.WithTimeout(ctx, checkTime)
		all = append(all, c(limited)...)
		cancel()
	}
	return all
}

// Failed says whether a finding is a failure.
func Failed(all []Finding) bool {
	for _, f := range all {
		if f.Verdict == Fail {
			return true
		}
	}
	return false
}

// Folder checks that a folder is there and this user may write to it. It is
// tried by access(2): nothing is written.
func Folder(name, path string) Check {
	return func(context.Context) []Finding {
		f := Finding{Check: "path: " + name, Verdict: OK, Says: path}
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			f.Verdict, f.Says, f.Do = Warn, path+" does not exist yet", "the first pipeline run makes it, if its parent may be written: materia pipeline run all"
		case err != nil:
			f.Verdict, f.Says, f.Do = Fail, err.Error(), "see that the user that runs materia may reach it: namei -l "+path
		case !info.IsDir():
			f.Verdict, f.Says, f.Do = Fail, path+" is no folder", "set the variable to a folder"
		case unix.Access(path, unix.W_OK|unix.X_OK) != nil:
			f.Verdict, f.Says = Fail, path+" may not be written by uid "+fmt.Sprint(os.Getuid())
			f.Do = "chown it to the user that runs materia, and in a unit add it to ReadWritePaths="
		}
		return []Finding{f}
	}
}

// Private checks that a file, where it exists, is its owner's alone.
func Private(name, path, missing string) Check {
	return func(context.Context) []Finding {
		f := Finding{Check: "key: " + name, Verdict: OK, Says: path + ", mode 0600 or less"}
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && missing == "":
			f.Verdict, f.Says = Skip, path+" is not there"
		case errors.Is(err, fs.ErrNotExist):
			f.Verdict, f.Says, f.Do = Warn, path+" is not there", missing
		case err != nil:
			f.Verdict, f.Says, f.Do = Fail, err.Error(), "run as the user that runs materia"
		case info.Mode().Perm()&0o077 != 0:
			f.Verdict, f.Says, f.Do = Fail, fmt.Sprintf("%s may be read by others (mode %04o)", path, info.Mode().Perm()), "chmod 600 "+path+", and if others have accounts here replace the key"
		}
		return []Finding{f}
	}
}

// Clock checks that the kernel's clock is kept by NTP and is not absurd: slots
// and the dates of files hang on it.
func Clock(newest func() time.Time) Check {
	return func(context.Context) []Finding {
		f := Finding{Check: "clock", Verdict: OK, Says: time.Now().UTC().Format(time.RFC3339) + ", synchronised"}
		var t unix.Timex
		status, err := unix.Adjtimex(&t)
		switch {
		case newest != nil && time.Now().Before(newest().Add(-time.Hour)):
			f.Verdict, f.Says = Fail, fmt.Sprintf("it is %s by this clock, and files landed at %s", time.Now().UTC().Format(time.RFC3339), newest().UTC().Format(time.RFC3339))
			f.Do = "the clock went back: timedatectl; files that land now would sort before older ones"
		case err != nil:
			f.Verdict, f.Says = Skip, "the kernel does not say whether the clock is synchronised: "+err.Error()
		case status == unix.TIME_ERROR || t.Status&unix.STA_UNSYNC != 0:
			f.Verdict, f.Says, f.Do = Warn, "the clock is not synchronised", "timedatectl set-ntp true, or install systemd-timesyncd or chrony"
		}
		return []Finding{f}
	}
}

// Program checks that a program can be run and says its version.
func Program(name string, needed bool, why string, args ...string) Check {
	return func(ctx context.Context) []Finding {
		f := Finding{Check: "program: " + name, Verdict: OK}
		path, err := exec.LookPath(name)
		if err != nil {
			f.Verdict, f.Says, f.Do = Skip, "not installed; "+why, ""
			if needed {
				f.Verdict, f.Do = Warn, "install "+name
			}
			return []Finding{f}
		}
		out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
		first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		if f.Says = first; err != nil {
			f.Verdict, f.Says, f.Do = Warn, fmt.Sprintf("%s: %v", path, err), "reinstall "+name
		}
		return []Finding{f}
	}
}

// Units checks systemd's units of these names: loaded, enabled, not failed.
func Units(names ...string) Check {
	return func(ctx context.Context) []Finding {
		if _, err := os.Stat("/run/systemd/system"); err != nil {
			return []Finding{{Check: "units", Verdict: Skip, Says: "this machine does not run systemd"}}
		}
		var all []Finding
		for _, n := range names {
			out, err := exec.CommandContext(ctx, "systemctl", "show", n, "--property=LoadState,ActiveState,UnitFileState,Result,NRestarts").Output()
			f := Finding{Check: "unit: " + n, Verdict: OK}
			p := properties(string(out))
			switch {
			case err != nil:
				f.Verdict, f.Says, f.Do = Warn, "systemctl: "+err.Error(), "systemctl status "+n
			case p["LoadState"] != "loaded":
				f.Verdict, f.Says, f.Do = Skip, "not installed", "infra/bootstrap_supervisor.sh installs it on a server"
			case p["ActiveState"] == "failed":
				f.Verdict, f.Says, f.Do = Fail, "failed: "+p["Result"], "journalctl -u "+n+" -n 50; systemctl reset-failed "+n
			case p["ActiveState"] == "inactive" && !strings.HasSuffix(n, ".service"):
				f.Verdict, f.Says, f.Do = Warn, "not active", "systemctl enable --now "+n
			default:
				f.Says = p["ActiveState"] + ", " + p["UnitFileState"]
				if p["NRestarts"] != "" && p["NRestarts"] != "0" {
					f.Says += ", restarted " + p["NRestarts"] + " times"
				}
			}
			all = append(all, f)
		}
		return all
	}
}

func properties(text string) map[string]string {
	p := map[string]string{}
	for _, line := range strings.Split(text, "\n") {
		if k, v, ok := strings.Cut(line, "="); ok {
			p[k] = v
		}
	}
	return p
}

// SameDisk checks that two files lie on one file system, where one is to be
// renamed or linked to the other.
func SameDisk(name, a, b, why string) Check {
	return func(context.Context) []Finding {
		f := Finding{Check: "path: " + name, Verdict: OK, Says: "on one file system"}
		var x, y unix.Stat_t
		if unix.Stat(filepath.Dir(a), &x) != nil || unix.Stat(filepath.Dir(b), &y) != nil {
			f.Verdict, f.Says = Skip, "not there yet"
		} else if x.Dev != y.Dev {
			f.Verdict, f.Says, f.Do = Fail, fmt.Sprintf("%s and %s lie on two file systems", a, b), why
		}
		return []Finding{f}
	}
}
