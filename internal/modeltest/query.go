package modeltest

import (
	"strings"

	"beanflows.coffee/materia/internal/model"
)

// significant drops blanks and comments.
func significant(sql string) []model.Token {
	var kept []model.Token
	for _, t := range model.Lex(sql) {
		if t.Significant() {
			kept = append(kept, t)
		}
	}
	return kept
}

// endsInOrderBy says whether the outermost query orders its rows.
func endsInOrderBy(sql string) bool {
	depth := 0
	tokens := significant(sql)
	for i, t := range tokens {
		switch {
		case t.Is("(") || t.Is("[") || t.Is("{"):
			depth++
		case t.Is(")") || t.Is("]") || t.Is("}"):
			depth--
		case depth == 0 && t.Is("ORDER") && i+1 < len(tokens) && tokens[i+1].Is("BY"):
			return true
		}
	}
	return false
}

// cteQuery cuts a query that begins with WITH down to one CTE: the WITH clause
// as it stands, and everything of the CTE. body is the CTE's own query.
func cteQuery(sql, name string) (query, body string, ok bool) {
	tokens := significant(sql)
	if len(tokens) == 0 || !tokens[0].Is("WITH") {
		return "", "", false
	}
	i := 1
	if i < len(tokens) && tokens[i].Is("RECURSIVE") {
		i++
	}
	found := ""
	for i < len(tokens) {
		this := tokens[i].Text
		i++
		for i < len(tokens) && !tokens[i].Is("AS") { // (columns) USING KEY (columns)
			i++
		}
		for i < len(tokens) && !tokens[i].Is("(") { // NOT MATERIALIZED
			i++
		}
		open := i
		depth := 0
		for ; i < len(tokens); i++ {
			if tokens[i].Is("(") {
				depth++
			} else if tokens[i].Is(")") {
				if depth--; depth == 0 {
					break
				}
			}
		}
		if i >= len(tokens) {
			return "", "", false
		}
		if strings.EqualFold(strings.Trim(this, `"`), name) {
			found, body = this, sql[tokens[open].End():tokens[i].Start]
		}
		end := tokens[i].End()
		i++
		if i >= len(tokens) || !tokens[i].Is(",") {
			return sql[:end] + "\nSELECT * FROM " + found, body, found != ""
		}
		i++
	}
	return "", "", false
}

// clockWords are what DuckDB tells the time with, and the type it is told in.
var clockWords = map[string]string{
	"current_date": "DATE", "today": "DATE", "current_timestamp": "TIMESTAMP", "now": "TIMESTAMP", "get_current_timestamp": "TIMESTAMP",
	"transaction_timestamp": "TIMESTAMP", "localtimestamp": "TIMESTAMP", "current_localtimestamp": "TIMESTAMP",
	"current_time": "TIME", "get_current_time": "TIME", "localtime": "TIME", "current_localtime": "TIME",
}

// freeze puts a fixed time in the place of the clock's functions.
func freeze(sql, now string) string {
	var b strings.Builder
	tokens := significant(sql)
	last := 0
	for i, t := range tokens {
		typ, ok := clockWords[strings.ToLower(t.Text)]
		called := i+2 < len(tokens) && tokens[i+1].Is("(") && tokens[i+2].Is(")")
		word := strings.HasPrefix(strings.ToLower(t.Text), "current_") || strings.HasPrefix(strings.ToLower(t.Text), "local")
		named := i > 0 && (tokens[i-1].Is(".") || tokens[i-1].Is("AS"))
		if !ok || t.Kind != model.Ident || named || !called && !word {
			continue
		}
		b.WriteString(sql[last:t.Start])
		b.WriteString("CAST(TIMESTAMP " + quote(now) + " AS " + typ + ")")
		last = t.End()
		if called {
			last = tokens[i+2].End()
		}
	}
	return b.String() + sql[last:]
}
