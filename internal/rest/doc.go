// Package rest looks at stored queries without running them: what of a schema
// the queries of collections select, what of it is missing, and how the REST
// endpoints made of them read as an OpenAPI 3.0 document.
package rest
