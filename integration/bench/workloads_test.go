package bench

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
)

// workload is one query, asked of the engine and of the handler written for it.
type workload struct {
	name  string
	title string
	query string
	// variables are asked in turn, as arguments of the handler too.
	variables []map[string]any
	// handler is the path of the handler; reference is what is measured against
	// the engine: the handler, or the database that builds the JSON.
	handler   string
	reference string
	// spaced: the database puts white space into its JSON.
	spaced bool
}

const handWritten = "handler"

// longList is the number of rows of the long list.
const longList = 10_000

const eventFields = "id kind place amount ratio valid happened_at device"

func workloads() []workload {
	var ids, countries []map[string]any
	for i := range 64 {
		ids = append(ids, map[string]any{"id": 1 + i*71%5000})
		countries = append(countries, map[string]any{"country": []string{"SE", "DE", "FR", "GB", "US"}[i%5], "name": fmt.Sprint("Artist number ", 1+i%8)})
	}
	var starts []map[string]any
	for i := range 16 {
		starts = append(starts, map[string]any{"id": i * 300})
	}
	longQuery := fmt.Sprintf("query q {event(order_by: {id: asc}, limit: %d) {%s}}", longList, eventFields)
	return []workload{
		{
			name: "single", title: "one row by its key", handler: "/single", reference: handWritten, variables: ids,
			query: "query q($id: Int!) {artist_by_pk(id: $id) {id name country founded rating}}",
		},
		{
			name: "list", title: "50 rows, filter and order", handler: "/list", reference: handWritten, variables: countries,
			query: `query q($country: String!, $name: String!) {
  artist(where: {country: {_eq: $country}, name: {_gt: $name}}, order_by: {name: asc}, limit: 50) {id name country founded rating}
}`,
		},
		{
			name: "nested", title: "50 rows × 2 lists × 5 rows", handler: "/nested", reference: handWritten, variables: starts,
			query: `query q($id: Int!) {
  artist(where: {id: {_gt: $id}}, order_by: {id: asc}, limit: 50) {
    id name
    concerts(order_by: [{played_on: desc}, {id: asc}], limit: 5) {id city played_on tickets}
    members(order_by: {id: asc}, limit: 5) {id name instrument joined}
  }
}`,
		},
		{
			name: "join", title: "50 rows × 5 rows of the other database", handler: "/join", reference: handWritten, variables: starts,
			query: `query q($id: Int!) {
  artist(where: {id: {_gt: $id}}, order_by: {id: asc}, limit: 50) {
    id name country
    albums(order_by: [{released: desc}, {id: asc}], limit: 5) {id title released price}
  }
}`,
		},
		{
			name: "dedup", title: "5,000 rows, 100 keys of the other database", handler: "/dedup", reference: handWritten,
			query: "query q {play(order_by: {id: asc}) {id listener seconds album {id title released price}}}",
		},
		{
			name: "flat", title: "10,000 rows of 8 columns", handler: "/flat", reference: handWritten, query: longQuery,
		},
		{
			name: "flat-json", title: "10,000 rows, JSON by the database", handler: "/flat-json", reference: "database", query: longQuery, spaced: true,
		},
	}
}

// requests are the workload's requests to the engine and to the handler.
func (w *workload) requests(tb testing.TB, engine, handler string) (ofEngine, ofHandler [][]byte) {
	tb.Helper()
	variables := w.variables
	if variables == nil {
		variables = []map[string]any{{}}
	}
	for _, v := range variables {
		body := map[string]any{"query": w.query}
		if len(v) > 0 {
			body["variables"] = v
		}
		ofEngine = append(ofEngine, rawRequest(engine, "/v1/graphql", marshal(tb, body)))
		ofHandler = append(ofHandler, rawRequest(handler, w.handler, marshal(tb, v)))
	}
	return ofEngine, ofHandler
}

// rawRequest is a POST as it goes over the wire.
func rawRequest(address, path string, body []byte) []byte {
	return fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		http.MethodPost, path, address, len(body), body)
}

func marshal(tb testing.TB, value any) []byte {
	tb.Helper()
	out, err := json.Marshal(value)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}
