package postgres

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	mathbits "math/bits"
	"strconv"
)

// appendFloat appends the shortest digits that read back as f, in the form of
// Postgres: an exponent of at least two digits for numbers below 1e-4 and from
// 1e15 (float4: 1e6) on.
func appendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 0):
		if f < 0 {
			dst = append(dst, '-')
		}
		return append(dst, "Infinity"...)
	}
	if math.Signbit(f) {
		dst = append(dst, '-')
		f = -f
	}
	if f == 0 {
		return append(dst, '0')
	}
	var buffer [32]byte
	d := newDecimal(strconv.AppendFloat(buffer[:0], f, 'e', -1, bits))
	limit, exact := 15, float64(1<<52)
	if bits == 32 {
		limit, exact = 6, float64(1<<20)
	}
	if f >= exact && betweenFloats(d, f, bits) {
		d = inside(f, bits)
	}
	d.roundToEven(f, bits)
	if d.exponent < -4 || d.exponent >= limit {
		return d.appendScientific(dst)
	}
	return d.appendPlain(dst)
}

// decimal is 0.digits times ten to the exponent plus one: exponent is that of
// the first digit.
type decimal struct {
	digits   []byte
	exponent int
}

// newDecimal reads what strconv writes in format e; the digits stay in text.
func newDecimal(text []byte) decimal {
	at := bytes.IndexByte(text, 'e')
	exponent, _ := strconv.Atoi(string(text[at+1:])) // strconv wrote it itself
	digits := text[:1]
	if at > 2 {
		digits = append(digits, text[2:at]...)
	}
	return decimal{digits, exponent}
}

// last is the exponent of the last digit.
func (d *decimal) last() int { return d.exponent - len(d.digits) + 1 }

func (d *decimal) integer() *big.Int {
	n, _ := new(big.Int).SetString(string(d.digits), 10)
	return n
}

func (d *decimal) appendScientific(dst []byte) []byte {
	dst = append(dst, d.digits[0])
	if len(d.digits) > 1 {
		dst = append(append(dst, '.'), d.digits[1:]...)
	}
	exponent := d.exponent
	if exponent < 0 {
		dst, exponent = append(dst, 'e', '-'), -exponent
	} else {
		dst = append(dst, 'e', '+')
	}
	return appendPadded(dst, int64(exponent), 2)
}

func (d *decimal) appendPlain(dst []byte) []byte {
	if d.exponent < 0 {
		dst = append(dst, '0', '.')
		for range -d.exponent - 1 {
			dst = append(dst, '0')
		}
		return append(dst, d.digits...)
	}
	for i := range max(len(d.digits), d.exponent+1) {
		if i == d.exponent+1 {
			dst = append(dst, '.')
		}
		if i < len(d.digits) {
			dst = append(dst, d.digits[i])
		} else {
			dst = append(dst, '0')
		}
	}
	return dst
}

// roundToEven takes the even one of two decimals of equal length that are
// equally near to f, as Postgres does. That f = odd * 2^q lies half way between
// decimals whose last digit counts 10^e is only possible when e = q+1.
func (d *decimal) roundToEven(f float64, bits int) {
	fraction, exponent := math.Frexp(f)
	odd, q := uint64(fraction*(1<<53)), exponent-53
	zeros := mathbits.TrailingZeros64(odd)
	odd, q = odd>>zeros, q+zeros
	if d.last() != q+1 || d.digits[len(d.digits)-1]%2 == 0 {
		return
	}
	power := new(big.Int).Exp(big.NewInt(5), big.NewInt(int64(max(q+1, -q-1))), nil)
	left, n := new(big.Int).SetUint64(odd), d.integer()
	if q+1 < 0 {
		left.Mul(left, power)
		power.SetInt64(1)
	}
	for _, step := range []int64{-1, 1} {
		between := new(big.Int).Lsh(n, 1)
		between.Add(between, big.NewInt(step))
		if between.Mul(between, power).Cmp(left) != 0 {
			continue
		}
		even := decimal{[]byte(n.Add(n, big.NewInt(step)).String()), d.exponent}
		if len(even.digits) != len(d.digits) {
			return
		}
		if back, err := strconv.ParseFloat(string(even.appendScientific(nil)), bits); err == nil && back == f {
			*d = even
		}
		return
	}
}

// inside gives the shortest digits that lie strictly nearer to f than to any
// other float, which is what Postgres takes.
func inside(f float64, bits int) decimal {
	var d decimal
	for precision := range 20 {
		text := strconv.FormatFloat(f, 'e', precision, bits)
		d = newDecimal([]byte(text))
		if back, err := strconv.ParseFloat(text, bits); err == nil && back == f && !betweenFloats(d, f, bits) {
			break
		}
	}
	return d
}

// betweenFloats tells whether a decimal lies exactly half way between f and one
// of its neighbours.
func betweenFloats(d decimal, f float64, bits int) bool {
	value, ok := new(big.Rat).SetString(string(d.appendScientific(nil)))
	if !ok {
		return false
	}
	double := value.Add(value, value)
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
