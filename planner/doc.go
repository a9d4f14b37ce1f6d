// Package planner turns an operation and a role's schema into a plan: it checks
// the operation against the schema, splits it into fragments at every crossing
// of sources, puts the role's permissions beside the user's filters in each of
// them, and has the sources compile what they will run. It does no I/O and
// never looks at a clock: a plan is a function of text, role and the shape of
// the variables.
package planner
