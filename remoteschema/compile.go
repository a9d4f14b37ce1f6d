package remoteschema

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// statement is a compiled fragment.
type statement struct {
	document *document
	// shapes are the shapes of the root fields, or of the lookup's value.
	shapes []*jsonshape.RemoteShape
	// aliases maps the answer's root keys to ordinals; nil for lookups.
	aliases map[string]int
	// extract leads from a lookup's field to the wanted value.
	extract []string
	batch   *batch
	// hidden maps keys that only we know to the keys they stand for.
	hidden   map[string]string
	bindings []binding
	// input finds the types of input fields.
	input *inputTypes
}

// binding is a column of the binding set: its type where it is an argument by
// itself, and the class of the type it comes from.
type binding struct {
	typ   *ast.Type
	class plan.TypeClass
}

// batch asks for all keys in one list argument.
type batch struct {
	many bool
	// entities: the list holds one entity for each key, in their order.
	entities bool
	// matches are the hidden keys of the fields that tell a row's key, with the
	// binding each belongs to.
	matches []match
}

type match struct {
	alias   string
	binding int
}

// Text is the document as it is sent; for lookups it shows one key.
func (s *statement) Text() string { return s.document.text(1) }

// compiler compiles one fragment.
type compiler struct {
	query     *plan.RemoteQuery
	fragment  *plan.Fragment
	skipNulls bool
	statement *statement
	out       segmentWriter
	prefix    string
	hiddens   int
	// batchTarget is the field whose rows are matched to keys, nil for none.
	batchTarget *plan.RemoteField
}

// Compile turns a fragment into a document and the shapes of its answer.
func (s *Source) Compile(f *plan.Fragment) (plan.Statement, error) {
	query, ok := f.Query.(*plan.RemoteQuery)
	if !ok {
		return nil, sources.NotSupported("a remote schema can't answer a %T", f.Query)
	}
	switch query.Operation {
	case plan.OperationQuery, plan.OperationMutation:
	case plan.OperationSubscription:
		return nil, sources.NotSupported("subscription to remote server is not supported")
	default:
		return nil, sources.NotSupported("a remote schema has no operation %q", query.Operation)
	}
	if len(query.Fields) == 0 {
		return nil, sources.NotSupported("a query to a remote schema needs a field")
	}
	c := &compiler{
		query: query, fragment: f, skipNulls: s.config.SkipNulls,
		statement: &statement{
			document: &document{operation: query.Operation},
			hidden:   map[string]string{},
			extract:  query.Extract,
			input:    &inputTypes{schema: s.schema.Load()},
		},
	}
	c.prefix = freePrefix(query)
	c.statement.document.prefix = c.prefix
	for _, b := range f.Bindings {
		compiled := binding{class: b.Type.Underlying().Class}
		if b.GraphQL != "" {
			t, err := parseType(b.GraphQL)
			if err != nil {
				return nil, typeError(err)
			}
			compiled.typ = t
		}
		c.statement.bindings = append(c.statement.bindings, compiled)
	}
	var err error
	if len(f.Bindings) > 0 || len(query.Extract) > 0 {
		err = c.lookup()
	} else {
		err = c.roots()
	}
	if err != nil {
		return nil, err
	}
	c.statement.document.segments = c.out.end()
	return c.statement, nil
}

func typeError(err error) error {
	return &sources.Error{Code: sources.CodeRemoteSchemaError, Message: err.Error()}
}

// roots compiles a fragment without bindings: one root field per ordinal.
func (c *compiler) roots() error {
	if c.query.Batch != nil {
		return sources.NotSupported("a root query of a remote schema is no list lookup")
	}
	c.statement.aliases = map[string]int{}
	for i, f := range c.query.Fields {
		alias := f.Key
		if _, taken := c.statement.aliases[alias]; taken {
			alias = c.prefix + strconv.Itoa(i)
			c.statement.hidden[alias] = f.Key
		}
		c.statement.aliases[alias] = i
		c.out.write(" ")
		members, plain, err := c.fieldText(f, alias, false, nil)
		if err != nil {
			return err
		}
		shape, err := shapeOf(members, plain)
		if err != nil {
			return err
		}
		c.statement.shapes = append(c.statement.shapes, shape)
	}
	return nil
}

// lookup compiles a fragment with bindings: one field, asked once per key or
// once for a list of keys.
func (c *compiler) lookup() error {
	if len(c.query.Fields) != 1 {
		return sources.NotSupported("a lookup in a remote schema has one field, not %d", len(c.query.Fields))
	}
	if c.query.Operation != plan.OperationQuery {
		return sources.NotSupported("a lookup in a remote schema can't be a %s", c.query.Operation)
	}
	field := c.query.Fields[0]
	target, err := fieldAt(field, c.query.Extract)
	if err != nil {
		return err
	}
	alias := c.prefix + "0"
	if c.query.Batch == nil {
		c.statement.document.lookup = true
		alias = ""
	} else if err := c.batch(target); err != nil {
		return err
	}
	c.out.write(" ")
	var members []*member
	var plain bool
	capture := func(f *plan.RemoteField, m []*member, p bool) {
		if f == target {
			members, plain = m, p
		}
	}
	m, p, err := c.fieldText(field, alias, false, capture)
	if err != nil {
		return err
	}
	capture(field, m, p)
	shape, err := shapeOf(members, plain)
	if err != nil {
		return err
	}
	c.statement.shapes = []*jsonshape.RemoteShape{shape}
	return nil
}

// batch prepares the fields by which the rows of a list are matched.
func (c *compiler) batch(target *plan.RemoteField) error {
	b := c.query.Batch
	if !target.Object {
		return sources.NotSupported("the list lookup %q doesn't yield objects", target.Name)
	}
	c.batchTarget = target
	if b.Entities != nil {
		if !isName(b.Entities.Type) {
			return invalidName("type", b.Entities.Type)
		}
		if keyed, err := c.checkBindings(b.Entities.Key); err != nil || !keyed {
			return errors.Join(err, sources.NotSupported("the key of entity %q has no binding", b.Entities.Type))
		}
		c.statement.batch = &batch{entities: true}
		return nil
	}
	matched := make([]bool, len(c.fragment.Bindings))
	c.statement.batch = &batch{many: b.Many}
	for _, m := range b.Match {
		if m.Binding < 0 || m.Binding >= len(matched) {
			return sources.NotSupported("the list lookup %q matches binding %d of %d", target.Name, m.Binding, len(matched))
		}
		matched[m.Binding] = true
		c.statement.batch.matches = append(c.statement.batch.matches, match{alias: c.hidden(m.Field), binding: m.Binding})
	}
	if slices.Contains(matched, false) {
		return sources.NotSupported("the list lookup %q must match every part of its key", target.Name)
	}
	return nil
}

// fieldAt follows a path of response keys to the field it ends at.
func fieldAt(field *plan.RemoteField, path []string) (*plan.RemoteField, error) {
	for _, key := range path {
		i := slices.IndexFunc(field.Fields, func(n plan.RemoteNode) bool {
			f, ok := n.(*plan.RemoteField)
			return ok && f.Key == key
		})
		if i < 0 {
			return nil, sources.NotSupported("the path %v of a lookup doesn't stand in its selection", path)
		}
		field, _ = field.Fields[i].(*plan.RemoteField)
	}
	return field, nil
}

// hidden makes a response key that can't collide with the client's.
func (c *compiler) hidden(stands string) string {
	alias := c.prefix + "k" + strconv.Itoa(c.hiddens)
	c.hiddens++
	c.statement.hidden[alias] = stands
	return alias
}

// freePrefix finds how names of ours start so that none is the client's.
func freePrefix(q *plan.RemoteQuery) string {
	names := map[string]bool{}
	for _, v := range q.Variables {
		names[v.Name] = true
	}
	nodes := make([]plan.RemoteNode, 0, len(q.Fields))
	for _, f := range q.Fields {
		nodes = append(nodes, f)
	}
	collectKeys(nodes, names)
	prefix := "_"
	for taken(names, prefix) {
		prefix += "x"
	}
	return prefix
}

func taken(names map[string]bool, prefix string) bool {
	for name := range names {
		if len(name) <= len(prefix) || name[:len(prefix)] != prefix {
			continue
		}
		rest := name[len(prefix):]
		if rest[0] == 'k' || rest[0] == 'v' {
			rest = rest[1:]
		}
		if rest != "" && rest[0] >= '0' && rest[0] <= '9' {
			return true
		}
	}
	return false
}

func collectKeys(nodes []plan.RemoteNode, into map[string]bool) {
	for _, n := range nodes {
		switch n := n.(type) {
		case *plan.RemoteField:
			into[n.Key] = true
			collectKeys(n.Fields, into)
		case *plan.RemoteInline:
			collectKeys(n.Fields, into)
		case *plan.RemoteTypename:
			into[n.Key] = true
		case *plan.RemoteStatic:
			into[n.Key] = true
		case *plan.RemoteHole:
			into[n.Key] = true
		}
	}
}

// shapeOf makes the shape of an object whose selection has been compiled.
func shapeOf(members []*member, plain bool) (*jsonshape.RemoteShape, error) {
	if plain {
		return nil, nil // no shape: the value is copied as it is
	}
	out := make([]jsonshape.RemoteMember, 0, len(members))
	for _, m := range members {
		node := m.node
		if m.field {
			shape, err := shapeOf(m.members, m.plain)
			if err != nil {
				return nil, err
			}
			node = &jsonshape.RemoteCopy{Shape: shape}
		}
		out = append(out, jsonshape.RemoteMember{Key: m.key, Sources: m.sources, Optional: m.optional, Node: node})
	}
	shape, err := jsonshape.NewRemoteShape(out)
	if err != nil {
		return nil, &sources.Error{
			Code:    sources.CodeUnexpected,
			Message: fmt.Sprintf("the fields of a remote selection conflict: %v", err),
			Cause:   err,
		}
	}
	return shape, nil
}
