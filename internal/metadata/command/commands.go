package command

import (
	"maps"

	"dovetail/internal/kind"
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

// feature picks the kinds of databases that a command is about.
type feature func(kind.Kind) bool

// prefixedEdit is a command about kinds of databases that changes the document.
func prefixedEdit(e edit, kinds ...feature) command {
	return command{prefixed: true, kinds: oneFeature(kinds), edit: e}
}

// prefixedRun is any other command about kinds of databases.
func prefixedRun(r run, kinds ...feature) command {
	return command{prefixed: true, kinds: oneFeature(kinds), run: r}
}

func oneFeature(kinds []feature) feature {
	if len(kinds) == 0 {
		return nil
	}
	return kinds[0]
}

func withFunctions(k kind.Kind) bool { return k.Functions }

func withProcedures(k kind.Kind) bool { return k.Procedures }

func withEventTriggers(k kind.Kind) bool { return k.EventTriggers }
