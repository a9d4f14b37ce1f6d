package postgres

import (
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"strconv"
)

// appendFloat appends the shortest digits that read back as f, in the form of
// Postgres: an exponent of at least two digits for numbers below 1e-4 and from
// 1e15 (float4: 1e6) on.
func appendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case f == 0:
		if math.Signbit(f) {
			return append(dst, "-0"...)
		}
		return append(dst, '0')
	}
	least, limit, exact := 1e-4, 1e15, float64(1<<52)
	if bits == 32 {
		least, limit, exact = float64(float32(1e-4)), 1e6, float64(1<<20)
	}
	size := math.Abs(f)
	if size >= exact {
		return appendLargeFloat(dst, f, bits, size < limit)
	}
	if size >= least && size < limit {
		return strconv.AppendFloat(dst, f, 'f', -1, bits)
	}
	return strconv.AppendFloat(dst, f, 'e', -1, bits)
}

// appendLargeFloat handles numbers so large that a short decimal can lie
// exactly between two floats. Postgres takes digits only when they lie strictly
// nearer to f.
func appendLargeFloat(dst []byte, f float64, bits int, plain bool) []byte {
	format := byte('e')
	if plain {
		format = 'f'
	}
	text := strconv.FormatFloat(f, 'e', -1, bits)
	if !betweenFloats(text, f, bits) {
		return strconv.AppendFloat(dst, f, format, -1, bits)
	}
	for precision := 0; precision < 20; precision++ {
		text = strconv.FormatFloat(f, 'e', precision, bits)
		if back, err := strconv.ParseFloat(text, bits); err == nil && back == f && !betweenFloats(text, f, bits) {
			break
		}
	}
	if plain {
		exact, _ := new(big.Float).SetString(text)
		return exact.Append(dst, 'f', 0)
	}
	return append(dst, text...)
}

// betweenFloats tells whether a decimal lies exactly half way between f and one
// of its neighbours.
func betweenFloats(text string, f float64, bits int) bool {
	decimal, ok := new(big.Rat).SetString(text)
	if !ok {
		return false
	}
	double := new(big.Rat).Add(decimal, decimal)
	for _, direction := range []float64{math.Inf(-1), math.Inf(1)} {
		var neighbour float64
		if bits == 32 {
			neighbour = float64(math.Nextafter32(float32(f), float32(direction)))
		} else {
			neighbour = math.Nextafter(f, direction)
		}
		if math.IsInf(neighbour, 0) {
			continue
		}
		sum := new(big.Rat).SetFloat64(f)
		sum.Add(sum, new(big.Rat).SetFloat64(neighbour))
		if sum.Cmp(double) == 0 {
			return true
		}
	}
	return false
}

// The sign words of a binary numeric.
const (
	numericNegative    = 0x4000
	numericNaN         = 0xC000
	numericInfinity    = 0xD000
	numericNegInfinity = 0xF000
)

var errNumeric = errors.New("the database sent a malformed numeric")

// encodeNumeric writes groups of four decimal digits: weight groups before the
// point, scale digits after it.
func encodeNumeric(dst, cell []byte) ([]byte, error) {
	if len(cell) < 8 {
		return dst, errNumeric
	}
	count := int(binary.BigEndian.Uint16(cell))
	weight := int(int16(binary.BigEndian.Uint16(cell[2:])))
	sign := binary.BigEndian.Uint16(cell[4:])
	scale := int(binary.BigEndian.Uint16(cell[6:]))
	if len(cell) != 8+2*count {
		return dst, errNumeric
	}
	switch sign {
	case numericNaN:
		return append(dst, "NaN"...), nil
	case numericInfinity:
		return append(dst, "Infinity"...), nil
	case numericNegInfinity:
		return append(dst, "-Infinity"...), nil
	case numericNegative:
		dst = append(dst, '-')
	}
	group := func(i int) uint16 {
		if i < 0 || i >= count {
			return 0
		}
		return binary.BigEndian.Uint16(cell[8+2*i:])
	}
	if weight < 0 {
		dst = append(dst, '0')
	} else {
		dst = strconv.AppendUint(dst, uint64(group(0)), 10)
		for i := 1; i <= weight; i++ {
			dst = appendGroup(dst, group(i), 4)
		}
	}
	if scale == 0 {
		return dst, nil
	}
	dst = append(dst, '.')
	for i := weight + 1; scale > 0; i++ {
		dst = appendGroup(dst, group(i), min(scale, 4))
		scale -= 4
	}
	return dst, nil
}

func appendGroup(dst []byte, g uint16, digits int) []byte {
	d := [4]byte{byte('0' + g/1000%10), byte('0' + g/100%10), byte('0' + g/10%10), byte('0' + g%10)}
	return append(dst, d[:digits]...)
}
