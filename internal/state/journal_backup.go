package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"
)

// BackupObject is a row of backup_objects: an object that the bucket was given.
type BackupObject struct {
	Key        string
	SHA256     string // hex, of the bytes as stored
	ETag       string // as the bucket lists it while the content is good
	Bytes      int64
	UploadedAt time.Time
	VerifiedAt time.Time // last read back, or uploaded; zero: never
}

// BackupRun is a row of backup_runs.
type BackupRun struct {
	Kind                  string // run, verify or restore
	StartedAt, FinishedAt time.Time
	Status                string // success or failed
	Objects, Bytes        int64
	Message               string
}

// AddBackupObject notes what was uploaded. The object is in the bucket before:
// a crash between the two makes the next backup compare it and note it then.
func (j *Journal) AddBackupObject(ctx context.Context, o BackupObject) error {
	_, err := j.db.ExecContext(ctx, `INSERT INTO backup_objects (key, sha256, etag, bytes, uploaded_at, verified_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (key) DO UPDATE SET etag = excluded.etag, uploaded_at = excluded.uploaded_at, verified_at = excluded.verified_at
		WHERE sha256 = excluded.sha256`, o.Key, o.SHA256, o.ETag, o.Bytes, stamp(o.UploadedAt), stamp(o.VerifiedAt))
	return j.fail("note object "+o.Key, err)
}

// MarkVerified notes that the object was read back whole, and how the bucket
// lists it.
func (j *Journal) MarkVerified(ctx context.Context, key, etag string, now time.Time) error {
	return j.one(ctx, "note verified "+key, `UPDATE backup_objects SET verified_at = ?, etag = ? WHERE key = ?`, stamp(now), etag, key)
}

// BackupObjects returns the objects, the longest unverified first; limit 0 is
// all.
func (j *Journal) BackupObjects(ctx context.Context, limit int) ([]BackupObject, error) {
	rows, err := j.db.QueryContext(ctx, `SELECT key, sha256, etag, bytes, uploaded_at, verified_at FROM backup_objects
		ORDER BY verified_at, key LIMIT ?`, atMost(limit))
	if err != nil {
		return nil, j.fail("list objects", err)
	}
	defer rows.Close()
	var list []BackupObject
	for rows.Next() {
		var o BackupObject
		var uploaded, verified sql.NullString
		if err := rows.Scan(&o.Key, &o.SHA256, &o.ETag, &o.Bytes, &uploaded, &verified); err != nil {
			return nil, j.fail("list objects", err)
		}
		var errs [2]error
		o.UploadedAt, errs[0] = when(uploaded)
		o.VerifiedAt, errs[1] = when(verified)
		if err := errors.Join(errs[:]...); err != nil {
			return nil, j.fail("list objects: "+o.Key, err)
		}
		list = append(list, o)
	}
	return list, j.fail("list objects", rows.Err())
}

// AddBackupRun records a run of the backup that has ended.
func (j *Journal) AddBackupRun(ctx context.Context, r BackupRun) error {
	_, err := j.db.ExecContext(ctx, `INSERT INTO backup_runs (kind, started_at, finished_at, status, objects, bytes, message) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		r.Kind, stamp(r.StartedAt), stamp(r.FinishedAt), r.Status, r.Objects, r.Bytes, r.Message)
	return j.fail("record a backup "+r.Kind, err)
}

// LastBackup returns the newest good run and the newest run of this kind; a
// zero FinishedAt says that there is none.
func (j *Journal) LastBackup(ctx context.Context, kind string) (good, last BackupRun, err error) {
	read := func(clause string) (r BackupRun, err error) {
		var started, finished sql.NullString
		err = j.db.QueryRowContext(ctx, `SELECT kind, started_at, finished_at, status, objects, bytes, message FROM backup_runs
			WHERE kind = ?`+clause+` ORDER BY id DESC LIMIT 1`, kind).
			Scan(&r.Kind, &started, &finished, &r.Status, &r.Objects, &r.Bytes, &r.Message)
		if errors.Is(err, sql.ErrNoRows) {
			return BackupRun{}, nil
		}
		if err != nil {
			return BackupRun{}, err
		}
		var errs [2]error
		r.StartedAt, errs[0] = when(started)
		r.FinishedAt, errs[1] = when(finished)
		return r, errors.Join(errs[:]...)
	}
	if good, err = read(` AND status = 'success'`); err != nil {
		return good, last, j.fail("last backup", err)
	}
	last, err = read(``)
	return good, last, j.fail("last backup", err)
}

// Snapshot writes a consistent copy of the state file to path, which must not
// exist, while others may write to the state. A crash here leaves a part of the
// copy, which is the caller's to sweep.
func (s *Store) Snapshot(ctx context.Context, path string) error {
	if _, err := os.Lstat(path); err == nil {
		return s.fail("snapshot", fmt.Errorf("%s exists", path))
	}
	_, err := s.db.ExecContext(ctx, `VACUUM INTO ?`, path)
	return s.fail("snapshot", err)
}
