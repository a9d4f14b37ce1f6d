package document

import "dovetail/internal/orderedjson"

// NativeQuery is a query written in SQL.
type NativeQuery struct {
	Name string
	// Returns is kept as written: the name of a logical model, or an inline one.
	Returns             orderedjson.Value
	Arguments           []NativeArgument
	Code                string
	Description         *string
	ArrayRelationships  []*Relationship
	ObjectRelationships []*Relationship
}

// NativeArgument is an argument of a native query.
type NativeArgument struct {
	Name        string
	Type        string
	Nullable    bool
	Description *string
}

// LogicalModel describes rows that no table describes.
type LogicalModel struct {
	Name              string
	Fields            []LogicalField
	Description       *string
	SelectPermissions []*SelectPermission
}

// LogicalField is a field of a logical model.
type LogicalField struct {
	Name        string
	Type        LogicalType
	Description *string
}

// LogicalType is a scalar, a list or another logical model: exactly one of
// Scalar, Array and Model is set.
type LogicalType struct {
	Scalar   string
	Model    string
	Array    *LogicalType
	Nullable bool
}

// ParseNativeQuery reads one entry of native_queries; it is also the form of
// track_native_query's arguments.
func ParseNativeQuery(j orderedjson.Value, path string) (*NativeQuery, error) {
	d := &decoder{}
	q := d.nativeQuery(j, path)
	return q, d.err()
}

func (d *decoder) nativeQuery(j orderedjson.Value, path string) *NativeQuery {
	o := d.object(j, path, "NativeQueryMetadata")
	q := &NativeQuery{Name: o.nonEmpty("root_field_name"), Code: o.text("code"), Description: o.textPointer("description")}
	d.checkName(q.Name, o.at("root_field_name"))
	if kind := o.optionalText("type"); kind != "" && kind != "query" {
		d.fail(o.at("type"), "expected \"query\", but got %q", kind)
	}
	q.Returns = o.need("returns")
	q.Arguments = d.nativeArguments(o)
	relationships := func(key string, array bool) []*Relationship {
		return namedList(o, key, "relationships", func(d *decoder, j orderedjson.Value, path string) *Relationship {
			return d.nativeRelationship(j, path, array)
		}, func(r *Relationship) string { return r.Name })
	}
	q.ArrayRelationships = relationships("array_relationships", true)
	q.ObjectRelationships = relationships("object_relationships", false)
	o.optional("source") // beside the definition in commands
	o.done()
	return q
}

// nativeArguments reads the arguments of a native query or a stored procedure.
func (d *decoder) nativeArguments(o *object) []NativeArgument {
	var out []NativeArgument
	o.entries("arguments", func(name string, j orderedjson.Value, path string) {
		a := d.object(j, path, "NullableScalarType")
		out = append(out, NativeArgument{
			Name: name, Type: a.text("type"), Nullable: a.boolean("nullable", false), Description: a.textPointer("description"),
		})
		a.done()
	})
	return out
}

// nativeRelationship reads a relationship of a native query, whose using part
// is the manual configuration itself.
func (d *decoder) nativeRelationship(j orderedjson.Value, path string, array bool) *Relationship {
	o := d.object(j, path, "RelDef")
	r := &Relationship{Name: o.nonEmpty("name"), Array: array, Comment: o.textPointer("comment")}
	r.Using.Manual = d.manualUsing(o.need("using"), o.at("using"), "")
	o.done()
	return r
}

func nativeRelationshipsJSON(rs []*Relationship) orderedjson.Value {
	out := orderedjson.Value{Kind: orderedjson.Array}
	for _, r := range sorted(rs, func(r *Relationship) string { return r.Name }) {
		f := newFields().text("name", r.Name).add("using", r.Using.Manual.JSON()).pointer("comment", r.Comment)
		out.Items = append(out.Items, f.json)
	}
	return out
}

// JSON is the native query as exported.
func (q *NativeQuery) JSON() orderedjson.Value {
	f := newFields().text("root_field_name", q.Name).text("type", "query").add("returns", q.Returns)
	arguments := newFields()
	for _, a := range q.Arguments {
		arguments.add(a.Name, newFields().text("type", a.Type).add("nullable", boolJSON(a.Nullable)).pointer("description", a.Description).json)
	}
	f.add("arguments", arguments.json).text("code", q.Code).pointer("description", q.Description)
	f.add("array_relationships", nativeRelationshipsJSON(q.ArrayRelationships))
	return f.add("object_relationships", nativeRelationshipsJSON(q.ObjectRelationships)).json
}

// ParseLogicalModel reads one entry of logical_models; it is also the form of
// track_logical_model's arguments.
func ParseLogicalModel(j orderedjson.Value, path string) (*LogicalModel, error) {
	d := &decoder{}
	m := d.logicalModel(j, path)
	return m, d.err()
}

func (d *decoder) logicalModel(j orderedjson.Value, path string) *LogicalModel {
	o := d.object(j, path, "LogicalModelMetadata")
	m := &LogicalModel{Name: o.nonEmpty("name"), Description: o.textPointer("description")}
	o.need("fields")
	m.Fields = namedList(o, "fields", "logical model fields", (*decoder).logicalField, func(f LogicalField) string { return f.Name })
	m.SelectPermissions = namedList(o, "select_permissions", "select permissions", (*decoder).selectPermission,
		func(p *SelectPermission) string { return p.Role })
	o.optional("source") // beside the definition in commands
	o.done()
	return m
}

func (d *decoder) logicalField(j orderedjson.Value, path string) LogicalField {
	o := d.object(j, path, "LogicalModelField")
	f := LogicalField{Name: o.nonEmpty("name"), Description: o.textPointer("description")}
	f.Type = d.logicalType(o.need("type"), o.at("type"), o.boolean("nullable", false), 0)
	o.done()
	return f
}

// logicalType reads a type; older documents write nullable beside a plain name.
func (d *decoder) logicalType(j orderedjson.Value, path string, nullable bool, depth int) LogicalType {
	if j.Kind == orderedjson.String {
		return LogicalType{Scalar: j.Text, Nullable: nullable}
	}
	o := d.object(j, path, "LogicalModelType")
	t := LogicalType{Scalar: o.optionalText("scalar"), Model: o.optionalText("logical_model"), Nullable: o.boolean("nullable", nullable)}
	parts := 0
	if t.Scalar != "" {
		parts++
	}
	if t.Model != "" {
		parts++
	}
	if v, ok := o.get("array"); ok && depth < maxRemoteFieldDepth {
		parts++
		inner := d.logicalType(v, o.at("array"), false, depth+1)
		t.Array = &inner
	}
	if parts != 1 {
		d.fail(path, "expected exactly one of scalar, array and logical_model")
	}
	o.done()
	return t
}

// JSON is the model as exported.
func (m *LogicalModel) JSON() orderedjson.Value {
	f := newFields().text("name", m.Name)
	list := orderedjson.Value{Kind: orderedjson.Array}
	for _, field := range m.Fields {
		list.Items = append(list.Items, newFields().text("name", field.Name).add("type", field.Type.JSON()).pointer("description", field.Description).json)
	}
	f.add("fields", list).pointer("description", m.Description)
	return f.list("select_permissions", sortedJSON(m.SelectPermissions, func(p *SelectPermission) string { return p.Role })).json
}

// JSON is the type as exported.
func (t LogicalType) JSON() orderedjson.Value {
	f := newFields()
	switch {
	case t.Array != nil:
		f.add("array", t.Array.JSON())
	case t.Model != "":
		f.text("logical_model", t.Model)
	default:
		f.text("scalar", t.Scalar)
	}
	return f.add("nullable", boolJSON(t.Nullable)).json
}
