package sqlgen

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// SameValue tells whether two values are the same for every request, so that
// one parameter serves for both.
func SameValue(a, b plan.Value) bool {
	switch a := a.(type) {
	case *plan.Variable:
		b, ok := b.(*plan.Variable)
		return ok && a.Name == b.Name && slices.Equal(a.Path, b.Path)
	case *plan.SessionVariable:
		b, ok := b.(*plan.SessionVariable)
		return ok && a.Name == b.Name
	case *plan.Literal, *plan.ListValue, *plan.ObjectValue, *plan.BindingValue, *plan.Token, *plan.RemoteEnum:
	}
	return a == b
}

// SessionJSON is all session variables as one JSON object.
func SessionJSON(args *plan.Arguments) []byte {
	b := []byte{'{'}
	for i, name := range slices.Sorted(maps.Keys(args.Session)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = orderedjson.AppendString(b, name)
		b = append(b, ':')
		b = orderedjson.AppendString(b, args.Session[name])
	}
	return append(b, '}')
}

// List is the members of a list that a column is compared with. A session
// variable holds an array in Postgres's notation or in JSON; anything else that
// is no list stands for a list of one. A null, too, is one member: what is
// compared with it is unknown.
func List(value orderedjson.Value, session bool) ([]orderedjson.Value, error) {
	switch {
	case session && !value.IsNull():
		text := strings.TrimSpace(value.Text)
		if strings.HasPrefix(text, "[") {
			j, err := orderedjson.Parse([]byte(text))
			if err != nil || j.Kind != orderedjson.Array {
				return nil, malformed("array", text)
			}
			return j.Items, nil
		}
		items, ok := parseArray(text)
		if !ok {
			return nil, malformed("array literal", text)
		}
		return items, nil
	case value.Kind != orderedjson.Array:
		return []orderedjson.Value{value}, nil
	}
	return value.Items, nil
}

// ClampedInteger gives the text of a whole number as one of 64 bits: what is
// beyond is as great, or as small, as 64 bits allow. To a column of fewer bits
// both compare alike. Any other text stays, for the database to judge.
func ClampedInteger(text string) string {
	_, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err == nil || !errors.Is(err, strconv.ErrRange) {
		return text
	}
	if strings.HasPrefix(strings.TrimSpace(text), "-") {
		return strconv.FormatInt(math.MinInt64, 10)
	}
	return strconv.FormatInt(math.MaxInt64, 10)
}

func malformed(what, text string) error {
	return &sources.Error{Code: sources.CodeDataException, Message: fmt.Sprintf("malformed %s: %q", what, text)}
}

// parseArray reads a one-dimensional array in Postgres's notation:
// {1,two,"thr\"ee",NULL}.
func parseArray(text string) (items []orderedjson.Value, ok bool) {
	if len(text) < 2 || text[0] != '{' || text[len(text)-1] != '}' {
		return nil, false
	}
	rest := text[1 : len(text)-1]
	if strings.TrimSpace(rest) == "" {
		return nil, true
	}
	for {
		item, after, ok := arrayElement(rest)
		if !ok {
			return nil, false
		}
		items = append(items, item)
		if after == "" {
			return items, true
		}
		rest = after[1:]
	}
}

const space = " \t\r\n"

// arrayElement reads one element; rest is empty or begins with a comma.
func arrayElement(text string) (item orderedjson.Value, rest string, ok bool) {
	text = strings.TrimLeft(text, space)
	quoted := strings.HasPrefix(text, `"`)
	i := 0
	if quoted {
		i = 1
	}
	var word strings.Builder
scan:
	for ; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\':
			i++
			if i == len(text) {
				return orderedjson.Value{}, "", false
			}
			c = text[i]
		case quoted && c == '"':
			rest = strings.TrimLeft(text[i+1:], space)
			return orderedjson.Value{Kind: orderedjson.String, Text: word.String()}, rest, rest == "" || rest[0] == ','
		case !quoted && c == ',':
			break scan
		case !quoted && (c == '{' || c == '}' || c == '"'):
			return orderedjson.Value{}, "", false
		}
		word.WriteByte(c)
	}
	item = orderedjson.Value{Kind: orderedjson.String, Text: strings.TrimRight(word.String(), space)}
	if strings.EqualFold(item.Text, "null") {
		item = orderedjson.Value{}
	}
	return item, text[min(i, len(text)):], !quoted && (item.IsNull() || item.Text != "")
}
