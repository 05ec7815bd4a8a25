package model

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/robfig/cron/v3"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	x, err := ParseTime(text)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// The units are those of SQLMesh's IntervalUnit.from_cron.
func TestUnitOfACron(t *testing.T) {
	for text, want := range map[string]Unit{"@yearly": Year, "@monthly": Month, "@weekly": Day, "@daily": Day, "0 6 * * 1-5": Day, "@hourly": Hour,
		"*/30 * * * *": HalfHour, "*/20 * * * *": QuarterHour, "*/5 * * * *": FiveMinute, "0 0 1 */3 *": Month} {
		schedule, err := cron.ParseStandard(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := unitOf(schedule); !ok || got != want {
			t.Errorf("%s: %s %v", text, got, ok)
		}
	}
	for _, text := range []string{"* * * * *", "0 0 31 2 *"} {
		schedule, err := cron.ParseStandard(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := unitOf(schedule); ok {
			t.Errorf("%s: %s", text, got)
		}
	}
}

func TestRangeEndsWithTheLastIntervalThatIsOver(t *testing.T) {
	for _, c := range []struct {
		cron  string
		unit  Unit
		now   string
		start string
		end   string
	}{
		{"@daily", Day, "2026-01-03 00:00:00", "2025-12-30", "2026-01-03"},
		{"@daily", Day, "2026-01-02 23:59:59", "2025-12-30", "2026-01-02"},
		{"0 6 * * *", Day, "2026-01-03 05:00:00", "2025-12-30", "2026-01-02"},
		{"@weekly", Day, "2026-01-03 12:00:00", "2025-12-20", "2025-12-28"}, // a Sunday
		{"@monthly", Month, "2026-03-15 00:00:00", "2025-12-20", "2026-03-01"},
		{"@yearly", Year, "2026-03-15 00:00:00", "2020-05-05", "2026-01-01"},
		{"@hourly", Hour, "2026-01-01 07:30:00", "2026-01-01", "2026-01-01 07:00:00"},
		{"@daily", Day, "2020-01-01", "2026-01-01", "2026-01-01"}, // before it starts
	} {
		m := &Model{Name: "a.b", Cron: c.cron, Unit: c.unit, Start: c.start}
		r, err := m.Range(at(t, c.now))
		if err != nil || !r.End.Equal(at(t, c.end)) || !r.Start.Equal(c.unit.Floor(at(t, c.start))) {
			t.Errorf("%s at %s: %v to %v, %v", c.cron, c.now, r.Start, r.End, err)
		}
	}
}

// The values are those that SQLMesh's date_dict and make_inclusive give.
func TestTimeMacros(t *testing.T) {
	vars := TimeVariables(Interval{Start: at(t, "2024-02-28"), End: at(t, "2024-03-01"), Execution: at(t, "2024-03-01 12:30:15.25")})
	for name, want := range map[string]string{"start_ds": "'2024-02-28'", "end_ds": "'2024-02-29'", "start_date": "CAST('2024-02-28' AS DATE)",
		"end_date": "CAST('2024-02-29' AS DATE)", "start_ts": "'2024-02-28 00:00:00'", "end_ts": "'2024-02-29 23:59:59.999999'",
		"end_dt": "CAST('2024-02-29 23:59:59.999999+00:00' AS TIMESTAMPTZ)", "start_dtntz": "CAST('2024-02-28 00:00:00' AS TIMESTAMP)",
		"start_epoch": "1709078400", "end_millis": "1709251199999", "execution_hour": "12", "execution_ts": "'2024-03-01 12:30:15.250000'",
		"latest_ds": "'2024-03-01'", "start_tstz": "'2024-02-28 00:00:00+00:00'"} {
		if vars[name] != want {
			t.Errorf("@%s is %s, not %s", name, vars[name], want)
		}
	}
}

const timed = `
-- models/p.sql --
MODEL (name staging.p, kind FULL);
SELECT DATE '2024-01-01' AS day, 1 AS a
-- models/q.sql --
MODEL (name staging.q, kind FULL);
SELECT DATE '2024-01-01' AS day, 1 AS b
-- models/m.sql --
MODEL (name foundation.m, kind INCREMENTAL_BY_TIME_RANGE (time_column day), start '2024-01-01'CRON);
QUERY
`

func TestTimeBound(t *testing.T) {
	for query, want := range map[string]map[string]string{
		"SELECT day, a FROM staging.p WHERE day BETWEEN @start_date AND @end_date":                                                                           {"staging.p": "day"},
		"SELECT day, a FROM staging.p WHERE a > 0 AND day >= @start_ds AND day <= CAST(@end_ds AS DATE)":                                                     {"staging.p": "day"},
		"SELECT x.day FROM staging.p AS x JOIN staging.q ON x.day = q.day WHERE x.day BETWEEN @start_ds AND @end_ds AND q.day BETWEEN @start_ds AND @end_ds": {"staging.p": "day", "staging.q": "day"},
		"WITH c AS (SELECT * FROM staging.p WHERE day BETWEEN @start_ds AND @end_ds) SELECT day FROM c":                                                      {"staging.p": "day"},
		"SELECT x.day FROM staging.p AS x LEFT JOIN staging.q AS y USING (day) WHERE x.day BETWEEN @start_ds AND @end_ds":                                    {"staging.p": "day"},

		"SELECT day, a FROM staging.p":                                                      {},
		"SELECT day, a FROM staging.p WHERE day >= @start_date":                             {},
		"SELECT day, a FROM staging.p WHERE day BETWEEN @start_date - 7 AND @end_date":      {},
		"SELECT day, a FROM staging.p WHERE day BETWEEN @start_date AND @end_date OR a = 1": {},
		"SELECT day, a FROM staging.p WHERE day BETWEEN @end_date AND @start_date":          {},
		"SELECT x.day FROM staging.p AS x ASOF JOIN staging.q AS y ON x.day >= y.day WHERE x.day BETWEEN @start_ds AND @end_ds AND y.day BETWEEN @start_ds AND @end_ds": {},
		"SELECT day, a, (SELECT max(a) FROM staging.p) AS top FROM staging.p WHERE day BETWEEN @start_date AND @end_date":                                               {},
	} {
		p := mustLoad(t, strings.NewReplacer("CRON", "", "QUERY", query).Replace(timed))
		if got := p.Models["foundation.m"].TimeBound; len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, not %v", query, got, want)
		}
	}
	p := mustLoad(t, strings.NewReplacer("CRON", ", cron '@daily', interval_unit 'hour'", "QUERY", "SELECT CAST(day AS TIMESTAMP) AS day FROM staging.p WHERE day BETWEEN @start_ds AND @end_ds").Replace(timed))
	if got := p.Models["foundation.m"].TimeBound; len(got) > 0 {
		t.Errorf("hours within a day: %v", got)
	}
}

func TestRenderInterval(t *testing.T) {
	p := mustLoad(t, strings.NewReplacer("CRON", "", "QUERY", "SELECT day, @end_ts AS e FROM staging.p WHERE day BETWEEN @start_ds AND @end_ds").Replace(timed))
	m := p.Models["foundation.m"]
	r, err := m.RenderInterval(Interval{Start: at(t, "2024-05-01"), End: at(t, "2024-05-03")}, func(string) string { return "t" }, nil)
	if err != nil || r.SQL != "SELECT day, '2024-05-02 23:59:59.999999' AS e FROM t AS \"p\" WHERE day BETWEEN '2024-05-01' AND '2024-05-02'" {
		t.Errorf("%s, %v", r.SQL, err)
	}
	changed, err := Load(context.Background(), p.Root, LoadOptions{})
	if err != nil || changed.Models["foundation.m"].CodeHash != m.CodeHash {
		t.Errorf("loading twice: %v", err)
	}
	if w := m.Within(Interval{Start: at(t, "2024-05-01"), End: at(t, "2024-05-03")}); w != `"day" >= CAST('2024-05-01' AS DATE) AND "day" < CAST('2024-05-03' AS DATE)` {
		t.Error(w)
	}
}

func TestKindsThatCannotBe(t *testing.T) {
	for head, want := range map[string]string{
		"kind INCREMENTAL_BY_TIME_RANGE, start '2024-01-01'":                                                   "1:23: kind INCREMENTAL_BY_TIME_RANGE needs a time_column",
		"kind INCREMENTAL_BY_TIME_RANGE (time_column day)":                                                     "1:23: kind INCREMENTAL_BY_TIME_RANGE needs a start",
		"kind INCREMENTAL_BY_TIME_RANGE (time_column dya), start '2024-01-01'":                                 "1:62: time_column dya is not among what the query returns",
		"kind INCREMENTAL_BY_TIME_RANGE (time_column n), start '2024-01-01'":                                   "1:62: time_column n is INTEGER",
		"kind INCREMENTAL_BY_TIME_RANGE (time_column (day, '%d.%m.%Y')), start '2024-01-01'":                   "1:62: time format %d.%m.%Y is not supported",
		"kind INCREMENTAL_BY_TIME_RANGE (time_column day), start '2024-01-01', cron '@hourly'":                 "1:62: time_column day tells days, and the intervals are shorter",
		"kind INCREMENTAL_BY_TIME_RANGE (time_column day), start '2024-01-01', cron '* * * * *'":               "1:23: cron * * * * * gives no intervals",
		"kind INCREMENTAL_BY_TIME_RANGE (time_column day, auto_restatement_cron '@daily'), start '2024-01-01'": "1:67: kind option auto_restatement_cron is not supported",
		"kind INCREMENTAL_BY_TIME_RANGE (time_column day, batch_size 0), start '2024-01-01'":                   "1:78: batch_size is a number of intervals, 1 or more",
		"kind INCREMENTAL_BY_TIME_RANGE (time_column day, forward_only true), start '2024-01-01'":              "1:67: kind option forward_only is not supported",
		"kind INCREMENTAL_BY_UNIQUE_KEY (unique_key (day, k)), start '2024-01-01'":                             "1:61: unique_key names column k, which the query does not return",
		"kind INCREMENTAL_BY_UNIQUE_KEY, start '2024-01-01'":                                                   "1:23: kind INCREMENTAL_BY_UNIQUE_KEY needs a unique_key",
		"kind EMBEDDED, audits (not_null(columns := (day)))":                                                   "1:41: an EMBEDDED model has no rows of its own to audit",
		"kind SCD_TYPE_2_BY_TIME (unique_key n)":                                                               "1:23: kind SCD_TYPE_2_BY_TIME is not supported",
	} {
		got := loadErrors(t, "-- models/m.sql --\nMODEL (name s.m, kind"+strings.TrimPrefix(head, "kind")+");\nSELECT DATE '2024-01-01' AS day, 1 AS n\n")
		if len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%s: %q, not %q", head, got, want)
		}
	}
}
