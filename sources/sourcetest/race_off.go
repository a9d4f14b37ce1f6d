//go:build !race

package sourcetest

const slowdown = 1
