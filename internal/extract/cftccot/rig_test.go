package cftccot

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	_ "time/tzdata"

	"beanflows.coffee/materia/internal/extract/extracttest"
)

func newRig(t testing.TB, answer http.HandlerFunc) *extracttest.Rig {
	t.Helper()
	r := extracttest.New(t, Source(), answer)
	r.Trim = "/www.cftc.gov/files/dea/history/"
	return r
}

// publish answers like the publisher: one ZIP a name, 404 for others.
func publish(files map[string][]byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, ok := files[filepath.Base(r.URL.Path)]
		if !ok {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, "<!DOCTYPE html><html><title>Page not found</title></html>")
			return
		}
		etag := `"` + extracttest.Hash(body)[:16] + `"`
		w.Header().Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Write(body)
	}
}

func zipOf(t testing.TB, text string) []byte { return extracttest.Zip(t, "f_year.txt", text) }

// madeRow is a row of the newest form with every position 1 and the open
// interest that makes them add up.
func madeRow(code, day string) []string {
	row := make([]string, 0, len(columns()))
	for _, name := range columns() {
		switch {
		case name == dateColumn:
			row = append(row, day)
		case name == "CFTC_Contract_Market_Code":
			row = append(row, code)
		case name == "Open_Interest_All":
			row = append(row, "       8")
		case name == "Contract_Units":
			row = append(row, `"(CONTRACTS OF 37,500 POUNDS)"`)
		case strings.Contains(name, "Positions"):
			row = append(row, "       1")
		default:
			row = append(row, "      .")
		}
	}
	return row
}

// madeFile is a file of coffee and another contract, newest report first.
func madeFile(days ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\r\n", strings.Join(columns(), ","))
	for _, code := range []string{"001602", coffeeCode} {
		for _, day := range days {
			fmt.Fprintf(&b, "%s\r\n", strings.Join(madeRow(code, day), ","))
		}
	}
	return b.String()
}
