package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one thing wrong with one place of the project.
type Error struct {
	File      string // path as given: root joined with the file's place in it
	Line, Col int    // from 1; Col counts characters. 0: the whole file
	Msg       string
	Hint      string
	Source    string // the line, empty if there is none
	Width     int    // characters to underline, at least 1
}

// Error is "file:line:col: message", the line with a caret, and the hint.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Col)
	}
	b.WriteString(": " + e.Msg)
	if e.Line > 0 && e.Source != "" {
		margin := fmt.Sprintf("%5d | ", e.Line)
		fmt.Fprintf(&b, "\n%s%s\n%s| %s%s", margin, strings.TrimRight(e.Source, "\r"),
			strings.Repeat(" ", len(margin)-2), indent(e.Source, e.Col-1), strings.Repeat("^", max(1, e.Width)))
	}
	if e.Hint != "" {
		b.WriteString("\n      " + strings.ReplaceAll(e.Hint, "\n", "\n      "))
	}
	return b.String()
}

// indent is as wide as the first n characters of line: tabs stay tabs.
func indent(line string, n int) string {
	var b strings.Builder
	for _, r := range line {
		if n--; n < 0 {
			break
		}
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// ErrorList is everything wrong with a project, sorted by place, each once.
type ErrorList struct{ Errors []*Error }

func (l *ErrorList) Error() string {
	all := make([]string, 0, len(l.Errors)+1)
	for _, e := range l.Errors {
		all = append(all, e.Error())
	}
	if len(l.Errors) > 1 {
		all = append(all, fmt.Sprintf("%d errors", len(l.Errors)))
	}
	return strings.Join(all, "\n")
}

// Unwrap gives errors.As and errors.Is the single errors.
func (l *ErrorList) Unwrap() []error {
	all := make([]error, len(l.Errors))
	for i, e := range l.Errors {
		all[i] = e
	}
	return all
}

// add reports a byte range of a file.
func (l *ErrorList) add(f *file, at Span, hint, format string, args ...any) {
	line, col := f.position(at.Start)
	src := f.line(line)
	e := &Error{File: f.shown, Line: line, Col: col, Msg: fmt.Sprintf(format, args...), Hint: hint, Source: src}
	end := min(at.End, len(f.text))
	if end > at.Start {
		text, _, _ := strings.Cut(f.text[at.Start:end], "\n")
		e.Width = len([]rune(strings.TrimRight(text, "\r ")))
	}
	l.Errors = append(l.Errors, e)
}

// addFile reports a file as a whole.
func (l *ErrorList) addFile(shown, hint, format string, args ...any) {
	l.Errors = append(l.Errors, &Error{File: shown, Msg: fmt.Sprintf(format, args...), Hint: hint})
}

// asError sorts, drops repetitions, and is nil for an empty list.
func (l *ErrorList) asError() error {
	if len(l.Errors) == 0 {
		return nil
	}
	slices.SortStableFunc(l.Errors, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Msg, b.Msg))
	})
	l.Errors = slices.CompactFunc(l.Errors, func(a, b *Error) bool { return *a == *b })
	return l
}
