package cftclegacy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/landing"
)

const (
	history      = "https://www.cftc.gov/files/dea/history/deacot"
	folder       = "cot_legacy/"
	firstYear    = 1986
	defaultFirst = 2006 // as the disaggregated report
	minShare     = 0.9  // of the rows that the same URL had when it last landed
	// lateRelease is how long after its newest report a file's Last-Modified still
	// tells the release; shutdowns took seven weeks. Later ones tell of a move.
	lateRelease = 60 * 24 * time.Hour
)

// Source is CFTC's legacy report.
func Source() extract.Source {
	return extract.Source{
		Name: "cot_legacy", Pipeline: "extract_cot_legacy", Title: "CFTC Commitments of Traders, legacy", Licence: "US public domain",
		Homepage:  "https://www.cftc.gov/MarketReports/CommitmentsofTraders/index.htm",
		Cadence:   "Tuesday's positions, published on Friday at 15:30 New York, later after holidays",
		TimeLimit: time.Hour,
		Expect:    expect,
		Extract:   run,
	}
}

// expect is the Monday after the Friday on which the report after the given one
// (told by its date, a Tuesday, or its release, a Friday) is due: no holiday
// delays it further.
func expect(last time.Time) time.Time {
	next := time.Date(last.Year(), last.Month(), last.Day()+7, 20, 30, 0, 0, time.UTC)
	for next.Weekday() != time.Friday {
		next = next.AddDate(0, 0, 1)
	}
	return next.AddDate(0, 0, 3)
}

// run asks for the years of the window, oldest first.
func run(ctx context.Context, s *extract.Session, w extract.Window) error {
	landed, err := s.Landed(ctx)
	if err != nil {
		return err
	}
	all := years(w, s.Now(), newestYear(landed))
	for n, year := range all {
		s.Progress(n, len(all), "years")
		if err := fetch(ctx, s, year, landed); err != nil {
			if err := s.Fail(strconv.Itoa(year), err); err != nil {
				return err
			}
		}
	}
	return nil
}

// years of the window; newest is that of the newest report that landed, 0 for none.
func years(w extract.Window, now time.Time, newest int) []int {
	last := now.Year()
	if !w.Until.IsZero() && w.Until.Before(now) {
		last = w.Until.Year()
	}
	from := defaultFirst
	switch {
	case !w.Since.IsZero():
		from = max(firstYear, w.Since.Year())
	case newest > 0:
		if from = min(newest, last); now.Month() == time.January {
			from = min(from, now.Year()-1) // its last reports come out now
		}
	}
	var list []int
	for year := from; year <= last; year++ {
		list = append(list, year)
	}
	return list
}

func newestYear(landed []landing.Entry) int {
	newest := 0
	for _, e := range landed {
		year, _, _ := strings.Cut(strings.TrimPrefix(e.Path, folder), "/")
		n, _ := strconv.Atoi(year) // 0 for a name that is not ours
		newest = max(newest, n)
	}
	return newest
}

// fetch lands one year, or notes that upstream does not have it.
func fetch(ctx context.Context, s *extract.Session, year int, landed []landing.Entry) error {
	url := fmt.Sprintf("%s%d.zip", history, year)
	before := int64(0)
	for _, e := range landed {
		if e.URL == url && !s.SetAside(e) {
			before = e.Rows // the newest landing's
		}
	}
	ask := extract.GetOptions{Conditional: true}
	if before == 0 { // its absence may settle, once the year is long over
		ask.Month = time.Date(year, time.December, 1, 0, 0, 0, 0, time.UTC)
	}
	resp, err := s.Get(ctx, url, ask)
	if errors.Is(err, extract.ErrNotFound) && before == 0 {
		s.Absent(strconv.Itoa(year))
		return nil
	}
	if err != nil {
		return err
	}
	defer resp.Close()
	if resp.NotModified {
		s.Unchanged(resp)
		return nil
	}
	return land(ctx, s, resp, year, before)
}

// land checks the CSV in the answer while it streams into a file, and lands it.
func land(ctx context.Context, s *extract.Session, resp *extract.Response, year int, before int64) error {
	member, err := resp.UnzipOne()
	if err != nil {
		return err
	}
	defer member.Close()
	draft, err := s.NewDraft(".csv.gz")
	if err != nil {
		return err
	}
	defer draft.Discard() // nothing, once landed
	check := newCheck()
	if err := member.CopyTo(ctx, draft, &check.rows); err != nil {
		return err
	}
	if err := check.rows.Close(); err != nil {
		return resp.Refuse(err)
	}
	newest, err := check.newestOf(year, s.Now())
	if err != nil {
		return resp.Refuse(err)
	}
	findings := slices.Concat(check.findings(), extract.FewerRows(check.rows.Count, before, minShare))
	if err := resp.Judge(findings...); err != nil {
		return err
	}
	if at := resp.Released; at != nil && (at.Before(newest) || at.After(newest.Add(lateRelease))) {
		resp.Released = nil // of the file's move, not of a release
	}
	path := fmt.Sprintf("%s%d/%s.csv.gz", folder, newest.Year(), newest.Format(time.DateOnly))
	_, err = s.Land(ctx, draft, landing.Entry{Path: path, Rows: check.rows.Count, ReleasedAt: resp.Released}, resp)
	return err
}
