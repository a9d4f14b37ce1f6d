// Package testengine gives tests a running engine and what it speaks to: the
// binary, built once and known by HTTP only, GraphQL servers of others, and
// databases behind proxies that note what they are asked.
package testengine
