package sqlite

import (
	"errors"
	"math"
	"strconv"

	zombiezen "zombiezen.com/go/sqlite"

	"dovetail/internal/jsonshape"
)

// The aggregate functions that are computed here, because SQLite lacks them or
// computes them otherwise than Postgres: sums overflow or are rounded, averages
// are doubles.
const (
	functionSum        = "sum"
	functionAvg        = "avg"
	functionMin        = "min"
	functionMax        = "max"
	functionBoolAnd    = "bool_and"
	functionBoolOr     = "bool_or"
	functionStddev     = "stddev"
	functionStddevPop  = "stddev_pop"
	functionStddevSamp = "stddev_samp"
	functionVarPop     = "var_pop"
	functionVarSamp    = "var_samp"
	functionVariance   = "variance"
	functionCount      = "count"
)

var errWindow = errors.New("the aggregate function is no window function")

// exactAggregate computes over integers and decimals without loss, with the
// digits that Postgres's numeric has.
type exactAggregate struct {
	function string
	count    int64
	// small sums integers while they fit; sum takes over what doesn't.
	small    int64
	sum      decimal
	squares  decimal
	useful   bool // squares are wanted
	overflow bool // sum is in use
	// reals that are no decimals (infinities) make the result a double.
	doubles float64
	inexact bool
}

func newExactAggregate(function string) *exactAggregate {
	return &exactAggregate{
		function: function, sum: decimalOf(0), squares: decimalOf(0),
		useful: function != functionSum && function != functionAvg,
	}
}

func (a *exactAggregate) Step(_ zombiezen.Context, values []zombiezen.Value) error {
	v := values[0]
	switch v.Type() {
	case zombiezen.TypeNull:
		return nil
	case zombiezen.TypeInteger:
		n := v.Int64()
		a.count++
		if sum := a.small + n; !a.useful && (sum > a.small) == (n > 0) {
			a.small = sum
			return nil
		}
		a.add(decimalOf(n))
		return nil
	case zombiezen.TypeFloat, zombiezen.TypeText, zombiezen.TypeBlob:
	}
	text := v.Text()
	if v.Type() == zombiezen.TypeFloat {
		text = string(jsonshape.AppendFloat(nil, v.Float(), 64))
	}
	a.count++
	if d, ok := parseDecimal(text); ok {
		a.add(d)
		return nil
	}
	a.inexact = true
	a.doubles += v.Float()
	return nil
}

func (a *exactAggregate) add(d decimal) {
	a.overflow = true
	a.sum = a.sum.add(d)
	if a.useful {
		a.squares = a.squares.add(d.multiply(d))
	}
}

// WindowInverse is never called: the functions stand in no window.
func (a *exactAggregate) WindowInverse(zombiezen.Context, []zombiezen.Value) error { return errWindow }

func (a *exactAggregate) Finalize(zombiezen.Context) {}

func (a *exactAggregate) WindowValue(zombiezen.Context) (zombiezen.Value, error) {
	if a.count == 0 {
		return zombiezen.Value{}, nil
	}
	if a.inexact {
		return zombiezen.FloatValue(a.doubles), nil
	}
	total := a.sum.add(decimalOf(a.small))
	count := decimalOf(a.count)
	switch a.function {
	case functionSum:
		if !a.overflow {
			return zombiezen.IntegerValue(a.small), nil
		}
		return zombiezen.TextValue(total.String()), nil
	case functionAvg:
		return zombiezen.TextValue(total.divide(count, divisionScale(total, count)).String()), nil
	}
	sample := a.function != functionStddevPop && a.function != functionVarPop
	if sample && a.count == 1 {
		return zombiezen.Value{}, nil
	}
	numerator := count.multiply(a.squares).subtract(total.multiply(total))
	if numerator.unscaled.Sign() <= 0 {
		return zombiezen.IntegerValue(0), nil
	}
	divisor := count
	if sample {
		divisor = decimalOf(a.count - 1)
	}
	divisor = count.multiply(divisor)
	scale := divisionScale(numerator, divisor)
	variance := numerator.divide(divisor, scale)
	if a.function == functionVarPop || a.function == functionVarSamp || a.function == functionVariance {
		return zombiezen.TextValue(variance.String()), nil
	}
	return zombiezen.TextValue(variance.squareRoot(scale).String()), nil
}

// doubleAggregate computes over doubles step by step as Postgres does
// (Youngs and Cramer's way for squares), so that the last digit agrees.
type doubleAggregate struct {
	function            string
	count, sum, squares float64
}

func (a *doubleAggregate) Step(_ zombiezen.Context, values []zombiezen.Value) error {
	if values[0].Type() == zombiezen.TypeNull {
		return nil
	}
	x := values[0].Float()
	before := a.count
	a.count++
	a.sum += x
	if before > 0 {
		difference := x*a.count - a.sum
		a.squares += difference * difference / (a.count * before)
	}
	return nil
}

// WindowInverse is never called: the functions stand in no window.
func (a *doubleAggregate) WindowInverse(zombiezen.Context, []zombiezen.Value) error { return errWindow }

func (a *doubleAggregate) Finalize(zombiezen.Context) {}

func (a *doubleAggregate) WindowValue(zombiezen.Context) (zombiezen.Value, error) {
	if a.count == 0 {
		return zombiezen.Value{}, nil
	}
	result := math.NaN()
	switch a.function {
	case functionSum:
		result = a.sum
	case functionAvg:
		result = a.sum / a.count
	case functionVarPop:
		result = a.squares / a.count
	case functionStddevPop:
		result = math.Sqrt(a.squares / a.count)
	case functionVarSamp, functionVariance, functionStddev, functionStddevSamp:
		if a.count == 1 {
			return zombiezen.Value{}, nil
		}
		result = a.squares / (a.count - 1)
		if a.function == functionStddev || a.function == functionStddevSamp {
			result = math.Sqrt(result)
		}
	}
	if math.IsNaN(result) { // SQLite would turn it into null
		return zombiezen.TextValue(strconv.FormatFloat(result, 'g', -1, 64)), nil
	}
	return zombiezen.FloatValue(result), nil
}
