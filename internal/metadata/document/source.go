package document

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"dovetail/internal/kind"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
)

// Source is a database and what is tracked of it.
type Source struct {
	Name string
	// Kind is normalized: postgres, never pg.
	Kind             string
	Tables           []*Table
	Functions        []*Function
	NativeQueries    []*NativeQuery
	StoredProcedures []*StoredProcedure
	LogicalModels    []*LogicalModel
	// Configuration is kept as written; Connection reads it.
	Configuration orderedjson.Value
	QueryTags     orderedjson.Value
	Customization Customization
	HealthCheck   orderedjson.Value
}

// Customization renames what a source puts into the schema; empty parts rename
// nothing.
type Customization struct {
	Namespace, RootPrefix, RootSuffix string
	TypePrefix, TypeSuffix            string
	NamingConvention                  string
}

// StoredProcedure is a stored procedure read like a table, kept as written.
type StoredProcedure struct {
	Procedure  TableName
	Definition orderedjson.Value
	// CustomName is the root field's name; empty: made of the procedure's.
	CustomName string
	// Returns is the name of a logical model, or an inline one.
	Returns   orderedjson.Value
	Arguments []NativeArgument
}

// JSON is the procedure as written.
func (p *StoredProcedure) JSON() orderedjson.Value { return p.Definition }

func (d *decoder) source(j orderedjson.Value, path string) *Source {
	o := d.object(j, path, "SourceMetadata")
	s := &Source{Name: o.nonEmpty("name"), Kind: kind.Postgres}
	if word := o.optionalText("kind"); word != "" {
		k, _ := kind.OfPrefix(word)
		s.Kind = k.Name
	}
	o.need("tables")
	s.Tables = d.tables(o, s.Kind)
	s.Functions = d.functions(o, s.Kind)
	s.NativeQueries = namedList(o, "native_queries", "native queries",
		func(d *decoder, j orderedjson.Value, path string) *NativeQuery { return d.nativeQuery(j, path) },
		func(q *NativeQuery) string { return q.Name })
	s.StoredProcedures = namedList(o, "stored_procedures", "stored procedures",
		func(d *decoder, j orderedjson.Value, path string) *StoredProcedure {
			return d.storedProcedure(j, path, s.Kind)
		},
		func(p *StoredProcedure) string { return p.Procedure.String() })
	s.LogicalModels = namedList(o, "logical_models", "logical models", (*decoder).logicalModel,
		func(m *LogicalModel) string { return m.Name })
	s.Configuration = o.need("configuration")
	if d.fault == nil && s.Configuration.Kind != orderedjson.Object {
		d.mismatch("Configuration", o.at("configuration"), orderedjson.Object, s.Configuration)
	}
	if v, ok := o.get("query_tags"); ok {
		s.QueryTags = v
		d.queryTags(v, o.at("query_tags"))
	}
	if v, ok := o.get("customization"); ok {
		s.Customization = d.customization(v, o.at("customization"))
		if err := s.Customization.Suits(s.Kind); err != nil {
			d.failCode(o.at("customization"), "not-supported", "%s", err)
		}
	}
	s.HealthCheck = o.optional("health_check")
	o.done()
	return s
}

func (d *decoder) tables(o *object, kind string) []*Table {
	return namedList(o, "tables", "tables",
		func(d *decoder, j orderedjson.Value, path string) *Table { return d.table(j, path, kind) },
		func(t *Table) string { return t.Name.String() })
}

func (d *decoder) functions(o *object, kind string) []*Function {
	return namedList(o, "functions", "functions",
		func(d *decoder, j orderedjson.Value, path string) *Function { return d.function(j, path, kind) },
		func(f *Function) string { return f.Name.String() })
}

// ParseStoredProcedure reads one entry of stored_procedures; it is also the form
// of track_stored_procedure's arguments, but for the source.
func ParseStoredProcedure(j orderedjson.Value, path, kind string) (*StoredProcedure, error) {
	d := &decoder{}
	p := d.storedProcedure(j, path, kind)
	return p, d.err()
}

func (d *decoder) storedProcedure(j orderedjson.Value, path, kind string) *StoredProcedure {
	o := d.object(j, path, "StoredProcedureMetadata")
	p := &StoredProcedure{Procedure: d.tableName(o.need("stored_procedure"), o.at("stored_procedure"), kind), Definition: j}
	p.Returns = o.need("returns")
	c := d.object(o.need("configuration"), o.at("configuration"), "StoredProcedureConfig")
	if exposed := c.text("exposed_as"); exposed != "query" {
		d.fail(c.at("exposed_as"), "expected \"query\", but got %q", exposed)
	}
	p.CustomName = c.optionalText("custom_name")
	if p.CustomName != "" {
		d.checkName(p.CustomName, c.at("custom_name"))
	}
	c.done()
	p.Arguments = d.nativeArguments(o)
	o.done()
	return p
}

// ParseCustomization reads a source's customization.
func ParseCustomization(j orderedjson.Value, path string) (Customization, error) {
	d := &decoder{}
	c := d.customization(j, path)
	return c, d.err()
}

// Suits reports why sources of a kind can't be customized like that, if so.
func (c Customization) Suits(name string) error {
	if k, ok := kind.Named(name); ok && !k.NamingConvention && c.NamingConvention == "graphql-default" {
		return errors.New("sources other than postgres do not support graphql-default as naming convention yet")
	}
	return nil
}

func (d *decoder) customization(j orderedjson.Value, path string) Customization {
	o := d.object(j, path, "SourceCustomization")
	var c Customization
	if v, ok := o.get("root_fields"); ok {
		r := d.object(v, o.at("root_fields"), "RootFieldsCustomization")
		c.Namespace, c.RootPrefix, c.RootSuffix = r.name("namespace"), r.namePart("prefix"), r.namePart("suffix")
		r.done()
	}
	if v, ok := o.get("type_names"); ok {
		t := d.object(v, o.at("type_names"), "SourceTypeCustomization")
		c.TypePrefix, c.TypeSuffix = t.namePart("prefix"), t.namePart("suffix")
		t.done()
	}
	c.NamingConvention = o.optionalText("naming_convention")
	switch c.NamingConvention {
	case "", "hasura-default", "graphql-default":
	default:
		d.fail(o.at("naming_convention"), "naming_convention can either be \"hasura-default\" or \"graphql-default\"")
	}
	o.done()
	return c
}

// namePart reads an optional prefix or suffix. A suffix may start with a digit,
// since the whole name decides.
func (o *object) namePart(key string) string {
	s := o.optionalText(key)
	if s != "" && !plan.IsName("_"+s) {
		o.d.fail(o.at(key), "%s is not a valid GraphQL name", s)
	}
	return s
}

// JSON is the customization as exported, null when it says nothing.
func (c Customization) JSON() orderedjson.Value {
	if c == (Customization{}) {
		return orderedjson.Value{}
	}
	f := newFields()
	roots := newFields().optionalText("namespace", c.Namespace).optionalText("prefix", c.RootPrefix).optionalText("suffix", c.RootSuffix)
	types := newFields().optionalText("prefix", c.TypePrefix).optionalText("suffix", c.TypeSuffix)
	f.list("root_fields", roots.json).list("type_names", types.json)
	return f.optionalText("naming_convention", c.NamingConvention).json
}

const tablesKey = "tables"

// sortedTables are the tables in the order of exports.
func sortedTables(tables []*Table) []*Table {
	out := slices.Clone(tables)
	slices.SortStableFunc(out, func(a, b *Table) int {
		return cmp.Or(strings.Compare(a.Name.Schema, b.Name.Schema), strings.Compare(a.Name.Name, b.Name.Name))
	})
	return out
}

// fields are the members of the source in v2's export order, with the tables left
// out: null stands in their place.
func (s *Source) fields() *fields {
	f := newFields().text("name", s.Name).text("kind", s.Kind).add(tablesKey, orderedjson.Value{})
	f.list("functions", sortedJSON(s.Functions, func(f *Function) string { return f.Name.sortKey() }))
	f.list("native_queries", sortedJSON(s.NativeQueries, func(q *NativeQuery) string { return q.Name }))
	f.list("stored_procedures", sortedJSON(s.StoredProcedures, func(p *StoredProcedure) string { return p.Procedure.sortKey() }))
	f.list("logical_models", sortedJSON(s.LogicalModels, func(m *LogicalModel) string { return m.Name }))
	f.add("configuration", s.Configuration)
	f.optional("query_tags", s.QueryTags)
	f.optional("customization", s.Customization.JSON())
	return f.optional("health_check", s.HealthCheck)
}
