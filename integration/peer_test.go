package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/graph-gophers/graphql-go"
	"github.com/graph-gophers/graphql-go/relay"

	"dovetail/internal/testengine"
)

// peerKind is whose server it is.
type peerKind string

const (
	apollo  peerKind = "apollo"
	gophers peerKind = "gophers"
)

// apolloServer has Apollo Server and what it serves.
func apolloServer() testengine.Node {
	return testengine.Node{Folder: "peers", Packages: []string{"@apollo/server"}, Prefix: "integration/peers"}
}

// startPeer starts a server for a fixture in peers: NAME.graphql, NAME.json.
func startPeer(t *testing.T, kind peerKind, fixture string) *testengine.Peer {
	t.Helper()
	if kind == apollo {
		return testengine.NewPeer(t, apolloServer().Start(t, "apollo.mjs", fixture))
	}
	return testengine.NewPeer(t, startGophers(t, fixture))
}

// startGophers serves a fixture with graph-gophers/graphql-go in this process.
func startGophers(t *testing.T, fixture string) string {
	t.Helper()
	if fixture != "reviews" {
		t.Fatalf("no resolvers for %s", fixture)
	}
	resolver := &reviewsRoot{}
	readFile(t, filepath.Join("peers", fixture+".json"), &resolver.all)
	sdl, err := os.ReadFile(filepath.Join("peers", fixture+".graphql"))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := graphql.ParseSchema(string(sdl), resolver, graphql.UseFieldResolvers(), graphql.MaxParallelism(100))
	if err != nil {
		t.Fatal(err)
	}
	serve := &relay.Handler{Schema: schema}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serve.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), headerKey{}, r.Header)))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

type headerKey struct{}

func readFile(t *testing.T, path string, into any) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	decode(t, content, into)
}

// decode refuses keys that the target doesn't have.
func decode(t *testing.T, document []byte, into any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%v: %.300s", err, document)
	}
}

// review, score and word are the types of the reviews fixture.
type review struct {
	ID     graphql.ID `json:"id"`
	Album  int32      `json:"album"`
	Person *int32     `json:"person"`
	Stars  int32      `json:"stars"`
	Text   string     `json:"text"`
}

type score struct{ Album, Count, Stars int32 }

type word struct{ Word string }

type headline struct{ value any }

func (h *headline) ToReview() (*review, bool) { r, ok := h.value.(*review); return r, ok }
func (h *headline) ToWord() (*word, bool)     { w, ok := h.value.(*word); return w, ok }

// reviewsRoot resolves the reviews fixture's query root.
type reviewsRoot struct{ all []*review }

func (r *reviewsRoot) Review(arguments struct{ ID graphql.ID }) *review {
	for _, one := range r.all {
		if one.ID == arguments.ID {
			return one
		}
	}
	return nil
}

func (r *reviewsRoot) Reviews(arguments struct {
	Album          int32
	Limit, AtLeast *int32
},
) []*review {
	found := []*review{}
	for _, one := range r.all {
		if one.Album == arguments.Album && (arguments.AtLeast == nil || one.Stars >= *arguments.AtLeast) {
			found = append(found, one)
		}
	}
	if arguments.Limit != nil {
		found = found[:min(len(found), int(*arguments.Limit))]
	}
	return found
}

func (r *reviewsRoot) ReviewsOfAlbums(arguments struct{ Albums []int32 }) []*review {
	found := []*review{}
	for _, one := range r.all {
		if slices.Contains(arguments.Albums, one.Album) {
			found = append(found, one)
		}
	}
	return found
}

func (r *reviewsRoot) Score(arguments struct{ Album int32 }) *score {
	sum := score{Album: arguments.Album}
	for _, one := range r.all {
		if one.Album == arguments.Album {
			sum.Count++
			sum.Stars += one.Stars
		}
	}
	if sum.Count == 0 {
		return nil
	}
	sum.Stars /= sum.Count
	return &sum
}

func (r *reviewsRoot) Scores(arguments struct{ Albums []int32 }) []*score {
	found := []*score{}
	for i, album := range arguments.Albums {
		one := r.Score(struct{ Album int32 }{album})
		if one != nil && !slices.Contains(arguments.Albums[:i], album) {
			found = append(found, one)
		}
	}
	return found
}

func (r *reviewsRoot) Headline() *headline {
	if len(r.all) == 0 {
		return &headline{&word{"nothing"}}
	}
	return &headline{r.all[len(r.all)-1]}
}

func (r *reviewsRoot) Header(ctx context.Context, arguments struct{ Name string }) *string {
	header, ok := ctx.Value(headerKey{}).(http.Header)
	if !ok || header.Get(arguments.Name) == "" {
		return nil
	}
	value := header.Get(arguments.Name)
	return &value
}

func (r *reviewsRoot) Broken(struct{ Album int32 }) (*string, error) {
	return nil, errors.New("out of order")
}

func TestPeersAgree(t *testing.T) {
	servers := []*testengine.Peer{startPeer(t, gophers, "reviews"), startPeer(t, apollo, "reviews")}
	for _, query := range []string{
		`{reviews(album: 1, limit: 2, atLeast: 4) {id stars text person}}`,
		`{score(album: 2) {stars} scores(albums: [1, 2, 1, 3]) {album count stars}}`,
		`{reviewsOfAlbums(albums: [3, 1]) {id album}}`,
		`{headline {__typename ... on Review {id} ... on Word {word}}}`,
		`{header(name: "x-one")}`,
	} {
		var answers []string
		for _, server := range servers {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(string(testengine.Body(t, query, nil))))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("X-One", "two")
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			if err := response.Body.Close(); err != nil {
				t.Error(err)
			}
			answers = append(answers, strings.TrimSpace(string(body)))
			if requests := server.Take(); len(requests) != 1 {
				t.Errorf("%d requests counted, want 1", len(requests))
			}
		}
		if answers[0] != answers[1] || strings.Contains(answers[0], "errors") {
			t.Errorf("%s\ngophers %s\napollo  %s", query, answers[0], answers[1])
		}
	}
}
