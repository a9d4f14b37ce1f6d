package document

import "dovetail/internal/orderedjson"

// Function is a tracked function as written.
type Function struct {
	Name          TableName
	Configuration FunctionConfiguration
	Permissions   []*FunctionPermission
	Comment       *string
}

// FunctionConfiguration names a function's root fields and its ways.
type FunctionConfiguration struct {
	CustomName      string
	RootField       string
	AggregateField  string
	SessionArgument string
	// ExposedAs is query, mutation or empty.
	ExposedAs string
	Response  orderedjson.Value
}

// FunctionPermission lets a role call a function.
type FunctionPermission struct {
	Role    string
	Comment *string
}

func (d *decoder) function(j orderedjson.Value, path, kind string) *Function {
	if j.Kind == orderedjson.String { // version 1
		return &Function{Name: d.tableName(j, path, kind)}
	}
	o := d.object(j, path, "FunctionMetadata")
	if _, plainName := o.raw("name"); plainName { // version 1
		return &Function{Name: d.tableName(j, path, kind)}
	}
	f := &Function{Name: d.tableName(o.need("function"), o.at("function"), kind), Comment: o.textPointer("comment")}
	if v, ok := o.get("configuration"); ok {
		f.Configuration = d.functionConfiguration(v, o.at("configuration"))
	}
	f.Permissions = namedList(o, "permissions", "function permissions", func(d *decoder, j orderedjson.Value, path string) *FunctionPermission {
		p := d.object(j, path, "FunctionPermissionInfo")
		defer p.done()
		return &FunctionPermission{Role: p.nonEmpty("role"), Comment: p.textPointer("comment")}
	}, func(p *FunctionPermission) string { return p.Role })
	o.done()
	return f
}

// ParseFunctionConfiguration reads a function's configuration.
func ParseFunctionConfiguration(j orderedjson.Value, path string) (FunctionConfiguration, error) {
	d := &decoder{}
	c := d.functionConfiguration(j, path)
	return c, d.err()
}

func (d *decoder) functionConfiguration(j orderedjson.Value, path string) FunctionConfiguration {
	o := d.object(j, path, "FunctionConfig")
	c := FunctionConfiguration{CustomName: o.name("custom_name"), SessionArgument: o.optionalText("session_argument")}
	if v, ok := o.get("custom_root_fields"); ok {
		r := d.object(v, o.at("custom_root_fields"), "FunctionCustomRootFields")
		c.RootField, c.AggregateField = r.name("function"), r.name("function_aggregate")
		if c.RootField != "" && c.RootField == c.AggregateField {
			d.fail(o.at("custom_root_fields"), "the following custom root field names are duplicated: function and function_aggregate")
		}
		r.done()
	}
	c.ExposedAs = o.optionalText("exposed_as")
	switch c.ExposedAs {
	case "", "query", "mutation":
	default:
		d.fail(o.at("exposed_as"), "expected \"query\" or \"mutation\", but got %q", c.ExposedAs)
	}
	c.Response = o.optional("response")
	o.done()
	return c
}

// JSON is the function as exported.
func (f *Function) JSON() orderedjson.Value {
	out := newFields().add("function", f.Name.JSON()).list("configuration", f.Configuration.JSON())
	out.list("permissions", sortedJSON(f.Permissions, func(p *FunctionPermission) string { return p.Role }))
	return out.pointer("comment", f.Comment).json
}

// JSON is the configuration as exported; without entries when it says nothing.
func (c *FunctionConfiguration) JSON() orderedjson.Value {
	f := newFields().optionalText("custom_name", c.CustomName)
	roots := newFields().optionalText("function", c.RootField).optionalText("function_aggregate", c.AggregateField)
	f.list("custom_root_fields", roots.json).optionalText("session_argument", c.SessionArgument)
	return f.optionalText("exposed_as", c.ExposedAs).optional("response", c.Response).json
}

// JSON is the permission as exported.
func (p *FunctionPermission) JSON() orderedjson.Value {
	return newFields().text("role", p.Role).pointer("comment", p.Comment).json
}
