package mssql

import (
	"bytes"
	"math/big"
	"strconv"
	"strings"

	"dovetail/internal/jsonshape"
)

// decimal is an exact decimal number: digits without leading zeros, of which
// the last scale stand behind the point.
type decimal struct {
	negative bool
	digits   string
	scale    int
}

// maxExponent bounds the exponents of numbers that are written out.
const maxExponent = 400

// parseDecimal reads a number, with or without an exponent.
func parseDecimal(text string) (decimal, bool) {
	text = strings.TrimSpace(text)
	d := decimal{}
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		d.negative, text = true, rest
	} else {
		text = strings.TrimPrefix(text, "+")
	}
	exponent := 0
	if at := strings.IndexAny(text, "eE"); at >= 0 {
		var err error
		if exponent, err = strconv.Atoi(text[at+1:]); err != nil || exponent > maxExponent || exponent < -maxExponent {
			return decimal{}, false
		}
		text = text[:at]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	d.digits, d.scale = whole+fraction, len(fraction)-exponent
	if d.digits == "" || strings.Trim(d.digits, "0123456789") != "" {
		return decimal{}, false
	}
	if d.scale < 0 {
		d.digits += strings.Repeat("0", -d.scale)
		d.scale = 0
	}
	d.digits = strings.TrimLeft(d.digits, "0")
	d.negative = d.negative && d.digits != ""
	return d, true
}

// trimmed takes zeros at the end of the fraction off.
func (d decimal) trimmed() decimal {
	for d.scale > 0 && (d.digits == "" || d.digits[len(d.digits)-1] == '0') {
		d.scale--
		if d.digits != "" {
			d.digits = d.digits[:len(d.digits)-1]
		}
	}
	return d
}

// fits tells whether a decimal type holds the number without rounding it.
func (d decimal) fits(t sqlType) bool {
	d = d.trimmed()
	return d.scale <= t.scale && len(d.digits)-d.scale <= t.precision-t.scale
}

// String is the number without an exponent.
func (d decimal) String() string {
	digits := d.digits
	if len(digits) <= d.scale {
		digits = strings.Repeat("0", d.scale-len(digits)+1) + digits
	}
	if d.scale > 0 {
		at := len(digits) - d.scale
		digits = digits[:at] + "." + digits[at:]
	}
	if d.negative {
		return "-" + digits
	}
	return digits
}

// unscaled is the number times ten to the power of its scale.
func (d decimal) unscaled() *big.Int {
	n, _ := new(big.Int).SetString("0"+d.digits, 10)
	if d.negative {
		n.Neg(n)
	}
	return n
}

// exactType is the decimal type that holds all values of an exact numeric type;
// a precision of 0 says that there is none.
func exactType(t sqlType) sqlType {
	out := sqlType{base: typeDecimal}
	switch t.base {
	case typeTinyint, typeSmallint, typeInt:
		out.precision = 10
	case typeBigint:
		out.precision = 19
	case typeSmallmoney:
		out.precision, out.scale = 10, 4
	case typeMoney:
		out.precision, out.scale = 19, 4
	case typeDecimal, typeNumeric:
		out.precision, out.scale = t.precision, t.scale
	default:
		return sqlType{}
	}
	return out
}

// squareType holds sums of the squares of values.
func squareType(t sqlType) sqlType {
	exact := exactType(t)
	return sqlType{base: typeDecimal, precision: 38, scale: 2 * exact.scale}
}

// exactly tells whether a function's result can be made of exact sums that
// don't overflow.
func exactly(t sqlType, function string) bool {
	exact := exactType(t)
	if function == functionAvg {
		return exact.precision > 0 && exact.precision <= 28
	}
	return exact.precision > 0 && exact.precision <= 14
}

// ratio is what a result is: a quotient, or its square root.
type ratio struct {
	over, under decimalNumber
	root        bool
	// deviates: the quotient is a variance, whose zero has no decimals.
	deviates bool
}

// decimalNumber is an integer divided by ten to the power of scale.
type decimalNumber struct {
	n     *big.Int
	scale int
}

// finisher makes a result of the number, the sum and the sum of squares of
// values; false says that it is null.
type finisher func(count, sum, squares decimalNumber) (ratio, bool)

// finishers are the functions whose result has digits of its own, those that
// Postgres gives it, so that it doesn't tell where the table stands.
var finishers = map[string]finisher{
	functionAvg: func(count, sum, _ decimalNumber) (ratio, bool) {
		return ratio{over: sum, under: count}, count.n.Sign() > 0
	},
	functionVariance:   deviation(true, false),
	functionVarSamp:    deviation(true, false),
	functionVarPop:     deviation(false, false),
	functionStddev:     deviation(true, true),
	functionStddevSamp: deviation(true, true),
	functionStddevPop:  deviation(false, true),
}

func deviation(sample, root bool) finisher {
	return func(count, sum, squares decimalNumber) (ratio, bool) {
		n := count.n
		over := new(big.Int).Mul(n, scaled(squares, 2*sum.scale))
		over.Sub(over, new(big.Int).Mul(sum.n, sum.n))
		under := new(big.Int).Set(n)
		if sample {
			under.Sub(under, big.NewInt(1))
		}
		under.Mul(under, n)
		return ratio{
			over: decimalNumber{over, 2 * sum.scale}, under: decimalNumber{under, 0}, root: root, deviates: true,
		}, under.Sign() > 0
	}
}

// scaled gives the integer that a number is under another scale.
func scaled(d decimalNumber, scale int) *big.Int {
	if scale >= d.scale {
		return new(big.Int).Mul(d.n, powerOfTen(scale-d.scale))
	}
	return new(big.Int).Quo(d.n, powerOfTen(d.scale-scale))
}

func powerOfTen(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// encoder writes the result of "number|sum|squares".
func (f finisher) encoder() jsonshape.Encoder {
	return func(dst, cell []byte) ([]byte, error) {
		var numbers [3]decimalNumber
		rest := cell
		for i := range numbers {
			var part []byte
			part, rest, _ = bytes.Cut(rest, []byte{'|'})
			d, ok := parseDecimal(string(part))
			if !ok {
				d = decimal{} // nothing was summed up
			}
			numbers[i] = decimalNumber{d.unscaled(), d.scale}
		}
		r, ok := f(numbers[0], numbers[1], numbers[2])
		if !ok {
			return append(dst, "null"...), nil
		}
		return append(dst, r.text()...), nil
	}
}

// text gives the digits of the ratio or of its square root.
func (r ratio) text() string {
	if r.deviates && r.over.n.Sign() <= 0 {
		return "0"
	}
	scale := r.scale()
	over := new(big.Int).Mul(r.over.n, powerOfTen(scale+r.under.scale))
	under := new(big.Int).Mul(r.under.n, powerOfTen(r.over.scale))
	quotient := halfAwayFromZero(over, under)
	if r.root {
		// The root of what was rounded, with as many digits.
		quotient.Mul(quotient, powerOfTen(scale+2))
		quotient.Sqrt(quotient)
		quotient = halfAwayFromZero(quotient, big.NewInt(10))
	}
	return decimalOf(quotient, scale).String()
}

// scale is how many digits Postgres gives a quotient: sixteen that count.
func (r ratio) scale() int {
	const significant, group = 16, 4
	overWeight, overFirst := leading(r.over)
	underWeight, underFirst := leading(r.under)
	weight := overWeight - underWeight
	if overFirst <= underFirst {
		weight--
	}
	return max(significant-weight*group, r.over.scale, r.under.scale, 0)
}

// leading gives the weight and the value of the first group of four digits,
// groups being counted from the point.
func leading(d decimalNumber) (weight int, first int64) {
	if d.n.Sign() == 0 {
		return 0, 0
	}
	const group = 4
	digits := new(big.Int).Abs(d.n).String()
	padding := (group - d.scale%group) % group
	digits += strings.Repeat("0", padding)
	groups := (len(digits) + group - 1) / group
	head := digits[:len(digits)-(groups-1)*group]
	first, _ = strconv.ParseInt(head, 10, 64) // of digits, at most four
	return groups - 1 - (d.scale+padding)/group, first
}

func halfAwayFromZero(over, under *big.Int) *big.Int {
	quotient, rest := new(big.Int).QuoRem(over, under, new(big.Int))
	rest.Abs(rest).Lsh(rest, 1)
	if rest.CmpAbs(under) >= 0 {
		quotient.Add(quotient, big.NewInt(int64(over.Sign()*under.Sign())))
	}
	return quotient
}

func decimalOf(n *big.Int, scale int) decimal {
	return decimal{negative: n.Sign() < 0, digits: strings.TrimLeft(new(big.Int).Abs(n).String(), "0"), scale: scale}
}
