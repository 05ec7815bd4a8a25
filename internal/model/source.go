package model

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// file is a text of the project and where its lines begin.
type file struct {
	path  string // relative to the root, forward slashes
	shown string // as printed in errors
	text  string
	lines []int // offset of each line's first byte
}

func newFile(path, shown, text string) *file {
	f := &file{path: path, shown: shown, text: text, lines: []int{0}}
	for i := range len(text) {
		if text[i] == '\n' {
			f.lines = append(f.lines, i+1)
		}
	}
	return f
}

// position gives line and column from 1; the column counts characters.
func (f *file) position(offset int) (line, col int) {
	offset = max(0, min(offset, len(f.text)))
	line = sort.SearchInts(f.lines, offset+1)
	return line, utf8.RuneCountInString(f.text[f.lines[line-1]:offset]) + 1
}

func (f *file) line(n int) string {
	if n < 1 || n > len(f.lines) {
		return ""
	}
	text, _, _ := strings.Cut(f.text[f.lines[n-1]:], "\n")
	return text
}

// sourceMap leads from an expanded text back to the file it was made of.
type sourceMap struct{ pieces []piece }

// piece is a run of expanded text. Copied text maps byte by byte; what a macro
// produced maps to the macro as a whole.
type piece struct {
	at     int  // offset in the expanded text
	from   Span // range in the file
	copied bool
}

// origin is where the byte at offset came from: for copied text the range up
// to end, for the text of a macro the whole macro.
func (m *sourceMap) origin(at Span) Span {
	i := sort.Search(len(m.pieces), func(i int) bool { return m.pieces[i].at > at.Start }) - 1
	if i < 0 {
		return Span{}
	}
	p := m.pieces[i]
	if !p.copied {
		return p.from
	}
	start := min(p.from.Start+at.Start-p.at, p.from.End)
	return Span{start, max(start, min(start+at.End-at.Start, p.from.End))}
}
