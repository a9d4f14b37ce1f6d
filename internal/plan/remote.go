package plan

import "dovetail/internal/orderedjson"

// RemoteQuery asks a remote GraphQL schema. Without bindings each of Fields is
// one root field and one ordinal of the fragment's answer; with bindings there
// is exactly one field, asked once per binding row.
type RemoteQuery struct {
	Operation OperationKind
	Fields    []*RemoteField
	// Variables lists the client variables the query uses and their declared
	// types.
	Variables []RemoteVariable
	// Extract is the path of response names under the (only) field that leads to
	// the wanted value, for lookups with a nested remote_field.
	Extract []string
	// Batch asks by one list argument instead of aliases; nil: aliases.
	Batch *RemoteBatch
}

// RemoteVariable is a client variable as its operation declares it.
type RemoteVariable struct {
	Name, Type string
	// Default is the declared default value, nil for none.
	Default *orderedjson.Value
}

// RemoteBatch describes a list lookup: the list argument gets the keys, and
// each row of the answer goes to the keys that its match fields equal by value.
type RemoteBatch struct {
	// Match pairs a field of the answer's rows (upstream name) with a binding.
	Match []RemoteMatch
	// Many: a key gets the list of its rows; otherwise its first row.
	Many bool
	// Entities asks for the entities of an Apollo subgraph, one for each key, in
	// the order of the keys; Match and Many mean nothing then, and the field's
	// selection is on the entity's type.
	Entities *RemoteEntities
}

// RemoteEntities is how a key represents an entity: its type and the fields of
// its key, which hold bindings.
type RemoteEntities struct {
	Type string
	Key  *ObjectValue
}

// RemoteMatch pairs a result field with a binding's index.
type RemoteMatch struct {
	Field   string
	Binding int
}

// RemoteNode is one member of a remote selection set.
//
//sumtype:decl
type RemoteNode interface{ remoteNode() }

// RemoteField is a field of a remote schema.
type RemoteField struct {
	// Key is the response key in our answer; Name the upstream field's name.
	Key, Name string
	Arguments []RemoteArgument
	Fields    []RemoteNode
	// Object tells that the field has a selection set.
	Object bool
}

// RemoteInline is an inline fragment on an upstream type.
type RemoteInline struct {
	Type   string
	Fields []RemoteNode
}

// RemoteTypename is __typename. Names maps upstream type names to ours where
// the remote schema's types are renamed.
type RemoteTypename struct {
	Key   string
	Names map[string]string
}

// RemoteStatic writes JSON known when the plan is made (the __typename of a
// namespace).
type RemoteStatic struct {
	Key  string
	JSON []byte
}

// RemoteHole leaves a hole that a join fills; the join's keys are fields of the
// same object by their upstream names.
type RemoteHole struct {
	Key  string
	Join *Join
}

func (*RemoteField) remoteNode()    {}
func (*RemoteInline) remoteNode()   {}
func (*RemoteTypename) remoteNode() {}
func (*RemoteStatic) remoteNode()   {}
func (*RemoteHole) remoteNode()     {}

// RemoteArgument is an argument of a remote field. Values hold literals (an
// enum as RemoteEnum), variables, session variables and bindings.
type RemoteArgument struct {
	Name string
	// Type is the argument's upstream type, "[ID!]!".
	Type  string
	Value Value
}

// RemoteEnum is an enum value in a remote argument, written without quotes.
type RemoteEnum struct{ Name string }

func (*RemoteEnum) value() {}
