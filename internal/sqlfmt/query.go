package sqlfmt

import (
	"slices"
	"strings"

	"beanflows.coffee/materia/internal/model"
)

// clause is a head such as LEFT JOIN or GROUP BY and what follows it.
type clause struct {
	lead []elem // comments on lines of their own before it
	head []elem
	body []elem
}

var (
	joinWords  = []string{"NATURAL", "LEFT", "RIGHT", "FULL", "INNER", "OUTER", "CROSS", "SEMI", "ANTI", "ASOF", "POSITIONAL"}
	queryWords = []string{"SELECT", "WITH", "VALUES", "FROM", "PIVOT", "UNPIVOT", "DESCRIBE", "SUMMARIZE", "SHOW"}
	setWords   = []string{"UNION", "EXCEPT", "INTERSECT"}
)

// isQuery says whether elements are a SELECT or the like, or several joined by
// UNION.
func isQuery(es []elem) bool {
	i := next(es, 0)
	if i >= len(es) {
		return false
	}
	if es[i].bracket() && es[i].text == "(" && isQuery(es[i].children) {
		j := next(es, i+1)
		return j < len(es) && es[j].role == Keyword && slices.Contains(setWords, es[j].text)
	}
	return es[i].role == Keyword && es[i].closing == "" && slices.Contains(queryWords, es[i].text)
}

// headLength is how many elements from i on begin a clause, 0 if none does.
func headLength(es []elem, i int) int {
	e := &es[i]
	if e.role != Keyword || e.closing != "" {
		return 0
	}
	switch e.text {
	case "SELECT", "WHERE", "HAVING", "QUALIFY", "WINDOW", "LIMIT", "OFFSET", "FETCH", "VALUES":
		return 1
	case "FROM":
		if i > 0 && es[i-1].is("DISTINCT") && i > 1 && (es[i-2].is("IS") || es[i-2].is("NOT")) {
			return 0 // IS NOT DISTINCT FROM
		}
		return 1
	case "WITH":
		if j := next(es, i+1); j < len(es) && !strings.EqualFold(es[j].raw, "ORDINALITY") {
			return 1
		}
	case "GROUP", "ORDER":
		if follows(es, i+1, "BY") {
			return next(es, i+1) - i + 1
		}
	case "UNION", "EXCEPT", "INTERSECT":
		n := 1
		for _, w := range []string{"ALL", "DISTINCT", "BY"} {
			if i+n < len(es) && es[i+n].is(w) {
				n++
			}
		}
		if es[i+n-1].is("BY") && i+n < len(es) { // BY NAME
			n++
		}
		return n
	}
	for n := 0; i+n < len(es) && n < len(joinWords); n++ {
		switch {
		case es[i+n].is("JOIN"):
			return n + 1
		case es[i+n].role != Keyword || !slices.Contains(joinWords, es[i+n].text):
			return 0
		}
	}
	return 0
}

func clauses(es []elem) []clause {
	all := []clause{{}}
	for i := 0; i < len(es); {
		n := headLength(es, i)
		if n == 0 {
			last := &all[len(all)-1]
			last.body = append(last.body, es[i])
			i++
			continue
		}
		last := &all[len(all)-1]
		c := clause{head: es[i : i+n]}
		last.body, c.lead = splitOwn(last.body)
		all = append(all, c)
		i += n
	}
	if len(all[0].body) == 0 && len(all) > 1 {
		return all[1:]
	}
	return all
}

// splitOwn cuts off the comments at the end that stand on lines of their own,
// with those that follow them.
func splitOwn(es []elem) (rest, own []elem) {
	at := len(es)
	for i := len(es) - 1; i >= 0 && es[i].comment(); i-- {
		if es[i].ownLine {
			at = i
		}
	}
	return es[:at:at], es[at:]
}

func query(es []elem) doc {
	es, tail := splitOwn(es)
	var parts []doc
	for i, c := range clauses(es) {
		if i > 0 {
			parts = append(parts, hard)
		}
		parts = append(parts, comments(c.lead)...)
		parts = append(parts, c.doc())
	}
	return cat(append(parts, comments(tail)...)...)
}

func (c clause) doc() doc {
	if len(c.head) == 0 {
		return bare(c.body, hard)
	}
	head := sequence(c.head)
	switch c.head[0].text {
	case "SELECT":
		body := c.body
		if len(body) > 0 && (body[0].is("DISTINCT") || body[0].is("ALL")) {
			n := 1
			if follows(body, 1, "ON") && len(body) > 2 && body[2].bracket() {
				n = 3
			}
			head, body = sequence(append(slices.Clone(c.head), body[:n]...)), body[n:]
		}
		return cat(head, nested(list(items(body), hard, hard, expression)))
	case "GROUP", "ORDER", "VALUES", "WINDOW":
		return cat(head, nested(list(items(c.body), hard, hard, expression)))
	case "WHERE", "HAVING", "QUALIFY":
		return cat(head, nested(hard, bare(c.body, hard)))
	case "FROM":
		if all := items(c.body); len(all) > 1 {
			return cat(head, nested(list(all, hard, hard, expression)))
		}
	case "WITH":
		return cat(head, list(items(c.body), space, space, expression))
	case "UNION", "EXCEPT", "INTERSECT":
		if len(c.body) > 0 {
			return cat(head, hard, sequence(c.body))
		}
		return head
	}
	on := slices.IndexFunc(c.body, func(e elem) bool { return e.is("ON") })
	if on < 0 {
		return cat(head, space, around(c.body, expression))
	}
	return cat(head, space, around(c.body[:on], expression), nested(hard, txt("ON"), space, bare(c.body[on+1:], hard)))
}

// comments are docs for elements that are all comments.
func comments(es []elem) []doc {
	var parts []doc
	for i := range es {
		parts = append(parts, es[i].commentDoc())
	}
	return parts
}

func (e *elem) commentDoc() doc {
	switch {
	case e.ownLine:
		return doc{kind: ownDoc, text: e.text, blank: e.blank, hard: true}
	case e.kind == model.LineComment:
		return doc{kind: trailingDoc, text: e.text, hard: true}
	}
	return cat(space, txt(e.text), space)
}

// list lays out items with commas between them. first stands before the first
// item, separator before every other.
func list(all [][]elem, first, separator doc, each func([]elem) doc) doc {
	var parts []doc
	for i, item := range all {
		k := 0
		for k < len(item) && item[k].kind == model.LineComment && !item[k].ownLine {
			k++ // behind the bracket, the keyword or the comma before
		}
		parts = append(parts, comments(item[:k])...)
		if item = item[k:]; len(item) == 0 && i == len(all)-1 {
			break
		}
		if i == 0 {
			parts = append(parts, first)
		} else {
			parts = append(parts, separator)
		}
		parts = append(parts, around(item, each))
		if i < len(all)-1 {
			parts = append(parts, txt(","))
		}
	}
	return cat(parts...)
}

// around lays out what stands between the comments at both ends as a group,
// so that these comments do not break it.
func around(es []elem, each func([]elem) doc) doc {
	start, end := 0, len(es)
	for start < end && es[start].comment() {
		start++
	}
	for end > start && es[end-1].comment() {
		end--
	}
	parts := comments(es[:start])
	parts = append(parts, group(each(es[start:end])))
	return cat(append(parts, comments(es[end:])...)...)
}
