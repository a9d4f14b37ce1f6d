//go:build race

package sourcetest

// slowdown divides what is large: the race detector makes an interpreted
// database many times slower.
const slowdown = 20
