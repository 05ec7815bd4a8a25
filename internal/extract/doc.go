// Package extract holds what every source shares: HTTP with limits, retries and
// conditional requests, reading of ZIP files, detection of content that landed
// before, and the record of a run. A source is a package of its own that says
// which URLs to ask, what a valid answer is and under which plain name it lands.
//
// One run is: lock, mark dead runs, open the run's row, bring the zone in order,
// let the source work through a Session, commit the manifest, close the row.
// A file is durable before its row, and its row before the validators that would
// make upstream answer "not modified" for it.
//
// The SHA-256 of the content decides what is new. ETag and Last-Modified save
// transfers and never decide.
//
// It must never know a source, never let an upstream's name for something become
// a path, never follow a redirect to another host, and never turn a bad answer
// into a success: a refused answer leaves what landed before as it was.
package extract
