// Package sqlfmt lays out model and audit files: a clause a line, two spaces,
// keywords in upper case, headers with one property a line. Line ends, blanks
// and the case of keywords are all it may change.
//
// It must never write a text whose meaning it has not proved to stand: after
// formatting, the tokens, the comments in their order, DuckDB's syntax tree
// without positions and the result of a second pass must be those of the first
// text. Otherwise the file is left alone and the reason is reported.
package sqlfmt
