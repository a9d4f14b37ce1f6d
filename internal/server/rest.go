package server

import (
	"bytes"
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/command"
	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/live"
	"dovetail/internal/orderedjson"
	"dovetail/internal/rest"
)

const restPrefix = "/api/rest/"

// restMatch is an endpoint that a path leads to, with what its variables are.
type restMatch struct {
	endpoint  *document.RestEndpoint
	variables map[string]string
}

// matchEndpoints finds the endpoints of a path, whatever their methods.
func matchEndpoints(list []*document.RestEndpoint, path string) []restMatch {
	segments := strings.Split(strings.TrimSuffix(path, "/"), "/")
	var out []restMatch
	for _, e := range list {
		parts := strings.Split(strings.Trim(e.URL, "/"), "/")
		if len(parts) != len(segments) {
			continue
		}
		found := restMatch{endpoint: e, variables: map[string]string{}}
		for i, part := range parts {
			value, err := url.PathUnescape(segments[i])
			if err != nil {
				value = segments[i]
			}
			if name, ok := strings.CutPrefix(part, ":"); ok {
				found.variables[name] = value
			} else if part != value {
				found.endpoint = nil
				break
			}
		}
		if found.endpoint != nil {
			out = append(out, found)
		}
	}
	return out
}

// handleREST answers an endpoint that runs a query of a collection: with the
// query's data alone, or an error in the admin API's shape.
func (s *Server) handleREST(w http.ResponseWriter, r *http.Request) {
	var state *live.State
	release := func() {}
	defer func() { release() }()
	wanted := sync.OnceValues(func() (*wanted, *refusal) {
		body, failure := s.readBody(w, r)
		if failure != nil {
			return nil, refusedBy(failure)
		}
		state, release = s.live.Acquire()
		request, failure := restRequest(state.Metadata, r, body)
		if failure != nil {
			return nil, refusedBy(failure)
		}
		return one(s.read(request)), nil
	})
	at := endpoint{adminErrors: true}
	who, failure := s.authenticate(w, r, wanted)
	if failure != nil {
		s.writeError(w, r, failure, false)
		return
	}
	in, refused := wanted()
	if refused != nil {
		s.writeRefusal(w, r, refused, who.Admin(), at)
		return
	}
	answer, refused := s.operationAt(r, state, who, &in.operations[0], at)
	if refused != nil {
		s.writeRefusal(w, r, refused, who.Admin(), at)
		return
	}
	defer answer.Release()
	if len(answer.Errors) > 0 {
		e := answer.Errors[0]
		refused := refuse(statusOf(e.Code), e.Code, e.Location, e.Message)
		refused.internal = e.Internal
		s.writeRefusal(w, r, refused, who.Admin(), at)
		return
	}
	setCookies(w, answer)
	w.Header().Set("Content-Type", jsonContentType)
	out := newResponseWriter(w)
	answer.WriteData(out.bytes)
	out.flush(r, s)
}

// handleSwagger describes the REST endpoints to admins.
func (s *Server) handleSwagger(w http.ResponseWriter, r *http.Request) {
	if !s.onlyAdmins(w, r) {
		return
	}
	state, release := s.live.Acquire()
	defer release()
	s.writeValue(w, r, rest.Build(s.plans.Of(state).schema(state.Catalog, catalog.AdminRole, false, false), state.Metadata))
}

func chooseEndpoint(matches []restMatch, method string) (restMatch, *command.Error) {
	if len(matches) == 0 {
		return restMatch{}, &command.Error{Status: http.StatusNotFound, Code: command.CodeNotFound, Path: "$", Message: "Endpoint not found"}
	}
	var methods []string
	for _, m := range matches {
		if slices.Contains(m.endpoint.Methods, method) {
			return m, nil
		}
		methods = append(methods, m.endpoint.Methods...)
	}
	slices.Sort(methods)
	return restMatch{}, &command.Error{
		Status: http.StatusMethodNotAllowed, Code: command.CodeMethodNotAllowed, Path: "$",
		Message: "Allowed methods: " + strings.Join(slices.Compact(methods), ", "),
	}
}

// restRequest makes the GraphQL request of the endpoint that a request leads to.
// A variable is taken from the path, else the URL's query, else the body.
func restRequest(m *document.Metadata, r *http.Request, body []byte) (orderedjson.Value, *command.Error) {
	matches := matchEndpoints(m.RestEndpoints, strings.TrimPrefix(r.URL.EscapedPath(), restPrefix))
	match, failure := chooseEndpoint(matches, r.Method)
	if failure != nil {
		return orderedjson.Value{}, failure
	}
	query := r.URL.Query()
	text, ok := m.EndpointQuery(match.endpoint)
	if !ok {
		return orderedjson.Value{}, &command.Error{
			Status: http.StatusInternalServerError, Code: command.CodeUnexpected, Path: "$",
			Message: "the query of the endpoint " + strconv.Quote(match.endpoint.Name) + " does not exist",
		}
	}
	var given orderedjson.Value
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "application/x-www-form-urlencoded" && !looksLikeJSON(body) {
		if query, failure = withForm(query, body); failure != nil {
			return orderedjson.Value{}, failure
		}
	} else if given, failure = bodyVariables(body); failure != nil {
		return orderedjson.Value{}, failure
	}
	variables := orderedjson.Value{Kind: orderedjson.Object}
	parsed, err := parser.ParseQuery(&ast.Source{Input: text})
	if err == nil && len(parsed.Operations) == 1 { // otherwise planning says what is wrong
		for _, d := range parsed.Operations[0].VariableDefinitions {
			value, ok := restVariable(d, match.variables, query, given)
			if ok {
				variables.Keys, variables.Items = append(variables.Keys, d.Variable), append(variables.Items, value)
			}
		}
	}
	return orderedjson.Value{
		Kind: orderedjson.Object, Keys: []string{"query", "variables"},
		Items: []orderedjson.Value{{Kind: orderedjson.String, Text: text}, variables},
	}, nil
}

// looksLikeJSON reports whether a body is meant as JSON: curl and others call
// every body a form unless they are told otherwise.
func looksLikeJSON(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(body), []byte{'{'})
}

// withForm adds the variables of a form to those of the URL, which count first.
func withForm(query url.Values, body []byte) (url.Values, *command.Error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, &command.Error{
			Status: http.StatusBadRequest, Code: command.CodeParseFailed, Path: "$", Message: "the form could not be read: " + err.Error(),
		}
	}
	maps.Copy(form, query)
	return form, nil
}

// bodyVariables are the variables that a body of JSON gives.
func bodyVariables(body []byte) (orderedjson.Value, *command.Error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return orderedjson.Value{}, nil
	}
	j, err := orderedjson.Parse(body)
	if err != nil {
		return j, &command.Error{Status: http.StatusBadRequest, Code: command.CodeInvalidJSON, Path: "$", Message: "Error in $: " + err.Error()}
	}
	if j.Kind != orderedjson.Object {
		return j, &command.Error{
			Status: http.StatusBadRequest, Code: command.CodeParseFailed, Path: "$",
			Message: "parsing variables failed, expected Object, but encountered " + j.Kind.String(),
		}
	}
	return j, nil
}

func restVariable(d *ast.VariableDefinition, path map[string]string, query url.Values, body orderedjson.Value) (orderedjson.Value, bool) {
	if text, ok := path[d.Variable]; ok {
		return fromText(d.Type, text), true
	}
	if values, ok := query[d.Variable]; ok {
		if len(values) > 1 && d.Type.Elem != nil {
			list := orderedjson.Value{Kind: orderedjson.Array}
			for _, text := range values {
				list.Items = append(list.Items, fromText(d.Type.Elem, text))
			}
			return list, true
		}
		if values[0] == "" && d.Type.NamedType == "Boolean" {
			return orderedjson.Value{Kind: orderedjson.Bool, Text: "true"}, true // a flag
		}
		return fromText(d.Type, values[0]), true
	}
	return body.Get(d.Variable)
}

// fromText reads a variable's text by its declared type: what is text by its
// type stays so, other types are JSON where the text is.
func fromText(t *ast.Type, text string) orderedjson.Value {
	plain := orderedjson.Value{Kind: orderedjson.String, Text: text}
	switch strings.ToLower(t.NamedType) {
	case "string", "id", "uuid", "text", "varchar", "char", "bpchar", "citext", "name", "date", "time", "timetz", "timestamp",
		"timestamptz", "bytea":
		return plain
	}
	if !json.Valid([]byte(text)) {
		return plain
	}
	j, err := orderedjson.Parse([]byte(text))
	if err != nil {
		return plain
	}
	return j
}
