package schema

import (
	"strings"

	"dovetail/internal/plan"
)

// operatorDescription describes an operator of a type class to users, in v2's
// words.
func operatorDescription(class plan.TypeClass, op plan.Operator) string {
	info := plan.Operators[op]
	if d, ok := info.ClassDescriptions[class]; ok {
		return d
	}
	return strings.ReplaceAll(info.Description, "{type}", string(class))
}

// operatorValue is the type of an operator's right operand.
func (s *Schema) operatorValue(t plan.Type, op plan.Operator) Ref {
	info, value := plan.Operators[op], s.typeRef(t)
	if info.Scalar != "" {
		value = Named(s.scalar(info.Scalar))
	}
	switch info.Operand {
	case plan.OperandList, plan.OperandStrings:
		return List(Required(value))
	case plan.OperandObject:
		return Named(s.operatorInput(t, op))
	case plan.OperandSame, plan.OperandDocument, plan.OperandString:
	}
	return value
}

// operatorInput is the input type of an operator that takes arguments.
func (s *Schema) operatorInput(t plan.Type, op plan.Operator) *Type {
	info, class := plan.Operators[op], t.Underlying().Class
	name := info.Input
	if of, ok := info.ClassInputs[class]; ok {
		name = of
	}
	switch op { //nolint:exhaustive // the others take no objects
	case plan.STIntersectsNBGeom:
		return s.bandInput(name, true)
	case plan.STIntersectsGeomNB:
		return s.bandInput(name, false)
	}
	return s.withinInput(name, t, class == plan.ClassGeography)
}
