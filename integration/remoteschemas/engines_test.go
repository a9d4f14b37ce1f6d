package remoteschemas_test

import (
	"maps"
	"strings"
	"testing"

	"dovetail/internal/testengine"
	"dovetail/internal/testpostgres"
)

// sourceOf is the metadata of a source in a Postgres database.
func sourceOf(address string, customization map[string]any, tables ...any) map[string]any {
	return map[string]any{
		"name": "default", "kind": "postgres", "tables": tables, "customization": customization,
		"configuration": map[string]any{"connection_info": map[string]any{"database_url": address}},
	}
}

func tracked(name string, more map[string]any) map[string]any {
	out := map[string]any{"table": map[string]any{"schema": "public", "name": name}}
	maps.Copy(out, more)
	return out
}

// TestAnEngineAsRemoteSchema has an engine serve another one: scalars, order_by
// and comparisons are types of both, as is a table's where the tables are alike.
func TestAnEngineAsRemoteSchema(t *testing.T) {
	far, near := testpostgres.Database(t), testpostgres.Database(t)
	const alike = `create table country (code text primary key, name text not null); insert into country values ('de', 'Germany'), ('fr', 'France');`
	testpostgres.Execute(t, far, alike+`create table book (id int primary key, title text, printed date, country text); insert into book values (1, 'One', '2001-02-03', 'de'), (2, 'Two', null, 'fr');`)
	testpostgres.Execute(t, near, alike+`create table sale (id int primary key, book int, day date); insert into sale values (1, 2, '2020-01-01'), (2, 1, '2021-01-01');
		create table other (code text primary key, title text); `)
	upstream := testengine.Start(t, testengine.Options{})
	upstream.Apply(t, nil, map[string]any{"version": 3, "sources": []any{sourceOf(far, nil, tracked("book", nil), tracked("country", nil))}})
	toBook := map[string]any{"remote_relationships": []any{map[string]any{"name": "sold", "definition": map[string]any{"to_remote_schema": map[string]any{
		"remote_schema": "books", "lhs_fields": []any{"book"},
		"remote_field": map[string]any{"book_by_pk": map[string]any{"arguments": map[string]any{"id": "$book"}}},
	}}}}}
	metadata := func(customization map[string]any, tables ...any) map[string]any {
		definition := map[string]any{"url": upstream.URL + "/v1/graphql"}
		if customization != nil {
			definition["customization"] = customization
		}
		return map[string]any{
			"version": 3, "sources": []any{sourceOf(near, nil, tables...)},
			"remote_schemas": []any{map[string]any{"name": "books", "definition": definition}},
		}
	}
	e := startEngine(t, nil)

	e.Apply(t, nil, metadata(nil, tracked("sale", toBook)))
	const query = `query ($order: order_by, $day: date_comparison_exp) {
		sale(where: {day: $day}, order_by: {id: $order}) { id sold { title printed } }
		book(where: {printed: $day}, order_by: {id: $order}) { id }
		__type(name: "order_by") { enumValues { name } } }`
	const want = `{"data":{"sale":[{"id":2,"sold":{"title":"One","printed":"2001-02-03"}},{"id":1,"sold":{"title":"Two","printed":null}}],"book":[{"id":1}],` +
		`"__type":{"enumValues":[{"name":"asc"},{"name":"asc_nulls_first"},{"name":"asc_nulls_last"},{"name":"desc"},{"name":"desc_nulls_first"},{"name":"desc_nulls_last"}]}}}`
	_, answer := e.Post(t, "/v1/graphql", nil, testengine.Body(t, query, []byte(`{"order": "desc", "day": {"_is_null": false}}`)))
	if got := strings.TrimSpace(string(answer)); got != want {
		t.Errorf("answered %s\nwant %s", got, want)
	}

	// The whole table is alike; what its name is tells which of the two is meant.
	e.Apply(t, nil, metadata(map[string]any{"root_fields_namespace": "far", "type_names": map[string]any{"mapping": map[string]any{"query_root": "far_query", "mutation_root": "far_mutation"}}},
		tracked("country", nil)))
	if got, want := ask(t, e, `{ country(limit: 1, order_by: {code: asc}) { ...C } far { country(where: {code: {_eq: "fr"}}) { ...C } } } fragment C on country { name }`),
		`{"data":{"country":[{"name":"Germany"}],"far":{"country":[{"name":"France"}]}}}`; got != want {
		t.Errorf("answered %s, want %s", got, want)
	}

	for name, c := range map[string]struct {
		table map[string]any
		cause string
	}{
		"another column": {
			tracked("other", map[string]any{"configuration": map[string]any{"custom_name": "country"}}),
			"Found conflicting definitions for GraphQL type 'country'. The definition at remote schema books differs from the definition at table other in source default. What differs: field name(): String!.",
		},
		"a role sees less": {
			tracked("country", map[string]any{"select_permissions": []any{map[string]any{"role": "user", "permission": map[string]any{"columns": []any{"code"}, "filter": map[string]any{}}}}}),
			`field name(): String!, for role \"user\".`,
		},
		"a table named as a scalar": {
			tracked("other", map[string]any{"configuration": map[string]any{"custom_name": "date"}}), "Found conflicting definitions for GraphQL type 'date'",
		},
	} {
		t.Run(name, func(t *testing.T) {
			status, answer := e.Command(t, "replace_metadata", metadata(map[string]any{"root_fields_namespace": "far", "type_names": map[string]any{"mapping": map[string]any{"query_root": "far_query", "mutation_root": "far_mutation"}}}, c.table))
			if status == 200 || !strings.Contains(answer, c.cause) {
				t.Errorf("status %d: %s", status, answer)
			}
		})
	}
}
