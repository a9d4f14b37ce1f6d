package jsonshape

import (
	"errors"
	"fmt"

	"dovetail/internal/orderedjson"
)

// RemoteShape says how an object of a remote answer becomes an object of ours,
// member by member in our order. It holds for every object in a list, too; null
// stays null. No shape at all (nil) copies a value as it is.
type RemoteShape struct {
	members []remoteMember
	// slots are the members of the remote object that are read, in the order in
	// which they were asked for.
	slots []remoteSlot
	index map[string]int
}

// RemoteMember is one member of our object.
type RemoteMember struct {
	// Key is the member's key in our object.
	Key string
	// Sources are the keys of the remote object's members that it is made of.
	Sources []string
	// Optional members are left out where one of their sources is missing (the
	// object isn't of the type that has them); otherwise that is an error.
	Optional bool
	Node     RemoteNode
}

// RemoteNode is what a RemoteMember writes.
//
//sumtype:decl
type RemoteNode interface{ remoteNode() }

// RemoteCopy writes the value of the only source, by its shape.
type RemoteCopy struct{ Shape *RemoteShape }

// RemoteName writes the only source's string, renamed where Names has it.
type RemoteName struct{ Names map[string]string }

// RemoteLiteral writes bytes known when the plan was made.
type RemoteLiteral struct{ JSON []byte }

// RemoteHole leaves a hole whose key is made of the sources, or writes OnNull
// where one of them is null.
type RemoteHole struct {
	Join   int
	OnNull []byte
	// Lists says which sources are lists, whose JSON is the key; nil: none.
	Lists []bool
}

func (*RemoteCopy) remoteNode()    {}
func (*RemoteName) remoteNode()    {}
func (*RemoteLiteral) remoteNode() {}
func (*RemoteHole) remoteNode()    {}

type remoteMember struct {
	RemoteMember
	prefix []byte // the quoted key and a colon
	first  int    // index in slots of the first source
	// same are the earlier members with the same key: the first one that the
	// object has is written.
	same []int
}

type remoteSlot struct {
	name   string
	member int
	last   bool // the member's last source
}

// ErrRemoteMember says that a shape's members contradict each other.
var ErrRemoteMember = errors.New("invalid member of a remote shape")

// NewRemoteShape makes a shape. Every source may be read by one member only.
func NewRemoteShape(members []RemoteMember) (*RemoteShape, error) {
	shape := &RemoteShape{index: map[string]int{}}
	keys := map[string][]int{}
	for i, m := range members {
		var fits bool
		switch m.Node.(type) {
		case *RemoteCopy, *RemoteName:
			fits = len(m.Sources) == 1
		case *RemoteHole:
			fits = len(m.Sources) > 0
		case *RemoteLiteral:
			fits = true
		}
		if !fits {
			return nil, fmt.Errorf("%w: %q has %d sources for a %T", ErrRemoteMember, m.Key, len(m.Sources), m.Node)
		}
		compiled := remoteMember{RemoteMember: m, prefix: Prefix(true, m.Key), first: len(shape.slots)}
		compiled.same = append(compiled.same, keys[m.Key]...)
		keys[m.Key] = append(keys[m.Key], i)
		for j, source := range m.Sources {
			if _, ok := shape.index[source]; ok {
				return nil, fmt.Errorf("%w: %q is read twice", ErrRemoteMember, source)
			}
			shape.index[source] = len(shape.slots)
			shape.slots = append(shape.slots, remoteSlot{name: source, member: i, last: j == len(m.Sources)-1})
		}
		shape.members = append(shape.members, compiled)
	}
	return shape, nil
}

// MissingMemberError says that a remote object lacks a member that was asked
// for.
type MissingMemberError struct{ Key string }

func (e *MissingMemberError) Error() string {
	return fmt.Sprintf("the object has no member %q", e.Key)
}

// Write consumes one value and appends it to an answer by its shape.
func (s *Scanner) Write(shape *RemoteShape, a *Answer) error {
	if shape == nil {
		at, err := s.Skip()
		if err != nil {
			return err
		}
		a.Bytes = append(a.Bytes, s.Bytes(at)...)
		return nil
	}
	kind, err := s.Kind()
	if err != nil {
		return err
	}
	switch kind {
	case orderedjson.Object:
		return s.writeObject(shape, a)
	case orderedjson.Array:
		a.Bytes = append(a.Bytes, '[')
		more, err := s.enter('[', ']')
		for first := true; err == nil && more; first = false {
			if !first {
				a.Bytes = append(a.Bytes, ',')
			}
			if err = s.Write(shape, a); err != nil {
				return err
			}
			more, err = s.more(']')
		}
		a.Bytes = append(a.Bytes, ']')
		return err
	case orderedjson.Null:
		a.Bytes = append(a.Bytes, "null"...)
		return s.word("null")
	case orderedjson.Bool, orderedjson.Number, orderedjson.String:
	}
	return s.misfit("unexpected scalar instead of an object")
}

// objectWriter writes one object. As long as the remote members come in our
// order they are written as they are read; from the first that doesn't on they
// are noted and written at the end.
type objectWriter struct {
	shape *RemoteShape
	base  int // of the object's slots in Scanner.spans
	start int // of the object's members in Answer.Bytes
	next  int // member to write next
	slot  int // slot expected next while members come in order, else -1
}

func (s *Scanner) writeObject(shape *RemoteShape, a *Answer) error {
	a.Bytes = append(a.Bytes, '{')
	w := objectWriter{shape: shape, base: len(s.spans), start: len(a.Bytes)}
	for range shape.slots {
		s.spans = append(s.spans, Span{})
	}
	more, err := s.enter('{', '}')
	for err == nil && more {
		if err = s.readMember(&w, a); err != nil {
			return err
		}
		more, err = s.more('}')
	}
	if err != nil {
		return err
	}
	if err := s.writeMembers(&w, a, len(shape.members)); err != nil {
		return err
	}
	s.spans = s.spans[:w.base]
	a.Bytes = append(a.Bytes, '}')
	return nil
}

// readMember reads one member of the remote object.
func (s *Scanner) readMember(w *objectWriter, a *Answer) error {
	key, err := s.key()
	if err != nil {
		return err
	}
	slots := w.shape.slots
	at := w.slot
	if at < 0 || at >= len(slots) || string(key) != slots[at].name {
		var known bool
		if at, known = w.shape.index[string(key)]; !known {
			return s.skip()
		}
	}
	if s.spans[w.base+at].End != 0 {
		return s.misfit("second member of the same key in an object")
	}
	if at != w.slot {
		w.slot = -1
		s.spans[w.base+at], err = s.Skip()
		return err
	}
	w.slot++
	member := &w.shape.members[slots[at].member]
	if len(member.Sources) > 1 {
		if s.spans[w.base+at], err = s.Skip(); err != nil || !slots[at].last {
			return err
		}
		return s.writeMembers(w, a, slots[at].member+1)
	}
	if err := s.writeMembers(w, a, slots[at].member); err != nil {
		return err
	}
	s.space()
	s.spans[w.base+at] = Span{Start: s.pos, End: s.pos + 1}
	w.next++
	if s.shadowed(w, member) {
		return s.skip()
	}
	w.prefix(a, member)
	return s.writeNode(member, a, s.spans[w.base+at:])
}

func (w *objectWriter) prefix(a *Answer, m *remoteMember) {
	if len(a.Bytes) > w.start {
		a.Bytes = append(a.Bytes, ',')
	}
	a.Bytes = append(a.Bytes, m.prefix...)
}

// writeMembers writes the members before the one given whose sources have been
// noted.
func (s *Scanner) writeMembers(w *objectWriter, a *Answer, until int) error {
	for ; w.next < until; w.next++ {
		m := &w.shape.members[w.next]
		if missing, ok := s.missing(w, m); ok {
			if m.Optional {
				continue
			}
			return &MissingMemberError{Key: missing}
		}
		if s.shadowed(w, m) {
			continue
		}
		w.prefix(a, m)
		if len(m.Sources) == 0 {
			if err := s.writeNode(m, a, nil); err != nil {
				return err
			}
			continue
		}
		pos := s.pos
		spans := s.spans[w.base+m.first:]
		s.pos = spans[0].Start
		if err := s.writeNode(m, a, spans); err != nil {
			return err
		}
		s.pos = pos
	}
	return nil
}

// missing names a source that a member lacks, if it does.
func (s *Scanner) missing(w *objectWriter, m *remoteMember) (source string, ok bool) {
	for i, source := range m.Sources {
		if s.spans[w.base+m.first+i].End == 0 {
			return source, true
		}
	}
	return "", false
}

// shadowed tells whether an earlier member with the same key is there.
func (s *Scanner) shadowed(w *objectWriter, m *remoteMember) bool {
	for _, i := range m.same {
		if _, missing := s.missing(w, &w.shape.members[i]); !missing {
			return true
		}
	}
	return false
}

// writeNode writes one member's value with the scanner at its first source;
// spans are its sources' stretches.
func (s *Scanner) writeNode(m *remoteMember, a *Answer, spans []Span) error {
	switch n := m.Node.(type) {
	case *RemoteCopy:
		return s.Write(n.Shape, a)
	case *RemoteName:
		return s.writeName(n, a)
	case *RemoteLiteral:
		a.Bytes = append(a.Bytes, n.JSON...)
		if len(m.Sources) > 0 {
			return s.skip()
		}
		return nil
	case *RemoteHole:
		return s.writeHole(n, m, a, spans)
	}
	return fmt.Errorf("unknown kind of remote node %T", m.Node)
}

func (s *Scanner) writeName(n *RemoteName, a *Answer) error {
	at, err := s.Skip()
	if err != nil {
		return err
	}
	raw := s.Bytes(at)
	if raw[0] == '"' {
		if name, ok := n.Names[string(unescape(nil, raw[1:len(raw)-1]))]; ok {
			a.Bytes = orderedjson.AppendString(a.Bytes, name)
			return nil
		}
	}
	a.Bytes = append(a.Bytes, raw...)
	return nil
}

// keyPart consumes a part of a key: a scalar, or a list where one is meant.
func (s *Scanner) keyPart(list bool) (text []byte, kind orderedjson.Kind, err error) {
	if !list {
		return s.Scalar()
	}
	if kind, err = s.Kind(); err != nil {
		return nil, kind, err
	}
	if kind != orderedjson.Array && kind != orderedjson.Null {
		return nil, kind, s.misfit("unexpected value instead of a list")
	}
	at, err := s.Skip()
	return s.Bytes(at), kind, err
}

// writeHole writes a hole and its key.
func (s *Scanner) writeHole(n *RemoteHole, m *remoteMember, a *Answer, spans []Span) error {
	begin := a.BeginKey()
	end := s.pos
	null := false
	for i := range m.Sources {
		if len(m.Sources) > 1 {
			s.pos = spans[i].Start
		}
		text, kind, err := s.keyPart(n.Lists != nil && n.Lists[i])
		if err != nil {
			return fmt.Errorf("join key of %q: %w", m.Key, err)
		}
		null = null || kind == orderedjson.Null
		a.KeyText(text)
		end = max(end, s.pos)
	}
	s.pos = end
	if null {
		a.DropKey(begin)
		a.Bytes = append(a.Bytes, n.OnNull...)
		return nil
	}
	a.PutHole(n.Join, begin)
	return nil
}
