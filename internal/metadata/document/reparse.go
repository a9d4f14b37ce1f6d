package document

import (
	"bytes"
	"hash/maphash"
)

// Stored is a document together with the text that it was read from.
type Stored struct {
	text     []byte
	metadata *Metadata
	// sources are in the document's order, as their tables are.
	sources []storedSource
}

// storedSource is where a source's tables stand. Name and kind are as written.
type storedSource struct {
	name, kind string
	tables     []storedTable
}

type storedTable struct {
	span
	// known is the table of an earlier document that has the same text; nil: none.
	known *Table
}

// Metadata is the document.
func (s *Stored) Metadata() *Metadata { return s.metadata }

// ParseAgain reads a stored document of which much may be as it was in an earlier
// one: tables that are written alike are taken from there without being read.
// Nil: there is no earlier one.
func ParseAgain(text []byte, earlier *Stored) (*Stored, []UnknownKeys, error) {
	if earlier == nil {
		earlier = &Stored{}
	}
	r := &reducer{data: text, earlier: earlier, seed: maphash.MakeSeed(), ok: true}
	r.document()
	if r.ok {
		m, unknown, err := Parse(r.out)
		if err == nil && fill(m, r.sources) {
			return &Stored{text: text, metadata: m, sources: r.sources}, unknown, nil
		}
	}
	m, unknown, err := Parse(text) // which also says what is wrong
	if err != nil {
		return nil, nil, err
	}
	return &Stored{metadata: m}, unknown, nil
}

// fill puts the known tables among those that were read.
func fill(m *Metadata, sources []storedSource) bool {
	if len(m.Sources) != len(sources) {
		return false
	}
	for i, s := range m.Sources {
		if len(sources[i].tables) == 0 {
			continue
		}
		read, all := s.Tables, make([]*Table, 0, len(sources[i].tables))
		names := make(map[TableName]bool, len(sources[i].tables))
		for _, t := range sources[i].tables {
			switch {
			case t.known != nil:
				all = append(all, t.known)
			case len(read) == 0:
				return false
			default:
				all, read = append(all, read[0]), read[1:]
			}
		}
		for _, t := range all {
			names[t.Name] = true
		}
		if len(read) > 0 || len(names) < len(all) {
			return false
		}
		s.Tables = all
	}
	return true
}

// reducer copies a document but for the tables that are known. Whatever it does not
// expect makes it give up.
type reducer struct {
	data    []byte
	at      int
	out     []byte
	earlier *Stored
	sources []storedSource
	seed    maphash.Seed
	ok      bool
}

// document copies the whole.
func (r *reducer) document() {
	r.members(func(key string) bool {
		if key != sourcesKey {
			return false
		}
		r.list(func(int) bool {
			r.source()
			return true
		})
		return true
	})
	r.space()
	r.ok = r.ok && r.at == len(r.data)
}

// source copies a source without its known tables.
func (r *reducer) source() {
	s := storedSource{}
	listed := false
	r.members(func(key string) bool {
		switch key {
		case "name", "kind":
			start := len(r.out)
			r.value(true)
			text := string(r.out[start:])
			if key == "name" {
				s.name = text
			} else {
				s.kind = text
			}
			r.ok = r.ok && !listed // they say which tables are known
			return true
		case tablesKey:
			r.ok = r.ok && !listed
			listed = true
			known := r.known(s.name, s.kind)
			r.list(func(start int) bool {
				if r.value(false); !r.ok {
					return false
				}
				t := storedTable{span: span{start, r.at}}
				raw := r.data[start:r.at]
				if old, ok := known[maphash.Bytes(r.seed, raw)]; ok && bytes.Equal(raw, r.earlier.text[old.start:old.end]) {
					t.known = old.known
				} else {
					r.out = append(r.out, raw...)
				}
				s.tables = append(s.tables, t)
				return t.known == nil
			})
			return true
		}
		return false
	})
	r.sources = append(r.sources, s)
}

// known gives the tables of a source of the earlier document by their texts.
func (r *reducer) known(name, kind string) map[uint64]storedTable {
	for i, s := range r.earlier.sources {
		if s.name != name || s.kind != kind {
			continue
		}
		out := make(map[uint64]storedTable, len(s.tables))
		for k, t := range s.tables {
			t.known = r.earlier.metadata.Sources[i].Tables[k]
			out[maphash.Bytes(r.seed, r.earlier.text[t.start:t.end])] = t
		}
		return out
	}
	return nil
}

// members copies an object; special copies the values of some keys itself.
func (r *reducer) members(special func(key string) bool) {
	r.expect('{')
	if r.space(); r.next() == '}' {
		r.expect('}')
		return
	}
	for r.ok {
		r.space()
		start := r.at
		r.text()
		if !r.ok || r.at-start < len(`""`) {
			r.ok = false
			return
		}
		key := string(r.data[start+1 : r.at-1])
		r.out = append(r.out, r.data[start:r.at]...)
		r.expect(':')
		r.space()
		if !special(key) {
			r.value(true)
		}
		if r.space(); r.next() == '}' {
			r.expect('}')
			return
		}
		r.expect(',')
	}
}

// list copies a list; element goes past an element, and tells whether it has copied
// it.
func (r *reducer) list(element func(start int) bool) {
	r.expect('[')
	if r.space(); r.next() == ']' {
		r.expect(']')
		return
	}
	some := false
	for r.ok {
		r.space()
		before := len(r.out)
		if some {
			r.out = append(r.out, ',')
		}
		if element(r.at) {
			some = true
		} else {
			r.out = r.out[:before]
		}
		if r.space(); r.next() == ']' {
			r.expect(']')
			return
		}
		r.ok = r.ok && r.next() == ','
		r.at++
	}
}

func (r *reducer) next() byte {
	if r.at < len(r.data) {
		return r.data[r.at]
	}
	return 0
}

func (r *reducer) space() {
	for r.at < len(r.data) && (r.data[r.at] == ' ' || r.data[r.at] == '\n' || r.data[r.at] == '\t' || r.data[r.at] == '\r') {
		r.at++
	}
}

func (r *reducer) expect(c byte) {
	r.space()
	if r.next() != c {
		r.ok = false
		return
	}
	r.at++
	r.out = append(r.out, c)
}

// text goes past a string.
func (r *reducer) text() {
	if r.next() != '"' {
		r.ok = false
		return
	}
	for r.at++; r.at < len(r.data); r.at++ {
		switch r.data[r.at] {
		case '\\':
			r.at++
		case '"':
			r.at++
			return
		}
	}
	r.ok = false
}

// value goes past a value of any kind, and may copy it.
func (r *reducer) value(copied bool) {
	start, depth := r.at, 0
	for r.ok && r.at < len(r.data) {
		switch c := r.data[r.at]; c {
		case '"':
			if r.text(); !r.ok {
				return
			}
			r.at--
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if depth < 0 || depth == 0 && (r.data[r.at] == ',' || r.data[r.at] == ' ' || r.data[r.at] == '\n') {
			break // after a number or a word
		}
		r.at++
		if c := r.data[r.at-1]; depth == 0 && (c == '}' || c == ']' || c == '"') {
			break
		}
	}
	r.ok = r.ok && depth <= 0 && r.at > start && r.at <= len(r.data)
	if r.ok && copied {
		r.out = append(r.out, r.data[start:r.at]...)
	}
}
