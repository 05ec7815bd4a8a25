package web

import (
	"archive/zip"
	"compress/gzip"
	"database/sql"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"beanflows.coffee/materia/internal/realdata"
	"beanflows.coffee/materia/internal/serving"
)

// today is the day after the newest price of the fixtures.
var today = time.Date(2025, 12, 10, 9, 0, 0, 0, time.UTC)

// publish writes a serving file from SQL texts and files of testdata. The driver
// "duckdb" is registered by what serving opens.
func publish(t testing.TB, path string, texts ...string) {
	t.Helper()
	temp := path + ".new"
	os.Remove(temp)
	db, err := sql.Open("duckdb", temp)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1) // temporary tables belong to a connection
	for _, text := range texts {
		if strings.HasSuffix(text, ".sql") {
			body, err := os.ReadFile(filepath.Join("testdata", text))
			if err != nil {
				t.Fatal(err)
			}
			text = string(body)
		}
		if _, err := db.Exec(text); err != nil {
			t.Fatalf("fixture: %v\n%.300s", err, text)
		}
	}
	if _, err := db.Exec("CHECKPOINT"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temp, path); err != nil {
		t.Fatal(err)
	}
}

// small publishes the hand-written fixture, changed by statements.
func small(t testing.TB, path string, change ...string) {
	t.Helper()
	publish(t, path, append([]string{"schema.sql", "meta.sql", "small.sql"}, change...)...)
}

func open(t testing.TB, path string, now time.Time) http.Handler {
	t.Helper()
	return openAt(t, path, func() time.Time { return now })
}

func openAt(t testing.TB, path string, now func() time.Time) http.Handler {
	t.Helper()
	r, err := serving.OpenReader(path, serving.ReaderOptions{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	return New(r, Options{Log: log, Now: now, Version: "test"})
}

func smallSite(t testing.TB, change ...string) http.Handler {
	t.Helper()
	path := filepath.Join(t.TempDir(), "analytics.duckdb")
	small(t, path, change...)
	return open(t, path, today)
}

// get asks for a page without compression.
func get(t testing.TB, h http.Handler, url string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
	return w
}

// getPage is get for a page that must be there; it returns the HTML.
func getPage(t testing.TB, h http.Handler, url string) string {
	t.Helper()
	w := get(t, h, url)
	if w.Code != http.StatusOK {
		t.Fatalf("GET %s: status %d\n%s", url, w.Code, w.Body)
	}
	return w.Body.String()
}

var realOnce struct {
	sync.Mutex
	files map[bool][]byte
}

// realData publishes all but the weather, computed from real files, at path; with
// revised also the release of December 2023.
func realData(t testing.TB, path string, revised bool) {
	t.Helper()
	dir := realdata.Dir(t)
	realOnce.Lock()
	defer realOnce.Unlock()
	if body, ok := realOnce.files[revised]; ok {
		if err := os.WriteFile(path, body, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	second := "false"
	if revised {
		second = "true"
	}
	scratch := t.TempDir()
	text, err := os.ReadFile("testdata/real.sql")
	if err != nil {
		t.Fatal(err)
	}
	filled := strings.NewReplacer(
		"{{prices}}", filepath.Join(dir, "prices/kcf_daily_ohlcv_20000103_20251209.csv"),
		"{{psd}}", unzip(t, filepath.Join(dir, "psd/psd_coffee_csv_2022-12-20.zip"), scratch),
		"{{pivot}}", gunzip(t, filepath.Join(dir, "psd/derived_kaggle_pivot_coffee_2023-12.csv.gz"), scratch),
		"{{countries}}", filepath.Join(dir, "psd/lookup_countries_coffee.csv"),
		"{{attributes}}", filepath.Join(dir, "psd/lookup_attributes_coffee.csv"),
		"{{second}}", second,
		"{{weather}}", filepath.Join(dir, "weather/openmeteo_archive_daily_minas_gerais_20150101_20260201.csv"),
		"{{cot}}", filepath.Join(dir, "cot/coffee_only/f_year_*.txt"),
		"{{stocks}}", filepath.Join(dir, "ice_stocks/certified_stocks_arabica_20250528_20260806.json"),
		"{{oldstocks}}", filepath.Join(dir, "ice_stocks/certified_stocks_arabica_daily_by_port_*.json"),
		"{{months}}", filepath.Join(dir, "ice_stocks/ice_eom_kc_cert_stocks_total_excerpt_1996_2026.csv"),
	).Replace(string(text))
	publish(t, path, "schema.sql", "meta.sql", filled)
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if realOnce.files == nil {
		realOnce.files = map[bool][]byte{}
	}
	realOnce.files[revised] = body
}

func unzip(t testing.TB, path, dir string) string {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	f, err := z.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return save(t, f, filepath.Join(dir, "psd.csv"))
}

func gunzip(t testing.TB, path, dir string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	return save(t, z, filepath.Join(dir, "pivot.csv"))
}

func save(t testing.TB, r io.Reader, path string) string {
	t.Helper()
	body, err := io.ReadAll(r)
	if err == nil {
		err = os.WriteFile(path, body, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// cutAfter drops the trade dates after a day from a published file.
func cutAfter(t testing.TB, path, date string) {
	t.Helper()
	db, err := sql.Open("duckdb", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, q := range []string{"DELETE FROM serving.coffee_prices WHERE trade_date > DATE '" + date + "'", "CHECKPOINT"} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
}
