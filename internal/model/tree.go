package model

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// node is a JSON value of DuckDB's syntax tree. Trees are large (8 kB for a
// query of ten lines) and mostly skipped, so this reader slices the text
// instead of building maps; that is worth five times the speed of
// encoding/json and most of its garbage.
type node struct {
	kind   byte   // { [ " or 0 for a number, a boolean and null
	text   string // string (unescaped) or literal
	fields []field
	items  []node
}

type field struct {
	key   string
	value node
}

// get is a field's value; a zero node if there is none.
func (n *node) get(key string) *node {
	for i := range n.fields {
		if n.fields[i].key == key {
			return &n.fields[i].value
		}
	}
	return &node{}
}

// location is a query_location, -1 if DuckDB gives none.
func (n *node) location() int {
	if i, err := strconv.ParseInt(n.get("query_location").text, 10, 32); err == nil {
		return int(i)
	}
	return -1
}

type treeReader struct {
	text string
	at   int
}

func readTree(text string) (n node, err error) {
	r := treeReader{text: text}
	if n, err = r.value(0); err != nil {
		return node{}, fmt.Errorf("syntax tree: byte %d: %w", r.at, err)
	}
	return n, nil
}

func (r *treeReader) skip() byte {
	for r.at < len(r.text) {
		switch c := r.text[r.at]; c {
		case ' ', '\t', '\n', '\r', ',', ':':
			r.at++
		default:
			return c
		}
	}
	return 0
}

func (r *treeReader) value(depth int) (node, error) {
	if depth > 10_000 {
		return node{}, fmt.Errorf("nested too deep")
	}
	switch c := r.skip(); c {
	case '{', '[':
		r.at++
		n := node{kind: c}
		for {
			switch c := r.skip(); {
			case c == 0:
				return n, fmt.Errorf("unexpected end")
			case c == '}' || c == ']':
				r.at++
				return n, nil
			}
			var key string
			if c == '{' {
				k, err := r.str()
				if err != nil {
					return n, err
				}
				key = k
			}
			v, err := r.value(depth + 1)
			if err != nil {
				return n, err
			}
			if c == '{' {
				n.fields = append(n.fields, field{key, v})
			} else {
				n.items = append(n.items, v)
			}
		}
	case '"':
		s, err := r.str()
		return node{kind: '"', text: s}, err
	case 0:
		return node{}, fmt.Errorf("unexpected end")
	}
	start := r.at
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ',', '}', ']', ' ', '\n', '\t', '\r':
			if r.at == start {
				return node{}, fmt.Errorf("unexpected %q", r.text[r.at])
			}
			return node{text: r.text[start:r.at]}, nil
		}
		r.at++
	}
	return node{text: r.text[start:]}, nil
}

func (r *treeReader) str() (string, error) {
	if r.at >= len(r.text) || r.text[r.at] != '"' {
		return "", fmt.Errorf("expected a string")
	}
	r.at++
	start := r.at
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case '"':
			s := r.text[start:r.at]
			r.at++
			return s, nil
		case '\\':
			return r.escaped(start)
		}
		r.at++
	}
	return "", fmt.Errorf("unclosed string")
}

func (r *treeReader) escaped(start int) (string, error) {
	out := []byte(r.text[start:r.at])
	for r.at < len(r.text) {
		c := r.text[r.at]
		r.at++
		if c == '"' {
			return string(out), nil
		}
		if c != '\\' {
			out = append(out, c)
			continue
		}
		if r.at >= len(r.text) {
			break
		}
		c = r.text[r.at]
		r.at++
		switch c {
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case 'r':
			out = append(out, '\r')
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'u':
			if r.at+4 > len(r.text) {
				return "", fmt.Errorf("short escape")
			}
			code, err := strconv.ParseUint(r.text[r.at:r.at+4], 16, 32)
			if err != nil {
				return "", err
			}
			r.at += 4
			out = utf8.AppendRune(out, rune(code))
		default:
			out = append(out, c)
		}
	}
	return "", fmt.Errorf("unclosed string")
}
