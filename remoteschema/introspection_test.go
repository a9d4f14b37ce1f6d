package remoteschema

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"

	"dovetail/sources"
)

// sdl writes a schema as GraphQL's schema definition language, without GraphQL's
// own types.
func sdl(schema *ast.Schema) string {
	var out strings.Builder
	formatter.NewFormatter(&out, formatter.WithIndent("  ")).FormatSchema(schema)
	return out.String()
}

// TestIntrospectRoundTrip reads the real service's schema and holds it against
// the text it was made from.
func TestIntrospectRoundTrip(t *testing.T) {
	service := startService(t)
	source := openSource(t, Config{URL: service.URL})
	schema, err := source.Introspect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := sdl(schema.Upstream), sdl(testSchema()); got != want {
		t.Errorf("introspected:\n%s\nwritten:\n%s", got, want)
	}
	again, err := LoadIntrospection(schema.Raw)
	if err != nil {
		t.Fatal(err)
	}
	if sdl(again) != sdl(schema.Upstream) {
		t.Error("the stored introspection reads differently")
	}
	var raw struct {
		Data struct {
			Schema json.RawMessage `json:"__schema"`
		} `json:"data"`
	}
	if err := json.Unmarshal(schema.Raw, &raw); err != nil || len(raw.Data.Schema) == 0 {
		t.Errorf("%s: %v", schema.Raw, err)
	}
	if source.schema.Load() == nil {
		t.Error("the compiler doesn't know the schema")
	}
	upstream := schema.Upstream
	if upstream.Query.Name != "TheQuery" || upstream.Mutation.Name != "TheMutation" || upstream.Subscription != nil {
		t.Error("roots")
	}
	if n := len(upstream.PossibleTypes["Node"]); n != 2 {
		t.Errorf("%d possible types of Node", n)
	}
	// What was read again is text that parses again.
	if _, err := gqlparser.LoadSchema(&ast.Source{Input: sdl(upstream)}); err != nil {
		t.Error(err)
	}
}

// everything is an introspection with everything that there is.
const everything = `{"__schema":{"queryType":{"name":"Root"},"mutationType":null,"subscriptionType":{"name":"Events"},"types":[
 {"kind":"SCALAR","name":"String"},{"kind":"OBJECT","name":"__Schema","fields":[]},
 {"kind":"SCALAR","name":"Date","description":"A day.","specifiedByURL":"https://example.com/date"},
 {"kind":"INTERFACE","name":"Thing","fields":[{"name":"id","args":[],"type":{"kind":"NON_NULL","ofType":{"kind":"SCALAR","name":"ID"}}}],"interfaces":[],"possibleTypes":[{"kind":"OBJECT","name":"Cat"}]},
 {"kind":"INTERFACE","name":"Pet","fields":[{"name":"id","args":[],"type":{"kind":"NON_NULL","ofType":{"kind":"SCALAR","name":"ID"}}}],"interfaces":[{"kind":"INTERFACE","name":"Thing"}],"possibleTypes":[{"kind":"OBJECT","name":"Cat"}]},
 {"kind":"OBJECT","name":"Cat","interfaces":null,"fields":[
   {"name":"id","args":[],"type":{"kind":"NON_NULL","ofType":{"kind":"SCALAR","name":"ID"}}},
   {"name":"born","args":[],"type":{"kind":"SCALAR","name":"Date"},"isDeprecated":true,"deprecationReason":"cats \"are\"\nsecretive"},
   {"name":"lives","args":[{"name":"gone","type":{"kind":"SCALAR","name":"Int"},"defaultValue":"-1","isDeprecated":true}],"type":{"kind":"LIST","ofType":{"kind":"LIST","ofType":{"kind":"SCALAR","name":"Int"}}}}]},
 {"kind":"UNION","name":"Any","possibleTypes":[{"kind":"OBJECT","name":"Cat"}]},
 {"kind":"ENUM","name":"Mood","enumValues":[{"name":"GOOD","description":"rare"},{"name":"BAD","isDeprecated":true,"deprecationReason":null}]},
 {"kind":"INPUT_OBJECT","name":"Wish","inputFields":[
   {"name":"mood","type":{"kind":"ENUM","name":"Mood"},"defaultValue":"GOOD"},
   {"name":"words","type":{"kind":"LIST","ofType":{"kind":"SCALAR","name":"String"}},"defaultValue":"[\"a\", \"b}\"]"},
   {"name":"more","type":{"kind":"INPUT_OBJECT","name":"Wish"},"defaultValue":"{mood: BAD, words: null}"}]},
 {"kind":"INPUT_OBJECT","name":"Either","isOneOf":true,"inputFields":[{"name":"a","type":{"kind":"SCALAR","name":"Int"}}]},
 {"kind":"OBJECT","name":"Root","interfaces":[],"fields":[{"name":"any","description":"All of it.","args":[{"name":"wish","type":{"kind":"INPUT_OBJECT","name":"Wish"},"defaultValue":null}],"type":{"kind":"UNION","name":"Any"}}]},
 {"kind":"OBJECT","name":"Events","interfaces":[],"fields":[{"name":"meow","args":[],"type":{"kind":"SCALAR","name":"String"}}]}],
 "directives":[{"name":"include","locations":["FIELD"],"args":[]},{"name":"loud","description":"Shout.","isRepeatable":true,"locations":["FIELD","OBJECT"],"args":[{"name":"times","type":{"kind":"SCALAR","name":"Int"},"defaultValue":"3"}]}]}}`

func TestLoadIntrospection(t *testing.T) {
	schema, err := LoadIntrospection([]byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	const want = `schema {
  query: Root
  subscription: Events
}
"""
Shout.
"""
directive @loud(times: Int = 3) repeatable on FIELD | OBJECT
union Any = Cat
type Cat implements Thing & Pet {
  id: ID!
  born: Date @deprecated(reason: "cats \"are\"\nsecretive")
  lives(gone: Int = -1 @deprecated): [[Int]]
}
"""
A day.
"""
scalar Date @specifiedBy(url: "https://example.com/date")
input Either @oneOf {
  a: Int
}
type Events {
  meow: String
}
enum Mood {
  """
  rare
  """
  GOOD
  BAD @deprecated
}
interface Pet implements Thing {
  id: ID!
}
type Root {
  """
  All of it.
  """
  any(wish: Wish): Any
}
interface Thing {
  id: ID!
}
input Wish {
  mood: Mood = GOOD
  words: [String] = ["a","b}"]
  more: Wish = {mood:BAD,words:null}
}
`
	if got := sdl(schema); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestLoadIntrospectionRefuses(t *testing.T) {
	for name, test := range map[string]struct{ from, to, want string }{
		"not JSON":              {everything, `<html>`, "can't be read"},
		"no schema":             {everything, `{"data":{}}`, `lacks "__schema"`},
		"no query root":         {`{"name":"Root"}`, `null`, "query root does not exist"},
		"unknown query root":    {`{"name":"Root"}`, `{"name":"Nowhere"}`, "Nowhere"},
		"root is no object":     {`{"name":"Root"}`, `{"name":"Mood"}`, "Mood"},
		"odd type name":         {`"name":"Date","desc`, `"name":"Da te","desc`, "not a GraphQL name"},
		"odd field name":        {`"name":"born"`, `"name":"born) { x }"`, "not a GraphQL name"},
		"odd argument name":     {`"name":"gone"`, `"name":""`, "not a GraphQL name"},
		"odd enum value":        {`"name":"GOOD"`, `"name":"GO-OD"`, "not a GraphQL name"},
		"odd directive":         {`"name":"loud"`, `"name":"lo ud"`, "not a GraphQL name"},
		"odd kind":              {`"kind":"ENUM","name":"Mood","enum`, `"kind":"THING","name":"Mood","enum`, "unknown kind"},
		"odd default":           {`"defaultValue":"GOOD"`, `"defaultValue":"GO OD }"`, "default value of Wish.mood"},
		"default with more":     {`"defaultValue":"GOOD"`, `"defaultValue":"GOOD x: Int"`, "default value of Wish.mood"},
		"default with a type":   {`"defaultValue":"GOOD"`, `"defaultValue":"GOOD } type X { a: Int"`, "default value of Wish.mood"},
		"incomplete type":       {`{"kind":"LIST","ofType":{"kind":"SCALAR","name":"Int"}}`, `{"kind":"LIST"}`, "is incomplete"},
		"unknown union member":  {`"name":"Any","possibleTypes":[{"kind":"OBJECT","name":"Cat"}]`, `"name":"Any","possibleTypes":[{"kind":"OBJECT","name":"Dog"}]`, `may be "Dog"`},
		"unknown field type":    {`{"kind":"SCALAR","name":"Date"}`, `{"kind":"SCALAR","name":"Dates"}`, "Undefined type Dates"},
		"interface not kept to": {`"name":"Thing","fields":[{"name":"id"`, `"name":"Thing","fields":[{"name":"ident"`, "not valid"},
		"too deep":              {`"type":{"kind":"SCALAR","name":"Date"}`, `"type":` + strings.Repeat(`{"kind":"LIST","ofType":`, 100) + `{}` + strings.Repeat("}", 100), "nested too deep"},
	} {
		text := strings.Replace(everything, test.from, test.to, 1)
		if text == everything {
			t.Errorf("%s: nothing replaced", name)
		}
		_, err := LoadIntrospection([]byte(text))
		var failed *sources.Error
		if !errors.As(err, &failed) || failed.Code != sources.CodeRemoteSchemaError || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}

func FuzzLoadIntrospection(f *testing.F) {
	f.Add([]byte(everything))
	f.Fuzz(func(_ *testing.T, data []byte) {
		if schema, err := LoadIntrospection(data); err == nil {
			sdl(schema)
		}
	})
}

// TestIntrospectOlderServer has servers refuse what they don't know, in every
// way in which they do.
func TestIntrospectOlderServer(t *testing.T) {
	for name, refuse := range map[string]http.HandlerFunc{
		"errors with 200":    answering(http.StatusOK, "application/json", `{"errors":[{"message":"no such field"}]}`),
		"errors with 400":    answering(http.StatusBadRequest, "application/json", `{"errors":[{"message":"no such field"}]}`),
		"errors with 422":    answering(http.StatusUnprocessableEntity, "application/graphql-response+json", `{"errors":[{"message":"no such field"}]}`),
		"400 with some text": answering(http.StatusBadRequest, "text/plain", "no such field"),
	} {
		for field, want := range map[string]int{"isOneOf": 2, "specifiedByURL": 3} {
			t.Run(name+" for "+field, func(t *testing.T) {
				queries := 0
				url := peer(t, func(w http.ResponseWriter, r *http.Request) {
					var body struct {
						Query string `json:"query"`
					}
					if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
						t.Error(err)
					}
					if queries++; strings.Contains(body.Query, field) {
						refuse(w, r)
						return
					}
					answering(http.StatusOK, "application/json", `{"data":`+everything+`}`)(w, r)
				})
				schema, err := openSource(t, Config{URL: url}).Introspect(t.Context())
				if err != nil || schema.Upstream.Types["Cat"] == nil || queries != want {
					t.Errorf("%v after %d queries", err, queries)
				}
			})
		}
	}
}

// TestIntrospectIsNotTriedAgain has servers answer that no other query would
// fare better.
func TestIntrospectIsNotTriedAgain(t *testing.T) {
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests, http.StatusBadGateway} {
		queries := 0
		url := peer(t, func(w http.ResponseWriter, r *http.Request) {
			queries++
			answering(status, "application/json", `{"errors":[{"message":"not you"}]}`)(w, r)
		})
		_, err := openSource(t, Config{URL: url}).Introspect(t.Context())
		want := fmt.Sprintf("introspection query failed with HTTP status %d: not you", status)
		if err == nil || !strings.Contains(err.Error(), want) || queries != 1 {
			t.Errorf("%v after %d queries, want %s", err, queries, want)
		}
	}
}

func TestIntrospectFailures(t *testing.T) {
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"HTML":           {answering(200, "text/html; charset=utf-8", "<html>"), `Remote server response is not valid JSON: HTTP status 200, content type "text/html"`},
		"error page":     {answering(503, "text/html", "<html>down</html>"), `introspection query failed: HTTP status 503, content type "text/html"`},
		"refused":        {answering(200, "application/json", `{"errors":[{"message":"introspection is disabled"}]}`), "introspection query failed: introspection is disabled"},
		"nothing":        {answering(200, "application/json", `{"data":null}`), `Missing "data" field`},
		"no query root":  {answering(200, "application/json", `{"data":{"__schema":{"types":[]}}}`), "query root does not exist"},
		"aborted":        {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "HTTP exception occurred while sending the request to"},
		"redirected":     {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusFound) }, "redirects in a way that loses"},
		"another status": {answering(204, "", ""), "status 204"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openSource(t, Config{URL: peer(t, test.handler)}).Introspect(t.Context())
			var failed *sources.Error
			if !errors.As(err, &failed) || failed.Code != sources.CodeRemoteSchemaError || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
}

func TestIntrospectSendsConfiguredHeaders(t *testing.T) {
	service := startService(t)
	source := openSource(t, Config{URL: service.URL, Headers: []Header{{"X-Api-Key", "secret"}}})
	if _, err := source.Introspect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := service.header.Load().Get("X-Api-Key"); got != "secret" {
		t.Errorf("%q", got)
	}
}

func TestResolve(t *testing.T) {
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"HOST": "http://h:1", "URL": "https://u/graphql", "BAD": "nowhere", "KEY": "k", "LINES": "a\nb"}[name]
		return v, ok
	}
	for _, test := range []struct {
		def       URLDefinition
		url, want string
	}{
		{URLDefinition{URL: "{{HOST}}/graphql"}, "http://h:1/graphql", "{{HOST}}/graphql"},
		{URLDefinition{URL: "{{ HOST }}/{{KEY}}"}, "http://h:1/k", "{{ HOST }}/{{KEY}}"},
		{URLDefinition{URLFromEnv: "URL"}, "https://u/graphql", "URL"},
		{URLDefinition{URLFromEnv: "URL", URL: "x"}, "", "both `url` and `url_from_env` can't be present"},
		{URLDefinition{}, "", "both `url` and `url_from_env` can't be empty"},
		{URLDefinition{URLFromEnv: "NONE"}, "", "environment variable 'NONE' not set"},
		{URLDefinition{URLFromEnv: "BAD"}, "", "not a valid URI in environment variable: BAD"},
		{URLDefinition{URL: "{{NONE}}/{{NIL}}"}, "", "Value for environment variables not found: NONE, NIL"},
		{URLDefinition{URL: "ftp://x"}, "", "not a valid URI generated from the template: ftp://x"},
	} {
		url, display, err := ResolveURL(test.def, env)
		if err != nil {
			display = err.Error()
		}
		if url != test.url || display != test.want {
			t.Errorf("%+v: %s %s", test.def, url, display)
		}
	}
	headers, err := ResolveHeaders([]HeaderDefinition{{Name: "A", Value: "x {{KEY}}"}, {Name: "B", ValueFromEnv: "KEY"}}, env)
	if err != nil || fmt.Sprint(headers) != "[{A x k} {B k}]" {
		t.Errorf("%v %v", headers, err)
	}
	for _, def := range []HeaderDefinition{{Name: "A", ValueFromEnv: "NONE"}, {Name: "A b"}, {}, {Name: "A", ValueFromEnv: "LINES"}, {Name: "host", Value: "x"}} {
		if _, err := ResolveHeaders([]HeaderDefinition{def}, env); err == nil {
			t.Errorf("%+v is accepted", def)
		}
	}
}
