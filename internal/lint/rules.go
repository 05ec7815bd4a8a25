package lint

import (
	"strings"

	"beanflows.coffee/materia/internal/model"
	"beanflows.coffee/materia/internal/sqlfmt"
)

// stars finds * in the outermost SELECT.
func (r *review) stars() {
	depth, selecting := 0, false
	for i, t := range r.query {
		switch {
		case t.Is("(") || t.Is("[") || t.Is("{"):
			depth++
		case t.Is(")") || t.Is("]") || t.Is("}"):
			depth--
		case depth > 0:
		case t.Is("SELECT"):
			selecting = true
		case t.Is("FROM"):
			selecting = false
		case selecting && t.Is("*") && r.is(i-1, "SELECT", "DISTINCT", "ALL", ",", "."):
			r.report(NoSelectStar, t, "write the columns out", "the outermost SELECT does not say which columns model %s has", r.m.Name)
		}
	}
}

// subscripts finds l[x] where x is not written out.
func (r *review) subscripts() {
	for i, t := range r.query {
		if !t.Is("[") || i == 0 || !r.operand(i-1) || r.roles[i-1] == sqlfmt.TypeName {
			continue
		}
		for j := i + 1; j < r.closing(i); j++ {
			if k := r.query[j].Kind; k != model.Number && k != model.String && !r.is(j, ":", "-") {
				r.report(LiteralSubscripts, r.query[j], "list_extract(list, place)", "SQLMesh reads a computed subscript as one more, where it knows it for a number")
				break
			}
		}
	}
}

// operand says whether token i ends an operand.
func (r *review) operand(i int) bool {
	switch t := r.query[i]; t.Kind {
	case model.Ident:
		return r.roles[i] != sqlfmt.Keyword || t.Is("END") || t.Is("NULL") || t.Is("TRUE") || t.Is("FALSE")
	case model.Op:
		return t.Is(")") || t.Is("]") || t.Is("}")
	}
	return true
}

// functions looks up every call. What a macro becomes is the business of the
// engine that expands it.
func (r *review) functions() {
	for i, t := range r.query {
		if !r.is(i+1, "(") || t.Kind != model.Ident || r.roles[i] == sqlfmt.TypeName || r.names(i) {
			continue
		}
		name := strings.ToLower(t.Text)
		switch {
		case r.roles[i] == sqlfmt.Keyword: // COALESCE( and IN ( are in the list of keywords
		case unordered[name]:
			r.report(PortableFunctions, t, unorderedHint, "%s adds doubles in whatever order rows come, or rounds differently: the last digits are chance", t.Text)
		case name == "sum" && r.floats(i+2, r.closing(i+1)):
			r.report(PortableFunctions, t, "a SUM of DECIMAL, cast afterwards", "a SUM of doubles depends on the order of rows")
		case name == "date_diff" && !(i+2 < len(r.query) && r.query[i+2].Text == "'day'"):
			r.report(PortableFunctions, t, "date_diff('day', a, b) of two dates", "DuckDB counts the boundaries between two times, Trino whole units")
		case !functions[name]:
			hint, ok := otherwise[name]
			if !ok {
				hint = "compute it in staging, or add it to the list in internal/lint once both engines are known to agree"
			}
			r.report(PortableFunctions, t, hint, "%s is not known to be the same in DuckDB and Trino", t.Text)
		}
	}
}

// names says whether token i, which a bracket follows, is the name of a CTE or
// an alias with columns.
func (r *review) names(i int) bool {
	if r.is(i-1, "AS", "WITH", "RECURSIVE") {
		return true
	}
	after := r.closing(i+1) + 1
	return r.is(after, "AS") && r.is(after+1, "(")
}

// syntax looks up keywords, operators and types.
func (r *review) syntax() {
	for i, t := range r.query {
		word := strings.ToLower(t.Text)
		switch {
		case t.Kind == model.Op && !operators[t.Text]:
			r.report(PortableSyntax, t, forms[t.Text], "%s is not known to be the same in DuckDB and Trino", t.Text)
		case r.roles[i] == sqlfmt.TypeName && !types[word]:
			r.report(PortableSyntax, t, forms[word], "type %s is not in DuckDB and Trino alike", t.Text)
		case r.roles[i] == sqlfmt.TypeName && word == "decimal" && !r.is(i+1, "("):
			r.report(PortableSyntax, t, "DECIMAL(18, 4)", "DECIMAL without a size is (18, 3) in DuckDB and (38, 0) in Trino")
		case r.roles[i] != sqlfmt.Keyword:
			r.field(i)
		case !keywords[word]:
			r.report(PortableSyntax, t, forms[word], "%s is not known to be the same in DuckDB and Trino", strings.ToUpper(t.Text))
		case word == "all" && r.is(i-1, "BY"):
			r.report(PortableSyntax, t, "name the columns", "BY ALL means something else in Trino")
		case word == "on" && r.is(i-1, "DISTINCT"):
			r.report(PortableSyntax, t, "number the rows with ROW_NUMBER and keep the first", "Trino has no DISTINCT ON")
		case word == "interval" && !(i+2 < len(r.query) && r.query[i+1].Kind == model.String && r.roles[i+2] == sqlfmt.Keyword):
			r.report(PortableSyntax, t, "INTERVAL '1' DAY", "Trino wants an interval's number in quotes and its unit behind it")
		}
	}
}

// field looks at the field of EXTRACT(field FROM x).
func (r *review) field(i int) {
	t := r.query[i]
	if r.is(i-1, "(") && r.is(i-2, "EXTRACT") && r.is(i+1, "FROM") && !fields[strings.ToLower(t.Text)] {
		r.report(PortableSyntax, t, "count weekdays in staging: Sunday is 0 in DuckDB and 7 in Trino", "EXTRACT(%s FROM x) is not the same in DuckDB and Trino", t.Text)
	}
}

// divisions finds quotients without a DOUBLE among the factors on the left or
// as divisor.
func (r *review) divisions() {
	for i, t := range r.query {
		if !t.Is("/") {
			continue
		}
		start := i // of the product on the left
		for start > 0 {
			factor := r.factorBefore(start)
			start = factor
			if !(r.is(factor-1, "*", "/", "%") && factor > 1) {
				break
			}
			start--
		}
		if r.floats(start, i) || r.floats(i+1, r.factorAfter(i+1)) {
			continue
		}
		r.report(PortableDivision, t, "CAST(a AS DOUBLE) / b", "Trino divides integers without a rest, and decimals to a fixed scale")
	}
}

// factorBefore is where the operand that ends before i begins.
func (r *review) factorBefore(i int) int {
	i--
	if r.is(i, ")", "]") {
		i = r.opening(i)
		if i > 0 && r.query[i-1].Kind == model.Ident && (r.roles[i-1] != sqlfmt.Keyword || !separates[strings.ToLower(r.query[i-1].Text)]) {
			i--
		}
	} else if r.is(i, "END") {
		depth := 0
		for ; i > 0; i-- {
			if r.is(i, "END") {
				depth++
			} else if r.is(i, "CASE") {
				if depth--; depth == 0 {
					break
				}
			}
		}
	}
	for i > 1 && r.is(i-1, ".") {
		i -= 2
	}
	return max(i, 0)
}

// factorAfter is where the operand that begins at i ends.
func (r *review) factorAfter(i int) int {
	for r.is(i, "+", "-") {
		i++
	}
	depth := 0
	for ; i < len(r.query); i++ {
		switch {
		case r.is(i, "(", "["):
			depth++
		case r.is(i, ")", "]"):
			if depth--; depth < 0 {
				return i
			}
		case depth == 0 && (r.query[i].Kind == model.Op && !r.is(i, ".") || r.roles[i] == sqlfmt.Keyword && separates[strings.ToLower(r.query[i].Text)]):
			return i
		}
	}
	return i
}

// floats says whether something in a range of tokens is a DOUBLE for certain.
func (r *review) floats(from, to int) bool {
	for i := from; i < to && i < len(r.query); i++ {
		t := r.query[i]
		switch {
		case r.roles[i] == sqlfmt.TypeName && (t.Is("DOUBLE") || t.Is("REAL")):
			return true
		case t.Kind == model.Number && strings.ContainsAny(t.Text, "eE"):
			return true
		case t.Kind == model.Ident && r.is(i+1, "(") && doubles[strings.ToLower(t.Text)]:
			return true
		}
	}
	return false
}
