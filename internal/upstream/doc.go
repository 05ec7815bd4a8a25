// Package upstream is an HTTP server that stands in for the publishers that
// materia asks: USDA PSD Online, CFTC, Yahoo's chart API, ICE's stock reports and
// Open-Meteo's archive. It speaks their formats byte for byte in form, with sample
// data in place of theirs, and misbehaves on demand. The demo, the tests and the benchmarks run against it through
// MATERIA_UPSTREAM: https://HOST/PATH?QUERY is answered at /HOST/PATH?QUERY.
//
// Every figure is invented: a generator seeded with Options.Seed makes it up
// from round magnitudes, a trend, a cycle and noise. Names, codes, column
// headers, calendars and identities are facts about the formats. Every answer
// carries the header "X-Materia-Origin: sample", so that nothing made here can
// be taken for data, and a landing zone that holds the one refuses the other.
//
// The same Seed and Today give the same bytes, but for the generation time that
// Open-Meteo writes into each answer. A later day only adds: prices of settled days
// before the newest two, weather older than two weeks and files of past releases
// stay as they were, so a run of days can be played through with Options.Now.
//
//	GET    /__requests  what was asked: method, path, status, bytes
//	GET    /__faults    what is wrong with the answers now
//	POST   /__faults    adds a Fault, or a JSON array of them
//	DELETE /__faults    all is well again
//
// It must never ask anybody anything, never hold, read or serve published data,
// never leave out the origin header, and never import another package of ours:
// a stranger shares no code with the program that it is to test.
package upstream
