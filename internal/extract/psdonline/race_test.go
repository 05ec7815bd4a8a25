//go:build race

package psdonline

// raceDetector makes every byte several times as dear.
const raceDetector = true
