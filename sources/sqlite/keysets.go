package sqlite

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	zombiezen "zombiezen.com/go/sqlite"

	"dovetail/internal/plan"
)

// exactly is written after a value of which only the same bytes are equal,
// whatever the collation of its column.
const exactly = " COLLATE BINARY"

// keyTypes gives the types of columns that are compared with a key set.
func (c *compiler) keyTypes(set int, columns []plan.Column) []plan.Type {
	if set < 0 || set >= len(c.fragment.KeySets) {
		c.fail(fmt.Errorf("the fragment has no key set %d", set))
	}
	if len(columns) == 0 {
		c.fail(fmt.Errorf("key set %d is compared with no column", set))
	}
	types := make([]plan.Type, 0, len(columns))
	for _, column := range columns {
		types = append(types, column.Type)
	}
	return types
}

// inKeys writes that a row's key is in a key set, which is one JSON parameter
// that SQLite makes an index of. It is never null.
func (c *compiler) inKeys(b *builder, p *plan.InKeys, here *scope) {
	if len(p.Columns) == 0 {
		c.found(b, p.KeySet)
		return
	}
	types := c.keyTypes(p.KeySet, p.Columns)
	if c.err != nil {
		return
	}
	exact := func(column plan.Column) {
		if c.fragment.KeySets[p.KeySet].Exact(column) {
			b.write(exactly)
		}
	}
	list := &builder{}
	list.write("json_each(")
	list.parameter(c.parameter(parameter{convert: convertKeySet, set: p.KeySet, types: types}))
	list.write(")")
	b.write("(")
	for _, column := range p.Columns {
		b.column(here.alias, column.Name)
		b.write(" IS NOT NULL AND ")
	}
	if len(p.Columns) == 1 {
		c.comparand(b, columnExpression(here.alias, p.Columns[0].Name), types[0])
		exact(p.Columns[0])
		b.write(" IN ")
		writeMembers(b, types[0], list)
		b.write(")")
		return
	}
	b.write("(")
	for i, column := range p.Columns {
		if i > 0 {
			b.write(", ")
		}
		c.keyComparand(b, columnExpression(here.alias, column.Name), types[i])
		exact(column)
	}
	b.write(") IN (SELECT ")
	for i, t := range types {
		if i > 0 {
			b.write(", ")
		}
		opening, closing := constant("json_extract(value, '$["), constant("]')")
		switch t.Class { //nolint:exhaustive // all others are compared as they are
		case plan.ClassBytes:
			opening, closing = "unhex("+opening, closing+")"
		case plan.ClassUUID:
			opening, closing = "replace("+opening, closing+", '-', '')"
		}
		b.write(opening)
		b.integer(i)
		b.write(closing)
	}
	b.write(" FROM ")
	b.append(list)
	b.write("))")
}

// found writes whether a key set without columns found a row.
func (c *compiler) found(b *builder, set int) {
	if set < 0 || set >= len(c.fragment.KeySets) {
		c.fail(fmt.Errorf("the fragment has no key set %d", set))
		return
	}
	b.write("(")
	b.parameter(c.parameter(parameter{convert: convertFound, set: set}))
	b.write(" = 1)")
}

// keyComparand is comparand for keys of several columns, where each has one
// form only: that of a uuid is its digits.
func (c *compiler) keyComparand(b *builder, column *builder, t plan.Type) {
	if t.Class != plan.ClassUUID {
		c.comparand(b, column, t)
		return
	}
	b.write("lower(replace(CASE typeof(")
	b.append(column)
	b.write(") WHEN 'blob' THEN hex(")
	b.append(column)
	b.write(") ELSE ")
	b.append(column)
	b.write(" END, '-', ''))")
}

// writeMembers writes the subquery of the values of a JSON list of a type.
func writeMembers(b *builder, t plan.Type, list *builder) {
	switch t.Class { //nolint:exhaustive // the others are compared as they are
	case plan.ClassUUID:
		b.write("(SELECT value FROM ")
		b.append(list)
		b.write(" UNION ALL SELECT upper(value) FROM ")
		b.append(list)
		b.write(" UNION ALL SELECT unhex(replace(value, '-', '')) FROM ")
		b.append(list)
	case plan.ClassBytes:
		b.write("(SELECT unhex(value) FROM ")
		b.append(list)
	default:
		b.write("(SELECT value FROM ")
		b.append(list)
	}
	b.write(")")
}

// appendKeySet writes a key set as a JSON array: of values for one column, of
// arrays for more. Keys of which a part isn't of its column's form are left out.
func appendKeySet(dst []byte, keys plan.Bindings, types []plan.Type) []byte {
	dst = append(dst, '[')
	first := true
	var row []byte
	for at := 0; at < len(keys.Cells); at += len(types) {
		row = row[:0]
		whole := true
		for i, t := range types {
			if i > 0 {
				row = append(row, ',')
			}
			start := len(row)
			row = appendKey(row, keys.Cells[at+i], t)
			whole = whole && string(row[start:]) != jsonNull
		}
		if !whole {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		if len(types) > 1 {
			dst = append(append(append(dst, '['), row...), ']')
		} else {
			dst = append(dst, row...)
		}
	}
	return append(dst, ']')
}

// keysOf finds the keys of a key set in a request.
func keysOf(args *plan.Arguments, set, width int) (plan.Bindings, error) {
	if set >= len(args.KeySets) {
		return plan.Bindings{}, fmt.Errorf("the keys of key set %d are missing", set)
	}
	keys := args.KeySets[set]
	if keys.Width != width || len(keys.Cells)%width != 0 {
		return plan.Bindings{}, fmt.Errorf("key set %d has keys of %d parts instead of %d", set, keys.Width, width)
	}
	return keys, nil
}

// rankSet is a key set whose ranks a statement looks up: the first argument of
// dovetail_rank is its index among those of the statement.
type rankSet struct {
	set   int
	types []plan.Type
	// equalities are those of the columns, by which the set is known again.
	equalities []plan.Equality
	// folds of the columns, where keys aren't compared as texts.
	folds []fold
}

// fold gives equal texts of a column one form; nil where they have but one.
type fold func(text string) string

// foldOf is how the collation of a column folds texts.
func foldOf(e plan.Equality) fold {
	switch e { //nolint:exhaustive // the others have one form
	case equalityNoCase:
		return lowerASCII
	case equalityRTrim:
		return func(text string) string { return strings.TrimRight(text, " ") }
	}
	return nil
}

// lowerASCII turns the capitals that NOCASE passes over into small letters.
func lowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, text)
}

// rankTable holds the ranks of one key set during a run.
type rankTable struct {
	*rankSet
	ranks map[string]int64
}

// orderRanked writes the rank that a key set gives a row's key and tells
// whether it can be null.
func (c *compiler) orderRanked(b *builder, key *plan.OrderRanked, here *scope) bool {
	types := c.keyTypes(key.KeySet, key.Columns)
	if c.err != nil {
		return false
	}
	set := c.fragment.KeySets[key.KeySet]
	index := slices.IndexFunc(c.ranks, func(r rankSet) bool {
		return r.set == key.KeySet && slices.EqualFunc(r.types, types, sameType) &&
			slices.EqualFunc(r.equalities, key.Columns, func(e plan.Equality, c plan.Column) bool { return e == c.Equality })
	})
	if index < 0 {
		index = len(c.ranks)
		r := rankSet{set: key.KeySet, types: types}
		for _, column := range key.Columns {
			r.equalities, r.folds = append(r.equalities, column.Equality), append(r.folds, nil)
			if !set.Exact(column) {
				r.folds[len(r.folds)-1] = foldOf(column.Equality)
			}
		}
		c.ranks = append(c.ranks, r)
	}
	if key.Missing >= 0 {
		b.write("ifnull(")
	}
	b.write(sqlRank, "(")
	b.integer(index)
	for i, column := range key.Columns {
		b.write(", ")
		c.comparand(b, columnExpression(here.alias, column.Name), types[i])
	}
	b.write(")")
	if key.Missing >= 0 {
		b.write(", ")
		b.integer(key.Missing)
		b.write(")")
	}
	return key.Missing < 0
}

// rankOf is the dense rank of a row by an order key, null where that is.
func (c *compiler) rankOf(q *query, key plan.OrderKey, a alias) *builder {
	here := &scope{alias: a}
	here.root = here
	value, b := &builder{}, &builder{}
	c.orderKey(value, key, here)
	b.write("CASE WHEN ")
	b.append(value)
	b.write(" IS NOT NULL THEN dense_rank() OVER (ORDER BY ")
	b.append(value)
	b.write(" NULLS LAST) END")
	direction := &builder{}
	direction.write(" ASC NULLS LAST")
	q.ranked = []orderTerm{{expression: value, direction: direction}}
	return b
}

// load makes the ranks ready to be looked up. Of keys that are equal here the
// least rank counts.
func (r *rankSet) load(args *plan.Arguments) (rankTable, error) {
	width := len(r.types) + 1
	keys, err := keysOf(args, r.set, width)
	if err != nil {
		return rankTable{}, err
	}
	table := rankTable{rankSet: r, ranks: make(map[string]int64, keys.Rows())}
	var text []byte
next:
	for i := range len(keys.Cells) / width {
		row := keys.Row(i)
		rank, err := strconv.ParseInt(row[0], 10, 64)
		if err != nil {
			return rankTable{}, fmt.Errorf("key set %d has the rank %q", r.set, row[0])
		}
		text = text[:0]
		for j, t := range r.types {
			b, ok := keyValue(row[j+1], t)
			if !ok {
				continue next
			}
			text = appendRankKey(text, b, t, r.folds[j])
		}
		if known, ok := table.ranks[string(text)]; !ok || rank < known {
			table.ranks[string(text)] = rank
		}
	}
	return table, nil
}

// appendRankKey appends a part of a key so that equal values have equal texts,
// as = would have it: numbers by value, texts as their column folds them, all else
// by bytes.
func appendRankKey(dst []byte, b bound, t plan.Type, f fold) []byte {
	tag, text := byte(tagText), b.text
	switch b.kind {
	case zombiezen.TypeInteger:
		tag, text = tagInteger, strconv.FormatInt(b.integer, 10)
	case zombiezen.TypeFloat:
		tag, text = tagReal, strconv.FormatFloat(b.real, 'g', -1, 64)
		if b.real == math.Trunc(b.real) && math.Abs(b.real) < 1<<63 {
			tag, text = tagInteger, strconv.FormatInt(int64(b.real), 10)
		}
	case zombiezen.TypeBlob:
		tag = tagBlob
	case zombiezen.TypeText, zombiezen.TypeNull:
	}
	switch t.Class { //nolint:exhaustive // all others keep what they are
	case plan.ClassInteger, plan.ClassNumber, plan.ClassBoolean, plan.ClassBytes:
	case plan.ClassUUID:
		if tag == tagBlob {
			text = fmt.Sprintf("%x", b.text)
		}
		if canonical, ok := canonicalUUID(text); ok {
			tag, text = tagText, canonical
		}
	default:
		tag = tagText // a column without the affinity of text may hold numbers
		if f != nil {
			text = f(text)
		}
	}
	dst = append(dst, tag)
	dst = binary.AppendUvarint(dst, uint64(len(text)))
	return append(dst, text...)
}

// rank is the SQL function dovetail_rank: the rank of a key, or null.
func (c *connection) rank(values []zombiezen.Value) (zombiezen.Value, error) {
	index := values[0].Int()
	if index < 0 || index >= len(c.ranks) || len(values) != len(c.ranks[index].types)+1 {
		c.refusal = fmt.Errorf("the ranks %d are not loaded", index)
		return zombiezen.Value{}, c.refusal
	}
	table := &c.ranks[index]
	c.key = c.key[:0]
	for i, t := range table.types {
		v := values[i+1]
		b := bound{kind: v.Type()}
		switch b.kind {
		case zombiezen.TypeNull:
			return zombiezen.Value{}, nil
		case zombiezen.TypeInteger:
			b.integer = v.Int64()
		case zombiezen.TypeFloat:
			b.real = v.Float()
		case zombiezen.TypeText:
			b.text = v.Text()
		case zombiezen.TypeBlob:
			b.text = string(v.Blob())
		}
		c.key = appendRankKey(c.key, b, t, table.folds[i])
	}
	if rank, ok := table.ranks[string(c.key)]; ok {
		return zombiezen.IntegerValue(rank), nil
	}
	return zombiezen.Value{}, nil
}
