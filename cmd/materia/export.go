package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/plan"
	"beanflows.coffee/materia/internal/serving"
	"beanflows.coffee/materia/internal/state"
	"beanflows.coffee/materia/internal/supervise"
)

// runsShown is how far back the published diary of runs reaches. It is cut by
// day, so that a run that finds nothing new does not push an older one out.
const runsShown = 90 * 24 * time.Hour

// runsRead bounds what is read of the diary; a run a minute for a week is fewer.
const runsRead = 20_000

// export publishes the serving tables of prod.
func (a *app) export(ctx context.Context) error {
	return a.recorded(ctx, "export_serving", func() (string, string, error) {
		res, err := a.publish(ctx)
		if errors.Is(err, plan.ErrCorrupt) {
			if err = a.mendLakehouse(ctx); err == nil {
				err = a.transform(ctx)
			}
			if err == nil {
				res, err = a.publish(ctx)
			}
		}
		if err != nil {
			return "", "", err
		}
		if res.Damaged != "" {
			a.tellDamage(ctx, "the published file", res.Damaged, "built again from the lakehouse")
		}
		status, message := state.Success, ""
		if res.Replaced {
			var rows int64
			for _, t := range res.Tables {
				rows += t.Rows
			}
			message = fmt.Sprintf("published %s, %s rows, %s, in %.1f s as %s", plural(len(res.Tables), "table"), grouped(rows), size(res.Bytes), res.Seconds, a.servingPath)
		} else {
			status, message = state.Unchanged, fmt.Sprintf("unchanged: %s holds this content already and was not replaced", a.servingPath)
		}
		fmt.Fprintf(a.stdout, "export_serving: %s\n", message)
		return status, message, nil
	})
}

func (a *app) publish(ctx context.Context) (serving.Result, error) {
	in := serving.Input{Lakehouse: a.lakehouse, Path: a.servingPath, LockWait: a.lockWait}
	if err := a.describeProd(ctx, &in); err != nil {
		return serving.Result{}, err
	}
	zone, st, err := a.openLanding(ctx)
	if err != nil {
		return serving.Result{}, err
	}
	err = errors.Join(a.describeLanding(ctx, zone, st, &in), a.describeSupervisor(ctx, &in))
	if err = errors.Join(err, st.Close()); err != nil {
		return serving.Result{}, err
	}
	in.Meta.ExportedAt, in.Meta.MateriaVersion = a.now().UTC(), version
	res, err := serving.Export(ctx, in)
	return res, plan.MarkCorrupt(err, a.lakehouse)
}

// describeProd lists the serving tables of prod, their audits and lineage. It
// lets go of the lakehouse before anything is copied; physical names carry
// their version, so a plan meanwhile cannot change what they hold.
func (a *app) describeProd(ctx context.Context, in *serving.Input) error {
	lake, err := plan.OpenReadOnly(ctx, a.lakehouse, a.lakeOptions())
	if err != nil {
		return err
	}
	planID, models, err := lake.Environment(ctx, plan.Prod)
	var audits []plan.AuditResult
	if err == nil {
		audits, err = lake.Audits(ctx, plan.Prod)
	}
	if err := errors.Join(err, lake.Close()); err != nil {
		return err
	}
	in.Meta.PlanID = planID
	for _, m := range models {
		if m.Model.Schema == "serving" {
			in.Tables = append(in.Tables, serving.Table{Name: m.Model.Table, Source: m.Physical, Version: m.Version})
		}
		row := serving.Lineage{Model: m.Model.Name, Kind: string(m.Model.Kind), Description: m.Model.Description}
		if len(m.Model.DependsOn) == 0 {
			in.Lineage = append(in.Lineage, row)
		}
		for _, row.DependsOn = range m.Model.DependsOn {
			in.Lineage = append(in.Lineage, row)
		}
	}
	for _, q := range audits {
		in.Quality = append(in.Quality, serving.Quality{Model: q.Model, Audit: q.Audit, Blocking: q.Blocking, FailingRows: q.FailingRows, CheckedAt: q.CheckedAt})
	}
	return nil
}

// describeLanding adds runs and freshness, which the dashboard shows too.
func (a *app) describeLanding(ctx context.Context, zone *landing.Zone, st *state.Store, in *serving.Input) error {
	var err error
	if in.Meta.Origin, err = zone.Origin(); err != nil {
		return err
	}
	if in.Runs, err = a.runs(ctx, st); err != nil {
		return err
	}
	for _, src := range sources() {
		f, err := freshness(ctx, st, src, in.Meta.Origin)
		if err != nil {
			return err
		}
		in.Freshness = append(in.Freshness, f)
	}
	return nil
}

// describeSupervisor adds what the supervisor runs and what is wrong; nothing
// where none ever ran here.
func (a *app) describeSupervisor(ctx context.Context, in *serving.Input) error {
	if _, err := os.Stat(a.journalPath()); err != nil {
		return nil
	}
	j, err := a.openJournal(ctx)
	if err != nil {
		a.log.Warn("the status page will not show the supervisor", "error", err.Error())
		return nil
	}
	defer j.Close()
	open, err := j.Conditions(ctx)
	for _, c := range open {
		in.Alerts = append(in.Alerts, serving.Alert{Key: c.Key, Severity: c.Severity, Title: c.Title, Body: c.Body, Since: c.OpenedAt})
	}
	if _, ran, serr := j.Supervision(ctx); err != nil || serr != nil || !ran {
		return errors.Join(err, serr)
	}
	list, err := a.loadWorkflows(cmp.Or(a.getenv(workflowsVariable), defaultWorkflows))
	if err != nil {
		a.log.Warn("the status page will not show the schedules", "error", err.Error())
	}
	rows := make([]serving.Workflow, 0, len(list)+1)
	for _, w := range list {
		rows = append(rows, serving.Workflow{Workflow: w.Name, Schedule: w.Schedule().String()})
	}
	rows = append(rows, serving.Workflow{Workflow: supervise.Transform, Schedule: "after the others"})
	for _, r := range rows {
		last, good, err := j.LastEnded(ctx, r.Workflow)
		if err != nil {
			return err
		}
		r.Status, r.FinishedAt, r.SucceededAt = last.Status, last.FinishedAt, good.FinishedAt
		if last.Status != state.Success {
			r.Message = last.Message
		}
		in.Workflows = append(in.Workflows, r)
	}
	for _, b := range []struct{ kind, name, schedule string }{{"run", "backup", "every 6 hours"}, {"verify", "backup verify", "daily"}} {
		good, last, err := j.LastBackup(ctx, b.kind)
		if err != nil {
			return err
		}
		if last.FinishedAt.IsZero() {
			continue // there may be no bucket
		}
		r := serving.Workflow{Workflow: b.name, Schedule: b.schedule, Status: last.Status, FinishedAt: last.FinishedAt, SucceededAt: good.FinishedAt}
		if last.Status != state.Success {
			r.Message = last.Message
		}
		in.Workflows = append(in.Workflows, r)
	}
	return nil
}

// runs is the diary: extractions, and the stations after them. An export cannot
// tell of itself, and one that went well is in snapshot.exported_at; so only
// exports that failed are listed.
func (a *app) runs(ctx context.Context, st *state.Store) ([]serving.Run, error) {
	oldest := a.now().UTC().Truncate(24 * time.Hour).Add(-runsShown)
	var list []serving.Run
	extractions, err := st.Runs(ctx, runsRead)
	if err != nil {
		return nil, err
	}
	for _, r := range extractions {
		if r.StartedAt.Before(oldest) {
			break
		}
		list = append(list, serving.Run{RunID: r.ID, Pipeline: pipelineOf(r.Source), Source: r.Source, StartedAt: r.StartedAt, FinishedAt: r.FinishedAt,
			Status: r.Status, Files: int64(r.Files), Bytes: r.Bytes, Rows: r.Rows, Warnings: int64(r.Warnings), Error: r.Error})
	}
	stations, err := st.PipelineRuns(ctx, runsRead)
	if err != nil {
		return nil, err
	}
	newer := map[string]bool{} // pipelines that were started again since
	for _, r := range stations {
		if r.StartedAt.Before(oldest) {
			break
		}
		if r.Status == state.Running && newer[r.Pipeline] {
			r.Status = state.Crashed
		}
		newer[r.Pipeline] = true
		bad := r.Status == state.Failed || r.Status == state.Crashed
		if r.Pipeline == "export_serving" && !bad {
			continue
		}
		run := serving.Run{RunID: r.ID, Pipeline: r.Pipeline, StartedAt: r.StartedAt, FinishedAt: r.FinishedAt, Status: r.Status}
		if bad {
			run.Error = r.Message
		}
		list = append(list, run)
	}
	return list, nil
}

func pipelineOf(source string) string {
	for _, s := range sources() {
		if s.Name == source {
			return s.Pipeline
		}
	}
	return ""
}

// freshness says how a source stands.
func freshness(ctx context.Context, st *state.Store, src extract.Source, origin string) (serving.Freshness, error) {
	f := serving.Freshness{Source: src.Name, Title: src.Title, Licence: src.Licence, Homepage: src.Homepage, Cadence: src.Cadence, Origin: origin}
	last, ok, err := st.LastRun(ctx, src.Name)
	if err != nil {
		return f, err
	}
	if ok {
		f.LastChecked = last.StartedAt.UTC().Truncate(24 * time.Hour)
		f.LastStatus, f.LastError = last.Status, last.Error
		if f.LastStatus == state.Unchanged { // looking again without news must not make news
			f.LastStatus = state.Success
		}
	}
	files, err := st.FilesOf(ctx, src.Name)
	if err != nil {
		return f, err
	}
	for _, file := range files {
		f.Files++
		f.Bytes += file.Bytes
		if file.LandedAt.After(f.LastLandedAt) {
			f.LastLandedAt = file.LandedAt
		}
		if file.ReleasedAt != nil && file.ReleasedAt.After(f.ReleasedAt) {
			f.ReleasedAt = *file.ReleasedAt
		}
		if at := asOf(file); !at.Before(f.AsOf) {
			f.AsOf, f.NewestFile, f.NewestSHA256, f.NewestURL = at, file.Path, file.SHA256, file.URL
		}
	}
	if newest := f.ReleasedAt; f.Files > 0 && src.Expect != nil {
		if newest.IsZero() || f.AsOf.After(newest) {
			newest = f.AsOf
		}
		f.ExpectedNext = src.Expect(newest).UTC().Truncate(24 * time.Hour)
	}
	return f, nil
}

var dated = regexp.MustCompile(`/(\d{4}-\d{2}-\d{2})[./]`)

// asOf is the newest date in a landed file: the one in its name or, where names
// carry none (PSD), the day of the release or the month of its folder.
func asOf(f state.File) time.Time {
	plain, _ := landing.PlainPath(f.Path)
	if m := dated.FindStringSubmatch(plain); m != nil {
		if at, err := time.Parse(time.DateOnly, m[1]); err == nil {
			return at
		}
	}
	if f.ReleasedAt != nil {
		return f.ReleasedAt.UTC().Truncate(24 * time.Hour)
	}
	if parts := strings.Split(plain, "/"); len(parts) > 2 {
		if at, err := time.Parse("2006/01", parts[1]+"/"+parts[2]); err == nil {
			return at
		}
	}
	return time.Time{}
}
