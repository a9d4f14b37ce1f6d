package command

import (
	"maps"

	"dovetail/internal/metadata/document"
)

// allCommands is every command by its name without prefix.
func allCommands() map[string]command {
	out := make(map[string]command)
	for _, area := range []map[string]command{
		metadataCommands(), bulkCommands(), sqlCommands(), sourceCommands(), tableCommands(), relationshipCommands(),
		remoteRelationshipCommands(), permissionCommands(), functionCommands(), computedFieldCommands(),
		nativeQueryCommands(), remoteSchemaCommands(), roleCommands(), collectionCommands(), keptCommands(), triggerCommands(), unbuiltCommands(), legacyCommands(),
	} {
		maps.Copy(out, area)
	}
	return out
}

// prefixedEdit is a command about one kind of database that changes the
// document.
func prefixedEdit(e edit, kinds ...string) command {
	return command{prefixed: true, kinds: kinds, edit: e}
}

// prefixedRun is any other command about one kind of database.
func prefixedRun(r run, kinds ...string) command {
	return command{prefixed: true, kinds: kinds, run: r}
}

// withFunctions are the kinds of databases whose functions can be used.
func withFunctions() []string { return []string{document.KindPostgres} }
