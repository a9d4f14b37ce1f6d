package sqlite

import "dovetail/internal/plan"

// mutationKeys are the keys of the tables that mutations are compiled for.
func mutationKeys() tableKeys {
	return tableKeys{
		"author":  {columns: []string{"rowid"}, rowid: true, constraints: map[string][]string{"author_name_key": {"name"}}},
		"article": {columns: []string{"author_id", "title"}},
	}
}

// mutationFragments adds mutations to the fragments.
func mutationFragments(out map[string]*plan.Fragment) {
	id, name, score := columnOf("id", "INTEGER"), columnOf("name", "TEXT"), columnOf("score", "NUMERIC")
	authorID, title := columnOf("author_id", "INTEGER"), columnOf("title", "TEXT")
	author, article := &plan.Table{Name: "author"}, &plan.Table{Name: "article"}
	check := compareTo(score, plan.Less, jsonLiteral("9"))
	affected := &plan.AffectedRows{Key: "affected_rows"}
	output := &plan.MutationOutput{Fields: []plan.MutationField{
		affected, &plan.Returning{Key: "returning", Fields: []plan.Field{&plan.ColumnField{Key: "id", Column: id}}},
	}}
	value := func(text string) plan.Value { return jsonLiteral(text) }
	out["insert"] = &plan.Fragment{Query: &plan.Insert{
		Into: author, Restricted: true, Columns: []plan.Column{name, score}, Check: check, Output: output,
		Rows: []*plan.InsertRow{{Values: []plan.Value{value("1"), value("2")}}, {Values: []plan.Value{value("3"), nil}}, {Values: []plan.Value{nil, nil}}},
	}}
	out["upsert"] = &plan.Fragment{Query: &plan.Insert{
		Into: author, Restricted: true, Columns: []plan.Column{name, score}, Check: &plan.Const{Value: true}, Output: output,
		Each: &plan.InsertEach{List: &plan.Variable{Name: "o"}, Members: []plan.InsertMember{{Name: "name"}, {Value: value("1")}}},
		Conflict: &plan.Conflict{
			Constraint: "author_name_key", Set: []plan.ConflictColumn{{Column: score}, {Column: name, Value: value("2")}},
			Permit: compareTo(id, plan.Greater, jsonLiteral("0")), Check: check,
		},
	}}
	related := &plan.Insert{Into: article, Columns: []plan.Column{title}, Rows: []*plan.InsertRow{{Values: []plan.Value{value("1")}}}}
	out["insert of related rows"] = &plan.Fragment{Query: &plan.Insert{
		Into: author, Columns: []plan.Column{name}, Output: &plan.MutationOutput{One: true, Row: output.Fields[1].(*plan.Returning).Fields},
		Rows: []*plan.InsertRow{{Values: []plan.Value{value("1")}, After: []*plan.NestedInsert{{
			Relationship: "articles", Keys: []plan.KeyPair{{Row: id, Related: authorID}}, Insert: related,
		}}}},
	}}
	rows := plan.Rows{From: author, PermitLimit: -1, Restricted: true, Permit: compareTo(id, plan.Greater, jsonLiteral("0"))}
	out["update"] = &plan.Fragment{Query: &plan.Update{
		Rows: rows, Check: check, Output: output, Set: []plan.Assignment{
			{Column: name, Operator: plan.AssignSet, Value: value("1")}, {Column: score, Operator: plan.AssignIncrement, Value: value("2")},
		},
	}}
	out["delete"] = &plan.Fragment{Query: &plan.Delete{Rows: rows, Output: &plan.MutationOutput{Fields: []plan.MutationField{affected}}}}
	read := &plan.MutationOutput{Fields: []plan.MutationField{&plan.Returning{Key: "returning", Fields: []plan.Field{&plan.ColumnField{Key: "title", Column: title}}}}}
	out["delete and return"] = &plan.Fragment{Query: &plan.Delete{Rows: plan.Rows{From: article, PermitLimit: -1}, Output: read}}
	out["unknown constraint"] = &plan.Fragment{Query: &plan.Insert{
		Into: author, Columns: []plan.Column{name}, Rows: []*plan.InsertRow{{Values: []plan.Value{value("1")}}}, Output: read,
		Conflict: &plan.Conflict{Constraint: "gone"},
	}}
	out["unprotected update"] = &plan.Fragment{Query: &plan.Update{
		Rows: rows, Output: output, Set: []plan.Assignment{{Column: name, Operator: plan.AssignSet, Value: value("1")}},
	}}
}
