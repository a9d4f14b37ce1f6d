package document

import "dovetail/internal/orderedjson"

// QueryCollection is a named list of queries.
type QueryCollection struct {
	Name    string
	Comment *string
	Queries []ListedQuery
}

// ListedQuery is a query of a collection.
type ListedQuery struct{ Name, Query string }

// AllowlistEntry allows a collection, to everyone or to some roles.
type AllowlistEntry struct {
	Collection string
	// Roles is nil for everyone.
	Roles []string
}

// RestEndpoint runs a query of a collection under a URL.
type RestEndpoint struct {
	Name, URL         string
	Methods           []string
	Comment           *string
	Collection, Query string
}

// EndpointQuery is the text of the query that an endpoint runs, if it is there.
func (m *Metadata) EndpointQuery(e *RestEndpoint) (string, bool) {
	for _, c := range m.QueryCollections {
		if c.Name != e.Collection {
			continue
		}
		for _, q := range c.Queries {
			if q.Name == e.Query {
				return q.Query, true
			}
		}
	}
	return "", false
}

func collectionName(c *QueryCollection) string { return c.Name }

func allowlistName(e *AllowlistEntry) string { return e.Collection }

func endpointName(e *RestEndpoint) string { return e.Name }

// ParseQueryCollection reads one entry of query_collections.
func ParseQueryCollection(j orderedjson.Value, path string) (*QueryCollection, error) {
	d := &decoder{}
	c := d.queryCollection(j, path)
	return c, d.err()
}

func (d *decoder) queryCollection(j orderedjson.Value, path string) *QueryCollection {
	o := d.object(j, path, "CreateCollection")
	c := &QueryCollection{Name: o.nonEmpty("name"), Comment: o.textPointer("comment")}
	e := d.object(o.need("definition"), o.at("definition"), "CollectionDef")
	e.need("queries")
	e.list("queries", func(j orderedjson.Value, path string) {
		q := d.object(j, path, "ListedQuery")
		c.Queries = append(c.Queries, ListedQuery{Name: q.nonEmpty("name"), Query: q.text("query")})
		q.done()
	})
	e.done()
	o.done()
	return c
}

// JSON is the collection as exported.
func (c *QueryCollection) JSON() orderedjson.Value {
	queries := orderedjson.Value{Kind: orderedjson.Array}
	for _, q := range c.Queries {
		queries.Items = append(queries.Items, newFields().text("name", q.Name).text("query", q.Query).json)
	}
	return newFields().text("name", c.Name).pointer("comment", c.Comment).
		add("definition", newFields().add("queries", queries).json).json
}

// ParseAllowlistEntry reads one entry of allowlist.
func ParseAllowlistEntry(j orderedjson.Value, path string) (*AllowlistEntry, error) {
	d := &decoder{}
	e := d.allowlistEntry(j, path)
	return e, d.err()
}

func (d *decoder) allowlistEntry(j orderedjson.Value, path string) *AllowlistEntry {
	o := d.object(j, path, "AllowlistEntry")
	e := &AllowlistEntry{Collection: o.nonEmpty("collection")}
	if v, ok := o.get("scope"); ok {
		s := d.object(v, o.at("scope"), "AllowlistScope")
		global := s.boolean("global", false)
		_, hasRoles := s.get("roles")
		switch {
		case global && hasRoles:
			d.fail(o.at("scope"), "roles are not allowed when global is true")
		case !global:
			s.need("roles")
			if e.Roles = s.texts("roles"); hasRoles && len(e.Roles) == 0 {
				// Without roles it would be for everybody.
				d.fail(s.at("roles"), "parsing NonEmpty failed, unexpected empty list")
			}
			unique(d, s.at("roles"), "roles", e.Roles, func(r string) string { return r })
		}
		s.done()
	}
	o.done()
	return e
}

// JSON is the entry as exported.
func (e *AllowlistEntry) JSON() orderedjson.Value {
	scope := newFields().add("global", boolJSON(e.Roles == nil))
	if e.Roles != nil {
		scope.add("roles", textsJSON(e.Roles))
	}
	return newFields().text("collection", e.Collection).add("scope", scope.json).json
}

// ParseRestEndpoint reads one entry of rest_endpoints.
func ParseRestEndpoint(j orderedjson.Value, path string) (*RestEndpoint, error) {
	d := &decoder{}
	e := d.restEndpoint(j, path)
	return e, d.err()
}

func (d *decoder) restEndpoint(j orderedjson.Value, path string) *RestEndpoint {
	o := d.object(j, path, "EndpointMetadata")
	e := &RestEndpoint{Name: o.nonEmpty("name"), URL: o.nonEmpty("url"), Comment: o.textPointer("comment")}
	o.need("methods")
	e.Methods = o.texts("methods")
	for _, m := range e.Methods {
		switch m {
		case "GET", "POST", "PUT", "DELETE", "PATCH":
		default:
			d.fail(o.at("methods"), "unexpected HTTP method %q", m)
		}
	}
	definition := d.object(o.need("definition"), o.at("definition"), "EndpointDef")
	q := d.object(definition.need("query"), definition.at("query"), "QueryReference")
	e.Collection, e.Query = q.nonEmpty("collection_name"), q.nonEmpty("query_name")
	q.done()
	definition.done()
	o.done()
	return e
}

// JSON is the endpoint as exported.
func (e *RestEndpoint) JSON() orderedjson.Value {
	query := newFields().text("collection_name", e.Collection).text("query_name", e.Query)
	return newFields().text("name", e.Name).text("url", e.URL).add("methods", textsJSON(e.Methods)).pointer("comment", e.Comment).
		add("definition", newFields().add("query", query.json).json).json
}
