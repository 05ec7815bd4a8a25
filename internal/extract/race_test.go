//go:build race

package extract

// raceDetector holds several times the memory of what it watches.
const raceDetector = true
