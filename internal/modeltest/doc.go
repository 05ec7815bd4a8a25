// Package modeltest runs the unit tests of models: SQLMesh's YAML files as
// they are, transform/tests/**/test*.yaml. Every test gets tables of its own
// in one database in memory; the model's query runs against them.
//
// It must never read the lakehouse or write a file.
//
// As in SQLMesh: omitted columns are NULL, in inputs and in expected rows;
// partial compares only the columns named; every model the query reads needs
// an input; rows count in order only if the query ends in ORDER BY; NaN equals
// NULL; execution_time stands in for current_date, current_timestamp and
// today(). Here it also stands in for now(), which SQLMesh leaves to the clock.
//
// Stricter than SQLMesh: doubles must agree to 1e-9 (SQLMesh: 1e-5), decimals
// exactly; a test of an unknown model, an input that is no model, or an unknown
// key fails instead of being passed over.
package modeltest
