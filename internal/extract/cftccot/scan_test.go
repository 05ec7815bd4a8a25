package cftccot

import (
	"bytes"
	"encoding/csv"
	"io"
	"slices"
	"strings"
	"testing"

	"beanflows.coffee/materia/internal/extract"
	"beanflows.coffee/materia/internal/extract/extracttest"
	"beanflows.coffee/materia/internal/realdata"
)

// The names are those of the real headers, in their order, of every form.
func TestColumnsAreTheRealOnes(t *testing.T) {
	for _, name := range []string{"f_year_2010_083731.txt", "f_year_2013_083731.txt", "f_year_2024_083731.txt", "c_year_2024_083731.txt"} {
		header, _, _ := strings.Cut(string(realdata.Read(t, "cot/coffee_only/"+name)), "\n")
		names := strings.Split(strings.ReplaceAll(strings.TrimSpace(header), `"`, ""), ",")
		if name < "f_year_2013" && name > "f" {
			names[2] = dateColumn
		}
		if !slices.Equal(names, columns()) {
			t.Errorf("%s: other columns", name)
		}
	}
}

// encoding/csv fails on the real files up to 2014, or reads each line as one
// field; extract.Rows reads them.
func TestRowsReadWhatTheStandardReaderCannot(t *testing.T) {
	text := realdata.Read(t, "cot/coffee_only/f_year_2013_083731.txt")
	lazy := csv.NewReader(bytes.NewReader(text))
	if _, err := lazy.ReadAll(); err == nil {
		t.Error("encoding/csv reads it: Rows has no reason to be")
	}
	var first []string
	rows := extract.Rows{Header: func([]string) error { return nil }, Row: func(number int64, fields [][]byte) error {
		for _, f := range fields {
			if number == 1 {
				first = append(first, string(f))
			}
		}
		return nil
	}}
	if _, err := rows.Write(text); err != nil || len(first) != 191 {
		t.Fatalf("%d fields, %v", len(first), err)
	}
	for at, want := range map[int]string{0: "COFFEE C - ICE FUTURES U.S.", 2: "2013-12-31", 3: "083731", 6: "083", 185: "(CONTRACTS OF 37,500 POUNDS)", 190: "FutOnly"} {
		if first[at] != want {
			t.Errorf("field %d is %q, want %q", at, first[at], want)
		}
	}
}

// However a text comes in pieces, the scanner sees the same, and what it accepts
// the standard reader takes for as many rows once the blanks are gone.
func FuzzScan(f *testing.F) {
	good := madeFile("2024-01-09", "2024-01-02")
	f.Add([]byte(good), 7)
	f.Add([]byte(strings.ReplaceAll(good, `POUNDS)"`, `POUNDS)" `)), 1000)
	f.Add([]byte(strings.ReplaceAll(good, "\r\n", "\n")), 1)
	f.Add([]byte(good[:len(good)-2]), 64)
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		whole, pieces := newScanner(0), newScanner(0)
		wholeErr := scan(whole, text, len(text)+1)
		piecesErr := scan(pieces, text, 1+max(size, -size)%4096)
		if (wholeErr == nil) != (piecesErr == nil) || whole.Count != pieces.Count || whole.newest != pieces.newest || whole.coffeeRows != pieces.coffeeRows {
			t.Fatalf("in one: %v, %d rows; in pieces: %v, %d rows", wholeErr, whole.Count, piecesErr, pieces.Count)
		}
		if wholeErr != nil {
			return
		}
		r := csv.NewReader(bytes.NewReader(bytes.ReplaceAll(blanksAfterQuotes(text), []byte("\ufeff"), nil)))
		r.TrimLeadingSpace = true
		all, err := r.ReadAll()
		if err != nil || int64(len(all)) != whole.Count+1 {
			t.Fatalf("%d rows accepted, the standard reader has %d, %v", whole.Count, len(all)-1, err)
		}
	})
}

// blanksAfterQuotes are taken away, as many as there are.
func blanksAfterQuotes(text []byte) []byte {
	for {
		next := bytes.ReplaceAll(bytes.ReplaceAll(bytes.ReplaceAll(text, []byte(`" ,`), []byte(`",`)), []byte("\" \r\n"), []byte("\"\r\n")), []byte("\" \n"), []byte("\"\n"))
		if len(next) == len(text) {
			return bytes.TrimRight(next, " ")
		}
		text = next
	}
}

func scan(s *scanner, text []byte, size int) error {
	for piece := range slices.Chunk(text, size) {
		if _, err := s.Write(piece); err != nil {
			return err
		}
	}
	return s.Close()
}

// BenchmarkScan is the check of a real year beside reading it.
func BenchmarkScan(b *testing.B) {
	text := extracttest.Unzip(b, realdata.Read(b, "cot/disagg_fut/fut_disagg_txt_2024.zip"))
	b.Run("copy", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			io.Copy(io.Discard, struct{ io.Reader }{bytes.NewReader(text)})
		}
	})
	b.Run("scan", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			if err := scan(newScanner(0), text, 256<<10); err != nil {
				b.Fatal(err)
			}
		}
	})
}
