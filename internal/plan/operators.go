package plan

// OperandKind is what stands to the right of an operator.
type OperandKind uint8

// The kinds of operands.
const (
	// OperandSame is a value of the left operand's type.
	OperandSame OperandKind = iota
	// OperandDocument is any JSON for columns of JSON, else as OperandSame.
	OperandDocument
	// OperandString is a text: a pattern or a key.
	OperandString
	// OperandList is a list of values of the left operand's type.
	OperandList
	// OperandStrings is a list of texts.
	OperandStrings
	// OperandObject is an object of arguments.
	OperandObject
)

// OperatorInfo is what every package needs to know of a comparison operator.
type OperatorInfo struct {
	Operand OperandKind
	// Scalar is the GraphQL type of the operand or of its list's values, empty
	// for the column's own.
	Scalar string
	// Input is the GraphQL input type of an OperandObject; columns of a type
	// class may have another.
	Input       string
	ClassInputs map[TypeClass]string
	// Share is the estimated share of rows that satisfy a comparison, 0 where it
	// depends on the column.
	Share float64
	// Description is the operator's in v2's words; {type} stands for the name of
	// the column's type class. Classes may have another.
	Description       string
	ClassDescriptions map[TypeClass]string
}

const shareOfRange, shareOfPattern, shareOfAny = 0.3, 0.1, 0.5

// Operators is the one list of comparison operators: capabilities say which of
// them a source has for which classes; the schema, permissions and estimates
// read the rest here.
var Operators = map[Operator]OperatorInfo{
	Equal:          {},
	NotEqual:       {Share: shareOfAny},
	Greater:        {Share: shareOfRange},
	Less:           {Share: shareOfRange},
	GreaterOrEqual: {Share: shareOfRange},
	LessOrEqual:    {Share: shareOfRange},
	In:             {Operand: OperandList},
	NotIn:          {Operand: OperandList, Share: shareOfAny},

	Like:       pattern("match the given pattern", false),
	NotLike:    pattern("match the given pattern", true),
	ILike:      pattern("match the given case-insensitive pattern", false),
	NotILike:   pattern("match the given case-insensitive pattern", true),
	Similar:    pattern("match the given SQL regular expression", false),
	NotSimilar: pattern("match the given SQL regular expression", true),
	Regex:      pattern("match the given POSIX regular expression, case sensitive", false),
	NotRegex:   pattern("match the given POSIX regular expression, case sensitive", true),
	IRegex:     pattern("match the given POSIX regular expression, case insensitive", false),
	NotIRegex:  pattern("match the given POSIX regular expression, case insensitive", true),

	Contains: {Operand: OperandDocument, Share: shareOfAny, ClassDescriptions: map[TypeClass]string{
		ClassArray: "does the array contain the given value",
		ClassJSONB: "does the column contain the given json value at the top level",
	}},
	ContainedIn: {Operand: OperandDocument, Share: shareOfAny, ClassDescriptions: map[TypeClass]string{
		ClassArray: "is the array contained in the given array value",
		ClassJSONB: "is the column contained in the given json value",
	}},
	HasKey: {
		Operand: OperandString, Scalar: "String", Share: shareOfAny,
		Description: "does the string exist as a top-level key in the column",
	},
	HasKeysAny: {
		Operand: OperandStrings, Scalar: "String", Share: shareOfAny,
		Description: "do any of these strings exist as top-level keys in the column",
	},
	HasKeysAll: {
		Operand: OperandStrings, Scalar: "String", Share: shareOfAny,
		Description: "do all of these strings exist as top-level keys in the column",
	},

	Ancestor:        {Share: shareOfAny, Description: "is the left argument an ancestor of right (or equal)?"},
	AncestorAny:     {Operand: OperandStrings, Share: shareOfAny, Description: "does array contain an ancestor of `ltree`?"},
	Descendant:      {Share: shareOfAny, Description: "is the left argument a descendant of right (or equal)?"},
	DescendantAny:   {Operand: OperandStrings, Share: shareOfAny, Description: "does array contain a descendant of `ltree`?"},
	Matches:         {Scalar: "lquery", Share: shareOfAny, Description: "does `ltree` match `lquery`?"},
	MatchesAny:      {Operand: OperandStrings, Scalar: "lquery", Share: shareOfAny, Description: "does `ltree` match any `lquery` in array?"},
	MatchesFulltext: {Scalar: "ltxtquery", Share: shareOfAny, Description: "does `ltree` match `ltxtquery`?"},

	STContains:     {Share: shareOfAny, Description: "does the column contain the given {type} value"},
	STCrosses:      {Share: shareOfAny, Description: "does the column cross the given {type} value"},
	STEquals:       {Share: shareOfAny, Description: "is the column equal to given geometry value (directionality is ignored)"},
	STIntersects:   {Share: shareOfAny, Description: "does the column spatially intersect the given {type} value"},
	ST3DIntersects: {Share: shareOfAny, Description: "does the column spatially intersect the given {type} value in 3D"},
	STOverlaps: {
		Share:       shareOfAny,
		Description: "does the column 'spatially overlap' (intersect but not completely contain) the given {type} value",
	},
	STTouches: {Share: shareOfAny, Description: "does the column have atleast one point in common with the given {type} value"},
	STWithin:  {Share: shareOfAny, Description: "is the column contained in the given {type} value"},
	STDWithin: {
		Operand: OperandObject, Input: "st_d_within_input", Share: shareOfAny,
		ClassInputs: map[TypeClass]string{ClassGeography: "st_d_within_geography_input"},
		Description: "is the column within a given distance from the given {type} value",
	},
	ST3DDWithin: {
		Operand: OperandObject, Input: "st_d_within_input", Share: shareOfAny,
		Description: "is the column within a given 3D distance from the given {type} value",
	},
	STIntersectsRast:   {Share: shareOfAny},
	STIntersectsNBGeom: {Operand: OperandObject, Input: "st_intersects_nband_geom_input", Share: shareOfAny},
	STIntersectsGeomNB: {Operand: OperandObject, Input: "st_intersects_geom_nband_input", Share: shareOfAny},
}

func pattern(what string, negated bool) OperatorInfo {
	info := OperatorInfo{Operand: OperandString, Share: shareOfPattern, Description: "does the column " + what}
	if negated {
		info.Share, info.Description = shareOfAny, "does the column NOT "+what
	}
	return info
}
