package openmeteo

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/landing"
)

const (
	maxBody     = 8 << 20
	tries       = 2 // by the client; every one counts against the limits
	minuteTries = 3 // of a request that met the minute's limit
)

// Source is Open-Meteo's daily archive of the coffee regions.
func Source() extract.Source {
	return extract.Source{
		Name: "weather", Pipeline: "extract_weather", Title: "Open-Meteo ERA5 daily weather",
		Licence:     "CC BY 4.0: Open-Meteo.com, Copernicus Climate Change Service (ERA5)",
		Homepage:    "https://open-meteo.com/en/docs/historical-weather-api",
		Cadence:     "daily, about five days after the day",
		TimeLimit:   time.Hour,
		Expect:      func(last time.Time) time.Time { return last.AddDate(0, 0, 1+lagDays) },
		SameRequest: sameRequest,
		Extract:     func(ctx context.Context, s *extract.Session, w extract.Window) error { return run(ctx, s, w, time.Now) },
	}
}

// lagDays is how long after a day its values appear, with a day to spare.
const lagDays = 6

// errAbsent is a place or a year that upstream does not have.
var errAbsent = errors.New("upstream has no data")

// run asks for what is missing, newest years first in all regions. A region that
// fails is left alone for the rest of the run; the others go on. clock is
// monotonic and measures budgets.
func run(ctx context.Context, s *extract.Session, w extract.Window, clock func() time.Time) error {
	landed, err := s.Landed(ctx)
	if err != nil {
		return err
	}
	settled := func(url string) (bool, error) { return s.Settled(ctx, url) }
	asks, err := requests(Regions(), w, s.Now(), landed, settled)
	if err != nil {
		return err
	}
	var spare *budget // nil: without limits
	if !s.StandIn() {
		spare = newBudget(clock, s.Now(), landed)
	}
	s.Log.Info(describe(asks, spare))
	left := map[string]bool{} // regions not asked any more
	for n, ask := range asks {
		s.Progress(n, len(asks), "region-years")
		if left[ask.region.ID] {
			continue
		}
		if ok, err := afford(ctx, s.Wait, spare, ask.weight()); err != nil {
			return err
		} else if !ok {
			s.Warn("weather: this hour's or day's share of Open-Meteo's limits is used: %d of %d region-years are left for the next run, in an hour or more", len(asks)-n, len(asks))
			return nil
		}
		err := fetch(ctx, s, ask)
		switch {
		case err == nil, notAsked(err):
		case errors.Is(err, errAbsent):
			left[ask.region.ID] = true
			s.Absent(ask.region.ID)
		default:
			left[ask.region.ID] = true
			if err := s.Fail(ask.name(), err); err != nil {
				return err
			}
			if limited(err, "Hourly") || limited(err, "Daily") {
				s.Warn("weather: %d of %d region-years were not asked for: the limit holds for all", len(asks)-n-1, len(asks))
				return nil
			}
		}
	}
	return nil
}

// notAsked says that a run judges one answer out of quarantine, and this is
// another.
func notAsked(err error) bool {
	_, _, answered := extract.HTTPStatus(err)
	return errors.Is(err, extract.ErrNotFound) && !answered
}

// limited says that upstream refused with 429 because of one of its counters,
// which it names Minutely, Hourly or Daily.
func limited(err error, counter string) bool {
	status, says, ok := extract.HTTPStatus(err)
	return ok && status == http.StatusTooManyRequests && strings.Contains(says, counter)
}

// afford waits until the minute has room for the request and takes it; false
// where the hour or the day has none.
func afford(ctx context.Context, sleep func(context.Context, time.Duration) error, spare *budget, weight float64) (bool, error) {
	for spare != nil {
		wait, ok := spare.take(weight)
		if !ok || wait == 0 {
			return ok, nil
		}
		if err := sleep(ctx, wait); err != nil {
			return false, err
		}
	}
	return true, nil
}

// fetch asks once for a region and year and lands the answer if a day of it is
// news. errAbsent says that upstream does not have the place.
func fetch(ctx context.Context, s *extract.Session, ask request) error {
	var resp *extract.Response
	for try := 1; ; try++ {
		var err error
		resp, err = s.Get(ctx, ask.url(), extract.GetOptions{Accept: "application/json", Tries: tries})
		if err == nil {
			break
		}
		if status, says, ok := extract.HTTPStatus(err); ok && status == http.StatusBadRequest && strings.Contains(says, "No data is available for this location") {
			return errAbsent
		}
		if !limited(err, "Minutely") || try == minuteTries {
			return err
		}
		if err := s.Wait(ctx, time.Minute+time.Second); err != nil {
			return err
		}
	}
	defer resp.Close()
	if from, to, ok := asked(resp.URL); ok {
		ask.from, ask.to = from, to // an answer let out of quarantine was asked for on another day
	}
	body, err := resp.Bytes(maxBody)
	if err != nil {
		return err
	}
	got, err := parse(body)
	if err == nil {
		err = got.answers(ask)
	}
	if err != nil {
		return resp.Refuse(err)
	}
	if err := resp.Judge(got.findings()...); err != nil {
		return err
	}
	return land(ctx, s, resp, body, got, ask)
}

// land lands the answer as it came if one of its days is news.
func land(ctx context.Context, s *extract.Session, resp *extract.Response, body []byte, got answer, ask request) error {
	if got.newest == "" && ask.final {
		s.Absent(ask.name()) // a year before the data begins
		s.Settle(resp)
		return nil
	}
	if got.newest == "" {
		s.Unchanged(resp) // the first days of a year
		return nil
	}
	is, err := news(ctx, s, got, ask)
	if err != nil {
		return err
	}
	if !is {
		s.Unchanged(resp)
	} else if err := put(ctx, s, resp, body, got, ask); err != nil {
		return err
	}
	if ask.final {
		s.Settle(resp)
	}
	return nil
}

func put(ctx context.Context, s *extract.Session, resp *extract.Response, body []byte, got answer, ask request) error {
	draft, err := s.NewDraft(".json.gz")
	if err != nil {
		return err
	}
	defer draft.Discard() // nothing, once landed
	if _, err := draft.Write(body); err != nil {
		return extract.Stop(resp, err)
	}
	path := ask.folder() + got.newest + ".json.gz"
	_, err = s.Land(ctx, draft, landing.Entry{Path: path, SHA256: got.sha256, Rows: int64(len(got.days))}, resp)
	return err
}

// news says whether a day differs from what the newest landed file that has the
// day says. A day of nulls says nothing. Files are read from the newest back until
// every day is found.
func news(ctx context.Context, s *extract.Session, got answer, ask request) (bool, error) {
	files, err := s.Landed(ctx)
	if err != nil {
		return false, err
	}
	open := map[string]values{}
	for _, d := range got.days {
		if !d.values.empty() {
			open[d.date] = d.values
		}
	}
	for n := len(files) - 1; n >= 0 && len(open) > 0; n-- {
		f := files[n]
		if !strings.HasPrefix(f.Path, ask.folder()) {
			continue
		}
		body, err := s.ReadLanded(f, maxBody)
		var before answer
		if err == nil {
			before, err = parse(body)
		}
		if err != nil {
			s.Warn("weather: landed file passed over: %v", err)
			continue
		}
		for _, d := range before.days {
			now, asked := open[d.date]
			if !asked || d.values.empty() {
				continue
			}
			if !now.equal(d.values) {
				return true, nil
			}
			delete(open, d.date)
		}
	}
	return len(open) > 0, nil
}
