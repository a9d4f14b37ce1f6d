package planner

import (
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/schema"
)

// nodeIDVersion is the version of global ids: a JSON array of it, the table's
// schema and name, and the values of the primary key.
const nodeIDVersion = "1"

// nodeID is a decoded global id.
type nodeID struct {
	table  catalog.TableName
	values []orderedjson.Value
}

// keyStart is the index of the first value of the primary key.
const keyStart = 3

// parseNodeID decodes a global id; what is wrong with it is said as v2 does.
func parseNodeID(text string) (*nodeID, string) {
	j, err := plan.ParseToken(text)
	switch {
	case err != nil:
		return nil, "Error in $: not enough input"
	case j.Kind != orderedjson.Array:
		return nil, "Error in $: parsing node id failed, expected Array, but encountered " + j.Kind.String()
	case len(j.Items) == 0:
		return nil, "Error in $: unexpected GUID format, found empty list"
	case j.Items[0].Kind != orderedjson.Number:
		return nil, "Error in $: unexpected GUID format, needs to start with a version number"
	case j.Items[0].Text != nodeIDVersion:
		return nil, "Error in $: unsupported GUID version: " + scientific(j.Items[0].Text)
	case len(j.Items) <= keyStart || j.Items[1].Kind != orderedjson.String || j.Items[2].Kind != orderedjson.String:
		return nil, "Error in $: GUID version 1: expecting schema name, table name and at least one column value"
	}
	return &nodeID{
		table:  catalog.TableName{Schema: j.Items[1].Text, Name: j.Items[2].Text},
		values: j.Items[keyStart:],
	}, ""
}

// nodeOutline is equal for global ids that lead to the same plan.
func nodeOutline(j orderedjson.Value) string {
	id, fault := parseNodeID(j.TextOf())
	if fault != "" {
		return "!" + strconv.Quote(j.TextOf())
	}
	return strconv.Quote(id.table.Schema) + "." + strconv.Quote(id.table.Name) + "/" + strconv.Itoa(len(id.values))
}

// rootNode plans the row that a global id names.
func (p *planner) rootNode(s *selected, h *holder) (source string, query plan.Query, err error) {
	a, ok := argumentOf(s.field, schema.ArgID)
	if !ok {
		return "", nil, &Error{Code: CodeUnexpected, Path: s.path, Message: "'" + s.field.Name + "' takes no id"}
	}
	path := under(s.path+".args", a.Name)
	v, err := p.loadAs(s.argument(a.Name), use{ref: a.Type, path: path, kind: nodeInput}, false)
	if err != nil {
		return "", nil, err
	}
	if v.missing {
		return "", nil, invalid(path, "missing required field '%s'", a.Name)
	}
	if v.lit != nil {
		if err := p.checkLiteral(a.Type, v.lit, path); err != nil {
			return "", nil, err
		}
	}
	text, err := v.literal(path)
	if err != nil {
		return "", nil, err
	}
	t, err := p.nodeTable(text, path)
	if err != nil {
		return "", nil, err
	}
	query, err = p.node(s, t, v, text, h)
	return t.Source.Name, query, err
}

// nodeTable finds the table of a global id and holds the id against its primary
// key.
func (p *planner) nodeTable(text orderedjson.Value, path string) (*catalog.Table, error) {
	id, fault := parseNodeID(text.TextOf())
	if fault != "" {
		return nil, invalid(path, "invalid node id: %s", fault)
	}
	tables := p.schema.NodeTable(id.table)
	switch len(tables) {
	case 0:
		return nil, invalid(path, "invalid node id: no such table found: %q", id.table)
	case 1:
	default:
		names := make([]string, 0, len(tables))
		for _, t := range tables {
			names = append(names, strconv.Quote(t.Source.Name))
		}
		return nil, invalid(path, "invalid node id: this id matches tables of more than one source: %s", strings.Join(names, ", "))
	}
	key := tables[0].Relation().PrimaryKey
	if missing := min(len(id.values), len(key)); missing < len(key) {
		names := make([]string, 0, len(key))
		for _, c := range key[missing:] {
			names = append(names, strconv.Quote(c.Name))
		}
		return nil, invalid(path, "invalid node id: primary key columns %s are missing", strings.Join(names, ", "))
	}
	if len(id.values) > len(key) {
		extra := orderedjson.Value{Kind: orderedjson.Array, Items: id.values[len(key):]}
		return nil, invalid(path, "invalid node id: unexpected column values %s", extra)
	}
	return tables[0], nil
}

func (p *planner) node(s *selected, t *catalog.Table, v value, text orderedjson.Value, h *holder) (plan.Query, error) {
	key := t.Relation().PrimaryKey
	check := nodeCheck(key, s.path)
	if err := check(text); err != nil {
		return nil, err
	}
	paths := make([]plan.CursorPath, 0, len(key))
	for i := range key {
		paths = append(paths, plan.CursorPath{strconv.Itoa(keyStart + i)})
	}
	values, err := p.tokens(v, text, paths, check)
	if err != nil {
		return nil, err
	}
	rows, err := p.permitted(t)
	if err != nil {
		return nil, err
	}
	rows.PermitLimit = -1
	where := &plan.And{}
	for i, c := range key {
		where.Parts = append(where.Parts, &plan.Compare{
			Left: &plan.ColumnOperand{Column: c}, Operator: plan.Equal, Right: values[i],
		})
	}
	rows.Where = where
	p.direct(&rows)
	if err := p.checkAbstract(s); err != nil {
		return nil, err
	}
	fields, err := p.fields(s, s.set(), p.schema.RowType(t), h)
	if err != nil {
		return nil, err
	}
	return &plan.Selection{Rows: rows, Fields: fields, Card: plan.One}, nil
}

// checkAbstract refuses fields that the interface and the types that fragments
// name don't have, whatever the row's type will be.
func (p *planner) checkAbstract(s *selected) error {
	on := s.field.Type.Base()
	parts := &abstractSet{forType: map[*schema.Type]ast.SelectionSet{}}
	if err := p.takeApart(s.set(), on, s.path, parts); err != nil {
		return err
	}
	if _, err := p.collect(parts.own, on, s.path); err != nil {
		return err
	}
	for _, t := range parts.types {
		if _, err := p.collect(parts.forType[t], t, s.path); err != nil {
			return err
		}
	}
	return nil
}

// nodeCheck checks the values of the primary key in a global id.
func nodeCheck(key []plan.Column, path string) func(orderedjson.Value) error {
	return func(text orderedjson.Value) error {
		id, fault := parseNodeID(text.TextOf())
		if fault != "" || len(id.values) != len(key) {
			return invalid(path, "invalid node id: %s", fault)
		}
		for i, c := range key {
			if fault := columnFault(c.Type, id.values[i]); fault != "" {
				return &Error{Code: CodeParseFailed, Path: path, Message: "value of column '" + c.Name + "' in node id: " + fault}
			}
		}
		return nil
	}
}

// nodeIDField plans the global id of rows of a table.
func nodeIDField(s *selected, t *catalog.Table) (plan.Field, error) {
	if t == nil {
		return nil, &Error{Code: CodeUnexpected, Path: s.path, Message: "an interface has no rows"}
	}
	return &plan.NodeIDField{Key: s.key, Schema: t.Name.Schema, Table: t.Name.Name, Columns: t.Relation().PrimaryKey}, nil
}
