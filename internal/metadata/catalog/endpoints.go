package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"dovetail/internal/metadata/document"
	"dovetail/internal/orderedjson"
)

// restEndpoints checks what REST endpoints name, and that every URL leads to one
// of them.
func (b *builder) restEndpoints() {
	var sound []*document.RestEndpoint
	for _, e := range b.in.Metadata.RestEndpoints {
		o := restEndpointObject(e)
		if reason := urlFault(e.URL); reason != "" {
			b.report(o, reason, nil)
			continue
		}
		sound = append(sound, e)
		if err := missingQuery(b.in.Metadata, e); err != nil {
			b.inconsistent(o, err)
		}
	}
	slices.SortStableFunc(sound, func(x, y *document.RestEndpoint) int { return strings.Compare(x.URL, y.URL) })
	for _, group := range ambiguous(sound) {
		b.ambiguousEndpoints(group)
	}
}

func restEndpointObject(e *document.RestEndpoint) object {
	return object{
		kind: ObjectRestEndpoint, name: "rest_endpoint " + e.Name,
		definition: func() any {
			definition, _ := e.JSON().Get("definition")
			return endpointDefinition(e, definition)
		},
		path: ObjectPath{Kind: ObjectRestEndpoint, Name: e.Name},
	}
}

// EndpointInconsistency is an endpoint that can't be served, for a reason that is
// found with the schema.
func EndpointInconsistency(e *document.RestEndpoint, reason string) Inconsistency {
	o := restEndpointObject(e)
	return Inconsistency{
		Type: o.kind, Name: o.name, Definition: o.definition(), Path: o.path,
		Reason: "Inconsistent object: in endpoint " + e.Name + ": " + reason,
	}
}

// endpointDefinition is an endpoint as errors show it: with its comment even if
// it has none.
func endpointDefinition(e *document.RestEndpoint, definition orderedjson.Value) any {
	return map[string]any{"name": e.Name, "url": e.URL, "methods": e.Methods, "comment": e.Comment, "definition": definition}
}

// urlFault says what is wrong with an endpoint's URL by itself; empty: nothing.
func urlFault(url string) string {
	seen := map[string]bool{}
	for segment := range strings.SplitSeq(url, "/") {
		if segment == "" || segment == ":" {
			return "Empty segments or unnamed variables are not allowed: " + url
		}
		if seen[segment] && segment[0] == ':' {
			return "Duplicate variables found in endpoint path: " + url
		}
		seen[segment] = true
	}
	return ""
}

// missingQuery says what an endpoint names that isn't there.
func missingQuery(m *document.Metadata, e *document.RestEndpoint) error {
	if _, ok := m.EndpointQuery(e); ok {
		return nil
	}
	if slices.ContainsFunc(m.QueryCollections, func(c *document.QueryCollection) bool { return c.Name == e.Collection }) {
		return fmt.Errorf("query with name: %s does not exist in collection: %s", e.Query, e.Collection)
	}
	return errors.New("collection with name: " + e.Collection + " does not exist")
}

// ambiguous groups the endpoints that some request could mean just as well as
// another of the group.
func ambiguous(list []*document.RestEndpoint) [][]*document.RestEndpoint {
	var out [][]*document.RestEndpoint
	done := map[*document.RestEndpoint]bool{}
	for _, first := range list {
		if done[first] {
			continue
		}
		group := []*document.RestEndpoint{first}
		done[first] = true
		for i := 0; i < len(group); i++ {
			for _, e := range list {
				if !done[e] && overlap(group[i], e) {
					done[e] = true
					group = append(group, e)
				}
			}
		}
		if len(group) > 1 {
			slices.SortStableFunc(group, func(x, y *document.RestEndpoint) int { return strings.Compare(x.URL, y.URL) })
			out = append(out, group)
		}
	}
	return out
}

// overlap tells whether one request could mean both endpoints.
func overlap(a, b *document.RestEndpoint) bool {
	if !slices.ContainsFunc(a.Methods, func(m string) bool { return slices.Contains(b.Methods, m) }) {
		return false
	}
	left, right := strings.Split(a.URL, "/"), strings.Split(b.URL, "/")
	if len(left) != len(right) {
		return false
	}
	for i := range left {
		if left[i] != right[i] && left[i][0] != ':' && right[i][0] != ':' {
			return false
		}
	}
	return true
}

func (b *builder) ambiguousEndpoints(group []*document.RestEndpoint) {
	var names, urls []string
	var conflicts []Conflict
	for _, e := range group {
		names, urls = append(names, e.Name), append(urls, e.URL)
		query := orderedjson.Value{}
		if text, ok := b.in.Metadata.EndpointQuery(e); ok {
			query = orderedjson.Value{Kind: orderedjson.Object, Keys: []string{"query"}, Items: []orderedjson.Value{jsonText(text)}}
		}
		conflicts = append(conflicts, Conflict{Definition: endpointDefinition(e, query), Path: restEndpointObject(e).path})
	}
	b.catalog.Inconsistencies = append(b.catalog.Inconsistencies, Inconsistency{
		Type: ObjectRestEndpoint, Name: "rest_endpoint " + strings.Join(names, ", "),
		Reason: "Ambiguous URL paths: " + strings.Join(urls, ", "), Conflicts: conflicts,
	})
}
