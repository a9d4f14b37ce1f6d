package document

import (
	"strings"

	"dovetail/internal/kind"
	"dovetail/internal/orderedjson"
)

// defaultSchema is the schema of names written without one, in databases of a
// kind. Documents of v2 may have kinds that are not served.
func defaultSchema(name string) string {
	switch name {
	case "citus", "cockroach":
		name = kind.Postgres
	}
	k, _ := kind.Named(name)
	return k.DefaultSchema
}

// TableName names a table or function, unquoted. Schema is empty for kinds
// without schemas.
type TableName struct{ Schema, Name string }

// String is the name as messages show it: without the default schemas.
func (n TableName) String() string {
	if kind.IsDefaultSchema(n.Schema) {
		return n.Name
	}
	return n.Schema + "." + n.Name
}

// sortKey orders names by schema, then name.
func (n TableName) sortKey() string { return n.Schema + "\x00" + n.Name }

// JSON is the name as exports have it: always an object; without a schema where
// the kind has none.
func (n TableName) JSON() orderedjson.Value {
	f := newFields().text("name", n.Name)
	return f.optionalText("schema", n.Schema).json
}

// ParseTableName reads a table's or function's name in a source of some kind:
// "t", {"name":"t"} or {"schema":"s","name":"t"}; SQLite also takes ["t"].
func ParseTableName(j orderedjson.Value, path, of string) (TableName, error) {
	d := &decoder{}
	n := d.tableName(j, path, of)
	return n, d.err()
}

func (d *decoder) tableName(j orderedjson.Value, path, of string) TableName {
	n := TableName{Schema: defaultSchema(of)}
	switch j.Kind {
	case orderedjson.String:
		n.Name = j.Text
	case orderedjson.Array:
		parts := d.texts(j, path)
		if len(parts) != 1 || n.Schema != "" {
			d.fail(path, "expected a table name: a string or an object with name and schema")
			return n
		}
		n.Name = parts[0]
	case orderedjson.Object:
		o := d.object(j, path, "QualifiedObject")
		n.Name = o.text("name")
		if s := o.textPointer("schema"); s != nil {
			n.Schema = *s
		}
		o.done()
	case orderedjson.Null, orderedjson.Bool, orderedjson.Number:
		d.fail(path, "expected a string/object for table")
	}
	if n.Name == "" {
		d.fail(path, "empty string not allowed")
	}
	if strings.ContainsRune(n.Name, 0) || strings.ContainsRune(n.Schema, 0) {
		d.fail(path, "a name can't contain a null character")
	}
	return n
}
