package planner_test

import (
	"dovetail/internal/metadata/catalog"
	"dovetail/internal/plan"
)

// anything compiles whatever it is given: plans are what is tested.
type anything struct{}

type nothing struct{}

func (nothing) Text() string { return "" }

func (anything) Compile(*plan.Fragment) (plan.Statement, error) { return nothing{}, nil }

// withRelay says of a database that it reads connections.
func withRelay(in catalog.Introspected) catalog.Introspected {
	in.Capabilities.Relay = true
	in.Compiler = anything{}
	return in
}
