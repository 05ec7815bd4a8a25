package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// File is a row of the index of the manifests: one landed file.
type File struct {
	Path         string // relative to the landing zone, forward slashes
	Source       string
	SHA256       string // hex, of the content without its volatile fields
	URL          string
	ETag         string
	LastModified string
	Origin       string // live, sample or replay
	RunID        string
	Bytes        int64 // uncompressed
	Rows         int64
	LandedAt     time.Time
	ReleasedAt   *time.Time // nil where upstream gave no evidence
}

const fileColumns = `path, source, sha256, url, etag, last_modified, origin, run_id, bytes, rows, landed_at, released_at`

// AddFiles indexes landed files that no FinishRun did: those of a crashed run
// that Recover adopted, and those that Put found in the zone. A file that is
// there already stays as it is; one with another content hash is an error,
// because a landed path never changes.
func (s *Store) AddFiles(ctx context.Context, files []File) error {
	return s.fail("add files", s.inTx(ctx, func(tx *sql.Tx) error { return addFiles(ctx, tx, files) }))
}

func addFiles(ctx context.Context, tx *sql.Tx, files []File) error {
	if len(files) == 0 {
		return nil
	}
	insert, err := tx.PrepareContext(ctx, `INSERT INTO files (`+fileColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (path) DO UPDATE SET run_id = run_id WHERE sha256 = excluded.sha256`)
	if err != nil {
		return err
	}
	defer insert.Close()
	for _, f := range files {
		res, err := insert.ExecContext(ctx, f.Path, f.Source, f.SHA256, f.URL, f.ETag, f.LastModified, f.Origin, f.RunID,
			f.Bytes, f.Rows, stamp(f.LandedAt), stampPtr(f.ReleasedAt))
		if err != nil {
			return fmt.Errorf("file %s: %w", f.Path, err)
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return errors.Join(err, fmt.Errorf("file %s: the index has it with another content hash than %s", f.Path, f.SHA256))
		}
	}
	return nil
}

// FileBySHA returns the source's file with this content hash, the first landed
// if there are several.
func (s *Store) FileBySHA(ctx context.Context, source, sha string) (f File, ok bool, err error) {
	files, err := s.files(ctx, "file by content "+sha, `WHERE source = ? AND sha256 = ? ORDER BY landed_at, path LIMIT 1`, source, sha)
	if err != nil || len(files) == 0 {
		return File{}, false, err
	}
	return files[0], true, nil
}

// FilesOf returns the source's files in order of landing, then path.
func (s *Store) FilesOf(ctx context.Context, source string) ([]File, error) {
	return s.files(ctx, "files of "+source, `WHERE source = ? ORDER BY landed_at, path`, source)
}

// FilesOfURL returns what landed from this URL, the newest first.
func (s *Store) FilesOfURL(ctx context.Context, source, url string) ([]File, error) {
	return s.files(ctx, "files of "+url, `WHERE source = ? AND url = ? ORDER BY landed_at DESC, path DESC`, source, url)
}

// Files returns all files in order of landing, then path.
func (s *Store) Files(ctx context.Context) ([]File, error) {
	return s.files(ctx, "all files", `ORDER BY landed_at, path`)
}

// FilesUnder returns the files in this folder and below, the newest first;
// limit 0 is all. The empty folder is the whole zone.
func (s *Store) FilesUnder(ctx context.Context, folder string, limit int) ([]File, error) {
	low := strings.TrimSuffix(folder, "/")
	if low != "" {
		low += "/"
	}
	// A range on the primary key: every path that begins with low.
	return s.files(ctx, "files under "+folder, `WHERE path >= ?1 AND path < ?1 || char(1114111) ORDER BY landed_at DESC, path DESC LIMIT ?2`,
		low, atMost(limit))
}

// Origin says whether the indexed files are live, sample or replay; "" where
// there are none. More than one is an error.
func (s *Store) Origin(ctx context.Context) (string, error) {
	var least, most sql.NullString
	if err := s.db.QueryRowContext(ctx, `SELECT min(origin), max(origin) FROM files`).Scan(&least, &most); err != nil {
		return "", s.fail("origin", err)
	}
	if least != most {
		return "", s.fail("origin", fmt.Errorf("the zone holds %s and %s data", least.String, most.String))
	}
	return least.String, nil
}

// Fill is Rebuild for a file that still holds neither files nor runs when its
// turn comes; any other it leaves alone. Several that opened a new file at once
// may call it: the first fills it, and none wipes a run that began since.
func (s *Store) Fill(ctx context.Context, files []File) error {
	return s.fail("fill", s.inTx(ctx, func(tx *sql.Tx) error {
		fresh, err := isFresh(ctx, tx)
		if err != nil || !fresh {
			return err
		}
		return refill(ctx, tx, files)
	}))
}

// Rebuild empties the file and fills it from the manifests' entries: the index,
// and for each run that landed something one row with status success, from its
// first landing to its last. Runs that landed nothing, validators, settled URLs
// and pipeline runs are forgotten; that costs transfers, not data.
func (s *Store) Rebuild(ctx context.Context, files []File) error {
	return s.fail("rebuild", s.inTx(ctx, func(tx *sql.Tx) error {
		return refill(ctx, tx, files)
	}))
}

func refill(ctx context.Context, tx *sql.Tx, files []File) error {
	for _, table := range tables {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table); err != nil {
			return err
		}
	}
	if err := addFiles(ctx, tx, files); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO extraction_runs
			(run_id, source, started_at, finished_at, status, files, bytes, rows, etag, last_modified, content_hash)
		SELECT DISTINCT run_id, source, min(landed_at) OVER run, max(landed_at) OVER run, '`+Success+`',
			count(*) OVER run, sum(bytes) OVER run, sum(rows) OVER run,
			nullif(last_value(etag) OVER run, ''), nullif(last_value(last_modified) OVER run, ''), last_value(sha256) OVER run
		FROM files
		WINDOW run AS (PARTITION BY run_id ORDER BY landed_at, path ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
		ORDER BY 3, 1`)
	return err
}

func (s *Store) files(ctx context.Context, what, clause string, args ...any) ([]File, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT `+fileColumns+` FROM files `+clause, args...)
	if err != nil {
		return nil, s.fail(what, err)
	}
	defer rows.Close()
	var list []File
	for rows.Next() {
		var f File
		var landed, released sql.NullString
		if err := rows.Scan(&f.Path, &f.Source, &f.SHA256, &f.URL, &f.ETag, &f.LastModified, &f.Origin, &f.RunID,
			&f.Bytes, &f.Rows, &landed, &released); err != nil {
			return nil, s.fail(what, err)
		}
		if f.LandedAt, err = when(landed); err != nil {
			return nil, s.fail(what+": "+f.Path, err)
		}
		if released.Valid {
			at, err := when(released)
			if err != nil {
				return nil, s.fail(what+": "+f.Path, err)
			}
			f.ReleasedAt = &at
		}
		list = append(list, f)
	}
	return list, s.fail(what, rows.Err())
}
