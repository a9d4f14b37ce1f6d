// Package sources holds the contract between the engine and what it reads
// from: what a source tells of itself, how a fragment is compiled and run, and
// the errors a source answers with. The sources themselves live below this
// folder (databases) and in remoteschema (GraphQL services).
package sources
