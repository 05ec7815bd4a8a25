package main

import (
	"context"
	"os"

	"beanflows.coffee/materia/internal/alert"
	"beanflows.coffee/materia/internal/plan"
	"beanflows.coffee/materia/internal/state"
)

// tellDamage says that a file was damaged and what became of it: on standard
// error and, where a supervisor keeps a journal here, as one alert. Nothing is
// lost by such damage, but a disk or a program that does it needs a person.
func (a *app) tellDamage(ctx context.Context, what, moved, mended string) {
	a.logDamage(what, moved, mended)
	if _, err := os.Stat(a.journalPath()); err != nil {
		return
	}
	j, err := a.openJournal(ctx)
	if err != nil {
		a.log.Warn("no alert of it", "error", err.Error())
		return
	}
	a.noticeDamage(ctx, j, what, moved, mended)
	if err := j.Close(); err != nil {
		a.log.Warn("close the journal", "error", err.Error())
	}
}

func (a *app) logDamage(what, moved, mended string) {
	if moved == "" {
		a.log.Warn(what + " was corrupt: it was empty; " + mended)
		return
	}
	a.log.Warn(what+" was corrupt: moved aside, "+mended, "path", moved)
}

func (a *app) noticeDamage(ctx context.Context, j *state.Journal, what, moved, mended string) {
	body := "It was moved to " + moved + " and " + mended + "."
	if moved == "" {
		body = "It was empty, and was " + mended + "."
	}
	desk := alert.Desk{Journal: j, Now: a.now}
	desk.Notice(ctx, "corrupt", alert.Warning, what+" was corrupt", body+
		"\nNo data is lost and nothing needs to be done about the file. Look for the cause: dmesg, the disk's health, who else writes there. The file aside may be deleted once looked at.")
}

// mendLakehouse moves a corrupt lakehouse aside; transform builds another.
func (a *app) mendLakehouse(ctx context.Context) error {
	moved, err := plan.Quarantine(ctx, a.lakehouse, a.lakeOptions())
	if err != nil {
		return err
	}
	a.tellDamage(ctx, "the lakehouse", moved, "is being built again from the landing zone")
	return nil
}

// emptied says that the database at path exists and holds nothing, neither itself
// nor in its log: none of ours stays so for long.
func emptied(path, log string) bool {
	info, err := os.Stat(path)
	_, logErr := os.Stat(log)
	return err == nil && info.Size() == 0 && logErr != nil
}
