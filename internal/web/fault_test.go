package web

import "testing"

// An error of a publisher with a long question is a line a person can read.
func TestFault(t *testing.T) {
	f := faultOf("a 2026: https://host.example/v1/archive?latitude=-21.55&zone=America%2FSao_Paulo: HTTP 503 (try again)\nb: Get \"http://b.example/?x=1\": refused\nlast\n")
	if want := "a 2026: https://host.example/v1/archive?…: HTTP 503 (try again)"; f.First != want || len(f.More) != 2 {
		t.Errorf("%+v", f)
	}
	if want := "b: Get \"http://b.example/?…\": refused"; f.Lines()[1] != want {
		t.Errorf("%q, want %q", f.Lines()[1], want)
	}
	if got := faultOf("one").line(); got != "one" {
		t.Errorf("%q", got)
	}
	if got, want := f.line(), f.First+" (and 2 more lines)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
