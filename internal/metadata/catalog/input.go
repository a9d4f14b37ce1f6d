package catalog

import (
	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/document"
	"dovetail/internal/plan"
	"dovetail/sources"
)

// Input is everything a catalog is built from.
type Input struct {
	Metadata *document.Metadata
	// Version is the number of the build, ResourceVersion that of the metadata.
	Version         uint64
	ResourceVersion int64
	Settings        Settings
	// Databases by source name; a source without an entry is inconsistent.
	Databases map[string]Introspected
	// RemoteSchemas by name; one without an entry is inconsistent.
	RemoteSchemas map[string]IntrospectedRemote
	// EnumValues are the rows of the enum tables, by source.
	EnumValues map[string]map[TableName][]EnumValue
	// Earlier is a catalog that this one may take over from what has not changed:
	// tables whose document and contents have the same addresses; nil: there is
	// none.
	Earlier *Catalog
}

// Introspected is what is known of a source's database.
type Introspected struct {
	Database     *sources.Database
	Capabilities plan.Capabilities
	Compiler     Compiler
	// Version changes when the source is connected or introspected anew.
	Version uint64
	// ParseType reads the name of a type as authors of metadata write it
	// (arguments and fields of native queries); nil keeps names as they are.
	ParseType func(name string) plan.Type
	// Err says why the source can't be used.
	Err error
}

// IntrospectedRemote is what is known of a remote schema.
type IntrospectedRemote struct {
	Schema        *ast.Schema
	Capabilities  plan.Capabilities
	Compiler      Compiler
	Version       uint64
	Customization RemoteCustomization
	// Permissions by role; PermissionErrors says why a role's doesn't hold.
	Permissions      map[string]*RemotePermission
	PermissionErrors map[string]error
	// RoleClashes are the roles that can't have what they are to see of it beside
	// the types of sources, and why.
	RoleClashes map[string]error
	// Err says why the remote schema can't be used.
	Err error
	// Stale says why the schema may be out of date.
	Stale error
}
