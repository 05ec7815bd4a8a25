package plan

import (
	"slices"
	"strings"

	"beanflows.coffee/materia/internal/model"
)

// categorise proves that a change only adds columns at the end of the outer
// SELECT and leaves every row as it was, or calls it Breaking.
func categorise(before, now *model.Model) Category {
	if before.Kind == model.Full && now.Kind == model.Full || before.Kind == model.View && now.Kind == model.View {
		if columnsAppended(before.Columns, now.Columns) && onlyProjectionsAppended(before.Query, now.Query) {
			return NonBreaking
		}
	}
	return Breaking
}

func columnsAppended(before, now []model.Column) bool {
	if len(before) == 0 || len(now) <= len(before) {
		return false
	}
	return slices.EqualFunc(before, now[:len(before)], func(a, b model.Column) bool { return a.Name == b.Name && a.Type == b.Type })
}

// onlyProjectionsAppended says whether now is before with ", expression..." put
// in front of the outer FROM, where the expressions cannot change which rows
// there are and their names mean nothing to the rest of the query.
func onlyProjectionsAppended(before, now string) bool {
	a, b := words(before), words(now)
	from, ok := outerFrom(a)
	if !ok || len(b) <= len(a) || !equalWords(a[:from], b[:from]) {
		return false
	}
	added := len(b) - len(a)
	if !equalWords(a[from:], b[from+added:]) {
		return false
	}
	return harmless(b[from:from+added], a)
}

func words(sql string) []model.Token {
	return slices.DeleteFunc(model.Lex(sql), func(t model.Token) bool { return !t.Significant() })
}

func equalWords(a, b []model.Token) bool {
	return slices.EqualFunc(a, b, func(x, y model.Token) bool {
		return x.Kind == y.Kind && (x.Text == y.Text || x.Kind == model.Ident && strings.EqualFold(x.Text, y.Text))
	})
}

// outerFrom finds the FROM of the one outer SELECT. ok is false for a form in
// which one more column may change the rows: DISTINCT, GROUP BY ALL, ORDER BY
// ALL, set operations, a FROM before the SELECT, none at all.
func outerFrom(tokens []model.Token) (at int, ok bool) {
	depth, selects, at := 0, 0, -1
	for i, t := range tokens {
		switch {
		case t.Is("(") || t.Is("[") || t.Is("{"):
			depth++
		case t.Is(")") || t.Is("]") || t.Is("}"):
			depth--
		case depth > 0:
		case t.Is("SELECT"):
			selects++
		case t.Is("FROM") && at < 0:
			if selects != 1 || tokens[i-1].Is("DISTINCT") { // IS DISTINCT FROM
				return 0, false
			}
			at = i
		case t.Is("DISTINCT") || t.Is("ALL") || t.Is("UNION") || t.Is("INTERSECT") || t.Is("EXCEPT") || t.Is("UNNEST") || t.Is("PIVOT") || t.Is("UNPIVOT"):
			return 0, false
		}
	}
	return at, at > 0 && selects == 1
}

// rowwise are functions of one row that always return. An aggregate, a window,
// unnest or a volatile function is none.
var rowwise = []string{"abs", "cast", "coalesce", "greatest", "ifnull", "least", "length", "lower", "ltrim", "nullif", "replace", "round", "rtrim", "trim", "try_cast", "upper"}

// harmless says whether appended projections are row-wise expressions whose
// names occur nowhere in the query, where an alias could take the place of a
// column (ORDER BY, HAVING, QUALIFY, WHERE).
func harmless(added, query []model.Token) bool {
	if !added[0].Is(",") {
		return false
	}
	depth := 0
	for i, t := range added {
		switch {
		case t.Is("("):
			depth++
			if i > 0 && added[i-1].Kind == model.Ident && !slices.Contains(rowwise, strings.ToLower(added[i-1].Text)) {
				return false
			}
			if i > 0 && added[i-1].Kind == model.QuotedIdent {
				return false
			}
		case t.Is(")"):
			depth--
		case t.Is("SELECT") || t.Is("OVER") || t.Is("FROM"):
			return false
		}
		if depth < 0 {
			return false
		}
	}
	if depth != 0 {
		return false
	}
	names, ok := aliases(added)
	if !ok {
		return false
	}
	for _, t := range query {
		if (t.Kind == model.Ident || t.Kind == model.QuotedIdent) && slices.Contains(names, identifier(t)) {
			return false
		}
	}
	return true
}

// aliases are the names given with AS. ok is false where an expression has none.
func aliases(added []model.Token) (names []string, ok bool) {
	depth, start := 0, 1
	for i := 1; i <= len(added); i++ {
		if i < len(added) {
			switch t := added[i]; {
			case t.Is("("):
				depth++
			case t.Is(")"):
				depth--
			}
		}
		if i == len(added) || depth == 0 && added[i].Is(",") {
			if i-start < 3 || !added[i-2].Is("AS") {
				return nil, false
			}
			names = append(names, identifier(added[i-1]))
			start = i + 1
		}
	}
	return names, true
}

func identifier(t model.Token) string {
	return strings.ToLower(strings.ReplaceAll(strings.Trim(t.Text, `"`), `""`, `"`))
}
