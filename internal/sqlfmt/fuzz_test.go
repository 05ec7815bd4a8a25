package sqlfmt

import (
	"os"
	"strings"
	"testing"
)

// Whatever the text: no panic, and a layout has the tokens and comments of the
// text it was made of.
func FuzzLayout(f *testing.F) {
	files, err := Files(transform)
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(raw))
	}
	for _, s := range []string{"select - -1", "a -- c\n, b", "/* a /* b */ */ select 1", "select 'a'\n'b'", "MODEL(", "x::int[", "$a$ $a$", "@a(@b)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		formatted, err := layout(text)
		if err != nil {
			return
		}
		code, comments := apart(text)
		newCode, newComments := apart(formatted)
		if at := firstDifference(code, newCode); at != "" {
			t.Errorf("code near %q:\n%q\n%q", at, text, formatted)
		}
		if at := firstDifference(comments, newComments); at != "" {
			t.Errorf("comment %q:\n%q\n%q", at, text, formatted)
		}
		if strings.Contains(formatted, " \n") && !strings.Contains(text, " \n") {
			t.Errorf("blanks at the end of a line:\n%q", formatted)
		}
	})
}
