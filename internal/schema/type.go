package schema

import (
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/plan"
)

// Kind is the kind of a GraphQL type.
type Kind string

// The kinds, as introspection spells them.
const (
	Scalar      Kind = "SCALAR"
	Object      Kind = "OBJECT"
	Interface   Kind = "INTERFACE"
	Union       Kind = "UNION"
	Enum        Kind = "ENUM"
	InputObject Kind = "INPUT_OBJECT"
)

// Type is a named type of a role's schema. Its members are made when first
// asked for.
type Type struct {
	Kind        Kind
	Name        string
	Description string
	// Table is the table whose rows an object type stands for, else nil.
	Table *catalog.Table
	// Upstream is the remote schema's definition of a remote type, and Remote the
	// schema it comes from.
	Upstream *ast.Definition
	Remote   *catalog.RemoteSchema

	// seek finds a field without making all others; nil: it takes all of them.
	seek func(name string) (*Field, bool)
	// transient types can forget their members, as they keep how to make them.
	transient bool

	once    sync.Once
	fill    func(*Type)
	fields  []*Field
	byField map[string]*Field
	inputs  []*Input
	byInput map[string]*Input
	values  []*EnumValue
	// Interfaces of an object, possible types of an interface or union.
	interfaces []*Type
	possible   []*Type
	// unions are the names of the unions that a remote object type is a member of.
	unions []string
	// entity: the type is a member of EntityUnion.
	entity bool
}

// Field is a field of an object or interface.
type Field struct {
	Name        string
	Description string
	Args        []*Input
	Type        Ref
	Binding     Binding
	Deprecation *string
}

// Input is an argument or a field of an input object.
type Input struct {
	Name        string
	Description string
	Type        Ref
	// Default is the default value's GraphQL text; empty for none.
	Default string
	Binding InputBinding
}

// EnumValue is a value of an enum.
type EnumValue struct {
	Name        string
	Description string
	Deprecation *string
	// Value is what the database calls the value of an enum table, where the
	// naming convention spells it differently.
	Value string
	// Column is the column that a value of a column enum names.
	Column *catalog.Column
	// Guard nulls the column unless it holds (inherited roles); nil: no guard.
	Guard plan.Predicate
}

// Ref is a use of a type. Exactly one of Named and List is set.
type Ref struct {
	Named *Type
	// Also is the name of another scalar whose variables may be used here.
	Also    string
	List    *Ref
	NonNull bool
}

// Named refers to a type.
func Named(t *Type) Ref { return Ref{Named: t} }

// Required makes a reference non-null.
func Required(r Ref) Ref { r.NonNull = true; return r }

// Nullable makes a reference nullable.
func Nullable(r Ref) Ref { r.NonNull = false; return r }

// List refers to a list.
func List(of Ref) Ref { return Ref{List: &of} }

// String writes the reference as GraphQL does: [T!]!.
func (r Ref) String() string {
	var b strings.Builder
	r.write(&b)
	return b.String()
}

func (r Ref) write(b *strings.Builder) {
	if r.List != nil {
		b.WriteByte('[')
		r.List.write(b)
		b.WriteByte(']')
	} else {
		b.WriteString(r.Named.Name)
	}
	if r.NonNull {
		b.WriteByte('!')
	}
}

// Base is the named type under all lists.
func (r Ref) Base() *Type {
	for r.List != nil {
		r = *r.List
	}
	return r.Named
}

// indexedFrom is the number of members above which a type has an index.
const indexedFrom = 8

func find[T any](list []*T, is func(*T) bool) (*T, bool) {
	if i := slices.IndexFunc(list, is); i >= 0 {
		return list[i], true
	}
	return nil, false
}

func (t *Type) ready() {
	t.once.Do(func() {
		if t.fill != nil {
			t.fill(t)
			if !t.transient {
				t.fill = nil
			}
		}
		// Few members are found as fast without an index.
		if len(t.fields) > indexedFrom {
			t.byField = make(map[string]*Field, len(t.fields))
			for _, f := range t.fields {
				t.byField[f.Name] = f
			}
		}
		if len(t.inputs) > indexedFrom {
			t.byInput = make(map[string]*Input, len(t.inputs))
			for _, f := range t.inputs {
				t.byInput[f.Name] = f
			}
		}
	})
}

// Forget gives up the members of a transient schema's type; they are made again
// when asked for. Nobody else may be using the type.
func (t *Type) Forget() {
	if !t.transient || t.fill == nil {
		return
	}
	t.once = sync.Once{}
	t.fields, t.byField, t.inputs, t.byInput = nil, nil, nil, nil
	t.values, t.interfaces, t.possible, t.unions = nil, nil, nil, nil
}

// Fields of an object or interface.
func (t *Type) Fields() []*Field { t.ready(); return t.fields }

// Field finds a field by name.
func (t *Type) Field(name string) (*Field, bool) {
	if t.seek != nil {
		return t.seek(name)
	}
	t.ready()
	if t.byField == nil {
		return find(t.fields, func(f *Field) bool { return f.Name == name })
	}
	f, ok := t.byField[name]
	return f, ok
}

// Inputs of an input object.
func (t *Type) Inputs() []*Input { t.ready(); return t.inputs }

// Input finds a field of an input object by name.
func (t *Type) Input(name string) (*Input, bool) {
	t.ready()
	if t.byInput == nil {
		return find(t.inputs, func(f *Input) bool { return f.Name == name })
	}
	f, ok := t.byInput[name]
	return f, ok
}

// Values of an enum.
func (t *Type) Values() []*EnumValue { t.ready(); return t.values }

// Interfaces that an object implements.
func (t *Type) Interfaces() []*Type { t.ready(); return t.interfaces }

// Possible types of an interface or union.
func (t *Type) Possible() []*Type { t.ready(); return t.possible }

// Unions are the names of the unions that an object type is a member of.
func (t *Type) Unions() []string { t.ready(); return t.unions }

// IsEntity tells whether a federation's gateway may ask for objects of the type.
func (t *Type) IsEntity() bool { t.ready(); return t.entity }

// IsComposite tells whether a field of the type needs a selection set.
func (t *Type) IsComposite() bool {
	return t.Kind == Object || t.Kind == Interface || t.Kind == Union
}

// Arg finds an argument by name.
func (f *Field) Arg(name string) (*Input, bool) {
	for _, a := range f.Args {
		if a.Name == name {
			return a, true
		}
	}
	return nil, false
}
