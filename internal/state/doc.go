// Package state keeps {LANDING_DIR}/.state.sqlite: what ran, what landed, and
// what saves a request next time. All SQL about it stands in this package.
//
// The file is an index and a diary, never the truth about data: the landing
// zone's manifests are, and Rebuild makes the index from them again. A landed
// file is durable before its row here; a crash between the two loses a row, not
// a file. It must never decide whether a file is good, never read or write a
// landed file, and never import another package of ours.
//
// Times are RFC 3339 text in UTC with milliseconds, all of one length, so that
// they sort as text. Several processes may have the file open; writers wait for
// each other up to ten seconds.
package state
