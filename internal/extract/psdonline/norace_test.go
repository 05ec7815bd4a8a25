//go:build !race

package psdonline

const raceDetector = false
