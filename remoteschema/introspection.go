package remoteschema

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	graphql "github.com/hasura/go-graphql-client"
	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/sources"
)

// Schema is what introspection finds.
type Schema struct {
	// Raw is the answer as received, {"data":{"__schema":…}}, which
	// LoadIntrospection reads again.
	Raw []byte
	// Upstream is the schema it describes.
	Upstream *ast.Schema
}

// introspectionFields is the part of the query that all servers know;
// the insertions are for newer ones.
const introspectionFields = `query IntrospectionQuery {
  __schema {
    queryType { name }
    mutationType { name }
    subscriptionType { name }
    types { ...FullType }
    directives { name description %[2]s locations args%[1]s { ...InputValue } }
  }
}
fragment FullType on __Type {
  kind name description %[3]s
  fields(includeDeprecated: true) {
    name description
    args%[1]s { ...InputValue }
    type { ...TypeRef }
    isDeprecated deprecationReason
  }
  inputFields%[1]s { ...InputValue }
  interfaces { ...TypeRef }
  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
  possibleTypes { ...TypeRef }
}
fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue %[4]s }
fragment TypeRef on __Type {
  kind name
  ofType { kind name ofType { kind name ofType { kind name ofType { kind name
  ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } }
}`

// introspectionQueries are tried in order: servers refuse fields that their
// version of GraphQL doesn't have.
func introspectionQueries() []string {
	return []string{
		fmt.Sprintf(introspectionFields, "(includeDeprecated: true)", "isRepeatable", "specifiedByURL isOneOf", "isDeprecated deprecationReason"),
		fmt.Sprintf(introspectionFields, "(includeDeprecated: true)", "isRepeatable", "specifiedByURL", "isDeprecated deprecationReason"),
		fmt.Sprintf(introspectionFields, "", "", "", ""),
	}
}

// Introspect asks the service for its schema.
func (s *Source) Introspect(ctx context.Context) (*Schema, error) {
	var failure error
	for _, query := range introspectionQueries() {
		raw, err := s.introspect(ctx, query)
		if err != nil {
			failure = err
			if refusesQuery(err) {
				continue // an older server, perhaps
			}
			return nil, err
		}
		schema, err := LoadIntrospection(raw)
		if err != nil {
			return nil, err
		}
		if isSubgraph(schema) {
			if raw, schema, err = s.withKeys(ctx, raw, schema); err != nil {
				return nil, err
			}
		}
		s.UseSchema(schema)
		return &Schema{Raw: raw, Upstream: schema}, nil
	}
	return nil, failure
}

// refusesQuery reports whether a server has refused an introspection query, in
// which it may know a field or an argument not: with errors under a status of
// success, or, as most do since GraphQL over HTTP, with a client's error.
func refusesQuery(err error) bool {
	if network, ok := errors.AsType[graphql.NetworkError](err); ok {
		return network.StatusCode() == http.StatusBadRequest || network.StatusCode() == http.StatusUnprocessableEntity
	}
	_, refused := errors.AsType[graphql.Errors](err)
	return refused
}

// errorsOf are the errors of a GraphQL answer, whatever its status; none if the
// body is something else.
func errorsOf(body string) graphql.Errors {
	var answer struct {
		Errors graphql.Errors `json:"errors"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		return nil //nolint:nilerr // no answer of GraphQL's, as any proxy may give
	}
	return answer.Errors
}

// isSubgraph tells whether a service is part of an Apollo federation.
func isSubgraph(schema *ast.Schema) bool {
	return schema.Query.Fields.ForName("_entities") != nil && schema.Query.Fields.ForName("_service") != nil
}

// withKeys asks a subgraph for its schema document, in which, unlike in its
// introspection, the keys of entities stand. It goes into the kept answer's
// extensions. A subgraph that doesn't give it is used without.
func (s *Source) withKeys(ctx context.Context, raw []byte, schema *ast.Schema) ([]byte, *ast.Schema, error) {
	answer, err := s.introspect(ctx, "query IntrospectionQuery { _service { sdl } }")
	if err != nil {
		if ctx.Err() != nil {
			return nil, nil, err
		}
		return raw, schema, nil
	}
	var service struct {
		Data struct {
			Service struct {
				SDL string `json:"sdl"`
			} `json:"_service"`
		} `json:"data"`
	}
	if err := json.Unmarshal(answer, &service); err != nil || service.Data.Service.SDL == "" {
		return raw, schema, nil //nolint:nilerr // used without
	}
	extensions, err := json.Marshal(map[string]string{"sdl": service.Data.Service.SDL})
	if err != nil {
		return nil, nil, fmt.Errorf("keep the schema document: %w", err)
	}
	with := append(raw[:len(raw)-1:len(raw)-1], `,"extensions":`...)
	with = append(append(with, extensions...), '}')
	if schema, err = LoadIntrospection(with); err != nil {
		return nil, nil, err
	}
	return with, schema, nil
}

// introspect sends one introspection query.
func (s *Source) introspect(ctx context.Context, query string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	if err := s.slots.Acquire(ctx, 1); err != nil {
		return nil, s.transportError(ctx, err)
	}
	defer s.slots.Release(1)
	doer := &introspectionDoer{source: s}
	client := graphql.NewClient(s.config.URL, doer).WithRequestModifier(func(r *http.Request) {
		s.setHeaders(r.Header, nil)
	})
	data, err := client.ExecRaw(ctx, query, nil, graphql.OperationName("IntrospectionQuery"))
	switch {
	case doer.err != nil:
		return nil, s.transportError(ctx, doer.err)
	case err != nil:
		return nil, s.introspectionError(doer, err)
	case len(data) == 0 || string(data) == "null":
		return nil, fail("Missing \"data\" field with no errors in response from remote")
	}
	raw := append([]byte(`{"data":`), data...)
	return append(raw, '}'), nil
}

// introspectionDoer sends the client's requests, bounds their answers and keeps
// what messages need to know.
type introspectionDoer struct {
	source *Source
	err    error
	answer *http.Response
}

// Do sends a request.
func (d *introspectionDoer) Do(r *http.Request) (*http.Response, error) {
	answer, err := d.source.client.Do(r)
	if err != nil {
		d.err = err
		return nil, err
	}
	d.answer = answer
	answer.Body = &boundedBody{ReadCloser: answer.Body, doer: d, left: d.source.config.MaxResponseBytes}
	return answer, nil
}

// boundedBody fails when more is read than an answer may hold.
type boundedBody struct {
	io.ReadCloser
	doer *introspectionDoer
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		err = b.doer.source.tooLarge()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.doer.err = err
	}
	return n, err
}

// introspectionError is the error for an answer without a schema.
func (s *Source) introspectionError(d *introspectionDoer, err error) error {
	out := &sources.Error{Code: sources.CodeRemoteSchemaError, Cause: err}
	status, contentType := 0, ""
	if d.answer != nil {
		r := response{contentType: d.answer.Header.Get("Content-Type")}
		status, contentType = d.answer.StatusCode, r.mediaType()
	}
	var network graphql.NetworkError
	var refused graphql.Errors
	switch {
	case errors.As(err, &network):
		out.Message = fmt.Sprintf("introspection query failed: HTTP status %d, content type %q", status, contentType)
		if said := errorsOf(network.Body()); len(said) > 0 {
			out.Message = fmt.Sprintf("introspection query failed with HTTP status %d: %s", status, said[0].Message)
		}
		r := response{status: status, contentType: contentType, body: []byte(network.Body())}
		out.Internal = r.internal()
		out.Cause = network
	case errors.As(err, &refused) && len(refused) > 0 && refused[0].Unwrap() == nil:
		out.Message = "introspection query failed: " + refused[0].Message
		if raw, err := json.Marshal(refused); err == nil {
			out.Internal = json.RawMessage(append(append([]byte(`{"errors":`), raw...), '}'))
		}
	default:
		out.Message = fmt.Sprintf("Remote server response is not valid JSON: HTTP status %d, content type %q", status, contentType)
		out.Cause = errors.Unwrap(firstError(err))
	}
	return out
}

// firstError takes one error out of the client's list.
func firstError(err error) error {
	var list graphql.Errors
	if errors.As(err, &list) && len(list) > 0 {
		return list[0]
	}
	return err
}
