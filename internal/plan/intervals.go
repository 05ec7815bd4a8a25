package plan

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/model"
)

// maxSegments bounds the pieces that a version is put together from: beyond,
// they are copied into one batch.
const maxSegments = 64

// changedParent is a model that an incremental one reads and that shows other
// rows than when the base was filled.
type changedParent struct {
	model       string
	column      string   // the column that limits what is read of it; see model.TimeBound
	columns     []string // what is read of it
	before, now string   // versions
}

// span is a time from Start up to but not including End.
type span struct{ Start, End time.Time }

func (s span) String() string {
	last := s.End.Add(-time.Microsecond)
	if s.Start.Equal(s.Start.Truncate(24*time.Hour)) && s.End.Equal(s.End.Truncate(24*time.Hour)) {
		if first, last := s.Start.Format(time.DateOnly), last.Format(time.DateOnly); first != last {
			return first + " to " + last
		}
		return s.Start.Format(time.DateOnly)
	}
	return s.Start.Format("2006-01-02 15:04") + " to " + s.End.Format("2006-01-02 15:04")
}

// spanOf is what an incremental model covers in this plan.
func (p *Plan) spanOf(m *model.Model, in Inputs, recorded Recorded, r RecordedModel) (span, error) {
	if recorded.Now.IsZero() {
		return span{}, errors.New("no time is given to count intervals by")
	}
	all, err := m.Range(recorded.Now)
	if err != nil {
		return span{}, err
	}
	s := span{all.Start, all.End}
	if p.Kind == KindRun && r.Model != nil && r.From.After(s.Start) {
		s.Start = r.From // an environment that was planned from a later start
	}
	if !in.Start.IsZero() && in.Start.After(s.Start) {
		s.Start = m.Unit.Floor(in.Start)
	}
	if !in.End.IsZero() && in.End.Before(s.End) {
		s.End = m.Unit.Floor(in.End)
	}
	if s.End.Before(s.Start) {
		s.End = s.Start
	}
	return s, nil
}

// subtract gives what is left of a span without others, in order.
func subtract(from span, others []span) []span {
	left := []span{from}
	for _, o := range others {
		var next []span
		for _, s := range left {
			if !o.Start.Before(s.End) || !s.Start.Before(o.End) {
				next = append(next, s)
				continue
			}
			if s.Start.Before(o.Start) {
				next = append(next, span{s.Start, o.Start})
			}
			if o.End.Before(s.End) {
				next = append(next, span{o.End, s.End})
			}
		}
		left = next
	}
	return slices.DeleteFunc(left, func(s span) bool { return !s.Start.Before(s.End) })
}

// union sorts spans and joins those that touch.
func union(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return a.Start.Compare(b.Start) })
	var all []span
	for _, s := range spans {
		if n := len(all); n > 0 && !s.Start.After(all[n-1].End) {
			if s.End.After(all[n-1].End) {
				all[n-1].End = s.End
			}
			continue
		}
		all = append(all, s)
	}
	return all
}

// materialiseIntervals evaluates the intervals that the base lacks and those
// that changed parents touch, appends them to the ledger, and makes the
// version a view of what stands and what is new.
func (a *applier) materialiseIntervals(ctx context.Context, t *target, versions map[string]string) error {
	last, err := a.openLedger(ctx, t)
	if err != nil {
		return err
	}
	standing, err := a.segmentsOf(ctx, t)
	if err != nil {
		return err
	}
	due, err := a.dueSpans(ctx, t, standing)
	if err != nil {
		return err
	}
	for _, s := range due {
		standing = cutSegments(t, standing, s)
		for _, chunk := range chunks(t.model, s) {
			last++
			if err := a.evaluate(ctx, t, last, chunk, versions); err != nil {
				return err
			}
			standing = append(standing, segment{last, last, chunk.Start, chunk.End})
		}
	}
	if last == 0 { // no interval is over yet: a table without rows
		none := span{t.span.Start, t.span.Start}
		if err := a.evaluate(ctx, t, 1, none, versions); err != nil {
			return err
		}
		return a.showSegments(ctx, t, []segment{{From: none.Start, To: none.End}}) // of batch 0, which nothing has
	}
	standing, err = a.joinSegments(ctx, t, standing)
	if err != nil {
		return err
	}
	return a.showSegments(ctx, t, standing)
}

// segmentsOf are the base's, as far as they lie in the target's span.
func (a *applier) segmentsOf(ctx context.Context, t *target) (all []segment, err error) {
	if t.base == "" {
		return nil, nil
	}
	err = eachRow(ctx, a.conn, func(scan func(...any) error) error {
		var s segment
		err := scan(&s.First, &s.Last, &s.From, &s.To)
		s.From, s.To = s.From.UTC(), s.To.UTC()
		if t.model.Kind == model.IncrementalByTimeRange {
			if s.From.Before(t.span.Start) {
				s.From = t.span.Start
			}
			if s.To.After(t.span.End) {
				s.To = t.span.End
			}
		}
		if s.From.Before(s.To) {
			all = append(all, s)
		}
		return err
	}, "SELECT first_batch, last_batch, from_at, to_at FROM materia.snapshot_batches WHERE version = ? AND ledger = ? AND from_at IS NOT NULL ORDER BY position", t.base, t.ledger)
	return all, err
}

// dueSpans are the intervals to evaluate: not there yet, or touched by what
// changed, each with the lookback that the model asks for.
func (a *applier) dueSpans(ctx context.Context, t *target, standing []segment) ([]span, error) {
	m := t.model
	var covered []span
	for _, s := range standing {
		covered = append(covered, span{s.From, s.To})
	}
	if t.again {
		return union([]span{t.span}), nil
	}
	missing := subtract(t.span, covered)
	due := slices.Clone(missing)
	for _, s := range missing {
		due = append(due, span{m.Unit.Add(s.Start, -m.Lookback), s.Start})
	}
	for _, parent := range t.changed {
		touched, err := a.touched(ctx, t, parent)
		if err != nil {
			return nil, err
		}
		for _, s := range touched {
			due = append(due, span{s.Start, m.Unit.Add(s.End, m.Lookback)})
		}
	}
	var within []span
	for _, s := range union(due) {
		if s.Start.Before(t.span.Start) {
			s.Start = t.span.Start
		}
		if s.End.After(t.span.End) {
			s.End = t.span.End
		}
		if s.Start.Before(s.End) {
			within = append(within, s)
		}
	}
	return within, nil
}

// touched are the intervals of which a parent's rows differ between two
// versions. Whatever cannot be compared touches everything.
func (a *applier) touched(ctx context.Context, t *target, p changedParent) ([]span, error) {
	var standing int
	err := a.conn.QueryRowContext(ctx, "SELECT count(DISTINCT version) FROM materia.snapshots WHERE version IN (?, ?)", p.before, p.now).Scan(&standing)
	if err != nil {
		return nil, err
	}
	if standing < 2 {
		return []span{t.span}, nil
	}
	rows, err := a.changedRows(ctx, p)
	if err != nil {
		return nil, err
	}
	var all []span
	unit := t.model.Unit
	err = eachRow(ctx, a.conn, func(scan func(...any) error) error {
		var day sql.NullTime
		if err := scan(&day); err != nil {
			return err
		}
		if !day.Valid {
			all = append(all, t.span) // a text that is no time
			return nil
		}
		start := unit.Floor(day.Time)
		all = append(all, span{start, unit.Add(start, 1)})
		return nil
	}, fmt.Sprintf(`SELECT DISTINCT TRY_CAST(TRY_CAST(%[1]s AS TIMESTAMP) AS DATE) AS day FROM (%[2]s) WHERE %[1]s IS NOT NULL ORDER BY day`, quote(p.column), rows))
	return union(all), err
}

// changedRows is a query of the rows that two versions of a parent do not
// share: between versions of one ledger of files they are whole batches.
func (a *applier) changedRows(ctx context.Context, p changedParent) (string, error) {
	list := quoteAll(p.columns)
	var table sql.NullString
	var batches sql.NullString
	err := a.conn.QueryRowContext(ctx, `WITH shown AS (
			SELECT DISTINCT s.version, s.ledger, b.batch, s.from_at FROM materia.snapshot_batches AS s
			JOIN materia.ledger_batches AS b ON b.ledger = s.ledger AND b.batch BETWEEN s.first_batch AND s.last_batch WHERE s.version IN ($1, $2)),
		odd AS (SELECT batch FROM shown GROUP BY batch HAVING count(DISTINCT version) = 1)
		SELECT (SELECT any_value(physical_table) FROM materia.ledgers WHERE ledger IN (SELECT ledger FROM shown)), (SELECT string_agg(batch, ', ') FROM odd)
		FROM shown HAVING count(DISTINCT version) = 2 AND count(DISTINCT ledger) = 1 AND count(from_at) = 0`, p.before, p.now).Scan(&table, &batches)
	if err == nil && table.Valid {
		odd := batches.String
		if odd == "" {
			odd = "NULL"
		}
		return fmt.Sprintf("SELECT %s FROM %s.%s WHERE %s IN (%s)", list, quote(rowsSchema), quote(table.String), batchColumn, odd), nil
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", err
	}
	schema, name, _ := strings.Cut(p.model, ".")
	before, now := physicalName(schema, name, p.before), physicalName(schema, name, p.now)
	return fmt.Sprintf("(SELECT %[1]s FROM %[2]s EXCEPT ALL SELECT %[1]s FROM %[3]s) UNION ALL (SELECT %[1]s FROM %[3]s EXCEPT ALL SELECT %[1]s FROM %[2]s)", list, before, now), nil
}

// cutSegments takes a span out of the segments, so that it can be shown anew.
// Rows merged by key are never taken out: the new ones come before them.
func cutSegments(t *target, standing []segment, s span) []segment {
	if t.model.Kind == model.IncrementalByUniqueKey {
		return standing
	}
	var all []segment
	for _, x := range standing {
		for _, left := range subtract(span{x.From, x.To}, []span{s}) {
			all = append(all, segment{x.First, x.Last, left.Start, left.End})
		}
	}
	return all
}

// chunks cuts a span into what is evaluated at once.
func chunks(m *model.Model, s span) []span {
	if m.BatchSize == 0 {
		return []span{s}
	}
	var all []span
	for at := s.Start; at.Before(s.End); {
		end := m.Unit.Add(at, m.BatchSize)
		if end.After(s.End) {
			end = s.End
		}
		all = append(all, span{at, end})
		at = end
	}
	return all
}

// evaluate appends the rows of one span.
func (a *applier) evaluate(ctx context.Context, t *target, batch int, s span, versions map[string]string) error {
	rendered, err := a.renderInterval(t.model, model.Interval{Start: s.Start, End: s.End, Execution: a.lake.now()}, versions, t.byGlob)
	if err != nil {
		return err
	}
	return a.appendBatch(ctx, t, batch, rendered, segment{From: s.Start, To: s.End})
}

// joinSegments sorts the segments, joins neighbours whose batches are shown
// whole, and copies what has become too scattered into one batch.
func (a *applier) joinSegments(ctx context.Context, t *target, standing []segment) ([]segment, error) {
	whole := map[int]span{}
	rows := map[int]int64{}
	err := eachRow(ctx, a.conn, func(scan func(...any) error) error {
		var n int
		var s span
		var count int64
		err := scan(&n, &s.Start, &s.End, &count)
		whole[n], rows[n] = span{s.Start.UTC(), s.End.UTC()}, count
		return err
	}, "SELECT batch, from_at, to_at, rows FROM materia.ledger_batches WHERE ledger = ? AND from_at IS NOT NULL", t.ledger)
	if err != nil {
		return nil, err
	}
	merged := t.model.Kind == model.IncrementalByUniqueKey
	slices.SortFunc(standing, func(a, b segment) int {
		if merged {
			return a.First - b.First
		}
		return a.From.Compare(b.From)
	})
	complete := func(s segment) bool {
		return merged || whole[s.First].Start.Equal(s.From) && whole[s.Last].End.Equal(s.To)
	}
	var all []segment
	var total int64
	for _, s := range standing {
		for n := s.First; n <= s.Last; n++ {
			total += rows[n]
		}
		if n := len(all); n > 0 && all[n-1].Last+1 == s.First && (merged || all[n-1].To.Equal(s.From)) && complete(all[n-1]) && complete(s) {
			all[n-1].Last = s.Last
			if all[n-1].From.After(s.From) {
				all[n-1].From = s.From
			}
			if all[n-1].To.Before(s.To) {
				all[n-1].To = s.To
			}
			continue
		}
		all = append(all, s)
	}
	if len(all) > maxSegments || merged && len(standing) > 1 && a.wasteful(ctx, t, all, total) {
		return a.copySegments(ctx, t, all)
	}
	return all, nil
}

// wasteful says whether more than half of the rows merged by key are
// overtaken by later ones.
func (a *applier) wasteful(ctx context.Context, t *target, all []segment, total int64) bool {
	var shown int64
	err := a.conn.QueryRowContext(ctx, "SELECT count(*) FROM ("+selectSegments(t, all)+")").Scan(&shown)
	return err == nil && total > 1000 && total > 2*shown
}

// copySegments makes one batch of what several show.
func (a *applier) copySegments(ctx context.Context, t *target, all []segment) ([]segment, error) {
	one := segment{From: all[0].From, To: all[0].To}
	for _, s := range all {
		if s.From.Before(one.From) {
			one.From = s.From
		}
		if s.To.After(one.To) {
			one.To = s.To
		}
	}
	last, err := a.openLedger(ctx, t)
	if err != nil {
		return nil, err
	}
	one.First, one.Last = last+1, last+1
	table := quote(rowsSchema) + "." + quote(ledgerTable(t.model, t.ledger))
	if err := a.exec(ctx, fmt.Sprintf("INSERT INTO %s SELECT *, CAST(%d AS INTEGER) FROM (%s)", table, one.First, selectSegments(t, all))); err != nil {
		return nil, err
	}
	return []segment{one}, a.recordBatch(ctx, t, one)
}
