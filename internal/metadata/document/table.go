package document

import "dovetail/internal/orderedjson"

// Table is a tracked table as written.
type Table struct {
	Name                TableName
	IsEnum              bool
	Configuration       TableConfiguration
	ObjectRelationships []*Relationship
	ArrayRelationships  []*Relationship
	ComputedFields      []*ComputedField
	RemoteRelationships []*RemoteRelationship
	InsertPermissions   []*WritePermission
	SelectPermissions   []*SelectPermission
	UpdatePermissions   []*WritePermission
	DeletePermissions   []*WritePermission
	EventTriggers       []*Entry
	ApolloFederation    orderedjson.Value
	LogicalModel        string
}

// TableConfiguration names and describes what a table puts into the schema.
type TableConfiguration struct {
	Comment    *string
	CustomName string
	RootFields []RootField
	Columns    []ColumnConfiguration
}

// RootField customises one root field of a table, by its key in
// custom_root_fields.
type RootField struct {
	Key     string
	Name    string
	Comment *string
}

// ColumnConfiguration customises one column.
type ColumnConfiguration struct {
	Column     string
	CustomName string
	Comment    *string
}

// Column finds the configuration of a column.
func (c *TableConfiguration) Column(name string) (ColumnConfiguration, bool) {
	for _, column := range c.Columns {
		if column.Column == name {
			return column, true
		}
	}
	return ColumnConfiguration{}, false
}

// ComputedField is a computed field as written.
type ComputedField struct {
	Name            string
	Function        TableName
	TableArgument   string
	SessionArgument string
	Comment         *string
}

// ParseTable reads one entry of a source's tables.
func ParseTable(j orderedjson.Value, path, kind string) (*Table, error) {
	d := &decoder{}
	t := d.table(j, path, kind)
	return t, d.err()
}

func (d *decoder) table(j orderedjson.Value, path, kind string) *Table {
	o := d.object(j, path, "TableMetadata")
	t := &Table{Name: d.tableName(o.need("table"), o.at("table"), kind), IsEnum: o.boolean("is_enum", false)}
	if v, ok := o.get("configuration"); ok {
		t.Configuration = d.tableConfiguration(v, o.at("configuration"))
	}
	relationship := func(array bool) func(d *decoder, j orderedjson.Value, path string) *Relationship {
		return func(d *decoder, j orderedjson.Value, path string) *Relationship {
			return d.relationship(j, path, kind, array)
		}
	}
	relationshipName := func(r *Relationship) string { return r.Name }
	t.ObjectRelationships = namedList(o, "object_relationships", "object relationships", relationship(false), relationshipName)
	t.ArrayRelationships = namedList(o, "array_relationships", "array relationships", relationship(true), relationshipName)
	t.ComputedFields = namedList(o, "computed_fields", "computed fields",
		func(d *decoder, j orderedjson.Value, path string) *ComputedField {
			return d.computedField(j, path, kind)
		},
		func(c *ComputedField) string { return c.Name })
	t.RemoteRelationships = namedList(o, "remote_relationships", "remote relationships", (*decoder).remoteRelationship,
		func(r *RemoteRelationship) string { return r.Name })
	write := func(p PermissionKind) []*WritePermission {
		return namedList(o, string(p)+"_permissions", string(p)+" permissions",
			func(d *decoder, j orderedjson.Value, path string) *WritePermission {
				return d.writePermission(j, path, p)
			},
			func(p *WritePermission) string { return p.Role })
	}
	t.InsertPermissions = write(PermissionInsert)
	t.SelectPermissions = namedList(o, "select_permissions", "select permissions", (*decoder).selectPermission,
		func(p *SelectPermission) string { return p.Role })
	t.UpdatePermissions = write(PermissionUpdate)
	t.DeletePermissions = write(PermissionDelete)
	t.EventTriggers = namedList(o, "event_triggers", "event triggers", parseEntry, entryName)
	t.ApolloFederation = o.optional("apollo_federation_config")
	d.apolloFederation(t.ApolloFederation, o.at("apollo_federation_config"))
	t.LogicalModel = o.optionalText("logical_model")
	if keys := o.unexpected(); len(keys) > 0 {
		d.fail(path, "unexpected keys when parsing TableMetadata: %s", textsJSON(keys))
	}
	return t
}

// CheckApolloFederation checks what makes a table an entity of a federation.
func CheckApolloFederation(j orderedjson.Value, path string) error {
	d := &decoder{}
	d.apolloFederation(j, path)
	return d.err()
}

// apolloFederation checks what makes a table an entity of a federation.
func (d *decoder) apolloFederation(j orderedjson.Value, path string) {
	if j.IsNull() {
		return
	}
	enable := d.object(j, path, "ApolloFederationConfig").need("enable")
	if enable.Kind != orderedjson.String || enable.Text != "v1" {
		d.fail(path+".enable", "enable takes the version of apollo federation. Supported value is v1 only.")
	}
}

// JSON is the table as exported.
func (t *Table) JSON() orderedjson.Value {
	f := newFields().add("table", t.Name.JSON()).flag("is_enum", t.IsEnum)
	f.list("configuration", t.Configuration.JSON())
	relationshipName := func(r *Relationship) string { return r.Name }
	f.list("object_relationships", sortedJSON(t.ObjectRelationships, relationshipName))
	f.list("array_relationships", sortedJSON(t.ArrayRelationships, relationshipName))
	f.list("computed_fields", sortedJSON(t.ComputedFields, func(c *ComputedField) string { return c.Name }))
	f.list("remote_relationships", sortedJSON(t.RemoteRelationships, func(r *RemoteRelationship) string { return r.Name }))
	role := func(p *WritePermission) string { return p.Role }
	f.list("insert_permissions", sortedJSON(t.InsertPermissions, role))
	f.list("select_permissions", sortedJSON(t.SelectPermissions, func(p *SelectPermission) string { return p.Role }))
	f.list("update_permissions", sortedJSON(t.UpdatePermissions, role))
	f.list("delete_permissions", sortedJSON(t.DeletePermissions, role))
	f.list("event_triggers", sortedJSON(t.EventTriggers, entryName))
	f.optional("apollo_federation_config", t.ApolloFederation)
	return f.optionalText("logical_model", t.LogicalModel).json
}

// ParseTableConfiguration reads a table's configuration.
func ParseTableConfiguration(j orderedjson.Value, path string) (TableConfiguration, error) {
	d := &decoder{}
	c := d.tableConfiguration(j, path)
	return c, d.err()
}

func rootFieldKeys() []string {
	return []string{
		"select", "select_by_pk", "select_aggregate", "select_stream", "insert", "insert_one",
		"update", "update_by_pk", "update_many", "delete", "delete_by_pk",
	}
}

func (d *decoder) tableConfiguration(j orderedjson.Value, path string) TableConfiguration {
	o := d.object(j, path, "TableConfig")
	c := TableConfiguration{Comment: o.textPointer("comment"), CustomName: o.name("custom_name")}
	if v, ok := o.get("custom_root_fields"); ok {
		c.RootFields = d.rootFields(v, o.at("custom_root_fields"))
	}
	o.entries("column_config", func(name string, j orderedjson.Value, path string) {
		e := d.object(j, path, "ColumnConfig")
		c.Columns = append(c.Columns, ColumnConfiguration{Column: name, CustomName: e.name("custom_name"), Comment: e.textPointer("comment")})
		e.done()
	})
	// The older custom_column_names yields to column_config.
	o.entries("custom_column_names", func(name string, j orderedjson.Value, path string) {
		custom := d.text(j, path)
		d.checkName(custom, path)
		for i := range c.Columns {
			if c.Columns[i].Column == name {
				if c.Columns[i].CustomName == "" {
					c.Columns[i].CustomName = custom
				}
				return
			}
		}
		c.Columns = append(c.Columns, ColumnConfiguration{Column: name, CustomName: custom})
	})
	o.done()
	return c
}

func (d *decoder) rootFields(j orderedjson.Value, path string) []RootField {
	o := d.object(j, path, "TableCustomRootFields")
	var out []RootField
	for _, key := range rootFieldKeys() {
		v, ok := o.get(key)
		if !ok {
			continue
		}
		f := RootField{Key: key}
		if v.Kind == orderedjson.Object {
			e := d.object(v, o.at(key), "CustomRootField")
			f.Name, f.Comment = e.name("name"), e.textPointer("comment")
			e.done()
		} else {
			f.Name = o.name(key)
		}
		out = append(out, f)
	}
	o.done()
	names := map[string]bool{}
	for _, f := range out {
		if f.Name != "" && names[f.Name] {
			d.fail(path, "the following custom root field names are duplicated: %s", f.Name)
		}
		names[f.Name] = true
	}
	return out
}

// JSON is the configuration as exported; without entries when it says nothing.
func (c *TableConfiguration) JSON() orderedjson.Value {
	f := newFields().pointer("comment", c.Comment).optionalText("custom_name", c.CustomName)
	roots := newFields()
	for _, r := range c.RootFields {
		switch {
		case r.Comment != nil:
			roots.add(r.Key, newFields().optionalText("name", r.Name).pointer("comment", r.Comment).json)
		case r.Name != "":
			roots.text(r.Key, r.Name)
		}
	}
	f.list("custom_root_fields", roots.json)
	columns, names := newFields(), newFields()
	for _, column := range sorted(c.Columns, func(c ColumnConfiguration) string { return c.Column }) {
		entry := newFields().optionalText("custom_name", column.CustomName).pointer("comment", column.Comment)
		columns.list(column.Column, entry.json)
		names.optionalText(column.Column, column.CustomName)
	}
	return f.list("column_config", columns.json).list("custom_column_names", names.json).json
}

// ParseComputedField reads one entry of a table's computed_fields.
func ParseComputedField(j orderedjson.Value, path, kind string) (*ComputedField, error) {
	d := &decoder{}
	c := d.computedField(j, path, kind)
	return c, d.err()
}

func (d *decoder) computedField(j orderedjson.Value, path, kind string) *ComputedField {
	o := d.object(j, path, "ComputedFieldMetadata")
	c := &ComputedField{Name: o.nonEmpty("name"), Comment: o.textPointer("comment")}
	e := d.object(o.need("definition"), o.at("definition"), "ComputedFieldDefinition")
	c.Function = d.tableName(e.need("function"), e.at("function"), kind)
	c.TableArgument = e.optionalText("table_argument")
	c.SessionArgument = e.optionalText("session_argument")
	e.done()
	o.done()
	return c
}

// JSON is the computed field as exported.
func (c *ComputedField) JSON() orderedjson.Value {
	return newFields().text("name", c.Name).add("definition", c.DefinitionJSON()).pointer("comment", c.Comment).json
}

// DefinitionJSON is the definition alone.
func (c *ComputedField) DefinitionJSON() orderedjson.Value {
	return newFields().add("function", c.Function.JSON()).
		optionalText("table_argument", c.TableArgument).optionalText("session_argument", c.SessionArgument).json
}
