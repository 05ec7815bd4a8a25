package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Journal is the supervisor's diary in a file of its own: which slot of which
// workflow was run, what was missed and why, alerts on their way, and what the
// bucket holds. It is no part of .state.sqlite, because that one may be moved
// away and rebuilt by any pipeline at any moment, and no manifest knows these
// rows. Losing it costs one more run of each workflow and a new look at the
// bucket, no data.
type Journal struct{ database }

var journalSchema = schema{migrations: journalMigrations[:], tables: journalTables[:],
	newer: "use the newer materia, or move the file away: each workflow then runs once more"}

var journalTables = [...]string{"workflow_runs", "gaps", "supervisor", "conditions", "outbox", "backup_objects", "backup_runs"}

var journalMigrations = [...]string{
	`-- a row a slot: the primary key is what makes one run of it
	CREATE TABLE workflow_runs (
		workflow    TEXT NOT NULL,
		slot        TEXT NOT NULL,
		pipeline    TEXT NOT NULL,
		status      TEXT NOT NULL CHECK (status IN ('running', 'success', 'partial', 'failed', 'crashed', 'interrupted', 'skipped')),
		attempts    INTEGER NOT NULL,
		started_at  TEXT NOT NULL,
		finished_at TEXT,
		finish_seq  INTEGER, -- counts ends of runs; the order that a clock set back cannot turn
		covers      INTEGER, -- of transform and export: the newest finish_seq that they have seen
		process     TEXT NOT NULL DEFAULT '',
		message     TEXT NOT NULL DEFAULT '',
		PRIMARY KEY (workflow, slot)
	) STRICT;
	CREATE UNIQUE INDEX workflow_runs_by_end ON workflow_runs (finish_seq);
	CREATE INDEX workflow_runs_by_workflow ON workflow_runs (workflow, finish_seq);
	CREATE INDEX workflow_runs_by_start ON workflow_runs (started_at);

	-- slots that no run answers, and why
	CREATE TABLE gaps (
		workflow   TEXT NOT NULL,
		first_slot TEXT NOT NULL,
		last_slot  TEXT NOT NULL,
		slots      INTEGER NOT NULL,
		reason     TEXT NOT NULL,
		noted_at   TEXT NOT NULL
	) STRICT;
	CREATE INDEX gaps_by_workflow ON gaps (workflow, first_slot);

	CREATE TABLE supervisor (
		one           INTEGER PRIMARY KEY CHECK (one = 1),
		pid           INTEGER NOT NULL,
		version       TEXT NOT NULL,
		started_at    TEXT NOT NULL,
		progressed_at TEXT NOT NULL,
		stopped_at    TEXT,
		doing         TEXT NOT NULL
	) STRICT;

	-- what is wrong at the moment: one row each, so one alert each
	CREATE TABLE conditions (
		key       TEXT PRIMARY KEY,
		severity  TEXT NOT NULL,
		title     TEXT NOT NULL,
		body      TEXT NOT NULL,
		opened_at TEXT NOT NULL,
		seen      INTEGER NOT NULL
	) STRICT;

	-- messages to a person, until they are sent
	CREATE TABLE outbox (
		id          INTEGER PRIMARY KEY AUTOINCREMENT,
		key         TEXT NOT NULL,
		kind        TEXT NOT NULL CHECK (kind IN ('alert', 'recovery', 'notice')),
		severity    TEXT NOT NULL,
		title       TEXT NOT NULL,
		body        TEXT NOT NULL,
		created_at  TEXT NOT NULL,
		attempts    INTEGER NOT NULL DEFAULT 0,
		sent_at     TEXT,
		dropped_at  TEXT,
		last_error  TEXT NOT NULL DEFAULT ''
	) STRICT;
	CREATE INDEX outbox_unsent ON outbox (id) WHERE sent_at IS NULL AND dropped_at IS NULL;

	-- what the bucket was given, and when it was last read back
	CREATE TABLE backup_objects (
		key         TEXT PRIMARY KEY,
		sha256      TEXT NOT NULL, -- of the bytes as stored
		etag        TEXT NOT NULL, -- as the bucket listed it when the content was known to be good
		bytes       INTEGER NOT NULL,
		uploaded_at TEXT NOT NULL,
		verified_at TEXT -- last read back; NULL: only taken over from the bucket's list
	) STRICT;
	CREATE INDEX backup_objects_by_age ON backup_objects (verified_at, key);

	CREATE TABLE backup_runs (
		id          INTEGER PRIMARY KEY AUTOINCREMENT,
		kind        TEXT NOT NULL CHECK (kind IN ('run', 'verify', 'restore')),
		started_at  TEXT NOT NULL,
		finished_at TEXT NOT NULL,
		status      TEXT NOT NULL CHECK (status IN ('success', 'failed')),
		objects     INTEGER NOT NULL,
		bytes       INTEGER NOT NULL,
		message     TEXT NOT NULL
	) STRICT;`,
}

// OpenJournal opens the journal at path as Open does a state file.
func OpenJournal(path string) (*Journal, error) {
	d, err := openDatabase(path, journalSchema)
	if err != nil {
		return nil, err
	}
	return &Journal{d}, nil
}

// Statuses of a workflow's run that an extraction has not.
const (
	Interrupted = "interrupted" // the supervisor was told to stop; the slot is still due and no attempt is lost
	Skipped     = "skipped"     // one that it depends on failed for good
)

// WorkflowRun is a row of workflow_runs.
type WorkflowRun struct {
	Workflow, Pipeline string
	Slot               time.Time // the scheduled moment that the run answers
	Status             string
	Attempts           int
	StartedAt          time.Time
	FinishedAt         time.Time // zero while it runs
	Covers             int64     // of transform and export: the newest end of a run that they have seen
	Process            string    // of the child, while it runs
	Message            string
}

// Gap is a row of gaps: slots in a row that no run answers.
type Gap struct {
	Workflow            string
	FirstSlot, LastSlot time.Time
	Slots               int
	Reason              string
	NotedAt             time.Time
}

// StartSlot opens the slot's row with status running and counts the attempt; a
// slot that is running, succeeded or skipped already is an error. Gaps before
// the slot go in with it, in one transaction, so that no crash leaves a slot
// that is neither run nor explained. A crash after it leaves a running row,
// which CrashedRuns finds.
func (j *Journal) StartSlot(ctx context.Context, r WorkflowRun, gaps []Gap) error {
	what := fmt.Sprintf("start %s %s", r.Workflow, r.Slot.Format(time.RFC3339))
	return j.fail(what, j.inTx(ctx, func(tx *sql.Tx) error {
		if err := addGaps(ctx, tx, gaps); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `INSERT INTO workflow_runs (workflow, slot, pipeline, status, attempts, started_at, covers)
			VALUES (?, ?, ?, 'running', 1, ?, ?)
			ON CONFLICT (workflow, slot) DO UPDATE SET status = 'running', attempts = attempts + (status <> 'interrupted'),
				started_at = excluded.started_at, covers = excluded.covers, finished_at = NULL, finish_seq = NULL, process = '', message = ''
			WHERE status IN ('failed', 'crashed', 'interrupted')`,
			r.Workflow, stamp(r.Slot), r.Pipeline, stamp(r.StartedAt), r.Covers)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return errors.Join(err, errors.New("the slot was run already"))
		}
		return nil
	}))
}

func addGaps(ctx context.Context, tx *sql.Tx, gaps []Gap) error {
	for _, g := range gaps {
		if _, err := tx.ExecContext(ctx, `INSERT INTO gaps (workflow, first_slot, last_slot, slots, reason, noted_at) VALUES (?, ?, ?, ?, ?, ?)`,
			g.Workflow, stamp(g.FirstSlot), stamp(g.LastSlot), g.Slots, g.Reason, stamp(g.NotedAt)); err != nil {
			return err
		}
	}
	return nil
}

// SetProcess notes the child that works on the slot.
func (j *Journal) SetProcess(ctx context.Context, workflow string, slot time.Time, process string) error {
	return j.one(ctx, "note the process of "+workflow,
		`UPDATE workflow_runs SET process = ? WHERE workflow = ? AND slot = ? AND status = 'running'`, process, workflow, stamp(slot))
}

// FinishSlot closes the slot's row. A crash before it leaves the row running:
// the work is done and will be done once more, which finds nothing new.
func (j *Journal) FinishSlot(ctx context.Context, r WorkflowRun) error {
	return j.one(ctx, fmt.Sprintf("finish %s %s", r.Workflow, r.Slot.Format(time.RFC3339)), `UPDATE workflow_runs
		SET status = ?, finished_at = ?, message = ?, process = '', finish_seq = (SELECT coalesce(max(finish_seq), 0) + 1 FROM workflow_runs)
		WHERE workflow = ? AND slot = ? AND status = 'running'`, r.Status, stamp(r.FinishedAt), r.Message, r.Workflow, stamp(r.Slot))
}

// SkipSlot records that the slot will not be run, and why, with the gaps before
// it.
func (j *Journal) SkipSlot(ctx context.Context, r WorkflowRun, gaps []Gap) error {
	return j.fail("skip "+r.Workflow, j.inTx(ctx, func(tx *sql.Tx) error {
		if err := addGaps(ctx, tx, gaps); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO workflow_runs (workflow, slot, pipeline, status, attempts, started_at, finished_at, finish_seq, message)
			VALUES (?, ?, ?, 'skipped', 0, ?, ?, (SELECT coalesce(max(finish_seq), 0) + 1 FROM workflow_runs), ?)
			ON CONFLICT (workflow, slot) DO UPDATE SET status = 'skipped', message = excluded.message,
				finished_at = excluded.finished_at, finish_seq = excluded.finish_seq`,
			r.Workflow, stamp(r.Slot), r.Pipeline, stamp(r.StartedAt), stamp(r.StartedAt), r.Message)
		return err
	}))
}

// Unfinished returns the rows that say running. Only who holds the supervisor's
// lock may take them for dead.
func (j *Journal) Unfinished(ctx context.Context) ([]WorkflowRun, error) {
	return j.workflowRuns(ctx, "unfinished runs", `WHERE status = 'running' ORDER BY started_at, workflow`)
}

// LastSlot returns the workflow's run with the newest slot that is not after
// now: a slot in the future was run by a clock that was wrong.
func (j *Journal) LastSlot(ctx context.Context, workflow string, now time.Time) (r WorkflowRun, ok bool, err error) {
	runs, err := j.workflowRuns(ctx, "last slot of "+workflow, `WHERE workflow = ? AND slot <= ? ORDER BY slot DESC LIMIT 1`, workflow, stamp(now))
	if err != nil || len(runs) == 0 {
		return WorkflowRun{}, false, err
	}
	return runs[0], true, nil
}

// LastRun returns the workflow's run that goes on or, by order of ending, the
// last one.
func (j *Journal) LastRun(ctx context.Context, workflow string) (r WorkflowRun, ok bool, err error) {
	runs, err := j.workflowRuns(ctx, "last run of "+workflow, `WHERE workflow = ? ORDER BY finish_seq IS NULL DESC, finish_seq DESC LIMIT 1`, workflow)
	if err != nil || len(runs) == 0 {
		return WorkflowRun{}, false, err
	}
	return runs[0], true, nil
}

// NewestSlot is the workflow's newest slot, also one in the future.
func (j *Journal) NewestSlot(ctx context.Context, workflow string) (slot time.Time, ok bool, err error) {
	var text sql.NullString
	err = j.db.QueryRowContext(ctx, `SELECT max(slot) FROM workflow_runs WHERE workflow = ?`, workflow).Scan(&text)
	if err == nil {
		slot, err = when(text)
	}
	return slot, text.Valid, j.fail("newest slot of "+workflow, err)
}

// FutureSlot returns the newest slot after now of any workflow.
func (j *Journal) FutureSlot(ctx context.Context, now time.Time) (workflow string, slot time.Time, ok bool, err error) {
	runs, err := j.workflowRuns(ctx, "slots in the future", `WHERE slot > ? ORDER BY slot DESC LIMIT 1`, stamp(now))
	if err != nil || len(runs) == 0 {
		return "", time.Time{}, false, err
	}
	return runs[0].Workflow, runs[0].Slot, true, nil
}

// LastEnded returns the workflow's newest ended run and its newest good one, by
// order of ending.
func (j *Journal) LastEnded(ctx context.Context, workflow string) (last, good WorkflowRun, err error) {
	runs, err := j.workflowRuns(ctx, "last run of "+workflow, `WHERE finish_seq IN (
			(SELECT max(finish_seq) FROM workflow_runs WHERE workflow = ?1),
			(SELECT finish_seq FROM workflow_runs WHERE workflow = ?1 AND finish_seq IS NOT NULL AND status IN ('success', 'partial')
				ORDER BY finish_seq DESC LIMIT 1))
		ORDER BY finish_seq`, workflow)
	if err != nil || len(runs) == 0 {
		return last, good, err
	}
	last = runs[len(runs)-1]
	if first := runs[0]; first.Status == Success || first.Status == Partial {
		good = first
	}
	return last, good, nil
}

// Due says whether some of the workflows have ended since the named station
// (transform, export) last saw them, and up to which end. Ends that were no good
// count with anyEnd only.
func (j *Journal) Due(ctx context.Context, station string, after []string, anyEnd bool) (covers int64, due bool, err error) {
	statuses := goodStatuses
	if anyEnd {
		statuses = endStatuses
	}
	var newest int64
	for _, w := range after {
		end, _, err := j.lastEnd(ctx, w, statuses)
		if err != nil {
			return 0, false, j.fail("news for "+station, err)
		}
		newest = max(newest, end)
	}
	_, seen, err := j.lastEnd(ctx, station, goodStatuses)
	return newest, newest > seen, j.fail("news for "+station, err)
}

const (
	goodStatuses = `'success', 'partial'`
	endStatuses  = `'success', 'partial', 'failed', 'crashed', 'skipped'`
)

// lastEnd is the order of the workflow's newest end with one of the statuses,
// and what that run had seen; 0 where there is none.
func (j *Journal) lastEnd(ctx context.Context, workflow, statuses string) (end, covers int64, err error) {
	err = j.db.QueryRowContext(ctx, `SELECT finish_seq, coalesce(covers, 0) FROM workflow_runs
		WHERE workflow = ? AND finish_seq IS NOT NULL AND status IN (`+statuses+`) ORDER BY finish_seq DESC LIMIT 1`, workflow).Scan(&end, &covers)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, nil
	}
	return end, covers, err
}

// WorkflowRuns returns the newest first by start; limit 0 is all.
func (j *Journal) WorkflowRuns(ctx context.Context, limit int) ([]WorkflowRun, error) {
	return j.workflowRuns(ctx, "list workflow runs", `ORDER BY started_at DESC, workflow LIMIT ?`, atMost(limit))
}

// Gaps returns the newest first; limit 0 is all.
func (j *Journal) Gaps(ctx context.Context, limit int) ([]Gap, error) {
	rows, err := j.db.QueryContext(ctx, `SELECT workflow, first_slot, last_slot, slots, reason, noted_at FROM gaps
		ORDER BY rowid DESC LIMIT ?`, atMost(limit))
	if err != nil {
		return nil, j.fail("list gaps", err)
	}
	defer rows.Close()
	var list []Gap
	for rows.Next() {
		var g Gap
		var first, last, noted sql.NullString
		if err := rows.Scan(&g.Workflow, &first, &last, &g.Slots, &g.Reason, &noted); err != nil {
			return nil, j.fail("list gaps", err)
		}
		var errs [3]error
		g.FirstSlot, errs[0] = when(first)
		g.LastSlot, errs[1] = when(last)
		g.NotedAt, errs[2] = when(noted)
		if err := errors.Join(errs[:]...); err != nil {
			return nil, j.fail("list gaps", err)
		}
		list = append(list, g)
	}
	return list, j.fail("list gaps", rows.Err())
}

// Forget deletes runs, gaps, sent messages and backup runs that ended before
// the moment, but the newest run of each workflow stays.
func (j *Journal) Forget(ctx context.Context, before time.Time) error {
	return j.fail("forget", j.inTx(ctx, func(tx *sql.Tx) error {
		for _, q := range []string{
			`DELETE FROM workflow_runs WHERE finished_at < ?1 AND slot < (SELECT max(slot) FROM workflow_runs n WHERE n.workflow = workflow_runs.workflow)
				AND finish_seq NOT IN (SELECT max(finish_seq) FROM workflow_runs WHERE status IN ('success', 'partial') GROUP BY workflow)
				AND finish_seq < (SELECT max(finish_seq) FROM workflow_runs)`,
			`DELETE FROM gaps WHERE noted_at < ?1`,
			`DELETE FROM outbox WHERE created_at < ?1 AND (sent_at IS NOT NULL OR dropped_at IS NOT NULL)`,
			`DELETE FROM backup_runs WHERE finished_at < ?1 AND id NOT IN (SELECT max(id) FROM backup_runs GROUP BY kind, status)`,
		} {
			if _, err := tx.ExecContext(ctx, q, stamp(before)); err != nil {
				return err
			}
		}
		return nil
	}))
}

// one runs a statement that must change one row.
func (j *Journal) one(ctx context.Context, what, statement string, args ...any) error {
	res, err := j.db.ExecContext(ctx, statement, args...)
	if err != nil {
		return j.fail(what, err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return j.fail(what, errors.Join(err, fmt.Errorf("%d rows changed, want 1", n)))
	}
	return nil
}

func (j *Journal) workflowRuns(ctx context.Context, what, clause string, args ...any) ([]WorkflowRun, error) {
	rows, err := j.db.QueryContext(ctx, `SELECT workflow, slot, pipeline, status, attempts, started_at, finished_at,
		coalesce(covers, 0), process, message FROM workflow_runs `+clause, args...)
	if err != nil {
		return nil, j.fail(what, err)
	}
	defer rows.Close()
	var list []WorkflowRun
	for rows.Next() {
		var r WorkflowRun
		var slot, started, finished sql.NullString
		if err := rows.Scan(&r.Workflow, &slot, &r.Pipeline, &r.Status, &r.Attempts, &started, &finished, &r.Covers, &r.Process, &r.Message); err != nil {
			return nil, j.fail(what, err)
		}
		var errs [3]error
		r.Slot, errs[0] = when(slot)
		r.StartedAt, errs[1] = when(started)
		r.FinishedAt, errs[2] = when(finished)
		if err := errors.Join(errs[:]...); err != nil {
			return nil, j.fail(what, err)
		}
		list = append(list, r)
	}
	return list, j.fail(what, rows.Err())
}
