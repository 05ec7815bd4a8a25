package plan

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// stateVersion is the version of the state tables that this binary writes.
const stateVersion = 2

// migrations take the state from version n to n+1. They add only: the binary
// before must be able to read what they leave, so that a rollback of the
// binary does not need one of the file. Where that cannot hold, raise
// readable_by in the same step.
//
// No primary keys: there is one writer, under a lock, and DuckDB refuses to
// delete and insert the same key in one transaction.
var migrations = [...]string{`
CREATE SCHEMA IF NOT EXISTS materia;
CREATE TABLE materia.meta (version INTEGER NOT NULL, readable_by INTEGER NOT NULL);
INSERT INTO materia.meta VALUES (0, 1);
CREATE TABLE materia.snapshots (version VARCHAR NOT NULL, model VARCHAR NOT NULL, kind VARCHAR NOT NULL,
  physical_schema VARCHAR NOT NULL, physical_table VARCHAR NOT NULL, code_hash VARCHAR NOT NULL, definition VARCHAR NOT NULL,
  rows BIGINT, build_seconds DOUBLE NOT NULL, created_at TIMESTAMP NOT NULL);
CREATE TABLE materia.snapshot_inputs (version VARCHAR NOT NULL, path VARCHAR NOT NULL, sha256 VARCHAR NOT NULL);
CREATE TABLE materia.definitions (hash VARCHAR NOT NULL, body VARCHAR NOT NULL);
CREATE TABLE materia.audit_results (version VARCHAR NOT NULL, audit_key VARCHAR NOT NULL, model VARCHAR NOT NULL,
  audit VARCHAR NOT NULL, blocking BOOLEAN NOT NULL, failing_rows BIGINT NOT NULL, checked_at TIMESTAMP NOT NULL);
CREATE TABLE materia.audit_failures (version VARCHAR NOT NULL, audit_key VARCHAR NOT NULL, model VARCHAR NOT NULL,
  audit VARCHAR NOT NULL, position INTEGER NOT NULL, failing_row JSON NOT NULL);
CREATE TABLE materia.plans (plan_id VARCHAR NOT NULL, env VARCHAR NOT NULL, kind VARCHAR NOT NULL, base_plan_id VARCHAR,
  landing_root VARCHAR NOT NULL, created_at TIMESTAMP NOT NULL, summary JSON NOT NULL);
CREATE TABLE materia.environment_models (env VARCHAR NOT NULL, plan_id VARCHAR NOT NULL, position INTEGER NOT NULL,
  model VARCHAR NOT NULL, version VARCHAR NOT NULL, code_hash VARCHAR NOT NULL, meta_hash VARCHAR NOT NULL, definition VARCHAR NOT NULL);
CREATE TABLE materia.environments (env VARCHAR NOT NULL, plan_id VARCHAR NOT NULL, previous_plan_id VARCHAR, updated_at TIMESTAMP NOT NULL);
`, `
CREATE TABLE materia.ledgers (ledger VARCHAR NOT NULL, model VARCHAR NOT NULL, physical_table VARCHAR NOT NULL, created_at TIMESTAMP NOT NULL);
CREATE TABLE materia.ledger_batches (ledger VARCHAR NOT NULL, batch INTEGER NOT NULL, from_at TIMESTAMP, to_at TIMESTAMP,
  rows BIGINT NOT NULL, created_at TIMESTAMP NOT NULL);
CREATE TABLE materia.ledger_files (ledger VARCHAR NOT NULL, batch INTEGER NOT NULL, path VARCHAR NOT NULL, sha256 VARCHAR NOT NULL);
CREATE TABLE materia.snapshot_batches (version VARCHAR NOT NULL, ledger VARCHAR NOT NULL, position INTEGER NOT NULL,
  first_batch INTEGER NOT NULL, last_batch INTEGER NOT NULL, from_at TIMESTAMP, to_at TIMESTAMP);
`}

// stateOf gives the version of the state in an open lakehouse, 0 where there
// is none, and refuses one that this binary cannot read.
func stateOf(ctx context.Context, db queryer) (int, error) {
	var tables int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'materia' AND table_name = 'meta' AND database_name = current_database()").Scan(&tables); err != nil {
		return 0, err
	}
	if tables == 0 {
		return 0, nil
	}
	var version, readableBy int
	if err := db.QueryRowContext(ctx, "SELECT version, readable_by FROM materia.meta").Scan(&version, &readableBy); err != nil {
		return 0, err
	}
	if readableBy > stateVersion {
		return 0, fmt.Errorf("state of version %d needs a newer materia: this one reads up to version %d", version, stateVersion)
	}
	return version, nil
}

// migrate brings the state to this binary's version, each step in a
// transaction: a crash leaves the version before.
func migrate(ctx context.Context, db *sql.DB) error {
	version, err := stateOf(ctx, db)
	if err != nil {
		return err
	}
	for ; version < stateVersion; version++ {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, migrations[version]); err != nil {
			return errors.Join(fmt.Errorf("migrate state to version %d: %w", version+1, err), tx.Rollback())
		}
		if _, err := tx.ExecContext(ctx, "UPDATE materia.meta SET version = ?", version+1); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return nil
}

type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}
