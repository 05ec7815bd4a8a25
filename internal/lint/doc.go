// Package lint says what is doubtful in a project that loads and runs: models
// without audits or unit tests, a star that hides which columns a model has,
// and SQL in foundation and serving that another engine would read otherwise.
//
// Portability is an allowlist: a function, operator, keyword or type that is
// not known to mean the same in DuckDB and in Trino is reported. It is told
// from tokens, not from DuckDB's syntax tree, in which x::T and CAST(x AS T)
// are one.
//
// It must never change a file, and never stop a plan: what it finds is an
// opinion, and every rule can be ignored where its reason does not hold.
//
// # Ignoring a rule
//
// In a model's header, for the whole model: ignored_rules (nomissingunittest).
// SQLMesh has this key and the names of the rules noselectstar,
// nomissingaudits and nomissingunittest; it refuses the others, where its own
// linter is switched on. For one line of a query, any rule: a comment
// "-- noqa: portablefunctions (why)". An ignored rule that finds nothing there
// is reported, so that no exception outlives its reason.
package lint
