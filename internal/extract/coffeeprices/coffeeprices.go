package coffeeprices

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/landing"
)

const (
	folder  = "prices/KC=F/"
	overlap = 30 // days before the newest landed trade date that are asked for again
	tries   = 2  // of each host
	maxBody = 16 << 20
)

func coffee() instrument { return instrument{symbol: "KC=F", currency: "USX"} }

// Source is Yahoo's daily bars of the front arabica future.
func Source() extract.Source {
	return extract.Source{
		Name: "prices", Pipeline: "extract_prices", Title: "KC=F daily prices (Yahoo)",
		Licence:   "Yahoo's terms: shown, never redistributed",
		Homepage:  "https://finance.yahoo.com/quote/KC=F/",
		Cadence:   "every session; final after the settlement at about 13:30 New York",
		TimeLimit: 15 * time.Minute,
		Expect:    expect,
		Extract:   run,
		SameRequest: func(a, b string) bool { // but for the window, which ends with the day of asking
			a, _, _ = strings.Cut(a, "?")
			b, _, _ = strings.Cut(b, "?")
			return a == b
		},
	}
}

// expect is 18:00 New York on the weekday after the given trade date.
func expect(last time.Time) time.Time {
	zone, err := newYork()
	if err != nil {
		zone = time.FixedZone("EST", -5*3600)
	}
	next := last.AddDate(0, 0, 1)
	for next.Weekday() == time.Saturday || next.Weekday() == time.Sunday {
		next = next.AddDate(0, 0, 1)
	}
	return time.Date(next.Year(), next.Month(), next.Day(), 18, 0, 0, 0, zone)
}

func newYork() (*time.Location, error) { return time.LoadLocation("America/New_York") }

// run asks for the window at one host, at the other if that fails, and lands
// the answer if one of its bars is news.
func run(ctx context.Context, s *extract.Session, w extract.Window) error {
	files, err := s.Landed(ctx)
	if err != nil {
		return err
	}
	zone, err := newYork()
	if err != nil {
		return fmt.Errorf("prices: %w", err)
	}
	from, to := window(w, files, s.Now(), zone)
	var failed error
	for _, host := range []string{"query1", "query2"} {
		resp, got, err := ask(ctx, s, host, from, to)
		if err == nil {
			defer resp.Close()
			return land(ctx, s, resp, got, files, to)
		}
		if failed = joined(failed, err); extract.Fatal(err) {
			break
		}
	}
	return failed
}

// joined is both hosts' errors in one line; errors.Is and As see both.
func joined(first, second error) error {
	if first == nil {
		return second
	}
	return fmt.Errorf("%w; before that %w", second, first)
}

// window is what to ask for: from is epoch 0 for the whole history, to is
// exclusive.
func window(w extract.Window, files []landing.Entry, now time.Time, zone *time.Location) (from, to time.Time) {
	last := now.In(zone)
	if !w.Until.IsZero() {
		last = w.Until
	}
	midnight := func(t time.Time, days int) time.Time {
		return time.Date(t.Year(), t.Month(), t.Day()+days, 0, 0, 0, 0, zone)
	}
	to = midnight(last, 1)
	if !w.Since.IsZero() {
		return midnight(w.Since, 0), to
	}
	newest := ""
	for _, f := range files {
		newest = max(newest, dateOf(f.Path))
	}
	landed, err := time.Parse(time.DateOnly, newest)
	if err != nil {
		return time.Unix(0, 0), to // nothing landed yet
	}
	if landed.After(last) {
		landed = last // an end before what landed
	}
	return midnight(landed, -overlap), to
}

// dateOf is the trade date in a landed path; empty if there is none.
func dateOf(p string) string {
	plain, _ := landing.PlainPath(p)
	date := strings.TrimSuffix(path.Base(plain), ".json.gz")
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		return ""
	}
	return date
}

// ask asks one host and checks the answer, which the caller closes.
func ask(ctx context.Context, s *extract.Session, host string, from, to time.Time) (*extract.Response, chart, error) {
	url := fmt.Sprintf("https://%s.finance.yahoo.com/v8/finance/chart/%s?interval=1d&period1=%d&period2=%d",
		host, coffee().symbol, from.Unix(), to.Unix())
	resp, err := s.Get(ctx, url, extract.GetOptions{Accept: "application/json", Tries: tries})
	if err != nil {
		return nil, chart{}, err
	}
	body, err := resp.Bytes(maxBody)
	if err == nil && !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		err = resp.NotA("JSON")
	}
	if err == nil {
		got, bad := parse(body, coffee(), to)
		if bad == nil {
			if err = resp.Judge(got.findings()...); err == nil {
				return resp, got, nil
			}
		} else {
			err = resp.Refuse(bad)
		}
	}
	resp.Close()
	return nil, chart{}, err
}

// land lands the answer as it came if one of its bars is news.
func land(ctx context.Context, s *extract.Session, resp *extract.Response, got chart, files []landing.Entry, to time.Time) error {
	if got.rows == 0 {
		s.Log.Info("upstream has no bars in this window; what landed stays", "url", resp.URL)
		s.Unchanged(resp)
		return nil
	}
	if !news(s, got, files, to) {
		s.Unchanged(resp)
		return nil
	}
	body, err := resp.Bytes(maxBody)
	if err != nil {
		return err
	}
	draft, err := s.NewDraft(".json.gz")
	if err != nil {
		return err
	}
	defer draft.Discard() // nothing, once landed
	if _, err := draft.Write(body); err != nil {
		return extract.Stop(resp, err)
	}
	_, err = s.Land(ctx, draft, landing.Entry{Path: folder + got.newest + ".json.gz", SHA256: got.sha256, Rows: got.rows}, resp)
	return err
}

// news says whether a bar differs from what the newest landed file with its date
// says. A bar of nulls says nothing, so it is no news; nor is a date that is
// missing now. Files are read from the newest back until every date is found.
func news(s *extract.Session, got chart, files []landing.Entry, to time.Time) bool {
	open, newest, landed := map[string]bar{}, "", ""
	for date, b := range got.bars {
		if !b.empty() {
			open[date] = b
			newest = max(newest, date)
		}
	}
	for _, f := range files {
		landed = max(landed, dateOf(f.Path))
	}
	if newest > landed {
		return true
	}
	for _, f := range slices.Backward(files) {
		if len(open) == 0 {
			return false
		}
		body, err := s.ReadLanded(f, maxBody)
		var before chart
		if err == nil {
			// What landed before may be dated later than this window ends.
			before, err = parse(body, coffee(), to.AddDate(100, 0, 0))
		}
		if err != nil {
			s.Warn("prices: landed file passed over: %v", err)
			continue
		}
		for date, b := range before.bars {
			now, asked := open[date]
			if !asked || b.empty() {
				continue
			}
			if !now.equal(b) {
				return true
			}
			delete(open, date)
		}
	}
	return len(open) > 0
}
