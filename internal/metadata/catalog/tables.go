package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"dovetail/internal/metadata/document"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// Relation is the table as plans name it; every caller gets the same one.
func (t *Table) Relation() *plan.Table {
	if t.relation != nil {
		return t.relation
	}
	return relationOf(t)
}

func relationOf(t *Table) *plan.Table {
	r := &plan.Table{Schema: t.Name.Schema, Name: t.Name.Name}
	if t.Info == nil {
		return r
	}
	if t.Info.PrimaryKey != nil {
		r.UniqueKeys = append(r.UniqueKeys, t.Info.PrimaryKey.Columns)
		for _, name := range t.Info.PrimaryKey.Columns {
			if c, ok := t.Column(name); ok {
				r.PrimaryKey = append(r.PrimaryKey, c.Plan())
			}
		}
	}
	for _, k := range t.Info.UniqueKeys {
		r.UniqueKeys = append(r.UniqueKeys, k.Columns)
	}
	return r
}

func (b *builder) tables(s *sourceBuild) {
	infos := make(map[TableName]*sources.Table, len(s.database.Database.Tables))
	for _, t := range s.database.Database.Tables {
		infos[TableName{t.Schema, t.Name}] = t
	}
	for _, doc := range s.document.Tables {
		info := infos[TableName(doc.Name)]
		t := s.again(doc, info)
		if t == nil {
			made, err := b.table(s, doc, info)
			if err != nil {
				b.inconsistent(tableObject(s.Name, doc), err)
				continue
			}
			t = &tableBuild{Table: made, changed: true}
		}
		s.tables = append(s.tables, t)
		s.Tables = append(s.Tables, t.Table)
		s.Source.tables[t.Name] = t.Table
		s.builds[t.Name] = t
	}
}

func (b *builder) table(s *sourceBuild, doc *document.Table, info *sources.Table) (*Table, error) {
	name := TableName(doc.Name)
	if info == nil {
		return nil, fmt.Errorf("no such table/view exists in source: %q", name)
	}
	t := &Table{
		Source: s.Source, Name: name, Info: info, Description: info.Comment, IsEnum: doc.IsEnum,
		RootFields: rootFieldsOf(doc), document: doc,
	}
	t.GraphQLName, t.CustomName = doc.Configuration.CustomName, doc.Configuration.CustomName != ""
	if !t.CustomName {
		t.GraphQLName = defaultGraphQLName(name)
	}
	t.Unnamed = !document.IsGraphQLName(t.GraphQLName)
	if doc.Configuration.Comment != nil {
		t.Description, t.Commented = *doc.Configuration.Comment, true
	}
	t.ApolloFederation = !doc.ApolloFederation.IsNull()
	if err := columns(t, &doc.Configuration); err != nil {
		return nil, err
	}
	if doc.IsEnum {
		t.EnumValues = b.in.EnumValues[s.Name][name]
		if err := checkEnum(t); err != nil {
			return nil, err
		}
	}
	t.relation = relationOf(t)
	return t, nil
}

// rootFieldsOf are the root fields that a table's document customises.
func rootFieldsOf(doc *document.Table) map[RootFieldKind]RootField {
	if len(doc.Configuration.RootFields) == 0 {
		return nil
	}
	out := make(map[RootFieldKind]RootField, len(doc.Configuration.RootFields))
	for _, f := range doc.Configuration.RootFields {
		out[RootFieldKind(f.Key)] = RootField{Name: f.Name, Comment: f.Comment}
	}
	return out
}

// columns names the table's columns and hides those that can't have a name.
func columns(t *Table, configuration *document.TableConfiguration) error {
	t.columns = make(map[string]*Column, len(t.Info.Columns))
	byName := make(map[string]*Column, len(t.Info.Columns))
	for _, info := range t.Info.Columns {
		c := &Column{Info: info, GraphQLName: info.Name, Description: info.Comment}
		if custom, ok := configuration.Column(info.Name); ok {
			if custom.CustomName != "" {
				c.GraphQLName, c.CustomName = custom.CustomName, true
			}
			if custom.Comment != nil {
				c.Description = *custom.Comment
			}
		}
		c.Hidden = !document.IsGraphQLName(c.GraphQLName)
		t.columns[info.Name] = c
		t.Columns = append(t.Columns, c)
		if other, twice := byName[c.GraphQLName]; twice {
			return fmt.Errorf("the definitions of columns %q and %q are in conflict: they are mapped to the same field name, %q",
				other.Info.Name, info.Name, c.GraphQLName)
		}
		byName[c.GraphQLName] = c
	}
	for _, custom := range configuration.Columns {
		if _, ok := t.columns[custom.Column]; !ok {
			return fmt.Errorf("configuration was given for the column %q, but no such column exists", custom.Column)
		}
	}
	return nil
}

// checkEnum holds an enum table against v2's conditions.
func checkEnum(t *Table) error {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	key := ""
	switch pk := t.Info.PrimaryKey; {
	case pk == nil || len(pk.Columns) == 0:
		fault("the table must have a primary key")
	case len(pk.Columns) > 1:
		fault("the table’s primary key must not span multiple columns (%s)", strings.Join(pk.Columns, ", "))
	default:
		key = pk.Columns[0]
	}
	var others []string
	for _, c := range t.Columns {
		if c.Info.Name != key {
			others = append(others, c.Info.Name)
		}
		if c.Info.Type.Underlying().Class == plan.ClassText {
			continue
		}
		if c.Info.Name == key {
			fault("the table’s primary key (%q) must have type “text”, not type %q", c.Info.Name, typeText(c.Info.Type))
		} else if len(t.Columns) == 2 {
			fault("the table’s comment column (%q) must have type “text”, not type %q", c.Info.Name, typeText(c.Info.Type))
		}
	}
	if key != "" && len(others) > 1 {
		fault("the table must have exactly one primary key and optionally one comment column, not %d columns (%s)",
			len(t.Columns), strings.Join(append([]string{key}, others...), ", "))
	}
	if len(faults) == 0 {
		if len(t.EnumValues) == 0 {
			fault("the table must have at least one row")
		}
		for _, v := range t.EnumValues {
			if !document.IsGraphQLName(v.Value) || v.Value == "true" || v.Value == "false" || v.Value == "null" {
				fault("the enum value %q is not a valid GraphQL enum value name", v.Value)
			}
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return errors.New("the table " + quoted(t.Name) + " cannot be used as an enum " + reasons(faults))
}

// reasons words one or several reasons as v2 does.
func reasons(faults []string) string {
	if len(faults) == 1 {
		return "because " + faults[0]
	}
	return "for the following reasons:\n  • " + strings.Join(faults, "\n  • ") + "\n"
}

func quoted(n TableName) string { return fmt.Sprintf("%q", n) }

// typeText is a type's name for messages.
func typeText(t plan.Type) string {
	if t.Class == plan.ClassArray && t.Element != nil {
		return typeText(*t.Element) + "[]"
	}
	if t.Name == "" {
		return string(t.Class)
	}
	if t.Schema == "" || t.Schema == "pg_catalog" || t.Schema == "sys" {
		return t.Name
	}
	return t.Schema + "." + t.Name
}

// enumColumns points columns that reference an enum table to it.
func (b *builder) enumColumns(s *sourceBuild) {
	for _, t := range s.tables {
		for _, fk := range t.Info.ForeignKeys {
			if len(fk.Columns) != 1 || len(fk.TargetColumns) != 1 {
				continue
			}
			target, ok := s.Table(TableName{fk.TargetSchema, fk.TargetTable})
			if !ok || !target.IsEnum || target.Unnamed || target.Info.PrimaryKey.Columns[0] != fk.TargetColumns[0] {
				continue
			}
			t.ownColumns()
			if c, ok := t.Column(fk.Columns[0]); ok {
				c.Enum = target
			}
		}
	}
}

// fieldConflicts reports the fields of a table that share a name.
func (b *builder) fieldConflicts(s *sourceBuild) {
	for _, t := range s.tables {
		if t.old != nil && t.old.unclashed {
			t.unclashed = true
			continue
		}
		objects := map[string][]object{}
		for _, r := range t.document.ObjectRelationships {
			objects[r.Name] = append(objects[r.Name], relationshipObject(s.Name, t.document, r))
		}
		for _, r := range t.document.ArrayRelationships {
			objects[r.Name] = append(objects[r.Name], relationshipObject(s.Name, t.document, r))
		}
		for _, c := range t.document.ComputedFields {
			objects[c.Name] = append(objects[c.Name], computedFieldObject(s.Name, t.document, c))
		}
		for _, r := range t.document.RemoteRelationships {
			objects[r.Name] = append(objects[r.Name], remoteRelationshipObject(s.Name, t.document, r))
		}
		if len(objects) == 0 {
			t.unclashed = true
			continue
		}
		t.clash = map[string]bool{}
		columnNames := make(map[string]bool, 2*len(t.Columns))
		for _, c := range t.Columns {
			columnNames[c.Info.Name] = true
			columnNames[c.GraphQLName] = true
		}
		for _, name := range sortedKeys(objects) {
			same := objects[name]
			switch {
			case !document.IsGraphQLName(name):
				t.clash[name] = true
				for _, o := range same {
					b.inconsistent(o, fmt.Errorf("%q is not a valid GraphQL name", name))
				}
			case columnNames[name]:
				t.clash[name] = true
				for _, o := range same {
					o.context = "" // as v2 has it
					b.inconsistent(o, fmt.Errorf("field definition conflicts with %s", columnText(t, name)))
				}
			case len(same) > 1:
				t.clash[name] = true
				for _, o := range same {
					b.conflicting(o, "conflicting definitions for field %q", name)
				}
			}
		}
		t.unclashed = len(t.clash) == 0
	}
}

// columnText is how messages name the column whose field has a name.
func columnText(t *tableBuild, name string) string {
	if _, ok := t.Column(name); ok {
		return t.Source.Kind + " column"
	}
	i := slices.IndexFunc(t.Columns, func(c *Column) bool { return c.GraphQLName == name })
	return fmt.Sprintf("custom field name for %s column %q", t.Source.Kind, t.Columns[i].Info.Name)
}
