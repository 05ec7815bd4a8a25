package sqlfmt

import (
	"slices"
	"strings"

	"beanflows.coffee/materia/internal/model"
)

// expression lays out one item. Where it is too long it is broken in front of
// its weakest operators, and what follows the first line is indented.
func expression(es []elem) doc { return connected(es, line, true) }

// bare is an expression whose AND or OR stand at the same indentation as its
// first line.
func bare(es []elem, separator doc) doc { return connected(es, separator, false) }

func connected(es []elem, separator doc, indent bool) doc {
	at := weakest(es)
	if len(at) == 0 {
		if separator.kind == hardDoc {
			return around(es, sequence)
		}
		return sequence(es)
	}
	operand := func(es []elem) doc { return connected(es, line, true) }
	first := around(es[:at[0]], operand)
	var rest []doc
	for i, a := range at {
		end := len(es)
		if i+1 < len(at) {
			end = at[i+1]
		}
		rest = append(rest, separator, txt(es[a].text), space, around(es[a+1:end], operand))
	}
	if indent {
		return cat(first, nested(rest...))
	}
	return cat(append([]doc{first}, rest...)...)
}

// weakest finds the operators to break at: OR, else AND, else ||, a sum or
// a quotient that no comparison stands beside.
func weakest(es []elem) []int {
	var or, and, join, sum, quotient []int
	between, compared := 0, false
	for i := range es {
		e := &es[i]
		switch {
		case e.is("BETWEEN"):
			between++
		case e.is("OR"):
			or = append(or, i)
		case e.is("AND") && between > 0:
			between--
		case e.is("AND"):
			and = append(and, i)
		case e.is("||"):
			join = append(join, i)
		case (e.is("+") || e.is("-")) && binary(es, i):
			sum = append(sum, i)
		case e.is("/"):
			quotient = append(quotient, i)
		case e.role == Keyword && slices.Contains([]string{"IN", "IS", "LIKE", "ILIKE", "NOT", "FROM", "JOIN"}, e.text),
			e.kind == model.Op && slices.Contains([]string{"=", "<", ">", "<=", ">=", "<>", "!=", "==", ":=", "=>", "->"}, e.text):
			compared = true
		}
	}
	switch {
	case len(or) > 0:
		return or
	case len(and) > 0:
		return and
	case compared || between > 0:
		return nil
	case len(join) > 0:
		return join
	case len(sum) > 0:
		return sum
	}
	return quotient
}

// binary says whether the sign at i has an operand on its left.
func binary(es []elem, i int) bool {
	for i--; i >= 0 && es[i].comment(); i-- {
	}
	return i >= 0 && endsOperand(&es[i])
}

func endsOperand(e *elem) bool {
	switch {
	case e.closing != "":
		return true
	case e.role == Keyword:
		return slices.Contains([]string{"NULL", "TRUE", "FALSE"}, e.text) || units[lower(e.text)]
	}
	return e.kind != model.Op || e.text == "*"
}

// sequence sets elements side by side with blanks where they belong.
func sequence(es []elem) doc { return run(es, "") }

func run(es []elem, inside string) doc {
	var parts []doc
	last := len(es) - 1 // the last bracket: what is too long is broken there, not in short brackets before it
	for last > 0 && es[last].closing == "" {
		last--
	}
	var prev *elem
	sign := false // prev is a sign, not an operator between two operands
	for i := range es {
		e := &es[i]
		if e.comment() {
			parts = append(parts, e.commentDoc())
			continue
		}
		if prev != nil && prev.kind == model.String && e.kind == model.String {
			parts = append(parts, hard) // a string goes on in the next line only
		} else if prev != nil && (spaced(prev, e, sign, inside) || grown(prev, e)) {
			parts = append(parts, space)
		}
		switch {
		case e.closing == "END":
			parts = append(parts, caseDoc(e))
		case e.closing != "":
			b := bracket(e, prev)
			if i < last {
				b = kept(b)
			}
			parts = append(parts, b)
		default:
			parts = append(parts, txt(e.text))
		}
		sign = e.kind == model.Op && (e.text == "-" || e.text == "+" || e.text == "~") && !binary(es, i)
		prev = e
	}
	return cat(parts...)
}

// spaced says whether a blank stands between two elements.
func spaced(prev, e *elem, sign bool, inside string) bool {
	switch {
	case e.closing == "" && e.kind == model.Op && (e.text == "," || e.text == ";" || e.text == "." || e.text == "::" || e.text == ":"):
		return false
	case prev.closing == "" && prev.kind == model.Op && (prev.text == "." || prev.text == "::"):
		return false
	case prev.closing == "" && prev.kind == model.Op && prev.text == ":" && inside == "[":
		return false
	case sign:
		return e.kind == model.Op && e.closing == ""
	case e.bracket() && e.text == "[":
		return prev.role == Keyword || prev.kind == model.Op && prev.closing == ""
	case e.bracket() && e.text == "(":
		called := prev.role == Name || prev.role == TypeName || prev.kind == model.Macro || prev.kind == model.QuotedIdent ||
			prev.role == Keyword && callable[lower(prev.text)] && prev.text != "VALUES"
		return !called
	}
	return true
}

// grown says whether two elements without a blank between them would be read
// as other tokens: two signs are a comment.
func grown(prev, e *elem) bool {
	end := prev.text
	if prev.closing != "" {
		end = prev.closing
	}
	both := model.Lex(end + e.text)
	return len(both) != 2 || both[0].Text != end
}

// bracket lays out a list in brackets, a subquery, or a window.
func bracket(e, prev *elem) doc {
	open, end := txt(e.text), txt(e.closing)
	switch parts := clausesOf(e.children); {
	case len(e.children) == 0:
		return cat(open, end)
	case e.text == "(" && isQuery(e.children):
		return cat(open, nested(hard, query(e.children)), hard, end)
	case e.text == "(" && len(parts) > 0:
		inner := []doc{soft, run(parts[0], e.text)}
		for _, p := range parts[1:] {
			inner = append(inner, line, run(p, e.text))
		}
		return group(open, nested(inner...), soft, end)
	}
	each := expression
	if e.text == "[" && prev != nil && endsOperand(prev) {
		each = func(es []elem) doc { return run(es, "[") }
	}
	all := items(e.children)
	if len(all) > manyItems && !slices.ContainsFunc(all, func(it []elem) bool { return len(it) != 1 || it[0].closing != "" || it[0].comment() }) {
		return group(open, nested(list(all, soft, fill, each)), soft, end)
	}
	return group(open, nested(list(all, soft, line, each)), soft, end)
}

// manyItems is from how many names or literals on a list is set as a paragraph
// and not with a line for each.
const manyItems = 6

// keptWidth is up to how many characters a bracket stays in one line although
// what follows it must be broken.
const keptWidth = 60

func kept(d doc) doc {
	if d.hard {
		return d
	}
	if text := print(group(d)); len(text) <= keptWidth && !strings.Contains(text, "\n") {
		return txt(text)
	}
	return d
}

// clausesOf cuts OVER (PARTITION BY ... ORDER BY ... ROWS ...), FILTER (WHERE
// ...) and string_agg(x, ',' ORDER BY y) at those words; nil without any.
func clausesOf(es []elem) [][]elem {
	var parts [][]elem
	found, start := false, 0
	for i := range es {
		e := &es[i]
		if e.role == Keyword && slices.Contains([]string{"PARTITION", "ORDER", "ROWS", "RANGE", "GROUPS", "WHERE"}, e.text) {
			found = true
			if next(es[:i], start) < i {
				parts = append(parts, es[start:i])
				start = i
			}
		}
	}
	if !found {
		return nil
	}
	return append(parts, es[start:])
}

// caseDoc is CASE in one line, or a line for each WHEN.
func caseDoc(e *elem) doc {
	type branch struct {
		word string
		at   int
	}
	var branches []branch
	for i := range e.children {
		if c := &e.children[i]; c.is("WHEN") || c.is("THEN") || c.is("ELSE") {
			branches = append(branches, branch{c.text, i})
		}
	}
	first := len(e.children)
	if len(branches) > 0 {
		first = branches[0].at
	}
	parts := []doc{txt("CASE")}
	if first > 0 {
		parts = append(parts, space, around(e.children[:first], expression))
	}
	var lines []doc
	for i := 0; i < len(branches); i++ {
		content := func() doc {
			end := len(e.children)
			if i+1 < len(branches) {
				end = branches[i+1].at
			}
			return cat(txt(branches[i].word), space, around(e.children[branches[i].at+1:end], expression))
		}
		both := []doc{content()}
		if branches[i].word == "WHEN" && i+1 < len(branches) && branches[i+1].word == "THEN" {
			i++
			both = append(both, nested(line, content()))
		}
		lines = append(lines, line, group(both...))
	}
	return group(append(parts, nested(lines...), line, txt("END"))...)
}
