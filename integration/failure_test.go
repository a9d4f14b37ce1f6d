package integration_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"dovetail/internal/testengine"
	"dovetail/internal/testpostgres"
)

// graphqlAnswer is an answer's outline.
type graphqlAnswer struct {
	Data   json.RawMessage `json:"data"`
	Errors []graphqlError  `json:"errors"`
}

type graphqlError struct {
	Message    string            `json:"message"`
	Path       []json.RawMessage `json:"path"`
	Extensions struct {
		Code string `json:"code"`
		Path string `json:"path"`
	} `json:"extensions"`
}

func decodeAnswer(t *testing.T, received []byte) graphqlAnswer {
	t.Helper()
	var decoded graphqlAnswer
	if err := json.Unmarshal(received, &decoded); err != nil {
		t.Fatalf("not a GraphQL answer: %v: %s", err, received)
	}
	return decoded
}

func postgresLayout() layout { return layout{kinds: []string{"postgres"}, peer: gophers} }

func shop(t *testing.T, where layout) *world {
	t.Helper()
	return readFixture(t, filepath.Join("testdata", "cases", "shop")).build(t, where)
}

// wantSpoilt checks that a failed fetch left the rest of the answer alone and is
// reported once, naming its source.
func wantSpoilt(t *testing.T, received []byte, data, source string) {
	t.Helper()
	decoded := decodeAnswer(t, received)
	if got := testengine.Compact(t, decoded.Data); got != data {
		t.Errorf("data is  %s\nwant     %s", got, data)
	}
	if len(decoded.Errors) != 1 {
		t.Errorf("%d errors, want 1: %s", len(decoded.Errors), received)
		return
	}
	one := decoded.Errors[0]
	if one.Message == "" || one.Extensions.Code == "" {
		t.Errorf("an error without message or code: %s", received)
	}
	if len(one.Path) == 0 && one.Extensions.Path == "" {
		t.Errorf("an error without path: %s", received)
	}
	if !strings.Contains(string(received), source) {
		t.Errorf("the error doesn't name its source, %s: %s", source, received)
	}
}

func TestFailedServiceSpoilsItsFieldOnly(t *testing.T) {
	for _, test := range []struct {
		name   string
		behave testengine.Behaviour
	}{
		{"html", testengine.Answer(http.StatusOK, "text/html", "<html><body>Welcome</body></html>")},
		{"html with status 502", testengine.Answer(http.StatusBadGateway, "text/html", "<html>Bad Gateway</html>")},
		{"empty", testengine.Answer(http.StatusOK, "application/json", "")},
		{"half", testengine.Answer(http.StatusOK, "application/json", `{"data":{"_0":{"stars":`)},
		{"not an object", testengine.Answer(http.StatusOK, "application/json", `[1]`)},
		{"no data", testengine.Answer(http.StatusOK, "application/json", `{}`)},
		{"data null", testengine.Answer(http.StatusOK, "application/json", `{"data":null}`)},
		{"errors", testengine.Answer(http.StatusOK, "application/json", `{"errors":[{"message":"no"}],"data":null}`)},
		{"other keys", testengine.Answer(http.StatusOK, "application/json", `{"data":{"unasked":1}}`)},
		{"deep", testengine.Answer(http.StatusOK, "application/json", `{"data":`+strings.Repeat("[", 200_000)+strings.Repeat("]", 200_000)+`}`)},
		{"gone", func(w http.ResponseWriter, _ *http.Request) bool {
			connection, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = connection.Close() // closing is the point
			}
			return false
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := shop(t, postgresLayout())
			w.peers["reviews"].Set(test.behave)
			got := w.engine.GraphQL(t, nil, `{album(where: {id: {_in: [1, 3]}}, order_by: {id: asc}) {title score {stars} artist {name}}}`)
			wantSpoilt(t, got, `{"album":[{"title":"First","score":null,"artist":{"name":"Ada"}},{"title":"Third","score":null,"artist":{"name":"Ada"}}]}`, "reviews")
			w.peers["reviews"].Set(nil)
			again := w.engine.GraphQL(t, nil, `{album(where: {id: {_eq: 3}}) {score {stars}}}`)
			if want := `{"data":{"album":[{"score":{"stars":2}}]}}`; testengine.Compact(t, again) != want {
				t.Errorf("after that: %s, want %s", again, want)
			}
		})
	}
}

// An error that the service itself reports goes on to the client.
func TestServiceErrorSpoilsItsFieldOnly(t *testing.T) {
	w := shop(t, postgresLayout())
	decoded := decodeAnswer(t, w.engine.GraphQL(t, nil, `{album(where: {id: {_eq: 1}}) {title} broken(album: 1)}`))
	if got, want := testengine.Compact(t, decoded.Data), `{"album":[{"title":"First"}],"broken":null}`; got != want {
		t.Errorf("data %s, want %s", got, want)
	}
	if len(decoded.Errors) != 1 || decoded.Errors[0].Message != "out of order" || len(decoded.Errors[0].Path) != 1 {
		t.Errorf("errors %v", decoded.Errors)
	}
}

func TestSlowServiceTimesOut(t *testing.T) {
	w := readFixture(t, filepath.Join("testdata", "cases", "shop"))
	schemas := list(w.metadata["remote_schemas"])
	object(t, object(t, schemas[0])["definition"])["timeout_seconds"] = 1
	built := w.build(t, postgresLayout())
	built.peers["reviews"].Set(testengine.Slow(30 * time.Second))
	begin := time.Now()
	got := built.engine.GraphQL(t, nil, `{album(where: {id: {_eq: 1}}) {title score {stars}}}`)
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("took %s with a time-out of 1 s", took)
	}
	wantSpoilt(t, got, `{"album":[{"title":"First","score":null}]}`, "reviews")
}

func TestDatabaseDownSpoilsItsFieldOnly(t *testing.T) {
	w := shop(t, postgresLayout())
	query := `{track(where: {id: {_eq: 1}}) {title album {title}}}`
	w.databases["library"].Cut()
	wantSpoilt(t, w.engine.GraphQL(t, nil, query), `{"track":[{"title":"one a","album":null}]}`, "library")
	w.databases["library"].Mend()
	if got, want := testengine.Compact(t, w.engine.GraphQL(t, nil, query)), `{"data":{"track":[{"title":"one a","album":{"title":"First"}}]}}`; got != want {
		t.Errorf("after that: %s, want %s", got, want)
	}
}

// TestDownDatabaseSpoilsAllThatShareItsStatement has lookups at several depths
// share the statement that can't be asked.
func TestDownDatabaseSpoilsAllThatShareItsStatement(t *testing.T) {
	w := readFixture(t, filepath.Join("testdata", "cases", "union")).build(t, postgresLayout())
	query := `{album(where: {id: {_lt: 3}}, order_by: {id: asc}) {author {name} editor {id name} reviews(order_by: {id: asc}) {stars author {email}}}}`
	w.databases["people"].Cut()
	decoded := decodeAnswer(t, w.engine.GraphQL(t, nil, query))
	if got, want := testengine.Compact(t, decoded.Data), `{"album":[{"author":null,"editor":null,"reviews":[{"stars":5,"author":null},{"stars":4,"author":null}]},`+
		`{"author":null,"editor":null,"reviews":[{"stars":3,"author":null}]}]}`; got != want {
		t.Errorf("data is %s\nwant    %s", got, want)
	}
	var paths []string
	for _, e := range decoded.Errors {
		text, err := json.Marshal(e.Path)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, string(text))
	}
	if got, want := strings.Join(paths, " "), `["album",0,"author"] ["album",0,"editor"] ["album",0,"reviews",0,"author"]`; got != want {
		t.Errorf("errors at %s, want %s", got, want)
	}
	w.databases["people"].Mend()
	w.take()
	if decoded := decodeAnswer(t, w.engine.GraphQL(t, nil, query)); len(decoded.Errors) > 0 {
		t.Errorf("after that: %v", decoded.Errors)
	}
	if asked := w.take(); len(asked["people"]) != 1 {
		t.Errorf("asked %s", describe(asked))
	}
}

func TestDownDatabaseAtStartIsAnInconsistency(t *testing.T) {
	f := readFixture(t, filepath.Join("testdata", "cases", "across"))
	document := f.document(t, nil)
	w := &world{fixture: f, databases: map[string]*testengine.PostgresProxy{}}
	w.spread(t, document, []string{"postgres"})
	w.databases["work"].Cut()
	e := testengine.Start(t, testengine.Options{})
	body, err := json.Marshal(map[string]any{
		"type": "replace_metadata", "version": 2, "args": map[string]any{"allow_inconsistent_metadata": true, "metadata": document},
	})
	if err != nil {
		t.Fatal(err)
	}
	status, received := e.Post(t, "/v1/metadata", nil, body)
	if status != http.StatusOK || !strings.Contains(string(received), `"is_consistent":false`) {
		t.Errorf("status %d: %s", status, received)
	}
	if got, want := testengine.Compact(t, e.GraphQL(t, nil, `{team(order_by: {id: asc}) {name}}`)), `{"data":{"team":[{"name":"red"},{"name":"blue"}]}}`; got != want {
		t.Errorf("the rest serves: %s, want %s", got, want)
	}
}

// Four siblings, each 200 ms away, take little more than one; the bound is
// generous for slow machines and far below the sum.
func TestSiblingsRunAtTheSameTime(t *testing.T) {
	w := shop(t, postgresLayout())
	query := `{album(where: {id: {_in: [1, 2, 3]}}) {title artist {name} tracks {title} purchases {price} score {stars}}}`
	w.engine.GraphQL(t, nil, query) // connections and plans exist now
	w.databases["catalog"].SetDelay(200 * time.Millisecond)
	w.databases["sales"].SetDelay(200 * time.Millisecond)
	w.peers["reviews"].Set(testengine.Slow(200 * time.Millisecond))
	w.take()
	begin := time.Now()
	got := w.engine.GraphQL(t, nil, query)
	took := time.Since(begin)
	if decoded := decodeAnswer(t, got); len(decoded.Errors) > 0 {
		t.Errorf("errors: %s", got)
	}
	asked := w.take()
	if len(asked["catalog"]) != 2 || len(asked["sales"]) != 1 || len(asked["reviews"]) != 1 || len(asked["library"]) != 1 {
		t.Errorf("asked %s", describe(asked))
	}
	t.Logf("4 siblings at 200 ms took %s", took)
	if took > 600*time.Millisecond {
		t.Errorf("took %s, though each of the siblings takes 200 ms", took)
	}
}

// A client that goes away cancels what it caused, down to the database.
func TestClientGoneCancelsStatements(t *testing.T) {
	for _, query := range []string{
		`{slow {id}}`,
		`{person(where: {id: {_eq: 1}}) {name slow {id}}}`,
	} {
		t.Run(query, func(t *testing.T) {
			w, database := slowWorld(t)
			ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
			defer cancel()
			received, err := w.engine.Try(ctx, http.MethodPost, "/v1/graphql", nil, testengine.Body(t, query, nil))
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("the query should have been too slow: %v: %v", err, received)
			}
			deadline := time.Now().Add(10 * time.Second)
			for sleeping(t, database) > 0 {
				if time.Now().After(deadline) {
					t.Fatal("the statement is still running 10 s after its client has gone")
				}
				time.Sleep(50 * time.Millisecond)
			}
		})
	}
}

// slowWorld has a view that takes a minute to read, and gives its database.
func slowWorld(t *testing.T) (*world, string) {
	t.Helper()
	f := readFixture(t, filepath.Join("testdata", "cases", "across"))
	document := f.document(t, nil)
	w := &world{fixture: f, databases: map[string]*testengine.PostgresProxy{}}
	w.spread(t, document, []string{"postgres"})
	database := testpostgres.Database(t)
	testpostgres.Execute(t, database, `CREATE VIEW slow AS SELECT 1 AS id FROM pg_sleep(60)`)
	document["sources"] = append(list(document["sources"]), map[string]any{
		"name": "slow", "kind": "postgres", "tables": []any{map[string]any{"table": "slow"}}, "configuration": postgresConfiguration(database),
	})
	people := find(t, document["sources"], "name", "people")
	person := find(t, people["tables"], "table", "person")
	person["remote_relationships"] = append(list(person["remote_relationships"]), map[string]any{
		"name": "slow", "definition": map[string]any{"to_source": map[string]any{
			"relationship_type": "array", "source": "slow", "table": "slow", "field_mapping": map[string]any{"id": "id"},
		}},
	})
	w.engine = testengine.Start(t, testengine.Options{})
	w.engine.Apply(t, nil, document)
	return w, database
}

// sleeping counts the statements in a database that sleep.
func sleeping(t *testing.T, database string) int {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	var count int
	err = connection.QueryRow(t.Context(),
		`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND wait_event = 'PgSleep'`).Scan(&count)
	if err != nil {
		t.Fatal(err)
	}
	if err := connection.Close(t.Context()); err != nil {
		t.Error(err)
	}
	return count
}
