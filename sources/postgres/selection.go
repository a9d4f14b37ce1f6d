package postgres

import (
	"fmt"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources/sqlgen"
)

// maxItems keeps select lists below Postgres's limit of 1,664 members.
const maxItems = 1500

// cells is a select list under construction and what its cells are.
type cells struct {
	query *query
	scope *scope
	// first is the number of leading items that are no cells.
	first  int
	layout *layout
	// known finds the cells of columns that are wanted twice.
	known map[knownCell]knownCodec
}

type knownCell struct {
	alias, column    string
	key, stringified bool
}

type knownCodec struct {
	cell  int
	codec codec
}

func newCells(rows *rowsQuery) *cells {
	return &cells{query: rows.query, scope: rows.scope, first: rows.first, layout: &layout{}, known: map[knownCell]knownCodec{}}
}

// in gives the same select list with another row in scope.
func (l *cells) in(s *scope) *cells {
	out := *l
	out.scope = s
	return &out
}

// add appends a cell and gives its index.
func (l *cells) add(value expression, oid uint32) int {
	l.query.items = append(l.query.items, item{Value: value})
	l.layout.oids = append(l.layout.oids, oid)
	return len(l.layout.oids) - 1
}

// close makes sure that the list isn't empty, which records don't like.
func (l *cells) close() {
	if len(l.layout.oids) == 0 {
		l.add(keyword("true"), 0)
	}
}

// rootSelection compiles a fragment that reads rows.
func (c *compiler) rootSelection(s *plan.Selection) (*query, *jsonshape.Shape, *layout, error) {
	l, object, err := c.selection(s, nil, len(c.fragment.Bindings) > 0)
	if err != nil {
		return nil, nil, nil, err
	}
	shape := &jsonshape.Shape{List: s.Card == plan.Many, Object: object, Absent: sqlgen.Absent(s.Card)}
	return l.query, shape, l.layout, nil
}

// selection compiles rows and their fields; outer is the enclosing row.
func (c *compiler) selection(s *plan.Selection, outer *scope, bound bool) (*cells, *jsonshape.Object, error) {
	keys := sqlgen.KeysOnly(s)
	rows, err := c.rows(&s.Rows, rowsRequest{
		outer: outer, bound: bound, permitLimit: true,
		single: s.Card == plan.One && !oneRow(&s.Rows),
		derive: sqlgen.Derives(&s.Rows, s.Fields), keys: keys != nil,
	})
	if err != nil {
		return nil, nil, err
	}
	if keys != nil && !bound && rows.scope.inner == nil {
		if c.groups(keys, &s.Rows) {
			c.keyed.grouped = true
			rows.query.groupBy, rows.query.distinctOn = rows.query.distinctOn, nil
		} else {
			distinctKeys(keys, &s.Rows, rows.query)
		}
	}
	l := newCells(rows)
	object, err := c.object(s.Fields, l)
	if err != nil {
		return nil, nil, err
	}
	l.close()
	return l, object, nil
}

// oneRow tells whether rows can be but one without a limit.
func oneRow(r *plan.Rows) bool {
	f, ok := r.From.(*plan.FunctionCall)
	return ok && f.SingleRow || sqlgen.Identifies(r)
}

// object compiles the fields of a row.
func (c *compiler) object(fields []plan.Field, l *cells) (*jsonshape.Object, error) {
	return sqlgen.Object(fields, func(f plan.Field) (string, jsonshape.Node, error) { return c.field(f, l) })
}

func (c *compiler) field(f plan.Field, l *cells) (string, jsonshape.Node, error) {
	switch f := f.(type) {
	case *plan.ColumnField:
		node, err := c.columnField(f, l)
		return f.Key, node, err
	case *plan.ComputedField:
		node, err := c.computedField(f, l)
		return f.Key, node, err
	case *plan.NestedField:
		node, err := c.nestedField(f, l)
		return f.Key, node, err
	case *plan.NestedAggregateField:
		node, err := c.nestedAggregate(f, l)
		return f.Key, node, err
	case *plan.NestedConnectionField:
		node, err := c.nestedConnection(f, l)
		return f.Key, node, err
	case *plan.NodeIDField:
		return f.Key, c.nodeID(f, l), nil
	case *plan.HoleField:
		node, err := c.hole(f.Join, l)
		return f.Key, node, err
	case *plan.StaticField:
		return f.Key, &jsonshape.Literal{JSON: f.JSON}, nil
	case *plan.GroupField:
		object, err := c.object(f.Fields, l)
		return f.Key, &jsonshape.Inline{Presence: -1, Object: object}, err
	}
	return "", nil, fmt.Errorf("unknown kind of field %T", f)
}

func (c *compiler) columnField(f *plan.ColumnField, l *cells) (jsonshape.Node, error) {
	if f.Guard == nil && len(f.JSONPath) == 0 {
		cell, k := c.columnCell(l, f.Column, false, f.Stringify)
		return &jsonshape.Scalar{Cell: cell, Encode: jsonshape.InUpperCase(f.UpperCase, k.encoder(f.Stringify))}, nil
	}
	node, err := c.valueCell(l, l.scope.column(f.Column.Name), f.Column.Type, f.JSONPath, f.Stringify, f.Guard)
	if err != nil {
		return nil, err
	}
	node.Encode = jsonshape.InUpperCase(f.UpperCase, node.Encode)
	return node, nil
}

func (c *compiler) computedField(f *plan.ComputedField, l *cells) (jsonshape.Node, error) {
	value, err := c.scalarCall(f.Call, l.scope)
	if err != nil {
		return nil, err
	}
	return c.valueCell(l, value, f.Type, f.JSONPath, f.Stringify, f.Guard)
}

// valueCell adds a cell for an expression.
func (c *compiler) valueCell(l *cells, value expression, t plan.Type, path []string, stringify bool, guard plan.Predicate) (*jsonshape.Scalar, error) {
	if len(path) > 0 {
		texts := parameterSource{form: formPath, path: path, cast: arrayCast(systemCast("text"))}
		value = sqlgen.Infix("#>", value, c.parameter(texts))
	}
	value, k := c.encoded(value, t, stringify, l.scope.native)
	value, err := c.guarded(value, guard, l.scope)
	if err != nil {
		return nil, err
	}
	return &jsonshape.Scalar{Cell: l.add(value, k.oid), Encode: k.encoder(stringify)}, nil
}

// guarded nulls a value unless the guard holds.
func (c *compiler) guarded(value expression, guard plan.Predicate, s *scope) (expression, error) {
	if guard == nil {
		return value, nil
	}
	condition, err := c.predicate(guard, scopeOf(s))
	return sqlgen.CaseWhen(condition, value), err
}

// columnCell gives the cell of a column, adding it the first time.
func (c *compiler) columnCell(l *cells, column plan.Column, key, stringify bool) (int, codec) {
	id := knownCell{alias: l.scope.alias, column: column.Name, key: key, stringified: stringify}
	if k, ok := l.known[id]; ok {
		return k.cell, k.codec
	}
	value := l.scope.column(column.Name)
	var k codec
	if key {
		value, k = c.keyText(value, column.Type, l.scope.native)
	} else {
		value, k = c.encoded(value, column.Type, stringify, l.scope.native)
	}
	found := knownCodec{cell: l.add(value, k.oid), codec: k}
	l.known[id] = found
	if key && k.binary {
		// The same cell serves the column's own field.
		id.key = false
		if _, ok := l.known[id]; !ok {
			l.known[id] = found
		}
	}
	return found.cell, k
}

// hole selects the key of a join. The key's cells are no fields.
func (c *compiler) hole(j *plan.Join, l *cells) (jsonshape.Node, error) {
	if j == nil {
		return nil, fmt.Errorf("a hole has no join")
	}
	node := &jsonshape.HoleNode{Join: j.Index, OnNull: j.OnNull}
	for _, k := range j.Keys {
		if k.Rank != nil || k.Computed != nil {
			key, err := c.computedKey(k, l)
			if err != nil {
				return nil, err
			}
			node.Keys = append(node.Keys, key)
			continue
		}
		column := plan.Column{Name: k.Name, Type: k.Type}
		if known, ok := l.known[knownCell{alias: l.scope.alias, column: k.Name}]; ok && known.codec.binary {
			node.Keys = append(node.Keys, jsonshape.KeyCell{Cell: known.cell, Text: known.codec.text})
			continue
		}
		cell, codec := c.columnCell(l, column, true, false)
		node.Keys = append(node.Keys, jsonshape.KeyCell{Cell: cell, Text: codec.text})
	}
	return node, nil
}

// computedKey adds the cell of a key that is no column.
func (c *compiler) computedKey(k plan.JoinKey, l *cells) (jsonshape.KeyCell, error) {
	if k.Rank != nil {
		value, err := c.rankOf(k.Rank, l)
		return jsonshape.KeyCell{Cell: l.add(value, oidInt8), Text: encodeInt8}, err
	}
	value, err := c.scalarCall(k.Computed, l.scope)
	if err != nil {
		return jsonshape.KeyCell{}, err
	}
	text, codec := c.keyText(value, k.Type, l.scope.native)
	return jsonshape.KeyCell{Cell: l.add(text, codec.oid), Text: codec.text}, nil
}

func (c *compiler) nestedField(f *plan.NestedField, l *cells) (jsonshape.Node, error) {
	s := f.Selection
	joinable := s.Card == plan.One && f.Guard == nil && sqlgen.Plain(&s.Rows) && sqlgen.Identifies(&s.Rows)
	if joinable && len(l.query.items) < maxItems {
		return c.joinedObject(s, l)
	}
	inner, object, err := c.selection(s, l.scope, false)
	if err != nil {
		return nil, err
	}
	inner.query.record = true
	node := &jsonshape.Nested{List: s.Card == plan.Many, Object: object, Absent: []byte("null")}
	var value expression
	if node.List {
		value, node.Rows = sqlgen.Array(inner.query), recordArray(inner.layout)
	} else {
		value, node.Rows = sqlgen.Subquery(inner.query), recordRow(inner.layout)
	}
	if value, err = c.guarded(value, f.Guard, l.scope); err != nil {
		return nil, err
	}
	node.Cell = l.add(value, 0)
	return node, nil
}

// joinedObject joins the row of an object relationship, whose cells then stand
// flat among those of the enclosing row.
func (c *compiler) joinedObject(s *plan.Selection, l *cells) (jsonshape.Node, error) {
	joined, err := c.leftJoin(&s.Rows, l.scope, l.query)
	if err != nil {
		return nil, err
	}
	inner := l.in(joined)
	// A column that equals something is not null, unless no row was joined.
	column := s.On[0].Column
	var presence int
	if _, k := c.encoded(joined.column(column.Name), column.Type, false, false); k.binary && k.oid != 0 {
		presence, _ = c.columnCell(inner, column, false, false)
	} else {
		presence = l.add(sqlgen.CaseWhen(joined.present, keyword("true")), oidBool)
	}
	object, err := c.object(s.Fields, inner)
	if err != nil {
		return nil, err
	}
	return &jsonshape.Inline{Presence: presence, Object: object, Absent: []byte("null")}, nil
}

// encoded is how a value is fetched so that its JSON can be written.
func (c *compiler) encoded(value expression, t plan.Type, stringify, native bool) (expression, codec) {
	if !native {
		if k, ok := c.binaryCodec(t); ok {
			return value, k
		}
	}
	t = t.Underlying()
	switch t.Class { //nolint:exhaustive // all others are alike
	case plan.ClassGeometry, plan.ClassGeography:
		// 15 digits, with the long form of the reference system.
		return &call{Schema: t.Schema, Name: "st_asgeojson", Arguments: []expression{
			value, keyword("15"), keyword("4"),
		}}, copied
	}
	if stringify && stringifies(t) {
		value = castTo{value: value, to: sqlType{schema: systemSchema, name: "text", array: t.Class == plan.ClassArray}}
	}
	return castTo{value: sqlgen.Function("to_json", value), to: systemCast("text")}, copied
}

// stringifies tells whether stringifying changes values of a type.
func stringifies(t plan.Type) bool {
	if t.Class == plan.ClassArray && t.Element != nil {
		return stringifies(t.Element.Underlying())
	}
	return t.Class == plan.ClassInteger || t.Class == plan.ClassNumber
}

// keyText is how a value is fetched so that its plain text can be written.
func (c *compiler) keyText(value expression, t plan.Type, native bool) (expression, codec) {
	if !native {
		if k, ok := c.binaryCodec(t); ok {
			return value, k
		}
	}
	t = t.Underlying()
	switch t.Class { //nolint:exhaustive // all others are alike
	case plan.ClassTime:
		// The text inside of the JSON, which every database reads.
		json := sqlgen.Function("to_json", value)
		return sqlgen.Infix("#>>", json, keyword("'{}'")), copied
	case plan.ClassGeometry, plan.ClassGeography:
		return c.encoded(value, t, false, native)
	}
	return castTo{value: value, to: systemCast("text")}, copied
}

// binaryCodec gives the codec of a type that is fetched in its binary form.
func (c *compiler) binaryCodec(t plan.Type) (codec, bool) {
	domain := t.Base != nil
	t = t.Underlying()
	name, system := systemName(t)
	if !system {
		isText := t.Class == plan.ClassEnum || t.Class == plan.ClassText && t.Name == "citext"
		k := textCodec
		k.binary = true
		return k, isText
	}
	switch name {
	case "timestamptz":
		c.zoned = true
		if !c.session.utc {
			return codec{}, false
		}
	case "float4", "float8":
		if !c.session.shortestFloats {
			return codec{}, false
		}
	}
	k, ok := codecs[name]
	k.binary = true
	if domain {
		k.oid = 0 // records name the domain instead of the type under it
	}
	return k, ok
}

// encoder is the JSON encoder of a field.
func (k codec) encoder(stringify bool) jsonshape.Encoder {
	if stringify && k.stringified != nil {
		return k.stringified
	}
	return k.json
}
