package catalog

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/document"
	"dovetail/sources"
)

func (b *builder) remoteSchemas() {
	for _, doc := range b.in.Metadata.RemoteSchemas {
		found, ok := b.in.RemoteSchemas[doc.Name]
		switch {
		case !ok || found.Err == nil && found.Schema == nil:
			found.Err = errors.New("the remote schema has not been introspected")
		case found.Err == nil && found.Schema.Query == nil:
			found.Err = errors.New("query root has to be an object type in the remote schema, but there is none")
		}
		if found.Err != nil {
			b.inconsistent(remoteSchemaObject(doc), found.Err)
			continue
		}
		if found.Stale != nil {
			b.inconsistent(remoteSchemaObject(doc), found.Stale)
			b.catalog.Inconsistencies[len(b.catalog.Inconsistencies)-1].Served = true
		}
		r := &RemoteSchema{
			Name: doc.Name, Version: found.Version, Compiler: found.Compiler, Capabilities: found.Capabilities,
			Upstream: found.Schema, Customization: found.Customization,
			Relationships: map[string]*Relationships{}, Permissions: map[string]*RemotePermission{},
		}
		if doc.Comment != nil {
			r.Comment = *doc.Comment
		}
		for _, p := range doc.Permissions {
			err := found.PermissionErrors[p.Role]
			permission, ok := found.Permissions[p.Role]
			if p.Role == AdminRole {
				err = &sources.Error{Code: "constraint-violation", Message: "cannot define permission for admin role"}
			}
			switch {
			case err != nil:
				b.inconsistent(remotePermissionObject(doc, p), err)
				if s, ok := errors.AsType[*sources.Error](err); ok {
					b.catalog.Inconsistencies[len(b.catalog.Inconsistencies)-1].Refusal = &Refusal{Code: s.Code, Message: s.Message}
				}
			case ok && permission != nil:
				r.Permissions[p.Role] = permission
			}
		}
		b.remotes = append(b.remotes, &remoteBuild{RemoteSchema: r, document: doc})
		b.catalog.RemoteSchemas = append(b.catalog.RemoteSchemas, r)
	}
}

// leftSide is what a remote relationship starts from: a table, or an object
// type of a remote schema.
type leftSide struct {
	table  *Table
	remote *RemoteSchema
	object *ast.Definition
}

// field finds a field that can be a join key.
func (l *leftSide) field(name string) (LeftField, keyType, bool) {
	f := LeftField{Name: name}
	if l.table == nil {
		d := l.object.Fields.ForName(name)
		if d == nil || len(d.Arguments) > 0 || strings.HasPrefix(name, "__") {
			return f, keyType{}, false
		}
		k := graphQLKey(l.remote.Upstream, d.Type.Name()).listOf(d.Type)
		f.GraphQL = d.Type
		return f, k, k.family != familyNone
	}
	if c, ok := l.table.Column(name); ok {
		f.Column = c
		return f, columnKey(c.Info.Type), true
	}
	if c, ok := l.table.ComputedField(name); ok && c.Scalar() {
		f.Computed = c
		return f, columnKey(c.Function.Returns), true
	}
	return f, keyType{}, false
}

func (l *leftSide) name() string {
	if l.table != nil {
		return l.table.Name.String()
	}
	return l.object.Name
}

func (l *leftSide) graphQLName() string {
	if l.table != nil {
		return l.table.GraphQLName
	}
	return l.object.Name
}

func (l *leftSide) describe(field string) string {
	if l.table != nil {
		return fmt.Sprintf("column %q of table %q in source %q", field, l.table.Name, l.table.Source.Name)
	}
	return fmt.Sprintf("field %q of type %q in remote schema %q", field, l.object.Name, l.remote.Name)
}

// allowed lists the fields that can be join keys, for messages.
func (l *leftSide) allowed() string {
	var names []string
	if l.table != nil {
		for _, c := range l.table.Columns {
			names = append(names, c.Info.Name)
		}
		for _, c := range l.table.ComputedFields {
			if c.Scalar() {
				names = append(names, c.Name)
			}
		}
	} else {
		for _, f := range l.object.Fields {
			if _, _, ok := l.field(f.Name); ok {
				names = append(names, f.Name)
			}
		}
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " or " + names[n-1]
	}
	return strings.Join(names, "")
}

// remoteRelationships resolves the relationships that lead to other sources.
func (b *builder) remoteRelationships() {
	for _, s := range b.sources {
		for _, t := range s.tables {
			for _, doc := range t.document.RemoteRelationships {
				if t.clash[doc.Name] {
					continue
				}
				left := &leftSide{table: t.Table}
				if err := b.remoteRelationship(left, &t.Relationships, doc); err != nil {
					b.inconsistent(remoteRelationshipObject(s.Name, t.document, doc), err)
				}
			}
		}
	}
	for _, r := range b.remotes {
		for _, types := range r.document.Relationships {
			for _, doc := range types.Relationships {
				if err := b.typeRelationship(r, types.TypeName, doc); err != nil {
					b.inconsistent(typeRelationshipObject(r.document, types.TypeName, doc), err)
				}
			}
		}
	}
}

func (b *builder) typeRelationship(r *remoteBuild, typeName string, doc *document.RemoteRelationship) error {
	object := r.Upstream.Types[typeName]
	switch {
	case object == nil:
		return fmt.Errorf("no type named %q defined in remote schema %q", typeName, r.Name)
	case object.Kind != ast.Object:
		return errors.New("remote relationships on a remote schema can only be defined on object types")
	case object.Fields.ForName(doc.Name) != nil:
		return fmt.Errorf("field with name %q already exists in type %q", doc.Name, typeName)
	case !document.IsGraphQLName(doc.Name):
		return fmt.Errorf("%q is not a valid GraphQL name", doc.Name)
	}
	relationships := r.Relationships[typeName]
	if relationships == nil {
		relationships = &Relationships{}
	}
	if err := b.remoteRelationship(&leftSide{remote: r.RemoteSchema, object: object}, relationships, doc); err != nil {
		return err
	}
	r.Relationships[typeName] = relationships
	return nil
}

func (b *builder) remoteRelationship(left *leftSide, into *Relationships, doc *document.RemoteRelationship) error {
	switch {
	case doc.ToSource != nil:
		r, err := b.toSource(left, doc)
		if err != nil {
			return err
		}
		into.ToSource = append(into.ToSource, r)
	case doc.ToRemoteSchema != nil:
		r, err := b.toRemoteSchema(left, doc)
		if err != nil {
			return err
		}
		into.ToRemoteSchema = append(into.ToRemoteSchema, r)
	}
	return nil
}

func (b *builder) toSource(left *leftSide, doc *document.RemoteRelationship) (*ToSource, error) {
	definition := doc.ToSource
	s, ok := b.find(definition.Source)
	if !ok {
		return nil, fmt.Errorf("source not found: %q", definition.Source)
	}
	if !s.Capabilities.Bindings {
		return nil, fmt.Errorf("source %s does not support being used as the target of a remote relationship", s.Name)
	}
	name, err := parseTableName(definition.Table, s.Kind)
	if err != nil {
		return nil, err
	}
	target, ok := s.Table(name)
	if !ok {
		return nil, fmt.Errorf("table %q does not exist in source: %s", name, s.Name)
	}
	if len(definition.FieldMapping) == 0 {
		return nil, errors.New("field_mapping must pair at least one field with a column")
	}
	r := &ToSource{Name: doc.Name, Array: definition.Array, From: left.table, Target: target}
	for _, p := range definition.FieldMapping {
		field, leftType, ok := left.field(p.Key)
		if !ok {
			return nil, fmt.Errorf("%q does not exist", p.Key)
		}
		column, ok := target.Column(p.Value)
		if !ok {
			if isRelation(target, p.Value) {
				return nil, fmt.Errorf("Target field %qis not a scalar column", p.Value) //nolint:staticcheck // v2's words
			}
			return nil, fmt.Errorf("%q does not exist", p.Value)
		}
		rightType := columnKey(column.Info.Type)
		cast, ok := keyCast(leftType, rightType)
		if !ok || rightType.family == familyObject {
			right := fmt.Sprintf("column %q of table %q in source %q", p.Value, target.Name, s.Name)
			return nil, errKeyTypes(left.describe(p.Key), leftType, right, rightType)
		}
		r.Pairs = append(r.Pairs, Pair{Left: field, Right: column, Cast: cast})
	}
	return r, nil
}

// isRelation tells whether a name is a field of the table that isn't a column.
func isRelation(t *Table, name string) bool {
	if _, ok := t.Relationship(name); ok {
		return true
	}
	_, ok := t.ComputedField(name)
	return ok
}
