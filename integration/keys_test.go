package integration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"dovetail/internal/testengine"
	"dovetail/internal/testpostgres"
)

// Of 5,000 rows with 100 distinct keys, 100 keys are sent, in as many
// statements as the chunk size asks for.
func TestDistinctKeysAreSentOnce(t *testing.T) {
	const numbers = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) `
	events, places := testpostgres.Database(t), testpostgres.Database(t)
	testpostgres.Execute(t, events, `CREATE TABLE event (id integer PRIMARY KEY, place_id integer NOT NULL);`+
		fmt.Sprintf(numbers, 5000)+`INSERT INTO event SELECT i, i % 100 FROM n`)
	testpostgres.Execute(t, places, `CREATE TABLE place (id integer PRIMARY KEY, name text NOT NULL);`+
		fmt.Sprintf(numbers, 100)+`INSERT INTO place SELECT i - 1, 'place ' || (i - 1) FROM n`)
	for _, test := range []struct {
		chunk string
		want  []int
	}{
		{"", []int{100}},
		{"30", []int{10, 30, 30, 30}},
		{"100", []int{100}},
	} {
		t.Run("chunks of "+test.chunk, func(t *testing.T) {
			left, right := testengine.NewPostgresProxy(t, events), testengine.NewPostgresProxy(t, places)
			options := testengine.Options{}
			if test.chunk != "" {
				options.Env = map[string]string{"DOVETAIL_JOIN_CHUNK_SIZE": test.chunk}
			}
			e := testengine.Start(t, options)
			e.Apply(t, nil, map[string]any{"version": 3, "sources": []any{
				map[string]any{"name": "events", "kind": "postgres", "configuration": postgresConfiguration(left.URL), "tables": []any{
					map[string]any{"table": "event", "remote_relationships": []any{map[string]any{
						"name": "place", "definition": map[string]any{"to_source": map[string]any{
							"relationship_type": "object", "source": "places", "table": "place", "field_mapping": map[string]any{"place_id": "id"},
						}},
					}}},
				}},
				map[string]any{"name": "places", "kind": "postgres", "configuration": postgresConfiguration(right.URL), "tables": []any{
					map[string]any{"table": "place"},
				}},
			}})
			left.Take()
			right.Take()
			received := e.GraphQL(t, nil, `{event(order_by: {id: asc}) {id place {name}}}`)
			var want strings.Builder
			want.WriteString(`{"data":{"event":[`)
			for i := range 5000 {
				if i > 0 {
					want.WriteByte(',')
				}
				fmt.Fprintf(&want, `{"id":%d,"place":{"name":"place %d"}}`, i+1, (i+1)%100)
			}
			want.WriteString(`]}}`)
			if string(received) != want.String() {
				t.Errorf("answer differs, it starts with %.300s", received)
			}
			if got := left.Take(); len(got) != 1 {
				t.Errorf("%d statements for the events: %v", len(got), got)
			}
			keys := []int{}
			for _, one := range right.Take() {
				keys = append(keys, one.Keys)
			}
			slices.Sort(keys)
			if !slices.Equal(keys, test.want) {
				t.Errorf("sent %v keys, want %v", keys, test.want)
			}
		})
	}
}
