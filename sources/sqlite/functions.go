package sqlite

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	zombiezen "zombiezen.com/go/sqlite"

	"dovetail/internal/jsonshape"
)

// The SQL functions that every connection has.
const (
	sqlRows        constant = "dovetail_rows"
	sqlRow         constant = "dovetail_row"
	sqlLower       constant = "dovetail_lower"
	sqlTime        constant = "dovetail_time"
	sqlTimestamp   constant = "dovetail_timestamp"
	sqlTimestampTZ constant = "dovetail_timestamptz"
	sqlRank        constant = "dovetail_rank"
	sqlJSON        constant = "dovetail_json"
	sqlWritten     constant = "dovetail_written"
	sqlUpdated     constant = "dovetail_updated"
	sqlAdd         constant = "dovetail_add"
	sqlExact       constant = "dovetail_exact_"
	sqlDouble      constant = "dovetail_double_"
)

// registerFunctions adds our functions to a connection.
func (c *connection) registerFunctions() error {
	functions := map[constant]*zombiezen.FunctionImpl{
		sqlRows: {NArgs: -1, MakeAggregate: func(zombiezen.Context) (zombiezen.AggregateFunction, error) {
			return &packer{}, nil
		}},
		sqlRow: {NArgs: -1, Scalar: func(_ zombiezen.Context, values []zombiezen.Value) (zombiezen.Value, error) {
			return zombiezen.BlobValue(appendPackedRow(nil, values)), nil
		}},
		sqlRank: {NArgs: -1, Scalar: func(_ zombiezen.Context, values []zombiezen.Value) (zombiezen.Value, error) {
			return c.rank(values)
		}},
		sqlWritten: {NArgs: 2, Scalar: func(_ zombiezen.Context, values []zombiezen.Value) (zombiezen.Value, error) {
			return c.keyPart(values)
		}},
		sqlUpdated: {NArgs: 1, Scalar: func(_ zombiezen.Context, values []zombiezen.Value) (zombiezen.Value, error) {
			return c.markUpdated(values)
		}},
		sqlAdd: {NArgs: 2, Scalar: func(_ zombiezen.Context, values []zombiezen.Value) (zombiezen.Value, error) {
			return c.add(values)
		}},
		sqlLower:       textFunction(lower),
		sqlJSON:        textFunction(canonicalJSON),
		sqlTime:        timeFunction(scalarTime),
		sqlTimestamp:   timeFunction(scalarTimestamp),
		sqlTimestampTZ: timeFunction(scalarTimestampTZ),
	}
	for _, name := range []string{
		functionSum, functionAvg, functionStddev, functionStddevPop, functionStddevSamp,
		functionVarPop, functionVarSamp, functionVariance,
	} {
		functions[sqlExact+constant(name)] = &zombiezen.FunctionImpl{
			NArgs: 1,
			MakeAggregate: func(zombiezen.Context) (zombiezen.AggregateFunction, error) {
				return newExactAggregate(name), nil
			},
		}
		functions[sqlDouble+constant(name)] = &zombiezen.FunctionImpl{
			NArgs: 1,
			MakeAggregate: func(zombiezen.Context) (zombiezen.AggregateFunction, error) {
				return &doubleAggregate{function: name}, nil
			},
		}
	}
	for name, implementation := range functions {
		// The mark of an update must be made when it happens.
		implementation.Deterministic = name != sqlUpdated
		implementation.AllowIndirect = true
		if err := c.conn.CreateFunction(string(name), implementation); err != nil {
			return err
		}
	}
	return nil
}

// textFunction makes a function of text that leaves null alone.
func textFunction(apply func(string) string) *zombiezen.FunctionImpl {
	return &zombiezen.FunctionImpl{NArgs: 1, Scalar: func(_ zombiezen.Context, values []zombiezen.Value) (zombiezen.Value, error) {
		if values[0].Type() == zombiezen.TypeNull {
			return zombiezen.Value{}, nil
		}
		return zombiezen.TextValue(apply(values[0].Text())), nil
	}}
}

// timeFunction makes a function that gives the canonical text of a stored time.
func timeFunction(scalar string) *zombiezen.FunctionImpl {
	return &zombiezen.FunctionImpl{NArgs: 1, Scalar: func(_ zombiezen.Context, values []zombiezen.Value) (zombiezen.Value, error) {
		var cell []byte
		switch v := values[0]; v.Type() {
		case zombiezen.TypeNull:
			return zombiezen.Value{}, nil
		case zombiezen.TypeInteger:
			cell = append([]byte{tagInteger}, v.Text()...)
		case zombiezen.TypeFloat:
			cell = jsonshape.AppendFloat([]byte{tagReal}, v.Float(), 64)
		case zombiezen.TypeText, zombiezen.TypeBlob:
			cell = append([]byte{tagText}, v.Text()...)
		}
		if scalar == scalarTime {
			if text, ok := canonicalTime(string(cell[1:]), scalar); ok {
				return zombiezen.TextValue(text), nil
			}
		} else if m, ok := momentOfCell(cell); ok {
			if scalar == scalarTimestampTZ {
				m.at = m.at.UTC()
			}
			return zombiezen.TextValue(string(appendTimestamp(nil, m.at))), nil
		}
		return zombiezen.TextValue(string(cell[1:])), nil
	}}
}

// lower maps each character by itself, as Postgres's lower does.
func lower(s string) string { return strings.Map(unicode.ToLower, s) }

// canonicalJSON is a text that equal JSON values share: sorted keys, the last
// of repeated ones, numbers by value. What is no JSON stays as it is.
func canonicalJSON(text string) string {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil || decoder.More() {
		return text
	}
	return string(appendCanonicalJSON(nil, value))
}

func appendCanonicalJSON(dst []byte, value any) []byte {
	switch value := value.(type) {
	case map[string]any:
		keys := make([]string, 0, len(value))
		for key := range value {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		dst = append(dst, '{')
		for _, key := range keys {
			dst = appendString(dst, []byte(key))
			dst = append(dst, ':')
			dst = appendCanonicalJSON(dst, value[key])
			dst = append(dst, ',')
		}
		return append(dst, '}')
	case []any:
		dst = append(dst, '[')
		for _, item := range value {
			dst = append(appendCanonicalJSON(dst, item), ',')
		}
		return append(dst, ']')
	case json.Number:
		if d, ok := parseDecimal(value.String()); ok {
			digits := d.append(nil)
			if d.scale > 0 {
				digits = bytes.TrimRight(bytes.TrimRight(digits, "0"), ".")
			}
			if string(digits) == "-0" {
				return append(dst, '0')
			}
			return append(dst, digits...)
		}
		return append(dst, value.String()...)
	case string:
		return appendString(dst, []byte(value))
	case bool:
		if value {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	}
	return append(dst, "null"...)
}
