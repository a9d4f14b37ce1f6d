//go:build !race

package testengine

const raceDetector = false
