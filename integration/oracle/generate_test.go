package oracle_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// pool has the values that columns of a type take: few, so that they meet.
func pool(s scalar) []string {
	switch s {
	case integerType:
		return []string{"1", "2", "3", "4", "5", "0", "-1", "2147483647", "10", "-2147483648"}
	case bigintType:
		return []string{"1", "2", "3", "4", "5", "0", "-1", "9007199254740993", "9223372036854775807", "2147483648"}
	case textType:
		spaced := "a "
		if serverURL() != "" {
			spaced = "a b" // spaces at the end don't count in SQL Server
		}
		return []string{
			"1", "a", "A", "", "b", "B b", "2", "it's", "50%_\\", "日本", spaced, "😀\n", "null",
			"0d9e8d7c-0000-4000-8000-00000000000a", "2024-02-29", "true",
			"01", "1.0", "0D9E8D7C-0000-4000-8000-00000000000A", "TRUE",
		}
	case paddedType:
		var out []string
		for _, text := range []string{"1", "a", "A", "", "b", "B b", "2", "it's", "日本", "01", "true"} {
			out = append(out, text+strings.Repeat(" ", paddedLength-utf8.RuneCountInString(text)))
		}
		return out
	case citextType:
		spaced := "a "
		if serverURL() != "" {
			spaced = "a b" // spaces at the end don't count in SQL Server
		}
		return []string{"1", "a", "A", "b", "B b", "b B", "", spaced, "TRUE", "true", "2", "0d9e8d7c-0000-4000-8000-00000000000A", "it's", "B"}
	case foldedType:
		return []string{"1", "a", "A", "b", "B b", "É", "é", "e", "ß", "SS", "true", "b B", "2", "0D9E8D7C-0000-4000-8000-00000000000A", "B"}
	case numericType:
		return []string{"1.00", "2.00", "0.25", "-3.50", "1.50", "0.00", "3.00", "100000.75", "4.00", "12345678.25"}
	case booleanType:
		return []string{"true", "false"}
	case timestampType:
		return []string{
			"2024-02-29T12:00:00", "2024-02-29T12:00:00.5", "1999-12-31T23:59:59.999999", "2024-02-29T00:00:00",
			"1970-01-01T00:00:00", "2030-06-15T08:30:00", "2024-02-29T12:00:01", "0900-01-01T00:00:00",
		}
	case dateType:
		return []string{"2024-02-29", "2024-03-01", "1999-12-31", "1970-01-01", "0900-01-01", "9999-12-31", "2024-12-01", "2000-10-10"}
	case uuidType:
		return []string{
			"0d9e8d7c-0000-4000-8000-00000000000a", "0d9e8d7c-0000-4000-8000-00000000000b", "ffffffff-ffff-ffff-ffff-ffffffffffff",
			"00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "123e4567-e89b-12d3-a456-426614174000",
			"9b2fe5a1-1111-4222-8333-444455556666", "9b2fe5a1-1111-4222-8333-444455556667",
		}
	}
	return nil
}

// generator draws random things.
type generator struct {
	t     *rapid.T
	count *uint64
}

func newGenerator(t *rapid.T) generator { return generator{t, new(uint64)} }

// int is evenly distributed: rapid prefers small numbers, of which only small
// worlds would come.
func (g generator) int(low, high int) int {
	*g.count++
	x := rapid.Uint64().Draw(g.t, "") + *g.count*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	return low + int(x%uint64(high-low+1))
}

// chance is true in so many of a hundred cases.
func (g generator) chance(percent int) bool { return g.int(0, 99) >= 100-percent }

func pick[T any](g generator, from []T) T { return from[g.int(0, len(from)-1)] }

// some is a random selection, in random order.
func some[T any](g generator, from []T, percent int) []T {
	var out []T
	for _, x := range shuffled(g, from) {
		if g.chance(percent) {
			out = append(out, x)
		}
	}
	return out
}

func shuffled[T any](g generator, from []T) []T {
	out := slices.Clone(from)
	for i := len(out) - 1; i > 0; i-- {
		j := g.int(0, i)
		out[i], out[j] = out[j], out[i]
	}
	return out
}

func (g generator) table(name, source string) *table {
	t := &table{Name: name, Source: source}
	parts := 1
	if g.chance(30) {
		parts = 2
	}
	for i := range parts {
		key := "k" + strconv.Itoa(i)
		of := g.keyFor(source, []scalar{integerType, integerType, integerType, textType, textType, paddedType, citextType, bigintType, uuidType, dateType, numericType, timestampType})
		if parts == 2 && g.chance(20) {
			of = booleanType
		}
		t.Columns = append(t.Columns, &column{Name: key, Type: of})
		t.Key = append(t.Key, key)
	}
	for i := range g.int(1, 5) {
		t.Columns = append(t.Columns, &column{Name: "c" + strconv.Itoa(i), Type: g.scalarFor(source, scalars()), Nullable: g.chance(65)})
	}
	seen := map[string]bool{}
	for range g.int(0, 14) {
		r := row{}
		key := ""
		for _, c := range t.Columns {
			if c.Nullable && g.chance(25) {
				r[c.Name] = nil
				continue
			}
			v := g.value(c.Type)
			r[c.Name] = &v
			if slices.Contains(t.Key, c.Name) {
				key += canonical(c.Type, v) + "\x00"
			}
		}
		if !seen[key] {
			seen[key] = true
			t.Rows = append(t.Rows, r)
		}
	}
	return t
}

// scalarFor picks a type. SQL Server orders uuids by other bytes first, and writes
// them in capitals.
func (g generator) scalarFor(source string, from []scalar) scalar {
	if source == server {
		from = slices.DeleteFunc(slices.Clone(from), func(s scalar) bool { return s == uuidType })
	}
	if source == lite {
		from = slices.DeleteFunc(slices.Clone(from), func(s scalar) bool { return s == foldedType })
	}
	return pick(g, from)
}

// keyFor picks the type of a part of a primary key, by which rows are ordered.
func (g generator) keyFor(source string, from []scalar) scalar {
	if source == server {
		from = slices.DeleteFunc(slices.Clone(from), func(s scalar) bool { return s == citextType })
	}
	return g.scalarFor(source, from)
}

// value prefers the first values of the pool.
func (g generator) value(s scalar) string {
	values := pool(s)
	if len(values) > 5 && g.chance(60) {
		values = values[:5]
	}
	return pick(g, values)
}

// joinable tells whether keys of one type, in some source, can be joined to another
// type; cast: only by another text.
func joinable(source string, left, right scalar) (ok, cast bool) {
	if left == right || left.number() && right.number() {
		return true, false
	}
	switch {
	case left == paddedType && source == lite:
		// What is padded in SQLite is so for others, too.
		return false, false
	case right.textual():
		// The text of a decimal depends on the database.
		return left != numericType, true
	case left.textual():
		return right == integerType || right == bigintType || right == uuidType || right == numericType, true
	}
	return false, false
}

func (g generator) relate(w *world) {
	from, to := pick(g, w.Tables), pick(g, w.Tables)
	r := &relationship{Name: "r" + strconv.Itoa(len(w.Relationships)), From: from.Name, To: to.Name, Array: true}
	right := slices.Clone(to.Key)
	if byKey := g.chance(60); !byKey {
		right = []string{pick(g, to.Columns).Name}
		if g.chance(25) {
			right = append(right, pick(g, to.Columns).Name)
		}
		if len(right) == 2 && right[0] == right[1] {
			right = right[:1]
		}
	} else if g.chance(75) {
		r.Array = false
	}
	for _, name := range right {
		var same, other []string
		for _, c := range from.Columns {
			ok, cast := joinable(from.Source, c.Type, to.column(name).Type)
			switch {
			case slices.ContainsFunc(r.Pairs, func(p pair) bool { return p.Left == c.Name }):
			case ok && !cast:
				same = append(same, c.Name)
			case ok:
				other = append(other, c.Name)
			}
		}
		if len(same) == 0 || len(other) > 0 && g.chance(25) {
			same = other
		}
		if len(same) == 0 {
			return
		}
		r.Pairs = append(r.Pairs, pair{pick(g, same), name})
	}
	w.Relationships = append(w.Relationships, r)
	if !w.cast(r) && g.chance(30) {
		back := &relationship{Name: r.Name + "_back", From: r.To, To: r.From, Array: true}
		for _, p := range r.Pairs {
			back.Pairs = append(back.Pairs, pair{p.Right, p.Left})
		}
		w.Relationships = append(w.Relationships, back)
	}
}

func (g generator) role(w *world, name string, crossing map[string]bool) *role {
	r := &role{Name: name, Permissions: map[string]*permission{}}
	for _, t := range w.Tables {
		if !g.chance(85) {
			continue
		}
		p := &permission{Aggregations: g.chance(75)}
		if g.chance(25) {
			limit := g.int(0, 4)
			p.Limit = &limit
		}
		for _, c := range t.Columns {
			if g.chance(80) || p.Limit != nil && slices.Contains(t.Key, c.Name) {
				p.Columns = append(p.Columns, c.Name)
			}
		}
		if len(p.Columns) == 0 {
			p.Columns = []string{t.Columns[0].Name}
		}
		if g.chance(60) {
			c := &conditions{generator: g, world: w, permission: true, crossing: crossing}
			p.Filter = c.condition(t, 2)
		}
		r.Permissions[t.Name] = p
	}
	return r
}

// drawRequest draws a query on a world. Remote conditions and orderings are
// used where the near side can have them.
func drawRequest(t *rapid.T, w *world, crossing map[string]bool) *request {
	g := newGenerator(t)
	r := &request{Role: pick(g, []string{admin, "one", "one", "two"}), Session: map[string]string{}}
	if len(w.Roles) == 0 {
		r.Role = admin
	}
	for _, s := range scalars() {
		r.Session[sessionName(s, false)] = g.value(s)
		if s.textual() {
			r.Session[sessionName(s, false)] = pick(g, []string{"a", "A", "1", "it's", "日本"})
			continue
		}
		r.Session[sessionName(s, true)] = listText(some(g, pool(s), 40))
	}
	q := &queries{generator: g, world: w, role: r.Role, crossing: crossing}
	for range g.int(1, 2) {
		if f := q.root(); f != nil {
			f.Alias = fmt.Sprintf("q%d", len(r.Fields))
			r.Fields = append(r.Fields, f)
		}
	}
	return r
}
