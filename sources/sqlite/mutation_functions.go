package sqlite

import (
	"fmt"
	"math/big"

	zombiezen "zombiezen.com/go/sqlite"
)

// keyPart is the SQL function dovetail_written: a part of a written row's key.
func (c *connection) keyPart(values []zombiezen.Value) (zombiezen.Value, error) {
	row, part := values[0].Int(), values[1].Int()
	if row < 0 || row >= len(c.written) || part < 0 || part >= len(c.written[row]) {
		c.refusal = fmt.Errorf("there is no written row %d", row)
		return zombiezen.Value{}, c.refusal
	}
	return c.written[row][part].value(), nil
}

func (b bound) value() zombiezen.Value {
	switch b.kind {
	case zombiezen.TypeInteger:
		return zombiezen.IntegerValue(b.integer)
	case zombiezen.TypeFloat:
		return zombiezen.FloatValue(b.real)
	case zombiezen.TypeText:
		return zombiezen.TextValue(b.text)
	case zombiezen.TypeBlob:
		return zombiezen.BlobValue([]byte(b.text))
	case zombiezen.TypeNull:
	}
	return zombiezen.Value{}
}

// markUpdated is the SQL function dovetail_updated: it notes that a row that was
// there already is updated, and gives the value that it was called with.
func (c *connection) markUpdated(values []zombiezen.Value) (zombiezen.Value, error) {
	c.updated = true
	return values[0], nil
}

// add is the SQL function dovetail_add: an exact sum. SQLite's own is that of
// floating point numbers for decimals, and for whole numbers that are too big.
func (c *connection) add(values []zombiezen.Value) (zombiezen.Value, error) {
	if values[0].Type() == zombiezen.TypeNull || values[1].Type() == zombiezen.TypeNull {
		return zombiezen.Value{}, nil
	}
	a, okA := parseDecimal(values[0].Text())
	b, okB := parseDecimal(values[1].Text())
	if !okA || !okB {
		c.refusal = dataException("invalid input syntax for type numeric: %q", values[0].Text())
		return zombiezen.Value{}, c.refusal
	}
	sum := a.add(b)
	if whole := sum.rounded(0); whole.rescaled(sum.scale).Cmp(sum.unscaled) == 0 {
		if whole.unscaled.IsInt64() {
			return zombiezen.IntegerValue(whole.unscaled.Int64()), nil
		}
		if values[0].Type() == zombiezen.TypeInteger && values[1].Type() == zombiezen.TypeInteger {
			c.refusal = dataException("bigint out of range")
			return zombiezen.Value{}, c.refusal
		}
	}
	nearest, _ := new(big.Rat).SetFrac(sum.unscaled, power10(sum.scale)).Float64()
	return zombiezen.FloatValue(nearest), nil
}
