package orderedjson

import (
	"bytes"
	"encoding/json"
)

// scanner reads well-formed JSON several times as fast as a decoder's
// tokens. It gives up, without saying why, on anything else.
type scanner struct {
	data []byte
	at   int
	// values counts those that were begun.
	values int
}

// whole decodes one JSON value; false: there are too many, or the decoder should
// say what is wrong with it.
func (s *scanner) whole() (Value, bool) {
	v, ok := s.value(0)
	return v, ok && s.next() == 0 && s.at >= len(s.data)
}

// next passes white space and gives the byte that follows, 0 at the end.
func (s *scanner) next() byte {
	for ; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) value(depth int) (Value, bool) {
	s.values++
	if depth > maxDepth || s.values > MaxValues {
		return Value{}, false
	}
	switch c := s.next(); c {
	case '{':
		return s.object(depth)
	case '[':
		return s.array(depth)
	case '"':
		text, ok := s.text()
		return Value{Kind: String, Text: text}, ok
	case 't':
		return Value{Kind: Bool, Text: "true"}, s.word("true")
	case 'f':
		return Value{Kind: Bool, Text: "false"}, s.word("false")
	case 'n':
		return Value{}, s.word("null")
	}
	return s.number()
}

func (s *scanner) word(word string) bool {
	if !bytes.HasPrefix(s.data[s.at:], []byte(word)) {
		return false
	}
	s.at += len(word)
	return true
}

func (s *scanner) array(depth int) (Value, bool) {
	out := Value{Kind: Array}
	s.at++
	if s.next() == ']' {
		s.at++
		return out, true
	}
	for {
		item, ok := s.value(depth + 1)
		if !ok {
			return Value{}, false
		}
		out.Items = append(out.Items, item)
		switch s.next() {
		case ',':
			s.at++
		case ']':
			s.at++
			return out, true
		default:
			return Value{}, false
		}
	}
}

func (s *scanner) object(depth int) (Value, bool) {
	out := Value{Kind: Object}
	s.at++
	if s.next() == '}' {
		s.at++
		return out, true
	}
	for {
		if s.next() != '"' {
			return Value{}, false
		}
		key, ok := s.text()
		if !ok || s.next() != ':' {
			return Value{}, false
		}
		s.at++
		item, ok := s.value(depth + 1)
		if !ok {
			return Value{}, false
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
			return Value{}, false
		}
	}
}

// text reads a string. Those with escapes, and those whose bytes might be no
// UTF-8, are left to encoding/json.
func (s *scanner) text() (string, bool) {
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

func (s *scanner) number() (Value, bool) {
	start := s.at
	s.pass('-', '-')
	if !s.pass('0', '0') && s.digits() == 0 {
		return Value{}, false
	}
	if s.pass('.', '.') && s.digits() == 0 {
		return Value{}, false
	}
	if s.pass('e', 'E') {
		s.pass('+', '-')
		if s.digits() == 0 {
			return Value{}, false
		}
	}
	return Value{Kind: Number, Text: string(s.data[start:s.at])}, true
}

func (s *scanner) pass(either, or byte) bool {
	if s.at < len(s.data) && (s.data[s.at] == either || s.data[s.at] == or) {
		s.at++
		return true
	}
	return false
}

func (s *scanner) digits() int {
	start := s.at
	for s.at < len(s.data) && s.data[s.at] >= '0' && s.data[s.at] <= '9' {
		s.at++
	}
	return s.at - start
}

// Elements counts the elements of an array without reading them, up to most+1;
// 0 if the text is no array. It costs one look at each byte, where reading costs
// many times the text's size. Of a faulty text the number may be any.
func Elements(data []byte, most int) int {
	s := scanner{data: data}
	if s.next() != '[' {
		return 0
	}
	s.at++
	if s.next() == ']' {
		return 0
	}
	depth, count := 1, 1
	for ; s.at < len(data) && depth > 0 && count <= most; s.at++ {
		switch data[s.at] {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case ',':
			if depth == 1 {
				count++
			}
		case '"':
			for s.at++; s.at < len(data) && data[s.at] != '"'; s.at++ {
				if data[s.at] == '\\' {
					s.at++
				}
			}
		}
	}
	return count
}
