// Package plan compares a SQL project with what the lakehouse holds (Compute),
// brings the lakehouse there (Apply) and feeds an environment new data (Run).
//
// The lakehouse is one DuckDB file. A model's rows stand in a physical table
// named by its version, the hash of everything its content depends on: its
// code, its parents' versions, and the landing files its readers match. What
// users query are views that point at one version each, a set of views per
// environment. So building is separate from publishing, the same version is
// built once for all environments, and publishing is one transaction.
//
//	physical    materia__<schema>.<table>__<first 12 digits of the version>
//	prod        <schema>.<table>
//	others      <schema>__<env>.<table>
//	state       materia.*
//
// It must never change or drop what an environment shows before its successor
// stands and has passed its blocking audits, never drop a table that the
// current or the previous plan of any environment names, and never let Run
// apply code that was not planned.
package plan
