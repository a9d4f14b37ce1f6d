package command

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
)

func collectionCommands() map[string]command {
	return map[string]command{
		"create_query_collection":                 {edit: createCollection},
		"rename_query_collection":                 {edit: renameCollection},
		"drop_query_collection":                   {edit: dropCollection},
		"add_query_to_collection":                 {edit: addQuery},
		"drop_query_from_collection":              {edit: dropQuery},
		"add_collection_to_allowlist":             {run: allowCollection},
		"update_scope_of_collection_in_allowlist": {edit: updateScope},
		"drop_collection_from_allowlist":          {edit: disallowCollection},
		"create_rest_endpoint":                    {edit: createEndpoint},
		"drop_rest_endpoint":                      {edit: dropEndpoint},
	}
}

func collection(m *document.Metadata, name string) (*document.QueryCollection, bool) {
	i := slices.IndexFunc(m.QueryCollections, func(q *document.QueryCollection) bool { return q.Name == name })
	if i < 0 {
		return nil, false
	}
	return m.QueryCollections[i], true
}

func noCollection(name string) error {
	return fail(CodeNotExists, "query collection with name %q does not exist", name)
}

func createCollection(c *call, m *document.Metadata) (subject, error) {
	q, err := document.ParseQueryCollection(c.args, argsPath)
	if err != nil {
		return subject{}, parseError(err, argsPath)
	}
	if _, ok := collection(m, q.Name); ok {
		return subject{}, fail(CodeAlreadyExists, "query collection with name %q already exists", q.Name)
	}
	seen := map[string]int{}
	var twice []string
	for _, query := range q.Queries {
		if seen[query.Name]++; seen[query.Name] == 2 {
			twice = append(twice, fmt.Sprintf("%q", query.Name))
		}
	}
	if len(twice) > 0 {
		return subject{}, fail(CodeNotSupported, "found duplicate query names %s", strings.Join(twice, ", "))
	}
	for i, query := range q.Queries {
		if err := parsable(query.Query, fmt.Sprintf("%s.definition.queries[%d].query", argsPath, i)); err != nil {
			return subject{}, err
		}
	}
	m.QueryCollections = append(m.QueryCollections, q)
	return subject{}, nil
}

// maxQueryTokens bounds the queries of collections.
const maxQueryTokens = 200_000

// parsable refuses what isn't GraphQL; whether it suits the schema is seen when
// the change is judged.
func parsable(text, path string) error {
	if _, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, maxQueryTokens); err != nil {
		return parseError(fmt.Errorf("not a valid graphql query: %w", err), path)
	}
	return nil
}

func renameCollection(c *call, m *document.Metadata) (subject, error) {
	o := c.object()
	name, renamed := o.nonEmpty("name"), o.nonEmpty("new_name")
	if err := o.err(); err != nil {
		return subject{}, err
	}
	q, ok := collection(m, name)
	if !ok {
		return subject{}, noCollection(name)
	}
	if _, taken := collection(m, renamed); taken {
		return subject{}, fail(CodeAlreadyExists, "query collection with name %q already exists", renamed)
	}
	q.Name = renamed
	for _, e := range m.Allowlist {
		e.Collection = swap(e.Collection, name, renamed)
	}
	for _, e := range m.RestEndpoints {
		e.Collection = swap(e.Collection, name, renamed)
	}
	return subject{}, nil
}

func dropCollection(c *call, m *document.Metadata) (subject, error) {
	o := c.object()
	name, cascade := o.nonEmpty("collection"), o.boolean("cascade", false)
	if err := o.err(); err != nil {
		return subject{}, err
	}
	if _, ok := collection(m, name); !ok {
		return subject{}, noCollection(name)
	}
	if allowed(m, name) >= 0 {
		if !cascade {
			return subject{}, fail(CodeDependencyError, "query collection with name %q is present in the allowlist; cannot proceed to drop. "+
				"please use cascade to confirm you wish to drop it from the allowlist as well", name)
		}
		removeAll(&m.Allowlist, func(e *document.AllowlistEntry) bool { return e.Collection == name })
	}
	if err := notInEndpoints(m, name, ""); err != nil {
		return subject{}, err
	}
	removeAll(&m.QueryCollections, func(q *document.QueryCollection) bool { return q.Name == name })
	return subject{}, nil
}

// notInEndpoints refuses what would leave a REST endpoint without its query.
func notInEndpoints(m *document.Metadata, name, query string) error {
	var users []string
	for _, e := range m.RestEndpoints {
		if e.Collection == name && (query == "" || e.Query == query) {
			users = append(users, e.Name)
		}
	}
	if len(users) > 0 {
		return fail(CodeDependencyError, "cannot drop due to the following dependent objects: rest_endpoint %s", joinNames(users))
	}
	return nil
}

func addQuery(c *call, m *document.Metadata) (subject, error) {
	o := c.object()
	name, query, text := o.nonEmpty("collection_name"), o.nonEmpty("query_name"), o.text("query")
	if err := o.err(); err != nil {
		return subject{}, err
	}
	if err := parsable(text, argsPath+".query"); err != nil {
		return subject{}, err
	}
	q, ok := collection(m, name)
	if !ok {
		return subject{}, noCollection(name)
	}
	for _, x := range q.Queries {
		if x.Name == query {
			return subject{}, fail(CodeAlreadyExists, "query with name %q already exists in collection %q", query, name)
		}
	}
	q.Queries = append(q.Queries, document.ListedQuery{Name: query, Query: text})
	return subject{}, nil
}

func dropQuery(c *call, m *document.Metadata) (subject, error) {
	o := c.object()
	name, query := o.nonEmpty("collection_name"), o.nonEmpty("query_name")
	if err := o.err(); err != nil {
		return subject{}, err
	}
	q, ok := collection(m, name)
	if !ok {
		return subject{}, noCollection(name)
	}
	if err := notInEndpoints(m, name, query); err != nil {
		return subject{}, err
	}
	if !removeAll(&q.Queries, func(x document.ListedQuery) bool { return x.Name == query }) {
		return subject{}, fail(CodeNotExists, "query with name %q does not exist in collection %q", query, name)
	}
	return subject{}, nil
}

func allowed(m *document.Metadata, name string) int {
	return slices.IndexFunc(m.Allowlist, func(e *document.AllowlistEntry) bool { return e.Collection == name })
}

func (c *call) allowlistEntry(m *document.Metadata) (*document.AllowlistEntry, error) {
	e, err := document.ParseAllowlistEntry(c.args, argsPath)
	if err != nil {
		return nil, parseError(err, argsPath)
	}
	if _, ok := collection(m, e.Collection); !ok {
		return nil, noCollection(e.Collection)
	}
	return e, nil
}

func allowCollection(ctx context.Context, c *call) ([]byte, error) {
	e, err := c.allowlistEntry(c.metadata())
	if err != nil {
		return nil, err
	}
	if i := allowed(c.metadata(), e.Collection); i >= 0 {
		text := fmt.Sprintf("collection %q already exists in the allowlist", e.Collection)
		if have := c.metadata().Allowlist[i]; !slices.Equal(have.Roles, e.Roles) || (have.Roles == nil) != (e.Roles == nil) {
			text += ", scope ignored; to change scope, use update_scope_of_collection_in_allowlist"
		}
		return marshal(map[string]any{"message": text})
	}
	err = c.change(ctx, func(_ *call, m *document.Metadata) (subject, error) {
		m.Allowlist = append(m.Allowlist, e)
		return subject{}, nil
	})
	if err != nil {
		return nil, err
	}
	return success(), nil
}

func updateScope(c *call, m *document.Metadata) (subject, error) {
	c.object().required("scope")
	e, err := c.allowlistEntry(m)
	if err != nil {
		return subject{}, err
	}
	i := allowed(m, e.Collection)
	if i < 0 {
		return subject{}, fail(CodeNotFound, "collection %q doesn't exist in the allowlist", e.Collection)
	}
	m.Allowlist[i] = e
	return subject{}, nil
}

func disallowCollection(c *call, m *document.Metadata) (subject, error) {
	o := c.object()
	name := o.nonEmpty("collection")
	if err := o.err(); err != nil {
		return subject{}, err
	}
	if !removeAll(&m.Allowlist, func(e *document.AllowlistEntry) bool { return e.Collection == name }) {
		return subject{}, fail(CodeNotFound, "collection %q doesn't exist in the allowlist", name)
	}
	return subject{}, nil
}

func createEndpoint(c *call, m *document.Metadata) (subject, error) {
	e, err := document.ParseRestEndpoint(c.args, argsPath)
	if err != nil {
		return subject{}, parseError(err, argsPath)
	}
	for _, x := range m.RestEndpoints {
		if x.Name == e.Name {
			return subject{}, fail(CodeAlreadyExists, "Endpoint with name: %s already exists", e.Name)
		}
	}
	q, ok := collection(m, e.Collection)
	if !ok {
		return subject{}, fail(CodeNotExists, "collection with name: %s does not exist", e.Collection)
	}
	i := slices.IndexFunc(q.Queries, func(x document.ListedQuery) bool { return x.Name == e.Query })
	if i < 0 {
		return subject{}, fail(CodeNotExists, "query with name: %s does not exist in collection: %s", e.Query, e.Collection)
	}
	m.RestEndpoints = append(m.RestEndpoints, e)
	return subject{kind: catalog.ObjectRestEndpoint, name: e.Name}, nil
}

func dropEndpoint(c *call, m *document.Metadata) (subject, error) {
	o := c.object()
	name := o.nonEmpty("name")
	if err := o.err(); err != nil {
		return subject{}, err
	}
	if !removeAll(&m.RestEndpoints, func(e *document.RestEndpoint) bool { return e.Name == name }) {
		return subject{}, fail(CodeNotExists, "endpoint with name: %s does not exist", name)
	}
	return subject{}, nil
}
