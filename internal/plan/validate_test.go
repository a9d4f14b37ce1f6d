package plan_test

import (
	"strings"
	"testing"

	"dovetail/internal/plan"
)

// A finished plan holds no condition that only its catalog knows, wherever a
// condition can stand.
func TestValidateRemoteCondition(t *testing.T) {
	t.Parallel()
	table := &plan.Table{Name: "album"}
	column := plan.Column{Name: "id"}
	rows := func(where plan.Predicate) plan.Rows { return plan.Rows{From: table, Where: where} }
	selecting := func(c plan.Predicate) plan.Query { return &plan.Selection{Rows: rows(c)} }
	field := func(f plan.Field) plan.Query {
		return &plan.Selection{Rows: rows(nil), Fields: []plan.Field{&plan.GroupField{Key: "group", Fields: []plan.Field{f}}}}
	}
	ordered := func(k plan.OrderKey) plan.Query {
		return &plan.Selection{Rows: plan.Rows{From: table, OrderBy: []plan.Order{{By: k}}}}
	}
	aggregated := func(item plan.AggregateItem) plan.Query {
		return &plan.Aggregation{Rows: rows(nil), Fields: []plan.AggregateField{
			&plan.AggregateGroup{Key: "aggregate", Items: []plan.AggregateItem{item}},
		}}
	}
	output := &plan.MutationOutput{}
	list := func(c plan.Predicate) []plan.Predicate { return []plan.Predicate{nil, c} }
	places := map[string]func(c plan.Predicate) plan.Query{
		"where":  selecting,
		"permit": func(c plan.Predicate) plan.Query { return &plan.Selection{Rows: plan.Rows{From: table, Permit: c}} },
		"and":    func(c plan.Predicate) plan.Query { return selecting(&plan.And{Parts: list(c)}) },
		"or":     func(c plan.Predicate) plan.Query { return selecting(&plan.Or{Parts: list(c)}) },
		"not":    func(c plan.Predicate) plan.Query { return selecting(&plan.Not{Part: c}) },
		"exists": func(c plan.Predicate) plan.Query { return selecting(&plan.Exists{Target: rows(c)}) },
		"compared guard": func(c plan.Predicate) plan.Query {
			return selecting(&plan.Compare{Left: &plan.ColumnOperand{Column: column, Guard: c}, Operator: plan.Equal})
		},
		"null test's guard": func(c plan.Predicate) plan.Query {
			return selecting(&plan.IsNull{Left: &plan.ComputedOperand{Call: &plan.FunctionCall{Name: "f"}, Guard: c}})
		},
		"compared aggregate": func(c plan.Predicate) plan.Query { return selecting(&plan.CompareAggregate{Target: rows(c)}) },
		"compared aggregate's guard": func(c plan.Predicate) plan.Query {
			return selecting(&plan.CompareAggregate{Target: rows(nil), Arguments: []plan.Column{column, column}, Guards: list(c)})
		},
		"distinct": func(c plan.Predicate) plan.Query {
			return &plan.Selection{Rows: plan.Rows{From: table, DistinctGuards: list(c)}}
		},
		"order by column":   func(c plan.Predicate) plan.Query { return ordered(&plan.OrderColumn{Column: column, Guard: c}) },
		"order by computed": func(c plan.Predicate) plan.Query { return ordered(&plan.OrderComputed{Guard: c}) },
		"order by related": func(c plan.Predicate) plan.Query {
			return ordered(&plan.OrderRelated{Target: rows(c), By: &plan.OrderColumn{}})
		},
		"order by their key": func(c plan.Predicate) plan.Query {
			return ordered(&plan.OrderRelated{Target: rows(nil), By: &plan.OrderColumn{Guard: c}})
		},
		"order by aggregate": func(c plan.Predicate) plan.Query { return ordered(&plan.OrderAggregate{Target: rows(c)}) },
		"aggregate's guard":  func(c plan.Predicate) plan.Query { return ordered(&plan.OrderAggregate{Target: rows(nil), Guard: c}) },
		"column":             func(c plan.Predicate) plan.Query { return field(&plan.ColumnField{Column: column, Guard: c}) },
		"computed field":     func(c plan.Predicate) plan.Query { return field(&plan.ComputedField{Guard: c}) },
		"related guard": func(c plan.Predicate) plan.Query {
			return field(&plan.NestedField{Guard: c, Selection: &plan.Selection{Rows: rows(nil)}})
		},
		"related rows": func(c plan.Predicate) plan.Query {
			return field(&plan.NestedField{Selection: &plan.Selection{Rows: rows(c)}})
		},
		"related aggregate's guard": func(c plan.Predicate) plan.Query {
			return field(&plan.NestedAggregateField{Guard: c, Aggregation: &plan.Aggregation{Rows: rows(nil)}})
		},
		"count": func(c plan.Predicate) plan.Query { return aggregated(&plan.Count{Guards: list(c)}) },
		"sum": func(c plan.Predicate) plan.Query {
			return aggregated(&plan.AggregateFunction{Columns: []plan.AggregateColumn{{Guard: c}}})
		},
		"insert's check": func(c plan.Predicate) plan.Query { return &plan.Insert{Into: table, Check: c, Output: output} },
		"conflict's rows": func(c plan.Predicate) plan.Query {
			return &plan.Insert{Into: table, Conflict: &plan.Conflict{Where: c}, Output: output}
		},
		"conflict's permission": func(c plan.Predicate) plan.Query {
			return &plan.Insert{Into: table, Conflict: &plan.Conflict{Permit: c}, Output: output}
		},
		"conflict's check": func(c plan.Predicate) plan.Query {
			return &plan.Insert{Into: table, Conflict: &plan.Conflict{Check: c}, Output: output}
		},
		"update's check": func(c plan.Predicate) plan.Query { return &plan.Update{Rows: rows(nil), Check: c, Output: output} },
		"deleted rows":   func(c plan.Predicate) plan.Query { return &plan.Delete{Rows: rows(c), Output: output} },
	}
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			validate := func(c plan.Predicate) error {
				return (&plan.Plan{Fragments: []*plan.Fragment{{Query: place(c)}}}).Validate()
			}
			if err := validate(&plan.RemoteCondition{Index: 3}); err == nil || !strings.Contains(err.Error(), "remote condition 3") {
				t.Errorf("a remote condition: %v", err)
			}
			if err := validate(&plan.InKeys{}); err != nil {
				t.Errorf("a key set: %v", err)
			}
		})
	}
	ranked := &plan.Fragment{Query: selecting(nil), Joins: []*plan.Join{{
		Keys:  []plan.JoinKey{{Rank: &plan.OrderColumn{Guard: &plan.RemoteCondition{}}}},
		Child: &plan.Fragment{Bindings: []plan.Binding{{}}},
	}}}
	if err := (&plan.Plan{Fragments: []*plan.Fragment{ranked}}).Validate(); err == nil {
		t.Error("a rank's guard: no error")
	}
}
