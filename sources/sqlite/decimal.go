package sqlite

import (
	"math/big"
	"strconv"
	"strings"
)

// decimal is an exact number: unscaled / 10^scale. The division rules are
// those of Postgres's numeric, so that averages have the same digits.
type decimal struct {
	unscaled *big.Int
	scale    int
}

// Bounds of Postgres's numeric division and of what we take for a number.
const (
	significantDigits = 16
	maximumScale      = 1000
	digitsPerGroup    = 4
	maximumExponent   = 1000
)

func power10(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// parseDecimal reads a number's text: digits, a point, an exponent.
func parseDecimal(text string) (decimal, bool) {
	mantissa, exponentText, hasExponent := strings.Cut(strings.ToLower(text), "e")
	exponent := 0
	if hasExponent {
		n, err := strconv.Atoi(exponentText)
		if err != nil || n > maximumExponent || n < -maximumExponent {
			return decimal{}, false
		}
		exponent = n
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimPrefix(whole, "+") + fraction
	if strings.Trim(digits, "-0123456789") != "" || strings.ContainsAny(fraction, "+-") {
		return decimal{}, false
	}
	unscaled, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		return decimal{}, false
	}
	d := decimal{unscaled: unscaled, scale: len(fraction) - exponent}
	if d.scale < 0 {
		d.unscaled.Mul(d.unscaled, power10(-d.scale))
		d.scale = 0
	}
	return d, true
}

func (d decimal) rescaled(scale int) *big.Int {
	if scale == d.scale {
		return d.unscaled
	}
	return new(big.Int).Mul(d.unscaled, power10(scale-d.scale))
}

func (d decimal) add(o decimal) decimal {
	scale := max(d.scale, o.scale)
	return decimal{new(big.Int).Add(d.rescaled(scale), o.rescaled(scale)), scale}
}

func (d decimal) subtract(o decimal) decimal {
	scale := max(d.scale, o.scale)
	return decimal{new(big.Int).Sub(d.rescaled(scale), o.rescaled(scale)), scale}
}

func (d decimal) multiply(o decimal) decimal {
	return decimal{new(big.Int).Mul(d.unscaled, o.unscaled), d.scale + o.scale}
}

func decimalOf(n int64) decimal { return decimal{big.NewInt(n), 0} }

func (d decimal) String() string { return string(d.append(nil)) }

func (d decimal) append(dst []byte) []byte {
	digits := new(big.Int).Abs(d.unscaled).String()
	if d.unscaled.Sign() < 0 {
		dst = append(dst, '-')
	}
	if d.scale == 0 {
		return append(dst, digits...)
	}
	if len(digits) <= d.scale {
		digits = strings.Repeat("0", d.scale-len(digits)+1) + digits
	}
	point := len(digits) - d.scale
	dst = append(dst, digits[:point]...)
	dst = append(dst, '.')
	return append(dst, digits[point:]...)
}

// rounded is d with the given scale, half away from zero.
func (d decimal) rounded(scale int) decimal {
	if scale >= d.scale {
		return decimal{d.rescaled(scale), scale}
	}
	return decimal{roundedQuotient(d.unscaled, power10(d.scale-scale)), scale}
}

func roundedQuotient(numerator, denominator *big.Int) *big.Int {
	quotient, remainder := new(big.Int).QuoRem(numerator, denominator, new(big.Int))
	remainder.Abs(remainder).Lsh(remainder, 1)
	if remainder.Cmp(new(big.Int).Abs(denominator)) >= 0 {
		quotient.Add(quotient, big.NewInt(int64(numerator.Sign()*denominator.Sign())))
	}
	return quotient
}

// leadingGroup gives the weight (in groups of four decimal digits) and the
// value of the first group of digits that isn't zero.
func (d decimal) leadingGroup() (weight, group int) {
	if d.unscaled.Sign() == 0 {
		return 0, 0
	}
	digits := new(big.Int).Abs(d.unscaled).String()
	// The decimal exponent of the first digit.
	exponent := len(digits) - 1 - d.scale
	weight = exponent / digitsPerGroup
	if exponent < 0 && exponent%digitsPerGroup != 0 {
		weight--
	}
	count := exponent - weight*digitsPerGroup + 1
	if len(digits) < count {
		digits += strings.Repeat("0", count-len(digits))
	}
	group, err := strconv.Atoi(digits[:count])
	if err != nil {
		return weight, 0
	}
	return weight, group
}

// divisionScale is the scale that Postgres gives the quotient of two numerics.
func divisionScale(a, b decimal) int {
	weightA, firstA := a.leadingGroup()
	weightB, firstB := b.leadingGroup()
	weight := weightA - weightB
	if firstA <= firstB {
		weight--
	}
	scale := significantDigits - weight*digitsPerGroup
	return min(max(scale, a.scale, b.scale, 0), maximumScale)
}

// divide is a / b as numeric's division has it; b is not zero.
func (d decimal) divide(b decimal, scale int) decimal {
	// d/b * 10^scale = d.unscaled * 10^(b.scale+scale) / (b.unscaled * 10^d.scale)
	numerator := new(big.Int).Mul(d.unscaled, power10(b.scale+scale))
	denominator := new(big.Int).Mul(b.unscaled, power10(d.scale))
	return decimal{roundedQuotient(numerator, denominator), scale}
}

// squareRoot of a number that is not negative, rounded to a scale.
func (d decimal) squareRoot(scale int) decimal {
	// One digit more than wanted, then rounded.
	wanted := 2 * (scale + 1)
	n := d.unscaled
	if wanted >= d.scale {
		n = new(big.Int).Mul(n, power10(wanted-d.scale))
	} else {
		n = new(big.Int).Quo(n, power10(d.scale-wanted))
	}
	return decimal{new(big.Int).Sqrt(n), scale + 1}.rounded(scale)
}

// numericText writes a numeric as Postgres does: never with an exponent.
func numericText(dst, cell []byte) ([]byte, error) {
	if len(cell) == 0 {
		return dst, errCell
	}
	if cell[0] == tagReal {
		if d, ok := parseDecimal(string(cell[1:])); ok {
			return d.append(dst), nil
		}
	}
	return append(dst, cell[1:]...), nil
}

// appendScaled writes a number of a DECIMAL(p,s) column with its s decimals.
func appendScaled(dst, cell []byte, scale int) ([]byte, error) {
	if len(cell) == 0 {
		return dst, errCell
	}
	if d, ok := parseDecimal(string(cell[1:])); ok {
		return d.rounded(scale).append(dst), nil
	}
	return append(dst, cell[1:]...), nil
}
