package icestocks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"beanflows.coffee/materia/internal/extract"
)

const (
	reports    = "https://www.ice.com/publicdocs/futures_us_reports/coffee/"
	historyURL = reports + "EOM_KC_cert_stox_by_port_nov96-present.xls"

	spacing     = 20 * time.Second // 36 downloads in a row at this pace were let through
	newDays     = 7                // asked again by default: re-posts came two days late
	missedDays  = 92               // before them: asked by default where a report is missing
	settledDays = 14               // after which a day that landed is not asked again
	ageingBack  = 6                // days before a month's last on which its ageing may be
	ageingDays  = 62               // back from the last day: the default window of ageing
	badInARow   = 5                // refusals before the publisher is taken to be at odds with us
)

// firstReport is the oldest daily report that the publisher serves.
func firstReport() time.Time { return date(2016, time.January, 4) }

// Source is ICE's reports of certified coffee stocks.
func Source() extract.Source {
	return extract.Source{
		Name: "ice", Pipeline: "extract_ice", Title: "ICE certified coffee stocks",
		Licence:  "ICE's terms: personal use; shown, never offered for download",
		Homepage: "https://www.ice.com/report/42",
		Cadence:  "every business day at about 13:30 New York; ages at month end",
		// A first run since 2016 asks 2,900 URLs, 20 s apart. A shorter run goes on
		// where it ended.
		TimeLimit: 18 * time.Hour,
		Expect:    expect,
		Extract:   run,
		Derive:    derive,
	}
}

// expect is 18:00 New York on the weekday after the given report.
func expect(last time.Time) time.Time {
	zone, err := newYork()
	if err != nil {
		zone = time.FixedZone("EST", -5*3600)
	}
	next := last.AddDate(0, 0, 1)
	for weekend(next) {
		next = next.AddDate(0, 0, 1)
	}
	return time.Date(next.Year(), next.Month(), next.Day(), 18, 0, 0, 0, zone)
}

func newYork() (*time.Location, error) { return time.LoadLocation("America/New_York") }

// date is a day without a place.
func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func weekend(d time.Time) bool { return d.Weekday() == time.Saturday || d.Weekday() == time.Sunday }

// run asks for the days of the window, oldest first, then for month ends and the
// history.
func run(ctx context.Context, s *extract.Session, w extract.Window) error {
	zone, err := newYork()
	if err != nil {
		return fmt.Errorf("ice: %w", err)
	}
	r := runner{s: s, zone: zone}
	if err := r.index(ctx); err != nil {
		return err
	}
	now := s.Now().In(zone)
	r.today = date(now.Date())
	defer r.tellAbsent() // also what was learned before a failure
	if err := r.dailies(ctx, w); err != nil {
		return err
	}
	if err := r.ageings(ctx, w); err != nil {
		return err
	}
	return r.part(ctx, document{kind: historyKind(), name: "month ends", url: historyURL})
}

// runner is one run.
type runner struct {
	s      *extract.Session
	zone   *time.Location
	today  time.Time         // in New York
	landed map[string]landed // by URL
	gone   []document        // in a row that upstream does not have, to be told together
	bad    int               // answers in a row that were neither a report nor 404
}

// window is the days to ask for, both inclusive.
func (r *runner) window(w extract.Window, back int) (from, to time.Time) {
	to = r.today
	if !w.Until.IsZero() {
		to = earlier(to, date(w.Until.Date()))
	}
	from = to.AddDate(0, 0, -back)
	if !w.Since.IsZero() {
		from = date(w.Since.Date())
	}
	if first := firstReport(); from.Before(first) {
		from = first
	}
	return from, to
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// dailies asks for every weekday of the window: ICE works on none of the others.
func (r *runner) dailies(ctx context.Context, w extract.Window) error {
	from, to := r.window(w, newDays-1)
	var list []document
	if w.Since.IsZero() {
		list = r.missed(from)
	}
	for d := from; !d.After(to); d = d.AddDate(0, 0, 1) {
		if doc := dailyOf(d); !weekend(d) && !r.done(doc) {
			list = append(list, doc)
		}
	}
	if len(list) > 3*newDays {
		text := fmt.Sprintf("asking for %d days since %s", len(list), list[0].name)
		if !r.s.StandIn() {
			text += fmt.Sprintf("; that takes about %s, and a run that is cut off goes on where it ended", (time.Duration(len(list)) * spacing).Round(time.Minute))
		}
		r.s.Log.Info(text)
	}
	for n, doc := range list {
		r.s.Progress(n, len(list), "days")
		if err := r.part(ctx, doc); err != nil {
			return err
		}
	}
	return nil
}

// missed are the weekdays before a default window whose report never landed,
// although one before them did: machine or publisher were down for longer than a
// window, or one day failed in each of its runs.
func (r *runner) missed(before time.Time) (list []document) {
	began := false
	for d := before.AddDate(0, 0, -missedDays); d.Before(before); d = d.AddDate(0, 0, 1) {
		switch whole := r.landed[dailyOf(d).url].whole(); {
		case whole:
			began = true
		case began && !weekend(d):
			list = append(list, dailyOf(d))
		}
	}
	return list
}

// part asks for a document and says whether the run can go on.
func (r *runner) part(ctx context.Context, doc document) error {
	err := r.ask(ctx, doc)
	switch {
	case err == nil:
		r.bad = 0
		r.tellAbsent()
		return nil
	case errors.Is(err, extract.ErrNotFound):
		r.bad = 0
		r.noteAbsent(doc)
		return nil
	}
	return r.failed(doc, err)
}

// failed notes a document that could not be had and says whether to go on.
func (r *runner) failed(doc document, err error) error {
	r.tellAbsent()
	if stop := r.s.Fail(doc.String(), err); stop != nil {
		return stop
	}
	if r.bad++; r.bad >= badInARow {
		return fmt.Errorf("ice: %d answers in a row were no reports; the rest was not asked: %w", r.bad, err)
	}
	return nil
}

// ageings asks for the month ends of the window, walking back from each month's
// last day to the one that has a report.
func (r *runner) ageings(ctx context.Context, w extract.Window) error {
	from, to := r.window(w, ageingDays)
	for month := date(from.Year(), from.Month(), 1); !month.After(to); month = month.AddDate(0, 1, 0) {
		last := month.AddDate(0, 1, -1)
		if last.After(to) && weekdayNotAfter(last).After(to) {
			break // not over yet
		}
		if err := r.ageing(ctx, ageingsOf(last, to)); err != nil {
			return err
		}
	}
	return nil
}

// ageing asks for a month's report at each day where it may be.
func (r *runner) ageing(ctx context.Context, days []document) error {
	for _, doc := range days {
		if r.done(doc) {
			return nil
		}
	}
	for _, doc := range days {
		err := r.ask(ctx, doc)
		if err == nil {
			r.bad = 0
			r.tellAbsent()
			return nil
		}
		if !errors.Is(err, extract.ErrNotFound) {
			return r.failed(doc, err)
		}
	}
	r.noteAbsent(document{kind: days[0].kind, name: days[0].day.Format("2006-01")})
	return nil
}

func weekdayNotAfter(d time.Time) time.Time {
	for weekend(d) {
		d = d.AddDate(0, 0, -1)
	}
	return d
}

// ageingsOf is where a month's ageing may be: on its last day, else on one of the
// weekdays before.
func ageingsOf(last, to time.Time) []document {
	var list []document
	for back := range ageingBack + 1 {
		d := last.AddDate(0, 0, -back)
		if d.After(to) || back > 0 && weekend(d) {
			continue
		}
		list = append(list, document{kind: ageingKind(), name: d.Format(time.DateOnly), url: reports + "coffee_aging_" + d.Format("20060102") + ".xls", day: d})
	}
	return list
}

func dailyOf(d time.Time) document {
	return document{kind: dailyKind(), name: d.Format(time.DateOnly), url: reports + "coffee_cert_stock_" + d.Format("20060102") + ".xls", day: d}
}

// noteAbsent notes a document that upstream does not have. A row of them is told
// as one: a backfill may meet thousands.
func (r *runner) noteAbsent(doc document) {
	if len(r.gone) > 0 && r.gone[0].kind.title != doc.kind.title {
		r.tellAbsent()
	}
	r.gone = append(r.gone, doc)
}

func (r *runner) tellAbsent() {
	if len(r.gone) == 0 {
		return
	}
	if first, last := r.gone[0], r.gone[len(r.gone)-1]; len(r.gone) > 3 {
		r.s.Absent(fmt.Sprintf("%s to %s (%d)", first, last.name, len(r.gone)))
	} else {
		for _, doc := range r.gone {
			r.s.Absent(doc.String())
		}
	}
	r.gone = nil
}
