// Package bench holds the engine against handlers written by hand: for each
// workload one HTTP handler that answers the same JSON with as little work as
// an expert would manage. Everything is in its tests; docs/benchmarks.md tells
// how to run them and what they have shown.
package bench
