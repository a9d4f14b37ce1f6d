package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/graph-gophers/dataloader/v7"
	"github.com/graph-gophers/graphql-go"
	"github.com/graph-gophers/graphql-go/relay"
)

// batchWait is how long a loader collects keys. The fields of one request are
// resolved at the same time, so little is enough.
const batchWait = 2 * time.Millisecond

// maxRequestBody bounds a request to the review service, in bytes.
const maxRequestBody = 16 << 20

// review is a review as stored, and as GraphQL resolves it.
type review struct {
	ID         int32  `json:"id"`
	AlbumID    int32  `json:"albumId"`
	CustomerID *int32 `json:"customerId"`
	Rating     int32  `json:"rating"`
	Text       string `json:"text"`
	WrittenOn  string `json:"writtenOn"`
}

// rating sums up an album's reviews.
type rating struct {
	AlbumID int32
	Count   int32
	Average float64
}

// reviewStore stands for the service's database: it answers for many keys at
// once, and counts how often it is asked.
type reviewStore struct {
	newestFirst []*review
	lookups     atomic.Int64
}

func newReviewStore(document []byte) (*reviewStore, error) {
	var store reviewStore
	if err := json.Unmarshal(document, &store.newestFirst); err != nil {
		return nil, fmt.Errorf("read the demo's reviews: %w", err)
	}
	slices.SortFunc(store.newestFirst, func(a, b *review) int {
		return cmp.Or(cmp.Compare(b.WrittenOn, a.WrittenOn), cmp.Compare(b.ID, a.ID))
	})
	return &store, nil
}

// by finds the reviews for many keys in one lookup, newest first.
func (s *reviewStore) by(keys []int32, key func(*review) *int32) map[int32][]*review {
	s.lookups.Add(1)
	found := make(map[int32][]*review, len(keys))
	for _, k := range keys {
		found[k] = nil
	}
	for _, r := range s.newestFirst {
		k := key(r)
		if k == nil {
			continue
		}
		if _, wanted := found[*k]; wanted {
			found[*k] = append(found[*k], r)
		}
	}
	return found
}

func byAlbum(r *review) *int32    { return &r.AlbumID }
func byCustomer(r *review) *int32 { return r.CustomerID }

// loaders collect what the fields of one request ask for, so that a request
// with many aliases of one field is one lookup in the store.
type loaders struct {
	album    *dataloader.Loader[int32, []*review]
	customer *dataloader.Loader[int32, []*review]
}

type loadersKey struct{}

func newLoaders(store *reviewStore, wait time.Duration) *loaders {
	loader := func(key func(*review) *int32) *dataloader.Loader[int32, []*review] {
		batch := func(_ context.Context, keys []int32) []*dataloader.Result[[]*review] {
			found := store.by(keys, key)
			results := make([]*dataloader.Result[[]*review], len(keys))
			for i, k := range keys {
				results[i] = &dataloader.Result[[]*review]{Data: found[k]}
			}
			return results
		}
		return dataloader.NewBatchedLoader(batch, dataloader.WithWait[int32, []*review](wait))
	}
	return &loaders{album: loader(byAlbum), customer: loader(byCustomer)}
}

// reviewsResolver resolves the service's query root.
type reviewsResolver struct{ store *reviewStore }

// ReviewsHandler is the review service: GraphQL over HTTP.
func ReviewsHandler() (http.Handler, error) {
	store, err := newReviewStore(reviewsJSON)
	if err != nil {
		return nil, err
	}
	return newReviewsHandler(store, batchWait)
}

func newReviewsHandler(store *reviewStore, wait time.Duration) (http.Handler, error) {
	schema, err := graphql.ParseSchema(reviewsSchema, &reviewsResolver{store}, graphql.UseFieldResolvers(), graphql.MaxParallelism(1000))
	if err != nil {
		return nil, fmt.Errorf("read the demo's review schema: %w", err)
	}
	serve := &relay.Handler{Schema: schema}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /graphql", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxRequestBody)
		// Loaders cache: a request must not see another's.
		serve.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), loadersKey{}, newLoaders(store, wait))))
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	return mux, nil
}

func requestLoaders(ctx context.Context) (*loaders, error) {
	found, ok := ctx.Value(loadersKey{}).(*loaders)
	if !ok {
		return nil, errors.New("no loaders in the context of the request")
	}
	return found, nil
}

// Review resolves review(id).
func (r *reviewsResolver) Review(arguments struct{ ID int32 }) *review {
	for _, found := range r.store.newestFirst {
		if found.ID == arguments.ID {
			return found
		}
	}
	return nil
}

// LatestReviews resolves latestReviews(limit).
func (r *reviewsResolver) LatestReviews(arguments struct{ Limit int32 }) ([]*review, error) {
	return limited(r.store.newestFirst, &arguments.Limit)
}

// AlbumReviews resolves albumReviews(albumId, limit, minimumRating).
func (r *reviewsResolver) AlbumReviews(ctx context.Context, arguments struct {
	AlbumID              int32
	Limit, MinimumRating *int32
},
) ([]*review, error) {
	load, err := requestLoaders(ctx)
	if err != nil {
		return nil, err
	}
	found, err := load.album.Load(ctx, arguments.AlbumID)()
	if err != nil {
		return nil, err
	}
	good := make([]*review, 0, len(found))
	for _, one := range found {
		if arguments.MinimumRating == nil || one.Rating >= *arguments.MinimumRating {
			good = append(good, one)
		}
	}
	return limited(good, arguments.Limit)
}

// AlbumRating resolves albumRating(albumId).
func (r *reviewsResolver) AlbumRating(ctx context.Context, arguments struct{ AlbumID int32 }) (*rating, error) {
	load, err := requestLoaders(ctx)
	if err != nil {
		return nil, err
	}
	found, err := load.album.Load(ctx, arguments.AlbumID)()
	if err != nil {
		return nil, err
	}
	return rate(arguments.AlbumID, found), nil
}

// AlbumRatings resolves albumRatings(albumIds).
func (r *reviewsResolver) AlbumRatings(ctx context.Context, arguments struct{ AlbumIDs []int32 }) ([]*rating, error) {
	load, err := requestLoaders(ctx)
	if err != nil {
		return nil, err
	}
	keys := distinct(arguments.AlbumIDs)
	ratings := make([]*rating, 0, len(keys))
	found, errs := load.album.LoadMany(ctx, keys)()
	if len(errs) > 0 {
		return nil, errs[0]
	}
	for i, key := range keys {
		if one := rate(key, found[i]); one != nil {
			ratings = append(ratings, one)
		}
	}
	return ratings, nil
}

// CustomerReviews resolves customerReviews(customerId).
func (r *reviewsResolver) CustomerReviews(ctx context.Context, arguments struct{ CustomerID int32 }) ([]*review, error) {
	load, err := requestLoaders(ctx)
	if err != nil {
		return nil, err
	}
	return load.customer.Load(ctx, arguments.CustomerID)()
}

// ReviewsByCustomerIDs resolves reviewsByCustomerIds(customerIds).
func (r *reviewsResolver) ReviewsByCustomerIDs(ctx context.Context, arguments struct{ CustomerIDs []int32 }) ([]*review, error) {
	load, err := requestLoaders(ctx)
	if err != nil {
		return nil, err
	}
	found, errs := load.customer.LoadMany(ctx, distinct(arguments.CustomerIDs))()
	if len(errs) > 0 {
		return nil, errs[0]
	}
	return slices.Concat(found...), nil
}

// rate gives nil for an album without reviews.
func rate(album int32, reviews []*review) *rating {
	if len(reviews) == 0 {
		return nil
	}
	var sum float64
	for _, one := range reviews {
		sum += float64(one.Rating)
	}
	return &rating{AlbumID: album, Count: int32(len(reviews)), Average: math.Round(sum/float64(len(reviews))*10) / 10}
}

func limited(reviews []*review, limit *int32) ([]*review, error) {
	if limit == nil {
		return reviews, nil
	}
	if *limit < 0 {
		return nil, fmt.Errorf("limit must not be negative, but is %d", *limit)
	}
	return reviews[:min(int(*limit), len(reviews))], nil
}

// distinct keeps the order.
func distinct(keys []int32) []int32 {
	seen := make(map[int32]bool, len(keys))
	return slices.DeleteFunc(slices.Clone(keys), func(key int32) bool {
		again := seen[key]
		seen[key] = true
		return again
	})
}
