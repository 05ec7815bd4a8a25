package sqlfmt

import (
	"strings"

	"beanflows.coffee/materia/internal/model"
)

func lower(s string) string { return strings.ToLower(s) }

// isHeader says whether a statement is MODEL (...) or AUDIT (...).
func isHeader(es []elem) bool {
	return len(es) > 1 && es[0].kind == model.Ident && (strings.EqualFold(es[0].raw, "MODEL") || strings.EqualFold(es[0].raw, "AUDIT")) &&
		es[1].bracket() && es[1].text == "("
}

func header(es []elem) doc {
	return cat(txt(strings.ToUpper(es[0].raw)), space, block(es[1], property), sequence(es[2:]))
}

// block is a list in brackets with a line for each item.
func block(e elem, each func([]elem) doc) doc {
	if len(e.children) == 0 {
		return cat(txt(e.text), txt(e.closing))
	}
	return cat(txt(e.text), nested(list(items(e.children), hard, hard, each)), hard, txt(e.closing))
}

// property is a key in lower case and its value. Words in a value are no
// keywords: they keep their case, but for types and kinds.
func property(es []elem) doc {
	if len(es) == 0 || es[0].kind != model.Ident || es[0].closing != "" {
		return sequence(asWritten(es))
	}
	key := lower(es[0].raw)
	value := es[1:]
	i := next(value, 0)
	listed := i < len(value) && value[i].bracket() && i == len(value)-1
	before := append([]doc{txt(key), space}, comments(value[:min(i, len(value))])...)
	switch {
	case key == "columns" && listed:
		return cat(append(before, block(value[i], columnDef))...)
	case key == "audits" && listed:
		return cat(append(before, block(value[i], expression))...)
	case key == "kind" && i < len(value) && value[i].kind == model.Ident && value[i].closing == "":
		kind := value[i]
		kind.text = strings.ToUpper(kind.raw)
		parts := append(before, txt(kind.text))
		if i+1 < len(value) && value[i+1].bracket() && i+2 == len(value) {
			return cat(append(parts, space, block(value[i+1], property))...)
		}
		if i+1 < len(value) {
			parts = append(parts, space, sequence(asWritten(value[i+1:])))
		}
		return cat(parts...)
	case key == "audits":
		return cat(append(before, expression(value[i:]))...)
	}
	return cat(append(before, sequence(asWritten(value[min(i, len(value)):])))...)
}

// asWritten undoes the upper case of words.
func asWritten(es []elem) []elem {
	out := make([]elem, len(es))
	for i, e := range es {
		if e.closing == "" && e.kind == model.Ident {
			e.text, e.role = e.raw, Name
		}
		e.children = asWritten(e.children)
		out[i] = e
	}
	return out
}

// columnDef is name TYPE [COMMENT 'text'].
func columnDef(es []elem) doc {
	if len(es) == 0 {
		return doc{}
	}
	words := asWritten(es)
	types(words[1:], "")
	if n := len(words); n > 2 && strings.EqualFold(words[n-2].raw, "COMMENT") && words[n-1].kind == model.String {
		words[n-2].text = "COMMENT"
	}
	return sequence(words)
}

// types puts the names of types into upper case. The names of a STRUCT's
// fields are no types.
func types(es []elem, of string) {
	word := ""
	for i := range es {
		e := &es[i]
		if e.closing != "" {
			types(e.children, word)
			continue
		}
		start := i == 0 || es[i-1].is(",")
		if typeNames[lower(e.raw)] && e.kind == model.Ident && !(start && (of == "struct" || of == "union")) {
			e.text, e.role = strings.ToUpper(e.raw), TypeName
		}
		word = lower(e.raw)
	}
}
