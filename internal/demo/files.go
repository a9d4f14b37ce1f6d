package demo

import _ "embed"

// metadataJSON is the demo's metadata document. {{DATA}} stands for the folder of
// the databases and {{REVIEWS}} for the review service's URL.
//
//go:embed files/metadata.json
var metadataJSON string

// CatalogSQL makes and fills the database of artists and albums.
//
//go:embed files/catalog.sql
var CatalogSQL string

// SalesSQL makes and fills the database of customers and orders.
//
//go:embed files/sales.sql
var SalesSQL string

// reviewsJSON is what the review service knows, a JSON list.
//
//go:embed files/reviews.json
var reviewsJSON []byte

// reviewsSchema is the review service's GraphQL schema.
//
//go:embed files/reviews.graphql
var reviewsSchema string
