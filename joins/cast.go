package joins

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"dovetail/internal/plan"
)

// castKey turns a key's text into the other side's form. False means that no
// value of the other side can be equal to it: the key matches nothing, and one
// odd value doesn't fail the whole statement.
func castKey(cast plan.KeyCast, to plan.Type, text string) (string, bool) {
	switch cast {
	case plan.KeyCastNone, plan.KeyCastText:
		return text, true
	case plan.KeyCastInteger:
		return castInteger(text, to)
	case plan.KeyCastNumber:
		t := strings.TrimSpace(text)
		if len(t) > 400 || strings.ContainsAny(t, "_xXpPiInN/") {
			return "", false
		}
		if _, _, err := big.ParseFloat(t, 10, 64, big.ToNearestEven); err != nil {
			return "", false
		}
		return t, true
	case plan.KeyCastUUID:
		return castUUID(text)
	case plan.KeyCastBoolean:
		switch strings.ToLower(strings.TrimSpace(text)) {
		case "true", "t", "1":
			return "true", true
		case "false", "f", "0":
			return "false", true
		}
		return "", false
	}
	return "", false
}

func castInteger(text string, to plan.Type) (string, bool) {
	t := strings.TrimSpace(text)
	// 12.0 and 12.50 come from decimal columns: only whole numbers can match.
	if whole, fraction, ok := strings.Cut(t, "."); ok {
		if strings.Trim(fraction, "0") != "" {
			return "", false
		}
		t = whole
	}
	i, err := strconv.ParseInt(t, 10, 64)
	if err != nil || !fits(i, to.Underlying().Name) {
		return "", false
	}
	return strconv.FormatInt(i, 10), true
}

func castUUID(text string) (string, bool) {
	t := strings.TrimSpace(text)
	if strings.HasPrefix(t, "{") && strings.HasSuffix(t, "}") {
		t = t[1 : len(t)-1]
	}
	digits := 0
	for _, c := range t {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
			digits++
		case c != '-':
			return "", false
		}
	}
	if digits != 32 || (len(t) != 36 && len(t) != 32) {
		return "", false
	}
	if len(t) == 36 && (t[8] != '-' || t[13] != '-' || t[18] != '-' || t[23] != '-') {
		return "", false
	}
	return t, true
}

// fits tells whether an integer is within the range of a type: a database would
// refuse the whole statement for one that isn't.
func fits(i int64, typeName string) bool {
	switch typeName {
	case "tinyint":
		return i >= 0 && i <= math.MaxUint8
	case "int2", "smallint":
		return i >= math.MinInt16 && i <= math.MaxInt16
	case "int4", "int":
		return i >= math.MinInt32 && i <= math.MaxInt32
	}
	return true
}
