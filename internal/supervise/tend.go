package supervise

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	"beanflows.coffee/materia/internal/alert"
	"beanflows.coffee/materia/internal/state"
)

// Tending is what is looked after between ticks: space on the disks and the age
// of the backup.
type Tending struct {
	Journal *state.Journal
	Alerts  *alert.Desk
	Now     func() time.Time
	Folders []string // of everything that is written
	// Backup says that a bucket is configured; without one nothing is said of its age.
	Backup bool
	// BackupSince is when the backup could first have run, for an empty journal.
	BackupSince time.Time
}

// BackupAgeLimit is two rounds of six hours and an hour of grace.
const BackupAgeLimit = 13 * time.Hour

// Space is what a file system has left for us.
type Space struct {
	Folder             string
	FreeBytes, Bytes   int64 // free: to us, without what is kept for root
	FreeInodes, Inodes int64
	device             uint64
}

// LeastFreeBytes is where the alarm begins: twentieth of the disk, at least
// 1 GiB and at most 10 GiB. A full rebuild needs about twice the lakehouse.
func (s Space) LeastFreeBytes() int64 { return min(10<<30, max(1<<30, s.Bytes/20)) }

// Low says that space or inodes run out.
func (s Space) Low() bool {
	return s.FreeBytes < s.LeastFreeBytes() || s.Inodes > 0 && s.FreeInodes < s.Inodes/50
}

// SpaceOf measures the file systems of the folders, each once.
func SpaceOf(folders []string) (list []Space, err error) {
	for _, folder := range folders {
		var fs syscall.Statfs_t
		var st syscall.Stat_t
		if err := syscall.Statfs(folder, &fs); err != nil {
			return nil, fmt.Errorf("supervise: space of %s: %w", folder, err)
		}
		if err := syscall.Stat(folder, &st); err != nil {
			return nil, fmt.Errorf("supervise: space of %s: %w", folder, err)
		}
		if slices.ContainsFunc(list, func(s Space) bool { return s.device == st.Dev }) {
			continue
		}
		list = append(list, Space{Folder: folder, FreeBytes: int64(fs.Bavail) * fs.Bsize, Bytes: int64(fs.Blocks) * fs.Bsize,
			FreeInodes: int64(fs.Ffree), Inodes: int64(fs.Files), device: st.Dev})
	}
	return list, nil
}

// Look raises and ends the alerts about space and backup.
func (t Tending) Look(ctx context.Context) {
	t.space(ctx)
	if t.Backup {
		t.backup(ctx)
	}
}

func (t Tending) space(ctx context.Context) {
	list, err := SpaceOf(t.Folders)
	if err != nil {
		t.Alerts.Raise(ctx, "disk", alert.Error, "The disk cannot be measured", err.Error())
		return
	}
	for _, s := range list {
		if s.Low() {
			t.Alerts.Raise(ctx, "disk", alert.Error, "The disk is nearly full",
				fmt.Sprintf("%s: %.1f GiB of %.1f GiB free, %d of %d inodes. Runs fail without harm once it is full. docs/operations.md, 'The disk fills', says what may go.",
					s.Folder, gib(s.FreeBytes), gib(s.Bytes), s.FreeInodes, s.Inodes))
			return
		}
	}
	t.Alerts.Resolve(ctx, "disk", "There is space again.")
}

func gib(bytes int64) float64 { return float64(bytes) / (1 << 30) }

func (t Tending) backup(ctx context.Context) {
	good, last, err := t.Journal.LastBackup(ctx, "run")
	if err != nil {
		return // the loop itself meets it and ends
	}
	since := good.FinishedAt
	if since.IsZero() {
		since = t.BackupSince
	}
	age := t.Now().Sub(since)
	if age <= BackupAgeLimit {
		t.Alerts.Resolve(ctx, "backup-age", fmt.Sprintf("The backup of %s is complete.", stampText(since)))
		return
	}
	why := "No attempt since was recorded: is materia-backup.timer running?"
	if last.Status == state.Failed {
		why = "The last attempt, " + stampText(last.FinishedAt) + ": " + last.Message
	}
	t.Alerts.Raise(ctx, "backup-age", alert.Error, "No backup for more than 13 hours",
		fmt.Sprintf("The last good one is of %s. %s\nNothing is lost while this machine lives; the next one that succeeds catches up.", stampText(since), why))
}
