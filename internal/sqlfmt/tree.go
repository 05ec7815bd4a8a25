package sqlfmt

import (
	"errors"
	"fmt"
	"strings"

	"beanflows.coffee/materia/internal/model"
)

// maxDepth bounds nesting, and with it the indentation of the result.
const maxDepth = 100

// elem is a piece of a statement: a token, a comment, a bracket with what is
// in it, or CASE ... END.
type elem struct {
	text     string // of a token or comment, as it is to be written
	raw      string // as it was written
	kind     model.TokenKind
	role     Role
	ownLine  bool // of a comment: nothing stands before it on its line
	blank    bool // an empty line stands before it
	children []elem
	closing  string // of a bracket or CASE: ")", "END"; empty for all else
}

func (e *elem) comment() bool { return e.kind == model.LineComment || e.kind == model.BlockComment }

// is compares a keyword, in upper case, or an operator.
func (e *elem) is(text string) bool {
	return e.closing == "" && e.text == text && (e.role == Keyword || e.kind == model.Op)
}

func (e *elem) bracket() bool { return e.closing != "" && e.text != "CASE" }

// pieces cuts a text into elements without structure. A line comment in front
// of a comma or semicolon changes place with it, so that the comma stays on
// the line of what it ends.
func pieces(text string) ([]elem, error) {
	all := model.Lex(text)
	var significant []model.Token
	for _, t := range all {
		if t.Kind == model.Broken {
			return nil, errors.New("a string, quoted name or comment is never closed")
		}
		if t.Significant() {
			significant = append(significant, t)
		}
	}
	roles := Roles(significant)
	var out []elem
	n, space := 0, "\n"
	for _, t := range all {
		if t.Kind == model.Space {
			space = t.Text
			continue
		}
		e := elem{text: t.Text, raw: t.Text, kind: t.Kind, ownLine: strings.Contains(space, "\n"), blank: strings.Count(space, "\n") > 1}
		space = ""
		switch t.Kind {
		case model.LineComment:
			e.text = strings.TrimRight(t.Text, " \t\r\f\v")
			space = "" // the line end follows as Space
		case model.BlockComment:
		default:
			e.role = roles[n]
			n++
			if e.role == Keyword || e.role == TypeName {
				e.text = strings.ToUpper(e.text)
			}
		}
		out = append(out, e)
		if t.Kind == model.Op && (t.Text == "," || t.Text == ";") {
			hoist(out)
		}
	}
	return out, nil
}

// hoist moves the comma at the end in front of the line comments before it.
func hoist(es []elem) {
	for i := len(es) - 1; i > 0 && es[i-1].kind == model.LineComment; i-- {
		es[i-1], es[i] = es[i], es[i-1]
	}
}

var closers = map[string]string{"(": ")", "[": "]", "{": "}"}

// nest gives brackets and CASE their content.
func nest(flat []elem) ([]elem, error) {
	var stack [][]elem // of the elements that hold the open ones
	var open []elem
	var current []elem
	for _, e := range flat {
		switch {
		case e.kind == model.Op && closers[e.text] != "":
			e.closing = closers[e.text]
		case e.is("CASE"):
			e.closing = "END"
		case e.kind == model.Op && (e.text == ")" || e.text == "]" || e.text == "}"), e.is("END"):
			if len(open) == 0 || open[len(open)-1].closing != e.text {
				return nil, fmt.Errorf("%s closes nothing", e.text)
			}
			done := open[len(open)-1]
			done.children = current
			current = append(stack[len(stack)-1], done)
			stack, open = stack[:len(stack)-1], open[:len(open)-1]
			continue
		default:
			current = append(current, e)
			continue
		}
		if len(open) == maxDepth {
			return nil, fmt.Errorf("nested deeper than %d brackets", maxDepth)
		}
		stack, open, current = append(stack, current), append(open, e), nil
	}
	if len(open) > 0 {
		return nil, fmt.Errorf("%s is never closed", open[len(open)-1].text)
	}
	return current, nil
}

// next is the index of the first element from i on that is no comment.
func next(es []elem, i int) int {
	for i < len(es) && es[i].comment() {
		i++
	}
	return i
}

// follows says whether the words stand from i on, comments aside.
func follows(es []elem, i int, words ...string) bool {
	for _, w := range words {
		if i = next(es, i); i >= len(es) || !es[i].is(w) {
			return false
		}
		i++
	}
	return true
}

// items cuts elements at their commas. The comma is not in them.
func items(es []elem) [][]elem {
	var all [][]elem
	start := 0
	for i := range es {
		if es[i].kind == model.Op && es[i].text == "," {
			all = append(all, es[start:i])
			start = i + 1
		}
	}
	return append(all, es[start:])
}
