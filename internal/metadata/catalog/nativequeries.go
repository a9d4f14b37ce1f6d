package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/sources"
)

func (s *sourceBuild) parseType(name string) plan.Type {
	if s.database.ParseType != nil {
		return s.database.ParseType(name)
	}
	return plan.Type{Name: name, Scalar: name, Class: plan.ClassOther}
}

func (b *builder) logicalModels() {
	for _, s := range b.sources {
		models := map[string]*LogicalModel{}
		for _, doc := range s.document.LogicalModels {
			models[doc.Name] = newLogicalModel(doc)
		}
		for _, doc := range s.document.LogicalModels {
			m := models[doc.Name]
			if err := fillModel(s, m, doc, models); err != nil {
				b.inconsistent(logicalModelObject(s.Name, doc), err)
				delete(models, doc.Name)
				continue
			}
			s.LogicalModels = append(s.LogicalModels, m)
		}
		// A model that holds a refused one can't be served either.
		for changed := true; changed; {
			changed = false
			s.LogicalModels = slices.DeleteFunc(s.LogicalModels, func(m *LogicalModel) bool {
				for _, f := range m.Fields {
					if f.Model != nil && models[f.Model.Name] != f.Model {
						doc, _ := s.document.LogicalModel(m.Name)
						b.inconsistent(logicalModelObject(s.Name, doc), errNoModel(f.Model.Name))
						delete(models, m.Name)
						changed = true
						return true
					}
				}
				return false
			})
		}
		for _, m := range s.LogicalModels {
			doc, _ := s.document.LogicalModel(m.Name)
			b.modelPermissions(s, m, doc)
		}
	}
}

func errNoModel(name string) error {
	return fmt.Errorf("The logical model %s could not be found", name) //nolint:staticcheck // v2's words
}

func newLogicalModel(doc *document.LogicalModel) *LogicalModel {
	m := &LogicalModel{Name: doc.Name, Select: map[string]*SelectPermission{}}
	if doc.Description != nil {
		m.Description = *doc.Description
	}
	return m
}

func fillModel(s *sourceBuild, m *LogicalModel, doc *document.LogicalModel, models map[string]*LogicalModel) error {
	if !document.IsGraphQLName(m.Name) {
		return fmt.Errorf("%q is not a valid GraphQL name", m.Name)
	}
	rows := &Table{
		Source: s.Source, Name: TableName{Name: m.Name}, GraphQLName: m.Name, CustomName: true, Description: m.Description,
		Info:         &sources.Table{Name: m.Name, Kind: sources.KindView},
		LogicalModel: true, columns: map[string]*Column{}, Select: m.Select,
	}
	for _, f := range doc.Fields {
		if !document.IsGraphQLName(f.Name) {
			return fmt.Errorf("%q is not a valid GraphQL name", f.Name)
		}
		field, err := logicalField(s, f, models)
		if err != nil {
			return err
		}
		m.Fields = append(m.Fields, field)
		if field.Model == nil {
			rows.Info.Columns = append(rows.Info.Columns, field.Column.Info)
			rows.Columns = append(rows.Columns, field.Column)
			rows.columns[f.Name] = field.Column
		}
	}
	rows.relation = relationOf(rows)
	m.Rows = rows
	return nil
}

func logicalField(s *sourceBuild, doc document.LogicalField, models map[string]*LogicalModel) (*LogicalField, error) {
	info := &sources.Column{Name: doc.Name, Nullable: doc.Type.Nullable}
	if doc.Description != nil {
		info.Comment = *doc.Description
	}
	// The naming convention leaves the fields of models as they are.
	field := &LogicalField{Column: &Column{Info: info, GraphQLName: doc.Name, CustomName: true, Description: info.Comment}}
	t := doc.Type
	if t.Array != nil && t.Array.Model != "" {
		field.Array, t = true, *t.Array
	}
	if t.Model != "" {
		var ok bool
		if field.Model, ok = models[t.Model]; !ok {
			return nil, errNoModel(t.Model)
		}
		return field, nil
	}
	var err error
	info.Type, err = s.logicalType(t)
	if info.Type.Underlying().Class == plan.ClassText {
		// Nobody knows the collation of what the query selects.
		info.Equality = plan.EqualityOwn
	}
	return field, err
}

// logicalType reads a scalar type, or lists of one.
func (s *sourceBuild) logicalType(t document.LogicalType) (plan.Type, error) {
	switch {
	case t.Array != nil:
		element, err := s.logicalType(*t.Array)
		return plan.Type{Schema: element.Schema, Name: "_" + element.Name, Scalar: element.Scalar, Class: plan.ClassArray, Element: &element}, err
	case t.Model != "":
		return plan.Type{}, errors.New("lists of lists of logical models are not supported")
	}
	return s.parseType(t.Scalar), nil
}

func (b *builder) modelPermissions(s *sourceBuild, m *LogicalModel, doc *document.LogicalModel) {
	t := &tableBuild{Table: m.Rows}
	for _, p := range doc.SelectPermissions {
		permission, err := b.selectPermission(t, modelColumns(m, p))
		if err != nil {
			b.inconsistent(logicalPermissionObject(s.Name, doc, p), err)
			continue
		}
		if !p.Columns.All {
			for _, name := range p.Columns.Names { // fields that are models count as columns
				permission.Columns[name] = nil
			}
		}
		m.Select[p.Role] = permission
	}
}

// modelColumns leaves out of a permission the fields that are models, which the
// table of scalar fields doesn't have.
func modelColumns(m *LogicalModel, p *document.SelectPermission) *document.SelectPermission {
	if p.Columns.All {
		return p
	}
	c := *p
	c.Columns.Names = slices.DeleteFunc(slices.Clone(p.Columns.Names), func(name string) bool {
		return slices.ContainsFunc(m.Fields, func(f *LogicalField) bool { return f.Model != nil && f.Column.Info.Name == name })
	})
	return &c
}

func (s *Source) logicalModel(name string) (*LogicalModel, bool) {
	i := slices.IndexFunc(s.LogicalModels, func(m *LogicalModel) bool { return m.Name == name })
	if i < 0 {
		return nil, false
	}
	return s.LogicalModels[i], true
}

func (b *builder) nativeQueries() {
	for _, s := range b.sources {
		for _, doc := range s.document.NativeQueries {
			q, err := b.nativeQuery(s, doc)
			if err != nil {
				b.inconsistent(nativeQueryObject(s.Name, doc), err)
				continue
			}
			s.NativeQueries = append(s.NativeQueries, q)
		}
		b.nativeRelationships(s)
		b.storedProcedures(s)
		b.modelConflicts(s)
	}
}

// modelConflicts drops native queries whose rows can't have a type: another type
// has its name, or another query's rows have the same one with relationships
// that differ.
func (b *builder) modelConflicts(s *sourceBuild) {
	claimed := map[*LogicalModel]*NativeQuery{}
	s.NativeQueries = slices.DeleteFunc(s.NativeQueries, func(q *NativeQuery) bool {
		place := q.describe()
		first, ok := claimed[q.Returns]
		var err error
		switch {
		case !ok:
			if err = b.types.takeModel(q.Returns, place); err == nil {
				claimed[q.Returns] = q
			}
		case !sameRelationships(first, q):
			err = errTypeConflict(q.Returns.Rows.TypeName(), place, first.describe())
		}
		if err != nil {
			b.inconsistent(s.nativeObject(q), err)
		}
		return err != nil
	})
	// Relationships to queries that were dropped go with them.
	for _, q := range s.NativeQueries {
		q.Relationships = slices.DeleteFunc(q.Relationships, func(r *NativeRelationship) bool {
			return !slices.Contains(s.NativeQueries, r.Target)
		})
	}
}

// sameRelationships tells whether the rows of two queries can share a type.
func sameRelationships(a, b *NativeQuery) bool {
	return slices.EqualFunc(a.Relationships, b.Relationships, func(x, y *NativeRelationship) bool {
		return x.Name == y.Name && x.Array == y.Array && x.Target == y.Target
	})
}

func (b *builder) nativeQuery(s *sourceBuild, doc *document.NativeQuery) (*NativeQuery, error) {
	q := &NativeQuery{Source: s.Source, Name: doc.Name}
	if doc.Description != nil {
		q.Description = *doc.Description
	}
	var err error
	if q.Returns, err = b.nativeReturns(s, doc.Returns, doc.Name); err != nil {
		return nil, err
	}
	if q.Arguments, err = s.nativeArguments(doc.Arguments); err != nil {
		return nil, err
	}
	if q.Parts, err = nativeParts(doc.Code, q.Arguments); err != nil {
		return nil, err
	}
	return q, nil
}

func (s *sourceBuild) nativeArguments(docs []document.NativeArgument) ([]NativeArgument, error) {
	var out []NativeArgument
	for _, a := range docs {
		if !document.IsGraphQLName(a.Name) {
			return nil, fmt.Errorf("%q is not a valid GraphQL name", a.Name)
		}
		argument := NativeArgument{Name: a.Name, Type: s.parseType(a.Type), Nullable: a.Nullable}
		if a.Description != nil {
			argument.Description = *a.Description
		}
		out = append(out, argument)
	}
	return out, nil
}

// nativeReturns finds the model of a query's rows, by name or written inline.
func (b *builder) nativeReturns(s *sourceBuild, returns orderedjson.Value, name string) (*LogicalModel, error) {
	if returns.Kind == orderedjson.String {
		m, ok := s.logicalModel(returns.Text)
		if !ok {
			return nil, errNoModel(returns.Text)
		}
		return m, nil
	}
	inline, err := document.ParseLogicalModel(withName(returns, "inner_logical_model_"+name), "$.returns")
	if err != nil {
		return nil, err
	}
	models := map[string]*LogicalModel{}
	for _, m := range s.LogicalModels {
		models[m.Name] = m
	}
	m := newLogicalModel(inline)
	if err := fillModel(s, m, inline, models); err != nil {
		return nil, err
	}
	b.modelPermissions(s, m, inline)
	return m, nil
}

// withName gives an inline model a name unless it has one.
func withName(j orderedjson.Value, name string) orderedjson.Value {
	if _, named := j.Get("name"); named || j.Kind != orderedjson.Object {
		return j
	}
	out := orderedjson.Value{Kind: orderedjson.Object, Keys: []string{"name"}, Items: []orderedjson.Value{jsonText(name)}}
	out.Keys, out.Items = append(out.Keys, j.Keys...), append(out.Items, j.Items...)
	return out
}

// nativeParts splits a query's code at its {{arguments}}.
func nativeParts(code string, arguments []NativeArgument) ([]NativePart, error) {
	var parts []NativePart
	var undeclared []string
	used := make([]bool, len(arguments))
	rest := code
	for {
		before, after, found := strings.Cut(rest, "{{")
		if before != "" {
			parts = append(parts, NativePart{SQL: before, Argument: -1})
		}
		if !found {
			break
		}
		name, after, closed := strings.Cut(after, "}}")
		if !closed {
			return nil, errors.New("found '{{' without a matching closing '}}'")
		}
		name = strings.TrimSpace(name)
		i := slices.IndexFunc(arguments, func(a NativeArgument) bool { return a.Name == name })
		if i >= 0 {
			used[i] = true
			parts = append(parts, NativePart{Argument: i})
		} else if !slices.Contains(undeclared, name) {
			undeclared = append(undeclared, name)
		}
		rest = after
	}
	if len(undeclared) > 0 {
		return nil, fmt.Errorf("The following columns are used in the query, but are not declared as arguments: %s", strings.Join(undeclared, ", ")) //nolint:staticcheck // v2's words
	}
	var unused []string
	for i, a := range arguments {
		if !used[i] {
			unused = append(unused, a.Name)
		}
	}
	if len(unused) > 0 {
		return nil, fmt.Errorf("The following columns are declared as arguments, but are not used in the query: %s", strings.Join(unused, ", ")) //nolint:staticcheck // v2's words
	}
	return parts, nil
}

// nativeRelationships joins native queries of a source; a query with a faulty
// relationship is served without it.
func (b *builder) nativeRelationships(s *sourceBuild) {
	for _, q := range s.NativeQueries {
		doc, ok := s.document.NativeQuery(q.Name)
		if !ok {
			continue
		}
		for _, list := range [][]*document.Relationship{doc.ObjectRelationships, doc.ArrayRelationships} {
			for _, rel := range list {
				r, err := nativeRelationship(s, q, rel)
				if err != nil {
					o := nativeQueryObject(s.Name, doc)
					o.context = fmt.Sprintf("in relationship %q: ", rel.Name)
					b.inconsistent(o, err)
					continue
				}
				q.Relationships = append(q.Relationships, r)
			}
		}
	}
}

func nativeRelationship(s *sourceBuild, q *NativeQuery, doc *document.Relationship) (*NativeRelationship, error) {
	manual := doc.Using.Manual
	if manual == nil || manual.NativeQuery == "" {
		return nil, errors.New("a native query can only be related to native queries")
	}
	i := slices.IndexFunc(s.NativeQueries, func(other *NativeQuery) bool { return other.Name == manual.NativeQuery })
	if i < 0 {
		return nil, fmt.Errorf("Native query %q not found in source %q.", manual.NativeQuery, s.Name) //nolint:staticcheck,revive // v2's words
	}
	r := &NativeRelationship{Name: doc.Name, Comment: doc.Comment, Array: doc.Array, Target: s.NativeQueries[i]}
	if _, ok := q.Returns.Rows.Column(doc.Name); ok || !document.IsGraphQLName(doc.Name) {
		return nil, fmt.Errorf("%q can't be the name of a relationship: it is a field's name or no name at all", doc.Name)
	}
	if len(manual.ColumnMapping) == 0 {
		return nil, errors.New("column_mapping must not be empty")
	}
	for _, p := range manual.ColumnMapping {
		if _, ok := q.Returns.Rows.Column(p.Key); !ok {
			return nil, errNoColumn(p.Key)
		}
		if _, ok := r.Target.Returns.Rows.Column(p.Value); !ok {
			return nil, errNoColumn(p.Value)
		}
		r.Left, r.Right = append(r.Left, p.Key), append(r.Right, p.Value)
	}
	return r, nil
}
