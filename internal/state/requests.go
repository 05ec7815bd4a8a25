package state

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Validators returns what the URL's last good answer carried and the hash of
// its content; ok is false for a URL never asked.
func (s *Store) Validators(ctx context.Context, url string) (etag, lastModified, sha string, ok bool, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT etag, last_modified, sha256 FROM validators WHERE url = ?`, url).
		Scan(&etag, &lastModified, &sha)
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", "", false, nil
	}
	return etag, lastModified, sha, err == nil, s.fail("validators of "+url, err)
}

// SetValidators remembers them. It comes after the content is durable and
// indexed: a crash before it costs one transfer, a crash after the opposite
// order would lose the content to a 304.
func (s *Store) SetValidators(ctx context.Context, url, etag, lastModified, sha string, now time.Time) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO validators (url, etag, last_modified, sha256, checked_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (url) DO UPDATE SET etag = excluded.etag, last_modified = excluded.last_modified,
			sha256 = excluded.sha256, checked_at = excluded.checked_at`,
		url, etag, lastModified, sha, stamp(now))
	return s.fail("set validators of "+url, err)
}

// Settle remembers that the URL's answer (an HTTP status) is final, such as an
// old month that upstream does not have.
func (s *Store) Settle(ctx context.Context, url string, status int, now time.Time) error {
	_, err := s.db.ExecContext(ctx, `INSERT INTO settled (url, status, settled_at) VALUES (?, ?, ?)
		ON CONFLICT (url) DO UPDATE SET status = excluded.status, settled_at = excluded.settled_at`,
		url, status, stamp(now))
	return s.fail("settle "+url, err)
}

// Settled says whether the URL need not be asked again.
func (s *Store) Settled(ctx context.Context, url string) (bool, error) {
	var is bool
	err := s.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM settled WHERE url = ?)`, url).Scan(&is)
	return is, s.fail("settled "+url, err)
}
