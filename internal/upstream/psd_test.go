package upstream

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/realdata"
)

const (
	coffeeNow  = "/apps.fas.usda.gov/psdonline/downloads/psd_coffee_csv.zip"
	alldataNow = "/apps.fas.usda.gov/psdonline/downloads/psd_alldata_csv.zip"
	archives   = "/apps.fas.usda.gov/psdonline/downloads/archives/"
)

func on(date string) Options {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		panic(err)
	}
	return Options{Today: t, Seed: 7, FirstArchive: day(2021, time.January, 1)}
}

// ask answers in memory.
func ask(t *testing.T, s *Server, method, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("User-Agent", "materia test")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	resp := w.Result()
	if got := resp.Header.Get(OriginHeader); got != "sample" {
		t.Errorf("%s %s: origin header %q", method, path, got)
	}
	return resp
}

func body(t *testing.T, s *Server, path string) []byte {
	t.Helper()
	resp := ask(t, s, http.MethodGet, path)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: HTTP %d", path, resp.StatusCode)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// unzip reads the one member to its end, and so checks its CRC.
func unzip(t *testing.T, file []byte) (name string, content []byte) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	if len(z.File) != 1 {
		t.Fatalf("%d members, want one", len(z.File))
	}
	r, err := z.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	content, err = io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return z.File[0].Name, content
}

var coffeeRow = regexp.MustCompile(`^0711100,"Coffee, Green",[A-Z][A-Z0-9],"[A-Za-z '(),]+",(19|20)\d\d,(19|20)\d\d,(00|06|12),\d{3},"[A-Za-z ,.&]+",02,"\(1000 60 KG BAGS\)",\d+\.0000\r\n$`)

// The form of every row is the real file's: a rule that fits all of the real
// rows fits all of ours, and the fixed texts are the same set.
func TestCoffeeFileHasTheFormOfTheRealOne(t *testing.T) {
	path := realdata.Path(t, "psd/psd_coffee_csv_2022-12-20.zip")
	realZip, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ourZip := body(t, New(on("2022-12-31")), coffeeNow)
	realName, realCSV := unzip(t, realZip)
	ourName, ourCSV := unzip(t, ourZip)
	if ourName != realName {
		t.Errorf("member %q, real %q", ourName, realName)
	}
	type shape struct {
		lines, attributes, countries []string
	}
	look := func(who string, text []byte) (s shape) {
		t.Helper()
		s.lines = strings.SplitAfter(string(text), "\r\n")
		if last := len(s.lines) - 1; s.lines[last] != "" {
			t.Fatalf("%s: no line end at the end", who)
		} else {
			s.lines = s.lines[:last]
		}
		for i, line := range s.lines[1:] {
			if !coffeeRow.MatchString(line) {
				t.Fatalf("%s: line %d %q has another form", who, i+2, line)
			}
		}
		records := parse(t, text)
		for _, r := range records[:19] {
			s.attributes = append(s.attributes, r[7]+" "+r[8])
		}
		for i, r := range records {
			if i == 0 || records[i-1][2] != r[2] {
				s.countries = append(s.countries, r[2]+" "+r[3])
			}
		}
		return s
	}
	theirs, ours := look("real", realCSV), look("ours", ourCSV)
	if theirs.lines[0] != ours.lines[0] {
		t.Errorf("header %q, real %q", ours.lines[0], theirs.lines[0])
	}
	if a, b := strings.Join(ours.attributes, "\n"), strings.Join(theirs.attributes, "\n"); a != b {
		t.Errorf("attributes in order:\n%s\nreal:\n%s", a, b)
	}
	if a, b := strings.Join(ours.countries, "\n"), strings.Join(theirs.countries, "\n"); a != b {
		t.Errorf("countries in order:\n%s\nreal:\n%s", a, b)
	}
	if len(ours.lines) < len(theirs.lines)*95/100 || len(ours.lines) > len(theirs.lines)*105/100 {
		t.Errorf("%d lines, real %d", len(ours.lines), len(theirs.lines))
	}

	// The ZIP itself: same fields in the local header and the directory, up to
	// time, CRC and sizes.
	mask := func(file []byte) string {
		z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		h := z.File[0].FileHeader
		local := bytes.Clone(file[:30+len(h.Name)])
		copy(local[10:26], make([]byte, 16))
		return fmt.Sprintf("%x made by %d, needs %d, flags %d, method %d, extra %x, attributes %d, comment %q %q",
			local, h.CreatorVersion, h.ReaderVersion, h.Flags, h.Method, h.Extra, h.ExternalAttrs, h.Comment, z.Comment)
	}
	if a, b := mask(ourZip), mask(realZip); a != b {
		t.Errorf("ZIP fields\n%s\nreal\n%s", a, b)
	}
}

func parse(t *testing.T, text []byte) [][]string {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return records[1:]
}

type seasonKey struct {
	country string
	label   int
}

type seasonRow struct {
	value   map[string]int64
	changed string // Calendar_Year and Month
}

func table(t *testing.T, file []byte) map[seasonKey]seasonRow {
	t.Helper()
	_, text := unzip(t, file)
	all := map[seasonKey]seasonRow{}
	for _, r := range parse(t, text) {
		if r[0] != "0711100" {
			continue
		}
		label, err := strconv.Atoi(r[4])
		if err != nil {
			t.Fatal(err)
		}
		key := seasonKey{r[2], label}
		row, ok := all[key]
		if !ok {
			row = seasonRow{map[string]int64{}, r[5] + r[6]}
			all[key] = row
		}
		if row.changed != r[5]+r[6] {
			t.Fatalf("%v: changed %s and %s", key, row.changed, r[5]+r[6])
		}
		if _, twice := row.value[r[7]]; twice {
			t.Fatalf("%v: attribute %s twice", key, r[7])
		}
		value, err := strconv.ParseInt(strings.TrimSuffix(r[11], ".0000"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		row.value[r[7]] = value
	}
	return all
}

// USDA's identities, as measured in the real file, in several releases and
// with other seeds.
func TestIdentitiesHold(t *testing.T) {
	for _, date := range []string{"2018-06-30", "2025-12-31", "2031-07-01"} {
		for _, seed := range []uint64{0, 99} {
			o := on(date)
			o.Seed = seed
			rows := table(t, body(t, New(o), coffeeNow))
			carried := 0
			for key, row := range rows {
				v := row.value
				if len(v) != 19 {
					t.Fatalf("%s %v: %d attributes", date, key, len(v))
				}
				for id, x := range v {
					if x < 0 {
						t.Fatalf("%s seed %d %v: attribute %s is %d", date, seed, key, id, x)
					}
				}
				if v["028"] != v["029"]+v["053"]+v["056"] || v["057"] != v["058"]+v["075"]+v["082"] || v["088"] != v["090"]+v["107"]+v["114"] ||
					v["125"] != v["141"]+v["154"] || v["086"] != v["020"]+v["028"]+v["057"] || v["178"] != v["088"]+v["125"]+v["176"] || v["086"] != v["178"] {
					t.Fatalf("%s seed %d %v: an identity breaks: %v", date, seed, key, v)
				}
				if next, ok := rows[seasonKey{key.country, key.label + 1}]; ok {
					carried++
					if next.value["020"] != v["176"] {
						t.Fatalf("%s seed %d %v: ending stocks %d, next beginning %d", date, seed, key, v["176"], next.value["020"])
					}
				}
			}
			if carried < 3000 {
				t.Errorf("%s: only %d pairs of seasons", date, carried)
			}
		}
	}
}

func TestLabelsChangeTheirEra(t *testing.T) {
	first := func(date string) map[string]int {
		all := map[string]int{}
		for key := range table(t, body(t, New(on(date)), coffeeNow)) {
			if l, ok := all[key.country]; !ok || key.label < l {
				all[key.country] = key.label
			}
		}
		return all
	}
	before, after := first("2022-12-31"), first("2023-06-30")
	for country, want := range map[string][2]int{"BR": {1961, 1960}, "VM": {1961, 1960}, "E4": {2003, 2002}, "JA": {2003, 2002}, "US": {1960, 1960}} {
		if got := [2]int{before[country], after[country]}; got != want {
			t.Errorf("%s begins %v, want %v", country, got, want)
		}
	}
	if len(before) != 85 || len(first("2023-12-31")) != 94 {
		t.Errorf("%d countries in December 2022, %d in December 2023; want 85 and 94", len(before), len(first("2023-12-31")))
	}
}

// Between circulars only the newest seasons move; what moved says when.
func TestRevisionsTouchTheNewestSeasons(t *testing.T) {
	rows := func(date string) map[seasonKey]seasonRow { return table(t, body(t, New(on(date)), coffeeNow)) }
	for _, pair := range [][3]string{{"2023-12-31", "2024-06-30", "06"}, {"2024-06-30", "2024-12-31", "12"}} {
		before, after := rows(pair[0]), rows(pair[1])
		moved, newest := 0, 0
		for key, row := range after {
			newest = max(newest, key.label)
			old, ok := before[key]
			if !ok {
				continue
			}
			same := fmt.Sprint(old.value) == fmt.Sprint(row.value)
			if same {
				continue
			}
			moved++
			year, _ := strconv.Atoi(pair[1][:4])
			if key.label < year-3 {
				t.Errorf("%s to %s: %v is settled and moved", pair[0], pair[1], key)
			}
			if row.changed != pair[1][:4]+pair[2] {
				t.Errorf("%s to %s: %v moved and says %s", pair[0], pair[1], key, row.changed)
			}
		}
		if moved < 60 {
			t.Errorf("%s to %s: %d country-years moved", pair[0], pair[1], moved)
		}
	}
	months := map[string]int{}
	for key, row := range rows("2024-12-31") {
		months[row.changed[4:]]++
		if year, _ := strconv.Atoi(row.changed[:4]); (row.changed[4:] == "00") != (key.label <= 2001) || row.changed[4:] == "00" && year != key.label {
			t.Errorf("%v changed %s", key, row.changed)
		}
	}
	if len(months) != 3 || months["06"] < 100 || months["12"] < 100 {
		t.Errorf("months of change %v", months)
	}
}

func TestMagnitudesAreThoseOfCoffee(t *testing.T) {
	rows := table(t, body(t, New(on("2025-12-31")), coffeeNow))
	between := func(country string, label int, id string, low, high int64) {
		t.Helper()
		if x := rows[seasonKey{country, label}].value[id]; x < low || x > high {
			t.Errorf("%s %d attribute %s = %d, want %d to %d", country, label, id, x, low, high)
		}
	}
	for label := 2015; label <= 2025; label++ {
		between("BR", label, "028", 40000, 90000)
		between("VM", label, "028", 20000, 40000)
		between("VM", label, "029", 500, 2000)
		between("CO", label, "028", 8000, 16000)
		between("E4", label, "125", 34000, 50000)
		between("US", label, "057", 18000, 34000)
		world := map[string]int64{}
		for key, row := range rows {
			if key.label == label {
				for id, x := range row.value {
					world[id] += x
				}
			}
		}
		if p, u, e := world["028"], world["125"], world["176"]; p < 120_000 || p > 210_000 || u < 120_000 || u > 210_000 || e < 15_000 || e > 60_000 {
			t.Errorf("world %d: production %d, use %d, ending %d", label, p, u, e)
		}
	}
	if x := rows[seasonKey{"VM", 1965}].value; x["028"] > 500 || x["057"] > 500 {
		t.Errorf("Vietnam 1965: %v", x)
	}
	on, off := 0, 0
	for label := 1960; label < 2024; label += 2 {
		if rows[seasonKey{"BR", label}].value["029"] > rows[seasonKey{"BR", label + 1}].value["029"] {
			on++
		} else {
			off++
		}
	}
	if on < 3*off {
		t.Errorf("Brazil's even seasons are better %d times, worse %d times", on, off)
	}
}

func TestArchive(t *testing.T) {
	s := New(on("2026-02-05")) // before February's release
	status := func(path string) int { return ask(t, s, http.MethodHead, archives+path).StatusCode }
	for path, want := range map[string]int{
		"2025/12/psd_coffee_csv.zip":        200,
		"2025/06/psd_coffee_csv.zip":        200,
		"2025/06/psd_alldata_csv.zip":       200,
		"2025/09/psd_coffee_csv.zip":        404, // no circular
		"2025/10/psd_alldata_csv.zip":       404, // shutdown
		"2026/02/psd_alldata_csv.zip":       404, // not yet
		"2020/12/psd_alldata_csv.zip":       404, // before the first archive
		"2025/13/psd_alldata_csv.zip":       404,
		"2025/12/psd_grains_pulses_csv.zip": 404,
		"2025/12/../../secret.zip":          404,
	} {
		if got := status(path); got != want {
			t.Errorf("%s: HTTP %d, want %d", path, got, want)
		}
	}
	present := 0
	for month := 1; month <= 12; month++ {
		resp := ask(t, s, http.MethodHead, fmt.Sprintf("%s2025/%02d/psd_alldata_csv.zip", archives, month))
		if resp.StatusCode != http.StatusOK {
			continue
		}
		present++
		at, err := http.ParseTime(resp.Header.Get("Last-Modified"))
		if err != nil || at.Year() != 2025 || int(at.Month()) != month {
			t.Errorf("2025/%02d: Last-Modified %s", month, resp.Header.Get("Last-Modified"))
		}
	}
	if present < 9 || present == 12 {
		t.Errorf("%d of 12 months", present)
	}
	// The current file is the newest month's, and coffee in it the December circular's.
	if !bytes.Equal(body(t, s, alldataNow), body(t, s, archives+"2026/01/psd_alldata_csv.zip")) {
		t.Error("the current file is not January's")
	}
	_, now := unzip(t, body(t, s, coffeeNow))
	_, december := unzip(t, body(t, s, archives+"2025/12/psd_coffee_csv.zip"))
	if !bytes.Equal(now, december) {
		t.Error("coffee moved between circulars")
	}
	name, all := unzip(t, body(t, s, alldataNow))
	if name != "psd_alldata.csv" || !bytes.HasSuffix(all, december[len(psdHeader):]) || len(all) == len(december) {
		t.Errorf("%s does not hold coffee and others", name)
	}
}

func TestExtraRowsScaleAlldata(t *testing.T) {
	form := regexp.MustCompile(`^(\d{7}),"[A-Za-z0-9 ,]+",([A-Z][A-Z0-9]),"[A-Za-z '(),]+",(\d{4}),\d{4},(\d\d),(\d{3}),"[A-Za-z ,.&]+",\d\d,"\([A-Z0-9/ ]+\)",\d+\.\d{4}\r\n$`)
	count := func(rows int) map[string]int {
		o := on("2025-12-31")
		o.ExtraRows = rows
		var text []byte
		if s := New(o); rows > 1000 { // without the ZIP, which takes long
			var plain bytes.Buffer
			r, _ := s.current()
			s.writeOthers(&plain, r)
			text = plain.Bytes()
		} else {
			_, text = unzip(t, body(t, s, alldataNow))
			text = text[len(psdHeader):]
		}
		commodities, keys, n := map[string]int{}, map[string]bool{}, 0
		for line := range bytes.Lines(text) {
			commodities[string(line[:7])]++
			if n++; rows > 1000 && n%97 != 0 {
				continue // a row has the form of its neighbours
			}
			m := form.FindSubmatch(line)
			if m == nil {
				t.Fatalf("row %q", line)
			}
			key := string(bytes.Join([][]byte{m[1], m[2], m[3], m[5]}, []byte(" ")))
			if keys[key] {
				t.Fatalf("key %s twice", key)
			}
			keys[key] = true
		}
		return commodities
	}
	few, many := count(1000), count(1_000_000)
	others := func(c map[string]int) (n int) {
		for code, rows := range c {
			if code != "0711100" {
				n += rows
			}
		}
		return n
	}
	if n := others(few); n < 1000 || n > 1100 {
		t.Errorf("%d rows of others, want 1,000", n)
	}
	if n := others(many); n < 1_000_000 || n > 1_000_015 || len(many) < 11 {
		t.Errorf("%d rows of others in %d commodities, want 1,000,000", n, len(many))
	}
	if few["0711100"] < 80_000 {
		t.Errorf("coffee has %d rows among them", few["0711100"])
	}
}

func TestSameSeedSameBytes(t *testing.T) {
	paths := []string{coffeeNow, alldataNow, archives + "2024/06/psd_coffee_csv.zip", chartPath + "?interval=1d&range=max"}
	a, b := New(on("2026-02-01")), New(on("2026-02-01"))
	o := on("2026-02-01")
	o.Seed++
	other, later := New(o), New(on("2026-08-01"))
	for i, path := range paths {
		want := body(t, a, path)
		if !bytes.Equal(want, body(t, b, path)) {
			t.Errorf("%s differs between two servers alike", path)
		}
		if bytes.Equal(want, body(t, other, path)) {
			t.Errorf("%s is the same with another seed", path)
		}
		if same := bytes.Equal(want, body(t, later, path)); same != (i == 2) {
			t.Errorf("%s half a year later: same = %v", path, same)
		}
	}
}

func BenchmarkCoffeeFile(b *testing.B) {
	s := New(on("2026-02-01"))
	r, _ := s.current()
	for b.Loop() {
		b.SetBytes(int64(len(s.pack(coffeeFile, r))))
	}
}

func BenchmarkFirstChart(b *testing.B) {
	for b.Loop() {
		s := New(on("2026-02-01"))
		r := httptest.NewRequest(http.MethodGet, chartPath+"?interval=1d&range=max", nil)
		r.Header.Set("User-Agent", "materia test")
		s.ServeHTTP(httptest.NewRecorder(), r)
	}
}
