package planner

import "dovetail/internal/plan"

// What is kept of operations takes about so many bytes, as measured on texts of
// many fields, of many arguments and of many fragments; see TestWeights.
const (
	bytesPerOperation = 3 << 10
	// bytesPerTextByte is for the text and its syntax tree.
	bytesPerTextByte = 20
	bytesPerFragment = 2 << 10
	// bytesPerNode is for what plan, statement and shape hold of a field or of an
	// input value.
	bytesPerNode = 400
)

// Weight is about how many bytes the operation holds, the plans made for it
// included. It changes when a plan is made.
func (o *Operation) Weight() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytesPerOperation + o.textLength*bytesPerTextByte + o.weight
}

// planWeight is about how many bytes a plan holds that was made of some nodes.
func planWeight(made *plan.Plan, nodes int) int {
	weight := nodes * bytesPerNode
	for _, f := range made.Fragments {
		weight += bytesPerFragment + len(f.Statement.Text())
	}
	for _, u := range made.Unions {
		weight += bytesPerFragment + len(u.Fragment.Statement.Text())
	}
	return weight + staticWeight(made.Roots)
}

// staticWeight is how many bytes the roots hold that are answered as they stand.
func staticWeight(roots []plan.Root) int {
	weight := 0
	for _, root := range roots {
		switch n := root.Node.(type) {
		case *plan.Static:
			weight += cap(n.JSON)
		case *plan.Namespace:
			weight += staticWeight(n.Roots)
		case *plan.Fetch:
		}
	}
	return weight
}
