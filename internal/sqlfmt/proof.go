package sqlfmt

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strings"

	"beanflows.coffee/materia/internal/duck"
	"beanflows.coffee/materia/internal/model"
)

// Format lays out the text of a model or audit file. Where it cannot prove
// that the meaning stands, formatted is the text itself and reason says why.
// The error is about DuckDB, which parses queries here and runs none.
func Format(ctx context.Context, db *sql.DB, text string) (formatted, reason string, err error) {
	formatted, bad := layout(text)
	if bad != nil {
		return text, bad.Error(), nil
	}
	if reason = sameText(text, formatted); reason == "" {
		reason, err = sameTrees(ctx, db, queries(text), queries(formatted))
	}
	if reason != "" || err != nil {
		return text, reason, err
	}
	return formatted, "", nil
}

// sameText compares tokens, comments and a second pass. Empty: all agree.
func sameText(before, after string) string {
	code, comments := apart(before)
	newCode, newComments := apart(after)
	if at := firstDifference(code, newCode); at != "" {
		return "formatting would change the code near " + at
	}
	if at := firstDifference(comments, newComments); at != "" {
		return "formatting would lose or move the comment " + at
	}
	again, err := layout(after)
	if err != nil {
		return "formatting twice fails: " + err.Error()
	}
	if again != after {
		return "formatting twice gives another text"
	}
	return ""
}

// apart gives the tokens, words in lower case, and the comments without blanks
// at their ends.
func apart(text string) (code, comments []string) {
	for _, t := range model.Lex(text) {
		switch t.Kind {
		case model.Space:
		case model.LineComment, model.BlockComment:
			comments = append(comments, strings.TrimRight(t.Text, " \t\r\f\v"))
		case model.Ident:
			code = append(code, strings.ToLower(t.Text))
		default:
			code = append(code, t.Text)
		}
	}
	return code, comments
}

func firstDifference(a, b []string) string {
	for i := range max(len(a), len(b)) {
		if i >= len(a) {
			return b[i]
		}
		if i >= len(b) || a[i] != b[i] {
			return a[i]
		}
	}
	return ""
}

// queries are the statements of a file that are no headers, with a name in the
// place of every macro, so that DuckDB can parse them.
func queries(text string) []string {
	var all []string
	var b strings.Builder
	var seen []model.Token
	end := func() {
		headed := len(seen) > 1 && (seen[0].Is("MODEL") || seen[0].Is("AUDIT")) && seen[1].Is("(")
		switch {
		case len(seen) == 0 || headed:
		case seen[0].Kind == model.Macro: // @DEF(name, value): its arguments are expressions
			all = append(all, "SELECT "+b.String())
		default:
			all = append(all, b.String())
		}
		b.Reset()
		seen = nil
	}
	depth := 0
	for _, t := range model.Lex(text) {
		switch {
		case t.Is("("):
			depth++
		case t.Is(")"):
			depth--
		case t.Is(";") && depth == 0:
			end()
			continue
		}
		if t.Significant() && len(seen) < 2 {
			seen = append(seen, t)
		}
		if t.Kind == model.Macro {
			b.WriteString("macro_" + t.Text[1:])
			continue
		}
		b.WriteString(t.Text)
	}
	end()
	return all
}

var location = regexp.MustCompile(`"query_location":\d+`)

func sameTrees(ctx context.Context, db *sql.DB, before, after []string) (string, error) {
	if len(before) != len(after) {
		return "formatting would change the number of statements", nil
	}
	trees, err := duck.SerializeSQL(ctx, db, append(append([]string{}, before...), after...))
	if err != nil {
		return "", fmt.Errorf("sqlfmt: %w", err)
	}
	for i := range before {
		a, b := trees[i], trees[len(before)+i]
		switch {
		case a.Err != nil:
			return "DuckDB cannot parse it: " + a.Err.Message, nil
		case b.Err != nil:
			return "formatting would make it unreadable to DuckDB: " + b.Err.Message, nil
		case location.ReplaceAllString(a.JSON, "") != location.ReplaceAllString(b.JSON, ""):
			return "formatting would change what DuckDB reads", nil
		}
	}
	return "", nil
}
