package catalog

import (
	"fmt"

	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

// ObjectColumn is the kind of an ObjectPath that leads to a column.
const ObjectColumn = "column"

// Dependent is a metadata object that rests on another.
type Dependent struct {
	Path ObjectPath
	// Description is v2's: relationship article.author in source "default".
	Description string
}

// reference is what an object rests on.
type reference struct {
	source string
	table  TableName
	// kind is ObjectTable, ObjectColumn, ObjectFunction …; relationships of both
	// cardinalities are ObjectObjectRelation.
	kind string
	name string
	// remote is the name of a remote schema.
	remote string
}

// Dependents lists what rests on an object: a source, table, column,
// relationship (of any kind), computed field, function, remote schema, logical
// model or native query. What belongs to the object itself, and goes with it, is
// left out.
func (c *Catalog) Dependents(of ObjectPath) []Dependent {
	w := &dependencyWalk{catalog: c, of: of, seen: map[string]bool{}}
	for _, s := range c.Sources {
		w.source(s)
	}
	for _, r := range c.RemoteSchemas {
		w.remoteSchema(r)
	}
	return w.found
}

// dependencyWalk visits every object with what it rests on.
type dependencyWalk struct {
	catalog *Catalog
	of      ObjectPath
	found   []Dependent
	seen    map[string]bool
	// current is the object being visited.
	current     ObjectPath
	description string
}

// visit starts on an object.
func (w *dependencyWalk) visit(path ObjectPath, format string, args ...any) {
	w.current = path
	w.description = fmt.Sprintf(format, args...)
}

// on tells that the current object rests on something.
func (w *dependencyWalk) on(r reference) {
	if !w.hit(r) || w.within() || w.seen[w.description] {
		return
	}
	w.seen[w.description] = true
	w.found = append(w.found, Dependent{Path: w.current, Description: w.description})
}

func (w *dependencyWalk) hit(r reference) bool {
	of := &w.of
	switch of.Kind {
	case ObjectSource:
		return r.source == of.Source
	case ObjectRemoteSchema:
		return r.remote == of.RemoteSchema && r.remote != ""
	case ObjectTable:
		return r.source == of.Source && of.Table != nil && r.table == *of.Table && r.kind != ObjectFunction
	case ObjectFunction:
		return r.source == of.Source && of.Table != nil && r.table == *of.Table && r.kind == ObjectFunction
	}
	kind := of.Kind
	if kind == ObjectArrayRelation {
		kind = ObjectObjectRelation
	}
	if r.source != of.Source || r.kind != kind || r.name != of.Name {
		return false
	}
	return of.Table == nil || r.table == *of.Table
}

// within tells whether the current object belongs to the one asked about.
func (w *dependencyWalk) within() bool {
	of, at := &w.of, &w.current
	switch of.Kind {
	case ObjectSource:
		return at.Source == of.Source
	case ObjectRemoteSchema:
		return at.RemoteSchema == of.RemoteSchema
	case ObjectTable:
		return at.Source == of.Source && at.Kind != ObjectFunction && at.Table != nil && of.Table != nil && *at.Table == *of.Table
	}
	return at.Source == of.Source && at.Kind == of.Kind && at.Name == of.Name && at.Table != nil && of.Table != nil && *at.Table == *of.Table
}

func (w *dependencyWalk) source(s *Source) {
	for _, t := range s.Tables {
		w.table(t)
	}
	for _, f := range s.Functions {
		name := TableName{f.Info.Schema, f.Info.Name}
		w.visit(ObjectPath{Source: s.Name, Table: &name, Kind: ObjectFunction, Name: name.String()}, "function %s in source %q", name, s.Name)
		w.on(tableReference(f.Returns))
		w.on(reference{source: s.Name, table: name, kind: ObjectFunction})
	}
	for _, m := range s.LogicalModels {
		w.visit(ObjectPath{Source: s.Name, Kind: ObjectLogicalModel, Name: m.Name}, "logical model %s in source %q", m.Name, s.Name)
		for _, f := range m.Fields {
			if f.Model != nil {
				w.on(reference{source: s.Name, kind: ObjectLogicalModel, name: f.Model.Name})
			}
		}
	}
	for _, q := range s.NativeQueries {
		if q.Procedure == nil {
			w.visit(ObjectPath{Source: s.Name, Kind: ObjectNativeQuery, Name: q.Name}, "native query %s in source %q", q.Name, s.Name)
		} else {
			name := q.Procedure.String()
			w.visit(ObjectPath{Source: s.Name, Kind: ObjectStoredProcedure, Name: name}, "stored procedure %s in source %q", name, s.Name)
		}
		w.on(reference{source: s.Name, kind: ObjectLogicalModel, name: q.Returns.Name})
		for _, r := range q.Relationships {
			if r.Target != q {
				w.on(reference{source: s.Name, kind: ObjectNativeQuery, name: r.Target.Name})
			}
		}
	}
}

func tableReference(t *Table) reference {
	return reference{source: t.Source.Name, table: t.Name, kind: ObjectTable}
}

func columnReference(t *Table, name string) reference {
	return reference{source: t.Source.Name, table: t.Name, kind: ObjectColumn, name: name}
}

func fieldReference(t *Table, kind, name string) reference {
	return reference{source: t.Source.Name, table: t.Name, kind: kind, name: name}
}

func (w *dependencyWalk) table(t *Table) {
	doc := t.document
	at := func(kind, name string) ObjectPath {
		return ObjectPath{Source: t.Source.Name, Table: &t.Name, Kind: kind, Name: name}
	}
	for _, r := range t.Local {
		kind := ObjectObjectRelation
		if r.Array {
			kind = ObjectArrayRelation
		}
		w.visit(at(kind, r.Name), "relationship %s.%s in source %q", t.Name, r.Name, t.Source.Name)
		w.on(tableReference(r.Target))
		for i := range r.Left {
			w.on(columnReference(t, r.Left[i].Info.Name))
			w.on(columnReference(r.Target, r.Right[i].Info.Name))
		}
	}
	for _, c := range t.ComputedFields {
		w.visit(at(ObjectComputedField, c.Name), "computed field %s.%s in source %q", t.Name, c.Name, t.Source.Name)
		w.on(reference{source: t.Source.Name, table: TableName{c.Function.Schema, c.Function.Name}, kind: ObjectFunction})
		if c.Returns != nil {
			w.on(tableReference(c.Returns))
		}
	}
	for _, r := range t.ToSource {
		w.visit(at(ObjectRemoteRelationship, r.Name), "remote relationship %s.%s in source %q", t.Name, r.Name, t.Source.Name)
		w.toSource(r, t)
	}
	for _, r := range t.ToRemoteSchema {
		w.visit(at(ObjectRemoteRelationship, r.Name), "remote relationship %s.%s in source %q", t.Name, r.Name, t.Source.Name)
		w.toRemoteSchema(r, t)
	}
	w.permissions(t, doc)
	w.eventTriggers(t, doc)
}

func (w *dependencyWalk) left(f LeftField, t *Table) {
	switch {
	case t == nil:
	case f.Column != nil:
		w.on(columnReference(t, f.Name))
	case f.Computed != nil:
		w.on(fieldReference(t, ObjectComputedField, f.Name))
	}
}

func (w *dependencyWalk) toSource(r *ToSource, t *Table) {
	w.on(tableReference(r.Target))
	for _, p := range r.Pairs {
		w.left(p.Left, t)
		w.on(columnReference(r.Target, p.Right.Info.Name))
	}
}

func (w *dependencyWalk) toRemoteSchema(r *ToRemoteSchema, t *Table) {
	w.on(reference{remote: r.Remote.Name})
	for _, f := range r.Left {
		w.left(f, t)
	}
}

func (w *dependencyWalk) remoteSchema(r *RemoteSchema) {
	for _, typeName := range sortedKeys(r.Relationships) {
		relationships := r.Relationships[typeName]
		at := func(name string) ObjectPath {
			return ObjectPath{RemoteSchema: r.Name, Type: typeName, Kind: ObjectRemoteSchemaRelationship, Name: name}
		}
		for _, rel := range relationships.ToSource {
			w.visit(at(rel.Name), "remote relationship %s.%s in remote schema %q", typeName, rel.Name, r.Name)
			w.toSource(rel, nil)
		}
		for _, rel := range relationships.ToRemoteSchema {
			w.visit(at(rel.Name), "remote relationship %s.%s in remote schema %q", typeName, rel.Name, r.Name)
			w.toRemoteSchema(rel, nil)
		}
	}
}

func (w *dependencyWalk) permissions(t *Table, doc *document.Table) {
	visit := func(kind document.PermissionKind, role string) {
		w.visit(ObjectPath{Source: t.Source.Name, Table: &t.Name, Kind: string(kind) + "_permission", Name: role, Role: role},
			"permission %s.%s.%s in source %q", t.Name, role, kind, t.Source.Name)
	}
	for _, p := range doc.SelectPermissions {
		permission, ok := t.Select[p.Role]
		if !ok {
			continue
		}
		visit(document.PermissionSelect, p.Role)
		for _, name := range p.Columns.Names {
			w.on(columnReference(t, name))
		}
		for _, name := range p.ComputedFields {
			w.on(fieldReference(t, ObjectComputedField, name))
		}
		w.predicate(t, t, permission.Filter, w.catalog.RemotePredicates)
	}
	for _, list := range [][]*document.WritePermission{doc.InsertPermissions, doc.UpdatePermissions, doc.DeletePermissions} {
		for _, p := range list {
			visit(p.Kind, p.Role)
			if p.Columns != nil {
				for _, name := range p.Columns.Names {
					w.on(columnReference(t, name))
				}
			}
			for _, name := range p.Set.Keys {
				w.on(columnReference(t, name))
			}
			w.expression(t, p.Filter)
			w.expression(t, p.Check)
		}
	}
}

// expression visits a condition that the catalog has not parsed.
func (w *dependencyWalk) expression(t *Table, j orderedjson.Value) {
	if j.IsNull() {
		return
	}
	b := &builder{catalog: &Catalog{Sources: w.catalog.Sources}}
	f := &filter{builder: b, root: t}
	if p, err := f.parse(t, j, false); err == nil { // what doesn't parse rests on nothing that is there
		w.predicate(t, t, p, b.catalog.RemotePredicates)
	}
}

// predicate visits what a condition on a table rests on.
func (w *dependencyWalk) predicate(t, root *Table, p plan.Predicate, remote []*RemotePredicate) {
	switch p := p.(type) {
	case *plan.And:
		for _, part := range p.Parts {
			w.predicate(t, root, part, remote)
		}
	case *plan.Or:
		for _, part := range p.Parts {
			w.predicate(t, root, part, remote)
		}
	case *plan.Not:
		w.predicate(t, root, p.Part, remote)
	case *plan.Compare:
		w.operand(t, p.Left)
	case *plan.IsNull:
		w.operand(t, p.Left)
	case *plan.CompareColumns:
		w.on(columnReference(t, p.Left.Name))
		if p.RightRoot {
			t = root
		}
		w.on(columnReference(t, p.Right.Name))
	case *plan.Exists:
		w.related(t, root, p.Relationship, p.Target, remote)
	case *plan.CompareAggregate:
		if r, ok := t.Relationship(p.Relationship); ok {
			for _, c := range p.Arguments {
				w.on(columnReference(r.Target, c.Name))
			}
		}
		w.related(t, root, p.Relationship, p.Target, remote)
	case *plan.RemoteCondition:
		r := remote[p.Index]
		if r.Relationship != nil {
			w.on(fieldReference(t, ObjectRemoteRelationship, r.Relationship.Name))
		}
		w.on(tableReference(r.Target))
		w.predicate(r.Target, r.Target, r.Where, remote)
	case *plan.InKeys, *plan.Const, nil:
	}
}

// related visits a condition on related rows.
func (w *dependencyWalk) related(t, root *Table, relationship string, rows plan.Rows, remote []*RemotePredicate) {
	var target *Table
	switch from := rows.From.(type) {
	case *plan.Table:
		if relationship != "" {
			w.on(fieldReference(t, ObjectObjectRelation, relationship))
		}
		target, _ = t.Source.Table(TableName{from.Schema, from.Name})
	case *plan.FunctionCall:
		w.on(fieldReference(t, ObjectComputedField, relationship))
		if c, ok := t.ComputedField(relationship); ok {
			target = c.Returns
		}
	case *plan.NativeQuery, nil:
	}
	if target != nil {
		w.on(tableReference(target))
		w.predicate(target, root, rows.Where, remote)
	}
}

func (w *dependencyWalk) operand(t *Table, o plan.Operand) {
	switch o := o.(type) {
	case *plan.ColumnOperand:
		w.on(columnReference(t, o.Column.Name))
	case *plan.ComputedOperand:
		for _, c := range t.ComputedFields {
			if c.Function.Schema == o.Call.Schema && c.Function.Name == o.Call.Name {
				w.on(fieldReference(t, ObjectComputedField, c.Name))
			}
		}
	}
}

func (w *dependencyWalk) eventTriggers(t *Table, doc *document.Table) {
	for _, e := range doc.EventTriggers {
		w.visit(ObjectPath{Source: t.Source.Name, Table: &t.Name, Kind: "event_trigger", Name: e.Name},
			"event-trigger %s.%s in source %q", t.Name, e.Name, t.Source.Name)
		definition, _ := e.Definition.Get("definition")
		for _, operation := range definition.Items {
			for _, key := range []string{"columns", "payload"} {
				names, _ := operation.Get(key)
				for _, name := range names.Items {
					w.on(columnReference(t, name.Text))
				}
			}
		}
	}
}
