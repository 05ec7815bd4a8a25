// Package serving owns analytics.duckdb, the published copy of the serving
// tables. Export builds a new file beside the old one, verifies it and renames
// it into place; Reader opens the newest file for readers and lets go of an old
// one after its last reader.
//
// It must never write to a published file, never open the lakehouse for
// writing, and never let a reader see a file that was not verified.
package serving

import "errors"

// ErrNoData says that no serving file has been published yet.
var ErrNoData = errors.New("serving: no data published yet; run `materia pipeline run all`")
