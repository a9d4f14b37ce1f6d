package jsonshape

import (
	"math"
	"strconv"
)

// IsNumber tells whether a text is a JSON number.
func IsNumber[T ~string | ~[]byte](text T) bool {
	i, n := 0, len(text)
	digits := func() bool {
		start := i
		for i < n && text[i] >= '0' && text[i] <= '9' {
			i++
		}
		return i > start
	}
	if i < n && text[i] == '-' {
		i++
	}
	start := i
	if !digits() || (text[start] == '0' && i > start+1) {
		return false
	}
	if i < n && text[i] == '.' {
		i++
		if !digits() {
			return false
		}
	}
	if i < n && (text[i] == 'e' || text[i] == 'E') {
		i++
		if i < n && (text[i] == '+' || text[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == n
}

// AppendFloat appends the fewest digits that identify a float of so many bits,
// with an exponent where Postgres writes one. Infinities and what is no number
// are words, as in Postgres.
func AppendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	size := math.Abs(f)
	exponent := size != 0 && (size < 1e-4 || size >= 1e15)
	if bits == 32 {
		size := float32(size)
		exponent = size != 0 && (size < 1e-4 || size >= 1e6)
	}
	if exponent {
		return strconv.AppendFloat(dst, f, 'e', -1, bits)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, bits)
}
