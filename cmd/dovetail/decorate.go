//go:build !decorated

package main

import "dovetail/sources"

// decorate returns the decorator of all sources: none; decorate_counting.go has
// one for tests.
func decorate() func(sources.Source) sources.Source { return nil }
