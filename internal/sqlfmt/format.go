package sqlfmt

import (
	"beanflows.coffee/materia/internal/model"
)

// layout is the text in its new form, unproved. The error says what in the
// text cannot be understood; the text is then to be left as it is.
func layout(text string) (string, error) {
	flat, err := pieces(text)
	if err != nil {
		return "", err
	}
	tree, err := nest(flat)
	if err != nil {
		return "", err
	}
	if len(tree) == 0 {
		return "", nil
	}
	return print(cat(statements(tree), hard)), nil
}

// statements sets an empty line between two statements.
func statements(tree []elem) doc {
	var parts []doc
	start := 0
	for i := 0; i <= len(tree); i++ {
		if i < len(tree) && !(tree[i].kind == model.Op && tree[i].text == ";") {
			continue
		}
		es := tree[start:i]
		if start > 0 {
			k := 0
			for k < len(es) && es[k].comment() && !es[k].ownLine {
				k++ // behind the semicolon
			}
			parts = append(parts, comments(es[:k])...)
			es = es[k:]
		}
		if len(es) > 0 {
			if start > 0 {
				parts = append(parts, blank)
			}
			parts = append(parts, statement(es))
		}
		if i < len(tree) {
			parts = append(parts, txt(";"))
		}
		start = i + 1
	}
	return cat(parts...)
}

func statement(es []elem) doc {
	i := next(es, 0)
	lead, body := comments(es[:i]), es[i:]
	if isHeader(body) {
		return cat(append(lead, header(body))...)
	}
	return cat(append(lead, query(body))...)
}
