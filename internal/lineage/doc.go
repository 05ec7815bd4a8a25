// Package lineage says from which columns of which models a column is
// computed, down to the models that read files and to seeds. It reads DuckDB's
// syntax tree of every query, with the columns that are known of each model.
//
// A source is what the value is computed from: the columns in the expression,
// with those of its window. What only decides which rows there are (WHERE, ON,
// GROUP BY) is not in it, except for a count of rows, which comes from all of
// a model's rows.
//
// It must never read data or guess: a name that it cannot place is an error.
package lineage
