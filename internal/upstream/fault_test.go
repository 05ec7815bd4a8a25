package upstream

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// serve runs a server on the loopback.
func serve(t *testing.T, o Options) (*Server, string) {
	t.Helper()
	s := New(o)
	web := httptest.NewServer(s)
	t.Cleanup(func() {
		_ = s.Close()
		web.Close()
	})
	return s, web.URL
}

// get asks over the network, without following redirects.
func get(t *testing.T, ctx context.Context, url string) (*http.Response, []byte, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("User-Agent", "materia test")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, text, err
}

func mustSet(t *testing.T, s *Server, faults ...Fault) {
	t.Helper()
	if err := s.SetFaults(faults...); err != nil {
		t.Fatal(err)
	}
}

func TestValidatorsSaveTheTransfer(t *testing.T) {
	s := New(on("2026-02-01"))
	first := ask(t, s, http.MethodGet, coffeeNow)
	etag, modified := first.Header.Get("ETag"), first.Header.Get("Last-Modified")
	if etag == "" || modified == "" || first.Header.Get("Content-Type") != "application/x-zip-compressed" {
		t.Fatalf("headers %v", first.Header)
	}
	at, err := http.ParseTime(modified)
	if err != nil || at.Format("2006-01") != "2026-01" {
		t.Errorf("Last-Modified %q is not January's release", modified)
	}
	for _, c := range []struct {
		want   int
		header []string
	}{
		{304, []string{"If-None-Match", etag}},
		{304, []string{"If-None-Match", `"other", W/` + etag}},
		{304, []string{"If-None-Match", "*"}},
		{200, []string{"If-None-Match", `"other"`}},
		{200, []string{"If-None-Match", `"other"`, "If-Modified-Since", modified}}, // the ETag decides
		{304, []string{"If-Modified-Since", modified}},
		{304, []string{"If-Modified-Since", at.Add(time.Hour).Format(http.TimeFormat)}},
		{200, []string{"If-Modified-Since", at.Add(-time.Second).Format(http.TimeFormat)}},
		{200, []string{"If-Modified-Since", "yesterday"}},
	} {
		resp := ask(t, s, http.MethodGet, coffeeNow, c.header...)
		text, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != c.want || (c.want == 304) != (len(text) == 0) || resp.Header.Get("ETag") != etag {
			t.Errorf("%v: HTTP %d, %d bytes, ETag %s; want %d", c.header, resp.StatusCode, len(text), resp.Header.Get("ETag"), c.want)
		}
	}
	if june := ask(t, s, http.MethodHead, archives+"2025/06/psd_coffee_csv.zip"); june.Header.Get("ETag") == etag {
		t.Error("two releases share an ETag")
	}
	head := ask(t, s, http.MethodHead, coffeeNow)
	if text, _ := io.ReadAll(head.Body); len(text) != 0 || head.Header.Get("Content-Length") != first.Header.Get("Content-Length") || head.Header.Get("ETag") != etag {
		t.Errorf("HEAD: %d bytes, headers %v, GET %v", len(text), head.Header, first.Header)
	}
	if resp := ask(t, s, http.MethodPost, coffeeNow); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: HTTP %d", resp.StatusCode)
	}
	for _, path := range []string{"/", "/example.com/", "/apps.fas.usda.gov/psdonline/downloads/psd_cotton_csv.zip", "/query1.finance.yahoo.com/v7/finance/quote"} {
		if resp := ask(t, s, http.MethodGet, path); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: HTTP %d", path, resp.StatusCode)
		}
	}
}

func TestRequestsAreListed(t *testing.T) {
	s, url := serve(t, on("2026-02-01"))
	ctx := t.Context()
	_, file, err := get(t, ctx, url+coffeeNow)
	if err != nil {
		t.Fatal(err)
	}
	mustSet(t, s, Fault{Path: coffeeNow, Kind: Truncate, Bytes: 10})
	if _, _, err := get(t, ctx, url+coffeeNow); err == nil {
		t.Error("a truncated answer reads whole")
	}
	if _, _, err := get(t, ctx, url+chartPath+"?interval=2d"); err != nil {
		t.Fatal(err)
	}
	_, text, err := get(t, ctx, url+"/__requests")
	if err != nil {
		t.Fatal(err)
	}
	var listed []map[string]any
	if err := json.Unmarshal(text, &listed); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(listed[:2])
	want := fmt.Sprintf("[map[bytes:%d method:GET path:%s status:200] map[bytes:10 method:GET path:%s status:200]]", len(file), coffeeNow, coffeeNow)
	if got != want || len(listed) != 3 || listed[2]["path"] != chartPath+"?interval=2d" || listed[2]["status"] != 422. {
		t.Errorf("listed %v\nwant %s and the chart", listed, want)
	}
	if len(s.Requests()) != 3 {
		t.Errorf("%d requests by method", len(s.Requests()))
	}
}

func TestFaultsOnTheWay(t *testing.T) {
	s, url := serve(t, on("2026-02-01"))
	url += coffeeNow
	ctx := t.Context()
	_, whole, err := get(t, ctx, url)
	if err != nil {
		t.Fatal(err)
	}

	mustSet(t, s, Fault{Path: "apps.fas.usda.gov/", Kind: Status, Status: 503, RetryAfter: "7", Times: 2})
	for i, want := range []int{503, 503, 200} {
		resp, _, err := get(t, ctx, url)
		if err != nil || resp.StatusCode != want || (want == 503) != (resp.Header.Get("Retry-After") == "7") || resp.Header.Get(OriginHeader) != Origin {
			t.Fatalf("request %d: %v %v, want %d", i, resp, err, want)
		}
	}

	mustSet(t, s, Fault{Kind: HTML200})
	resp, text, err := get(t, ctx, url)
	if err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/html" || !bytes.HasPrefix(text, []byte("<!DOCTYPE html>")) {
		t.Errorf("html200: %v %v", resp, err)
	}

	mustSet(t, s, Fault{Kind: Redirect, Location: "http://169.254.1.1/"})
	resp, _, err = get(t, ctx, url)
	if err != nil || resp.StatusCode != 302 || resp.Header.Get("Location") != "http://169.254.1.1/" {
		t.Errorf("redirect: %v %v", resp, err)
	}

	mustSet(t, s, Fault{Kind: Truncate, Bytes: 1000})
	resp, text, err = get(t, ctx, url)
	if !errors.Is(err, io.ErrUnexpectedEOF) || !bytes.Equal(text, whole[:1000]) || resp.ContentLength != int64(len(whole)) {
		t.Errorf("truncate: %d bytes of %d, %v", len(text), resp.ContentLength, err)
	}

	mustSet(t, s, Fault{Kind: Stall, Bytes: 100})
	short, cancel := context.WithTimeout(ctx, time.Second)
	_, text, err = get(t, short, url)
	cancel()
	if !errors.Is(err, context.DeadlineExceeded) || !bytes.Equal(text, whole[:100]) {
		t.Errorf("stall: %d bytes, %v", len(text), err)
	}

	mustSet(t, s, Fault{Kind: Drip, Bytes: len(whole)/4 + 1, EveryMS: 60})
	start := time.Now()
	_, text, err = get(t, ctx, url)
	if took := time.Since(start); err != nil || !bytes.Equal(text, whole) || took < 200*time.Millisecond {
		t.Errorf("drip: %d bytes in %s, %v", len(text), took, err)
	}

	mustSet(t, s, Fault{Kind: Short, Bytes: 5000})
	resp, text, err = get(t, ctx, url)
	if err != nil || !bytes.Equal(text, whole[:5000]) || resp.ContentLength != 5000 {
		t.Errorf("short: %d bytes, %v", len(text), err)
	}

	mustSet(t, s, Fault{Kind: Corrupt})
	_, text, err = get(t, ctx, url)
	if err != nil || len(text) != len(whole) || readsAsZIP(text) {
		t.Errorf("corrupt: %d bytes, reads %v, %v", len(text), readsAsZIP(text), err)
	}

	mustSet(t, s, Fault{Kind: WrongMagic})
	resp, text, err = get(t, ctx, url)
	if err != nil || resp.StatusCode != 200 || bytes.HasPrefix(text, []byte("PK")) || resp.Header.Get("Content-Type") != "application/x-zip-compressed" {
		t.Errorf("wrong_magic: %.20q %v", text, err)
	}

	mustSet(t, s, Fault{Kind: NoValidators})
	if resp, _, err = get(t, ctx, url); err != nil || resp.Header.Get("ETag")+resp.Header.Get("Last-Modified") != "" {
		t.Errorf("no_validators: %v %v", resp.Header, err)
	}
	mustSet(t, s, Fault{Kind: WrongETag})
	if resp, _, err = get(t, ctx, url); err != nil || resp.Header.Get("ETag") != `"same"` {
		t.Errorf("wrong_etag: %v %v", resp.Header, err)
	}

	mustSet(t, s) // and all is well
	if _, text, err = get(t, ctx, url); err != nil || !bytes.Equal(text, whole) || !readsAsZIP(text) {
		t.Errorf("afterwards: %d bytes, %v", len(text), err)
	}
}

func readsAsZIP(file []byte) bool {
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return false
	}
	r, err := z.File[0].Open()
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, r)
	return err == nil
}

func TestCloseLetsStalledAnswersGo(t *testing.T) {
	s := New(on("2026-02-01"))
	mustSet(t, s, Fault{Kind: Stall})
	done := make(chan int)
	go func() {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, coffeeNow, nil))
		done <- w.Body.Len()
	}()
	select {
	case <-done:
		t.Error("a stalled answer ended by itself")
	case <-time.After(100 * time.Millisecond):
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if n := <-done; n != 0 {
		t.Errorf("%d bytes", n)
	}
}

func TestFaultsInTheCSV(t *testing.T) {
	s := New(on("2026-02-01"))
	lines := func() [][]byte {
		_, text := unzip(t, body(t, s, coffeeNow))
		all := bytes.SplitAfter(text, []byte("\r\n"))
		return all[:len(all)-1]
	}
	plain := lines()
	etag := ask(t, s, http.MethodHead, coffeeNow).Header.Get("ETag")
	modified := ask(t, s, http.MethodHead, coffeeNow).Header.Get("Last-Modified")
	for _, c := range []struct {
		fault       Fault
		rows        int
		header, row string // last column of the header, first row
	}{
		{Fault{Kind: RenameColumn}, len(plain), "Unit_Description,Amount\r\n", string(plain[1])},
		{Fault{Kind: RenameColumn, Column: "Market_Year", To: "Year"}, len(plain), "Unit_Description,Value\r\n", string(plain[1])},
		{Fault{Kind: DropColumn}, len(plain), "Unit_ID,Unit_Description\r\n", strings.TrimSuffix(string(plain[1]), ",0.0000\r\n") + "\r\n"},
		{Fault{Kind: DropColumn, Column: "Commodity_Description"}, len(plain), "Unit_Description,Value\r\n", strings.Replace(string(plain[1]), `"Coffee, Green",`, "", 1)},
		{Fault{Kind: WrongType}, len(plain), "Unit_Description,Value\r\n", strings.Replace(string(plain[1]), ",0.0000", ",n/a", 1)},
		{Fault{Kind: WrongType, Column: "Market_Year"}, len(plain), "Unit_Description,Value\r\n", strings.Replace(string(plain[1]), ",2002,", ",n/a,", 1)},
		{Fault{Kind: AddColumn}, len(plain), "Unit_Description,Value,Note\r\n", strings.Replace(string(plain[1]), "\r\n", ",\"sample\"\r\n", 1)},
		{Fault{Kind: ReorderColumns}, len(plain), "Commodity_Description,Commodity_Code\r\n", ""},
		{Fault{Kind: WrongType, To: "NaN", Rows: 1}, len(plain), "Unit_Description,Value\r\n", strings.Replace(string(plain[1]), ",0.0000", ",NaN", 1)},
		{Fault{Kind: Empty}, 1, "Unit_Description,Value\r\n", ""},
		{Fault{Kind: Duplicates, Rows: 7}, len(plain) + 7, "Unit_Description,Value\r\n", string(plain[1])},
		{Fault{Kind: BOM}, len(plain), "Unit_Description,Value\r\n", string(plain[1])},
		{Fault{Kind: CP1252}, len(plain), "Unit_Description,Value\r\n", "\xe9" + string(plain[1])},
		{Fault{Kind: FewerRows, Rows: 19}, 20, "Unit_Description,Value\r\n", string(plain[1])},
		{Fault{Kind: FewerRows}, 1 + (len(plain)-1)/10, "Unit_Description,Value\r\n", string(plain[1])},
	} {
		mustSet(t, s, c.fault)
		got := lines()
		if c.fault.Kind == BOM != bytes.HasPrefix(got[0], []byte("\ufeff")) {
			t.Errorf("%+v: header %q", c.fault, got[0])
		}
		if c.fault.Kind == Duplicates && !bytes.Equal(got[len(plain)+6], plain[7]) {
			t.Errorf("duplicates: last row %q, want %q", got[len(plain)+6], plain[7])
		}
		if len(got) != c.rows || !bytes.HasSuffix(got[0], []byte(c.header)) || c.row != "" && string(got[1]) != c.row {
			t.Errorf("%+v: %d lines, header %q, rows %.200q; want %d, %q, %q", c.fault, len(got), got[0], got[1:], c.rows, c.header, c.row)
		}
	}
	for _, header := range [][]string{{"If-None-Match", etag}, {"If-Modified-Since", modified}} {
		if resp := ask(t, s, http.MethodHead, coffeeNow, header...); resp.StatusCode != 200 {
			t.Errorf("an edited file hides behind %v", header)
		}
	}
	if !bytes.Contains(func() []byte {
		mustSet(t, s, Fault{Kind: RenameColumn, Column: "Market_Year", To: "Year"})
		return lines()[0]
	}(), []byte(",Year,Calendar_Year,")) {
		t.Error("Market_Year was not renamed")
	}

	// A revision moves the last ten seasons, no other, and keeps the identities.
	mustSet(t, s)
	before := table(t, body(t, s, coffeeNow))
	mustSet(t, s, Fault{Kind: Revise})
	after := table(t, body(t, s, coffeeNow))
	moved := 0
	for key, row := range after {
		if fmt.Sprint(row.value) != fmt.Sprint(before[key].value) {
			moved++
			if key.label < 2016 {
				t.Errorf("revise moved %v", key)
			}
		}
		if v := row.value; v["086"] != v["178"] || v["028"] != v["029"]+v["053"] {
			t.Errorf("revise broke %v", key)
		}
	}
	if moved < 300 || len(after) != len(before) {
		t.Errorf("revise moved %d country-years of %d, before %d", moved, len(after), len(before))
	}
}

func TestFaultyHeader(t *testing.T) {
	s := New(on("2026-02-01"))
	mustSet(t, s, Fault{Kind: Header, To: "Retry-After: 7"})
	if resp := ask(t, s, http.MethodHead, coffeeNow); resp.StatusCode != 200 || resp.Header.Get("Retry-After") != "7" || resp.Header.Get("ETag") == "" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	mustSet(t, s, Fault{Kind: Header, To: "ETag:"})
	if resp := ask(t, s, http.MethodHead, coffeeNow); resp.Header.Get("ETag") != "" || resp.Header.Get("Last-Modified") == "" {
		t.Errorf("%v", resp.Header)
	}
	if err := s.SetFaults(Fault{Kind: Header, To: "ETag"}); err == nil {
		t.Error("a header without a colon is no header")
	}
}

func TestFaultsInTheChart(t *testing.T) {
	s := New(on("2025-12-07"))
	const query = "?interval=1d&range=1mo"
	result := func() map[string]any {
		var v struct {
			Chart struct{ Result []map[string]any }
		}
		if err := json.Unmarshal(body(t, s, chartPath+query), &v); err != nil {
			t.Fatal(err)
		}
		return v.Chart.Result[0]
	}
	quote := func(r map[string]any) map[string]any {
		return r["indicators"].(map[string]any)["quote"].([]any)[0].(map[string]any)
	}
	plain := result()
	bars := len(plain["timestamp"].([]any))

	mustSet(t, s, Fault{Kind: RenameColumn, Column: "volume", To: "lots"})
	if q := quote(result()); q["volume"] != nil || fmt.Sprint(q["lots"]) != fmt.Sprint(quote(plain)["volume"]) {
		t.Errorf("rename_column: %v", q)
	}
	mustSet(t, s, Fault{Kind: DropColumn})
	if q := quote(result()); q["close"] != nil || q["open"] == nil {
		t.Errorf("drop_column: %v", q)
	}
	mustSet(t, s, Fault{Kind: DropColumn, Column: "timestamp"})
	if r := result(); r["timestamp"] != nil || quote(r)["close"] == nil {
		t.Errorf("drop_column timestamp: %v", r)
	}
	mustSet(t, s, Fault{Kind: WrongType})
	if q := quote(result()); q["close"].([]any)[0] != "n/a" || len(q["close"].([]any)) != bars {
		t.Errorf("wrong_type: %v", q)
	}
	mustSet(t, s, Fault{Kind: AddColumn, To: "settlement"})
	if q := quote(result()); q["settlement"] == nil || len(q) != 6 {
		t.Errorf("add_column: %v", q)
	}
	mustSet(t, s, Fault{Kind: Duplicates, Rows: 2})
	if r := result(); len(r["timestamp"].([]any)) != bars+2 || len(quote(r)["close"].([]any)) != bars+2 || r["timestamp"].([]any)[bars] != r["timestamp"].([]any)[0] {
		t.Errorf("duplicates: %v", r)
	}
	mustSet(t, s, Fault{Kind: Empty})
	if r := result(); r["timestamp"] != nil {
		t.Errorf("empty: %v", r)
	}
	mustSet(t, s, Fault{Kind: BOM})
	if text := body(t, s, chartPath+query); !bytes.HasPrefix(text, []byte("\ufeff{")) {
		t.Errorf("bom: %.20q", text)
	}
	mustSet(t, s, Fault{Kind: CP1252})
	if text := body(t, s, chartPath+query); utf8.Valid(text) || !bytes.HasPrefix(text, []byte("{")) {
		t.Errorf("cp1252: %.80q", text)
	}
	mustSet(t, s, Fault{Kind: FewerRows, Rows: 3})
	if r := result(); len(r["timestamp"].([]any)) != 3 || len(quote(r)["close"].([]any)) != 3 {
		t.Errorf("fewer_rows: %v", r)
	}
	mustSet(t, s, Fault{Kind: Revise})
	changed := 0
	for i, x := range quote(result())["close"].([]any) {
		if x != quote(plain)["close"].([]any)[i] {
			changed++
			if i < bars-5 {
				t.Errorf("revise moved bar %d of %d", i, bars)
			}
		}
	}
	if changed == 0 {
		t.Error("revise moved no close")
	}
}

func TestFaultsOverHTTP(t *testing.T) {
	s := New(on("2026-02-01"))
	send := func(method, text string) (int, string) {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(method, "/__faults", strings.NewReader(text)))
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	if code, text := send("POST", `{"path":"query1.finance.yahoo.com","kind":"status","status":429,"times":1}`); code != 200 || !strings.Contains(text, `"status":429`) {
		t.Errorf("one: %d %s", code, text)
	}
	if code, _ := send("POST", `[{"path":"apps.fas.usda.gov","kind":"stall"},{"path":"","kind":"drip"}]`); code != 200 || len(s.Faults()) != 3 {
		t.Errorf("two more: %d %v", code, s.Faults())
	}
	for _, bad := range []string{"x", `{"kind":"nonsense"}`, `{"kind":"redirect"}`, `{"kind":"status","status":99}`, `{"kind":"drip","times":-1}`, `{"kind":"drip","time":1}`} {
		if code, text := send("POST", bad); code != 400 || !strings.Contains(text, "error") || len(s.Faults()) != 3 {
			t.Errorf("%s: %d %s", bad, code, text)
		}
	}
	if resp := ask(t, s, http.MethodGet, chartPath+"?interval=1d"); resp.StatusCode != 429 {
		t.Errorf("HTTP %d, want the fault's 429", resp.StatusCode)
	}
	if left := s.Faults(); len(left) != 2 || slices.ContainsFunc(left, func(f Fault) bool { return f.Kind == Status }) {
		t.Errorf("a fault for one answer is still there: %v", left)
	}
	if code, text := send("DELETE", ""); code != 200 || text != "[]" {
		t.Errorf("DELETE: %d %s", code, text)
	}
	if code, text := send("GET", ""); code != 200 || text != "[]" {
		t.Errorf("GET: %d %s", code, text)
	}
	if code, _ := send("PUT", ""); code != 405 {
		t.Errorf("PUT: %d", code)
	}
}

func TestManyAskAtOnce(t *testing.T) {
	s := New(on("2026-02-01"))
	answers := make(chan []byte)
	for i := range 16 {
		go func() {
			path := coffeeNow
			if i%2 == 1 {
				path = chartPath + "?interval=1d&range=max"
			}
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.Header.Set("User-Agent", "materia test")
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			answers <- w.Body.Bytes()
		}()
	}
	seen := map[string]int{}
	for range 16 {
		seen[string(<-answers)]++
	}
	for _, n := range seen {
		if n != 8 {
			t.Errorf("%d of 8 alike", n)
		}
	}
	if len(seen) != 2 || len(s.Requests()) != 16 {
		t.Errorf("%d answers to 2 questions, %d requests", len(seen), len(s.Requests()))
	}
}
