package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Supervision is the row of the supervisor that last held the lock.
type Supervision struct {
	PID                     int
	Version                 string
	StartedAt, ProgressedAt time.Time
	StoppedAt               time.Time // zero while it runs, or after it was killed
	Doing                   string
}

// Supervising says what the supervisor does; it is the proof of its progress.
func (j *Journal) Supervising(ctx context.Context, s Supervision) error {
	_, err := j.db.ExecContext(ctx, `INSERT OR REPLACE INTO supervisor (one, pid, version, started_at, progressed_at, stopped_at, doing)
		VALUES (1, ?, ?, ?, ?, ?, ?)`, s.PID, s.Version, stamp(s.StartedAt), stamp(s.ProgressedAt), stamp(s.StoppedAt), s.Doing)
	return j.fail("note the supervisor's progress", err)
}

// Supervision returns the newest; ok is false where none ever ran.
func (j *Journal) Supervision(ctx context.Context) (s Supervision, ok bool, err error) {
	var started, progressed, stopped sql.NullString
	err = j.db.QueryRowContext(ctx, `SELECT pid, version, started_at, progressed_at, stopped_at, doing FROM supervisor`).
		Scan(&s.PID, &s.Version, &started, &progressed, &stopped, &s.Doing)
	if errors.Is(err, sql.ErrNoRows) {
		return s, false, nil
	}
	if err != nil {
		return s, false, j.fail("read the supervisor's row", err)
	}
	var errs [3]error
	s.StartedAt, errs[0] = when(started)
	s.ProgressedAt, errs[1] = when(progressed)
	s.StoppedAt, errs[2] = when(stopped)
	return s, true, j.fail("read the supervisor's row", errors.Join(errs[:]...))
}

// Condition is something that is wrong at the moment.
type Condition struct {
	Key, Severity, Title, Body string
	OpenedAt                   time.Time
	Seen                       int // how often it was raised since
}

// Message is a row of the outbox.
type Message struct {
	ID                               int64
	Key, Kind, Severity, Title, Body string
	CreatedAt                        time.Time
	Attempts                         int
	LastError                        string
}

// Kinds of message.
const (
	AlertMessage    = "alert"
	RecoveryMessage = "recovery"
	NoticeMessage   = "notice"
)

// OpenCondition opens a condition and puts its message into the outbox; one
// that is open already is only counted.
func (j *Journal) OpenCondition(ctx context.Context, c Condition) (opened bool, err error) {
	err = j.inTx(ctx, func(tx *sql.Tx) error {
		var seen int
		if err := tx.QueryRowContext(ctx, `INSERT INTO conditions (key, severity, title, body, opened_at, seen) VALUES (?, ?, ?, ?, ?, 1)
			ON CONFLICT (key) DO UPDATE SET seen = seen + 1, body = excluded.body RETURNING seen`,
			c.Key, c.Severity, c.Title, c.Body, stamp(c.OpenedAt)).Scan(&seen); err != nil {
			return err
		}
		if opened = seen == 1; !opened {
			return nil
		}
		return enqueue(ctx, tx, Message{Key: c.Key, Kind: AlertMessage, Severity: c.Severity, Title: c.Title, Body: c.Body, CreatedAt: c.OpenedAt})
	})
	return opened, j.fail("open condition "+c.Key, err)
}

// CloseCondition ends a condition and puts the recovery message into the
// outbox, unless the alert itself was never sent: then both are dropped.
func (j *Journal) CloseCondition(ctx context.Context, key, body string, now time.Time) (closed bool, err error) {
	err = j.inTx(ctx, func(tx *sql.Tx) error {
		var title string
		err := tx.QueryRowContext(ctx, `DELETE FROM conditions WHERE key = ? RETURNING title`, key).Scan(&title)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		closed = true
		res, err := tx.ExecContext(ctx, `UPDATE outbox SET dropped_at = ?, last_error = 'over before it could be sent'
			WHERE key = ? AND kind = 'alert' AND sent_at IS NULL AND dropped_at IS NULL AND attempts = 0`, stamp(now), key)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return enqueue(ctx, tx, Message{Key: key, Kind: RecoveryMessage, Severity: "info", Title: "Over: " + title, Body: body, CreatedAt: now})
	})
	return closed, j.fail("close condition "+key, err)
}

// Enqueue puts a message into the outbox that stands for no condition.
func (j *Journal) Enqueue(ctx context.Context, m Message) error {
	return j.fail("enqueue "+m.Key, j.inTx(ctx, func(tx *sql.Tx) error { return enqueue(ctx, tx, m) }))
}

func enqueue(ctx context.Context, tx *sql.Tx, m Message) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO outbox (key, kind, severity, title, body, created_at) VALUES (?, ?, ?, ?, ?, ?)`,
		m.Key, m.Kind, m.Severity, m.Title, m.Body, stamp(m.CreatedAt))
	return err
}

// Conditions returns what is wrong, the longest standing first.
func (j *Journal) Conditions(ctx context.Context) ([]Condition, error) {
	rows, err := j.db.QueryContext(ctx, `SELECT key, severity, title, body, opened_at, seen FROM conditions ORDER BY opened_at, key`)
	if err != nil {
		return nil, j.fail("list conditions", err)
	}
	defer rows.Close()
	var list []Condition
	for rows.Next() {
		var c Condition
		var opened sql.NullString
		if err := rows.Scan(&c.Key, &c.Severity, &c.Title, &c.Body, &opened, &c.Seen); err != nil {
			return nil, j.fail("list conditions", err)
		}
		if c.OpenedAt, err = when(opened); err != nil {
			return nil, j.fail("list conditions", err)
		}
		list = append(list, c)
	}
	return list, j.fail("list conditions", rows.Err())
}

// Unsent returns the messages on their way, oldest first; limit 0 is all.
func (j *Journal) Unsent(ctx context.Context, limit int) ([]Message, error) {
	rows, err := j.db.QueryContext(ctx, `SELECT id, key, kind, severity, title, body, created_at, attempts, last_error FROM outbox
		WHERE sent_at IS NULL AND dropped_at IS NULL ORDER BY id LIMIT ?`, atMost(limit))
	if err != nil {
		return nil, j.fail("list unsent messages", err)
	}
	defer rows.Close()
	var list []Message
	for rows.Next() {
		var m Message
		var created sql.NullString
		if err := rows.Scan(&m.ID, &m.Key, &m.Kind, &m.Severity, &m.Title, &m.Body, &created, &m.Attempts, &m.LastError); err != nil {
			return nil, j.fail("list unsent messages", err)
		}
		if m.CreatedAt, err = when(created); err != nil {
			return nil, j.fail("list unsent messages", err)
		}
		list = append(list, m)
	}
	return list, j.fail("list unsent messages", rows.Err())
}

// SentSince counts the messages sent at or after the moment.
func (j *Journal) SentSince(ctx context.Context, since time.Time) (n int, err error) {
	err = j.db.QueryRowContext(ctx, `SELECT count(*) FROM outbox WHERE sent_at >= ?`, stamp(since)).Scan(&n)
	return n, j.fail("count sent messages", err)
}

// MarkSent ends messages that were sent. A crash before it sends them once more:
// twice is better than never.
func (j *Journal) MarkSent(ctx context.Context, now time.Time, ids ...int64) error {
	return j.fail("mark sent", j.inTx(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, `UPDATE outbox SET sent_at = ?, attempts = attempts + 1, last_error = '' WHERE id = ?`, stamp(now), id); err != nil {
				return err
			}
		}
		return nil
	}))
}

// MarkTried counts a failed try to send; drop gives the message up.
func (j *Journal) MarkTried(ctx context.Context, id int64, reason string, drop bool, now time.Time) error {
	var dropped any
	if drop {
		dropped = stamp(now)
	}
	return j.one(ctx, fmt.Sprintf("mark message %d tried", id),
		`UPDATE outbox SET attempts = attempts + 1, last_error = ?, dropped_at = ? WHERE id = ?`, reason, dropped, id)
}
