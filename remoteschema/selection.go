package remoteschema

import (
	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// member is a member of an object's shape while its selection is compiled.
type member struct {
	key      string
	sources  []string
	optional bool
	// field members copy a field's value; members and plain are its selection's.
	field   bool
	members []*member
	plain   bool
	// node is what other members write.
	node jsonshape.RemoteNode
}

// captured is told the compiled selection of every field.
type captured func(f *plan.RemoteField, members []*member, plain bool)

// selection compiles the members of one object.
type selection struct {
	*compiler
	members []*member
	// plain: the remote object is ours already.
	plain   bool
	printed bool
	capture captured
}

// fieldText prints a field under an alias (none: the alias has been printed)
// and compiles its selection. Inside a conditional selection, one that is part
// of an inline fragment, no alias may promise what type it has.
func (c *compiler) fieldText(f *plan.RemoteField, alias string, conditional bool, capture captured) ([]*member, bool, error) {
	if !isName(f.Name) {
		return nil, false, invalidName("field", f.Name)
	}
	switch {
	case alias == "" || alias == f.Name:
		c.out.write(f.Name)
	case !isName(alias):
		return nil, false, invalidName("response key", alias)
	default:
		c.out.write(alias, ": ", f.Name)
	}
	if f == c.batchTarget && c.statement.batch.entities {
		c.representations()
	}
	if err := c.argumentsText(f); err != nil {
		return nil, false, err
	}
	if !f.Object {
		if len(f.Fields) > 0 {
			return nil, false, sources.NotSupported("the field %q of a remote schema has no fields of its own", f.Name)
		}
		return nil, true, nil
	}
	return c.selectionText(f, conditional, capture)
}

func (c *compiler) selectionText(f *plan.RemoteField, conditional bool, capture captured) ([]*member, bool, error) {
	s := &selection{compiler: c, plain: true, capture: capture}
	c.out.write(" {")
	entities := f == c.batchTarget && c.statement.batch.entities
	if entities { // every entity is of the type that its representation names
		c.out.write(" ... on ", c.query.Batch.Entities.Type, " {")
	}
	if f == c.batchTarget {
		for _, m := range c.statement.batch.matches {
			if err := s.hiddenField(m.alias, c.statement.hidden[m.alias]); err != nil {
				return nil, false, err
			}
		}
	}
	if err := s.nodes(f.Fields, conditional, false); err != nil {
		return nil, false, err
	}
	if !s.printed {
		if err := s.hiddenField(c.hidden("__typename"), "__typename"); err != nil {
			return nil, false, err
		}
	}
	if entities {
		c.out.write(" }")
	}
	c.out.write(" }")
	return s.members, s.plain, nil
}

// hiddenField asks for a field that doesn't appear in our answer by itself.
func (s *selection) hiddenField(alias, name string) error {
	if !isName(name) {
		return invalidName("field", name)
	}
	s.plain = false
	s.printed = true
	s.out.write(" ", alias, ": ", name)
	return nil
}

// nodes compiles members; optional ones stand in an inline fragment of this
// very selection.
func (s *selection) nodes(nodes []plan.RemoteNode, conditional, optional bool) error {
	for _, n := range nodes {
		var err error
		switch n := n.(type) {
		case *plan.RemoteField:
			err = s.fieldNode(n, conditional, optional)
		case *plan.RemoteInline:
			err = s.inline(n)
		case *plan.RemoteTypename:
			err = s.typename(n, optional)
		case *plan.RemoteStatic:
			err = s.static(n, optional)
		case *plan.RemoteHole:
			err = s.hole(n, conditional, optional)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *selection) fieldNode(n *plan.RemoteField, conditional, optional bool) error {
	s.out.write(" ")
	members, plain, err := s.fieldText(n, n.Key, conditional, s.capture)
	if err != nil {
		return err
	}
	if s.capture != nil {
		s.capture(n, members, plain)
	}
	s.printed = true
	s.plain = s.plain && plain
	s.members = merge(s.members, &member{
		key: n.Key, sources: []string{n.Key}, optional: optional, field: true, members: members, plain: plain,
	})
	return nil
}

// merge adds a member. A field that is there already is asked for twice, and
// the service merges what is asked of it: so do we.
func merge(members []*member, add *member) []*member {
	for _, old := range members {
		if len(old.sources) != 1 || len(add.sources) != 1 || old.sources[0] != add.sources[0] {
			continue
		}
		if old.optional || add.optional {
			// Parts that only one of the two asks for may be missing.
			loosen(old.members)
			loosen(add.members)
		}
		for _, m := range add.members {
			old.members = merge(old.members, m)
		}
		old.plain = old.plain && add.plain
		old.optional = old.optional && add.optional
		return members
	}
	return append(members, add)
}

func loosen(members []*member) {
	for _, m := range members {
		m.optional = true
	}
}

func (s *selection) inline(n *plan.RemoteInline) error {
	if !isName(n.Type) {
		return invalidName("type", n.Type)
	}
	s.out.write(" ... on ", n.Type, " {")
	outer := s.printed
	s.printed = false
	if err := s.nodes(n.Fields, true, true); err != nil {
		return err
	}
	if !s.printed {
		if err := s.hiddenField(s.hidden("__typename"), "__typename"); err != nil {
			return err
		}
	}
	s.printed = s.printed || outer
	s.out.write(" }")
	return nil
}

func (s *selection) typename(n *plan.RemoteTypename, optional bool) error {
	if !isName(n.Key) {
		return invalidName("response key", n.Key)
	}
	s.out.write(" ")
	if n.Key != "__typename" {
		s.out.write(n.Key, ": ")
	}
	s.out.write("__typename")
	s.printed = true
	m := &member{key: n.Key, sources: []string{n.Key}, optional: optional, field: true, plain: true}
	if len(n.Names) > 0 {
		s.plain = false
		m.field, m.plain = false, false
		m.node = &jsonshape.RemoteName{Names: n.Names}
	}
	s.members = merge(s.members, m)
	return nil
}

// static adds a member that the service isn't asked for, except whether it
// applies.
func (s *selection) static(n *plan.RemoteStatic, optional bool) error {
	m := &member{key: n.Key, optional: optional, node: &jsonshape.RemoteLiteral{JSON: n.JSON}}
	if optional {
		alias := s.hidden(n.Key)
		if err := s.hiddenField(alias, "__typename"); err != nil {
			return err
		}
		m.sources = []string{alias}
	}
	s.plain = false
	s.members = merge(s.members, m)
	return nil
}

// hole asks for a join's keys where the hole stands. The only key of a hole is
// asked for under the hole's own key; not so in inline fragments, where the same
// key may stand for something of another type in another fragment.
func (s *selection) hole(n *plan.RemoteHole, conditional, optional bool) error {
	if n.Join == nil || len(n.Join.Keys) == 0 {
		return sources.NotSupported("the remote relationship %q has no key", n.Key)
	}
	if !isName(n.Key) {
		return invalidName("response key", n.Key)
	}
	node := &jsonshape.RemoteHole{Join: n.Join.Index, OnNull: n.Join.OnNull}
	m := &member{key: n.Key, optional: optional, node: node}
	for i, k := range n.Join.Keys {
		if k.Type.Class == plan.ClassArray {
			if node.Lists == nil {
				node.Lists = make([]bool, len(n.Join.Keys))
			}
			node.Lists[i] = true
		}
		alias := n.Key
		if conditional || len(n.Join.Keys) > 1 || s.has(n.Key) {
			alias = s.hidden(n.Key)
		}
		if err := s.hiddenField(alias, k.Name); err != nil {
			return err
		}
		m.sources = append(m.sources, alias)
	}
	s.members = append(s.members, m)
	return nil
}

func (s *selection) has(source string) bool {
	for _, m := range s.members {
		if len(m.sources) == 1 && m.sources[0] == source {
			return true
		}
	}
	return false
}
