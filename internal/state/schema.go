package state

import (
	"context"
	"database/sql"
	"fmt"
)

// schema is what a file of one kind holds.
type schema struct {
	migrations []string
	tables     []string // those that a file of the newest version has; Open refuses a file that lacks one
	newer      string   // what to do about a file that a newer materia wrote
}

var indexSchema = schema{migrations: migrations[:], tables: tables[:],
	newer: "use the newer materia, or move the file away and run: materia state rebuild"}

// migrations[n] brings a state file from schema version n (PRAGMA user_version) to
// n+1. A migration that has been released is never changed, only followed.
var migrations = [...]string{
	`CREATE TABLE extraction_runs (
		run_id        TEXT PRIMARY KEY,
		source        TEXT NOT NULL,
		started_at    TEXT NOT NULL,
		finished_at   TEXT,
		status        TEXT NOT NULL CHECK (status IN ('running', 'success', 'unchanged', 'partial', 'failed', 'crashed')),
		files         INTEGER NOT NULL DEFAULT 0,
		bytes         INTEGER NOT NULL DEFAULT 0,
		rows          INTEGER NOT NULL DEFAULT 0,
		etag          TEXT,
		last_modified TEXT,
		content_hash  TEXT,
		warnings      INTEGER NOT NULL DEFAULT 0,
		error         TEXT
	) STRICT;
	CREATE INDEX extraction_runs_by_source ON extraction_runs (source, started_at);

	-- the index of the manifests: a row a landed file
	CREATE TABLE files (
		path          TEXT PRIMARY KEY,
		source        TEXT NOT NULL,
		sha256        TEXT NOT NULL,
		bytes         INTEGER NOT NULL,
		rows          INTEGER NOT NULL,
		landed_at     TEXT NOT NULL,
		released_at   TEXT,
		url           TEXT NOT NULL,
		etag          TEXT NOT NULL,
		last_modified TEXT NOT NULL,
		origin        TEXT NOT NULL,
		run_id        TEXT NOT NULL
	) STRICT;
	CREATE INDEX files_by_content ON files (source, sha256);
	CREATE INDEX files_by_landing ON files (source, landed_at, path);

	-- the last validators of a URL and the content they stood for
	CREATE TABLE validators (
		url           TEXT PRIMARY KEY,
		etag          TEXT NOT NULL,
		last_modified TEXT NOT NULL,
		sha256        TEXT NOT NULL,
		checked_at    TEXT NOT NULL
	) STRICT;

	-- URLs that will not change their answer any more, such as a month that
	-- upstream never published
	CREATE TABLE settled (
		url        TEXT PRIMARY KEY,
		status     INTEGER NOT NULL,
		settled_at TEXT NOT NULL
	) STRICT;

	CREATE TABLE pipeline_runs (
		run_id      TEXT PRIMARY KEY,
		pipeline    TEXT NOT NULL,
		started_at  TEXT NOT NULL,
		finished_at TEXT,
		status      TEXT NOT NULL,
		message     TEXT NOT NULL DEFAULT ''
	) STRICT;
	CREATE INDEX pipeline_runs_by_start ON pipeline_runs (started_at);`,

	`-- what a run warned of
	CREATE TABLE run_warnings (
		run_id TEXT NOT NULL,
		number INTEGER NOT NULL,
		text   TEXT NOT NULL,
		PRIMARY KEY (run_id, number)
	) STRICT;`,

	`CREATE INDEX files_by_url ON files (source, url, landed_at);`,
}

var tables = [...]string{"extraction_runs", "files", "validators", "settled", "pipeline_runs", "run_warnings"}

// migrate brings the file to the newest version in one transaction, so that two
// processes that open an old file migrate it once.
func migrate(ctx context.Context, db *sql.DB, schema schema) error {
	migrations := schema.migrations
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version == len(migrations) {
		return nil
	}
	tx, err := db.BeginTx(ctx, nil) // immediate, see Open
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(migrations) || version < 0 {
		return fmt.Errorf("%w: it has schema version %d, this materia knows up to %d; %s",
			ErrNewer, version, len(migrations), schema.newer)
	}
	for v := version; v < len(migrations); v++ {
		if _, err := tx.ExecContext(ctx, migrations[v]); err != nil {
			return fmt.Errorf("migrate from version %d: %w", v, err)
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(migrations))); err != nil {
		return err
	}
	return tx.Commit()
}
