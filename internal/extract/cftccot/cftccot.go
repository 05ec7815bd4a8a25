package cftccot

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/landing"
)

const (
	history   = "https://www.cftc.gov/files/dea/history/"
	firstYear = 2010 // with a file of its own
	bulkFirst = 2006
	bulkLast  = 2016
	// minShare of the rows that the same URL had when it last landed.
	minShare = 0.9
	// lateRelease is how long after its newest report a file's Last-Modified still
	// tells the release; shutdowns took seven weeks. Later ones tell of a move.
	lateRelease = 60 * 24 * time.Hour
)

// Source is CFTC's Commitments of Traders.
func Source() extract.Source {
	return extract.Source{
		Name: "cot", Pipeline: "extract_cot", Title: "CFTC Commitments of Traders", Licence: "US public domain",
		Homepage:  "https://www.cftc.gov/MarketReports/CommitmentsofTraders/index.htm",
		Cadence:   "Tuesday's positions, published on Friday at 15:30 New York, later after holidays",
		TimeLimit: time.Hour,
		Expect:    expect,
		Extract:   run,
	}
}

// report is one of the two that land.
type report struct {
	label  string // before a year's name in messages; empty for the main one
	folder string
	stem   string // of the files
	// excess is how far the sum of categories may be from the open interest.
	excess int64
}

func reports() []report {
	return []report{
		{folder: "cot", stem: "fut_disagg_txt_"},
		{label: "combined ", folder: "cot_combined", stem: "com_disagg_txt_", excess: 3},
	}
}

// file is one ZIP of a report.
type file struct {
	report
	name        string // as in messages: 2024, combined 2006-2016
	url         string
	first, last int // years
}

// run asks for the files of both reports, oldest first.
func run(ctx context.Context, s *extract.Session, w extract.Window) error {
	landed, err := s.Landed(ctx)
	if err != nil {
		return err
	}
	var all []file
	for _, r := range reports() {
		all = append(all, files(r, w, s.Now(), landed)...)
	}
	for n, f := range all {
		s.Progress(n, len(all), "files")
		if err := fetch(ctx, s, f); err != nil {
			if err := s.Fail(f.name, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// files of a report in the window, oldest first.
func files(r report, w extract.Window, now time.Time, landed []landing.Entry) []file {
	last := now.Year()
	if !w.Until.IsZero() && w.Until.Before(now) {
		last = w.Until.Year()
	}
	from := bulkFirst
	if !w.Since.IsZero() {
		from = w.Since.Year()
	} else if newest := newestYear(r, landed); newest > 0 {
		if from = min(newest, last); now.Month() == time.January {
			from = min(from, now.Year()-1)
		}
	}
	var all []file
	if from < firstYear {
		span := fmt.Sprintf("%d-%d", bulkFirst, bulkLast)
		all = append(all, file{r, r.label + span, history + r.stem + fmt.Sprintf("hist_%d_%d.zip", bulkFirst, bulkLast), bulkFirst, bulkLast})
		from = firstYear
	}
	for year := from; year <= last; year++ {
		all = append(all, file{r, r.label + strconv.Itoa(year), fmt.Sprintf("%s%s%d.zip", history, r.stem, year), year, year})
	}
	return all
}

// newestYear is that of the newest report that landed; 0 where none has.
func newestYear(r report, landed []landing.Entry) int {
	newest := 0
	for _, e := range landed {
		if at := reportDate(e.Path); strings.HasPrefix(e.Path, r.folder+"/") && !at.IsZero() {
			newest = max(newest, at.Year())
		}
	}
	return newest
}

// reportDate is that of the newest report in a landed file, as its name says; zero
// for a name that is not ours.
func reportDate(name string) time.Time {
	plain, _ := landing.PlainPath(name)
	at, _ := time.Parse(time.DateOnly, strings.TrimSuffix(path.Base(plain), ".csv.gz"))
	return at
}

// fetch lands one file, or notes that upstream does not have it.
func fetch(ctx context.Context, s *extract.Session, f file) error {
	before, err := rowsBefore(ctx, s, f)
	if err != nil {
		return err
	}
	ask := extract.GetOptions{Conditional: true}
	if before == 0 { // its absence may settle, once the year is long over
		ask.Month = date(f.last, time.December, 1)
	}
	resp, err := s.Get(ctx, f.url, ask)
	if errors.Is(err, extract.ErrNotFound) && before == 0 {
		s.Absent(f.name)
		return nil
	}
	if err != nil {
		return err
	}
	defer resp.Close()
	switch {
	case resp.NotModified:
		s.Unchanged(resp)
		return nil
	case resp.IsHTML() && before == 0 && notYet(f, s.Now()):
		s.Absent(f.name)
		return nil
	}
	return land(ctx, s, resp, f, before)
}

// notYet says that a year's first report is not due, or was not a week ago.
func notYet(f file, now time.Time) bool {
	return now.Before(firstRelease(f.first).AddDate(0, 0, 7))
}

// rowsBefore is how many rows the newest file from the same URL has; 0 where none
// landed.
func rowsBefore(ctx context.Context, s *extract.Session, f file) (int64, error) {
	landed, err := s.Landed(ctx)
	if err != nil {
		return 0, err
	}
	rows := int64(0)
	for _, e := range landed {
		if e.URL == f.url && !s.SetAside(e) {
			rows = e.Rows
		}
	}
	return rows, nil
}

// land checks the CSV in the answer while it streams into a file, and lands it.
func land(ctx context.Context, s *extract.Session, resp *extract.Response, f file, before int64) error {
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
	check := newScanner(f.excess)
	if err := member.CopyTo(ctx, draft, check); err != nil {
		return err
	}
	if err := check.Close(); err != nil {
		return resp.Refuse(err)
	}
	findings := append(check.findings(f, s.Now()), extract.FewerRows(check.Count, before, minShare)...)
	if err := resp.Judge(findings...); err != nil {
		return err
	}
	newest := check.newestReport()
	if at := resp.Released; at != nil && (at.Before(newest) || at.After(newest.Add(lateRelease))) {
		resp.Released = nil // of the file's move, not of a release
	}
	name := fmt.Sprintf("%s/%d/%s.csv.gz", f.folder, newest.Year(), newest.Format(time.DateOnly))
	_, err = s.Land(ctx, draft, landing.Entry{Path: name, Rows: check.Count, ReleasedAt: resp.Released}, resp)
	return err
}
