package web

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// freshness is one source as of the export.
type freshness struct {
	Source, Title, Licence, Homepage, Cadence string
	LastChecked                               date
	LastStatus, LastError                     string
	LastLanded, Released, AsOf                date
	Files, Bytes                              int64
	ExpectedNext                              date
	File, SHA256, URL                         string

	State freshnessState
}

// freshnessState is how a source stands today: one word for the eye, one
// sentence for the reader.
type freshnessState struct {
	Word     string // fresh, late, failed, missing or unknown
	Sentence string
}

// Bad says that a page printing this source's numbers must say so first.
func (s freshnessState) Bad() bool { return s.Word != "fresh" && s.Word != "unknown" }

// uncheckedAfter is how long nobody may have asked a source for news before
// that itself is told: every source is asked at least once a day.
const uncheckedAfter = 4

func loadFreshness(ctx context.Context, r *reading) ([]freshness, error) {
	if !r.has("data_freshness") {
		return nil, nil
	}
	return query(ctx, r.db, "freshness", func(rows *sql.Rows, f *freshness) error {
		err := rows.Scan(&f.Source, &f.Title, &f.Licence, &f.Homepage, &f.Cadence, &f.LastChecked, &f.LastStatus, &f.LastError,
			&f.LastLanded, &f.Released, &f.AsOf, &f.Files, &f.Bytes, &f.ExpectedNext, &f.File, &f.SHA256, &f.URL)
		f.State = f.state(r.today)
		return err
	}, `SELECT source, coalesce(nullif(title, ''), source), coalesce(licence, ''), coalesce(homepage, ''), coalesce(cadence, ''),
		last_checked, coalesce(last_status, ''), coalesce(last_error, ''), last_landed_at, released_at, as_of,
		coalesce(files, 0), coalesce(bytes, 0), expected_next, coalesce(newest_file, ''), coalesce(newest_sha256, ''), coalesce(newest_url, '')
		FROM serving.data_freshness ORDER BY source`)
}

// sourceOf finds one source; a source that was never run is missing, in words.
func sourceOf(all []freshness, name, title string) freshness {
	for _, f := range all {
		if f.Source == name {
			return f
		}
	}
	return freshness{Source: name, Title: title, State: freshnessState{"missing", title + " has never been loaded."}}
}

func (f freshness) state(today time.Time) freshnessState {
	failed := f.LastStatus == "failed" || f.LastStatus == "crashed"
	switch {
	case f.Files == 0 && failed:
		return freshnessState{"missing", fmt.Sprintf("%s has never been loaded; the last attempt, on %s, failed: %s", f.Title, longDate(f.LastChecked), sentence(faultOf(f.LastError).line()))}
	case f.Files == 0:
		return freshnessState{"missing", f.Title + " has never been loaded."}
	case failed:
		return freshnessState{"failed", fmt.Sprintf("The last attempt to load %s, on %s, failed: %s What is shown was known before.", f.Title, longDate(f.LastChecked), sentence(faultOf(f.LastError).line()))}
	}
	if late := daysSince(f.ExpectedNext, today); late > 0 {
		return freshnessState{"late", fmt.Sprintf("%s is late: news was expected by %s, %s ago; the newest it has is of %s.", f.Title, longDate(f.ExpectedNext), count(late, "day"), longDate(f.AsOf))}
	}
	if idle := daysSince(f.LastChecked, today); idle > uncheckedAfter {
		return freshnessState{"late", fmt.Sprintf("%s may be out of date: nobody has asked it for news for %s.", f.Title, count(idle, "day"))}
	}
	if !f.ExpectedNext.Valid {
		return freshnessState{"unknown", fmt.Sprintf("%s reaches %s; when its next release is due is not known.", f.Title, longDate(f.AsOf))}
	}
	return freshnessState{"fresh", fmt.Sprintf("%s is up to date; the next release is expected by %s.", f.Title, longDate(f.ExpectedNext))}
}

// daysSince counts whole days from d to today; 0 for an unknown day and for one
// that is still to come.
func daysSince(d date, today time.Time) int64 {
	if !d.Valid {
		return 0
	}
	return max(0, int64(today.Sub(d.V.UTC().Truncate(day))/day))
}

// sentence ends s with a full stop; errors do not have one.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return "no reason was recorded."
	case strings.HasSuffix(s, "."):
		return s
	}
	return s + "."
}

// notice is a sentence about a bad source that belongs on top of a page.
type notice struct{ Label, Sentence string }

func notices(all ...freshness) []notice {
	var said []notice
	for _, f := range all {
		switch {
		case f.State.Word == "missing":
			said = append(said, notice{"Missing.", f.State.Sentence})
		case f.State.Bad():
			said = append(said, notice{"Stale.", f.State.Sentence})
		}
	}
	return said
}
