package remoteschema

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gophers "github.com/graph-gophers/graphql-go"
	"github.com/graph-gophers/graphql-go/relay"
)

const serviceSDL = `
schema { query: TheQuery mutation: TheMutation }
"Everything that can be asked."
type TheQuery {
  album(id: ID!): Album
  "Some albums, in no particular order."
  albums(ids: [ID!]!): [Album]!
  albumsOf(artists: [Int!]!): [Album!]!
  artist(id: Int!): Artist
  search(text: String = "all", first: Int! = 10): [SearchResult!]!
  node(id: ID!): Node
  filtered(where: AlbumFilter!): [Album!]!
  region(code: String!): Region
  broken(id: ID!): Album
  strict(id: ID!): String!
  slow(milliseconds: Int!): String
  huge(kilobytes: Int!): String
  echo(value: JSON, number: Int, ratio: Float, flag: Boolean, text: String, genre: Genre, genres: [Genre!], filter: AlbumFilter): String
}
type TheMutation { rename(id: ID!, title: String!): Album }
interface Node { id: ID! }
union SearchResult = Album | Artist
enum Genre { ROCK JAZZ "Gone." POLKA @deprecated(reason: "nobody dances") }
scalar JSON
input AlbumFilter { artist: Int genre: Genre = ROCK title: StringFilter and: [AlbumFilter!] }
input StringFilter { eq: String in: [String!] }
type Album implements Node { id: ID! title: String! artistId: Int genre: Genre! plays: Int! artist: Artist old: String @deprecated(reason: "long ago") }
type Artist implements Node { id: ID! number: Int! name: String! albums: [Album!]! }
type Region { album(id: ID!): Album name: String! deeper: Region }
`

type jsonScalar struct{ value any }

func (jsonScalar) ImplementsGraphQLType(name string) bool { return name == "JSON" }

func (j *jsonScalar) UnmarshalGraphQL(input any) error {
	j.value = input
	return nil
}

type albumRow struct {
	id, title, genre string
	artist           *int32
	plays            int32
}

type artistRow struct {
	number int32
	name   string
}

func albumRows() []albumRow {
	return []albumRow{
		{"a1", "Blue", "JAZZ", new(int32(1)), 11},
		{"a2", "Red \"live\"", "ROCK", new(int32(1)), 22},
		{"a3", "Grün", "ROCK", new(int32(2)), 33},
		{"a4", "Nobody's", "POLKA", nil, 44},
	}
}

func artistRows() []artistRow { return []artistRow{{1, "Ada"}, {2, "Bob"}} }

type resolver struct{}

type albumResolver struct{ albumRow }

func (a *albumResolver) ID() gophers.ID   { return gophers.ID(a.id) }
func (a *albumResolver) Title() string    { return a.title }
func (a *albumResolver) ArtistId() *int32 { return a.artist } //nolint:revive // named by the schema
func (a *albumResolver) Genre() string    { return a.genre }
func (a *albumResolver) Plays() int32     { return a.plays }
func (a *albumResolver) Old() *string     { return nil }
func (a *albumResolver) Artist() *artistResolver {
	if a.artist == nil {
		return nil
	}
	return artist(*a.artist)
}

type artistResolver struct{ artistRow }

func (a *artistResolver) ID() gophers.ID { return gophers.ID("r" + strconv.Itoa(int(a.number))) }
func (a *artistResolver) Number() int32  { return a.number }
func (a *artistResolver) Name() string   { return a.name }
func (a *artistResolver) Albums() []*albumResolver {
	return albumsWhere(func(row albumRow) bool { return row.artist != nil && *row.artist == a.number })
}

func artist(id int32) *artistResolver {
	for _, row := range artistRows() {
		if row.number == id {
			return &artistResolver{row}
		}
	}
	return nil
}

func albumsWhere(wanted func(albumRow) bool) []*albumResolver {
	out := []*albumResolver{}
	for _, row := range albumRows() {
		if wanted(row) {
			out = append(out, &albumResolver{row})
		}
	}
	return out
}

func album(id gophers.ID) *albumResolver {
	for _, a := range albumsWhere(func(row albumRow) bool { return row.id == string(id) }) {
		return a
	}
	return nil
}

func (*resolver) Album(args struct{ ID gophers.ID }) *albumResolver { return album(args.ID) }

func (*resolver) Albums(args struct{ IDs []gophers.ID }) []*albumResolver {
	out := []*albumResolver{}
	for _, id := range slices.Backward(args.IDs) { // deliberately not in the keys' order
		out = append(out, album(id))
	}
	return out
}

func (*resolver) AlbumsOf(args struct{ Artists []int32 }) []*albumResolver {
	return albumsWhere(func(row albumRow) bool {
		for _, id := range args.Artists {
			if row.artist != nil && *row.artist == id {
				return true
			}
		}
		return false
	})
}

func (*resolver) Artist(args struct{ ID int32 }) *artistResolver { return artist(args.ID) }

type searchResult struct{ value any }

func (s *searchResult) ToAlbum() (*albumResolver, bool) {
	a, ok := s.value.(*albumResolver)
	return a, ok
}

func (s *searchResult) ToArtist() (*artistResolver, bool) {
	a, ok := s.value.(*artistResolver)
	return a, ok
}

func (s *searchResult) ID() gophers.ID {
	if a, ok := s.ToAlbum(); ok {
		return a.ID()
	}
	a, _ := s.ToArtist()
	return a.ID()
}

func (*resolver) Search(args struct {
	Text  string
	First int32
},
) []*searchResult {
	var out []*searchResult
	for _, a := range albumsWhere(func(albumRow) bool { return true }) {
		out = append(out, &searchResult{a})
	}
	for _, row := range artistRows() {
		out = append(out, &searchResult{&artistResolver{row}})
	}
	return out[:min(int(args.First), len(out))]
}

func (*resolver) Node(args struct{ ID gophers.ID }) *searchResult {
	if a := album(args.ID); a != nil {
		return &searchResult{a}
	}
	for _, row := range artistRows() {
		if a := (&artistResolver{row}); a.ID() == args.ID {
			return &searchResult{a}
		}
	}
	return nil
}

type stringFilter struct {
	Eq *string
	In *[]string
}

type albumFilter struct {
	Artist *int32
	Genre  string
	Title  *stringFilter
	And    *[]albumFilter
}

func (f albumFilter) matches(row albumRow) bool {
	if f.Artist != nil && (row.artist == nil || *row.artist != *f.Artist) {
		return false
	}
	return f.Title == nil || f.Title.Eq == nil || *f.Title.Eq == row.title
}

func (*resolver) Filtered(args struct{ Where albumFilter }) []*albumResolver {
	return albumsWhere(args.Where.matches)
}

type regionResolver struct{ code string }

func (r *regionResolver) Name() string { return "region " + r.code }

func (r *regionResolver) Album(args struct{ ID gophers.ID }) *albumResolver { return album(args.ID) }

func (r *regionResolver) Deeper() *regionResolver {
	if r.code == "shallow" {
		return nil
	}
	return &regionResolver{r.code + "+"}
}

func (*resolver) Region(args struct{ Code string }) *regionResolver {
	if args.Code == "none" {
		return nil
	}
	return &regionResolver{args.Code}
}

var errBroken = errors.New("this album is broken")

func (*resolver) Broken(args struct{ ID gophers.ID }) (*albumResolver, error) {
	if args.ID == "a2" {
		return nil, errBroken
	}
	return album(args.ID), nil
}

func (*resolver) Strict(struct{ ID gophers.ID }) (string, error) { return "", errBroken }

func (*resolver) Slow(ctx context.Context, args struct{ Milliseconds int32 }) (*string, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(time.Duration(args.Milliseconds) * time.Millisecond):
		done := "done"
		return &done, nil
	}
}

func (*resolver) Huge(args struct{ Kilobytes int32 }) *string {
	text := strings.Repeat("x", int(args.Kilobytes)*1024)
	return &text
}

func (*resolver) Echo(args struct {
	Value  *jsonScalar
	Number *int32
	Ratio  *float64
	Flag   *bool
	Text   *string
	Genre  *string
	Genres *[]string
	Filter *albumFilter
},
) (*string, error) {
	seen := map[string]any{}
	if args.Value != nil {
		seen["value"] = args.Value.value
	}
	raw, err := json.Marshal(struct {
		Value  any      `json:"value,omitempty"`
		Number *int32   `json:"number,omitempty"`
		Ratio  *float64 `json:"ratio,omitempty"`
		Flag   *bool    `json:"flag,omitempty"`
		Text   *string  `json:"text,omitempty"`
		Genre  *string  `json:"genre,omitempty"`
		Genres *[]string
		Filter *albumFilter
	}{seen["value"], args.Number, args.Ratio, args.Flag, args.Text, args.Genre, args.Genres, args.Filter})
	text := string(raw)
	return &text, err
}

func (*resolver) Rename(args struct {
	ID    gophers.ID
	Title string
},
) *albumResolver {
	a := album(args.ID)
	if a != nil {
		a.title = args.Title
	}
	return a
}

// service is a real GraphQL server.
type service struct {
	*httptest.Server
	requests atomic.Int64
	header   atomic.Pointer[http.Header]
}

func startService(tb testing.TB) *service {
	tb.Helper()
	schema, err := gophers.ParseSchema(serviceSDL, &resolver{}, gophers.UseStringDescriptions())
	if err != nil {
		tb.Fatal(err)
	}
	handler := &relay.Handler{Schema: schema}
	s := &service{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		header := r.Header.Clone()
		s.header.Store(&header)
		handler.ServeHTTP(w, r)
	}))
	tb.Cleanup(s.Close)
	return s
}

func openSource(tb testing.TB, config Config) *Source {
	tb.Helper()
	config.Name = "music"
	s, err := Open(config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}
