package duck

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Error is DuckDB's own account of an error, as it gives under
// SET errors_as_json = true or from json_serialize_sql.
type Error struct {
	Type       string // "Binder", "Catalog", "parser", ...
	Message    string // without candidates' line where DuckDB gives them apart
	Subtype    string // "COLUMN_NOT_FOUND", "MISSING_ENTRY", "SYNTAX_ERROR", ...
	Name       string // what was not found
	Candidates []string
	Position   int // byte offset into the statement, -1 where DuckDB gives none
}

func (e *Error) Error() string { return e.Message }

// ParseError reads an error raised under errors_as_json. ok is false for an
// error of another form; its message is then all there is.
func ParseError(err error) (e *Error, ok bool) {
	text := err.Error()
	at := strings.IndexByte(text, '{') // with or without "Binder Error: " before it
	if at < 0 {
		return nil, false
	}
	var raw struct {
		Type       string `json:"exception_type"`
		Message    string `json:"exception_message"`
		Subtype    string `json:"error_subtype"`
		Name       string `json:"name"`
		Candidates string `json:"candidates"`
		Position   string `json:"position"`
	}
	if json.NewDecoder(strings.NewReader(text[at:])).Decode(&raw) != nil || raw.Message == "" {
		return nil, false
	}
	return newError(raw.Type, raw.Message, raw.Subtype, raw.Name, raw.Candidates, raw.Position), true
}

func newError(kind, message, subtype, name, candidates, position string) *Error {
	e := &Error{Type: kind, Message: message, Subtype: subtype, Name: name, Position: -1}
	if n, err := strconv.Atoi(position); err == nil {
		e.Position = n
	}
	for c := range strings.SplitSeq(candidates, ",") {
		if c = strings.TrimSpace(c); c != "" {
			e.Candidates = append(e.Candidates, c)
		}
	}
	return e
}

// AST is one query's syntax tree: JSON exactly as json_serialize_sql gives it,
// or the reason why there is none.
type AST struct {
	JSON string
	Err  *Error
}

// SerializeSQL parses each query with DuckDB, without binding, in one round
// trip, and returns their syntax trees in the same order. An unparsable query
// has its Err set; the error returned is about the round trip.
func SerializeSQL(ctx context.Context, db *sql.DB, queries []string) ([]AST, error) {
	if len(queries) == 0 {
		return nil, nil
	}
	rows, err := db.QueryContext(ctx,
		`SELECT json_serialize_sql(q)::VARCHAR FROM (SELECT unnest(?::VARCHAR[]) AS q, generate_subscripts(?::VARCHAR[], 1) AS i) ORDER BY i`, queries, queries)
	if err != nil {
		return nil, fmt.Errorf("duck: serialise %d queries: %w", len(queries), err)
	}
	defer rows.Close()
	all := make([]AST, 0, len(queries))
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("duck: serialise: %w", err)
		}
		all = append(all, AST{JSON: text, Err: astError(text)})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("duck: serialise: %w", err)
	}
	if len(all) != len(queries) {
		return nil, fmt.Errorf("duck: serialise: %d answers to %d queries", len(all), len(queries))
	}
	return all, nil
}

// astError reads the error object; a tree starts with "error":false and is
// left for the caller to decode, once.
func astError(text string) *Error {
	head := text[:min(len(text), 20)]
	if !strings.Contains(head, `"error":true`) {
		return nil
	}
	var raw struct {
		Type     string `json:"error_type"`
		Message  string `json:"error_message"`
		Subtype  string `json:"error_subtype"`
		Position string `json:"position"`
	}
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return &Error{Type: "parser", Message: err.Error(), Position: -1}
	}
	return newError(raw.Type, raw.Message, raw.Subtype, "", "", raw.Position)
}
