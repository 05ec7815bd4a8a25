package web

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// queryTimeout bounds one query: a page needs milliseconds, so seconds mean
// that something is wrong and the reader should be told.
const queryTimeout = 5 * time.Second

// query runs a constant SQL text with bound parameters and scans every row.
// what names it in errors.
func query[T any](ctx context.Context, db *sql.DB, what string, scan func(*sql.Rows, *T) error, text string, args ...any) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	rows, err := db.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("web: read %s: %w", what, err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var one T
		if err := scan(rows, &one); err != nil {
			return nil, fmt.Errorf("web: read %s: %w", what, err)
		}
		all = append(all, one)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("web: read %s: %w", what, err)
	}
	return all, nil
}

// queryOne is query for at most one row; ok is false where there is none.
func queryOne[T any](ctx context.Context, db *sql.DB, what string, scan func(*sql.Rows, *T) error, text string, args ...any) (one T, ok bool, err error) {
	all, err := query(ctx, db, what, scan, text, args...)
	if err != nil || len(all) == 0 {
		return one, false, err
	}
	return all[0], true, nil
}
