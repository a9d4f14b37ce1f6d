package rest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
	"dovetail/internal/schema"
	"dovetail/planner"
)

// Check finds the queries of collections that the schema of admins can't answer,
// and the endpoints whose queries are subscriptions.
func Check(c *catalog.Catalog, m *document.Metadata) []catalog.Inconsistency {
	var out []catalog.Inconsistency
	var admin *schema.Schema
	for _, collection := range m.QueryCollections {
		for _, q := range collection.Queries {
			if admin == nil {
				admin = schema.ForRole(c, catalog.AdminRole)
			}
			if faults := faultsOf(admin, q.Query); len(faults) > 0 {
				out = append(out, inconsistency(m, collection, q, faults))
			}
		}
	}
	for _, e := range m.RestEndpoints {
		if text, ok := m.EndpointQuery(e); ok && isSubscription(text) {
			out = append(out, catalog.EndpointInconsistency(e, fmt.Sprintf("query with name %s is a subscription", e.Query)))
		}
	}
	return out
}

// isSubscription reports whether a text is a sound subscription; other faults are
// those of its collection.
func isSubscription(text string) bool {
	document, err := planner.Parse(text, "")
	return err == nil && document.Operation.Operation == ast.Subscription
}

func faultsOf(s *schema.Schema, text string) []string {
	outline, err := Analyse(s, text)
	if err != nil {
		return []string{err.Error()}
	}
	return outline.Faults
}

func inconsistency(m *document.Metadata, c *document.QueryCollection, q document.ListedQuery, faults []string) catalog.Inconsistency {
	reason := fmt.Sprintf("Inconsistent object: In query collection %q the query %q is invalid with the following error(s): %s",
		c.Name, q.Name, quotedBackwards(faults))
	var endpoints []string
	for _, e := range m.RestEndpoints {
		if e.Collection == c.Name && e.Query == q.Name {
			endpoints = append(endpoints, e.Name)
		}
	}
	if len(endpoints) > 0 {
		reason += ". This query is being used in the following REST endpoint(s): " + quotedBackwards(endpoints)
	}
	if slices.ContainsFunc(m.Allowlist, func(e *document.AllowlistEntry) bool { return e.Collection == c.Name }) {
		reason += ". This query is in allowlist."
	}
	return catalog.Inconsistency{
		Type: catalog.ObjectQueryCollections, Name: catalog.ObjectQueryCollections + " " + q.Name + " in " + c.Name, Reason: reason,
		Definition: orderedjson.Value{Kind: orderedjson.Object, Keys: []string{"name", "query"}, Items: []orderedjson.Value{text(q.Name), text(q.Query)}},
		Path:       catalog.ObjectPath{Kind: catalog.ObjectQueryCollections, Collection: c.Name, Name: q.Name},
	}
}

func text(s string) orderedjson.Value { return orderedjson.Value{Kind: orderedjson.String, Text: s} }

// quotedBackwards lists texts as v2 does here: the last one first.
func quotedBackwards(list []string) string {
	quoted := make([]string, 0, len(list))
	for _, s := range slices.Backward(list) {
		quoted = append(quoted, quote(s))
	}
	return strings.Join(quoted, ", ")
}

// quote puts a text into quotes as it is.
func quote(s string) string { return `"` + s + `"` }
