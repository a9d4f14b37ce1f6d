package server

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"

	"dovetail/internal/metadata/command"
	"dovetail/internal/orderedjson"
	"dovetail/planner"
)

// wantedOperation is one operation of a request, read and with the text of a
// persisted query in its place: what is shown to a webhook is what runs.
type wantedOperation struct {
	request *graphQLRequest
	// keep is the hash that the query's text may be kept by once it has proved
	// good.
	keep string
	// refused says why there is no request.
	refused *refusal
}

// wanted is what a request asks for: an operation, or a batch of them.
type wanted struct {
	operations []wantedOperation
	batch      bool
}

// maxRaw is how much of a body is logged that is no request.
const maxRaw = 2 << 10

// one is a request of a single operation.
func one(o wantedOperation) *wanted { return &wanted{operations: []wantedOperation{o}} }

// read reads an operation from its JSON.
func (s *Server) read(j orderedjson.Value) wantedOperation {
	j, keep, refused := s.persisted.expand(j)
	if refused != nil {
		return wantedOperation{refused: refused}
	}
	request, refused := parseGraphQLRequest(j)
	return wantedOperation{request: request, keep: keep, refused: refused}
}

// wantedOperations reads the operations of a request's body, when they are first
// asked for.
func (s *Server) wantedOperations(w http.ResponseWriter, r *http.Request) func() (*wanted, *refusal) {
	info := infoOf(r.Context())
	return sync.OnceValues(func() (*wanted, *refusal) {
		body, failure := s.readBody(w, r)
		if failure != nil {
			return nil, refusedBy(failure)
		}
		// Counted before it is read: reading takes many times the text's size.
		if most := s.config.MaxBatch; most > 0 && orderedjson.Elements(body, most) > most {
			return nil, refuse(http.StatusBadRequest, codeBatchLimit, "$",
				fmt.Sprintf("the batch has more than %d operations (batch-max-operations)", most))
		}
		j, err := orderedjson.Parse(body)
		if err != nil {
			info.raw = string(body[:min(len(body), maxRaw)])
			return nil, refuse(http.StatusBadRequest, command.CodeInvalidJSON, "$", "Error in $: "+err.Error())
		}
		if j.Kind != orderedjson.Array {
			return one(s.read(j)), nil
		}
		out := &wanted{batch: true, operations: make([]wantedOperation, 0, len(j.Items))}
		for _, item := range j.Items {
			out.operations = append(out.operations, s.read(item))
		}
		return out, nil
	})
}

// shown is what those who judge a request are shown of it: exactly what runs.
func (w *wanted) shown() json.RawMessage {
	if !w.batch {
		return w.operations[0].request.appendJSON(nil)
	}
	out := []byte{'['}
	for i := range w.operations {
		if i > 0 {
			out = append(out, ',')
		}
		out = w.operations[i].request.appendJSON(out)
	}
	return append(out, ']')
}

// appendJSON appends the request as clients write it; null for none.
func (r *graphQLRequest) appendJSON(out []byte) []byte {
	if r == nil {
		return append(out, "null"...)
	}
	out = append(out, `{"query":`...)
	out = orderedjson.AppendString(out, r.query)
	if r.operationName != "" {
		out = append(out, `,"operationName":`...)
		out = orderedjson.AppendString(out, r.operationName)
	}
	if len(r.variables) > 0 {
		out = append(out, `,"variables":{`...)
		for i, name := range slices.Sorted(maps.Keys(r.variables)) {
			if i > 0 {
				out = append(out, ',')
			}
			out = orderedjson.AppendString(out, name)
			out = append(out, ':')
			out = r.variables[name].Append(out)
		}
		out = append(out, '}')
	}
	return append(out, '}')
}

// parseGraphQLRequest reads one operation from its JSON.
func parseGraphQLRequest(j orderedjson.Value) (*graphQLRequest, *refusal) {
	bad := func(path, message string) (*graphQLRequest, *refusal) {
		return nil, refuse(http.StatusBadRequest, planner.CodeParseFailed, path, message)
	}
	if j.Kind != orderedjson.Object {
		return bad("$", "parsing GraphQL request failed, expected Object, but encountered "+j.Kind.String())
	}
	out := &graphQLRequest{variables: map[string]orderedjson.Value{}}
	query, ok := j.Get("query")
	if !ok {
		return bad("$", `key "query" not found`)
	}
	if query.Kind != orderedjson.String {
		return bad("$.query", "parsing Text failed, expected String, but encountered "+query.Kind.String())
	}
	out.query = query.Text
	if name, ok := j.Get("operationName"); ok && !name.IsNull() {
		if name.Kind != orderedjson.String {
			return bad("$.operationName", "parsing OperationName failed, expected String, but encountered "+name.Kind.String())
		}
		out.operationName = name.Text
	}
	variables, ok := j.Get("variables")
	if !ok || variables.IsNull() {
		return out, nil
	}
	if variables.Kind != orderedjson.Object {
		return bad("$.variables", "parsing HashMap failed, expected Object, but encountered "+variables.Kind.String())
	}
	variables = variables.WithoutRepeats()
	for i, key := range variables.Keys {
		out.variables[key] = variables.Items[i]
	}
	return out, nil
}
