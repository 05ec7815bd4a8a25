package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"beanflows.coffee/materia/internal/alert"
	"beanflows.coffee/materia/internal/backup"
	"beanflows.coffee/materia/internal/supervise"
)

func backupCmd(a *app) *cobra.Command {
	c := group("backup", "Copy the landing zone to a bucket, read it back, restore from it",
		backupRunCmd(a), backupVerifyCmd(a), backupRestoreCmd(a))
	c.Long = `The bucket is append-only: an object is written once, nothing deletes or overwrites one, and a
loss on this machine is not carried over. Lakehouse and published file are not in it: they are
built again from what is.

Environment:
  BACKUP_S3_ENDPOINT           https://ACCOUNT.r2.cloudflarestorage.com, or any S3
  BACKUP_S3_BUCKET             its name
  BACKUP_S3_PREFIX             a folder in it; may be empty
  BACKUP_S3_REGION             auto, as R2 wants it
  BACKUP_S3_ACCESS_KEY_ID      a key that may list, read and write objects, and not delete
  BACKUP_S3_SECRET_ACCESS_KEY`
	c.Example = `  materia secrets exec --env prod -- materia backup run
  materia backup verify
  materia backup restore`
	return c
}

func backupRunCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Upload what the bucket does not have",
		Long: `Upload landed files, their manifests, decisions, and a consistent copy of .state.sqlite, as far
as the bucket does not have them. Exit code 1, an alert, and nothing overwritten where files are
lost or changed on either side.`,
		Example: "  materia backup run",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBucket(cmd.Context(), "backup", func(ctx context.Context, d backup.Deps) (err error) {
				_, st, err := a.openLanding(ctx)
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, st.Close()) }()
				r, err := backup.Run(ctx, d, st)
				fmt.Fprintf(a.stdout, "backup run: uploaded %s, %s; %s there already\n", plural(int(r.Uploaded), "object"), size(r.UploadedBytes), grouped(r.Present))
				a.tellProblems(r.Problems)
				return err
			})
		},
	}
}

func backupVerifyCmd(a *app) *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "Read objects back and compare them with what was uploaded",
		Long: `Read objects back from the bucket, the longest unread first, and compare each with the hash it
had when it was uploaded. One part in 28 of them, so that a daily run reads all within 30 days.`,
		Example: `  materia backup verify
  materia backup verify --all`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withBucket(cmd.Context(), "backup-verify", func(ctx context.Context, d backup.Deps) error {
				r, err := backup.Verify(ctx, d, all)
				fmt.Fprintf(a.stdout, "backup verify: read back %d of %s, %s; the oldest was last read %s\n", r.Checked, plural(int(r.Objects), "object"), size(r.CheckedBytes), minute(r.Oldest))
				a.tellProblems(r.Problems)
				return err
			})
		},
	}
	c.Flags().BoolVar(&all, "all", false, "every object, now")
	return c
}

func backupRestoreCmd(a *app) *cobra.Command {
	var filesOnly bool
	c := &cobra.Command{
		Use:   "restore",
		Short: "Bring back what is missing here, and build everything else from it",
		Long: `Bring every object of the bucket that is missing here back into the landing zone, checked against
hash and manifest; then .state.sqlite, the lakehouse and the published file. Nothing that lies
here is overwritten. No supervisor may run meanwhile. It may be interrupted and run again.`,
		Example: `  systemctl stop materia-supervisor && materia backup restore`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := a.zone(); err != nil {
				return err
			}
			lock, err := supervise.TakeLock(a.supervisorLock(), time.Now())
			if err != nil {
				return err
			}
			defer lock.Release()
			if err := a.withBucket(cmd.Context(), "backup-restore", a.restoreFiles); err != nil || filesOnly {
				return err
			}
			if err := a.transform(cmd.Context()); err != nil {
				return err
			}
			return a.export(cmd.Context())
		},
	}
	c.Flags().BoolVar(&filesOnly, "files-only", false, "landing zone and state; build nothing")
	return c
}

func (a *app) restoreFiles(ctx context.Context, d backup.Deps) error {
	unlock, err := a.lockSources(ctx, d.Zone)
	if err != nil {
		return err
	}
	defer unlock()
	began := time.Now()
	r, err := backup.Restore(ctx, d)
	fmt.Fprintf(a.stdout, "backup restore: %s, %s, in %.1f s; %s here already\n", plural(int(r.Files), "file"), size(r.Bytes), time.Since(began).Seconds(), grouped(r.Present))
	if err != nil {
		return err
	}
	from := "its copy " + r.State
	if r.State == "" {
		from = "the manifests, or was here"
	}
	st, err := a.openState(ctx, d.Zone)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "backup restore: state from %s\n", from)
	return st.Close()
}

// withBucket runs f with the bucket and the journal. What is wrong becomes the
// alert of that name, which the supervisor sends; a good run ends it.
func (a *app) withBucket(ctx context.Context, key string, f func(context.Context, backup.Deps) error) error {
	c, ok, err := backup.ConfigFrom(a.getenv)
	if err != nil {
		return usage(err)
	}
	if !ok {
		return usage(errors.New("backup: no bucket: set BACKUP_S3_ENDPOINT, BACKUP_S3_BUCKET, BACKUP_S3_ACCESS_KEY_ID and BACKUP_S3_SECRET_ACCESS_KEY"))
	}
	bucket, err := backup.Open(c)
	if err != nil {
		return usage(err)
	}
	zone, err := a.zone()
	if err != nil {
		return err
	}
	j, err := a.openJournal(ctx)
	if err != nil {
		return err
	}
	err = f(ctx, backup.Deps{Zone: zone, Journal: j, Bucket: bucket, Now: a.now, Log: a.log})
	desk := alert.Desk{Journal: j, Log: a.log, Now: a.now}
	switch {
	case err == nil:
		desk.Resolve(ctx, key, "It went well again.")
	case ctx.Err() == nil && errors.Is(err, backup.ErrProblems):
		desk.Raise(ctx, key, alert.Error, key+" found damage", err.Error())
	}
	return errors.Join(err, j.Close())
}

func (a *app) tellProblems(list []string) {
	for _, p := range list {
		fmt.Fprintln(a.stderr, "backup: "+p)
	}
}
