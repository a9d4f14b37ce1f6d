package schema

import "dovetail/internal/plan"

// operatorDescription describes an operator to users, in v2's words.
func operatorDescription(class plan.TypeClass, op plan.Operator) string {
	switch class { //nolint:exhaustive // these have operators of their own
	case plan.ClassArray:
		return arrayDescriptions(op)
	case plan.ClassJSONB:
		return jsonDescriptions(op)
	case plan.ClassGeometry, plan.ClassGeography:
		return spatialDescriptions(class, op)
	case plan.ClassLTree:
		return treeDescriptions(op)
	}
	return textDescriptions(op)
}

func textDescriptions(op plan.Operator) string {
	switch op { //nolint:exhaustive // the others speak for themselves
	case plan.Like:
		return "does the column match the given pattern"
	case plan.NotLike:
		return "does the column NOT match the given pattern"
	case plan.ILike:
		return "does the column match the given case-insensitive pattern"
	case plan.NotILike:
		return "does the column NOT match the given case-insensitive pattern"
	case plan.Similar:
		return "does the column match the given SQL regular expression"
	case plan.NotSimilar:
		return "does the column NOT match the given SQL regular expression"
	case plan.Regex:
		return "does the column match the given POSIX regular expression, case sensitive"
	case plan.NotRegex:
		return "does the column NOT match the given POSIX regular expression, case sensitive"
	case plan.IRegex:
		return "does the column match the given POSIX regular expression, case insensitive"
	case plan.NotIRegex:
		return "does the column NOT match the given POSIX regular expression, case insensitive"
	}
	return ""
}

func arrayDescriptions(op plan.Operator) string {
	switch op { //nolint:exhaustive // the others speak for themselves
	case plan.Contains:
		return "does the array contain the given value"
	case plan.ContainedIn:
		return "is the array contained in the given array value"
	}
	return ""
}

func jsonDescriptions(op plan.Operator) string {
	switch op { //nolint:exhaustive // the others speak for themselves
	case plan.Contains:
		return "does the column contain the given json value at the top level"
	case plan.ContainedIn:
		return "is the column contained in the given json value"
	case plan.HasKey:
		return "does the string exist as a top-level key in the column"
	case plan.HasKeysAny:
		return "do any of these strings exist as top-level keys in the column"
	case plan.HasKeysAll:
		return "do all of these strings exist as top-level keys in the column"
	}
	return ""
}

func spatialDescriptions(class plan.TypeClass, op plan.Operator) string {
	value := "the given " + string(class) + " value"
	switch op { //nolint:exhaustive // the others speak for themselves
	case plan.STContains:
		return "does the column contain " + value
	case plan.STCrosses:
		return "does the column cross " + value
	case plan.STEquals:
		return "is the column equal to given geometry value (directionality is ignored)"
	case plan.STIntersects:
		return "does the column spatially intersect " + value
	case plan.ST3DIntersects:
		return "does the column spatially intersect " + value + " in 3D"
	case plan.STOverlaps:
		return "does the column 'spatially overlap' (intersect but not completely contain) " + value
	case plan.STTouches:
		return "does the column have atleast one point in common with " + value
	case plan.STWithin:
		return "is the column contained in " + value
	case plan.STDWithin:
		return "is the column within a given distance from " + value
	case plan.ST3DDWithin:
		return "is the column within a given 3D distance from " + value
	}
	return ""
}

func treeDescriptions(op plan.Operator) string {
	switch op { //nolint:exhaustive // the others speak for themselves
	case plan.Ancestor:
		return "is the left argument an ancestor of right (or equal)?"
	case plan.AncestorAny:
		return "does array contain an ancestor of `ltree`?"
	case plan.Descendant:
		return "is the left argument a descendant of right (or equal)?"
	case plan.DescendantAny:
		return "does array contain a descendant of `ltree`?"
	case plan.Matches:
		return "does `ltree` match `lquery`?"
	case plan.MatchesAny:
		return "does `ltree` match any `lquery` in array?"
	case plan.MatchesFulltext:
		return "does `ltree` match `ltxtquery`?"
	}
	return ""
}
