package supervise

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// identify names a process so that it is told from a later one with its
// number: pid, start in clock ticks since boot, id of the boot.
func identify(pid int) string {
	return fmt.Sprintf("%d %s %s", pid, startTicks(pid), bootID())
}

// startTicks is field 22 of /proc/PID/stat; empty where there is no such
// process. The second field, the name, may hold blanks and brackets.
func startTicks(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	rest := string(text[strings.LastIndexByte(string(text), ')')+1:])
	fields := strings.Fields(rest)
	if len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return fields[19]
}

// bootID is "-" where a hardened unit hides it; there systemd ends what a dead
// supervisor left.
func bootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "-"
	}
	return strings.TrimSpace(string(text))
}

// endLeftover ends the process group that a dead supervisor left working, so
// that its slot can be run again without two of it. It says whether there was
// one.
func endLeftover(ctx context.Context, process string, grace time.Duration) bool {
	fields := strings.Fields(process)
	if len(fields) != 3 || fields[2] != bootID() {
		return false
	}
	pid, err := strconv.Atoi(fields[0])
	if err != nil || pid <= 1 || !groupIs(pid, fields[1]) {
		return false
	}
	killGroup(pid, syscall.SIGTERM)
	for until := time.Now().Add(grace); groupIs(pid, fields[1]); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(until) || ctx.Err() != nil {
			killGroup(pid, syscall.SIGKILL)
			break
		}
	}
	return true
}

// groupIs says whether the process group is still the one whose leader started
// then. While a group has members its number is given to no new process, so a
// group without a leader is the old one.
func groupIs(pgid int, ticks string) bool {
	if syscall.Kill(-pgid, 0) != nil {
		return false
	}
	now := startTicks(pgid)
	return now == ticks || now == "" && hasLiving(pgid)
}

// hasLiving says whether a process of the group is no zombie.
func hasLiving(pgid int) bool {
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return false
	}
	for _, p := range procs {
		text, err := os.ReadFile("/proc/" + p.Name() + "/stat")
		if err != nil {
			continue
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) > 2 && fields[0] != "Z" && fields[2] == strconv.Itoa(pgid) {
			return true
		}
	}
	return false
}
