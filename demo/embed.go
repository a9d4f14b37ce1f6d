// Package demo holds the files of the demo: a music shop whose catalogue, sales
// and reviews live in three places.
package demo

import _ "embed"

// Metadata is the demo's metadata document. {{DATA}} stands for the folder of
// the databases and {{REVIEWS}} for the review service's URL.
//
//go:embed metadata.json
var Metadata string

// Catalog makes and fills the database of artists and albums.
//
//go:embed catalog.sql
var Catalog string

// Sales makes and fills the database of customers and orders.
//
//go:embed sales.sql
var Sales string

// Reviews is what the review service knows, a JSON list.
//
//go:embed reviews.json
var Reviews []byte

// ReviewsSchema is the review service's GraphQL schema.
//
//go:embed reviews.graphql
var ReviewsSchema string
