package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"beanflows.coffee/materia/internal/model"
)

// build makes the versions that do not stand yet, and asks new audits of those
// that do: several at a time, each after its parents. Each is a transaction of
// its own, so a crash leaves some of them, whole.
func (a *applier) build(ctx context.Context) error {
	built := map[string]bool{}
	err := eachRow(ctx, a.conn, func(scan func(...any) error) error {
		var version string
		err := scan(&version)
		built[version] = true
		return err
	}, "SELECT version FROM materia.snapshots")
	if err != nil {
		return err
	}
	total := 0
	versions := map[string]string{}
	schemas := []string{rowsSchema}
	for _, t := range a.plan.targets {
		versions[t.model.Name] = t.version
		if t.model.Kind != model.Embedded && !built[t.version] {
			total++
			schemas = append(schemas, physicalPrefix+t.model.Schema)
		}
	}
	slices.Sort(schemas)
	for _, schema := range slices.Compact(schemas) { // two transactions that make the same one conflict
		if err := a.exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+quote(schema)); err != nil {
			return err
		}
	}
	q := newQueue(a.plan.targets, built)
	builders := a.lake.builders()
	// A builder waiting for the last part of its statement spins in DuckDB. Where
	// each finds work, it counts as one of DuckDB's threads and has no helper that
	// could take that part away.
	if err := a.exec(ctx, fmt.Sprintf("SET GLOBAL external_threads = %d", min(builders, q.width))); err != nil {
		return err
	}
	errs := make([]error, builders)
	var running sync.WaitGroup
	for i := range errs {
		running.Go(func() {
			errs[i] = a.onConnection(ctx, func(b *applier) error {
				return b.buildFrom(ctx, q, versions, built, total)
			})
		})
	}
	running.Wait()
	if err := a.exec(context.WithoutCancel(ctx), "RESET GLOBAL external_threads"); err != nil {
		errs = append(errs, err)
	}
	slices.SortStableFunc(a.applied.Warnings, func(x, y AuditFailure) int { return strings.Compare(x.Model, y.Model) })
	return joinBuildErrors(errs)
}

// onConnection runs f on a connection of its own, with the same account.
func (a *applier) onConnection(ctx context.Context, f func(*applier) error) error {
	conn, err := a.lake.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return f(&applier{lake: a.lake, conn: conn, plan: a.plan, account: a.account})
}

// buildFrom takes targets from the queue until none is left or one fails.
func (a *applier) buildFrom(ctx context.Context, q *queue, versions map[string]string, built map[string]bool, total int) error {
	for t := q.next(); t != nil; t = q.next() {
		var err error
		switch {
		case t.model.Kind == model.Embedded:
		case built[t.version]:
			err = a.auditStanding(ctx, t)
		default:
			err = a.buildOne(ctx, t, versions, total)
		}
		q.finish(t.model, err != nil)
		if err != nil {
			return err
		}
	}
	return nil
}

// joinBuildErrors gives failed audits of several models as one error. Any other
// error goes before them, once: what ends one builder often ends all.
func joinBuildErrors(errs []error) error {
	var all AuditError
	var others []error
	for _, err := range errs {
		var failed *AuditError
		if errors.As(err, &failed) {
			all.Failures = append(all.Failures, failed.Failures...)
		} else if err != nil && !slices.ContainsFunc(others, func(other error) bool { return other.Error() == err.Error() }) {
			others = append(others, err)
		}
	}
	if len(others) > 0 || len(all.Failures) == 0 {
		return errors.Join(others...)
	}
	slices.SortStableFunc(all.Failures, func(x, y AuditFailure) int { return strings.Compare(x.Model, y.Model) })
	return &all
}

// queue hands out the targets of a plan, each once its parents are done. Safe
// for concurrent use.
type queue struct {
	mu      sync.Mutex
	changed *sync.Cond
	waiting []*target // those with the longest chain of readers come first
	width   int       // models to build over the longest chain of them: how many can be built at once on average; at least 1
	doing   int
	open    map[string]bool // models that are not done
	stopped bool
}

// newQueue orders targets by the chain of readers below each, counting those that
// do not stand yet.
func newQueue(targets []*target, built map[string]bool) *queue {
	q := &queue{waiting: slices.Clone(targets), open: map[string]bool{}}
	q.changed = sync.NewCond(&q.mu)
	below := map[string]int{} // models to build on the longest way down from one, itself aside
	models, longest := 0, 1
	for _, t := range slices.Backward(targets) {
		q.open[t.model.Name] = true
		chain := below[t.model.Name]
		if t.model.Kind != model.Embedded && !built[t.version] {
			models, chain = models+1, chain+1
		}
		longest = max(longest, chain)
		for _, parent := range t.model.DependsOn {
			below[parent] = max(below[parent], chain)
		}
	}
	q.width = max(1, models/longest)
	slices.SortStableFunc(q.waiting, func(a, b *target) int { return cmp.Compare(below[b.model.Name], below[a.model.Name]) })
	return q
}

// next waits for a target whose parents are done. It is nil when nothing is
// left to begin.
func (q *queue) next() *target {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if q.stopped || len(q.waiting) == 0 {
			return nil
		}
		i := slices.IndexFunc(q.waiting, func(t *target) bool {
			return !slices.ContainsFunc(t.model.DependsOn, func(parent string) bool { return q.open[parent] })
		})
		if i >= 0 {
			t := q.waiting[i]
			q.waiting = slices.Delete(q.waiting, i, i+1)
			q.doing++
			return t
		}
		if q.doing == 0 {
			panic("plan: models wait for each other") // Load refuses cycles
		}
		q.changed.Wait()
	}
}

// finish tells that a target is done. After a failure nothing more begins:
// what is being built is finished, so that its own failures show as well.
func (q *queue) finish(m *model.Model, failed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.doing--
	q.stopped = q.stopped || failed
	delete(q.open, m.Name)
	q.changed.Broadcast()
}
