package openmeteo

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/extract/extracttest"
	"beanflows.coffee/materia/internal/landing"
	"beanflows.coffee/materia/internal/realdata"
	"beanflows.coffee/materia/internal/upstream"
)

// sample is the sample upstream on the rig's day.
func sample(r *extracttest.Rig) *upstream.Server {
	return upstream.New(upstream.Options{Now: func() time.Time { return r.Now }})
}

func sampleRig(t *testing.T) (*extracttest.Rig, *upstream.Server) {
	r := extracttest.New(t, Source(), nil)
	s := sample(r)
	r.Answer = s.ServeHTTP
	return r, s
}

// since keeps tests short: two years in place of thirty-five.
var since = extract.Window{Since: day(2025, time.January, 1)}

// archive serves the real file of a point in Minas Gerais as the API would: near
// it, nulls outside of its days, and elsewhere no data.
type archive struct {
	t    *testing.T
	rows map[string][]string
	n    int
}

func newArchive(t *testing.T) *archive {
	body := realdata.Read(t, "weather/openmeteo_archive_daily_minas_gerais_20150101_20260201.csv")
	rows, err := csv.NewReader(strings.NewReader(string(body))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(rows[0], " ") != "date temperature_2m_max temperature_2m_min precipitation_sum precipitation_hours" || len(rows) != 4050+1 {
		t.Fatalf("not the file that SOURCE.md describes: %q, %d rows", rows[0], len(rows)-1)
	}
	a := &archive{t: t, rows: map[string][]string{}}
	for _, row := range rows[1:] {
		a.rows[row[0]] = row
	}
	return a
}

func (a *archive) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	a.n++
	if q.Get("latitude") != "-18.94" || q.Get("longitude") != "-46.99" {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":true,"reason":"No data is available for this location"}`)
		return
	}
	from, err1 := time.Parse(time.DateOnly, q.Get("start_date"))
	to, err2 := time.Parse(time.DateOnly, q.Get("end_date"))
	if err1 != nil || err2 != nil {
		a.t.Errorf("dates of %s", r.URL)
	}
	column := map[string]int{"temperature_2m_max": 1, "temperature_2m_min": 2, "precipitation_sum": 3}
	units, daily := map[string]string{"time": "iso8601"}, map[string]any{}
	var days []string
	for d := from; !d.After(to); d = d.AddDate(0, 0, 1) {
		days = append(days, d.Format(time.DateOnly))
	}
	for _, v := range variables() {
		values := make([]any, len(days))
		for n, d := range days {
			if row := a.rows[d]; row != nil && column[v.name] > 0 {
				values[n] = json.Number(row[column[v.name]])
			}
		}
		units[v.name], daily[v.name] = v.unit, values
	}
	daily["time"] = days
	json.NewEncoder(w).Encode(map[string]any{"latitude": -19.0, "longitude": -47.0, "generationtime_ms": float64(a.n) / 7, "utc_offset_seconds": -10800,
		"timezone": q.Get("timezone"), "timezone_abbreviation": "-03", "elevation": 1025.0, "daily_units": units, "daily": daily})
}

// TestRealPointReproducesItsFigures: 4,050 days; rain in 2020 1,262.7 mm; lowest
// minimum 7.7 °C on 2022-05-20 (computed from the file by others). The eleven other
// regions and the years before the file are absent, by name, and no failure.
func TestRealPointReproducesItsFigures(t *testing.T) {
	a := newArchive(t)
	r := extracttest.New(t, Source(), a.ServeHTTP)
	res, err := r.Run(extract.Window{})
	if err != nil || res.Status != "success" || len(res.Failed) != 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	var absent []string
	for _, region := range Regions() {
		if region.ID != "br_cerrado_mineiro" {
			absent = append(absent, region.ID)
		}
	}
	for year := 2014; year >= firstYear; year-- {
		absent = append(absent, fmt.Sprintf("br_cerrado_mineiro %d", year))
	}
	if !slices.Equal(res.Absent, absent) {
		t.Errorf("absent %q", res.Absent)
	}
	days, rain2020, lowest, lowestDate := 0, 0.0, 99.0, ""
	for _, e := range res.Landed {
		got, err := parse(r.Read(e.Path))
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range got.days {
			if d.values.empty() {
				continue
			}
			days++
			if strings.HasPrefix(d.date, "2020") {
				rain2020 += *d.values[3]
			}
			if *d.values[1] < lowest {
				lowest, lowestDate = *d.values[1], d.date
			}
		}
	}
	if days != 4050 || fmt.Sprintf("%.1f", rain2020) != "1262.7" || lowest != 7.7 || lowestDate != "2022-05-20" {
		t.Errorf("%d days, rain of 2020 %.1f mm, lowest %.1f on %s", days, rain2020, lowest, lowestDate)
	}
	if first := res.Landed[0]; first.Path != "weather/br_cerrado_mineiro/2026/2026-02-01.json.gz" || first.Rows != 32 || len(res.Landed) != 12 {
		t.Errorf("%d files, the first %+v", len(res.Landed), first)
	}
	// The next run asks for the regions that may have come, and for the last days
	// of the one that is there: what is settled or absent by year is not asked.
	if res, err = r.Run(extract.Window{}); err != nil || res.Status != "unchanged" || len(r.Asked) != 11+1 || len(res.Absent) != 11 {
		t.Errorf("again: %+v, %v, asked %d", res, err, len(r.Asked))
	}
}

func TestHistoryThenOnlyChanges(t *testing.T) {
	r, _ := sampleRig(t) // 2026-02-01
	res, err := r.Run(since)
	if err != nil || len(res.Landed) != 24 || len(r.Asked) != 24 {
		t.Fatalf("%+v, %v", res, err)
	}
	// Newest year first, all regions of it, up to today. Nothing newer than five
	// days has a value.
	if got := r.Query(0, "start_date") + " " + r.Query(0, "end_date") + " " + r.Query(0, "latitude") + " " + r.Query(0, "models"); got != "2026-01-01 2026-02-01 -21.55 era5_seamless" {
		t.Errorf("first request %s", got)
	}
	if got := r.Query(12, "start_date") + " " + r.Query(12, "end_date"); got != "2025-01-01 2025-12-31" {
		t.Errorf("thirteenth request %s", got)
	}
	if got := res.Landed[0].Path + " " + res.Landed[12].Path; got != "weather/br_sul_de_minas/2026/2026-01-27.json.gz weather/br_sul_de_minas/2025/2025-12-31.json.gz" {
		t.Errorf("landed %s", got)
	}
	if e := res.Landed[12]; e.Rows != 365 || e.RawSHA256 == "" || e.RawSHA256 == e.SHA256 {
		t.Errorf("landed %+v", e)
	}
	// The same day: 21 days of each region, whose other generation time says nothing.
	res, err = r.Run(since)
	if err != nil || res.Status != "unchanged" || len(r.Asked) != 12 || r.Query(0, "start_date") != "2026-01-12" || r.Query(0, "end_date") != "2026-02-01" || r.Manifests() != 1 {
		t.Errorf("same day: %+v, %v, asked %q", res, err, r.Asked)
	}
	// The next day has a day more and revised ones.
	r.Now = r.Now.AddDate(0, 0, 1)
	if res, err = r.Run(since); err != nil || len(res.Landed) != 12 || res.Landed[0].Path != "weather/br_sul_de_minas/2026/2026-01-28.json.gz" || r.Query(0, "start_date") != "2026-01-13" {
		t.Errorf("next day: %+v, %v", res, err)
	}
	// Ten weeks later 2025 is final: each region's is asked for once more, whole,
	// and has nothing new but the days that were preliminary.
	r.Now = day(2026, time.April, 10)
	if res, err = r.Run(since); err != nil || len(r.Asked) != 24 || r.Query(0, "start_date") != "2026-01-29" || r.Query(12, "start_date") != "2025-01-01" {
		t.Errorf("April: %+v, %v, asked %q", res, err, r.Asked)
	}
	if res, err = r.Run(since); err != nil || res.Status != "unchanged" || len(r.Asked) != 12 {
		t.Errorf("April again: %+v, %v, asked %d", res, err, len(r.Asked))
	}
}

// All of 2027 is null until the sixth of January, and the
// old year's last days still change.
func TestTurnOfTheYear(t *testing.T) {
	r, _ := sampleRig(t)
	r.Now = day(2027, time.January, 3)
	res, err := r.Run(extract.Window{Since: day(2026, time.December, 1)})
	if err != nil || len(r.Asked) != 24 || len(res.Landed) != 12 || res.Unchanged != 12 || res.Landed[0].Path != "weather/br_sul_de_minas/2026/2026-12-29.json.gz" {
		t.Fatalf("%+v, %v, asked %d", res, err, len(r.Asked))
	}
	r.Now = day(2027, time.January, 7)
	if res, err = r.Run(extract.Window{Since: day(2026, time.December, 1)}); err != nil || len(res.Landed) != 24 || r.Query(12, "start_date") != "2026-12-18" || r.Query(12, "end_date") != "2026-12-31" {
		t.Errorf("%+v, %v, asked %q", res, err, r.Asked)
	}
}

// A history that is cut off goes on where it was, whatever cut it off.
func TestHistoryIsResumable(t *testing.T) {
	r, s := sampleRig(t)
	asked := 0
	r.Answer = func(w http.ResponseWriter, req *http.Request) {
		if asked++; asked > 30 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		s.ServeHTTP(w, req)
	}
	window := extract.Window{Since: day(2023, time.January, 1)}
	res, err := r.Run(window)
	if err == nil || res.Status != "partial" || len(res.Landed) != 30 {
		t.Fatalf("%+v, %v", res, err)
	}
	r.Answer = s.ServeHTTP
	if res, err = r.Run(window); err != nil || len(res.Landed) != 18 {
		t.Fatalf("%+v, %v", res, err)
	}
	// 2024 and 2023 are final: the six of 2024 and the twelve of 2023 that are left.
	whole := 0
	for n := range r.Asked {
		if r.Query(n, "start_date") <= "2024-01-01" {
			whole++
		}
	}
	if whole != 18 {
		t.Errorf("asked for %d whole years, want 18: %q", whole, r.Asked)
	}
	// A kill at the link of a file: the file that has its journal line counts.
	steps := 0
	k, _ := sampleRig(t)
	k.OnStep = func(step string) error {
		if steps++; steps == 200 {
			return errors.New("killed at " + step)
		}
		return nil
	}
	if _, err := k.Run(window); err == nil {
		t.Fatal("200 steps without a failure")
	}
	k.OnStep = nil
	if res, err = k.Run(window); err != nil {
		t.Fatal(err)
	}
	landed := 0
	for _, f := range k.Files() {
		if strings.HasPrefix(f, "weather/") {
			landed++
		}
	}
	if landed != 48 || len(res.Landed) >= 48 {
		t.Errorf("%d files in the end, %d of the second run", landed, len(res.Landed))
	}
}

// One region's fault never stops another, whatever it is.
func TestOneRegionFails(t *testing.T) {
	const one = "archive-api.open-meteo.com/v1/archive?latitude=12.67"
	for name, c := range map[string]struct {
		fault  upstream.Fault
		reason string
		kept   bool // in quarantine
	}{
		"500":          {upstream.Fault{Path: one, Kind: upstream.Status}, "HTTP 500", false},
		"HTML":         {upstream.Fault{Path: one, Kind: upstream.HTML200}, "not the archive API's JSON", true},
		"broken JSON":  {upstream.Fault{Path: one, Kind: upstream.BrokenJSON}, `"Unexpected error while streaming data"`, true},
		"cut off":      {upstream.Fault{Path: one, Kind: upstream.Truncate, Bytes: 500}, "cut off after", false},
		"short":        {upstream.Fault{Path: one, Kind: upstream.Short, Bytes: 500}, "not the archive API's JSON", true},
		"renamed":      {upstream.Fault{Path: one, Kind: upstream.RenameColumn, Column: "precipitation_sum", To: "rain"}, `precipitation_sum is in "", want "mm"`, true},
		"dropped":      {upstream.Fault{Path: one, Kind: upstream.DropColumn, Column: "precipitation_sum"}, "precipitation_sum: not a list", true},
		"retyped":      {upstream.Fault{Path: one, Kind: upstream.WrongType, Column: "precipitation_sum"}, "precipitation_sum: not a list", true},
		"too many now": {upstream.Fault{Path: one, Kind: upstream.Limit}, "Minutely API request limit exceeded", false},
		"forbidden":    {upstream.Fault{Path: one, Kind: upstream.Status, Status: 403}, "HTTP 403", false},
	} {
		t.Run(name, func(t *testing.T) {
			r, s := sampleRig(t)
			if err := s.SetFaults(c.fault); err != nil {
				t.Fatal(err)
			}
			res, err := r.Run(since)
			if err != nil || res.Status != "partial" || len(res.Landed) != 22 || len(res.Failed) != 1 || len(res.Absent) != 0 {
				t.Fatalf("%+v, %v", res, err)
			}
			if !strings.HasPrefix(res.Failed[0], "vn_dak_lak 2026: https://archive-api.open-meteo.com/") || !strings.Contains(res.Failed[0], c.reason) {
				t.Errorf("failed %q", res.Failed)
			}
			kept := slices.ContainsFunc(r.Files(), func(f string) bool { return strings.HasPrefix(f, ".quarantine/") })
			if kept != c.kept {
				t.Errorf("quarantine %v: %q", kept, r.Files())
			}
			if err := s.SetFaults(); err != nil {
				t.Fatal(err)
			}
			if res, err = r.Run(since); err != nil || res.Status != "success" || len(res.Landed) != 2 {
				t.Errorf("once well: %+v, %v", res, err)
			}
		})
	}
}

// The minute's limit is waited for; the hour's and the day's end the run, with
// what landed before them landed.
func TestLimits(t *testing.T) {
	r, s := sampleRig(t)
	if err := s.SetFaults(upstream.Fault{Path: "archive-api", Kind: upstream.Limit, Times: 2}); err != nil {
		t.Fatal(err)
	}
	res, err := r.Run(since)
	if err != nil || res.Status != "success" || len(res.Landed) != 24 || !slices.Contains(r.Slept, 61*time.Second) {
		t.Errorf("minute: %+v, %v, slept %v", res, err, r.Slept)
	}
	for _, counter := range []string{"Hourly", "Daily"} {
		r, s := sampleRig(t)
		n := 0
		r.Answer = func(w http.ResponseWriter, req *http.Request) {
			if n++; n == 14 {
				if err := s.SetFaults(upstream.Fault{Path: "archive-api", Kind: upstream.Limit, To: counter}); err != nil {
					t.Error(err)
				}
			}
			s.ServeHTTP(w, req)
		}
		res, err := r.Run(since)
		if err != nil || res.Status != "partial" || len(res.Landed) != 13 || len(res.Failed) != 1 || len(r.Asked) != 13+tries {
			t.Errorf("%s: %+v, %v, asked %d", counter, res, err, len(r.Asked))
		}
		if len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "10 of 24 region-years were not asked for") {
			t.Errorf("%s: warnings %q", counter, res.Warnings)
		}
	}
}

// Values out of all bounds are counted: a slip lands with a warning, more is
// refused. Nothing is coerced.
func TestValuesOutOfBounds(t *testing.T) {
	for bad, status := range map[int]string{2: "success", 40: "partial"} {
		r, s := sampleRig(t)
		r.Answer = func(w http.ResponseWriter, req *http.Request) {
			q := req.URL.Query()
			if q.Get("latitude") != "12.67" || q.Get("end_date") != "2025-12-31" {
				s.ServeHTTP(w, req)
				return
			}
			rec := record(s, req)
			var d map[string]any
			if err := json.Unmarshal(rec, &d); err != nil {
				t.Error(err)
			}
			for n := range bad {
				d["daily"].(map[string]any)["precipitation_sum"].([]any)[n*9] = -3.0
			}
			w.Header().Set(upstream.OriginHeader, upstream.Origin)
			json.NewEncoder(w).Encode(d)
		}
		res, err := r.Run(since)
		if err != nil || res.Status != status {
			t.Fatalf("%d: %+v, %v", bad, res, err)
		}
		want := fmt.Sprintf(`range: column precipitation_sum is below 0 in %d of 365 rows, first in row 1: "-3"`, bad)
		if got := strings.Join(append(res.Warnings, res.Failed...), "\n"); !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// An answer that was refused yesterday and is let in today lands, though today's
// request is for other days.
func TestRefusedAnswerIsLetIn(t *testing.T) {
	r, s := sampleRig(t)
	r.Answer = func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Query().Get("latitude") != "12.67" {
			s.ServeHTTP(w, req)
			return
		}
		w.Header().Set(upstream.OriginHeader, upstream.Origin)
		w.Write([]byte(strings.Replace(string(record(s, req)), `"relative_humidity_2m_mean":[`, `"relative_humidity_2m_mean":[101,101,101,101,`, 1)))
	}
	window := extract.Window{Since: day(2026, time.January, 1)}
	if res, err := r.Run(window); err != nil || len(res.Landed) != 11 || !strings.Contains(res.Failed[0], "32 days and 36 values") {
		t.Fatalf("%+v, %v", res, err)
	}
	r.Answer = func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Query().Get("latitude") != "12.67" {
			s.ServeHTTP(w, req)
			return
		}
		var d map[string]any
		if err := json.Unmarshal(record(s, req), &d); err != nil {
			t.Error(err)
		}
		for n := range 5 {
			d["daily"].(map[string]any)["relative_humidity_2m_mean"].([]any)[n] = 101
		}
		w.Header().Set(upstream.OriginHeader, upstream.Origin)
		json.NewEncoder(w).Encode(d)
	}
	if res, err := r.Run(window); err != nil || !strings.Contains(res.Failed[0], "relative_humidity_2m_mean is above 100 in 5 of 32 rows") {
		t.Fatalf("%+v, %v", res, err)
	}
	r.Now = r.Now.AddDate(0, 0, 1)
	deps := r.Deps()
	kept, err := extract.Quarantined(deps.Zone, "weather")
	if err != nil || len(kept) != 2 {
		t.Fatalf("%+v, %v", kept, err)
	}
	// Both were kept in the same second of this test's clock, so their order is
	// chance.
	humid := slices.IndexFunc(kept, func(h extract.Held) bool { return strings.Contains(h.Reason, "is above 100") })
	if humid < 0 {
		t.Fatalf("no refusal for humidity: %+v", kept)
	}
	res, err := extract.ReleaseRefused(t.Context(), deps, Source(), kept[humid], "ann", "a humid month")
	landed := slices.ContainsFunc(res.Landed, func(e landing.Entry) bool { return e.Path == "weather/vn_dak_lak/2026/2026-01-27.json.gz" })
	if err != nil || !landed || len(res.Landed) != 1 {
		t.Errorf("%+v, %v", res, err)
	}
}

// record is the sample's answer to a request.
func record(s *upstream.Server, req *http.Request) []byte {
	w := &recorder{header: http.Header{}}
	s.ServeHTTP(w, req)
	return w.body
}

type recorder struct {
	header http.Header
	body   []byte
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(int)             {}
func (r *recorder) Write(b []byte) (int, error) { r.body = append(r.body, b...); return len(b), nil }

func TestDamagedLandedFileIsPassedOver(t *testing.T) {
	r, _ := sampleRig(t)
	if _, err := r.Run(since); err != nil {
		t.Fatal(err)
	}
	r.Remove("weather/pe_jaen/2026/2026-01-27.json.gz")
	res, err := r.Run(since)
	if err != nil || len(res.Landed) != 1 || len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "pe_jaen/2026/2026-01-27.json.gz") {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestRegionsEqualTheSeed holds the list in Go and the list in SQL together.
func TestRegionsEqualTheSeed(t *testing.T) {
	f, err := os.Open("../../../transform/seeds/seed_location.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) int {
		i := slices.Index(rows[0], name)
		if i < 0 {
			t.Fatalf("no column %s", name)
		}
		return i
	}
	number := func(text string) float64 {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Error(err)
		}
		return n
	}
	regions := Regions()
	if len(rows)-1 != len(regions) {
		t.Fatalf("%d rows in the seed, %d regions", len(rows)-1, len(regions))
	}
	for n, row := range rows[1:] {
		got := Region{row[at("location_id")], number(row[at("latitude")]), number(row[at("longitude")]), int(number(row[at("elevation_m")])), row[at("time_zone")]}
		if got != regions[n] {
			t.Errorf("the seed has %+v, the list %+v", got, regions[n])
		}
		if _, err := time.LoadLocation(got.TimeZone); err != nil {
			t.Error(err)
		}
		if mid := (number(row[at("altitude_from_m")]) + number(row[at("altitude_to_m")])) / 2; float64(got.ElevationM) != mid {
			t.Errorf("%s: %d m is not the middle of its altitudes, %.0f", got.ID, got.ElevationM, mid)
		}
	}
}

// Real answers of the API that are about something else.
func TestRealAnswersOfOtherPlaces(t *testing.T) {
	for file, want := range map[string]string{
		"weather/openmeteo_archive_body_60.39_5.32_fahrenheit.json": `temperature_2m_max is in "", want "°C"`,
		"weather/openmeteo_archive_body_59.91_10.75_celsius.json":   `temperature_2m_mean is in "", want "°C"`,
	} {
		if _, err := parse(realdata.Read(t, file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path.Base(file), err, want)
		}
	}
	// Fahrenheit where Celsius is wanted.
	r, s := sampleRig(t)
	r.Answer = func(w http.ResponseWriter, req *http.Request) {
		w.Write([]byte(strings.Replace(string(record(s, req)), `"temperature_2m_min":"°C"`, `"temperature_2m_min":"°F"`, 1)))
	}
	res, err := r.Run(since)
	if err == nil || len(res.Landed) != 0 || !strings.Contains(strings.Join(res.Failed, "\n"), `temperature_2m_min is in "°F", want "°C"`) {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestAnswersToAnotherQuestion(t *testing.T) {
	ask := request{region: Regions()[0], from: day(2026, 1, 1), to: day(2026, 1, 3)}
	good := answer{latitude: -21.6, longitude: -45.4, timeZone: "America/Sao_Paulo", days: []dayValues{{date: "2026-01-01"}, {date: "2026-01-02"}, {date: "2026-01-03"}}}
	if err := good.answers(ask); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*answer){
		"is not at -21.55, -45.43":          func(a *answer) { a.latitude = -20 },
		"grid cell -21.6, -46 is not":       func(a *answer) { a.longitude = -46 },
		`days of "GMT"`:                     func(a *answer) { a.timeZone = "GMT" },
		"2 days, want the 3 from 2026-01-0": func(a *answer) { a.days = a.days[:2] },
		`day 2 is "2026-01-04"`:             func(a *answer) { a.days = []dayValues{a.days[0], {date: "2026-01-04"}, a.days[2]} },
	} {
		bad := good
		change(&bad)
		if err := bad.answers(ask); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// Open-Meteo's formula with SOURCE.md's own examples.
func TestWeights(t *testing.T) {
	for _, c := range []struct {
		variables, days int
		times, want     float64
	}{{10, 14, 12, 12}, {12, 365, 12, 375}, {12, 7305, 12, 7514}, {1, 1, 1, 1}, {11, 21, 1, 1.65}} {
		if got := c.times * weight(c.variables, c.days); got < c.want-0.6 || got > c.want+0.6 {
			t.Errorf("%d variables, %d days: %.2f, want %.2f", c.variables, c.days, got, c.want)
		}
	}
	r := request{region: Regions()[0], from: day(2020, 1, 1), to: day(2020, 12, 31)}
	if got := weightOf(r.url()); got != r.weight() || r.days() != 366 {
		t.Errorf("weight of the URL %v, of the request %v", got, r.weight())
	}
}

// The whole history against the limits: no minute of it over 600, no hour over
// 5,000, no day over 10,000, and it is there after three days of one run a day.
func TestBudgetOfTheWholeHistory(t *testing.T) {
	now := time.Date(2026, 2, 1, 6, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	asks, err := requests(Regions(), extract.Window{}, now, nil, func(string) (bool, error) { return false, nil })
	if err != nil || len(asks) != 12*36 {
		t.Fatalf("%d requests, %v", len(asks), err)
	}
	type spent struct {
		at     time.Time
		weight float64
	}
	var all []spent
	spare := &budget{clock: clock}
	runs := 0
	for left := asks; len(left) > 0; now = now.Truncate(24*time.Hour).AddDate(0, 0, 1).Add(6 * time.Hour) {
		runs++
		if runs == 1 {
			if text := describe(left, spare); !strings.HasPrefix(text, "plan: 432 requests for 12 regions, weight 12084") || !strings.Contains(text, "4500 in this hour and 9000 in this day: ") {
				t.Error(text)
			}
		}
		for len(left) > 0 {
			ok, err := afford(t.Context(), func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil }, spare, left[0].weight())
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			all = append(all, spent{now, left[0].weight()})
			now = now.Add(time.Second)
			left = left[1:]
		}
	}
	for _, l := range []struct {
		within time.Duration
		most   float64
	}{{time.Minute, 600}, {time.Hour, 5000}, {24 * time.Hour, 10000}} {
		sums := map[time.Time]float64{}
		for _, s := range all {
			sums[s.at.Truncate(l.within)] += s.weight
		}
		for at, sum := range sums {
			if sum > l.most {
				t.Errorf("%.0f within %s from %s", sum, l.within, at)
			}
		}
	}
	if len(all) != len(asks) || runs != 3 {
		t.Errorf("%d of %d in %d runs", len(all), len(asks), runs)
	}
}

// What an earlier run landed today counts; what it landed two days ago does not.
func TestBudgetKnowsEarlierRuns(t *testing.T) {
	r, _ := sampleRig(t)
	res, err := r.Run(since)
	if err != nil {
		t.Fatal(err)
	}
	whole := 0.0
	for _, e := range res.Landed {
		whole += weightOf(e.URL)
	}
	for _, c := range []struct {
		later time.Duration
		spent [3]float64
	}{{30 * time.Second, [3]float64{whole, whole, whole}}, {10 * time.Minute, [3]float64{0, whole, whole}}, {5 * time.Hour, [3]float64{0, 0, whole}}, {25 * time.Hour, [3]float64{}}} {
		b := newBudget(time.Now, r.Now.Add(c.later), res.Landed)
		for n, l := range limits {
			if left, _ := b.left(l); left < l.weight-c.spent[n]-0.01 || left > l.weight-c.spent[n]+0.01 {
				t.Errorf("after %s: %.1f of %.0f left, spent %.1f", c.later, left, l.weight, c.spent[n])
			}
		}
	}
}

func TestExpect(t *testing.T) {
	if got := Source().Expect(day(2026, 1, 27)); !got.Equal(day(2026, 2, 3)) {
		t.Errorf("news after 27 January by %s", got)
	}
}
