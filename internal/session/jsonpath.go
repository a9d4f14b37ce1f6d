package session

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// step is one step of a path into JSON: a key, an index, or all items.
type step struct {
	key   string
	index int
	kind  stepKind
}

type stepKind int

const (
	stepKey stepKind = iota
	stepIndex
	stepAll
)

var errPath = errors.New("expected a JSON path such as $.claims or $.claims['name'][0]")

// parsePath reads a JSON path: $, then .name, ['name'], [0], .* or [*].
func parsePath(text string) ([]step, error) {
	rest, ok := strings.CutPrefix(text, "$")
	if !ok {
		return nil, fmt.Errorf("%w, but got %q", errPath, text)
	}
	var out []step
	for rest != "" {
		s, after, ok := parseStep(rest)
		if !ok {
			return nil, fmt.Errorf("%w, but got %q", errPath, text)
		}
		out, rest = append(out, s), after
	}
	return out, nil
}

func parseStep(text string) (s step, rest string, ok bool) {
	if text[0] == '.' {
		text = text[1:]
		if !strings.HasPrefix(text, "[") {
			end := strings.IndexAny(text, ".[")
			if end < 0 {
				end = len(text)
			}
			name := text[:end]
			if name == "*" {
				return step{kind: stepAll}, text[end:], true
			}
			return step{key: name}, text[end:], name != ""
		}
	}
	if text == "" || text[0] != '[' {
		return step{}, "", false
	}
	text = text[1:]
	if text != "" && (text[0] == '\'' || text[0] == '"') {
		key, rest, ok := quotedKey(text)
		return step{key: key}, rest, ok
	}
	inner, rest, ok := strings.Cut(text, "]")
	if inner == "*" {
		return step{kind: stepAll}, rest, ok
	}
	n, err := strconv.Atoi(inner)
	return step{index: n, kind: stepIndex}, rest, ok && err == nil && n >= 0
}

// quotedKey reads 'key'] with backslashes before quotes.
func quotedKey(text string) (key, rest string, ok bool) {
	quote := text[0]
	var out strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			out.WriteByte(text[i])
		case text[i] == quote:
			rest, ok := strings.CutPrefix(text[i+1:], "]")
			return out.String(), rest, ok
		default:
			out.WriteByte(text[i])
		}
	}
	return "", "", false
}

// follow finds what a path leads to.
func follow(value any, path []step) (any, bool) {
	for i, s := range path {
		switch s.kind {
		case stepKey:
			object, ok := value.(map[string]any)
			if !ok {
				return nil, false
			}
			if value, ok = object[s.key]; !ok {
				return nil, false
			}
		case stepIndex:
			list, ok := value.([]any)
			if !ok || s.index >= len(list) {
				return nil, false
			}
			value = list[s.index]
		case stepAll:
			list, ok := value.([]any)
			if !ok {
				return nil, false
			}
			out := make([]any, 0, len(list))
			for _, item := range list {
				if found, ok := follow(item, path[i+1:]); ok {
					out = append(out, found)
				}
			}
			return out, true
		}
	}
	return value, true
}
