package sqlfmt

import (
	"strings"
	"unicode/utf8"
)

// lineWidth is how many characters of code a line may take before its widest
// group is broken. Comments behind code do not count.
const lineWidth = 120

type docKind uint8

const (
	textDoc docKind = iota
	spaceDoc
	lineDoc     // a space, or a new line where the group around it is broken
	softDoc     // nothing, or a new line where the group around it is broken
	fillDoc     // a space, or a new line where the group is broken and the next item does not fit
	hardDoc     // a new line always
	blankDoc    // an empty line always
	trailingDoc // a comment behind what stands before it
	ownDoc      // a comment on a line of its own
	concatDoc   // its parts, one after the other
	groupDoc    // all its lines are broken, or none
	nestDoc     // lines inside are indented by two more
)

// doc is a layout that still knows where it may be broken.
type doc struct {
	kind  docKind
	text  string
	blank bool // of an ownDoc: an empty line stands before it
	parts []doc
	hard  bool // holds something that breaks every group around it
}

func txt(s string) doc { return doc{kind: textDoc, text: s, hard: strings.Contains(s, "\n")} }

var (
	space = doc{kind: spaceDoc}
	line  = doc{kind: lineDoc}
	soft  = doc{kind: softDoc}
	fill  = doc{kind: fillDoc}
	hard  = doc{kind: hardDoc, hard: true}
	blank = doc{kind: blankDoc, hard: true}
)

func compose(kind docKind, parts []doc) doc {
	d := doc{kind: kind, parts: parts}
	for _, p := range parts {
		d.hard = d.hard || p.hard
	}
	return d
}

func cat(parts ...doc) doc   { return compose(concatDoc, parts) }
func group(parts ...doc) doc { return compose(groupDoc, parts) }
func nested(p ...doc) doc    { return compose(nestDoc, p) }

// printer writes a doc. Blanks wait until something follows them, so that no
// line ends in one; and nothing follows a line comment on its line.
type printer struct {
	out       strings.Builder
	indent    int
	col       int
	waiting   bool // a blank, once text follows
	mustBreak bool // a line comment ends the line
}

type command struct {
	d      *doc
	indent int
	broken bool
}

func print(d doc) string {
	p := &printer{}
	stack := []command{{&d, 0, true}}
	for len(stack) > 0 {
		c := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		p.indent = c.indent
		switch c.d.kind {
		case concatDoc, nestDoc, groupDoc:
			if c.d.kind == nestDoc {
				c.indent += 2
			}
			if c.d.kind == groupDoc {
				c.broken = c.d.hard || !p.fits(c.d, stack)
			}
			for i := len(c.d.parts) - 1; i >= 0; i-- {
				stack = append(stack, command{&c.d.parts[i], c.indent, c.broken})
			}
		default:
			p.leaf(c, stack)
		}
	}
	return p.out.String()
}

func (p *printer) leaf(c command, rest []command) {
	switch c.d.kind {
	case textDoc:
		p.text(c.d.text)
	case spaceDoc:
		p.waiting = true
	case lineDoc, softDoc:
		if c.broken {
			p.newline()
		} else if c.d.kind == lineDoc {
			p.waiting = true
		}
	case fillDoc:
		if c.broken && !p.fits(&space, rest) {
			p.newline()
		} else {
			p.waiting = true
		}
	case hardDoc:
		p.newline()
	case blankDoc:
		p.newline()
		p.out.WriteByte('\n')
	case trailingDoc:
		if p.col > 0 {
			p.waiting = true
		}
		p.text(c.d.text)
		p.mustBreak = true
	case ownDoc:
		p.newline()
		if text := p.out.String(); c.d.blank && text != "" && !strings.HasSuffix(text, "\n\n") && !opensBlock(text) {
			p.out.WriteByte('\n')
		}
		p.text(c.d.text)
		p.mustBreak = true
	}
}

// opensBlock says whether the text ends in a bracket: an empty line after it
// would look lost.
func opensBlock(text string) bool {
	return strings.HasSuffix(text, "(\n") || strings.HasSuffix(text, "[\n") || strings.HasSuffix(text, "{\n")
}

// newline ends the line unless it is empty.
func (p *printer) newline() {
	p.waiting, p.mustBreak = false, false
	if p.col > 0 {
		p.out.WriteByte('\n')
		p.col = 0
	}
}

func (p *printer) text(s string) {
	if s == "" {
		return
	}
	if p.mustBreak {
		p.newline()
	}
	switch {
	case p.col == 0:
		p.out.WriteString(strings.Repeat(" ", p.indent))
		p.col = p.indent
	case p.waiting:
		p.out.WriteByte(' ')
		p.col++
	}
	p.waiting = false
	p.out.WriteString(s)
	if i := strings.LastIndexByte(s, '\n'); i >= 0 {
		p.col = max(1, utf8.RuneCountInString(s[i+1:]))
	} else {
		p.col += utf8.RuneCountInString(s)
	}
}

// fits says whether a group in one line, and what follows it up to the next
// place to break, stays inside the width.
func (p *printer) fits(d *doc, rest []command) bool {
	left := lineWidth - p.col
	if p.waiting {
		left--
	}
	if p.col == 0 || p.mustBreak {
		left = lineWidth - p.indent
	}
	stack := []command{{d, 0, false}}
	for {
		if len(stack) == 0 {
			if len(rest) == 0 {
				return true
			}
			stack = append(stack, rest[len(rest)-1])
			rest = rest[:len(rest)-1]
		}
		c := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		switch c.d.kind {
		case textDoc:
			if left -= utf8.RuneCountInString(c.d.text); left < 0 {
				return false
			}
		case spaceDoc:
			left--
		case lineDoc, softDoc, fillDoc:
			if c.broken {
				return true
			}
			if c.d.kind != softDoc {
				left--
			}
		case hardDoc, blankDoc, trailingDoc, ownDoc:
			return true
		case groupDoc:
			for i := len(c.d.parts) - 1; i >= 0; i-- {
				stack = append(stack, command{&c.d.parts[i], 0, c.broken && c.d.hard})
			}
		default:
			for i := len(c.d.parts) - 1; i >= 0; i-- {
				stack = append(stack, command{&c.d.parts[i], 0, c.broken})
			}
		}
	}
}
