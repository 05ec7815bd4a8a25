package upstream

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/realdata"
)

const (
	archiveHost = "/archive-api.open-meteo.com/v1/archive"
	ourDaily    = "temperature_2m_max,temperature_2m_min,temperature_2m_mean,precipitation_sum,et0_fao_evapotranspiration,relative_humidity_2m_mean,soil_moisture_0_to_7cm_mean,soil_moisture_7_to_28cm_mean,soil_moisture_28_to_100cm_mean,shortwave_radiation_sum,wind_speed_10m_max"
)

// archiveQuery asks for all variables at Sul de Minas.
func archiveQuery(from, to string) string {
	return archiveHost + "?latitude=-21.55&longitude=-45.43&elevation=1050&start_date=" + from + "&end_date=" + to + "&daily=" + ourDaily + "&timezone=America%2FSao_Paulo"
}

type archiveAnswer struct {
	Latitude, Longitude, Elevation float64
	Timezone                       string
	DailyUnits                     map[string]string          `json:"daily_units"`
	Daily                          map[string]json.RawMessage `json:"daily"`
}

func askArchive(t *testing.T, s *Server, url string) (archiveAnswer, map[string][]*float64) {
	t.Helper()
	var a archiveAnswer
	if err := json.Unmarshal(body(t, s, url), &a); err != nil {
		t.Fatal(err)
	}
	columns := map[string][]*float64{}
	for name, text := range a.Daily {
		if name == "time" {
			continue
		}
		var c []*float64
		if err := json.Unmarshal(text, &c); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		columns[name] = c
	}
	return a, columns
}

// The envelope of a real answer, key by key in its order, for the variables that
// the recording has.
func TestArchiveEnvelopeIsTheRealOne(t *testing.T) {
	theirs, err := os.ReadFile(realdata.Path(t, "weather/openmeteo_archive_body_60.39_5.32_celsius.json"))
	if err != nil {
		t.Fatal(err)
	}
	ours := body(t, New(on("2026-02-01")), archiveHost+"?latitude=-21.55&longitude=-45.43&start_date=2025-01-15&end_date=2025-01-17&daily=temperature_2m_max,temperature_2m_min,precipitation_sum&timezone=GMT")
	numbers, words := regexp.MustCompile(`-?\d+\.\d+`), regexp.MustCompile(`"timezone_abbreviation":"[A-Z]+"|"timezone":"[A-Z]+"`)
	shape := func(text []byte) string {
		return words.ReplaceAllString(numbers.ReplaceAllStringFunc(string(text), func(n string) string {
			_, decimals, _ := strings.Cut(n, ".")
			if len(decimals) > 3 { // the generation time
				decimals = "0"
			}
			return "0." + strings.Repeat("0", len(decimals))
		}), "zone")
	}
	got, want := shape(ours), shape(theirs)
	got = regexp.MustCompile(`"generationtime_ms":[^,]*`).ReplaceAllString(got, `"generationtime_ms":0.0`)
	if got = regexp.MustCompile(`"elevation":0\.0`).ReplaceAllString(got, `"elevation":0.0`); got != strings.Replace(want, `"latitude":0.0,"longitude":0.00`, `"latitude":0.0,"longitude":0.0`, 1) {
		t.Errorf("ours %s\nreal %s", got, want)
	}
}

// The refusals in the API's own words (SOURCE.md).
func TestArchiveRefusals(t *testing.T) {
	s := New(on("2026-02-01"))
	good := archiveQuery("2026-01-01", "2026-01-02")
	for change, want := range map[[2]string]string{
		{"2026-01-01", "1939-12-31"}:                    "Parameter 'start_date' is out of allowed range from 1940-01-01 to 2026-02-02",
		{"2026-01-02", "2026-02-03"}:                    "Parameter 'end_date' is out of allowed range from 1940-01-01 to 2026-02-02",
		{"2026-01-02", "2025-12-31"}:                    "End-date must be larger or equals than start-date",
		{"2026-01-02", "yesterday"}:                     "Invalid date format. Make sure to use 'YYYY-MM-DD'",
		{"latitude=-21.55", "latitude=91"}:              "Latitude must be in range of -90 to 90°. Given: 91.",
		{"latitude=-21.55", "latitude=1,2"}:             "Parameter 'latitude' and 'longitude' must have the same number of elements",
		{"latitude=-21.55", "latitude=48.1"}:            "No data is available for this location",
		{"America%2FSao_Paulo", "Sul_de_Minas"}:         "Invalid timezone",
		{"daily=temperature_2m_max", "daily=sunniness"}: "Data corrupted at path ''. Cannot initialize ForecastVariableDaily from invalid String value sunniness.",
	} {
		url := strings.Replace(good, change[0], change[1], 1)
		w := ask(t, s, http.MethodGet, url)
		var said struct {
			Error  bool
			Reason string
		}
		if err := json.NewDecoder(w.Body).Decode(&said); err != nil || w.StatusCode != http.StatusBadRequest || !said.Error || said.Reason != want {
			t.Errorf("%s: %d %+v %v, want %q", url, w.StatusCode, said, err, want)
		}
	}
	if w := ask(t, s, http.MethodGet, "/archive-api.open-meteo.com/v1/forecast"); w.StatusCode != http.StatusNotFound {
		t.Errorf("another path: %d", w.StatusCode)
	}
}

func TestArchiveDaysComeLateAndAreRevised(t *testing.T) {
	lived := day(2026, 2, 1).Add(12 * time.Hour)
	s := New(Options{Now: func() time.Time { return lived }})
	url := archiveQuery("2026-01-01", "2026-02-02")
	first := body(t, s, url)
	_, before := askArchive(t, s, url)
	high := before["temperature_2m_max"]
	for n, v := range high {
		if (v == nil) != (n+1 > 27) { // the 28th is the fifth day before the 1st
			t.Errorf("day %d is null: %v", n+1, v == nil)
		}
	}
	if again := body(t, s, url); string(again) == string(first) {
		t.Error("two answers in a row with the same generation time")
	}
	lived = lived.AddDate(0, 0, 1)
	_, after := askArchive(t, s, url)
	revised, final := 0, 0
	for n, v := range after["temperature_2m_max"] {
		switch old := high[n]; {
		case old != nil && *old != *v && n+1 < 19:
			final++
		case old != nil && *old != *v:
			revised++
		}
	}
	if after["temperature_2m_max"][27] == nil || revised == 0 || final != 0 {
		t.Errorf("the 28th %v, %d revised, %d final days changed", after["temperature_2m_max"][27], revised, final)
	}
}

func TestArchiveElevationShiftsTemperature(t *testing.T) {
	s := New(on("2026-02-01"))
	url := archiveQuery("2020-07-01", "2020-07-31")
	_, low := askArchive(t, s, url)
	a, high := askArchive(t, s, strings.Replace(url, "elevation=1050", "elevation=2050", 1))
	for n := range low["temperature_2m_min"] {
		if d := *low["temperature_2m_min"][n] - *high["temperature_2m_min"][n]; math.Abs(d-6.5) > 0.11 {
			t.Errorf("day %d: %.2f degrees in 1,000 m", n+1, d)
		}
	}
	if a.Elevation != 2050 || a.Timezone != "America/Sao_Paulo" || a.Latitude != -21.6 && a.Latitude != -21.5 {
		t.Errorf("envelope %+v", a)
	}
}

// Invented, but like the places: rain near the normals made up for them, seasons,
// cold nights in Brazil's winter alone, numbers within their bounds.
func TestWeatherBehavesLikeCoffeeCountry(t *testing.T) {
	for _, seed := range []uint64{0, 7} {
		s := New(Options{Today: day(2026, 2, 1), Seed: seed})
		for i := range places {
			p := &places[i]
			normal := 0.0
			for _, mm := range p.rain {
				normal += mm
			}
			rain, frosts, summerFrosts, lowest, et0 := 0.0, 0, 0, 99.0, 0.0
			from, to := int(day(1991, 1, 1).Unix()/86400), int(day(2021, 1, 1).Unix()/86400)
			for n := from; n < to; n++ {
				d := s.weatherDay(p, n)
				rain, et0, lowest = rain+d.rain, et0+d.evaporation, min(lowest, d.low)
				if d.low <= 4 {
					frosts++
					if d.yearDay < 120 || d.yearDay > 270 {
						summerFrosts++
					}
				}
				if d.low > d.mean || d.mean > d.high || d.rain < 0 || d.humidity < 0 || d.humidity > 100 || slices.Min(d.soil[:]) <= 0 || d.radiation <= 0 || d.wind <= 0 {
					t.Fatalf("%s: %+v", p.id, d)
				}
			}
			if ratio := rain / 30 / normal; ratio < 0.85 || ratio > 1.25 {
				t.Errorf("seed %d, %s: %.0f mm a year, made for %.0f", seed, p.id, rain/30, normal)
			}
			if et0/30 < 800 || et0/30 > 1700 {
				t.Errorf("%s: ET0 %.0f mm a year", p.id, et0/30)
			}
			if summerFrosts > 0 || p.outbreaks == 0 && frosts > 0 || p.outbreaks > 1 && frosts < 5 || lowest < -8 {
				t.Errorf("seed %d, %s: %d cold nights, %d out of season, lowest %.1f", seed, p.id, frosts, summerFrosts, lowest)
			}
		}
	}
}

func TestArchiveFaults(t *testing.T) {
	s := New(on("2026-02-01"))
	url := archiveQuery("2025-01-01", "2025-12-31")
	mustSet(t, s, Fault{Path: "archive-api.open-meteo.com/v1/archive?latitude=-21.55", Kind: Limit, To: "Daily", Times: 1})
	if w := ask(t, s, http.MethodGet, strings.Replace(url, "-21.55", "-21.72", 1)); w.StatusCode != http.StatusOK {
		t.Errorf("another region meets the fault: %d", w.StatusCode)
	}
	if w := ask(t, s, http.MethodGet, url); w.StatusCode != http.StatusTooManyRequests {
		t.Errorf("status %d", w.StatusCode)
	} else if text, _ := io.ReadAll(w.Body); string(text) != `{"error":true,"reason":"Daily API request limit exceeded. Please try again tomorrow."}` {
		t.Errorf("%s", text)
	}
	mustSet(t, s, Fault{Path: "archive-api", Kind: BrokenJSON})
	if text := body(t, s, url); json.Valid(text) || !strings.HasSuffix(string(text), "Unexpected error while streaming data: timeoutReached") {
		t.Errorf("ends in %q", text[len(text)-60:])
	}
	mustSet(t, s, Fault{Path: "archive-api", Kind: RenameColumn, Column: "precipitation_sum", To: "rain_sum"})
	a, columns := askArchive(t, s, url)
	if columns["precipitation_sum"] != nil || columns["rain_sum"] == nil || a.DailyUnits["rain_sum"] != "mm" {
		t.Error("not renamed")
	}
	mustSet(t, s, Fault{Path: "archive-api", Kind: DropColumn, Column: "precipitation_sum"})
	if _, columns := askArchive(t, s, url); columns["precipitation_sum"] != nil {
		t.Error("not dropped")
	}
}
