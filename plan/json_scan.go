package plan

import (
	"bytes"
	"encoding/json"
)

// jsonScanner reads well-formed JSON several times as fast as a decoder's
// tokens. It gives up, without saying why, on anything else.
type jsonScanner struct {
	data []byte
	at   int
}

// scanJSON decodes one JSON value; false: the decoder should tell what is wrong
// with it.
func scanJSON(data []byte) (JSON, bool) {
	s := jsonScanner{data: data}
	v, ok := s.value(0)
	return v, ok && s.next() == 0 && s.at >= len(data)
}

// next passes white space and gives the byte that follows, 0 at the end.
func (s *jsonScanner) next() byte {
	for ; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

func (s *jsonScanner) value(depth int) (JSON, bool) {
	if depth > maxJSONDepth {
		return JSON{}, false
	}
	switch c := s.next(); c {
	case '{':
		return s.object(depth)
	case '[':
		return s.array(depth)
	case '"':
		text, ok := s.text()
		return JSON{Kind: JSONString, Text: text}, ok
	case 't':
		return JSON{Kind: JSONBool, Text: "true"}, s.word("true")
	case 'f':
		return JSON{Kind: JSONBool, Text: "false"}, s.word("false")
	case 'n':
		return JSON{}, s.word("null")
	}
	return s.number()
}

func (s *jsonScanner) word(word string) bool {
	if !bytes.HasPrefix(s.data[s.at:], []byte(word)) {
		return false
	}
	s.at += len(word)
	return true
}

func (s *jsonScanner) array(depth int) (JSON, bool) {
	out := JSON{Kind: JSONArray}
	s.at++
	if s.next() == ']' {
		s.at++
		return out, true
	}
	for {
		item, ok := s.value(depth + 1)
		if !ok {
			return JSON{}, false
		}
		out.Items = append(out.Items, item)
		switch s.next() {
		case ',':
			s.at++
		case ']':
			s.at++
			return out, true
		default:
			return JSON{}, false
		}
	}
}

func (s *jsonScanner) object(depth int) (JSON, bool) {
	out := JSON{Kind: JSONObject}
	s.at++
	if s.next() == '}' {
		s.at++
		return out, true
	}
	for {
		if s.next() != '"' {
			return JSON{}, false
		}
		key, ok := s.text()
		if !ok || s.next() != ':' {
			return JSON{}, false
		}
		s.at++
		item, ok := s.value(depth + 1)
		if !ok {
			return JSON{}, false
		}
		out.Keys = append(out.Keys, key)
		out.Items = append(out.Items, item)
		switch s.next() {
		case ',':
			s.at++
		case '}':
			s.at++
			return out, true
		default:
			return JSON{}, false
		}
	}
}

// text reads a string. Those with escapes, and those whose bytes might be no
// UTF-8, are left to encoding/json.
func (s *jsonScanner) text() (string, bool) {
	start, plain := s.at, true
	for s.at++; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; {
		case c == '"':
			s.at++
			if plain {
				return string(s.data[start+1 : s.at-1]), true
			}
			var text string
			err := json.Unmarshal(s.data[start:s.at], &text)
			return text, err == nil
		case c == '\\':
			plain = false
			s.at++
		case c < ' ':
			return "", false
		case c >= 0x80:
			plain = false
		}
	}
	return "", false
}

func (s *jsonScanner) number() (JSON, bool) {
	start := s.at
	s.pass('-', '-')
	if !s.pass('0', '0') && s.digits() == 0 {
		return JSON{}, false
	}
	if s.pass('.', '.') && s.digits() == 0 {
		return JSON{}, false
	}
	if s.pass('e', 'E') {
		s.pass('+', '-')
		if s.digits() == 0 {
			return JSON{}, false
		}
	}
	return JSON{Kind: JSONNumber, Text: string(s.data[start:s.at])}, true
}

func (s *jsonScanner) pass(either, or byte) bool {
	if s.at < len(s.data) && (s.data[s.at] == either || s.data[s.at] == or) {
		s.at++
		return true
	}
	return false
}

func (s *jsonScanner) digits() int {
	start := s.at
	for s.at < len(s.data) && s.data[s.at] >= '0' && s.data[s.at] <= '9' {
		s.at++
	}
	return s.at - start
}
