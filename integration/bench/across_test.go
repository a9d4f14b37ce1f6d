package bench

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"dovetail/internal/testpostgres"
)

// The tables of the conditions that cross: 100,000 customers, and 1,000,000
// orders of theirs.
const (
	customersScript = `CREATE TABLE customer (id int PRIMARY KEY, name text, country text);
INSERT INTO customer SELECT g, 'c' || g, 'X' || (g % 1000) FROM generate_series(1, 100000) g;
CREATE INDEX ON customer (country); ANALYZE customer;`
	ordersScript = `CREATE TABLE orders (id int PRIMARY KEY, customer_id int, total numeric, code text);
INSERT INTO orders SELECT g, 1 + (g::bigint * 7919) % 100000, g * 1.5, 'k' || (g % 50000) FROM generate_series(1, 1000000) g;
CREATE INDEX ON orders (customer_id); CREATE INDEX ON orders (code); ANALYZE orders;`
)

// acrossMetadata has the tables twice: in two databases, and (their fields
// beginning with one_) in one.
const acrossMetadata = `{"version": 3, "sources": [
 {"name": "crm", "kind": "postgres", "configuration": {"connection_info": {"database_url": "%s"}}, "tables": [
  {"table": {"schema": "public", "name": "customer"}, "remote_relationships": [{"name": "orders", "definition": {"to_source":
   {"relationship_type": "array", "source": "shop", "table": {"schema": "public", "name": "orders"}, "field_mapping": {"id": "customer_id"}}}}]}]},
 {"name": "shop", "kind": "postgres", "configuration": {"connection_info": {"database_url": "%s"}}, "tables": [
  {"table": {"schema": "public", "name": "orders"}, "remote_relationships": [{"name": "customer", "definition": {"to_source":
   {"relationship_type": "object", "source": "crm", "table": {"schema": "public", "name": "customer"}, "field_mapping": {"customer_id": "id"}}}}]}]},
 {"name": "one", "kind": "postgres", "configuration": {"connection_info": {"database_url": "%s"}},
  "customization": {"root_fields": {"prefix": "one_"}, "type_names": {"prefix": "one_"}}, "tables": [
  {"table": {"schema": "public", "name": "customer"}, "array_relationships": [{"name": "orders", "using": {"manual_configuration":
   {"remote_table": {"schema": "public", "name": "orders"}, "column_mapping": {"id": "customer_id"}}}}]},
  {"table": {"schema": "public", "name": "orders"}, "object_relationships": [{"name": "customer", "using": {"manual_configuration":
   {"remote_table": {"schema": "public", "name": "customer"}, "column_mapping": {"customer_id": "id"}}}}]}]}]}`

// BenchmarkAcross compares conditions and orderings through a relationship into
// another database with the same in one database, both by the engine.
func BenchmarkAcross(b *testing.B) {
	crm, shop, one := testpostgres.Database(b), testpostgres.Database(b), testpostgres.Database(b)
	execute(b, crm, customersScript)
	execute(b, shop, ordersScript)
	execute(b, one, customersScript, ordersScript)
	engine := startEngine(b, "serve")
	engine.replaceMetadata(b, fmt.Sprintf(acrossMetadata, crm, shop, one))
	var table strings.Builder
	table.WriteString("\n| condition or ordering | two databases | one | ratio |\n|---|---|---|---|\n")
	for _, c := range []struct{ name, query string }{
		{"selective on the other side", `orders(where: {customer: {country: {_eq: "X7"}}}, order_by: {id: asc}, limit: 50) {id total}`},
		{"selective here", `orders(where: {code: {_eq: "k77"}, customer: {name: {_like: "c%"}}}, order_by: {id: asc}) {id total}`},
		{"selective on both sides", `orders(where: {code: {_eq: "k77"}, customer: {country: {_eq: "X7"}}}, order_by: {id: asc}) {id total}`},
		{"a list on the other side", `customer(where: {country: {_eq: "X7"}, orders: {total: {_gt: 1499000}}}, order_by: {id: asc}) {id}`},
		{"the order of the other side", `orders(where: {code: {_eq: "k77"}}, order_by: [{customer: {name: asc}}, {id: asc}]) {id}`},
		{"an aggregate of the other side", `customer(where: {country: {_eq: "X7"}, orders_aggregate: {count: {predicate: {_gt: 9}}}}, order_by: {id: asc}) {id}`},
		{"the order of its aggregate", `customer(where: {country: {_eq: "X7"}}, order_by: [{orders_aggregate: {count: desc}}, {id: asc}], limit: 10) {id}`},
	} {
		b.Run(strings.ReplaceAll(c.name, " ", "-"), func(b *testing.B) {
			apart, together := engine.asks(b, "{"+c.query+"}"), engine.asks(b, "{one_"+c.query+"}")
			if got, want := apart(), bytes.ReplaceAll(together(), []byte("one_"), nil); !bytes.Equal(got, want) {
				b.Fatalf("two databases answer\n%.500s\none\n%.500s", got, want)
			}
			var two, oneDatabase []time.Duration
			for b.Loop() {
				two = append(two, duration(apart))
				oneDatabase = append(oneDatabase, duration(together))
			}
			ratio := float64(median(two)) / float64(median(oneDatabase))
			b.ReportMetric(ratio, "ratio")
			fmt.Fprintf(&table, "| %s | %.1f ms | %.1f ms | %.2f |\n", c.name, microseconds(median(two))/1000,
				microseconds(median(oneDatabase))/1000, ratio)
		})
	}
	tell(b, "%s", table.String())
}

// asks gives a function that sends a query over a connection of its own.
func (p *process) asks(b *testing.B, query string) func() []byte {
	b.Helper()
	c, err := dial(b.Context(), p.address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := c.close(); err != nil {
			b.Error(err)
		}
	})
	request := rawRequest(p.address, "/v1/graphql", marshal(b, map[string]any{"query": query}))
	return func() []byte {
		var body bytes.Buffer
		status, _, err := c.ask(request, &body)
		if err != nil || status != http.StatusOK {
			b.Fatalf("status %d: %v", status, err)
		}
		return body.Bytes()
	}
}

func duration(f func() []byte) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}
