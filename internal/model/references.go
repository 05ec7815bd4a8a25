package model

import (
	"slices"
	"strings"
)

// landingReaders are the table functions that read files, and what else they
// must be told. Their first argument is a glob. CSV and JSON need their columns,
// and CSV must not be sniffed: otherwise the shape of the result would depend
// on the data, and a file without rows could not be read.
var landingReaders = map[string]string{
	"read_csv": "columns auto_detect", "read_csv_auto": "columns auto_detect",
	"read_json": "columns", "read_json_auto": "columns", "read_ndjson": "columns", "read_ndjson_auto": "columns",
	"read_parquet": "", "parquet_scan": "", "read_text": "", "read_blob": "", "glob": "",
}

// pureFunctions are the table functions that read nothing.
var pureFunctions = []string{"range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree"}

// queryText is a query ready to be analysed, wherever it comes from.
type queryText struct {
	f      *file
	x      *expanded
	tokens []Token // significant, of x.text
}

func newQueryText(f *file, x *expanded) *queryText {
	return &queryText{f: f, x: x, tokens: significant(Lex(x.text))}
}

// origin maps a range of the query to the file.
func (q *queryText) origin(at Span) Span { return q.x.origin.origin(at) }

// tokenSpan is the range of the token at an offset; a point if there is none.
func (q *queryText) tokenSpan(at int) Span {
	if i := tokenAt(q.tokens, at); i >= 0 {
		return q.tokens[i].Span()
	}
	return Span{at, at + 1}
}

// nameSpan is the range of a dotted name that begins at token i.
func (q *queryText) nameSpan(i int) Span {
	at := q.tokens[i].Span()
	for i+2 < len(q.tokens) && q.tokens[i+1].Is(".") {
		i += 2
		at.End = q.tokens[i].End()
	}
	return at
}

// readerCall is a landing reader found in a query, its path not yet known.
type readerCall struct {
	function string
	whole    Span // the call
	arg      Span // its first argument
}

// references finds the models a query reads. known says whether a name is a
// model (or another relation the caller allows).
func (q *queryText) references(f found, known func(string) bool, names []string, errs *ErrorList) (refs []Ref, deletions []Span) {
	aliases := map[string]bool{}
	for _, t := range f.tables {
		if t.alias != "" {
			aliases[strings.ToLower(t.alias)] = true
		}
	}
	bare := map[string]bool{} // models mentioned without an alias
	for _, t := range f.tables {
		i := tokenAt(q.tokens, t.at)
		if i < 0 {
			continue // a CTE, or made up by the parser
		}
		at := q.nameSpan(i)
		full := strings.ToLower(t.schema + "." + t.table)
		switch {
		case q.tokens[i].Kind == String:
			errs.add(q.f, q.origin(at), "use read_csv, read_json or read_parquet", "a file cannot be read by its name alone")
		case t.catalog != "":
			errs.add(q.f, q.origin(at), "write "+t.schema+"."+t.table, "%s names a database; models are schema.table", t.catalog+"."+full)
		case t.schema == "":
			errs.add(q.f, q.origin(at), didYouMean(t.table, names), "unknown table %s", t.table)
		case !known(full):
			errs.add(q.f, q.origin(at), didYouMean(full, names), "unknown model %s", full)
		case i > 0 && q.tokens[i-1].Is("TABLE"):
			errs.add(q.f, q.origin(q.tokens[i-1].Span()), "write FROM "+full, "TABLE %s is not supported", full)
		default:
			ref := Ref{Model: full, Span: at}
			if t.alias == "" {
				ref.Alias = t.table
				bare[full] = true
			}
			refs = append(refs, ref)
		}
	}
	for _, c := range f.columns {
		i := tokenAt(q.tokens, c.at)
		if i < 0 || i+2 >= len(q.tokens) || !bare[c.parts[0]+"."+c.parts[1]] || aliases[c.parts[0]] {
			continue
		}
		if len(c.parts) == 2 {
			errs.add(q.f, q.origin(q.nameSpan(i)), "write "+c.parts[1], "a whole row by its qualified name is not supported")
			continue
		}
		deletions = append(deletions, Span{q.tokens[i].Start, q.tokens[i+2].Start})
	}
	slices.SortFunc(refs, func(a, b Ref) int { return a.Span.Start - b.Span.Start })
	slices.SortFunc(deletions, func(a, b Span) int { return a.Start - b.Start })
	return slices.Compact(refs), slices.Compact(deletions)
}

// readers finds the calls that read files, and refuses every table function
// that might read anything else.
func (q *queryText) readers(f found, errs *ErrorList) []readerCall {
	var calls []readerCall
	for _, fn := range f.functions {
		i := tokenAt(q.tokens, fn.at)
		if i < 0 {
			continue
		}
		needs, reader := landingReaders[fn.name]
		if !reader {
			if !contains(pureFunctions, fn.name) {
				names := slices.Clone(pureFunctions)
				for n := range landingReaders {
					names = append(names, n)
				}
				errs.add(q.f, q.origin(q.tokens[i].Span()), didYouMean(fn.name, names), "table function %s is not supported", fn.name)
			}
			continue
		}
		for i+2 < len(q.tokens) && q.tokens[i+1].Is(".") {
			i += 2
		}
		call, ok := q.readerCall(fn.name, i, needs, errs)
		if ok && !slices.Contains(calls, call) {
			calls = append(calls, call)
		}
	}
	slices.SortFunc(calls, func(a, b readerCall) int { return a.whole.Start - b.whole.Start })
	return calls
}

// readerCall cuts the arguments of the call whose name is token i.
func (q *queryText) readerCall(name string, i int, needs string, errs *ErrorList) (readerCall, bool) {
	here := q.origin(q.tokens[i].Span())
	depth, end := 0, -1
	for j := i + 1; j < len(q.tokens); j++ {
		if t := q.tokens[j]; t.Is("(") {
			depth++
		} else if t.Is(")") {
			if depth--; depth == 0 {
				end = j
				break
			}
		}
	}
	if end < 0 {
		errs.add(q.f, here, "", "%s is never closed", name)
		return readerCall{}, false
	}
	args := splitTop(q.tokens[i+2 : end])
	if len(args[0]) == 0 || argName(args[0]) != "" {
		errs.add(q.f, here, name+"('path', ...)", "%s takes its path as the first argument", name)
		return readerCall{}, false
	}
	for _, need := range strings.Fields(needs) {
		at := slices.IndexFunc(args, func(a []Token) bool { return argName(a) == need })
		switch {
		case at < 0 && need == "columns":
			errs.add(q.f, here, name+"(path, columns = {'name': 'TYPE', ...})", "%s needs columns, so that the result's shape does not depend on the data", name)
			return readerCall{}, false
		case need == "auto_detect" && (at < 0 || !args[at][2].Is("false")):
			errs.add(q.f, here, "add auto_detect = false, and header, delim or quote where they are not the defaults", "%s must not guess how the data is written", name)
			return readerCall{}, false
		}
	}
	first := args[0]
	return readerCall{name, Span{q.tokens[i].Start, q.tokens[end].End()}, Span{first[0].Start, first[len(first)-1].End()}}, true
}

// argName is the name of a named argument, lower case.
func argName(arg []Token) string {
	if len(arg) > 2 && (arg[1].Is("=") || arg[1].Is(":=") || arg[1].Is("=>")) {
		name, _ := arg[0].name()
		return strings.ToLower(name)
	}
	return ""
}
