package postgres

import (
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"dovetail/internal/plan"
)

// A key comes from another source as text. Text that isn't of the form of the
// column's type must match nothing, instead of failing the whole set; so it is
// checked here, and what doesn't fit is sent as null.

// keyForm checks a key's text and gives the text to send.
type keyForm func(text string) (string, bool)

// keyOf says how keys of a type travel: as the type itself when there is a form
// to check them by, as text otherwise.
func keyOf(t plan.Type) (cast sqlType, form keyForm, native bool) {
	t = t.Underlying()
	text := systemCast("text")
	if t.Class == plan.ClassGeometry || t.Class == plan.ClassGeography {
		return text, textKey, false
	}
	name, system := systemName(t)
	if !system {
		if t.Name == "citext" {
			return castOf(t), textKey, true
		}
		return text, textKey, false
	}
	if form, ok := keyForms[name]; ok {
		return systemCast(name), form, true
	}
	return text, textKey, false
}

var keyForms = map[string]keyForm{
	"int2": integerKey(16), "int4": integerKey(32), "int8": integerKey(64),
	"float4": floatKey(32), "float8": floatKey(64), "numeric": numericKey,
	"text": textKey, "varchar": textKey, "bpchar": textKey,
	"bool": boolKey, "uuid": uuidKey, "jsonb": jsonKey,
	"date": dateKey, "timestamp": timestampKey, "timestamptz": timestamptzKey, "time": timeKey,
}

// textKey refuses what no text of the database can hold.
func textKey(text string) (string, bool) {
	return text, utf8.ValidString(text) && strings.IndexByte(text, 0) < 0
}

var numberForm = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,5})?$`)

// integerKey takes whole numbers; 1.00 of a decimal column is one.
func integerKey(bits int) keyForm {
	return func(text string) (string, bool) {
		if _, err := strconv.ParseInt(text, 10, bits); err == nil {
			return text, true
		}
		if !numberForm.MatchString(text) {
			return "", false
		}
		if whole, fraction, ok := strings.Cut(text, "."); ok && strings.Trim(fraction, "0") == "" {
			_, err := strconv.ParseInt(whole, 10, bits)
			return whole, err == nil
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
			return "", false
		}
		whole := strconv.FormatInt(int64(f), 10)
		_, err = strconv.ParseInt(whole, 10, bits)
		return whole, err == nil
	}
}

func notFinite(text string) bool {
	return text == "NaN" || text == "Infinity" || text == "-Infinity"
}

func floatKey(bits int) keyForm {
	return func(text string) (string, bool) {
		if notFinite(text) {
			return text, true
		}
		if !numberForm.MatchString(text) {
			return "", false
		}
		f, err := strconv.ParseFloat(text, bits)
		if err != nil {
			return "", false
		}
		mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
		return text, f != 0 || strings.Trim(mantissa, "+-0.") == ""
	}
}

// numericKey bounds the digits well below what a numeric can hold.
func numericKey(text string) (string, bool) {
	if notFinite(text) {
		return text, true
	}
	const most = 10000
	if len(text) > most || !numberForm.MatchString(text) {
		return "", false
	}
	if _, exponent, ok := strings.Cut(strings.ToLower(text), "e"); ok {
		if n, err := strconv.Atoi(exponent); err != nil || n > most || n < -most {
			return "", false
		}
	}
	return text, true
}

func boolKey(text string) (string, bool) {
	switch strings.ToLower(text) {
	case "true", "t", "1":
		return "true", true
	case "false", "f", "0":
		return "false", true
	}
	return "", false
}

var uuidForm = regexp.MustCompile(`^\{?[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}\}?$`)

func uuidKey(text string) (string, bool) {
	if !uuidForm.MatchString(text) {
		return "", false
	}
	return strings.Trim(text, "{}"), true
}

// unstorable are the escapes and numbers that JSON has, but jsonb hasn't.
var unstorable = regexp.MustCompile(`\\u(0000|[dD][89a-fA-F])|[eE][+-]?[0-9]{5,}`)

func jsonKey(text string) (string, bool) {
	if _, ok := textKey(text); !ok || !json.Valid([]byte(text)) || unstorable.MatchString(text) {
		return "", false
	}
	return text, true
}

var (
	timeForm     = regexp.MustCompile(`^([0-9]{2}):([0-9]{2})(?::([0-9]{2})(\.[0-9]+)?)?$`)
	dateTimeForm = regexp.MustCompile(`^([0-9]{4,7})-([0-9]{2})-([0-9]{2})(?:[T ]([0-9:.]+)(Z|[+-][0-9]{2}(?::?[0-5][0-9])?)?)?( BC)?$`)
)

// timeKey takes a time of a day; digits below microseconds would be rounded off.
func timeKey(text string) (string, bool) {
	m := timeForm.FindStringSubmatch(text)
	if m == nil || m[1] > "23" || m[2] > "59" || m[3] > "59" {
		return text, text == "24:00:00"
	}
	if len(m[4]) > 7 && strings.Trim(m[4][7:], "0") != "" {
		return "", false
	}
	return text, true
}

// dateTime is a date with or without a time of the day and a zone.
type dateTime struct {
	date, clock, zone, era string
}

func parseDateTime(text string, lastYear int) (dateTime, bool) {
	m := dateTimeForm.FindStringSubmatch(text)
	if m == nil {
		return dateTime{}, false
	}
	year, _ := strconv.Atoi(m[1]) // the form has few digits only
	month, _ := strconv.Atoi(m[2])
	day, _ := strconv.Atoi(m[3])
	if year == 0 || m[6] == "" && year > lastYear || m[6] != "" && year > 4713 {
		return dateTime{}, false
	}
	leap := year
	if m[6] != "" {
		leap = 1 - year
	}
	if month < 1 || month > 12 || day < 1 || day > daysOf(leap, month) {
		return dateTime{}, false
	}
	if m[4] != "" {
		if _, ok := timeKey(m[4]); !ok {
			return dateTime{}, false
		}
	}
	if len(m[5]) > 1 && m[5][1:3] > "14" {
		return dateTime{}, false
	}
	return dateTime{date: m[1] + "-" + m[2] + "-" + m[3], clock: m[4], zone: m[5], era: m[6]}, true
}

func daysOf(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

func infinite(text string) bool { return text == "infinity" || text == "-infinity" }

// The last years that the types hold.
const (
	lastDateYear      = 5874897
	lastTimestampYear = 294275
)

// dateKey takes dates, and timestamps at midnight.
func dateKey(text string) (string, bool) {
	if infinite(text) {
		return text, true
	}
	d, ok := parseDateTime(text, lastDateYear)
	if !ok || d.zone != "" || strings.Trim(d.clock, "0:.") != "" {
		return "", false
	}
	return d.date + d.era, true
}

// timestampKey takes no other zone than UTC, because the database would ignore
// it.
func timestampKey(text string) (string, bool) {
	if infinite(text) {
		return text, true
	}
	d, ok := parseDateTime(text, lastTimestampYear)
	return text, ok && strings.Trim(d.zone, "Z+-0:") == ""
}

func timestamptzKey(text string) (string, bool) {
	if infinite(text) {
		return text, true
	}
	_, ok := parseDateTime(text, lastTimestampYear)
	return text, ok
}
