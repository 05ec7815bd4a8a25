package web

import (
	"context"
	"database/sql"
	"fmt"

	"beanflows.coffee/materia/internal/serving"
)

// pipelineRun is one run of a pipeline, newest first on /status.
type pipelineRun struct {
	ID, Pipeline, Source  string
	Started, Finished     date
	Status                string
	Files, Rows, Warnings int64
	Error                 string
}

// Took is the run's length in words.
func (r pipelineRun) Took() string {
	if !r.Started.Valid || !r.Finished.Valid {
		return unknown
	}
	seconds := r.Finished.V.Sub(r.Started.V).Seconds()
	if seconds < 60 {
		return number(seconds, 1) + " s"
	}
	return number(seconds/60, 1) + " min"
}

// Bad says that the run's row should catch the eye.
func (r pipelineRun) Bad() bool {
	return r.Status == "failed" || r.Status == "crashed" || r.Status == "partial"
}

// audit is the newest result of one check of a model.
type audit struct {
	Model, Name string
	Blocking    bool
	Failing     int64
	Checked     date
}

// modelEdges is a model with what it reads.
type modelEdges struct{ Model, Kind, Description, Reads string }

// workflow is what the supervisor runs and how it last ended.
type workflow struct {
	Name, Schedule, Status, Message string
	Finished, Succeeded             date
}

// Bad says that the workflow's row should catch the eye.
func (w workflow) Bad() bool {
	return w.Status == "failed" || w.Status == "crashed" || w.Status == "partial" || w.Status == "skipped"
}

// openAlert is something that was wrong at the export.
type openAlert struct {
	Severity, Title, Body string
	Since                 date
}

// statusPage is what status.html prints.
type statusPage struct {
	Headline       string
	Sources        []freshness
	Runs           []pipelineRun
	RunsTitle      string
	Workflows      []workflow
	WorkflowsTitle string
	Alerts         []openAlert
	AlertsTitle    string
	Failing        []audit // found rows
	Passing        []audit
	AuditsTitle    string
	PassingTitle   string
	Models         []modelEdges
	Meta           serving.Meta
	ExportedAt     date
}

const statusRuns = 30

func loadStatus(ctx context.Context, r *reading) (any, error) {
	p := statusPage{Meta: r.meta, ExportedAt: date{V: r.meta.ExportedAt, Valid: !r.meta.ExportedAt.IsZero()}}
	var err error
	if p.Sources, err = loadFreshness(ctx, r); err != nil {
		return nil, err
	}
	if p.Runs, err = loadRuns(ctx, r); err != nil {
		return nil, err
	}
	if p.Workflows, p.Alerts, err = loadSupervisor(ctx, r); err != nil {
		return nil, err
	}
	p.WorkflowsTitle = workflowsTitle(p.Workflows)
	p.AlertsTitle = count(int64(len(p.Alerts)), "alert") + " open"
	audits, err := loadAudits(ctx, r)
	if err != nil {
		return nil, err
	}
	if p.Models, err = loadModels(ctx, r); err != nil {
		return nil, err
	}
	p.Headline, p.RunsTitle, p.AuditsTitle = statusHeadline(p.Sources, len(p.Alerts)), runsTitle(p.Runs), auditsTitle(audits)
	n := 0 // those that found rows come first
	for n < len(audits) && audits[n].Failing > 0 {
		n++
	}
	p.Failing, p.Passing = audits[:n], audits[n:]
	p.PassingTitle = passingTitle(len(p.Passing), n > 0)
	return p, nil
}

func loadRuns(ctx context.Context, r *reading) ([]pipelineRun, error) {
	if !r.has("pipeline_runs") {
		return nil, nil
	}
	return query(ctx, r.db, "pipeline runs", func(rows *sql.Rows, x *pipelineRun) error {
		return rows.Scan(&x.ID, &x.Pipeline, &x.Source, &x.Started, &x.Finished, &x.Status, &x.Files, &x.Rows, &x.Warnings, &x.Error)
	}, `SELECT run_id, coalesce(pipeline, ''), coalesce(source, ''), started_at, finished_at, coalesce(status, ''), coalesce(files, 0),
		coalesce(rows, 0), coalesce(warnings, 0), coalesce(error, '') FROM serving.pipeline_runs
		ORDER BY started_at DESC NULLS LAST, run_id DESC LIMIT ?`, statusRuns)
}

// loadSupervisor reads what a file of an older export does not have.
func loadSupervisor(ctx context.Context, r *reading) (list []workflow, alerts []openAlert, err error) {
	if !r.has("workflows") || !r.has("alerts") {
		return nil, nil, nil
	}
	list, err = query(ctx, r.db, "workflows", func(rows *sql.Rows, w *workflow) error {
		return rows.Scan(&w.Name, &w.Schedule, &w.Status, &w.Message, &w.Finished, &w.Succeeded)
	}, `SELECT workflow, coalesce(schedule, ''), coalesce(nullif(status, ''), 'not yet run'), coalesce(message, ''), finished_at, succeeded_at
		FROM serving.workflows ORDER BY rowid`)
	if err != nil {
		return nil, nil, err
	}
	alerts, err = query(ctx, r.db, "alerts", func(rows *sql.Rows, a *openAlert) error {
		return rows.Scan(&a.Severity, &a.Title, &a.Body, &a.Since)
	}, `SELECT coalesce(severity, ''), coalesce(title, ''), coalesce(body, ''), since FROM serving.alerts ORDER BY since, key`)
	return list, alerts, err
}

func loadAudits(ctx context.Context, r *reading) ([]audit, error) {
	if !r.has("data_quality") {
		return nil, nil
	}
	return query(ctx, r.db, "audits", func(rows *sql.Rows, a *audit) error {
		return rows.Scan(&a.Model, &a.Name, &a.Blocking, &a.Failing, &a.Checked)
	}, `SELECT model, audit, coalesce(blocking, false), coalesce(failing_rows, 0), checked_at FROM serving.data_quality
		ORDER BY failing_rows > 0 DESC, model, audit`)
}

func loadModels(ctx context.Context, r *reading) ([]modelEdges, error) {
	if !r.has("lineage") {
		return nil, nil
	}
	return query(ctx, r.db, "lineage", func(rows *sql.Rows, m *modelEdges) error {
		return rows.Scan(&m.Model, &m.Kind, &m.Description, &m.Reads)
	}, `SELECT model, coalesce(any_value(kind), ''), coalesce(any_value(description), ''),
		coalesce(string_agg(DISTINCT nullif(depends_on, ''), ', ' ORDER BY nullif(depends_on, '')), '')
		FROM serving.lineage GROUP BY model ORDER BY model`)
}

func statusHeadline(sources []freshness, alerts int) string {
	if len(sources) == 0 {
		return "No source has been loaded yet"
	}
	var bad int64
	for _, s := range sources {
		if s.State.Bad() {
			bad++
		}
	}
	of := count(int64(len(sources)), "source")
	var stand string
	switch {
	case bad == 0 && len(sources) == 1:
		stand = "The one source is as it should be"
	case bad == 0:
		stand = "All " + of + " are as they should be"
	case bad == 1:
		stand = "1 of " + of + " needs attention"
	case bad == int64(len(sources)):
		stand = "All " + of + " need attention"
	default:
		stand = fmt.Sprintf("%d of %s need attention", bad, of)
	}
	if alerts == 0 {
		return stand
	}
	return stand + ", with " + count(int64(alerts), "alert") + " open"
}

func runsTitle(runs []pipelineRun) string {
	if len(runs) == 0 {
		return "No run is recorded"
	}
	var bad, warned int64
	for _, r := range runs {
		if r.Bad() {
			bad++
		}
		if r.Warnings > 0 {
			warned++
		}
	}
	last := count(int64(len(runs)), "run")
	switch {
	case len(runs) == 1 && bad == 0 && warned == 0:
		return "The only run ended well"
	case bad == 0 && warned == 0:
		return "The last " + last + " ended well"
	case bad == 0:
		return fmt.Sprintf("The last %s ended well, %d with warnings", last, warned)
	}
	return fmt.Sprintf("Of the last %s, %d failed or landed only a part", last, bad)
}

func workflowsTitle(list []workflow) string {
	var bad int64
	for _, w := range list {
		if w.Bad() {
			bad++
		}
	}
	of := count(int64(len(list)), "scheduled job")
	if bad > 0 {
		return fmt.Sprintf("%d of %s did not end well", bad, of)
	}
	return of + ", all in order"
}

func passingTitle(n int, others bool) string {
	if others {
		return fmt.Sprintf("The %s that found nothing", count(int64(n), "other audit"))
	}
	return "What each of them asks"
}

func auditsTitle(audits []audit) string {
	if len(audits) == 0 {
		return "No audit is recorded"
	}
	var failing int64
	for _, a := range audits {
		if a.Failing > 0 {
			failing++
		}
	}
	if failing == 0 {
		return fmt.Sprintf("%s of the tables found nothing wrong", count(int64(len(audits)), "audit"))
	}
	return fmt.Sprintf("%d of %s found rows that break a rule", failing, count(int64(len(audits)), "audit"))
}
