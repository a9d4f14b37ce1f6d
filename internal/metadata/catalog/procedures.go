package catalog

import (
	"errors"
	"fmt"

	"dovetail/internal/metadata/document"
)

// storedProcedures adds the procedures whose results are read like tables to the
// native queries, from which only the way to their rows tells them apart.
func (b *builder) storedProcedures(s *sourceBuild) {
	for _, doc := range s.document.StoredProcedures {
		q, err := b.storedProcedure(s, doc)
		if err != nil {
			b.inconsistent(storedProcedureObject(s.Name, doc), err)
			continue
		}
		s.NativeQueries = append(s.NativeQueries, q)
	}
}

func (b *builder) storedProcedure(s *sourceBuild, doc *document.StoredProcedure) (*NativeQuery, error) {
	name := TableName(doc.Procedure)
	if !s.Capabilities.StoredProcedures {
		return nil, errors.New("stored procedures are only supported for SQL Server")
	}
	q := &NativeQuery{Source: s.Source, Name: doc.CustomName, Procedure: &name}
	if q.Name == "" {
		q.Name = defaultGraphQLName(name)
	}
	if !document.IsGraphQLName(q.Name) {
		return nil, fmt.Errorf("%q is not a valid GraphQL name: set a custom_name", q.Name)
	}
	var err error
	if q.Returns, err = b.nativeReturns(s, doc.Returns, q.Name); err != nil {
		return nil, err
	}
	for _, f := range q.Returns.Fields {
		if f.Model != nil {
			return nil, fmt.Errorf("the field %q of the logical model %q is no column, as a stored procedure would answer it", f.Column.Info.Name, q.Returns.Name)
		}
	}
	q.Arguments, err = s.nativeArguments(doc.Arguments)
	return q, err
}
