package catalog

import (
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/document"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// AdminRole may do everything; it has no permissions to look up.
const AdminRole = "admin"

// Catalog is everything a request is planned against. It is immutable.
type Catalog struct {
	// Version grows with every build; plans belong to one version.
	Version uint64
	// ResourceVersion is the metadata's version in its store.
	ResourceVersion int64
	// Sources in the order of the metadata document.
	Sources       []*Source
	RemoteSchemas []*RemoteSchema
	// Roles lists every role that some permission names, admin excluded, sorted.
	Roles           []string
	InheritedRoles  map[string][]string
	Inconsistencies []Inconsistency
	Settings        Settings
	// RemotePredicates are the conditions on other sources that select filters
	// hold, by the index of plan.RemoteCondition: the planner fetches the keys
	// first and puts their key set in its place.
	RemotePredicates []*RemotePredicate
	metadata         *document.Metadata

	indexing   sync.Once
	rootTables map[string][]*Table
}

// RootTables are the tables that have a query field of that name, of the sources
// without a namespace.
func (c *Catalog) RootTables(field string) []*Table {
	c.indexing.Do(func() {
		c.rootTables = map[string][]*Table{}
		for _, s := range c.Sources {
			if s.Customization.Namespace != "" {
				continue
			}
			for _, t := range s.Tables {
				for _, kind := range []RootFieldKind{RootSelect, RootSelectByPK, RootSelectAggregate, RootSelectStream} {
					name := t.RootFieldName(kind)
					c.rootTables[name] = append(c.rootTables[name], t)
				}
			}
		}
	})
	return c.rootTables[field]
}

// RemotePredicate is a condition on rows of another source's table, whose own
// permission does not apply.
type RemotePredicate struct {
	// Relationship ties the rows to those of this side; nil for _exists, which
	// only asks whether there is one.
	Relationship *ToSource
	Target       *Table
	Where        plan.Predicate
}

// Settings are server settings that shape schemas and plans.
type Settings struct {
	StringifyNumericTypes    bool
	InferFunctionPermissions bool
	RemoteSchemaPermissions  bool
	BooleanNullCollapse      bool
	StrictRemoteJoins        bool
	RemoteSchemaSkipNulls    bool
	DefaultNamingConvention  string
	// ApolloFederation: schemas are those of subgraphs, with documents of Apollo
	// Federation 1 or 2.
	ApolloFederation             bool
	ApolloFederationVersion      int
	IntrospectionDisabledForRole map[string]bool
	// RemoteFilterMaxKeys and RemoteOrderMaxKeys bound the keys that a condition
	// or an ordering through a remote relationship may take (0: the default).
	RemoteFilterMaxKeys int
	RemoteOrderMaxKeys  int
}

// Source finds a source by name.
func (c *Catalog) Source(name string) (*Source, bool) {
	for _, s := range c.Sources {
		if s.Name == name {
			return s, true
		}
	}
	return nil, false
}

// RemoteSchema finds a remote schema by name.
func (c *Catalog) RemoteSchema(name string) (*RemoteSchema, bool) {
	for _, s := range c.RemoteSchemas {
		if s.Name == name {
			return s, true
		}
	}
	return nil, false
}

// Inconsistency is a metadata object that can't be served, and why.
type Inconsistency struct {
	// Type is v2's word: source, table, object_relation …
	Type string
	// Name reads like "object_relation author in table article in source default".
	Name string
	// Definition is the object's document as written.
	Definition any
	Reason     string
	// Message holds an underlying error's text, if any.
	Message string
	// Refusal is what a command that makes the object answers where that isn't the
	// reason; nil where it is.
	Refusal *Refusal
	// Path is where the object stands in the metadata document, for dropping it.
	Path ObjectPath
	// Served tells that the object is served all the same, by what was known of it
	// before; it is not to be dropped.
	Served bool
	// Conflicts are the objects that can't be told apart, where that is the fault;
	// Definition and Path are then empty.
	Conflicts []Conflict
}

// Refusal is a command's error: code and message.
type Refusal struct{ Code, Message string }

// Conflict is one of several objects that exclude each other.
type Conflict struct {
	Definition any
	Path       ObjectPath
}

// ObjectPath leads to an object in the metadata document. Empty parts do not
// apply.
type ObjectPath struct {
	Source       string
	Table        *TableName
	RemoteSchema string
	Type         string // type of a remote schema, for its relationships
	Kind         string // as Inconsistency.Type
	Name         string // relationship, computed field, function, role …
	Role         string
	Collection   string // of a query, for its name
}

// Compiler is the pure half of a source.
type Compiler interface {
	Compile(f *plan.Fragment) (plan.Statement, error)
}

// TableName is a schema-qualified name, unquoted. Schema is empty for sources
// without schemas.
type TableName struct{ Schema, Name string }

// Source is a database with its tracked objects.
type Source struct {
	Name string
	// Kind is postgres, sqlite or mssql.
	Kind string
	// Version changes when the source is connected or introspected anew.
	Version       uint64
	Capabilities  plan.Capabilities
	Compiler      Compiler
	Customization Customization
	Tables        []*Table
	Functions     []*Function
	NativeQueries []*NativeQuery
	LogicalModels []*LogicalModel
	tables        map[TableName]*Table
}

// Table finds a tracked table.
func (s *Source) Table(n TableName) (*Table, bool) {
	t, ok := s.tables[n]
	return t, ok
}

// Customization renames what a source puts into the schema.
type Customization struct {
	Namespace            string
	RootPrefix           string
	RootSuffix           string
	TypePrefix           string
	TypeSuffix           string
	GraphQLDefaultNaming bool
}

// Table is a tracked table or view.
type Table struct {
	Source *Source
	Name   TableName
	Info   *sources.Table
	// GraphQLName is the table's base name before the source's customization:
	// custom_name, or made of schema and name.
	GraphQLName string
	// CustomName tells that GraphQLName was given by the metadata. Unnamed tables
	// have a name that GraphQL doesn't take, and stay out of schemas until the
	// metadata gives them one.
	CustomName, Unnamed bool
	// Description is the comment of the metadata or the database; Commented tells
	// that the metadata gave one, if only to have none.
	Description string
	Commented   bool
	RootFields  map[RootFieldKind]RootField
	Columns     []*Column
	Relationships
	ComputedFields []*ComputedField
	// IsEnum: the table's rows are the values of an enum type.
	IsEnum     bool
	EnumValues []EnumValue
	// Select holds the select permission of each role, inherited ones included.
	Select map[string]*SelectPermission
	// Insert, Update and Delete hold what each role may write.
	Insert map[string]*InsertPermission
	Update map[string]*UpdatePermission
	Delete map[string]*DeletePermission
	// LogicalModel: these are the rows of native queries, not a table's.
	LogicalModel bool
	// ApolloFederation: the table is an entity.
	ApolloFederation bool
	columns          map[string]*Column
	relation         *plan.Table
	document         *document.Table
	// typeNames are the names of the types that it makes.
	typeNames []string
	// updatesAside: a table is called as the input type of several updates would be.
	updatesAside bool
	// unclashed: its fields can be told apart.
	unclashed bool
}

// Relationships are the relationships of a table, by kind; names are unique
// over all of them.
type Relationships struct {
	Local          []*Relationship
	ToSource       []*ToSource
	ToRemoteSchema []*ToRemoteSchema
}

// Column finds a column by its database name.
func (t *Table) Column(name string) (*Column, bool) {
	c, ok := t.columns[name]
	return c, ok
}

// SelectPermission gives the role's select permission; admin has none and may
// read everything.
func (t *Table) SelectPermission(role string) (*SelectPermission, bool) {
	p, ok := t.Select[role]
	return p, ok
}

// RootFieldKind names a root field in custom_root_fields.
type RootFieldKind string

// The root fields of a table.
const (
	RootSelect          RootFieldKind = "select"
	RootSelectByPK      RootFieldKind = "select_by_pk"
	RootSelectAggregate RootFieldKind = "select_aggregate"
	RootSelectStream    RootFieldKind = "select_stream"
	RootInsert          RootFieldKind = "insert"
	RootInsertOne       RootFieldKind = "insert_one"
	RootUpdate          RootFieldKind = "update"
	RootUpdateByPK      RootFieldKind = "update_by_pk"
	RootUpdateMany      RootFieldKind = "update_many"
	RootDelete          RootFieldKind = "delete"
	RootDeleteByPK      RootFieldKind = "delete_by_pk"
)

// RootField customises a root field; empty parts keep the default. Comment nil
// is the default description, an empty one none.
type RootField struct {
	Name    string
	Comment *string
	// Hidden: another root field has the name already, so this one is left out.
	Hidden bool
}

// Column is a column of a tracked table.
type Column struct {
	Info *sources.Column
	// GraphQLName is the custom name, or the column's own; CustomName tells
	// which.
	GraphQLName string
	CustomName  bool
	Description string
	// Enum is the enum table that the column references, if any.
	Enum *Table
	// Hidden columns have no valid GraphQL name and stay out of the schema.
	Hidden bool
}

// Plan is the column as plans name it.
func (c *Column) Plan() plan.Column {
	return plan.Column{Name: c.Info.Name, Type: c.Info.Type, Nullable: c.Info.Nullable, Equality: c.Info.Equality}
}

// Relationship is a relationship between two tables of one source.
type Relationship struct {
	Name    string
	Comment *string
	Array   bool
	Target  *Table
	// Left[i] of the table equals Right[i] of the target.
	Left, Right []*Column
	// NonNull: a forward foreign key whose columns can't be null.
	NonNull bool
	// AfterParent: rows of the target that are inserted along refer to the row,
	// so they come after it.
	AfterParent bool
}

// ToSource is a remote relationship to a table.
type ToSource struct {
	Name  string
	Array bool
	// From is the table that has the relationship, nil for a remote type.
	From   *Table
	Target *Table
	Pairs  []Pair
}

// Pair is one equality of a remote relationship to a table.
type Pair struct {
	Left  LeftField
	Right *Column
	Cast  plan.KeyCast
}

// LeftField is a column or scalar computed field (table on the left) or a field
// of a remote object type (by its upstream name).
type LeftField struct {
	Name     string
	Column   *Column
	Computed *ComputedField
	// GraphQL is the upstream type of the field, for remote object types.
	GraphQL *ast.Type
	// Argument is the type of the argument (or part of it) that the field's value
	// fills, for relationships to remote schemas: ID!. A field that fills
	// arguments of different types stands in Left once for each.
	Argument *ast.Type
	// Cast is how the field's text becomes a value of Argument.
	Cast plan.KeyCast
}

// ToRemoteSchema is a remote relationship to a field of a remote schema.
type ToRemoteSchema struct {
	Name string
	// LeftName is the GraphQL name of the table or type that it starts from.
	LeftName string
	Remote   *RemoteSchema
	// Left are the fields that the templates' variables name, without the $.
	Left []LeftField
	// Steps lead from the query root to the wanted field.
	Steps []RemoteStep
	// Batch asks by one list argument; nil asks by aliases.
	Batch *RemoteBatch
}

// RemoteStep is one level of a remote_field.
type RemoteStep struct {
	Field *ast.FieldDefinition
	// Parent is the type that has the field.
	Parent *ast.Definition
	// Arguments are templates: BindingValue indexes ToRemoteSchema.Left.
	Arguments []RemoteTemplate
}

// RemoteTemplate is an argument of a remote step as the metadata fills it.
type RemoteTemplate struct {
	Name  string
	Type  *ast.Type
	Value plan.Value
}

// RemoteBatch is the list lookup of a remote relationship.
type RemoteBatch struct {
	Steps []RemoteStep
	// Match pairs a field of the result's type with an index into Left.
	Match []plan.RemoteMatch
	// Entities asks for entities of an Apollo subgraph; Steps are empty then.
	Entities *RemoteEntities
}

// RemoteEntities looks entities up by their key: Type is the entity's, Key its
// representation without __typename, holding BindingValues.
type RemoteEntities struct {
	Type string
	Key  *plan.ObjectValue
}

// ComputedField is a function of a table's row that appears as a field.
type ComputedField struct {
	Name string
	// Description and Commented are as for tables.
	Description string
	Commented   bool
	Function    *sources.Function
	// TableArgument and SessionArgument index Function.Arguments; -1: none.
	TableArgument   int
	SessionArgument int
	// Returns is the table whose rows it returns; nil for scalars.
	Returns *Table
}

// EnumValue is a row of an enum table.
type EnumValue struct{ Value, Comment string }

// SelectPermission is what a role may read of a table.
type SelectPermission struct {
	// Columns by database name. The guard is nil but for inherited roles, where
	// a cell is null unless it holds.
	Columns        map[string]plan.Predicate
	ComputedFields map[string]plan.Predicate
	Filter         plan.Predicate
	// Limit is negative for none.
	Limit             int
	AllowAggregations bool
	// QueryRootFields and SubscriptionRootFields are nil where all are allowed.
	QueryRootFields        map[RootFieldKind]bool
	SubscriptionRootFields map[RootFieldKind]bool

	// document is what it was made of; nil for one that is inherited.
	document *document.SelectPermission
	// reads and wide are what the filter is about beside the table itself.
	reads []TableName
	wide  bool
}

// Function is a tracked function.
type Function struct {
	Source *Source
	Info   *sources.Function
	// GraphQLName is the custom name, which CustomName tells, or made of the
	// function's own. RowsName and AggregateName are what the metadata calls its
	// root fields; empty: made of GraphQLName.
	GraphQLName             string
	CustomName              bool
	RowsName, AggregateName string
	Description             string
	Returns                 *Table
	SessionArgument         int // index of Info.Arguments, -1: none
	Mutation                bool
	// Roles that may call it besides those the table's permission implies.
	Roles map[string]bool
}

// LogicalModel describes the rows of a native query.
type LogicalModel struct {
	Name        string
	Description string
	Fields      []*LogicalField
	Select      map[string]*SelectPermission
	// Rows is the model seen as a table: its scalar fields as columns, its
	// permissions, no keys and no relationships.
	Rows *Table
}

// LogicalField is one field of a logical model. Model and Array describe nested
// models.
type LogicalField struct {
	Column *Column
	Model  *LogicalModel
	Array  bool
}

// NativeQuery is a query written in SQL that reads like a table.
type NativeQuery struct {
	Source      *Source
	Name        string
	Description string
	Returns     *LogicalModel
	Arguments   []NativeArgument
	// Parts alternate SQL with indices of Arguments (-1: SQL).
	Parts         []NativePart
	Relationships []*NativeRelationship
	// Procedure names the stored procedure whose rows these are, instead of a
	// query's; nil for queries.
	Procedure *TableName
}

// NativePart is SQL text or, with Argument >= 0, a place for an argument.
type NativePart struct {
	SQL      string
	Argument int
}

// NativeArgument is an argument of a native query.
type NativeArgument struct {
	Name        string
	Type        plan.Type
	Nullable    bool
	Description string
}

// NativeRelationship joins two native queries of a source.
type NativeRelationship struct {
	Name    string
	Comment *string
	Array   bool
	Target  *NativeQuery
	// Left[i] of the query's rows equals Right[i] of the target's.
	Left, Right []string
}

// RemoteSchema is a GraphQL service.
type RemoteSchema struct {
	Name     string
	Comment  string
	Version  uint64
	Compiler Compiler
	// Capabilities bound the size and number of requests.
	Capabilities plan.Capabilities
	// Upstream is the schema as the service describes it.
	Upstream      *ast.Schema
	Customization RemoteCustomization
	// Relationships by upstream type name.
	Relationships map[string]*Relationships
	// Permissions by role; nil map values do not occur.
	Permissions map[string]*RemotePermission
	// HiddenRoots are upstream query fields that stay out of the query root,
	// because another root field has the name already.
	HiddenRoots map[string]bool
	// HiddenMutations are such fields of the mutation root.
	HiddenMutations map[string]bool
}

// RemoteCustomization renames what a remote schema puts into the schema.
// Names not in the maps stay as they are.
type RemoteCustomization struct {
	Namespace string
	// Types maps upstream type names to ours.
	Types map[string]string
	// Fields maps upstream type and field names to our field names.
	Fields map[string]map[string]string
}

// RemotePermission is a role's view of a remote schema.
type RemotePermission struct {
	Schema *ast.Schema
	// Presets fills arguments that the role doesn't see: type, field, argument.
	Presets map[string]map[string]map[string]plan.Value
	// InputPresets fills fields of input objects: type, field.
	InputPresets map[string]map[string]plan.Value
}
