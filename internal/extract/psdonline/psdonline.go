package psdonline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/landing"
)

const (
	downloads  = "https://apps.fas.usda.gov/psdonline/downloads/"
	coffeeFile = "psd_coffee_csv.zip"
	allFile    = "psd_alldata_csv.zip"
	monthPath  = "2006/01" // as in archives and in the landing zone
	// minShare of the rows of the newest landed coffee file.
	minShare = 0.9
	// lateRelease is how long after its month an archive's Last-Modified still
	// tells its release; later ones tell of a move of the archive.
	lateRelease = 10 * 24 * time.Hour
)

// Source is USDA PSD Online.
func Source() extract.Source {
	return extract.Source{
		Name: "psd", Pipeline: "extract_psd", Title: "USDA PSD Online", Licence: "US public domain",
		Homepage:  "https://apps.fas.usda.gov/psdonline/app/index.html",
		Cadence:   "coffee changes in June or July and in December; the file is asked for daily",
		TimeLimit: 2 * time.Hour,
		Expect:    expect,
		Extract:   run,
	}
}

// expect is the next 25 June or 25 December that lies at least two months after
// a release: the circular is out by then, in most years.
func expect(last time.Time) time.Time {
	from := last.AddDate(0, 2, 0)
	for _, due := range []time.Time{day(from.Year(), 6, 25), day(from.Year(), 12, 25)} {
		if !due.Before(from) {
			return due
		}
	}
	return day(from.Year()+1, 6, 25)
}

func day(year int, month time.Month, d int) time.Time {
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC)
}

// run asks for the archives of the window, oldest first, and for the current
// coffee file.
func run(ctx context.Context, s *extract.Session, w extract.Window) error {
	all := months(w, s.Now())
	for n, month := range all {
		s.Progress(n, len(all), "months")
		if err := archive(ctx, s, month); err != nil {
			if err := s.Fail(month.Format(monthPath), err); err != nil {
				return err
			}
		}
	}
	if err := current(ctx, s); err != nil {
		return s.Fail("current", err)
	}
	return nil
}

// months of the window: none without a first day, the oldest 2006-08.
func months(w extract.Window, now time.Time) []time.Time {
	if w.Since.IsZero() {
		return nil
	}
	last := w.Until
	if last.IsZero() || last.After(now) {
		last = now
	}
	at := day(w.Since.Year(), w.Since.Month(), 1)
	if first := day(2006, 8, 1); at.Before(first) {
		at = first
	}
	var list []time.Time
	for ; !at.After(last); at = at.AddDate(0, 1, 0) {
		list = append(list, at)
	}
	return list
}

// archive lands a month's coffee file or, where the month has none, its file of
// all commodities. A month with neither had no release.
func archive(ctx context.Context, s *extract.Session, month time.Time) error {
	for _, name := range []string{coffeeFile, allFile} {
		url := downloads + "archives/" + month.Format(monthPath) + "/" + name
		resp, err := s.Get(ctx, url, extract.GetOptions{Conditional: true, Month: month})
		if errors.Is(err, extract.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		defer resp.Close()
		if resp.NotModified {
			s.Unchanged(resp)
			return nil
		}
		if at := resp.Released; at != nil && (at.Before(month) || at.After(month.AddDate(0, 1, 0).Add(lateRelease))) {
			resp.Released = nil // of the archive's move, not of the release
		}
		return land(ctx, s, resp, month, 0)
	}
	s.Absent(month.Format(monthPath))
	return nil
}

// current lands the newest coffee file.
func current(ctx context.Context, s *extract.Session) error {
	resp, err := s.Get(ctx, downloads+coffeeFile, extract.GetOptions{Conditional: true})
	if err != nil {
		return err
	}
	defer resp.Close()
	if resp.NotModified {
		s.Unchanged(resp)
		return nil
	}
	before, err := newestRows(ctx, s)
	if err != nil {
		return err
	}
	month := time.Time{}
	if resp.Released != nil {
		month = *resp.Released
	}
	return land(ctx, s, resp, month, before)
}

// newestRows is how many rows the newest landed coffee file has; 0 before the
// first.
func newestRows(ctx context.Context, s *extract.Session) (int64, error) {
	files, err := s.Landed(ctx)
	if err != nil {
		return 0, err
	}
	var newest landing.Entry
	for _, f := range files {
		// By month of release, then by landing.
		if strings.HasSuffix(f.URL, "/"+coffeeFile) && monthOf(f.Path) >= monthOf(newest.Path) && !s.SetAside(f) {
			newest = f
		}
	}
	return newest.Rows, nil
}

// monthOf is "2022/12" of psd/2022/12/{hash12}.csv.gzip.
func monthOf(path string) string {
	dir, _, _ := strings.Cut(strings.TrimPrefix(path, "psd/"), ".")
	return dir[:min(len(dir), len(monthPath))]
}

// land checks the CSV in the answer while it streams into a file, and lands
// that; before is how many rows the newest one had. A zero month means that the answer does not tell it: then the stamp of
// the ZIP's member does.
func land(ctx context.Context, s *extract.Session, resp *extract.Response, month time.Time, before int64) error {
	member, err := resp.UnzipOne()
	if err != nil {
		return err
	}
	defer member.Close()
	if month.IsZero() {
		month = member.Modified
	}
	if month.Year() < 2006 || month.After(s.Now().AddDate(0, 0, 2)) {
		return resp.Refuse(errors.New("neither Last-Modified nor the ZIP member's stamp tells the month of the release"))
	}
	draft, err := s.NewDraft(".csv.gzip")
	if err != nil {
		return err
	}
	defer draft.Discard() // nothing, once landed
	check := &scanner{}
	if err := member.CopyTo(ctx, draft, check); err != nil {
		return err
	}
	if err := check.Close(); err != nil {
		return resp.Refuse(err)
	}
	switch {
	case check.rows == 0:
		err = errors.New("a header and no rows")
	case check.coffeeRows == 0:
		err = fmt.Errorf("none of its %d rows is about coffee (Commodity_Code %s)", check.rows, coffeeCode)
	}
	if err != nil {
		return resp.Refuse(err)
	}
	findings := slices.Concat(check.findings, extract.FewerRows(check.coffeeRows, before, minShare), check.coffee.check.Findings())
	if err := resp.Judge(findings...); err != nil {
		return err
	}
	path := fmt.Sprintf("psd/%s/%s.csv.gzip", month.Format(monthPath), draft.SHA256()[:12])
	_, err = s.Land(ctx, draft, landing.Entry{Path: path, Rows: check.rows, ReleasedAt: resp.Released}, resp)
	return err
}
