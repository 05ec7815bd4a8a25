package web

import (
	"regexp"
	"strings"
)

// fault is an error as a page shows it: its first line, and the others for whoever
// asks. Machines write a line a failed part.
type fault struct {
	First string
	More  []string
}

// asked is the part of a URL that says what was asked; it can be as long as a page.
var asked = regexp.MustCompile(`(https?://[^\s?"]+)\?[^\s"]*[^\s":]`)

func faultOf(message string) (f fault) {
	lines := strings.Split(asked.ReplaceAllString(strings.TrimSpace(message), "$1?…"), "\n")
	return fault{First: lines[0], More: lines[1:]}
}

// Lines are all of them.
func (f fault) Lines() []string { return append([]string{f.First}, f.More...) }

// line is the error in one line.
func (f fault) line() string {
	if len(f.More) == 0 {
		return f.First
	}
	return f.First + " (and " + count(int64(len(f.More)), "more line") + ")"
}
