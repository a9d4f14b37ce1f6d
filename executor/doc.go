// Package executor runs plans: fragments as soon as their keys exist, sibling
// joins in parallel, a key of a lookup once per request. It knows neither how
// plans are made nor which sources exist.
package executor
