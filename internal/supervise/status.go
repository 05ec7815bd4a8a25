package supervise

import (
	"context"
	"time"

	"beanflows.coffee/materia/internal/state"
)

// Status is what a person, a page and a scrape want to know of the supervisor.
type Status struct {
	Running      bool      `json:"running"` // a process holds the lock
	PID          int       `json:"pid,omitempty"`
	Version      string    `json:"version,omitempty"`
	StartedAt    time.Time `json:"started_at,omitzero"`
	ProgressedAt time.Time `json:"progressed_at,omitzero"` // when its loop last said that it advanced
	Doing        string    `json:"doing,omitempty"`

	Workflows  []WorkflowStatus `json:"workflows"`
	Conditions []Condition      `json:"conditions"`
	Unsent     int              `json:"unsent_messages"`
	Backup     BackupStatus     `json:"backup"`
	Gaps       []Gap            `json:"gaps"` // the newest
}

// WorkflowStatus is one workflow, or one of the stations after them.
type WorkflowStatus struct {
	Name        string    `json:"name"`
	Pipeline    string    `json:"pipeline"`
	Schedule    string    `json:"schedule"` // as written; "after the workflows" for a station
	LastStatus  string    `json:"last_status,omitempty"`
	LastSlot    time.Time `json:"last_slot,omitzero"`
	LastStarted time.Time `json:"last_started_at,omitzero"`
	LastEnded   time.Time `json:"last_finished_at,omitzero"`
	LastGood    time.Time `json:"last_success_at,omitzero"`
	Attempts    int       `json:"attempts,omitempty"` // at the last slot
	Message     string    `json:"message,omitempty"`
	Next        time.Time `json:"next_slot,omitzero"`
}

// Condition is something that is wrong at the moment.
type Condition struct {
	Key      string    `json:"key"`
	Severity string    `json:"severity"`
	Title    string    `json:"title"`
	Body     string    `json:"body"`
	Since    time.Time `json:"since"`
}

// Gap is slots in a row that were not run, and why.
type Gap struct {
	Workflow string    `json:"workflow"`
	First    time.Time `json:"first_slot"`
	Last     time.Time `json:"last_slot"`
	Slots    int       `json:"slots"`
	Reason   string    `json:"reason"`
}

// BackupStatus is the age of what is in the bucket.
type BackupStatus struct {
	LastGood     time.Time `json:"last_success_at,omitzero"`
	LastStatus   string    `json:"last_status,omitempty"`
	LastMessage  string    `json:"last_message,omitempty"`
	LastVerified time.Time `json:"last_verified_at,omitzero"`
	VerifyStatus string    `json:"verify_status,omitempty"`
}

const statusGaps = 10

// Look reads the status as of now. It takes no lock and changes nothing.
func Look(ctx context.Context, j *state.Journal, workflows []Workflow, lockPath string, now time.Time) (Status, error) {
	var st Status
	row, ok, err := j.Supervision(ctx)
	if err != nil {
		return st, err
	}
	if ok {
		st.Version, st.StartedAt, st.ProgressedAt, st.Doing = row.Version, row.StartedAt, row.ProgressedAt, row.Doing
	}
	st.PID, _, st.Running = Running(lockPath)
	if !st.Running {
		st.Doing = "stopped"
		if ok && row.StoppedAt.IsZero() {
			st.Doing = "gone without a word: killed, or the machine went down"
		}
	}
	for _, w := range workflows {
		ws := WorkflowStatus{Name: w.Name, Pipeline: w.Pipeline, Schedule: w.schedule.String(), Next: w.schedule.Next(now)}
		if err := ws.fill(ctx, j); err != nil {
			return st, err
		}
		st.Workflows = append(st.Workflows, ws)
	}
	for _, name := range []string{Transform, Export} {
		ws := WorkflowStatus{Name: name, Pipeline: name, Schedule: "after the workflows"}
		if err := ws.fill(ctx, j); err != nil {
			return st, err
		}
		st.Workflows = append(st.Workflows, ws)
	}
	return st, st.rest(ctx, j)
}

func (ws *WorkflowStatus) fill(ctx context.Context, j *state.Journal) error {
	_, good, err := j.LastEnded(ctx, ws.Name)
	if err != nil {
		return err
	}
	last, ok, err := j.LastRun(ctx, ws.Name)
	if err != nil || !ok {
		return err
	}
	ws.LastStatus, ws.LastSlot, ws.LastStarted, ws.LastEnded = last.Status, last.Slot, last.StartedAt, last.FinishedAt
	ws.LastGood, ws.Attempts, ws.Message = good.FinishedAt, last.Attempts, last.Message
	return nil
}

func (st *Status) rest(ctx context.Context, j *state.Journal) error {
	conditions, err := j.Conditions(ctx)
	if err != nil {
		return err
	}
	st.Conditions = []Condition{}
	for _, c := range conditions {
		st.Conditions = append(st.Conditions, Condition{c.Key, c.Severity, c.Title, c.Body, c.OpenedAt})
	}
	unsent, err := j.Unsent(ctx, 0)
	if err != nil {
		return err
	}
	st.Unsent = len(unsent)
	gaps, err := j.Gaps(ctx, statusGaps)
	if err != nil {
		return err
	}
	st.Gaps = []Gap{}
	for _, g := range gaps {
		st.Gaps = append(st.Gaps, Gap{g.Workflow, g.FirstSlot, g.LastSlot, g.Slots, g.Reason})
	}
	good, last, err := j.LastBackup(ctx, "run")
	if err != nil {
		return err
	}
	st.Backup = BackupStatus{LastGood: good.FinishedAt, LastStatus: last.Status, LastMessage: last.Message}
	good, last, err = j.LastBackup(ctx, "verify")
	st.Backup.LastVerified, st.Backup.VerifyStatus = good.FinishedAt, last.Status
	return err
}
